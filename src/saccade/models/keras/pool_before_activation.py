"""Activations that wait until after max-pooling, where fewer numbers are left to bend.

A curve that never falls, such as ELU, leaves the largest number of a window the largest: max f(x) = f(max x). So it may
as well be computed behind the pooling, on a quarter of the numbers and, on the way back, for a quarter of the
gradients. Only where the curve maps two different numbers of a window to one and the same float32, the gradient goes to
the larger of the two and no longer to the first.

It is done only where the pooling alone reads what the activation gives (`rewrites.py`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import prod
from typing import Any, Self

from saccade.models.keras.calls import Call
from saccade.models.keras.layer_rewrites import Calls, Replacement, Rewrite
from saccade.typing import Tensor

_ENDS_IN_ACTIVATION = {"Conv", "ConvTranspose", "DepthwiseConv", "SeparableConv"}
_LAYERS_THAT_NEVER_FALL: dict[str, Callable[[Any], bool]] = {
    "ELU": lambda layer: layer.alpha >= 0,
    "LeakyReLU": lambda layer: layer.negative_slope >= 0,
    "ReLU": lambda layer: layer.negative_slope >= 0 and layer.threshold == 0,
}
_NEVER_FALL = (
    "celu", "elu", "hard_sigmoid", "hard_tanh", "leaky_relu", "log_sigmoid", "relu", "relu6", "selu", "sigmoid",
    "softplus", "softsign", "tanh",
)  # fmt: skip


@dataclass(frozen=True)
class PostponedActivation(Rewrite):
    """An activation, the first layer's, that is computed after a pooling, the second.

    Attributes:
        bare: The first layer without its activation, a layer too.
        activation: The activation.
        pooling: The second layer.
    """

    bare: Any
    activation: Callable[[Tensor], Tensor]
    pooling: Any

    @classmethod
    def started(cls, rewrites: Sequence[Self]) -> Mapping[str, Replacement]:
        """The bare layers, and poolings with the activations after them."""
        replacements: dict[str, Replacement] = {}
        for rewrite in rewrites:
            replacements[rewrite.layer] = partial(_called, rewrite.bare)
            replacements[rewrite.reader] = partial(_activated, rewrite.activation, rewrite.pooling)
        return replacements


def _called(layer: Any, call: Callable[..., Tensor], *args: Any, **kwargs: Any) -> Tensor:
    return call(layer, *args, **kwargs)


def _activated(
    activation: Callable[[Tensor], Tensor], pooling: Any, call: Callable[..., Tensor], *args: Any, **kwargs: Any
) -> Tensor:
    return activation(call(pooling, *args, **kwargs))


def postponed_activations(calls: Calls) -> Iterator[PostponedActivation]:
    """Every activation that can be computed after a pooling."""
    for call in calls:
        pooling = calls.only_reader(call)
        if pooling is None or not _pools(pooling):
            continue
        split = _split(call.layer)
        if split is not None:
            yield PostponedActivation(call.path, pooling.path, *split, pooling.layer)


def _split(layer: Any) -> tuple[Any, Callable[[Tensor], Tensor]] | None:
    """A layer without its activation, and the activation; None where it has none that never falls."""
    import keras

    if not type(layer).__module__.startswith("keras.src.layers."):
        return None
    name = re.sub("[123]D", "", type(layer).__name__)
    function: Any = getattr(layer, "activation", None)
    never_falls = any(function is getattr(keras.activations, name, None) for name in _NEVER_FALL)
    if name in _LAYERS_THAT_NEVER_FALL and _LAYERS_THAT_NEVER_FALL[name](layer):
        return keras.layers.Identity(name=f"{layer.name}_postponed", dtype=layer.dtype_policy), layer.call
    if name == "Activation" and never_falls:
        return keras.layers.Identity(name=f"{layer.name}_postponed", dtype=layer.dtype_policy), function
    if name in _ENDS_IN_ACTIVATION and never_falls:
        # The twin shares every weight with the layer, and nobody else ever sees it.
        twin = object.__new__(type(layer))
        twin.__dict__.update({**layer.__dict__, "activation": keras.activations.linear})
        return twin, function
    return None


def _pools(call: Call) -> bool:
    """Does this call take the largest number of every window, and give fewer than it read?"""
    kind = type(call.layer)
    if not (kind.__module__.startswith("keras.src.layers.") and re.fullmatch("MaxPooling[123]D", kind.__name__)):
        return False
    return call.in_graph and prod(call.output.shape[1:]) < prod(call.inputs[0].shape[1:])
