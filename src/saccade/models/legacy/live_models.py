"""Live Keras 3 models as the weights of older files see them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from saccade.errors import ModelError
from saccade.models.legacy.graph import Part
from saccade.models.legacy.recast import flipped, rows_first, swapped
from saccade.models.legacy.weights import LayerWeights

if TYPE_CHECKING:
    import keras

_KERNELS = ("Conv2D", "Conv2DTranspose", "SeparableConv2D")
_ORDER_MATTERS = ("Flatten", "Reshape", "Permute")


def parts_of(model: keras.Model) -> tuple[Part, ...] | None:
    """The layers of a functional or Sequential model, nested ones inside; None when a part is written as a class."""
    import keras

    if type(model).__name__ not in ("Functional", "Sequential", "Model") or not hasattr(model, "layers"):
        return None
    parts = []
    for layer in model.layers:
        inner: tuple[Part, ...] | None = ()
        if isinstance(layer, keras.Model):
            inner = parts_of(layer)
            if inner is None:
                return None
        parts.append(Part(layer.name, type(layer).__name__, layer, inner or (), (), bool(layer.trainable)))
    return tuple(parts)


def recast_live(parts: Sequence[Part], layers: Sequence[LayerWeights], version: tuple[int, ...], backend: str) -> None:
    """Note on each part how the file's kernels become those of Keras 3.

    A weights-only file does not say where its channels were; the shapes of its kernels do.

    Raises:
        ModelError: It cannot be told, or the order of a flattened map would be another one.
    """
    leaves = [leaf for leaf in _leaves(parts) if leaf.kind in _KERNELS]
    if backend == "unknown" and leaves:
        raise ModelError(
            "it is older than Keras 1.0 and does not say whether Theano or TensorFlow wrote it; its kernels cannot be "
            "converted with certainty."
        )
    swap = version[0] <= 1
    transposed = swap and _channels_first(parts, leaves, layers)
    for leaf in leaves:
        if transposed:
            leaf.recasts = (*leaf.recasts, rows_first)
        if swap and leaf.kind == "Conv2DTranspose":
            leaf.recasts = (*leaf.recasts, swapped)
        if backend == "theano" and leaf.kind != "SeparableConv2D":
            leaf.recasts = (*leaf.recasts, flipped)


def _channels_first(parts: Sequence[Part], leaves: Sequence[Part], layers: Sequence[LayerWeights]) -> bool:
    kernels = [array.shape for layer in layers for _, array in layer.weights if len(array.shape) == 4]
    expected = [
        _shape_in_keras1(leaf.kind, weight)
        for leaf in leaves
        for weight in leaf.layer.weights
        if len(weight.shape) == 4
    ]
    if len(kernels) != len(expected) or not kernels:
        return False
    last = kernels == expected
    first = [(rows, columns, incoming, outgoing) for outgoing, incoming, rows, columns in kernels] == expected
    if first and last:
        raise ModelError(
            "its kernels fit channels-first as well as channels-last; give the architecture as .json beside it, which "
            "says which it is."
        )
    ordered = next((part for part in _leaves(parts, all_of_them=True) if part.kind in _ORDER_MATTERS), None)
    if first and ordered is not None:
        raise ModelError(
            f"it was written channels first, and layer {ordered.name!r} ({ordered.kind}) looks at the order of numbers;"
            " give the architecture as .json beside it, so that both can be converted together."
        )
    return first


def _shape_in_keras1(kind: str, weight: Any) -> tuple[int, ...]:
    rows, columns, third, fourth = weight.shape
    return (rows, columns, fourth, third) if kind == "Conv2DTranspose" else (rows, columns, third, fourth)


def _leaves(parts: Sequence[Part], *, all_of_them: bool = False) -> Iterator[Part]:
    for part in parts:
        if part.parts:
            yield from _leaves(part.parts, all_of_them=all_of_them)
        elif all_of_them or part.layer.weights:
            yield part
