"""What pieces give, put together."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


class Gathered:
    """Arrays of all images, or of all points and images, that are filled piece by piece.

    Args:
        counts: How many images, or how many points and images.
        keeps_whole: A part that holds all of them is kept as it is, where nobody else may write into it; else copied.

    Attributes:
        arrays: (*counts, ...) each; whole once all pieces are there.
    """

    def __init__(self, *counts: int, keeps_whole: bool = False) -> None:
        self.arrays: list[NDArray[Any]] = []
        self._counts = counts
        self._keeps_whole = keeps_whole

    def put(self, index: int, where: tuple[slice, ...], part: NDArray[Any]) -> None:
        """Set what a piece gives into one of the arrays; the first piece says of which shape and type it is."""
        if index == len(self.arrays):
            if self._keeps_whole and part.shape[: len(where)] == self._counts:
                self.arrays.append(part)
                return
            self.arrays.append(np.empty((*self._counts, *part.shape[len(where) :]), part.dtype))
        self.arrays[index][where] = part
