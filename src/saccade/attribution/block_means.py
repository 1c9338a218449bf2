"""Means over the squares of a map."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def block_means(values: NDArray[np.floating], block: int) -> NDArray[np.float64]:
    """Means over squares of this side, in pixels; those at the lower and right edge may be smaller."""
    exact = values.astype(np.float64)
    if block == 1:
        return exact
    starts = [np.arange(0, side, block) for side in values.shape]
    sums = np.add.reduceat(np.add.reduceat(exact, starts[0], axis=0), starts[1], axis=1)
    sizes = [np.diff(np.append(start, side)) for start, side in zip(starts, values.shape, strict=True)]
    return np.asarray(sums / np.outer(*sizes))
