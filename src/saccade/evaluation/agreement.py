"""How alike are two maps? Spearman's rank correlation over places."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from saccade.typing import Array

GRID = 64
"""Maps are compared on a grid of at most so many cells a side."""


def on_grid(maps: Array, side: int = GRID) -> Array:
    """Means over equal cells, (images, cells): what two maps are compared on, whatever grids they came from.

    Args:
        maps: (images, height, width).
        side: At most so many cells a side.
    """
    result = maps.astype(np.float64)
    for axis in (1, 2):
        length = result.shape[axis]
        edges = np.round(np.linspace(0, length, min(side, length) + 1)).astype(int)
        sums = np.add.reduceat(result, edges[:-1], axis=axis)
        widths = np.diff(edges)
        result = sums / (widths[:, None] if axis == 1 else widths)
    return result.reshape(len(maps), -1).astype(np.float32)


def rank_correlation(a: NDArray[np.floating], b: NDArray[np.floating]) -> NDArray[np.float64]:
    """Spearman's rank correlation of each row of `a` with the same row of `b`.

    The Pearson correlation of ranks, where equal values share the mean of their ranks. A flat row orders nothing and
    correlates with nothing: 0.

    Args:
        a: (rows, places).
        b: (rows, places).

    Returns:
        (rows,), -1 to 1.
    """
    first, second = _standard(a), _standard(b)
    return np.asarray((first * second).sum(axis=-1))


def agreement(maps: NDArray[np.floating]) -> NDArray[np.float64]:
    """How alike are all methods to each other? The mean rank correlation over images.

    Args:
        maps: (methods, images, places).

    Returns:
        (methods, methods), 1 on the diagonal.
    """
    total = np.zeros((len(maps), len(maps)))
    for image in range(maps.shape[1]):
        rows = _standard(maps[:, image])
        total += rows @ rows.T
    total /= maps.shape[1]
    np.fill_diagonal(total, 1.0)
    return total


def _standard(values: NDArray[np.floating]) -> NDArray[np.float64]:
    """Ranks of each row, less their mean, at length 1; a flat row stays 0."""
    result = np.empty(values.shape)
    for row, numbers in enumerate(values):
        _, group, size = np.unique(numbers, return_inverse=True, return_counts=True)
        ends = np.cumsum(size)
        result[row] = (ends - (size - 1) / 2)[group]
    result -= result.mean(axis=-1, keepdims=True)
    length = np.sqrt((result**2).sum(axis=-1, keepdims=True))
    return np.asarray(result / np.where(length == 0, 1, length))
