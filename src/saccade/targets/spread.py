"""How vectors vary: principal components from a stream of them, without taking a square."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_ROUNDING = 1e-5
"""Components that vary less than this share of the largest value are float32's rounding, no component."""


class Spread:
    """How vectors vary, from a stream of them.

    Keeps the mean and the triangle R of a QR decomposition of what was seen, centred: R^T R is the scatter about the
    mean. A batch is joined by decomposing R, the batch about its own mean, and one row for the distance between the two
    means. No square is ever taken, so weak components survive, and R has no more rows than there were vectors.
    """

    def __init__(self) -> None:
        self.count = 0
        self._mean: NDArray[np.float64] = np.zeros(0)
        self._triangle: NDArray[np.float64] = np.zeros((0, 0))
        self._largest = 0.0

    def add(self, vectors: NDArray[np.floating]) -> None:
        """See some more, (vectors, numbers)."""
        rows = np.asarray(vectors, np.float64)
        mean, more = rows.mean(axis=0), len(rows)
        self._largest = max(self._largest, float(np.abs(rows).max()))
        parts = [rows - mean]
        if self.count:
            between = np.sqrt(self.count * more / (self.count + more)) * (self._mean - mean)
            parts += [self._triangle, between[None]]
            mean = self._mean + (mean - self._mean) * more / (self.count + more)
        self._triangle = np.asarray(np.linalg.qr(np.concatenate(parts), mode="r"))
        self._mean, self.count = mean, self.count + more

    def components(self) -> NDArray[np.float64]:
        """Directions of length 1 in which the vectors vary, (components, numbers), the strongest first.

        The sign of a direction is free; its largest entry is made positive.
        """
        _, lengths, directions = np.linalg.svd(self._triangle, full_matrices=False)
        directions = directions[lengths > _ROUNDING * self._largest * np.sqrt(self.count)]
        largest = np.abs(directions).argmax(axis=1)
        return np.asarray(directions * np.sign(directions[np.arange(len(directions)), largest])[:, None])
