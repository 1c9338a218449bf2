"""Who is ahead, and is the lead real? One row each, one column a test, a mark at the mean, a bar over its interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, log10
from typing import Literal

from PIL import Image

from saccade.errors import InputError
from saccade.picture.canvas import Canvas, Mark, fitted
from saccade.picture.numerals import number
from saccade.picture.page import Page
from saccade.picture.themes import Colour, Theme, theme_of
from saccade.picture.typesetting import LEADING, measure, wrap

Rank = Literal["prefer", "sound", "unspecific", "undecided", "fails", "control"]
Span = tuple[float, float, float]

MARKS: dict[Rank, Mark] = {
    "prefer": "disc", "sound": "dot", "unspecific": "square", "undecided": "ring", "fails": "cross",
    "control": "diamond",
}  # fmt: skip
"""The mark of each rank, beside its name: colour is never the only difference."""


@dataclass(frozen=True)
class Row:
    """One competitor.

    Attributes:
        label: Its name.
        spans: For each column its mean and the ends of its interval; None where it was not tested.
        rank: How it is marked.
        remark: A few words at the right.
    """

    label: str
    spans: Sequence[Span | None]
    rank: Rank = "sound"
    remark: str = ""


@dataclass(frozen=True)
class Column:
    """One test.

    Attributes:
        title: What is tested.
        subtitle: What a good value is, in a few words.
        low: The left end of the axis, or further left if a value lies there; None: from the values.
        high: The right end of the axis, likewise.
        line: Where chance or a limit lies.
        share: How wide it is, beside the others.
    """

    title: str
    subtitle: str = ""
    low: float | None = None
    high: float | None = None
    line: float | None = 0.0
    share: float = 1.0


def scoreboard(
    rows: Sequence[Row],
    columns: Sequence[Column],
    *,
    title: str,
    caption: Sequence[str] = (),
    notes: Sequence[str] = (),
    key: Sequence[tuple[Rank, str]] = (),
    theme: str | Theme = "light",
    width: int = 1500,
) -> Image.Image:
    """Draw the rows of a ranking with their intervals.

    Args:
        rows: In the order in which they are shown.
        columns: As many as each row has spans.
        title: The headline.
        caption: Standing text below it.
        notes: Small print.
        key: What the marks mean; only those that occur are shown.
        theme: `"light"`, `"dark"` or a theme.
        width: Outer width in pixels.

    Raises:
        InputError: No rows, or a row with another number of spans than there are columns.
    """
    if not rows or not columns or any(len(row.spans) != len(columns) for row in rows):
        raise InputError("a ranking needs rows, columns, and in every row one value a column.")
    page = Page.of(width, theme_of(theme))
    text = page.text
    size = text * 0.92
    longest = max(measure(row.label, size, bold=row.rank == "prefer") for row in rows)
    names = min(longest + text * 2.2, page.content * 0.28)
    remarks = max((measure(row.remark, size * 0.9) for row in rows), default=0.0)
    remarks = min(remarks + text, page.content * 0.24) if remarks else 0.0
    gap = text * 1.6
    space = page.content - names - remarks - gap * (len(columns) - 1) - text * 0.8
    total = sum(column.share for column in columns)
    widths = [space * column.share / total for column in columns]
    step = text * 1.75
    heads = [
        (wrap(column.title, size, wide, bold=True), wrap(column.subtitle, size * 0.82, wide))
        for column, wide in zip(columns, widths, strict=True)
    ]
    head = max(len(t) * LEADING * size + len(s) * LEADING * size * 0.82 for t, s in heads) + text * 0.5
    canvas = Canvas(page.content, ceil(head + step * len(rows) + text * 1.6), page.theme)
    left = names
    for index, (column, wide) in enumerate(zip(columns, widths, strict=True)):
        spans = [row.spans[index] for row in rows]
        _column(canvas, column, spans, rows, (left, head, wide, step), text)
        _head(canvas, heads[index], (left, head - text * 0.5), size)
        left += wide + gap
    for index, row in enumerate(rows):
        middle = head + (index + 0.5) * step
        ink = page.theme.muted if row.rank in ("control", "undecided", "fails") else page.theme.ink
        bold = row.rank == "prefer"
        canvas.mark((text * 0.42, middle), MARKS[row.rank], colour_of(row.rank, page.theme), text * 0.36)
        label = fitted(row.label, size, names - text * 1.8, bold=bold)
        canvas.words((text * 1.2, middle), label, size, ink, bold=bold)
        if row.remark:
            remark = fitted(row.remark, size * 0.9, remarks - text * 0.3)
            canvas.words((page.content - remarks + text * 0.3, middle), remark, size * 0.9, page.theme.muted)
    blocks = page.header(title, caption)
    blocks.append((text * 1.4, canvas.finish()))
    shown = [(rank, words) for rank, words in key if any(row.rank == rank for row in rows)]
    if shown:
        blocks.append((text * 1.0, _key(page, shown, size * 0.9)))
    return page.assemble(blocks + page.footer(notes))


def colour_of(rank: Rank, theme: Theme) -> Colour:
    """The colour of a mark."""
    return {
        "prefer": theme.warm, "sound": theme.ink, "unspecific": theme.ink, "undecided": theme.muted,
        "fails": theme.cool, "control": theme.muted,
    }[rank]  # fmt: skip


def ticks(low: float, high: float, most: int) -> list[float]:
    """Round numbers between two ends, at most so many."""
    raw = (high - low) / max(most, 1)
    power = 10 ** floor(log10(raw))
    step = next(digit * power for digit in (1, 2, 2.5, 5, 10) if digit * power >= raw * 0.999)
    first = ceil(low / step - 1e-9)
    return [index * step for index in range(first, floor(high / step + 1e-9) + 1)]


def _column(
    canvas: Canvas,
    column: Column,
    spans: Sequence[Span | None],
    rows: Sequence[Row],
    frame: tuple[float, float, float, float],
    text: float,
) -> None:
    """Axis, line, and a mark in each row."""
    left, top, wide, step = frame
    theme = canvas.theme
    values = [value for span in spans if span is not None for value in span] + (
        [] if column.line is None else [column.line]
    )
    # The ends given may move outwards, so that every value is shown.
    low = min(values if column.low is None else [*values, column.low])
    high = max(values if column.high is None else [*values, column.high])
    pad = 0.04 * (high - low or 1)
    low, high = low - pad, high + pad
    foot = top + step * len(rows)

    def across(value: float) -> float:
        return left + (value - low) / (high - low) * wide

    for tick in ticks(low, high, max(2, int(wide / (text * 2.8)))):
        canvas.line([(across(tick), top), (across(tick), foot)], theme.rule, 1)
        canvas.words(
            (across(tick), foot + text * 0.75), number(round(tick, 6)), text * 0.74, theme.muted, align="centre"
        )
    if column.line is not None:
        place = across(column.line)
        canvas.line([(place, top - text * 0.2), (place, foot)], theme.muted, 1.6, dash=text * 0.28)
    for index, (row, span) in enumerate(zip(rows, spans, strict=True)):
        middle = top + (index + 0.5) * step
        if span is None:
            canvas.words((left + wide / 2, middle), "\u00b7", text, theme.rule, align="centre")
            continue
        colour = colour_of(row.rank, theme)
        thick = text * (0.17 if row.rank != "control" else 0.11)
        canvas.line([(across(span[1]), middle), (across(span[2]), middle)], colour, thick)
        mark: Mark = "diamond" if row.rank == "control" else "disc" if row.rank == "prefer" else "dot"
        canvas.mark((across(span[0]), middle), mark, colour, text * (0.42 if row.rank == "prefer" else 0.36))


def _head(canvas: Canvas, lines: tuple[list[str], list[str]], place: tuple[float, float], size: float) -> None:
    """Title and subtitle of a column, standing on a common baseline."""
    left, bottom = place
    height = bottom - LEADING * (len(lines[0]) * size + len(lines[1]) * size * 0.82)
    for line in lines[0]:
        canvas.words((left, height + LEADING * size / 2), line, size, canvas.theme.ink, bold=True)
        height += LEADING * size
    for line in lines[1]:
        canvas.words((left, height + LEADING * size * 0.41), line, size * 0.82, canvas.theme.muted)
        height += LEADING * size * 0.82


def _key(page: Page, shown: Sequence[tuple[Rank, str]], size: float) -> Image.Image:
    """What the marks mean, as many in a line as fit."""
    places: list[tuple[float, float]] = []
    left, line = size * 0.6, 0
    for _, words in shown:
        wide = measure(words, size) + size * 3.4
        if left > size and left + wide > page.content:
            left, line = size * 0.6, line + 1
        places.append((left, (line + 0.5) * LEADING * size * 1.15))
        left += wide
    canvas = Canvas(page.content, ceil((line + 1) * LEADING * size * 1.15), page.theme)
    for (x, y), (rank, words) in zip(places, shown, strict=True):
        canvas.mark((x, y), MARKS[rank], colour_of(rank, page.theme), size * 0.42)
        canvas.words((x + size, y), words, size, page.theme.muted)
    return canvas.finish()
