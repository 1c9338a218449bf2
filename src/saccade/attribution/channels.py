"""Joining the channels of every pixel into one number.

One channel after the other: an image has few, and numpy's own sum over a short last axis is several times slower.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from saccade.typing import Array

_BLOCK = 2**15
"""Pixels that are joined in one go: what is made on the way stays in the processor's cache."""
_LENGTHS = (1e-12, 1e12)
"""Where the greatest length lies in here, squares were good float32."""


def summed(values: Array) -> Array:
    """The sum over the channels, (..., channels) to (...)."""
    total = np.empty(values.shape[:-1], values.dtype)
    for some, out in _blocks(values, total):
        _add_up(some, out)
    return total


def length(values: Array) -> Array:
    """The Euclidean length over the channels, (..., channels) to (...)."""
    total = np.empty(values.shape[:-1], values.dtype)
    with np.errstate(over="ignore", under="ignore"):
        for some, out in _blocks(values, total):
            np.square(some[:, 0], out=out)
            for channel in range(1, some.shape[1]):
                out += np.square(some[:, channel])
            np.sqrt(out, out=out)
    # A look at the joined numbers is cheaper than one at all channels before.
    if not squares_are_safe(total):
        largest = float(np.abs(values).max())
        if 0 < largest < np.inf:
            # A power of two scales without rounding.
            scale = np.float32(2.0 ** np.floor(np.log2(largest)))
            scaled = values / scale
            return np.asarray(np.sqrt(summed(scaled * scaled)) * scale)
    return total


def squares_are_safe(lengths: Array) -> bool:
    """Were the squares that these lengths were made of good float32, none too large or too small?"""
    return not lengths.size or bool(_LENGTHS[0] < lengths.max() < _LENGTHS[1])


def _add_up(pixels: Array, out: Array) -> None:
    out[:] = pixels[:, 0]
    for channel in range(1, pixels.shape[1]):
        out += pixels[:, channel]


def _blocks(values: Array, total: Array) -> Iterator[tuple[Array, Array]]:
    """Some pixels (pixels, channels) and where their result goes, (pixels,)."""
    pixels, out = values.reshape(-1, values.shape[-1]), total.reshape(-1)
    for start in range(0, len(out), _BLOCK):
        some = slice(start, start + _BLOCK)
        yield pixels[some], out[some]
