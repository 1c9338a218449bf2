"""Many holes in one picture, and still the exact answer for each.

A hole changes only the code cells that can see it, its footprint. Holes whose footprints share no cell can therefore be
cut into one picture: every cell of the code is changed by at most one of them, exactly as if it were alone. Footprints
are products of a row interval and a column interval, so rows and columns are grouped apart, and each pair of a row
group and a column group is one pass: 49 passes for 16 px holes every 8 px of the reference net, at any picture size.

The numbers after a hole are the untouched picture's sums with the hole's footprint exchanged; a two-dimensional running
sum gives every footprint at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from saccade.models import Dataflow
from saccade.models.dataflow import Interval
from saccade.paths import ArrayPoints


@dataclass(frozen=True)
class Holes:
    """Square holes on a regular grid; the last of a row or column is moved in so that it ends at the edge.

    Attributes:
        rows: Where the holes start, from the top.
        columns: Where the holes start, from the left.
        patch: Height and width of a hole.
        size: Height and width of the picture.
    """

    rows: tuple[int, ...]
    columns: tuple[int, ...]
    patch: tuple[int, int]
    size: tuple[int, int]

    @property
    def count(self) -> int:
        """How many holes there are."""
        return len(self.rows) * len(self.columns)

    def stencils(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """For every hole row and hole column, 1 where it covers: (rows, height) and (columns, width)."""
        return (
            _stencil(self.rows, self.patch[0], self.size[0]),
            _stencil(self.columns, self.patch[1], self.size[1]),
        )

    def one_by_one(self) -> ArrayPoints:
        """Every hole in a picture of its own, row by row."""
        rows, columns = self.stencils()
        return ArrayPoints(
            {"rows": np.repeat(rows, len(self.columns), axis=0), "columns": np.tile(columns, (len(self.rows), 1))}
        )

    def spread(self, values: NDArray[np.float64]) -> NDArray[np.float32]:
        """Give every pixel the mean of the holes that cover it.

        Args:
            values: (images, hole rows, hole columns).

        Returns:
            float32 (images, height, width); 0 where no hole reaches.
        """
        rows, columns = self.stencils()
        total: NDArray[np.float64] = np.einsum("rh,irc,cw->ihw", rows, values, columns, optimize=True)
        times = rows.sum(axis=0)[:, None] * columns.sum(axis=0)[None, :]
        return np.asarray(total / np.maximum(times, 1.0), np.float32)


def holes(size: tuple[int, int], patch: tuple[int, int], stride: tuple[int, int]) -> Holes:
    """Lay holes over a picture."""
    rows, columns = (_starts(size[axis], patch[axis], stride[axis]) for axis in (0, 1))
    return Holes(rows, columns, patch, size)


@dataclass(frozen=True)
class Tiling:
    """Which holes share a picture, and which cells answer for each hole."""

    holes: Holes
    row_groups: tuple[tuple[int, ...], ...]
    column_groups: tuple[tuple[int, ...], ...]
    row_footprints: tuple[Interval, ...]
    column_footprints: tuple[Interval, ...]

    @property
    def passes(self) -> int:
        """How many pictures are encoded."""
        return len(self.row_groups) * len(self.column_groups)

    def points(self) -> ArrayPoints:
        """The patterns of holes, one per pass."""
        rows, columns = self.holes.stencils()
        row_masks = np.stack([rows[list(group)].max(axis=0) for group in self.row_groups])
        column_masks = np.stack([columns[list(group)].max(axis=0) for group in self.column_groups])
        return ArrayPoints(
            {
                "rows": np.repeat(row_masks, len(column_masks), axis=0),
                "columns": np.tile(column_masks, (len(row_masks), 1)),
            }
        )

    def sums(self, changed: NDArray[np.floating], untouched: NDArray[np.floating]) -> NDArray[np.float64]:
        """What do the sums over the whole code become when one hole alone is cut?

        Args:
            changed: The terms of every cell in every pass, (passes, images, rows, columns, terms).
            untouched: The terms without any hole, (images, rows, columns, terms).

        Returns:
            float64 (images, hole rows, hole columns, terms).
        """
        images, terms = untouched.shape[0], untouched.shape[-1]
        whole = untouched.sum(axis=(1, 2), dtype=np.float64)
        answer = np.empty((images, len(self.holes.rows), len(self.holes.columns), terms))
        for number in range(self.passes):
            rows = np.array(self.row_groups[number // len(self.column_groups)])
            columns = np.array(self.column_groups[number % len(self.column_groups)])
            change = changed[number].astype(np.float64) - untouched
            running = np.zeros((images, change.shape[1] + 1, change.shape[2] + 1, terms))
            running[:, 1:, 1:] = change.cumsum(axis=1).cumsum(axis=2)
            top, bottom = np.array([self.row_footprints[k] for k in rows]).T
            left, right = np.array([self.column_footprints[k] for k in columns]).T
            inside = (
                running[:, bottom[:, None], right]
                - running[:, top[:, None], right]
                - running[:, bottom[:, None], left]
                + running[:, top[:, None], left]
            )
            answer[:, rows[:, None], columns] = whole[:, None, None] + inside
        return answer


def tiling(flow: Dataflow, layer: str, where: Holes) -> Tiling:
    """Group holes so that no cell of `layer` can see two of one group."""
    footprints, groups = [], []
    for axis, starts in ((0, where.rows), (1, where.columns)):
        found = tuple(flow.footprint(layer, axis, (start, start + where.patch[axis])) for start in starts)
        footprints.append(found)
        groups.append(_apart(found))
    return Tiling(where, groups[0], groups[1], footprints[0], footprints[1])


def _apart(intervals: Sequence[Interval]) -> tuple[tuple[int, ...], ...]:
    """Share intervals out among the fewest groups in which no two overlap (greedy by start, which is optimal)."""
    groups: list[list[int]] = []
    ends: list[int] = []
    for index in sorted(range(len(intervals)), key=lambda k: intervals[k]):
        first, last = intervals[index]
        for number, end in enumerate(ends):
            if end <= first:
                groups[number].append(index)
                ends[number] = last
                break
        else:
            groups.append([index])
            ends.append(last)
    return tuple(tuple(sorted(group)) for group in groups)


def _starts(length: int, patch: int, stride: int) -> tuple[int, ...]:
    starts = list(range(0, max(length - patch, 0) + 1, stride))
    if starts[-1] + patch < length:
        starts.append(length - patch)
    return tuple(starts)


def _stencil(starts: Sequence[int], patch: int, length: int) -> NDArray[np.float32]:
    places = np.arange(length)
    first = np.array(starts)[:, None]
    return ((places >= first) & (places < first + patch)).astype(np.float32)
