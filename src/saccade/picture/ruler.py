"""Is a score high? The score on a line from one end of what is possible to the other, beside what is typical."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from PIL import Image

from saccade.picture.canvas import Canvas
from saccade.picture.numerals import MINUS
from saccade.picture.page import Page
from saccade.picture.typesetting import LEADING, measure


@dataclass(frozen=True)
class Typical:
    """What pairs of a collection score.

    Attributes:
        median: The score of a typical pair.
        high: The score that 5 % of all pairs exceed.
    """

    median: float
    high: float


def ruler(score: float, typical: Typical | None, page: Page, width: int) -> Image.Image:
    """Draw the score on its line.

    Args:
        score: -1 to 1.
        typical: What is typical, where that is known.
        page: Whose measures are used.
        width: In pixels.
    """
    theme, size = page.theme, page.text * 0.86
    negative = min(score, *([typical.median, typical.high] if typical else [])) < 0 if typical else score < 0
    low = -1.0 if negative else 0.0
    left, right = size * 1.4, width - size * 1.4
    axis = page.text * 2.3
    step = LEADING * size
    canvas = Canvas(width, ceil(axis + page.text * 0.8 + step * (2.1 if typical else 1.1)), theme)

    def place(value: float) -> float:
        return left + (min(max(value, low), 1.0) - low) / (1.0 - low) * (right - left)

    thick = page.text * 0.34
    canvas.box((left, axis - thick / 2, right, axis + thick / 2), theme.rule, round_by=thick / 2)
    if typical is not None:
        canvas.box((place(typical.median), axis - thick / 2, place(typical.high), axis + thick / 2), theme.muted)
    at = place(score)
    reach = page.text * 0.95
    canvas.box((at - page.text * 0.13, axis - reach, at + page.text * 0.13, axis + reach * 0.62), theme.warm)
    words = "this pair"
    half = measure(words, size, bold=True) / 2
    shown = min(max(at, half), width - half)
    canvas.words((shown, axis - reach - step * 0.5), words, size, theme.warm, bold=True, align="centre")
    below = axis + page.text * 0.8 + step * 0.5
    ends = [(low, "\u22121 the opposite" if low < 0 else "0 nothing in common"), (1.0, "1 the same")]
    canvas.words((0, below), ends[0][1], size, theme.muted)
    canvas.words((width, below), ends[1][1], size, theme.muted, align="right")
    spans: list[tuple[float, float]] = []
    if typical is not None:
        texts = [f"typical pair {_numeral(typical.median)}", f"5 % are over {_numeral(typical.high)}"]
        widths = [measure(text, size) for text in texts]
        marks = [place(typical.median), place(typical.high)]
        middles = moved_apart(marks, widths, size, 0, width)
        for text, own, middle in zip(texts, marks, middles, strict=True):
            canvas.line([(own, axis + thick / 2), (middle, below + step * 0.62)], theme.muted, page.text / 14)
            canvas.words((middle, below + step * 1.05), text, size, theme.ink, align="centre")
            spans.append((min(own, middle) - size, max(own, middle) + size))
    if low < 0:
        zero = place(0)
        canvas.line([(zero, axis - thick), (zero, axis + thick)], theme.muted, max(1.0, page.text / 14))
        if not any(start < zero < end for start, end in spans):
            canvas.words((zero, below), "0", size, theme.muted, align="centre")
    return canvas.finish()


def _numeral(value: float) -> str:
    return f"{value:.2f}".replace("-", MINUS)


def moved_apart(middles: Sequence[float], widths: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Move labels on a line apart until none covers another, in their order, each about where it wants to be.

    Args:
        middles: Where the middle of each wants to be, from left to right.
        widths: How wide each is.
        gap: Least space between two.
        low: The left end of the line.
        high: Its right end; gives way if there is not space enough.
    """
    placed: list[float] = []
    edge = low
    for middle, width in zip(middles, widths, strict=True):
        placed.append(max(middle, edge + width / 2))
        edge = placed[-1] + width / 2 + gap
    edge = max(high, sum(widths) + gap * (len(widths) - 1) + low)
    for index in reversed(range(len(placed))):
        placed[index] = min(placed[index], edge - widths[index] / 2)
        edge = placed[index] - widths[index] / 2 - gap
    return placed
