"""How large is the part of its field that a cell really uses?

A cell can see its theoretical receptive field, but most paths through the network lead to the middle of it, so that the
middle moves the cell far more than the rim. The effective size is the side of the square, centred on the field, that
holds a given share of the gradient's energy. Source: Luo, Li, Urtasun and Zemel (2016), arXiv:1701.04128; they look at
the gradient of one unit averaged over random inputs, here it is the gradient of every cell on the given images.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from saccade.errors import InputError

Shares = NDArray[np.float64]
Interval = tuple[int, int]
Axes = tuple[tuple[Interval, ...], tuple[Interval, ...]]
_FAR = 10**8
"""An interval that reaches further than this is no field: the cell sees everything."""


@dataclass(frozen=True, eq=False)
class EffectiveFields:
    """Where the gradient energy of each cell lies in its field.

    Attributes:
        energy: float64 (images, rows, columns, height, width): the squared gradient in each cell's window.
        fields: For every row of cells the rows of the image that it sees, for every column the columns; half open.
        unclipped_fields: The same, also where they reach beyond the image's edges; without bounds where all places
            mix.
        image_size: Height and width of the image.
    """

    energy: NDArray[np.float64]
    fields: Axes
    unclipped_fields: Axes
    image_size: tuple[int, int]

    @cached_property
    def theoretical(self) -> tuple[int, int] | None:
        """Height and width that the widest-seeing cell can see, in pixels; None: all of the image."""
        spans = [max(last - first for first, last in fields) for fields in self.unclipped_fields]
        return None if max(spans) > _FAR else (spans[0], spans[1])

    @cached_property
    def inner(self) -> NDArray[np.bool_]:
        """Which cells see nothing beyond the image's edges? (rows, columns); all when there is no such cell."""
        rows, columns = (
            np.array([first >= 0 and last <= length for first, last in fields])
            for fields, length in zip(self.unclipped_fields, self.image_size, strict=True)
        )
        inner = rows[:, None] & columns[None, :]
        return np.asarray(inner if inner.any() else np.ones_like(inner))

    @cached_property
    def sides(self) -> range:
        """Sides of the squares, in pixels, that `shares` counts."""
        height, width = self.theoretical or (2 * self.image_size[0], 2 * self.image_size[1])
        return range(max(height, width) + 1)

    @cached_property
    def shares(self) -> Shares:
        """Which share of each cell's gradient energy lies within squares of rising side round its field's middle?

        float64 (images, rows, columns, sides); NaN for cells that no pixel moves. A cell that sees everything has no
        such middle; there the squares lie round the centre of gravity of its energy.
        """
        shares = np.empty((*self.energy.shape[:3], len(self.sides)))
        for cell in np.ndindex(*self.energy.shape[:3]):
            shares[cell] = shares_within(self.energy[cell], self.centre(*cell), self.sides)
        return shares

    @cached_property
    def curve(self) -> Shares:
        """`shares` averaged over inner cells and images, float64 (sides,); cells that no pixel moves do not count."""
        inner = self.shares[:, self.inner].reshape(-1, len(self.sides))
        moved = inner[~np.isnan(inner[:, 0])]
        return moved.mean(axis=0) if len(moved) else np.full(len(self.sides), np.nan)

    @property
    def averaged(self) -> int:
        """How many fields the curve is the mean of."""
        return int((~np.isnan(self.shares[:, self.inner, 0])).sum())

    @cached_property
    def profile(self) -> NDArray[np.float64]:
        """The mean share of energy at each pixel of a field, over inner cells and images; (height, width), sum 1.

        Cells whose fields have the most frequent shape are averaged, corner on corner.
        """
        cells = [(int(row), int(column)) for row, column in np.argwhere(self.inner)]
        shapes = [self._shape(*cell) for cell in cells]
        common = max(set(shapes), key=shapes.count)
        alike = [cell for cell, shape in zip(cells, shapes, strict=True) if shape == common]
        energy = np.stack([self.energy[:, row, column, : common[0], : common[1]] for row, column in alike])
        energy = energy.reshape(-1, *common)
        totals = energy.sum(axis=(1, 2))
        moved = totals > 0
        if not moved.any():
            return np.zeros(common)
        return np.asarray((energy[moved] / totals[moved, None, None]).mean(axis=0))

    def size(self, share: float) -> float:
        """How large is the square that holds this share on average? Its side in pixels, read off `curve`.

        Raises:
            InputError: Not a share.
        """
        return side_of(_checked(share), self.curve, self.sides)

    def sizes(self, share: float) -> NDArray[np.float64]:
        """The same for every cell, (images, rows, columns); NaN for cells that no pixel moves."""
        rows = self.shares.reshape(-1, len(self.sides))
        sides = np.array([side_of(_checked(share), row, self.sides) for row in rows])
        return sides.reshape(self.shares.shape[:3])

    def size_of(self, share: float, index: int, row: int, column: int) -> float:
        """The side of one cell's square."""
        return side_of(_checked(share), self.shares[index, row, column], self.sides)

    def centre(self, index: int, row: int, column: int) -> tuple[float, float]:
        """Row and column of the middle of a cell's field, from the upper left corner of its window on."""
        if self.theoretical is not None:
            down, across = (
                (unclipped[0] + unclipped[1]) / 2 - field[0]
                for unclipped, field in (
                    (self.unclipped_fields[0][row], self.fields[0][row]),
                    (self.unclipped_fields[1][column], self.fields[1][column]),
                )
            )
            return down, across
        energy = self.energy[index, row, column]
        total = energy.sum()
        if total <= 0:
            return energy.shape[0] / 2, energy.shape[1] / 2
        down, across = (
            float((energy.sum(axis=1 - axis) * (np.arange(energy.shape[axis]) + 0.5)).sum() / total) for axis in (0, 1)
        )
        return down, across

    def _shape(self, row: int, column: int) -> tuple[int, int]:
        (top, bottom), (left, right) = self.fields[0][row], self.fields[1][column]
        return bottom - top, right - left


def shares_within(energy: NDArray[np.floating], centre: tuple[float, float], sides: Sequence[int]) -> Shares:
    """Which share of the energy lies within a square of each side round a centre?

    A pixel that the square's edge cuts counts by the part of its area inside, so the share grows smoothly.

    Args:
        energy: (height, width), not negative.
        centre: Row and column of the centre; the middle of the first pixel is 0.5.
        sides: Sides of the squares in pixels.

    Returns:
        float64 (sides,), 0 to 1; NaN when there is no energy at all.
    """
    values = np.asarray(energy, np.float64)
    total = values.sum()
    if total <= 0:
        return np.full(len(sides), np.nan)
    down, across = (_overlaps(values.shape[axis], centre[axis], sides) for axis in (0, 1))
    return np.asarray(((down @ values) * across).sum(axis=1) / total)


def side_of(share: float, shares: Shares, sides: Sequence[int]) -> float:
    """How long is the side of the square that holds this share? Between two sides the share is read off a line.

    Args:
        share: Above 0 and up to 1.
        shares: What squares of each side hold, rising.
        sides: Their sides.

    Returns:
        Pixels; NaN where there was no energy.
    """
    if np.isnan(shares).any():
        return float("nan")
    above = int(np.searchsorted(shares, share - 1e-12))
    if above == 0 or above == len(shares):
        return float(sides[min(above, len(shares) - 1)])
    low, high = shares[above - 1], shares[above]
    return float(sides[above - 1] + (sides[above] - sides[above - 1]) * (share - low) / (high - low))


def _overlaps(length: int, centre: float, sides: Sequence[int]) -> Shares:
    """Which part of each pixel of an axis lies within each side: (sides, length)."""
    half = np.asarray(sides, np.float64)[:, None] / 2
    pixels = np.arange(length, dtype=np.float64)
    inside = np.minimum(pixels + 1, centre + half) - np.maximum(pixels, centre - half)
    return np.asarray(np.clip(inside, 0, 1))


def _checked(share: float) -> float:
    if not 0 < share <= 1:
        raise InputError(f"share={share}: give a share above 0 and up to 1, such as 0.5.")
    return share
