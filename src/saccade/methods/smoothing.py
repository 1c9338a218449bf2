"""Gaussian smoothing: the blurred picture that stands for "nothing", and the low-passed view of gradients."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]


def gaussian_blur(images: Array, sigma: float) -> Array:
    """Smooth along height and width; edges are mirrored, so that a constant stays a constant.

    Args:
        images: (images, height, width, channels) or (images, height, width).
        sigma: Standard deviation of the Gaussian in pixels; 0 gives the images back.
    """
    if sigma <= 0:
        return images
    rows = _gaussian(images.shape[1], sigma)
    columns = _gaussian(images.shape[2], sigma)
    down = np.einsum("gh,ihw...->igw...", rows, images, optimize=True)
    return np.ascontiguousarray(np.einsum("vw,ihw...->ihv...", columns, down, optimize=True), dtype=np.float32)


def _gaussian(length: int, sigma: float) -> Array:
    """The smoothing of one axis as a matrix; rows sum to one."""
    reach = min(int(np.ceil(4 * sigma)), 2 * length)
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    weights /= weights.sum()
    matrix = np.zeros((length, length))
    places = np.arange(length)
    for offset, weight in zip(range(-reach, reach + 1), weights, strict=True):
        np.add.at(matrix, (places, _mirrored(places + offset, length)), weight)
    return matrix.astype(np.float32)


def _mirrored(places: NDArray[np.int64], length: int) -> NDArray[np.int64]:
    folded = places % (2 * length)
    return np.where(folded < length, folded, 2 * length - 1 - folded)
