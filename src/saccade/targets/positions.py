"""The code itself: all of it, one channel, one cell, a rectangle of cells."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from saccade.errors import InputError
from saccade.targets.form import TextForm, bounds, two_values, whole_number
from saccade.targets.measure import HALF_ENERGY, INNER_PRODUCT, SHARE_CHANGED
from saccade.targets.quantity import Quantity
from saccade.targets.spans import Bounds, Span, position, span
from saccade.targets.target import Codes, CodeSource, Target


def code() -> Target:
    """What in this image is the code made of?

    Gradients: `s(x') = <f(x'), f(x)>`, f(x) frozen; occlusion: `|f(x') - f(x)|² / |f(x)|²`, the squared change as a
    share of the code's square: at 1 % the code has moved by 10 % of its length.

    Source: label-free feature importance, Crabbé and van der Schaar (2022), arXiv:2203.01928.

    Example:
        >>> saccade.targets.code().occlusion_units.name
        'squared change of the code (share of its square)'
    """
    return Target(
        kind="code",
        arguments=Whole(),
        name="code",
        text="code",
        question="what the code is made of",
        gradient_measure=INNER_PRODUCT,
        gradient_units=Quantity("inner product with the photo's own code"),
        occlusion_measure=SHARE_CHANGED,
        occlusion_units=Quantity("squared change of the code (share of its square)", is_share=True),
        counts_increase=True,
        autograd_form=HALF_ENERGY,
    )


def channel(index: int) -> Target:
    """What in this image drives one channel of the code? `s = mean over places of f(x')[..., index]`.

    Args:
        index: The channel, counted from 0 (negative: from the end).

    Example:
        >>> saccade.targets.channel(3).question
        'what drives channel 3 of the code'
    """
    index = position("channel", index)
    return Target(
        kind="channel",
        arguments=Channel(index),
        name=f"channel:{index}",
        text=f"channel:{index}",
        question=f"what drives channel {index} of the code",
        gradient_measure=INNER_PRODUCT,
        gradient_units=Quantity(f"mean of channel {index}"),
        occlusion_measure=INNER_PRODUCT,
        occlusion_units=Quantity(f"fall of the mean of channel {index}"),
    )


def cell(row: int, column: int) -> Target:
    """What does one place of the code see? `s = <f(x')[row, column], f(x)[row, column]>`, the second frozen.

    Args:
        row: Row of the code's grid, counted from 0.
        column: Column of the code's grid, counted from 0.

    Example:
        >>> saccade.targets.cell(4, 5).name
        'cell:4,5'
    """
    row, column = position("row", row), position("column", column)
    return Target(
        kind="cell",
        arguments=Cell(row, column),
        name=f"cell:{row},{column}",
        text=f"cell:{row},{column}",
        question=f"what cell {row},{column} of the code sees",
        gradient_measure=INNER_PRODUCT,
        gradient_units=Quantity("inner product with the cell's own values"),
        occlusion_measure=INNER_PRODUCT,
        occlusion_units=Quantity("fall of the inner product with the cell's own values"),
    )


def region(rows: Bounds, columns: Bounds) -> Target:
    """What does a rectangle of the code see? `s = <f(x')[rows, columns], f(x)[rows, columns]>`, the second frozen.

    Args:
        rows: First row and the row behind the last, `(2, 5)`, counted from 0; a slice; None for all.
        columns: The same for columns.

    Raises:
        InputError: A rectangle of no cells; once the code is known, one that leaves its grid.

    Example:
        >>> saccade.targets.region((2, 5), (1, 4)).name
        'region:2:5,1:4'
    """
    region = Region(span("rows", rows), span("columns", columns))
    return Target(
        kind="region",
        arguments=region,
        name=f"region:{region.rows},{region.columns}",
        text=f"region:{region.rows},{region.columns}",
        question=f"what {region.rows.in_words('row', 'rows')} and {region.columns.in_words('column', 'columns')} of "
        "the code see",
        gradient_measure=INNER_PRODUCT,
        gradient_units=Quantity("inner product with the region's own values"),
        occlusion_measure=INNER_PRODUCT,
        occlusion_units=Quantity("fall of the inner product with the region's own values"),
    )


@dataclass(frozen=True)
class Whole:
    """All of the code, which is its own reference."""

    def reference(self, codes: Codes, _: CodeSource) -> Codes:
        """The codes."""
        return codes


@dataclass(frozen=True)
class Channel:
    """One channel, counted from 0; negative: from the end."""

    index: int

    def reference(self, codes: Codes, source: CodeSource) -> Codes:
        """One over the number of places, in that channel; special tokens are no places."""
        channels = codes.shape[-1]
        if not -channels <= self.index < channels:
            raise InputError(
                f"the code has {channels} channels, so channel {self.index} does not exist; give 0 to {channels - 1}."
            )
        weights = np.zeros((len(codes), 1, 1, channels), np.float32)
        weights[..., self.index] = 1.0
        return weights * mean_over_places(codes, source)


@dataclass(frozen=True)
class Cell:
    """One place of the code's grid, counted from 0."""

    row: int
    column: int

    def reference(self, codes: Codes, source: CodeSource) -> Codes:
        """The code in that cell, zero elsewhere."""
        return codes * self.mask(codes, source)

    def mask(self, codes: Codes, source: CodeSource) -> Codes:
        """1 for the numbers of that cell, (1, rows, columns, channels)."""
        rows, columns = grid_of(codes, source)
        if not (0 <= self.row < rows and 0 <= self.column < columns):
            raise InputError(f"the code has {rows}x{columns} cells, so cell {self.row},{self.column} does not exist.")
        return cells_mask(codes, source, slice(self.row, self.row + 1), slice(self.column, self.column + 1))


@dataclass(frozen=True)
class Region:
    """A rectangle of the code's grid."""

    rows: Span
    columns: Span

    def reference(self, codes: Codes, source: CodeSource) -> Codes:
        """The code in those cells, zero elsewhere."""
        count_rows, count_columns = grid_of(codes, source)
        grid = f"the code has {count_rows}x{count_columns} cells"
        rows = self.rows.within(count_rows, grid, "rows")
        columns = self.columns.within(count_columns, grid, "columns")
        return codes * cells_mask(codes, source, rows, columns)


def grid_of(codes: Codes, source: CodeSource) -> tuple[int, int]:
    """Rows and columns of a code; a vector is one cell.

    Raises:
        InputError: It has several cells, and nobody knows where they lie.
    """
    places = source.code_places(codes)
    if places is not None:
        return places.rows, places.columns
    if codes.shape[1:3] != (1, 1):
        raise InputError(
            f"the code is {codes.shape[2]} tokens of which it is not known where they lie on the image, so no cell of "
            "it can be named; use target code or channel:K."
        )
    return 1, 1


def cells_mask(codes: Codes, source: CodeSource, rows: slice, columns: slice) -> Codes:
    """1 for the numbers of a rectangle of cells and 0 elsewhere, in the form of a code (1, rows, columns, channels)."""
    places = source.code_places(codes)
    if places is None:
        return np.ones((1, *codes.shape[1:]), np.float32)
    mask = np.zeros((1, places.rows, places.columns, codes[0].size // places.tokens), np.float32)
    mask[:, rows, columns] = 1.0
    return np.asarray(places.join(mask, codes.shape[1:]), np.float32)


def mean_over_places(codes: Codes, source: CodeSource) -> Codes:
    """One over the number of places at every place, 0 at special tokens; it broadcasts to the code's own form."""
    places = source.code_places(codes)
    count = codes.shape[1] * codes.shape[2]
    if places is None or places.channels_first or places.tokens != count or places.cells == count:
        return np.full((1, 1, 1, 1), 1.0 / count, np.float32)
    shares = np.full((1, places.rows, places.columns, 1), 1.0 / places.cells, np.float32)
    return np.asarray(places.join(shares, (*codes.shape[1:3], 1)), np.float32)


def _read_cell(value: str) -> Target:
    row, column = two_values(value)
    return cell(whole_number(row), whole_number(column))


def _read_region(value: str) -> Target:
    rows, columns = two_values(value)
    return region(bounds(rows), bounds(columns))


TEXT_FORMS = (
    TextForm("code", "", "the whole code", lambda _: code()),
    TextForm("channel", "K", "one channel, counted from 0", lambda value: channel(whole_number(value)), "3"),
    TextForm("cell", "ROW,COLUMN", "one cell", _read_cell, "4,5"),
    TextForm("region", "ROWS,COLUMNS", "a rectangle of cells, here rows 2 to 4", _read_region, "2:5,1:4"),
)
"""How these targets are written."""
