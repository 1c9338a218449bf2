"""Which layers of a channels-first model can run channels last, and with which settings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from saccade.errors import ModelError
from saccade.models.legacy.config import AXIS_ACTIVATIONS, GRID_KINDS, Origin, data_format
from saccade.models.legacy.entries import Entry
from saccade.models.legacy.recast import Recast

_ALIKE = frozenset({
    "Activation", "ActivityRegularization", "Add", "AlphaDropout", "Average", "Dropout", "ELU", "GaussianDropout",
    "GaussianNoise", "LeakyReLU", "Maximum", "Minimum", "Multiply", "ReLU", "SpatialDropout2D", "Subtract",
})  # fmt: skip
_BY_AXIS = frozenset({"BatchNormalization", "Concatenate", "Softmax"})
_LAST = (0, 3, 1, 2)
"""Where the axes (image, channel, row, column) of the file's model lie when channels are last."""


class Value(NamedTuple):
    """A tensor of the new model, and whether the file's model has it channels first."""

    tensor: Any
    transposed: bool


class Layout(NamedTuple):
    """How a layer runs: on transposed maps or not, with which settings, and what that does to its weights."""

    transposed: bool
    settings: dict[str, Any]
    recasts: tuple[Recast, ...] = ()


def layout_of(entry: Entry, kind: str, settings: dict[str, Any], arriving: Sequence[Value], origin: Origin) -> Layout:
    """Does the layer run on transposed maps, and with which settings?

    Args:
        entry: The layer in the file.
        kind: Its class in Keras 3.
        settings: Its arguments in Keras 3, with axes as in the file.
        arriving: What it is called on.
        origin: Who wrote the file.

    Raises:
        ModelError: It wants channels first in a way that cannot be transposed.
    """
    look = getattr(settings.get("activation"), "__name__", "")
    if kind in GRID_KINDS:
        transposed = data_format(entry.kind, entry.config, origin) == "channels_first"
        if transposed and look in AXIS_ACTIVATIONS:
            raise ModelError(
                f"layer {entry.name!r} ends in a {look} over the columns of channels-first maps; it cannot be "
                "converted with certainty."
            )
        return Layout(transposed, {**settings, "data_format": "channels_last"})
    maps = all(len(value.tensor.shape) == 4 for value in arriving)
    transposed = maps and any(value.transposed for value in arriving)
    if kind == "Flatten":
        # Keras 2 itself flattens channels-first maps in the order of channels-last ones.
        flips = settings.pop("data_format", None) == "channels_first"
        return Layout(maps and flips, settings)
    if settings.get("data_format") == "channels_first":
        raise ModelError(f"layer {entry.name!r} ({entry.kind}) wants channels first; it cannot be converted.")
    if transposed and kind in _ALIKE:
        return Layout(look not in AXIS_ACTIVATIONS, settings)
    if transposed and kind in _BY_AXIS:
        return Layout(True, {**settings, "axis": _LAST[settings.get("axis", -1) % 4]})
    if transposed and kind == "PReLU":
        moved = tuple(sorted(_LAST[axis] for axis in settings.get("shared_axes") or ()))
        return Layout(True, {**settings, "shared_axes": moved or None}, (_channels_last,))
    return Layout(False, settings)


def _channels_last(arrays: list[np.ndarray]) -> list[np.ndarray]:
    return [np.moveaxis(array, 0, -1) for array in arrays]
