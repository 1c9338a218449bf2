"""What calls on one network share: the backend, compiled programs, how places move, how much fits into memory.

An engine holds nothing of a call. Progress, stop and partial results belong to the call itself (`Execution`), so any
number of threads may use one engine at once.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from saccade.engines.backend import Backend
from saccade.engines.capacity import DEFAULT_MEMORY, FASTEST_BATCH, Question, Widths, examples_within, widths
from saccade.errors import ModelError
from saccade.models.dataflow import Dataflow
from saccade.models.network import Network
from saccade.typing import Array, Tensor

_PROGRAMS = 64
"""How many compiled programs are kept; a caller who makes a new function for every call must not fill the memory."""


_LARGEST_BATCH = 1024
_WORTH_DOUBLING = 1.1
"""Twice as many images at once must be computed this many times as fast to be worth their memory."""
_FEW = 128
"""Up to so many images at once an accelerator must only not become slower: each piece has a cost of its own."""
_NOT_SLOWER = 0.97


class Engine:
    """One network, made ready to be asked.

    Args:
        network: The opened model; it is left as it was found, also after an exception.
        backend: The operations of its framework.
        memory: Bytes that one call may use beyond the model's own; by default 1 GiB, on an accelerator half of what
            is free there.

    Attributes:
        batch: How many images at once are computed fastest; more only cost memory. On an accelerator it is measured
            when the first question of more images than that is asked (`fastest_batch`); None until then.
        traces: How many times a program was traced; a call that only repeats another must not raise it.
    """

    def __init__(self, network: Network, backend: Backend, *, memory: int | None = None) -> None:
        self.network = network
        self.backend = backend
        self.memory = memory or default_memory(backend)
        self.batch: int | None = None if backend.is_accelerator else FASTEST_BATCH
        self.traces = 0
        self._programs: OrderedDict[tuple[Any, ...], Callable[..., Any]] = OrderedDict()
        self._lock = threading.Lock()
        # A data flow takes a run of the model; a size that comes again is not worth it.
        self.dataflow: Callable[[int, int], Dataflow] = lru_cache(maxsize=16)(network.dataflow)
        self._widths = lru_cache(maxsize=64)(self._find_widths)

    def share_between(self, draws: int) -> None:
        """Compute fewer images at once, since each of them is computed so many times."""
        self.memory //= draws
        self.batch = None if self.batch is None else max(1, self.batch // draws)

    def program(self, key: tuple[Any, ...], make: Callable[[], Callable[..., Any]]) -> Callable[..., Any]:
        """The compiled program of that key; made and compiled when it is first asked for.

        Args:
            key: All that the program depends on beside the shapes of its arguments.
            make: Gives the function of tensors to compile. It must hold nothing of a call.
        """
        with self._lock:
            program = self._programs.get(key)
            if program is None:
                program = self._programs[key] = self.backend.compile(self._counted(make()))
            self._programs.move_to_end(key)
            while len(self._programs) > _PROGRAMS:
                self._programs.popitem(last=False)
        return program

    @property
    def programs(self) -> int:
        """How many compiled programs are kept."""
        return len(self._programs)

    def examples(self, images: Array, layers: Sequence[str], question: Question, at: str | None, reserved: int) -> int:
        """How many images are computed together?

        Args:
            images: (images, height, width, channels); only their size counts.
            layers: What is read.
            question: What is asked.
            at: The layer up to which they share one pass, or None.
            reserved: Bytes of the memory allowed that the caller itself holds.
        """
        return examples_within(
            self.memory - reserved,
            self._widths(images.shape[1:], tuple(layers), at),
            question,
            fastest=self.batch or FASTEST_BATCH,
            fast_tensor_bytes=self.backend.fast_tensor_bytes,
        )

    def measure_batch(self, images: Array, layers: Sequence[str]) -> None:
        """Find how many images at once an accelerator computes fastest: twice as many, as long as that pays.

        Args:
            images: (images, height, width, channels); only their size counts.
            layers: What is read.
        """
        batch, speed = FASTEST_BATCH, 0.0
        while batch <= _LARGEST_BATCH:
            try:
                faster = batch / self._seconds(np.zeros((batch, *images.shape[1:]), np.float32), tuple(layers))
            except BaseException as error:
                if not self.backend.is_out_of_memory(error):
                    raise
                break
            if faster < (_NOT_SLOWER if batch <= _FEW else _WORTH_DOUBLING) * speed:
                break
            self.batch, speed = batch, faster
            batch *= 2
        self.batch = self.batch or FASTEST_BATCH

    def _seconds(self, images: Array, layers: tuple[str, ...]) -> float:
        """How long these layers take on images that lie on the device already; the quickest of three, compiled."""
        network, backend = self.network, self.backend

        def read(rows: Tensor) -> list[Tensor]:
            return [
                backend.sum(values, tuple(range(len(values.shape)))) for values in network.run(rows, layers).values()
            ]

        program = self.program(("speed", layers), lambda: read)
        rows = backend.tensor(images)
        seconds = []
        for _ in range(4):
            start = time.perf_counter()
            for total in program(rows):
                backend.array(total)  # waits until it is computed
            seconds.append(time.perf_counter() - start)
        return max(min(seconds[1:]), 1e-9)

    def layer_shape(self, images: Array, layer: str) -> tuple[int, ...]:
        """The shape of a layer's result for one of these images.

        Raises:
            ModelError: It is known only once the layer has run.
        """
        shape = self.network.layers[layer].shape
        if None not in shape:
            return tuple(int(size) for size in shape if size is not None)
        flow = self.dataflow(images.shape[1], images.shape[2])
        if layer in flow.shapes:
            return flow.shapes[layer]
        grid, channels = flow.grid(layer), shape[-1]
        if grid is None or channels is None:
            raise ModelError(f"the size of layer {layer!r} cannot be told before it runs.")
        return (*grid, channels)

    def layer_size(self, images: Array, layer: str) -> int:
        """How many values a layer has for one of these images."""
        return int(np.prod(self.layer_shape(images, layer)))

    def _counted(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*arguments: Any) -> Any:
            self.traces += 1
            return function(*arguments)

        return counted

    def _find_widths(self, size: tuple[int, ...], layers: tuple[str, ...], at: str | None) -> Widths:
        def shape(path: str) -> tuple[int, ...] | None:
            flow = self.dataflow(size[0], size[1])
            grid, channels = flow.grid(path), self.network.layers[path].shape[-1]
            return flow.shapes.get(path) or (None if grid is None else (*grid, channels or 1))

        return widths(self.network.layers, size, layers, at, shape)


def default_memory(backend: Backend) -> int:
    """Bytes that one call may use where nobody says: 1 GiB, or half of what is free on an accelerator."""
    free = backend.free_memory
    return DEFAULT_MEMORY if free is None else max(DEFAULT_MEMORY, free // 2)
