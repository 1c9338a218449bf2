"""Smooth strokes and words on one sheet: what charts are drawn on.

Strokes are drawn three times as large and averaged down; words are set afterwards at their own size, so that both are
sharp.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from PIL import Image, ImageDraw

from saccade.picture.themes import Colour, Theme
from saccade.picture.typesetting import LEADING, measure, write

Mark = Literal["disc", "dot", "ring", "square", "cross", "diamond"]
Place = tuple[float, float]
_FINER = 3


@dataclass
class Canvas:
    """A sheet to draw on; all lengths are pixels of the finished image.

    Attributes:
        width: Of the sheet.
        height: Of the sheet.
        theme: Its colours.
    """

    width: int
    height: int
    theme: Theme
    _words: list[tuple[Place, str, float, Colour, bool, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._fine = Image.new("RGB", (self.width * _FINER, self.height * _FINER), self.theme.background)
        self._draw = ImageDraw.Draw(self._fine)

    def line(self, places: Sequence[Place], colour: Colour, thick: float, *, dash: float = 0.0) -> None:
        """A line through places; `dash` is the length of its dashes."""
        if not dash:
            fine = [(x * _FINER, y * _FINER) for x, y in places]
            self._draw.line(fine, colour, max(1, round(thick * _FINER)), joint="curve")
            return
        left = 0.0  # of the dash or gap in work; a gap is as long as a dash
        drawing = True
        for (x0, y0), (x1, y1) in itertools.pairwise(places):
            length = ((x1 - x0) ** 2 + (y1 - y0) ** 2) ** 0.5
            at = 0.0
            while at < length:
                step = min(dash - left, length - at)
                if drawing:
                    ends = [
                        (x0 + (x1 - x0) * part / length, y0 + (y1 - y0) * part / length) for part in (at, at + step)
                    ]
                    self.line(ends, colour, thick)
                at += step
                left += step
                if left >= dash - 1e-9:
                    left, drawing = 0.0, not drawing

    def box(self, corners: tuple[float, float, float, float], colour: Colour, *, round_by: float = 0.0) -> None:
        """A filled box: left, top, right, bottom."""
        fine = [edge * _FINER for edge in corners]
        self._draw.rounded_rectangle((fine[0], fine[1], fine[2] - 1, fine[3] - 1), round_by * _FINER, colour)

    def mark(self, place: Place, kind: Mark, colour: Colour, size: float) -> None:
        """A mark of about this radius."""
        x, y, r = place[0] * _FINER, place[1] * _FINER, size * _FINER
        thick = max(2, round(r * 0.5))
        if kind in ("disc", "dot"):
            r *= 1.0 if kind == "disc" else 0.8
            self._draw.ellipse((x - r, y - r, x + r, y + r), colour)
        elif kind == "ring":
            r *= 0.9
            self._draw.ellipse((x - r, y - r, x + r, y + r), self.theme.background, colour, thick)
        elif kind == "square":
            r *= 0.72
            self._draw.rectangle((x - r, y - r, x + r, y + r), colour)
        elif kind == "cross":
            r *= 0.85
            self._draw.line((x - r, y - r, x + r, y + r), colour, thick)
            self._draw.line((x - r, y + r, x + r, y - r), colour, thick)
        else:
            r *= 0.95
            self._draw.polygon([(x, y - r), (x + r, y), (x, y + r), (x - r, y)], colour)

    def words(
        self, place: Place, text: str, size: float, colour: Colour, *, bold: bool = False, align: str = "left"
    ) -> None:
        """One line of text; its middle is at the height of `place`."""
        self._words.append(((place[0], place[1] - LEADING * size / 2), text, size, colour, bold, align))

    def finish(self) -> Image.Image:
        """The finished image."""
        image = self._fine.reduce(_FINER)
        for place, text, size, colour, bold, align in self._words:
            write(image, place, text, size=size, colour=colour, bold=bold, align=align)
        return image


def fitted(text: str, size: float, space: float, *, bold: bool = False) -> str:
    """The text, or as much of it as there is space for, with three dots."""
    if measure(text, size, bold=bold) <= space:
        return text
    while text and measure(f"{text}...", size, bold=bold) > space:
        text = text[:-1].rstrip()
    return f"{text}..."


def spread(places: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Move heights of labels apart so that they keep a gap, each as near to its own as can be.

    Args:
        places: Their own heights.
        gap: Least distance.
        low: The least height allowed.
        high: The greatest height allowed; gives way if there is not space enough.
    """
    order = sorted(range(len(places)), key=lambda index: places[index])
    groups: list[tuple[float, list[int]]] = []
    for index in order:
        groups.append((places[index], [index]))
        # Groups that overlap become one, centred on the mean of its members' own heights.
        while len(groups) > 1 and _foot(groups[-2], gap) + gap > _head(groups[-1], gap):
            (_, first), (_, second) = groups[-2:]
            members = first + second
            groups[-2:] = [(sum(places[member] for member in members) / len(members), members)]
    result = [0.0] * len(places)
    top = low
    for group in groups:
        head = max(_head(group, gap), top)
        for step, index in enumerate(group[1]):
            result[index] = head + step * gap
        top = head + len(group[1]) * gap
    over = max(0.0, top - gap - high)
    if over:
        floor = high + gap
        for index in reversed([member for _, members in groups for member in members]):
            floor = result[index] = min(result[index], floor - gap)
    return result


def _head(group: tuple[float, list[int]], gap: float) -> float:
    return group[0] - (len(group[1]) - 1) * gap / 2


def _foot(group: tuple[float, list[int]], gap: float) -> float:
    return group[0] + (len(group[1]) - 1) * gap / 2
