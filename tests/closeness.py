"""Arrays that are equal but for rounding."""

from __future__ import annotations

from typing import Any

import numpy as np


def close(actual: Any, expected: Any, tolerance: float = 1e-4) -> None:
    """Equal to a share of the largest value: what a map is read by."""
    largest = max(float(np.abs(expected).max()), 1e-12)
    np.testing.assert_allclose(actual, expected, rtol=0, atol=tolerance * largest)
