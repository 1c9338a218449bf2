"""The code itself: all of it, one channel, one cell, a rectangle of cells."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from saccade.errors import InputError
from saccade.targets.measure import HALF_ENERGY, INNER_PRODUCT, SHARE_CHANGED
from saccade.targets.spans import Given, Span, span
from saccade.targets.target import Codes, CodeSource, Target


def code() -> Target:
    """What in this picture is the code made of?

    Gradients: `s(x') = <f(x'), f(x)>`, f(x) frozen; covering: `|f(x') - f(x)|² / |f(x)|²`, the share of the code that
    changes. Source: label-free feature importance, Crabbé and van der Schaar (2022), arXiv:2203.01928.

    Example:
        >>> saccade.targets.code().occlusion_units
        'share of the code that changes when this is covered'
    """
    return Target(
        name="code",
        text="code",
        question="what the code is made of",
        gradient=INNER_PRODUCT,
        gradient_units="code energy",
        cover=SHARE_CHANGED,
        occlusion_units="share of the code that changes when this is covered",
        counts_increase=True,
        freeze=_Itself(),
        autograd_form=HALF_ENERGY,
    )


def channel(index: int) -> Target:
    """What in this picture drives one channel of the code? `s = mean over places of f(x')[..., index]`.

    Args:
        index: The channel, counted from 0 (negative: from the end).

    Example:
        >>> saccade.targets.channel(3).question
        'what drives channel 3 of the code'
    """
    return Target(
        name=f"channel:{index}",
        text=f"channel:{index}",
        question=f"what drives channel {index} of the code",
        gradient=INNER_PRODUCT,
        gradient_units=f"mean of channel {index}",
        cover=INNER_PRODUCT,
        occlusion_units=f"fall of the mean of channel {index} when this is covered",
        freeze=_Channel(index),
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
    return Target(
        name=f"cell:{row},{column}",
        text=f"cell:{row},{column}",
        question=f"what cell {row},{column} of the code sees",
        gradient=INNER_PRODUCT,
        gradient_units="energy of the cell",
        cover=INNER_PRODUCT,
        occlusion_units="fall of the cell's energy when this is covered",
        freeze=_Cell(row, column),
    )


def region(rows: Given, columns: Given) -> Target:
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
    down, across = span("rows", rows), span("columns", columns)
    return Target(
        name=f"region:{down},{across}",
        text=f"region:{down},{across}",
        question=f"what {_cells(down, across)} of the code see",
        gradient=INNER_PRODUCT,
        gradient_units="energy of the region",
        cover=INNER_PRODUCT,
        occlusion_units="fall of the region's energy when this is covered",
        freeze=_Region(down, across),
    )


def _cells(down: Span, across: Span) -> str:
    """`rows 2 to 4 and columns 1 to 3`, as people count: both ends belong to it."""
    return f"{down.in_words('row', 'rows')} and {across.in_words('column', 'columns')}"


@dataclass(frozen=True)
class _Itself:
    """The code is its own reference."""

    def __call__(self, codes: Codes, _: CodeSource) -> Codes:
        return codes


@dataclass(frozen=True)
class _Channel:
    """One over the number of places in one channel."""

    index: int

    def __call__(self, codes: Codes, _: CodeSource) -> Codes:
        channels = codes.shape[-1]
        if not -channels <= self.index < channels:
            raise InputError(
                f"the code has {channels} channels, so channel {self.index} does not exist; give 0 to {channels - 1}."
            )
        weights = np.zeros((len(codes), 1, 1, channels), np.float32)
        weights[..., self.index] = 1.0 / (codes.shape[1] * codes.shape[2])
        return weights


@dataclass(frozen=True)
class _Cell:
    """The code in one cell, zero elsewhere."""

    row: int
    column: int

    def __call__(self, codes: Codes, _: CodeSource) -> Codes:
        rows, columns = codes.shape[1:3]
        if not (0 <= self.row < rows and 0 <= self.column < columns):
            raise InputError(f"the code has {rows}x{columns} cells, so cell {self.row},{self.column} does not exist.")
        weights = np.zeros_like(codes)
        weights[:, self.row, self.column] = codes[:, self.row, self.column]
        return weights


@dataclass(frozen=True)
class _Region:
    """The code in a rectangle of cells, zero elsewhere."""

    rows: Span
    columns: Span

    def __call__(self, codes: Codes, _: CodeSource) -> Codes:
        rows, columns = (
            each.within(count, f"the code has {codes.shape[1]}x{codes.shape[2]} cells", name)
            for each, count, name in ((self.rows, codes.shape[1], "rows"), (self.columns, codes.shape[2], "columns"))
        )
        weights = np.zeros_like(codes)
        weights[:, rows, columns] = codes[:, rows, columns]
        return weights
