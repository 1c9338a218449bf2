"""Joining the channels of every pixel into one number.

One channel after the other: a picture has few, and numpy's own sum over a short last axis is several times slower.
"""

from __future__ import annotations

import numpy as np

from saccade.methods.method import Array

_SQUARES = (1e-12, 1e12)
"""Where the largest value lies in here, squares are good float32."""


def summed(values: Array) -> Array:
    """The sum over the channels, (..., channels) to (...)."""
    total = values[..., 0].copy()
    for channel in range(1, values.shape[-1]):
        total += values[..., channel]
    return np.asarray(total)


def length(values: Array) -> Array:
    """The Euclidean length over the channels, (..., channels) to (...)."""
    largest = max(float(values.max()), -float(values.min()))
    if largest and not _SQUARES[0] < largest < _SQUARES[1]:
        # A power of two scales without rounding.
        scale = np.float32(2.0 ** np.floor(np.log2(largest)))
        return np.asarray(length(values / scale) * scale)
    total = summed(np.square(values))
    return np.asarray(np.sqrt(total, out=total))
