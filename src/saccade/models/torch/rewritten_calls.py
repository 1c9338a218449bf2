"""Two calls of torch that a run computes together, in less time and with the same result.

While a module is traced, its calls of some functions of torch are numbered (`CallTrace`). A rewrite names two of them,
of which the second alone reads what the first gives, as the operations show that were traced below autograd. In later
runs a function mode sees the same calls again, in the same order, in this thread only; the module itself is not
changed. Should a call come otherwise than before, the run ends with `NotAsTraced`, and the next one rewrites nothing.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any, Self

from saccade.models.dataflow import Operation
from saccade.models.torch.trace import Trace, tensors_in
from saccade.typing import Tensor

Second = Callable[[Any, Sequence[Any], Mapping[str, Any]], Tensor]
"""Gives the result of the second call, from its function and arguments."""
First = Callable[[Any, Sequence[Any], Mapping[str, Any]], tuple[Tensor, Second]]
"""Gives what stands for the result of the first call, from its function and arguments, and computes the second."""

_SHAPE_QUERIES = {
    "__get__", "dim", "is_complex", "is_floating_point", "ndimension", "numel", "nelement", "size", "stride",
}  # fmt: skip
"""What may be asked of a tensor whose numbers are not yet what they should be, as long as no tensor comes of it."""


class NotAsTraced(BaseException):
    """A run took another way than the one traced; not an Exception, so that no module swallows it."""


@dataclass(frozen=True)
class Rewrite(ABC):
    """Two calls that are computed together.

    Attributes:
        first: The number of the first call in a run.
        second: The number of the second.
        operation: The operation that gave the second's result.
        names: The layers whose result is that of the first call, and is not there in a run that is rewritten.
        result: The first layer whose result is that of the second call; None where no module gives it.
    """

    first: int
    second: int
    operation: str
    names: frozenset[str]
    result: str | None

    def saves_time(self, images: float, *, differentiated: bool, is_processor: bool) -> bool:  # noqa: ARG002
        """Is a run quicker with it?

        Args:
            images: How many images there are, of the size of the run that was traced: one twice as high and wide is 4.
            differentiated: A gradient goes back to the images.
            is_processor: It computes on a processor, not on an accelerator.
        """
        return True

    @classmethod
    @abstractmethod
    def started(cls, rewrites: Sequence[Self]) -> list[First]:
        """How the first call of each is computed in one run."""


@dataclass(frozen=True)
class NumberedCall:
    """One call that ran.

    Attributes:
        number: It is the n-th of the run.
        function: What was called.
        arguments: What stood after the first argument, which is not kept.
        named: The arguments with names.
        operation: The operation that gave its result.
        result: The result's shape and type, without its numbers.
        sizes: How many numbers it read from its first argument, and how many it gave.
    """

    number: int
    function: Any
    arguments: tuple[Any, ...]
    named: Mapping[str, Any]
    operation: str
    result: tuple[tuple[int, ...], Any]
    sizes: tuple[int, int]

    def is_repeated_by(self, function: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> bool:
        """Is this the same call, but for its first argument? Tensors must be the same objects."""
        if function is not self.function or len(args) != len(self.arguments) + 1 or len(kwargs) != len(self.named):
            return False
        for value, traced in zip(args[1:], self.arguments, strict=True):
            if value is not traced and not _is_equal(value, traced):
                return False
        for name, value in kwargs.items():
            if name not in self.named or (value is not self.named[name] and not _is_equal(value, self.named[name])):
                return False
        return True


def _is_equal(value: Any, traced: Any) -> bool:
    import torch

    return not isinstance(value, torch.Tensor) and not isinstance(traced, torch.Tensor) and bool(value == traced)


@dataclass
class CallTrace:
    """The numbered calls of one run, and who reads what they give.

    Attributes:
        trace: Every operation of the run.
        functions: What is numbered.
        own: The identities of the module's own tensors. A call with others among its further arguments is numbered,
            and not kept.
        calls: The calls by the operation that gave their result.
    """

    trace: Trace
    functions: Collection[Any]
    own: frozenset[int]
    calls: dict[str, NumberedCall] = field(default_factory=dict)
    _count: int = 0

    def note(self, function: Any, args: Sequence[Any], kwargs: Mapping[str, Any], result: Any) -> None:
        """Take down one call that ran."""
        if function not in self.functions:
            return
        self._count += 1
        if args and all(id(tensor) in self.own for tensor in tensors_in([args[1:], kwargs])):
            key = self.trace.made_by(result)
            shape_and_type = tuple(map(int, result.shape)), result.dtype
            sizes = args[0].numel(), result.numel()
            self.calls[key] = NumberedCall(
                self._count, function, tuple(args[1:]), dict(kwargs), key, shape_and_type, sizes
            )

    @cached_property
    def is_complete(self) -> bool:
        """Does every operation read only what operations are known for? If not, something may have read anything."""
        operations = self.trace.operations
        return not any(_is_from_nowhere(operation, operations) for operation in operations.values())

    def second_of(self, first: NumberedCall, layers: Collection[str]) -> tuple[frozenset[str], NumberedCall | None]:
        """The layers whose result is that of a call, and the call that alone reads it."""
        names, operations, waiting = set(), set(), [first.operation]
        while waiting:
            for reader in self._readers.get(waiting.pop(), ()):
                if reader in layers:
                    names.add(reader)
                    waiting.append(reader)
                else:
                    operations.add(reader.partition(".")[0])  # an operation may give several results
        second = self.calls.get(next(iter(operations))) if len(operations) == 1 else None
        return frozenset(names), second

    def layer_of(self, call: NumberedCall, layers: Collection[str]) -> str | None:
        """The first layer whose result is that of a call."""
        return next((layer for layer in self._readers.get(call.operation, ()) if layer in layers), None)

    @cached_property
    def _readers(self) -> dict[str, list[str]]:
        readers: dict[str, list[str]] = {}
        for key, operation in self.trace.operations.items():
            for source in operation.inputs:
                readers.setdefault(source, []).append(key)
        return readers


def _is_from_nowhere(operation: Operation, operations: Mapping[str, Operation]) -> bool:
    return any(source != "input" and source not in operations for source in operation.inputs)


def _holds_tensors(result: Any) -> bool:
    return type(result) not in (int, bool) and any(True for _ in tensors_in([result]))


@contextmanager
def tracing_calls(calls: CallTrace) -> Iterator[None]:
    """Take down the numbered calls of this thread inside the block."""
    from torch.overrides import TorchFunctionMode

    class Tracing(TorchFunctionMode):  # type: ignore[misc]
        def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            result = function(*args, **(kwargs or {}))
            calls.note(function, args, kwargs or {}, result)
            return result

    with Tracing():
        yield


@contextmanager
def rewriting(plan: Sequence[Rewrite], functions: Collection[Any], last: Any = None) -> Iterator[None]:
    """Inside the block these calls are computed together, in this thread.

    Every call of torch costs a little while the mode is on, so it ends with the last rewrite where a module gives
    that one's result.

    Args:
        plan: What is rewritten.
        functions: What is numbered, the same as when the plan was made.
        last: The module, or the hooked method, that gives the result of the plan's last rewrite; None where none does.

    Raises:
        NotAsTraced: The calls are not those that the plan is made of.
    """
    if not plan:
        yield
        return
    firsts: dict[int, tuple[int, First]] = {}
    kinds: list[type[Rewrite]] = list(dict.fromkeys(map(type, plan)))
    for kind in kinds:
        rewrites = [rewrite for rewrite in plan if type(rewrite) is kind]
        for rewrite, first in zip(rewrites, kind.started(rewrites), strict=True):
            firsts[rewrite.first] = rewrite.second, first
    mode, thread = _mode()(firsts, functions), threading.get_ident()
    with ExitStack() as stack:
        stack.enter_context(mode)

        def end_early(_module: Any, _inputs: Any, _output: Any) -> None:
            if threading.get_ident() == thread and mode.is_done and _is_innermost(mode):
                stack.close()

        handle = None if last is None else last.register_forward_hook(end_early)
        try:
            yield
            if mode.waiting:
                raise NotAsTraced
        finally:
            if handle is not None:
                handle.remove()


def _is_innermost(mode: Any) -> bool:
    from torch.overrides import _get_current_function_mode

    return _get_current_function_mode() is mode


@cache
def _mode() -> Any:
    from torch.overrides import TorchFunctionMode

    class Rewriting(TorchFunctionMode):  # type: ignore[misc]
        def __init__(self, firsts: dict[int, tuple[int, First]], functions: Collection[Any]) -> None:
            super().__init__()
            self.firsts, self.functions = firsts, functions
            self.calls = 0
            self.waiting: dict[int, tuple[Tensor, Second]] = {}

        @property
        def is_done(self) -> bool:
            return not self.firsts and not self.waiting

        def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            kwargs = kwargs or {}
            if self.is_done:
                return function(*args, **kwargs)
            if function in self.functions:
                self.calls += 1
                if self.calls in self.firsts:
                    if not args or self._is_waiting(args[0]):
                        raise NotAsTraced
                    second, first = self.firsts.pop(self.calls)
                    tensor, compute_second = first(function, args, kwargs)
                    self.waiting[second] = tensor, compute_second
                    return tensor
                if self.calls in self.waiting:
                    tensor, compute_second = self.waiting.pop(self.calls)
                    if not args or args[0] is not tensor:
                        raise NotAsTraced
                    return compute_second(function, args, kwargs)
            result = function(*args, **kwargs)
            if not self.waiting or (getattr(function, "__name__", "") in _SHAPE_QUERIES and not _holds_tensors(result)):
                return result
            if any(self._is_waiting(tensor) for tensor in tensors_in([args, kwargs])):
                raise NotAsTraced
            return result

        def _is_waiting(self, tensor: Any) -> bool:
            return any(tensor is waiting for waiting, _ in self.waiting.values())

    return Rewriting
