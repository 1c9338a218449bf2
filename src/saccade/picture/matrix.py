"""How alike is each to each? A square of numbers, coloured on one scale."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from saccade.errors import InputError
from saccade.picture.canvas import Canvas, fitted
from saccade.picture.numerals import MINUS
from saccade.picture.page import Page
from saccade.picture.themes import Colour, Theme, theme_of
from saccade.picture.typesetting import measure


def matrix(
    labels: Sequence[str],
    values: NDArray[np.floating],
    *,
    title: str,
    caption: Sequence[str] = (),
    notes: Sequence[str] = (),
    theme: str | Theme = "light",
    width: int = 1300,
) -> Image.Image:
    """Draw a square of correlations, from -1 (blue) over 0 (paper) to 1 (orange), with the numbers in it.

    Args:
        labels: One a row, and the same for the columns.
        values: (rows, rows), -1 to 1.
        title: The headline.
        caption: Standing text below it.
        notes: Small print.
        theme: `"light"`, `"dark"` or a theme.
        width: Outer width in pixels.

    Raises:
        InputError: The labels do not fit the values.
    """
    count = len(labels)
    if values.shape != (count, count) or not count:
        raise InputError(f"{count} labels for a square of {values.shape}; give one for each row.")
    page = Page.of(width, theme_of(theme))
    size = min(page.text * 0.85, page.content / count * 0.34 + 4)
    names = min(max(measure(label, size) for label in labels) + size * 3, page.content * 0.28)
    cell = (page.content - names) / count
    digits = size if cell > size * 2.7 else cell / 2.7
    head = size * 1.8
    canvas = Canvas(page.content, ceil(head + cell * count), page.theme)
    for row, label in enumerate(labels):
        middle = head + (row + 0.5) * cell
        canvas.words(
            (names - size * 0.6, middle), fitted(label, size, names - size * 3), size, page.theme.ink, align="right"
        )
        # The columns bear the rows' numbers: long names would have to stand upright.
        canvas.words((names + (row + 0.5) * cell, head * 0.45), str(row + 1), size, page.theme.muted, align="centre")
        canvas.words((0, middle), str(row + 1), size, page.theme.muted)
        for column in range(count):
            colour = _tint(float(values[row, column]), page.theme)
            left, top = names + column * cell, head + row * cell
            edge = max(0.5, cell * 0.02)
            canvas.box((left + edge, top + edge, left + cell - edge, top + cell - edge), colour, round_by=cell * 0.06)
            light = sum(share * part for share, part in zip((0.3, 0.59, 0.11), colour, strict=True))
            ink = (15, 15, 18) if light > 125 else (240, 238, 233)
            if digits >= 7.5:
                canvas.words(
                    (left + cell / 2, top + cell / 2), _short(values[row, column]), digits, ink, align="centre"
                )
    blocks = page.header(title, caption)
    blocks.append((page.text * 1.4, canvas.finish()))
    return page.assemble(blocks + page.footer(notes))


def _tint(value: float, theme: Theme) -> Colour:
    """Between the paper and the end colour of the value's side."""
    end = theme.warm if value > 0 else theme.cool
    share = min(abs(value), 1.0) ** 1.3  # the eye sees weak tints as stronger than they are
    red, green, blue = (round(paper + (ink - paper) * share) for paper, ink in zip(theme.background, end, strict=True))
    return red, green, blue


def _short(value: float) -> str:
    """`.31`, `-.08`, `1`: two digits take the least space."""
    rounded = round(float(value), 2)
    if abs(rounded) >= 1:
        return "1" if rounded > 0 else f"{MINUS}1"
    text = f"{abs(rounded):.2f}"[1:]
    return f"{MINUS}{text}" if rounded < 0 else text
