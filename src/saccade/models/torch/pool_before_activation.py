"""Activations that are computed after max-pooling, where fewer numbers are left.

A monotonic activation, such as ELU, leaves the largest number of a window the largest: max f(x) = f(max x). So it may
as well be computed after the pooling, on a quarter of the numbers and, on the way back, for a quarter of the gradients;
that was a sixth of the time of a gradient and a quarter of that of a forward pass on the net that is measured in
`benchmarks/`. Only where the activation maps two different numbers of a window to one and the same float32, the
gradient goes to the larger of the two and no longer to the first.

It is done only where the pooling alone reads what the activation gives, as a run that was traced below autograd shows.
A function mode then sees the same calls again, in the same order, in this thread only; the module itself is not
changed. Should a call come otherwise than before, the run ends with `NotAsTraced`, and the next one postpones nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from saccade.models.dataflow import Operation
from saccade.models.torch.trace import Trace, tensors_in
from saccade.typing import Tensor

Activation = Callable[[Tensor], Tensor]

_SHAPE_QUERIES = {
    "__get__", "dim", "is_complex", "is_floating_point", "ndimension", "numel", "nelement", "size", "stride",
}  # fmt: skip
"""What may be asked of a tensor whose numbers are not yet what they should be, as long as no tensor comes of it."""


class NotAsTraced(BaseException):
    """A run took another way than the one traced; not an Exception, so that no module swallows it."""


@dataclass(frozen=True)
class Postponed:
    """An activation that can be computed after a pooling.

    Attributes:
        activation: It is the n-th activation of a run.
        pooling: The pooling is the n-th of a run.
        names: The layers whose result is that of the activation, and is not there while it is postponed.
        pooled: The first layer whose result is that of the pooling; None where no module gives it.
    """

    activation: int
    pooling: int
    names: frozenset[str]
    pooled: str | None


@dataclass
class PoolingTrace:
    """Which activations and which poolings ran, by the operation that gave their result."""

    trace: Trace
    _activations: dict[str, tuple[int, Activation]] = field(default_factory=dict)
    _poolings: dict[str, int] = field(default_factory=dict)
    _activation_calls: int = 0
    _pooling_calls: int = 0

    def note(self, function: Any, args: Sequence[Any], kwargs: Mapping[str, Any], result: Any) -> None:
        """Take down one call that ran."""
        if function in _known_activations():
            self._activation_calls += 1
            if args and not any(True for _ in tensors_in([args[1:], kwargs])):
                activation = _with_settings(function, args, kwargs)
                self._activations[self.trace.made_by(result)] = self._activation_calls, activation
        elif function in _known_poolings():
            self._pooling_calls += 1
            if args and result.numel() < args[0].numel():
                self._poolings[self.trace.made_by(result)] = self._pooling_calls

    def postponed(self, layers: Collection[str], hooked: Collection[str]) -> tuple[Postponed, ...]:
        """Every activation that can be computed after a pooling.

        Args:
            layers: Every path that is the name of a result, not an operation.
            hooked: The layers on which the user has hooks, which must see the model as it is.
        """
        operations = self.trace.operations
        if any(_is_from_nowhere(operation, operations) for operation in operations.values()):
            return ()  # something may have read what no operation shows
        readers: dict[str, list[str]] = {}
        for key, operation in operations.items():
            for source in operation.inputs:
                readers.setdefault(source, []).append(key)
        postponed = []
        for key, (number, activation) in self._activations.items():
            names, modules = _readers_of(key, readers, layers)
            reader = next(iter(modules)) if len(modules) == 1 else None
            pooling = self._poolings.get(reader) if reader is not None else None
            if reader is None or pooling is None or not names.isdisjoint(hooked) or not _is_monotonic(activation):
                continue
            pooled = next((layer for layer in readers.get(reader, ()) if layer in layers), None)
            postponed.append(Postponed(number, pooling, frozenset(names), pooled))
        return tuple(postponed)


def _readers_of(key: str, readers: Mapping[str, list[str]], layers: Collection[str]) -> tuple[set[str], set[str]]:
    """The layers whose result is that of an operation, and the operations that read it."""
    names, modules, waiting = set(), set(), [key]
    while waiting:
        for reader in readers.get(waiting.pop(), ()):
            if reader in layers:
                names.add(reader)
                waiting.append(reader)
            else:
                modules.add(reader.partition(".")[0])  # with the largest numbers come their indices
    return names, modules


@contextmanager
def tracing_poolings(pooling_trace: PoolingTrace) -> Iterator[None]:
    """Take down the activations and poolings that this thread calls inside the block."""
    from torch.overrides import TorchFunctionMode

    class Tracing(TorchFunctionMode):  # type: ignore[misc]
        def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            result = function(*args, **(kwargs or {}))
            pooling_trace.note(function, args, kwargs or {}, result)
            return result

    with Tracing():
        yield


@contextmanager
def postponing(plan: Sequence[Postponed], modules: Mapping[str, Any]) -> Iterator[None]:
    """Inside the block these activations are computed after their poolings, in this thread.

    Every call of torch costs a little while the mode is on, so it ends with the last pooling where a module computes
    that.

    Args:
        plan: What is postponed.
        modules: The modules that compute the last poolings of `plan`, by layer.

    Raises:
        NotAsTraced: The calls are not those that the plan is made of.
    """
    if not plan:
        yield
        return
    mode, thread = _mode()({each.activation: each.pooling for each in plan}), threading.get_ident()
    with ExitStack() as stack:
        stack.enter_context(mode)

        def end_early(_module: Any, _inputs: Any, _output: Any) -> None:
            if threading.get_ident() == thread and mode.is_done and _is_innermost(mode):
                stack.close()

        handles = [module.register_forward_hook(end_early) for module in modules.values()]
        try:
            yield
            if mode.waiting:
                raise NotAsTraced
        finally:
            for handle in handles:
                handle.remove()


def _is_innermost(mode: Any) -> bool:
    from torch.overrides import _get_current_function_mode

    return _get_current_function_mode() is mode


@cache
def _mode() -> Any:
    from torch.overrides import TorchFunctionMode

    class Postponing(TorchFunctionMode):  # type: ignore[misc]
        def __init__(self, plan: dict[int, int]) -> None:
            super().__init__()
            self.plan = plan
            self.activation_calls = self.pooling_calls = 0
            self.waiting: dict[int, tuple[Tensor, Activation]] = {}

        @property
        def is_done(self) -> bool:
            return not self.plan and not self.waiting

        def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            kwargs = kwargs or {}
            if self.is_done:
                return function(*args, **kwargs)
            if function in _known_activations():
                self.activation_calls += 1
                if self.activation_calls in self.plan:
                    if not args or self._is_waiting(args[0]):
                        raise NotAsTraced
                    pooling = self.plan.pop(self.activation_calls)
                    self.waiting[pooling] = args[0], _with_settings(function, args, kwargs)
                    return args[0]
            elif function in _known_poolings():
                self.pooling_calls += 1
                if self.pooling_calls in self.waiting:
                    tensor, activation = self.waiting.pop(self.pooling_calls)
                    if not args or args[0] is not tensor:
                        raise NotAsTraced
                    return activation(function(*args, **kwargs))
            result = function(*args, **kwargs)
            if self.waiting and any(self._is_waiting(tensor) for tensor in tensors_in([args, kwargs])):
                asks_only = getattr(function, "__name__", "") in _SHAPE_QUERIES
                if not asks_only or any(True for _ in tensors_in([result])):
                    raise NotAsTraced
            return result

        def _is_waiting(self, tensor: Any) -> bool:
            return any(tensor is waiting for waiting, _ in self.waiting.values())

    return Postponing


@cache
def _known_activations() -> frozenset[Any]:
    """Activations that are monotonic with the settings that they usually have; `_is_monotonic` looks at these."""
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


def _with_settings(function: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Activation:
    """The same call for another tensor in the first place; it does not keep the tensor that stood there."""
    settings = args[1:]
    return lambda tensor: function(tensor, *settings, **kwargs)


def _is_monotonic(activation: Activation) -> bool:
    """Does the activation with these settings never fall? By its values, not by the names of its settings."""
    import torch

    sizes = torch.logspace(-6, 3, 200, dtype=torch.float64)
    values = activation(torch.cat([-sizes.flip(0), sizes]))
    return bool((values.diff() >= -1e-12).all())


def _is_from_nowhere(operation: Operation, operations: Mapping[str, Operation]) -> bool:
    return any(source != "input" and source not in operations for source in operation.inputs)
