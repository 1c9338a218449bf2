"""Activations that are computed after max-pooling, where fewer numbers are left.

A monotonic activation, such as ELU, leaves the largest number of a window the largest: max f(x) = f(max x). So it may
as well be computed after the pooling, on a quarter of the numbers and, on the way back, for a quarter of the gradients;
that was a sixth of the time of a gradient and a quarter of that of a forward pass on the net that is measured in
`benchmarks/`. Only where the activation maps two different numbers of a window to one and the same float32, the
gradient goes to the larger of the two and no longer to the first.

It is done only where the pooling alone reads what the activation gives (`rewritten_calls.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, Self

from saccade.models.torch.rewritten_calls import CallTrace, First, NotAsTraced, Rewrite, Second
from saccade.models.torch.trace import tensors_in
from saccade.typing import Tensor

Activation = Callable[[Tensor], Tensor]


class PostponedActivation(Rewrite):
    """An activation, the first call, that is computed after a pooling, the second."""

    @classmethod
    def started(cls, rewrites: Sequence[Self]) -> list[First]:
        """The pooling gets what the activation was given, and then the activation what the pooling gives."""
        return [_first] * len(rewrites)


def _first(function: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> tuple[Tensor, Second]:
    if function not in known_activations():
        raise NotAsTraced
    activation = _with_settings(function, args[1:], kwargs)

    def second(pooling: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Tensor:
        if pooling not in known_poolings():
            raise NotAsTraced
        return activation(pooling(*args, **kwargs))

    return args[0], second


def postponed_activations(calls: CallTrace, layers: Collection[str]) -> Iterator[PostponedActivation]:
    """Every activation that can be computed after a pooling.

    Args:
        calls: One run.
        layers: Every path that is the name of a result, not an operation.
    """
    for activation in calls.calls.values():
        if activation.function not in known_activations():
            continue
        if any(True for _ in tensors_in([activation.arguments, activation.named])):
            continue
        names, pooling = calls.second_of(activation, layers)
        if pooling is None or pooling.function not in known_poolings() or pooling.sizes[1] >= pooling.sizes[0]:
            continue
        if _is_monotonic(_with_settings(activation.function, activation.arguments, activation.named)):
            result = calls.layer_of(pooling, layers)
            yield PostponedActivation(activation.number, pooling.number, pooling.operation, names, result)


@cache
def known_activations() -> frozenset[Any]:
    """Activations that are monotonic with the settings that they usually have; their values show whether they are."""
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
def known_poolings() -> frozenset[Any]:
    """What takes the largest number of each window, and gives nothing else."""
    import torch

    return frozenset({torch.max_pool2d, torch.nn.functional.max_pool2d})


def _with_settings(function: Any, settings: Sequence[Any], named: Mapping[str, Any]) -> Activation:
    """The same call for any tensor."""
    return lambda tensor: function(tensor, *settings, **named)


def _is_monotonic(activation: Activation) -> bool:
    """Does the activation with these settings never fall? By its values, not by the names of its settings."""
    import torch

    sizes = torch.logspace(-6, 3, 200, dtype=torch.float64)
    values = activation(torch.cat([-sizes.flip(0), sizes]))
    return bool((values.diff() >= -1e-12).all())
