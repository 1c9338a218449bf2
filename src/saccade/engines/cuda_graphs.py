"""Small programs on a GPU, recorded once and played again: the launches of their kernels take longer than they compute.

A gradient of one image of 224 px is some sixty kernels. PyTorch launches them one by one, which takes a millisecond
and a half on the processor; a CUDA graph launches all of them at once. A graph holds the addresses of what it reads and
writes, so it is good only as long as the model is made of the same parts at the same addresses, which is looked at
before every call. New values in the same weights, as after a step of training, it computes with.

Source: CUDA Graphs, docs.pytorch.org/docs/stable/notes/cuda.html#cuda-graphs.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, Protocol

from saccade.typing import Tensor

_PLAIN_CALLS = 2
"""Calls of one shape that are computed as they come, before the next is recorded: who asks once must not pay."""
_LARGEST = 2**30
_LARGEST_SHARE = 1 / 16
"""A program may ask for so many bytes in all, or this share of the GPU's memory; its recording keeps some of them."""
_GRAPHS = 8
"""How many recordings of one program are kept, one for each combination of shapes: those that were played last."""


class Composition(Protocol):
    """What a program was made of."""

    def holds(self) -> bool:
        """Is that still so?"""
        ...


class CudaGraphs:
    """A function of tensors on a GPU that is recorded for the shapes that come again.

    Args:
        function: Gives a list of tensors, or lists of them; the same kernels for the same shapes.
        composition: Gives what else it depends on, which tells later whether it still holds.
    """

    def __init__(self, function: Callable[..., Any], composition: Callable[[], Composition]) -> None:
        self._function, self._composition = function, composition
        self._calls: dict[Hashable, int] = {}
        self._recordings: OrderedDict[Hashable, _Recording | None] = OrderedDict()
        # A recording has one place for its input and one for its answer: two threads must not play it at once.
        self._lock = threading.Lock()

    def __call__(self, *arguments: Any) -> Any:
        """What the function gives."""
        from torch.utils import _pytree as pytree

        leaves, structure = pytree.tree_flatten(arguments)
        key = (str(structure), tuple((tuple(leaf.shape), leaf.dtype, leaf.device, leaf.stride()) for leaf in leaves))
        with self._lock:
            recording = self._recordings.get(key)
            if recording is not None and not recording.composition.holds():
                self._forget(key)
                recording = None
            if recording is None and key not in self._recordings:
                self._calls[key] = self._calls.get(key, 0) + 1
                if self._calls[key] <= _PLAIN_CALLS:
                    return self._measured(key, arguments)
                recording = self._record(key, arguments, leaves)
            if recording is not None:
                self._recordings.move_to_end(key)
                return recording.play(leaves)
        return self._function(*arguments)  # it is too large, or cannot be recorded

    def _measured(self, key: Hashable, arguments: tuple[Any, ...]) -> Any:
        """Compute as it comes, and see how much memory that asks for; the same call of another thread would count."""
        before = _allocated()
        answer = self._function(*arguments)
        if _allocated() - before > _largest():
            self._recordings[key] = None
        return answer

    def _record(self, key: Hashable, arguments: tuple[Any, ...], leaves: list[Tensor]) -> _Recording | None:
        recording = self._recordings[key] = _recorded(self._function, arguments, leaves, self._composition())
        while len(self._recordings) > _GRAPHS:
            self._forget(next(iter(self._recordings)))
        return recording

    def _forget(self, key: Hashable) -> None:
        """What comes back is recorded again only when it comes often."""
        del self._recordings[key]
        self._calls.pop(key, None)


class _Recording:
    """The kernels of one call, with the memory that they read and write."""

    def __init__(self, graph: Any, inputs: list[Tensor], answer: Any, composition: Composition) -> None:
        self.composition = composition
        self._graph, self._inputs, self._answer = graph, inputs, answer

    def play(self, leaves: list[Tensor]) -> Any:
        """The answer for other values of the same shapes."""
        from torch.utils import _pytree as pytree

        for place, leaf in zip(self._inputs, leaves, strict=True):
            place.copy_(leaf)
        self._graph.replay()
        return pytree.tree_map(lambda tensor: tensor.clone(), self._answer)


def _recorded(
    function: Callable[..., Any], arguments: tuple[Any, ...], leaves: list[Tensor], composition: Composition
) -> _Recording | None:
    """Record a call; None where it does something that cannot be recorded, such as to look at a result."""
    import torch
    from torch.utils import _pytree as pytree

    inputs = [leaf.detach().clone(memory_format=torch.preserve_format) for leaf in leaves]
    own_arguments = pytree.tree_unflatten(inputs, pytree.tree_flatten(arguments)[1])
    graph = torch.cuda.CUDAGraph()
    try:
        # Other threads may use the GPU meanwhile; only what this one does may hinder the recording.
        with torch.cuda.graph(graph, capture_error_mode="thread_local"):
            answer = function(*own_arguments)
    except Exception:  # whatever hinders it, the function is computed as it comes, and fails there if it must
        return None
    return _Recording(graph, inputs, answer, composition)


def _largest() -> float:
    """Bytes that a program may ask for in all to be recorded."""
    import torch

    memory = torch.cuda.get_device_properties(torch.cuda.current_device()).total_memory
    return float(max(_LARGEST, _LARGEST_SHARE * memory))


def _allocated() -> int:
    """Bytes that were ever asked for on the GPU."""
    import torch

    return int(torch.cuda.memory_stats().get("allocated_bytes.all.allocated", 0))
