"""Small programs on a GPU, recorded once and played again: the launches of their kernels take longer than they compute.

A gradient of one image of 224 px is some sixty kernels. PyTorch launches them one by one, which takes a millisecond
and a half on the processor; a CUDA graph launches all of them at once. A graph holds the addresses of what it reads and
writes, so it is good only as long as the model is made of the same parts at the same addresses. The addresses are
looked at before every call, so that it reads nothing else; the parts while the GPU computes already, and an answer of
other parts is thrown away. New values in the same weights, as after a step of training, it computes with.

Source: CUDA Graphs, docs.pytorch.org/docs/stable/notes/cuda.html#cuda-graphs.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Protocol

from saccade.models.torch.state import random_states_kept
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

    def is_in_place(self) -> bool:
        """Is all that it reads still at the same addresses?"""
        ...

    def holds(self) -> bool:
        """Is all still so?"""
        ...


class CudaGraphs:
    """A function of tensors on a GPU that is recorded for the shapes that come again.

    Args:
        function: Gives a list of tensors, or lists of them; the same kernels for the same shapes.
        composition: Gives what else it depends on, which tells later whether it still holds.
        mode: Puts the model into the state in which the function is computed, and its composition looked at.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        composition: Callable[[], Composition],
        mode: Callable[[], AbstractContextManager[Any]] = nullcontext,
    ) -> None:
        self._function, self._composition, self._mode = function, composition, mode
        self._calls: dict[Hashable, int] = {}
        self._recordings: OrderedDict[Hashable, _Recording | None] = OrderedDict()
        # A recording has one place for its input and one for its answer: two threads must not play it at once.
        self._lock = threading.Lock()

    def __call__(self, *arguments: Any) -> Any:
        """What the function gives."""
        leaves: list[Tensor] = []
        key = _structure(arguments, leaves)
        with self._lock:
            recording = self._recordings.get(key)
            if recording is not None:
                answer = self._played(recording, leaves)
                if answer is not None:
                    self._recordings.move_to_end(key)
                    return answer
                self._forget(key)
            if key not in self._recordings:
                self._calls[key] = self._calls.get(key, 0) + 1
                with self._mode():
                    if self._calls[key] <= _PLAIN_CALLS:
                        return self._measured(key, arguments)
                    recording = self._record(key, arguments, leaves)
                    if recording is not None:
                        return recording.play(leaves)
        with self._mode():
            return self._function(*arguments)  # it is too large, or cannot be recorded

    def _played(self, recording: _Recording, leaves: list[Tensor]) -> Any:
        """The answer of a recording; None where the model is not what it was."""
        if not recording.composition.is_in_place():
            return None
        with random_states_kept({leaf.device for leaf in leaves}):
            answer = recording.play(leaves)
        with self._mode():
            if recording.composition.holds():
                return answer
        recording.wait()  # it must not go while it is played
        return None

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
        """The answer for other values of the same shapes; the GPU may compute it still."""
        for place, leaf in zip(self._inputs, leaves, strict=True):
            place.copy_(leaf)
        self._graph.replay()
        return _copied(self._answer)

    def wait(self) -> None:
        """Wait until the GPU has computed what was played."""
        import torch

        torch.cuda.synchronize(self._inputs[0].device)


def _recorded(
    function: Callable[..., Any], arguments: tuple[Any, ...], leaves: list[Tensor], composition: Composition
) -> _Recording | None:
    """Record a call; None where it does something that cannot be recorded, such as to look at a result."""
    import torch

    inputs = [leaf.detach().clone(memory_format=torch.preserve_format) for leaf in leaves]
    own_arguments = _rebuilt(arguments, iter(inputs))
    graph = torch.cuda.CUDAGraph()
    try:
        # Other threads may use the GPU meanwhile; only what this one does may hinder the recording.
        with torch.cuda.graph(graph, capture_error_mode="thread_local"):
            answer = function(*own_arguments)
    except Exception:  # whatever hinders it, the function is computed as it comes, and fails there if it must
        return None
    return _Recording(graph, inputs, answer, composition)


def _structure(arguments: Any, leaves: list[Tensor]) -> Hashable:
    """How tensors lie in tuples, lists and dicts, and their shapes, types, places and orders; they go into `leaves`."""
    if isinstance(arguments, dict):
        return "dict", *((name, _structure(value, leaves)) for name, value in arguments.items())
    if isinstance(arguments, (list, tuple)):
        return tuple([_structure(value, leaves) for value in arguments])
    leaves.append(arguments)
    return arguments.shape, arguments.dtype, arguments.device, arguments.stride()


def _rebuilt(arguments: Any, leaves: Iterator[Tensor]) -> Any:
    """The same tuples, lists and dicts with other tensors in them."""
    if isinstance(arguments, dict):
        return {name: _rebuilt(value, leaves) for name, value in arguments.items()}
    if isinstance(arguments, (list, tuple)):
        return type(arguments)(_rebuilt(value, leaves) for value in arguments)
    return next(leaves)


def _copied(answer: Any) -> Any:
    """Tensors, or lists of them, in memory of their own."""
    return [_copied(value) for value in answer] if isinstance(answer, list) else answer.clone()


def _largest() -> float:
    """Bytes that a program may ask for in all to be recorded."""
    import torch

    memory = torch.cuda.get_device_properties(torch.cuda.current_device()).total_memory
    return float(max(_LARGEST, _LARGEST_SHARE * memory))


def _allocated() -> int:
    """Bytes that were ever asked for on the GPU."""
    import torch

    return int(torch.cuda.memory_stats().get("allocated_bytes.all.allocated", 0))
