"""How does a number fall or rise, step by step? Line charts side by side, each line named at its end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from PIL import Image

from saccade.errors import InputError
from saccade.picture.canvas import Canvas, fitted, spread
from saccade.picture.numerals import number
from saccade.picture.page import Page
from saccade.picture.scoreboard import Rank, colour_of, ticks
from saccade.picture.themes import Colour, Theme, theme_of
from saccade.picture.typesetting import LEADING, measure


@dataclass(frozen=True)
class Line:
    """One line of a chart.

    Attributes:
        label: Its name; an empty one is not written.
        across: Where its values stand.
        values: Its values.
        rank: How it is drawn: preferred lines are thick and coloured, controls are dashed.
        dash: How long the dashes of a control are; short ones look like dots.
    """

    label: str
    across: Sequence[float]
    values: Sequence[float]
    rank: Rank = "sound"
    dash: float = 1.0


@dataclass(frozen=True)
class Chart:
    """Lines in one frame.

    Attributes:
        title: What is shown.
        lines: The last is drawn on top.
        axis: What the horizontal axis counts.
        names: A name for each place on the horizontal axis 0, 1, 2, ...; numbers stand there otherwise.
        limit: A height that is marked, with its meaning.
    """

    title: str
    lines: Sequence[Line]
    axis: str = ""
    names: Sequence[str] = ()
    limit: tuple[float, str] | None = None


def curves(
    charts: Sequence[Chart],
    *,
    columns: int,
    low: float,
    high: float,
    title: str,
    caption: Sequence[str] = (),
    notes: Sequence[str] = (),
    key: Sequence[Line] = (),
    theme: str | Theme = "light",
    width: int = 1500,
) -> Image.Image:
    """Draw charts of one height side by side.

    Args:
        charts: In reading order.
        columns: Charts in a row.
        low: The lowest value of the vertical axis, of all charts.
        high: The highest.
        title: The headline.
        caption: Standing text below it.
        notes: Small print.
        key: Lines explained below the charts, for those without a name at their end.
        theme: `"light"`, `"dark"` or a theme.
        width: Outer width in pixels.

    Raises:
        InputError: No charts, or an axis without length.
    """
    if not charts or not low < high:
        raise InputError(f"charts need an axis from low to high; got {len(charts)} charts, {low:g} to {high:g}.")
    page = Page.of(width, theme_of(theme))
    gap = round(page.text * 1.6)
    wide = (page.content - gap * (columns - 1)) // columns
    blocks = page.header(title, caption)
    for start in range(0, len(charts), columns):
        row = Image.new("RGB", (page.content, 1), page.theme.background)
        images = [_chart(chart, page, wide, low, high) for chart in charts[start : start + columns]]
        row = row.resize((page.content, max(image.height for image in images)))
        for index, image in enumerate(images):
            row.paste(image, (index * (wide + gap), 0))
        blocks.append((page.text * 1.4, row))
    if key:
        blocks.append((page.text * 1.0, _key(page, key)))
    return page.assemble(blocks + page.footer(notes))


def _chart(chart: Chart, page: Page, wide: int, low: float, high: float) -> Image.Image:
    text, theme = page.text, page.theme
    size = text * 0.78
    head = text * 1.9
    named = [line for line in chart.lines if line.label]
    labels = max((measure(line.label, size, bold=line.rank == "prefer") for line in named), default=0.0)
    labels = min(labels + size * 1.5, wide * 0.4) if named else size
    tall = max(wide * 0.5 if not chart.names else wide * 0.4, LEADING * size * len(named) * 0.95, text * 12)
    foot = text * (3.2 if chart.axis else 1.7)
    canvas = Canvas(wide, ceil(head + tall + foot), theme)
    left, right = text * 2.6, wide - labels
    first = min(x for line in chart.lines for x in line.across)
    last = max(x for line in chart.lines for x in line.across)

    def place(x: float, y: float) -> tuple[float, float]:
        share = (min(max(y, low), high) - low) / (high - low)
        return left + (x - first) / ((last - first) or 1) * (right - left), head + tall * (1 - share)

    canvas.words((0, text * 0.7), fitted(chart.title, text * 0.92, wide, bold=True), text * 0.92, theme.ink, bold=True)
    for tick in ticks(low, high, 5):
        y = place(first, tick)[1]
        canvas.line([(left, y), (right, y)], theme.rule, 1)
        canvas.words((left - text * 0.5, y), number(round(tick, 6)), size, theme.muted, align="right")
    below = head + tall + text * 0.9
    if chart.names:
        for index, name in enumerate(chart.names):
            x = place(float(index), low)[0]
            align = "left" if index == 0 else "right" if index == len(chart.names) - 1 else "centre"
            space = (right - left) / max(len(chart.names) - 1, 1) - size
            canvas.words((x, below), fitted(name, size, max(space, size * 4)), size, theme.muted, align=align)
    else:
        for tick in ticks(first, last, 5):
            shown = number(round(tick, 6))
            canvas.words((place(tick, low)[0], below), shown, size, theme.muted, align="centre")
    if chart.axis:
        middle = ((left + right) / 2, below + LEADING * size * 1.05)
        canvas.words(middle, fitted(chart.axis, size, right - left), size, theme.muted, align="centre")
    if chart.limit is not None:
        y = place(first, chart.limit[0])[1]
        canvas.line([(left, y), (right, y)], theme.muted, 1.6, dash=text * 0.28)
        canvas.words((left + size * 0.4, y - size * 0.8), chart.limit[1], size, theme.muted)
    for line in chart.lines:
        _stroke(canvas, [place(*point) for point in zip(line.across, line.values, strict=True)], line, text)
    heights = spread(
        [place(last, line.values[-1])[1] for line in named], LEADING * size * 0.92, head, head + tall + text * 0.3
    )
    for line, height in zip(named, heights, strict=True):
        end, bold = place(line.across[-1], line.values[-1]), line.rank == "prefer"
        canvas.line([end, (right + size * 0.8, height)], _ink(line, theme), 1)
        shown = fitted(line.label, size, labels - size * 1.2, bold=bold)
        canvas.words((right + size * 1.1, height), shown, size, _ink(line, theme), bold=bold)
    return canvas.finish()


def _stroke(canvas: Canvas, places: Sequence[tuple[float, float]], line: Line, text: float) -> None:
    thick = {"prefer": 0.24, "sound": 0.1, "control": 0.14}.get(line.rank, 0.1) * text
    dash = text * 0.5 * line.dash if line.rank == "control" else 0.0
    canvas.line(places, _ink(line, canvas.theme), thick, dash=dash)


def _key(page: Page, lines: Sequence[Line]) -> Image.Image:
    size = page.text * 0.9
    canvas = Canvas(page.content, ceil(LEADING * size * 1.2), page.theme)
    left, middle = 0.0, LEADING * size * 0.6
    for line in lines:
        _stroke(canvas, [(left, middle), (left + size * 2.4, middle)], line, page.text)
        canvas.words((left + size * 3, middle), line.label, size, page.theme.muted)
        left += size * 5 + measure(line.label, size)
    return canvas.finish()


def _ink(line: Line, theme: Theme) -> Colour:
    return colour_of(line.rank, theme)
