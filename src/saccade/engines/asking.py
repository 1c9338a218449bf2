"""How any question is asked: cut into pieces that fit into memory, compiled once, shown, stopped, halved if need be."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from saccade.engines.capacity import DEFAULT_MEMORY, Question, Widths, examples_within, widths
from saccade.engines.chunks import Chunks, Piece, chunks
from saccade.engines.verbs import Verbs
from saccade.errors import Cancelled, MemoryBudgetError, ModelError
from saccade.models.dataflow import Dataflow
from saccade.models.network import Network
from saccade.typing import Array, Tensor

_Answer = TypeVar("_Answer")


class Asking(Verbs):
    """Work on one network, piece by piece.

    Args:
        network: The opened model; it is left as it was found, also after an exception.
        memory: Bytes that one question may use beyond the model's own.
        device: Where to compute; None leaves it to the framework.
    """

    def __init__(self, network: Network, *, memory: int = DEFAULT_MEMORY, device: str | None = None) -> None:
        self.network = network
        self.memory = memory
        self.device = device
        self.progress: Callable[[int, int], None] | None = None
        self.stop: Callable[[], bool] | None = None
        self.traces = 0
        self._compiled: dict[tuple[Any, ...], Callable[..., Any]] = {}
        # Writing a data flow down runs the model once; a size that comes again is not worth it.
        self.dataflow: Callable[[int, int], Dataflow] = lru_cache(maxsize=16)(network.dataflow)
        self._widths = lru_cache(maxsize=64)(self._find_widths)
        self._held_elsewhere = 0

    # What a framework may say otherwise

    def around(self) -> Any:
        """A context in which the framework computes: the device, no gradients where none are needed."""
        return self.network.inference_mode()

    @property
    def fastest(self) -> int:
        """How many pictures at once are computed fastest; more only cost memory."""
        return 32

    @property
    def swift_bytes(self) -> int | None:
        """How large one tensor may grow before the framework computes slower; None: it does not matter."""
        return None

    # Shared machinery

    @contextmanager
    def holding(self, held: int) -> Iterator[None]:
        """Inside the block the caller keeps so many bytes, which questions leave free within the memory allowed."""
        before = self._held_elsewhere
        self._held_elsewhere = before + held
        try:
            yield
        finally:
            self._held_elsewhere = before

    def _compile(self, key: tuple[Any, ...], make: Callable[[], Callable[..., Any]]) -> Callable[..., Any]:
        if key not in self._compiled:
            plain = make()

            def counted(*arguments: Any) -> Any:
                self.traces += 1
                return plain(*arguments)

            self._compiled[key] = self.compiled(counted)
        return self._compiled[key]

    def _ask(
        self,
        work: Callable[[Chunks], _Answer],
        images: Array,
        points: int,
        layers: Sequence[str],
        question: Question,
        shared: str | None = None,
    ) -> _Answer:
        fixed = self.network.fixed_batch
        examples = self._at_once(images, layers, question, shared)
        while True:
            plan = chunks(len(images), points, examples)
            if fixed is not None:
                plan = _fixed_plan(fixed, len(images), points)
            try:
                with self.around():
                    return work(plan)
            except BaseException as error:
                if not self.is_out_of_memory(error):
                    raise
                if examples == 1 or fixed is not None:
                    raise MemoryBudgetError(
                        "memory ran out on a single picture; give a smaller picture or a machine with more memory."
                    ) from error
                examples = max(1, min(examples, plan.images * plan.points) // 2)
            gc.collect()

    def _pieces(self, plan: Chunks, images: int, points: int) -> Iterator[Piece]:
        total = plan.count(images, points)
        for done, piece in enumerate(plan.pieces(images, points)):
            if self.stop is not None and self.stop():
                raise Cancelled("stopped before it was finished.")
            yield piece
            if self.progress is not None:
                self.progress(done + 1, total)

    def _tensors(self, arrays: Mapping[str, NDArray[Any]]) -> dict[str, Tensor]:
        return {name: self.tensor(values) for name, values in arrays.items()}

    def _layer_shape(self, images: Array, layer: str) -> tuple[int, ...]:
        shape = self.network.layers[layer].shape
        if None not in shape:
            return tuple(int(each) for each in shape if each is not None)
        grid = self.dataflow(images.shape[1], images.shape[2]).grid(layer)
        channels = shape[-1]
        if grid is None or channels is None:
            raise ModelError(f"the size of layer {layer!r} cannot be told before it runs.")
        return (*grid, channels)

    def _sizes(self, images: Array, layers: Sequence[str]) -> dict[str, int]:
        return {layer: int(np.prod(self._layer_shape(images, layer))) for layer in layers}

    def _at_once(self, images: Array, layers: Sequence[str], question: Question, at: str | None = None) -> int:
        """How many pictures are computed together; with `at` they share what lies before that layer."""
        found = self._widths(images.shape[1:], tuple(layers), at)
        memory = self.memory - self._held_elsewhere
        return examples_within(memory, found, question, fastest=self.fastest, swift_bytes=self.swift_bytes)

    def _find_widths(self, size: tuple[int, ...], layers: tuple[str, ...], at: str | None) -> Widths:
        return widths(self.network.layers, size, layers, at, lambda path: self.dataflow(size[0], size[1]).grid(path))


def _fixed_plan(batch: int, images: int, points: int) -> Chunks:
    """The pieces for a model that takes one batch size only."""
    if points >= batch:
        return Chunks(images=1, points=batch)
    if images >= batch and points == 1:
        return Chunks(images=batch, points=1)
    raise ModelError(
        f"the model takes batches of exactly {batch} pictures; {images} with {points} step(s) each cannot be cut so. "
        "Export it with a free batch size."
    )
