"""In which order to compute many things, so that the first few already spread over all of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def coarse_to_fine(count: int) -> NDArray[np.int64]:
    """0 to count - 1 in an order of which every beginning is spread evenly: by the bits of each number reversed.

    Source: van der Corput (1935).

    Example:
        >>> coarse_to_fine(8).tolist()
        [0, 4, 2, 6, 1, 5, 3, 7]
    """
    bits = max(count - 1, 1).bit_length()
    numbers = np.arange(1 << bits)
    reversed_bits = np.zeros_like(numbers)
    for bit in range(bits):
        reversed_bits |= ((numbers >> bit) & 1) << (bits - 1 - bit)
    return np.asarray(reversed_bits[reversed_bits < count], np.int64)
