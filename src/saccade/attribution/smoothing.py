"""Gaussian smoothing: the blurred image that stands for "nothing", and the low-passed view of gradients."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from saccade.engines.matmul import ALONE
from saccade.typing import Array

_BLOCK = 32
"""Rows that are smoothed at once: each block reads its own rows and the Gaussian's reach on both sides, no more."""


def gaussian_blur(images: Array, sigma: float) -> Array:
    """Smooth along height and width; edges are mirrored, so that a constant stays a constant.

    Args:
        images: (images, height, width, channels) or (images, height, width).
        sigma: Standard deviation of the Gaussian in pixels; 0 gives the images back.
    """
    if sigma <= 0:
        return images
    count, height, width = images.shape[:3]
    down = np.ascontiguousarray(images, np.float32).reshape(count, height, -1)
    down = _smoothed(down, sigma).reshape(count * height, width, -1)
    return _smoothed(down, sigma).reshape(images.shape)


def smoothed(values: Array, sigma: float) -> Array:
    """Smooth (places, numbers) along the places as `gaussian_blur` does along height and along width."""
    return values if sigma <= 0 else _smoothed(np.ascontiguousarray(values, np.float32)[None], sigma)[0]


@lru_cache(maxsize=8)
def gaussian_matrix(length: int, sigma: float) -> Array:
    """The same smoothing of one axis as a matrix, (length, length): for a device, where a product costs nothing."""
    matrix = np.zeros((length, length), np.float32)
    for rows, read, weights in _bands(length, sigma):
        matrix[rows, read] = weights
    matrix.setflags(write=False)  # kept for the next call, also on a device
    return matrix


def _smoothed(values: Array, sigma: float) -> Array:
    """Smooth (images, places, numbers) along the places."""
    images, length, numbers = values.shape
    result = np.empty_like(values)
    # With one number a place, many images make one product; otherwise each image makes its own.
    across = numbers == 1
    line, out = (values[..., 0], result[..., 0]) if across else (values, result)
    for rows, read, weights in _bands(length, sigma):
        step = max(ALONE // weights.size, 1)
        for start in range(0, images if across else numbers, step):
            some = slice(start, start + step)
            if across:
                np.matmul(line[some, read], weights.T, out=out[some, rows])
            else:
                np.matmul(weights, line[:, read, some], out=out[:, rows, some])
    return result


@lru_cache(maxsize=8)
def _bands(length: int, sigma: float) -> tuple[tuple[slice, slice, Array], ...]:
    """The smoothing of one axis in pieces: which places come out, which are read, and with what weights."""
    reach = min(int(np.ceil(4 * sigma)), 2 * length)
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    weights /= weights.sum()
    bands = []
    for start in range(0, length, _BLOCK):
        rows = np.arange(start, min(start + _BLOCK, length))
        read = _mirrored(rows[:, None] + np.arange(-reach, reach + 1), length)
        first, last = int(read.min()), int(read.max()) + 1
        band = np.zeros((len(rows), last - first))
        np.add.at(band, (np.arange(len(rows))[:, None], read - first), weights)
        bands.append((slice(start, start + len(rows)), slice(first, last), band.astype(np.float32)))
    return tuple(bands)


def _mirrored(places: NDArray[np.int64], length: int) -> NDArray[np.int64]:
    folded = places % (2 * length)
    return np.where(folded < length, folded, 2 * length - 1 - folded)
