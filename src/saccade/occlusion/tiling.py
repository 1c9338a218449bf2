"""Many holes in one image, and still the exact answer for each.

A hole changes only the code cells that can see it, its footprint. Holes whose footprints share no cell can therefore be
cut into one image: every cell of the code is changed by at most one of them, exactly as if it were alone. Footprints
are products of a row interval and a column interval, so rows and columns are grouped apart, and each pair of a row
group and a column group is one pass: 49 passes for 16 px holes every 8 px of the reference net, at any image size.

The numbers after a hole are the untouched image's sums with the hole's footprint exchanged; a two-dimensional running
sum gives every footprint at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from saccade.engines.matmul import product
from saccade.models import Dataflow
from saccade.models.dataflow import Interval
from saccade.occlusion.order import coarse_to_fine
from saccade.targets.paths import Arrays


@dataclass(frozen=True)
class Holes:
    """Square holes on a regular grid; the last of a row or column is moved in so that it ends at the edge.

    Attributes:
        rows: Where the holes start, from the top.
        columns: Where the holes start, from the left.
        patch: Height and width of a hole.
        size: Height and width of the image.
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

    def one_by_one(self) -> Patterns:
        """An image without a hole, then every hole in an image of its own, row by row."""
        rows, columns = self.stencils()
        pairs = np.stack(np.meshgrid(np.arange(len(rows)), np.arange(len(columns)), indexing="ij"), -1).reshape(-1, 2)
        return _patterns(rows, columns, pairs)

    def shares(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """What every hole row adds to every row of pixels, (height, rows), and every hole column, (width, columns)."""
        down, across = ((covers / np.maximum(covers.sum(axis=0), 1)).T for covers in self.stencils())
        return down, across

    def spread(
        self, values: NDArray[np.float64], shares: tuple[NDArray[np.floating], NDArray[np.floating]] | None = None
    ) -> NDArray[np.float32]:
        """Give every pixel the mean of the holes that cover it.

        The mean is one along rows of one along columns, and so is smoothing: whoever wants the map smoothed smooths the
        shares of each axis, which are few.

        Args:
            values: (images, hole rows, hole columns).
            shares: What every hole row and column adds; by default `shares`.

        Returns:
            float32 (images, height, width); 0 where no hole reaches.
        """
        down, across = self.shares() if shares is None else shares
        down = down.astype(np.float64)
        return np.stack([product(product(down, each), across.T) for each in values]).astype(np.float32)


@dataclass(frozen=True)
class Patterns:
    """Patterns of holes, each the product of a row mask and a column mask; written out only when they are taken.

    Attributes:
        rows: The row masks, (masks, height).
        columns: The column masks, (masks, width).
        pairs: (patterns, 2): which row mask and which column mask make each pattern.
    """

    rows: NDArray[np.float32]
    columns: NDArray[np.float32]
    pairs: NDArray[np.int64]

    def __len__(self) -> int:
        """How many patterns there are."""
        return len(self.pairs)

    def take(self, start: int, stop: int) -> Arrays:
        """The patterns from `start` up to `stop`, as points of the path COVERED."""
        rows, columns = self.pairs[start:stop].T
        return {"rows": self.rows[rows], "columns": self.columns[columns]}

    def only(self, rows: Sequence[int]) -> Patterns:
        """Some of these patterns."""
        return replace(self, pairs=self.pairs[list(rows)])

    def followed_by(self, other: Patterns, rows: Sequence[int]) -> Patterns:
        """These patterns, then some of another set."""
        shift = [len(self.rows), len(self.columns)]
        return Patterns(
            np.concatenate([self.rows, other.rows]),
            np.concatenate([self.columns, other.columns]),
            np.concatenate([self.pairs, other.pairs[list(rows)] + shift]),
        )


def _patterns(rows: NDArray[np.float32], columns: NDArray[np.float32], pairs: NDArray[np.int64]) -> Patterns:
    """Nothing first, then every pair of a row mask and a column mask."""
    return Patterns(
        np.concatenate([rows, np.zeros_like(rows[:1])]),
        np.concatenate([columns, np.zeros_like(columns[:1])]),
        np.concatenate([[[len(rows), len(columns)]], pairs]),
    )


def holes(size: tuple[int, int], patch: tuple[int, int], stride: tuple[int, int]) -> Holes:
    """Lay holes over an image."""
    rows, columns = (_starts(size[axis], patch[axis], stride[axis]) for axis in (0, 1))
    return Holes(rows, columns, patch, size)


@dataclass(frozen=True)
class Tiling:
    """Which holes share an image, and which cells answer for each hole.

    Attributes:
        holes: The holes.
        row_groups: Rows of holes that share a pass.
        column_groups: Columns of holes that share a pass.
        row_footprints: For every row of holes the rows of cells that can change; none where each hole is alone.
        column_footprints: The same for columns.
    """

    holes: Holes
    row_groups: tuple[tuple[int, ...], ...]
    column_groups: tuple[tuple[int, ...], ...]
    row_footprints: tuple[Interval, ...]
    column_footprints: tuple[Interval, ...]

    @property
    def passes(self) -> int:
        """How many images are encoded."""
        return len(self.row_groups) * len(self.column_groups)

    @cached_property
    def order(self) -> NDArray[np.int64]:
        """(passes, 2): the row group and the column group of every pass, coarse to fine.

        The first passes already spread over the whole image, so a map can be drawn before all of them are done.
        """
        ranks = [np.argsort(coarse_to_fine(len(groups))) for groups in (self.row_groups, self.column_groups)]
        pairs = np.stack(np.meshgrid(*map(np.arange, map(len, ranks)), indexing="ij"), -1).reshape(-1, 2)
        down, across = (ranks[axis][pairs[:, axis]] for axis in (0, 1))
        return pairs[np.lexsort([across, down, np.maximum(down, across)])]

    @cached_property
    def numbers(self) -> NDArray[np.int64]:
        """(row groups, column groups): the number of the pass of every pair of groups."""
        numbers = np.empty((len(self.row_groups), len(self.column_groups)), np.int64)
        numbers[self.order[:, 0], self.order[:, 1]] = np.arange(self.passes)
        return numbers

    @cached_property
    def points(self) -> Patterns:
        """An image without a hole, then the patterns of holes, one per pass."""
        rows, columns = self.holes.stencils()
        row_masks = np.stack([rows[list(group)].max(axis=0) for group in self.row_groups])
        column_masks = np.stack([columns[list(group)].max(axis=0) for group in self.column_groups])
        return _patterns(row_masks, column_masks, self.order)

    def members(self, number: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Which hole rows and hole columns share this pass?"""
        rows, columns = self.order[number]
        return np.array(self.row_groups[rows]), np.array(self.column_groups[columns])

    @cached_property
    def all_members(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The hole rows of every pass (passes, rows) and its hole columns (passes, columns).

        A group that is smaller than the largest holds its last one several times.
        """
        rows, columns = _filled_up(self.row_groups), _filled_up(self.column_groups)
        return rows[self.order[:, 0]], columns[self.order[:, 1]]

    def sums(
        self, passes: slice, changed: NDArray[np.floating], untouched: NDArray[np.floating]
    ) -> NDArray[np.float64]:
        """What do the sums over the whole code become when each hole of these passes alone is cut?

        Args:
            passes: Which passes.
            changed: The terms of every cell in those passes, (passes, images, rows, columns, terms).
            untouched: The terms without any hole, (images, rows, columns, terms).

        Returns:
            float64 (passes, images, hole rows, hole columns, terms), for `all_members` of the passes.
        """
        if not self.row_footprints:
            return np.asarray(changed.sum(axis=(2, 3), dtype=np.float64)[:, :, None, None])
        whole = untouched.sum(axis=(1, 2), dtype=np.float64)
        count, images, height, width, terms = changed.shape
        running = np.zeros((count, images, height + 1, width + 1, terms))
        inner = running[:, :, 1:, 1:]
        np.subtract(changed, untouched, out=inner, dtype=np.float64)
        inner.cumsum(axis=2, out=inner).cumsum(axis=3, out=inner)
        rows, columns = (members[passes] for members in self.all_members)
        top, bottom = np.moveaxis(np.array(self.row_footprints)[rows], -1, 0)[..., None]
        left, right = np.moveaxis(np.array(self.column_footprints)[columns], -1, 0)[:, :, None]
        number = np.arange(count)[:, None, None]
        # The images' axis comes last of those that are picked by number, and goes back to its place.
        inside = (
            running[number, :, bottom, right]
            - running[number, :, top, right]
            - running[number, :, bottom, left]
            + running[number, :, top, left]
        )
        return np.asarray(whole[:, None, None] + np.moveaxis(inside, 3, 1))


@lru_cache(maxsize=32)
def tilings(flow: Dataflow, layers: tuple[str, ...], where: Holes) -> Mapping[str, Tiling]:
    """Group holes so that no cell of any of these layers can see two of one group: the same passes serve all."""
    reached = {
        layer: [
            tuple(flow.footprint(layer, axis, (start, start + where.patch[axis])) for start in starts)
            for axis, starts in ((0, where.rows), (1, where.columns))
        ]
        for layer in layers
    }
    groups = [apart(*(footprints[axis] for footprints in reached.values())) for axis in (0, 1)]
    plans = {layer: Tiling(where, groups[0], groups[1], rows, columns) for layer, (rows, columns) in reached.items()}
    return MappingProxyType(plans)  # kept for the next call


def one_each(where: Holes) -> Tiling:
    """Every hole in a pass of its own."""
    return Tiling(
        where, tuple((k,) for k in range(len(where.rows))), tuple((k,) for k in range(len(where.columns))), (), ()
    )


def apart(*several: Sequence[Interval]) -> tuple[tuple[int, ...], ...]:
    """Share things out among the fewest groups in which no two overlap (greedy by start, which is optimal).

    Args:
        *several: One interval for each thing; with more than one sequence two things are apart only if they are in
            every one.
    """
    groups: list[list[int]] = []
    ends: list[list[int]] = []
    for index in sorted(range(len(several[0])), key=lambda k: [each[k] for each in several]):
        intervals = [each[index] for each in several]
        for number, end in enumerate(ends):
            if all(last <= first for last, (first, _) in zip(end, intervals, strict=True)):
                groups[number].append(index)
                ends[number] = [max(last, next_end) for last, (_, next_end) in zip(end, intervals, strict=True)]
                break
        else:
            groups.append([index])
            ends.append([last for _, last in intervals])
    return tuple(tuple(sorted(group)) for group in groups)


def _filled_up(groups: Sequence[Sequence[int]]) -> NDArray[np.int64]:
    """Groups as rows of one array, smaller ones with their last member several times."""
    largest = max(map(len, groups))
    return np.array([[*group, *[group[-1]] * (largest - len(group))] for group in groups])


def _starts(length: int, patch: int, stride: int) -> tuple[int, ...]:
    starts = list(range(0, max(length - patch, 0) + 1, stride))
    if starts[-1] + patch < length:
        starts.append(length - patch)
    return tuple(starts)


@lru_cache(maxsize=32)
def _stencil(starts: tuple[int, ...], patch: int, length: int) -> NDArray[np.float32]:
    places = np.arange(length)
    first = np.array(starts)[:, None]
    stencil = ((places >= first) & (places < first + patch)).astype(np.float32)
    stencil.setflags(write=False)  # kept for the next call
    return stencil
