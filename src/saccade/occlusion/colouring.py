"""Many cells in one backward pass, and still the exact gradient of each.

A cell of the code sees one field of the image. Cells whose fields share no pixel can share a backward pass: every
pixel gets the gradient of at most one of them, exactly as if that cell were alone. Fields are products of a row
interval and a column interval, so rows and columns are coloured apart (as the vertices of a graph are, whose edges are
overlaps): 9 passes for all cells of the reference net, at any image size. This is the counterpart of `tiling`, which
shares forward passes among holes.

Where a cell sees the whole image nothing can be shared, and the same arithmetic gives one pass for each cell.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from saccade.errors import MemoryBudgetError
from saccade.models import Dataflow
from saccade.models.dataflow import EVERYWHERE, Interval
from saccade.models.places import Places
from saccade.occlusion.tiling import apart
from saccade.run import Run
from saccade.typing import Array

TOLERANCE = 1e-4
"""Shared and lone gradients may differ by this share of the largest: float32's rounding, far below a wrong cell."""
_PASSES_AT_ONCE = 16
"""How many backward passes are held in memory together, at most."""


@dataclass(frozen=True)
class Colouring:
    """Which cells share a backward pass, and which window of the image answers for each.

    Attributes:
        size: Height and width of the image.
        row_receptive_fields: For every row of cells the rows of the image that it can see, also beyond its edges;
            `EVERYWHERE` where a layer on the way mixes all places.
        column_receptive_fields: The same for columns.
        row_groups: Rows of cells that share a pass.
        column_groups: The same for columns.
    """

    size: tuple[int, int]
    row_receptive_fields: tuple[Interval, ...]
    column_receptive_fields: tuple[Interval, ...]
    row_groups: tuple[tuple[int, ...], ...]
    column_groups: tuple[tuple[int, ...], ...]

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns of cells."""
        return len(self.row_receptive_fields), len(self.column_receptive_fields)

    @property
    def cells(self) -> int:
        """How many cells there are."""
        return len(self.row_receptive_fields) * len(self.column_receptive_fields)

    @property
    def passes(self) -> int:
        """How many backward passes give the gradients of all cells."""
        return len(self.row_groups) * len(self.column_groups)

    @property
    def fields(self) -> tuple[tuple[Interval, ...], tuple[Interval, ...]]:
        """What each row and each column of cells sees of the image itself, half open."""
        return (
            tuple(_within(each, self.size[0]) for each in self.row_receptive_fields),
            tuple(_within(each, self.size[1]) for each in self.column_receptive_fields),
        )

    @property
    def window(self) -> tuple[int, int]:
        """Height and width of the largest field."""
        rows, columns = (max(last - first for first, last in each) for each in self.fields)
        return rows, columns

    def masks(self) -> Array:
        """1 for the cells of each pass: (passes, rows, columns)."""
        rows, columns = (
            np.stack([np.isin(np.arange(count), group) for group in groups])
            for count, groups in zip(self.grid, (self.row_groups, self.column_groups), strict=True)
        )
        both = rows[:, None, :, None] & columns[None, :, None, :]
        return both.reshape(self.passes, *self.grid).astype(np.float32)

    def windows(self, answers: Array) -> Array:
        """Cut every cell's field out of the pass that it took part in.

        Args:
            answers: (passes, height, width, channels) of one image.

        Returns:
            (rows, columns, window height, window width, channels), each field from the upper left corner of its
            window on; zero beyond it.
        """
        cut = np.zeros((*self.grid, *self.window, answers.shape[-1]), np.float32)
        row_fields, column_fields = self.fields
        for down, rows in enumerate(self.row_groups):
            for across, columns in enumerate(self.column_groups):
                answer = answers[down * len(self.column_groups) + across]
                for row in rows:
                    top, bottom = row_fields[row]
                    for column in columns:
                        left, right = column_fields[column]
                        cut[row, column, : bottom - top, : right - left] = answer[top:bottom, left:right]
        return cut

    def placed(self, window: Array, row: int, column: int) -> Array:
        """Put one cell's window (height, width, channels) back into an image of zeros."""
        (top, bottom), (left, right) = self.fields[0][row], self.fields[1][column]
        full = np.zeros((*self.size, *window.shape[2:]), np.float32)
        full[top:bottom, left:right] = window[: bottom - top, : right - left]
        return full


def colouring(flow: Dataflow, layer: str, grid: tuple[int, int]) -> Colouring:
    """Group the cells of `layer` so that no pixel is seen by two cells of one group.

    Args:
        flow: How places move at this image size.
        layer: The layer whose cells are grouped.
        grid: Rows and columns of its cells; where the flow knows no such grid, every cell sees everything.
    """
    if flow.grid(layer) != grid:
        return alone(flow.size, grid)
    unclipped_fields = [tuple(flow.field(layer, axis, (k, k + 1)) for k in range(grid[axis])) for axis in (0, 1)]
    groups = [apart([_within(each, flow.size[axis]) for each in unclipped_fields[axis]]) for axis in (0, 1)]
    return Colouring(flow.size, unclipped_fields[0], unclipped_fields[1], groups[0], groups[1])


def alone(size: tuple[int, int], grid: tuple[int, int]) -> Colouring:
    """Every cell in a pass of its own, with the whole image as its field."""
    rows, columns = ((EVERYWHERE,) * count for count in grid)
    each_row, each_column = (tuple((k,) for k in range(count)) for count in grid)
    return Colouring(size, rows, columns, each_row, each_column)


def cell_gradients(
    run: Run, images: Array, patterns: Array, plan: Colouring, places: Places | None = None
) -> tuple[Array, float]:
    """What is the gradient of `<f(x')[u], pattern[u]>` at every pixel, for every cell u of the code?

    Args:
        run: The call, on an encoder.
        images: (images, height, width, channels).
        patterns: (images, rows, columns, code channels): what each cell's numbers are weighed with.
        plan: Which cells share a pass.
        places: Where the cells lie among the code's numbers; by default the patterns have the code's own form.

    Returns:
        The gradients in each cell's window, (images, rows, columns, window height, window width, channels), and by how
        much three cells that also had a backward pass of their own differ, as a share of the largest gradient (0 when
        nothing is shared).

    Raises:
        MemoryBudgetError: The windows of all cells together are larger than the encoder's memory.
    """
    needed = 4 * len(images) * plan.cells * int(np.prod(plan.window)) * images.shape[-1]
    if needed > run.engine.memory:
        raise MemoryBudgetError(
            f"the maps of {len(images)} x {plan.cells} cells of {plan.window[0]}x{plan.window[1]} px need "
            f"{needed / 2**20:,.0f} MiB, more than the {run.engine.memory / 2**20:,.0f} MiB allowed; give fewer or "
            "smaller images, or raise the limit (--memory, memory=)."
        )
    masks = plan.masks()
    windows = np.empty((len(images), *plan.grid, *plan.window, images.shape[-1]), np.float32)
    off = 0.0
    for index in range(len(images)):
        image, pattern = images[index : index + 1], patterns[index]
        checked = _cells_to_check(pattern, plan)
        singles = np.zeros((len(checked), *plan.grid), np.float32)
        for single, (row, column) in zip(singles, checked, strict=True):
            single[row, column] = 1.0
        together = np.concatenate([masks, singles])[..., None] * pattern
        if places is not None:
            together = places.join(together, run.engine.layer_shape(image, run.encoder.layer))
        answers = vjp_of_patterns(run, image, together)
        windows[index] = plan.windows(answers[: plan.passes])
        largest = max(float(np.abs(answers).max()), 1e-30)
        for answer, cell in zip(answers[plan.passes :], checked, strict=True):
            apart = float(np.abs(plan.placed(windows[index][cell], *cell) - answer).max()) / largest
            off = max(off, apart) if np.isfinite(apart) else np.inf
    return windows, off


def passes_at_once(run: Run, image: Array) -> int:
    """How many backward passes to hold in memory together: their gradients lie there twice, beside the pass itself."""
    return max(1, min(_PASSES_AT_ONCE, run.engine.memory // (32 * image.nbytes)))


def vjp_of_patterns(run: Run, image: Array, patterns: Array) -> Array:
    """`J^T c` on one image for patterns of the code's numbers in their order, (patterns, ...), a few at a time."""
    cotangents = patterns.reshape(len(patterns), 1, *run.engine.layer_shape(image, run.encoder.layer))
    groups = -(-len(cotangents) // passes_at_once(run, image))
    size = -(-len(cotangents) // groups)
    answers = np.empty((len(cotangents), *image.shape[1:]), np.float32)
    with run.own_progress(groups, len(cotangents)) as step:
        for start in range(0, len(cotangents), size):
            some = cotangents[start : start + size]
            # Engines compile once per shape, so the last group is filled up to the size of the others.
            filled = np.concatenate([some, np.zeros((size - len(some), *some.shape[1:]), np.float32)])
            answers[start : start + size] = run.vjp(image, run.encoder.layer, filled)[: len(some), 0]
            step()
    return answers


def _cells_to_check(pattern: Array, plan: Colouring) -> list[tuple[int, int]]:
    """Three cells to be computed alone as well: the strongest, and two inner ones."""
    if plan.passes == plan.cells:
        return []
    rows, columns = plan.grid
    strongest = int((pattern.astype(np.float64) ** 2).sum(axis=-1).argmax())
    return [divmod(strongest, columns), (rows // 3, columns // 3), (2 * rows // 3, 2 * columns // 3)]


def _within(sight: Interval, length: int) -> Interval:
    first, last = max(sight[0], 0), min(sight[1], length)
    return (first, last) if last > first else (0, 0)
