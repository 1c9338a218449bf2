"""The area under a curve of similarity against the share of pixels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def area(values: NDArray[np.floating], shares: NDArray[np.floating]) -> NDArray[np.float64]:
    """The mean height of a curve, by the trapezoid rule.

    Args:
        values: (..., points).
        shares: (points,), rising.

    Returns:
        (...): the integral divided by the length of the interval, so that a constant gives itself.
    """
    heights = (values[..., 1:].astype(np.float64) + values[..., :-1]) / 2
    widths = np.diff(shares.astype(np.float64))
    return np.asarray((heights * widths).sum(axis=-1) / widths.sum())
