"""How the weights of a layer in a Keras 1 or 2 file become those of its Keras 3 counterpart."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from saccade.models.legacy.config import Origin, data_format

if TYPE_CHECKING:
    from saccade.models.legacy.entries import Entry

Recast = Callable[[list[np.ndarray]], list[np.ndarray]]
"""All weights of a layer, in their order, to all weights of its counterpart."""


def recast_for(kind: str, entry: Entry, origin: Origin) -> tuple[Recast, ...]:
    """Which steps turn the file's weights of this layer into those of Keras 3?

    - Keras 1 kernels lie (out, in, row, column) where channels are first, (row, column, in, out) where they are last;
      those of transposed convolutions have in and out the other way round.
    - Theano convolves where all others correlate: its kernels are flipped.
    - Keras 1.0 kept a standard deviation, or added its epsilon outside the root, where later ones keep a variance.
    """
    steps: list[Recast] = []
    first = origin.first and kind in _KERNELS and data_format(entry.kind, entry.config, origin) == "channels_first"
    if first:
        steps.append(rows_first)
    if origin.first and kind == "Conv2DTranspose":
        steps.append(swapped)
    if origin.backend == "theano" and kind in ("Conv2D", "Conv2DTranspose"):
        steps.append(flipped)
    if kind == "BatchNormalization" and origin.version < (1, 0, 8) and origin.version > (1,):
        steps.extend(_variance(float(entry.config.get("epsilon", 1e-3)), origin))
    return tuple(steps)


_KERNELS = ("Conv2D", "Conv2DTranspose", "SeparableConv2D")


def flipped(arrays: list[np.ndarray]) -> list[np.ndarray]:
    """Flip the kernel, the first array, along rows and columns: convolution to correlation."""
    return [arrays[0][::-1, ::-1], *arrays[1:]]


def rows_first(arrays: list[np.ndarray]) -> list[np.ndarray]:
    """From kernels (output channels, input channels, rows, columns) to (rows, columns, input, output channels)."""
    return [array.transpose(2, 3, 1, 0) if array.ndim == 4 else array for array in arrays]


def swapped(arrays: list[np.ndarray]) -> list[np.ndarray]:
    """Input and output channels of the kernel, the first array, the other way round."""
    return [arrays[0].swapaxes(2, 3), *arrays[1:]]


def _variance(epsilon: float, origin: Origin) -> list[Recast]:
    def of_deviation(arrays: list[np.ndarray]) -> list[np.ndarray]:
        return [*arrays[:3], ((arrays[3].astype(np.float64) + epsilon) ** 2 - epsilon).astype(np.float32)]

    def of_rooted(arrays: list[np.ndarray]) -> list[np.ndarray]:
        return [*arrays[:3], ((np.sqrt(arrays[3].astype(np.float64)) + epsilon) ** 2 - epsilon).astype(np.float32)]

    on_theano = origin.backend == "theano"
    if origin.version <= (1, 0, 5) or (origin.version == (1, 0, 6) and on_theano):
        return [of_deviation]
    return [of_rooted] if origin.version == (1, 0, 7) and on_theano else []
