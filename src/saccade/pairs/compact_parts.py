"""Parts of a grid of places that stay compact while they grow.

A region that winds round something else is no region to an eye: its outline is read as the thing in its middle, which
does not belong to it. So a place joins only where nothing that does not belong comes to lie deep inside of the convex
hull.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

Place = tuple[int, int]
"""Row and column of a place."""
Corner = tuple[int, int]

_DEEPEST = 0.45
"""So deep, in places, the middle of another place may lie inside of the hull: less than in the crook of a hook,"""
_DEEPEST_OF_SIDE = 0.1
"""and where parts are large, this share of the side of a square of their size."""
_MOST_PARTS = 2
"""The same stuff may lie in two spots, such as two eyes; more of them are confetti."""


class CompactParts:
    """One or two parts of a grid, each of connected places and compact.

    Args:
        rows: Of the grid.
        columns: Of the grid.
        most: At most so many parts.
    """

    def __init__(self, rows: int, columns: int, most: int = _MOST_PARTS) -> None:
        self._most = most
        self._part_at = np.full((rows, columns), -1)
        self._hulls: dict[int, list[Corner]] = {}
        self._next = 0
        self._middles = np.moveaxis(np.indices((rows, columns)), 0, -1) + 0.5

    def takes(self, place: Place) -> bool:
        """May this place join?"""
        numbers = self._beside(place)
        if len(self._hulls) - len(numbers) >= self._most:
            return False
        belongs = np.isin(self._part_at, list(numbers))
        belongs[place] = True
        deepest = max(_DEEPEST, _DEEPEST_OF_SIDE * float(np.sqrt(belongs.sum())))
        depth = _depth(self._middles, self._hull_with(place, numbers))
        return bool(depth[~belongs].max(initial=0.0) <= deepest)

    def add(self, place: Place) -> None:
        """Let this place join, and join the parts that it connects."""
        numbers = self._beside(place)
        self._hulls[self._next] = self._hull_with(place, numbers)
        for number in numbers:
            del self._hulls[number]
        self._part_at[np.isin(self._part_at, list(numbers))] = self._next
        self._part_at[place] = self._next
        self._next += 1

    def _beside(self, place: Place) -> set[int]:
        """The parts beside a place."""
        return {int(self._part_at[near]) for near in neighbours(place, *self._part_at.shape)} - {-1}

    def _hull_with(self, place: Place, numbers: set[int]) -> list[Corner]:
        """The hull of a place and of the parts beside it."""
        row, column = place
        corners = [(row, column), (row, column + 1), (row + 1, column), (row + 1, column + 1)]
        return _hull([*corners, *(corner for number in numbers for corner in self._hulls[number])])


def neighbours(place: Place, rows: int, columns: int) -> Iterator[Place]:
    """The places beside a place, at most four."""
    row, column = place
    for down, across in ((-1, 0), (1, 0), (0, -1), (0, 1)):
        if 0 <= row + down < rows and 0 <= column + across < columns:
            yield row + down, column + across


def _hull(corners: Sequence[Corner]) -> list[Corner]:
    """The corners of the smallest convex shape round all of them, one way round (Andrew's monotone chain)."""
    ordered = sorted(set(corners))
    return _half(ordered) + _half(ordered[::-1])


def _half(ordered: Sequence[Corner]) -> list[Corner]:
    chain: list[Corner] = []
    for corner in ordered:
        while len(chain) > 1 and _turn(chain[-2], chain[-1], corner) <= 0:
            chain.pop()
        chain.append(corner)
    return chain[:-1]


def _turn(start: Corner, middle: Corner, end: Corner) -> int:
    return (middle[0] - start[0]) * (end[1] - start[1]) - (middle[1] - start[1]) * (end[0] - start[0])


def _depth(points: NDArray[np.floating], hull: Sequence[Corner]) -> NDArray[np.floating]:
    """How far inside of a convex shape, whose corners come in the order of `_hull`, do points lie? Negative outside."""
    corners = np.array(hull, float)
    along = np.roll(corners, -1, axis=0) - corners
    away = points[..., None, :] - corners
    sideways = along[:, 0] * away[..., 1] - along[:, 1] * away[..., 0]
    return np.asarray((sideways / np.linalg.norm(along, axis=1)).min(axis=-1))
