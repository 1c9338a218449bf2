"""A code written as a sum: what each place of the image adds to it, and what is the same wherever one looks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Terms:
    """The sum of all of `cells` and `constant` is the code.

    Attributes:
        cells: float64 (rows, columns, numbers of the code): what each place adds.
        constant: float64 (numbers of the code): what no place adds, such as the offset of a linear layer.
    """

    cells: Numbers
    constant: Numbers

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns of places."""
        return self.cells.shape[0], self.cells.shape[1]

    @property
    def code(self) -> Numbers:
        """The sum."""
        return np.asarray(self.cells.sum(axis=(0, 1)) + self.constant)

    def through(self, linear: Callable[[Numbers], Numbers], offset: Numbers | float = 0.0) -> Terms:
        """The terms of `linear(code) + offset`.

        Args:
            linear: Acts on the last axis.
            offset: What is added.
        """
        return Terms(linear(self.cells), linear(self.constant) + offset)

    def less(self, centre: Numbers) -> Terms:
        """The terms of the code less a mean code: every place gives the same part of what is taken off."""
        rows, columns = self.grid
        away = (self.constant - centre) / (rows * columns)
        return Terms(self.cells + away, np.zeros_like(self.constant))


def products(a: Numbers, b: Numbers) -> Numbers:
    """The inner products of all cells of one image with all of another, (rows, columns, rows, columns).

    Args:
        a: (rows, columns, numbers).
        b: The same of the other image.
    """
    flat_a, flat_b = (cells.reshape(-1, cells.shape[-1]) for cells in (a, b))
    return np.asarray((flat_a @ flat_b.T).reshape(*a.shape[:2], *b.shape[:2]))
