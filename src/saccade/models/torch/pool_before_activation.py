"""Activations that wait until after max-pooling, where fewer numbers are left to bend.

A curve that never falls, such as ELU, leaves the largest number of a window the largest: max f(x) = f(max x). So it may
as well be computed behind the pooling, on a quarter of the numbers and, on the way back, for a quarter of the
gradients; that was a sixth of the time of a gradient and a quarter of that of a forward pass on the net that is
measured in `benchmarks/`. Only where the curve maps two different numbers of a window to one and the same float32, the
gradient goes to the larger of the two and no longer to the first.

It is done only where the pooling alone reads what the curve gives, as a run that was written down below autograd
knows. A function mode then sees the same calls again, in the same order, in this thread only; the module itself is not
changed. Should a call come otherwise than before, the run ends with `NotAsBefore`, and another one postpones nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from saccade.models.dataflow import Operation
from saccade.models.torch.trace import Trace, tensors_in
from saccade.typing import Tensor

_ASKS_ONLY = {"__get__", "dim", "is_complex", "is_floating_point", "ndimension", "numel", "nelement", "size", "stride"}
"""What may be asked of a tensor whose numbers are not yet what they should be, as long as no tensor comes of it."""


class NotAsBefore(BaseException):
    """A run took another way than the one written down; not an Exception, so that no module swallows it."""


@dataclass(frozen=True)
class Postponed:
    """An activation that can wait for a pooling.

    Attributes:
        curve: It is the n-th activation of a run.
        pooling: The pooling is the n-th of a run.
        names: The layers whose result is that of the activation, and is not there while it waits.
    """

    curve: int
    pooling: int
    names: frozenset[str]


@dataclass
class Watch:
    """Which activations and which poolings ran, by the operation that gave their result."""

    trace: Trace
    _curves: dict[str, tuple[int, Callable[[Tensor], Tensor]]] = field(default_factory=dict)
    _poolings: dict[str, int] = field(default_factory=dict)
    _calls: int = 0
    _pooled: int = 0

    def note(self, function: Any, args: Sequence[Any], kwargs: Mapping[str, Any], result: Any) -> None:
        """Write down one call that ran."""
        if function in _known_curves():
            self._calls += 1
            if args and not any(True for _ in tensors_in([args[1:], kwargs])):
                self._curves[self.trace.made_by(result)] = self._calls, _with_settings(function, args, kwargs)
        elif function in _known_poolings():
            self._pooled += 1
            if args and result.numel() < args[0].numel():
                self._poolings[self.trace.made_by(result)] = self._pooled

    def postponed(self, layers: Collection[str], heard: Collection[str]) -> tuple[Postponed, ...]:
        """Every activation that can wait.

        Args:
            layers: Every path that is the name of a result, not an operation.
            heard: The paths to which somebody else listens, who must not hear of this.
        """
        operations = self.trace.operations
        if any(_is_from_nowhere(operation, operations) for operation in operations.values()):
            return ()  # somebody may have read what no operation shows
        readers: dict[str, list[str]] = {}
        for key, operation in operations.items():
            for source in operation.inputs:
                readers.setdefault(source, []).append(key)
        found = []
        for key, (number, curve) in self._curves.items():
            names, others, waiting = set(), set(), [key]
            while waiting:
                for reader in readers.get(waiting.pop(), ()):
                    if reader in layers:
                        names.add(reader)
                        waiting.append(reader)
                    else:
                        others.add(reader.partition(".")[0])  # with the largest numbers come their places
            pooling = self._poolings.get(next(iter(others))) if len(others) == 1 else None
            if pooling is not None and names.isdisjoint(heard) and _never_falls(curve):
                found.append(Postponed(number, pooling, frozenset(names)))
        return tuple(found)


@contextmanager
def watching(watch: Watch) -> Iterator[None]:
    """Write down the activations and poolings that this thread calls inside the block."""
    from torch.overrides import TorchFunctionMode

    class Watching(TorchFunctionMode):  # type: ignore[misc]
        def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            result = function(*args, **(kwargs or {}))
            watch.note(function, args, kwargs or {}, result)
            return result

    with Watching():
        yield


@contextmanager
def postponing(plan: Sequence[Postponed]) -> Iterator[None]:
    """Inside the block these activations wait, in this thread.

    Raises:
        NotAsBefore: The calls are not those that the plan is made of.
    """
    if not plan:
        yield
        return
    with _mode()({each.curve: each.pooling for each in plan}) as mode:
        yield
        if mode.waiting:
            raise NotAsBefore


@cache
def _mode() -> Any:
    from torch.overrides import TorchFunctionMode

    class Postponing(TorchFunctionMode):  # type: ignore[misc]
        def __init__(self, plan: dict[int, int]) -> None:
            super().__init__()
            self.plan = plan
            self.calls = self.poolings = 0
            self.waiting: dict[int, tuple[Tensor, Callable[[Tensor], Tensor]]] = {}

        def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            kwargs = kwargs or {}
            if not self.plan and not self.waiting:
                return function(*args, **kwargs)  # nothing is left that could wait
            if function in _known_curves():
                self.calls += 1
                if self.calls in self.plan:
                    if not args or self._is_waiting(args[0]):
                        raise NotAsBefore
                    self.waiting[self.plan.pop(self.calls)] = args[0], _with_settings(function, args, kwargs)
                    return args[0]
            elif function in _known_poolings():
                self.poolings += 1
                if self.poolings in self.waiting:
                    given, curve = self.waiting.pop(self.poolings)
                    if not args or args[0] is not given:
                        raise NotAsBefore
                    return curve(function(*args, **kwargs))
            result = function(*args, **kwargs)
            if self.waiting and any(self._is_waiting(each) for each in tensors_in([args, kwargs])):
                asks_only = getattr(function, "__name__", "") in _ASKS_ONLY
                if not asks_only or any(True for _ in tensors_in([result])):
                    raise NotAsBefore
            return result

        def _is_waiting(self, tensor: Any) -> bool:
            return any(tensor is given for given, _ in self.waiting.values())

    return Postponing


@cache
def _known_curves() -> frozenset[Any]:
    """Activations that never fall with the settings that they usually have; `_never_falls` looks at these."""
    import torch
    from torch.nn import functional

    return frozenset(
        {
            functional.celu, functional.elu, functional.hardsigmoid, functional.hardtanh, functional.leaky_relu,
            functional.logsigmoid, functional.relu, functional.relu6, functional.selu, functional.sigmoid,
            functional.softplus, functional.softsign, functional.tanh, torch.celu, torch.celu_, torch.relu,
            torch.relu_, torch.selu, torch.selu_, torch.sigmoid, torch.sigmoid_, torch.tanh, torch.tanh_,
            functional.elu_, functional.hardtanh_, functional.leaky_relu_, torch.Tensor.relu, torch.Tensor.relu_,
            torch.Tensor.sigmoid, torch.Tensor.sigmoid_, torch.Tensor.tanh, torch.Tensor.tanh_,
        }
    )  # fmt: skip


@cache
def _known_poolings() -> frozenset[Any]:
    """What takes the largest number of each window, and gives nothing else."""
    import torch

    return frozenset({torch.max_pool2d, torch.nn.functional.max_pool2d})


def _with_settings(function: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Callable[[Tensor], Tensor]:
    """The same call for another tensor in the first place; it does not keep the tensor that stood there."""
    rest = args[1:]
    return lambda tensor: function(tensor, *rest, **kwargs)


def _never_falls(curve: Callable[[Tensor], Tensor]) -> bool:
    """Does the curve with these settings never fall? By its values, not by the names of its settings."""
    import torch

    sizes = torch.logspace(-6, 3, 200, dtype=torch.float64)
    bent = curve(torch.cat([-sizes.flip(0), sizes]))
    return bool((bent.diff() >= -1e-12).all())


def _is_from_nowhere(operation: Operation, operations: Mapping[str, Operation]) -> bool:
    return any(source != "input" and source not in operations for source in operation.inputs)
