"""Does covering what made two photos alike lower their similarity as much as the shares say? Two bars a step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw

from saccade.picture.links import badge
from saccade.picture.match_colours import MATCH_COLOURS
from saccade.picture.numerals import MINUS
from saccade.picture.page import Page
from saccade.picture.themes import Colour
from saccade.picture.typesetting import LEADING, measure, write

_SMALL = 0.1
"""Scores that stay below this are written with a third decimal."""


@dataclass(frozen=True)
class Covering:
    """The score when the first, the first two, ... of some matches are covered on both photos.

    Attributes:
        score: The score of the whole photos.
        numbers: The numbers of the matches, in the order in which they are covered.
        predicted: What the shares say it becomes.
        measured: What it really becomes.
        words: What follows from that.
    """

    score: float
    numbers: Sequence[int]
    predicted: Sequence[float]
    measured: Sequence[float]
    words: str = ""


def cover_bars(covering: Covering, page: Page, width: int) -> Image.Image:
    """Draw a pair of bars for each step: what the shares predict, and what was measured.

    Args:
        covering: The scores.
        page: Whose measures are used.
        width: In pixels.
    """
    theme, size, radius = page.theme, page.text * 0.86, page.text * 0.52
    steps = len(covering.measured)
    values = [0.0, covering.score, *covering.predicted, *covering.measured]
    low, high = min(values), max(values)
    decimals = 2 if max(map(abs, values)) >= _SMALL else 3
    texts = {value: f"{value:.{decimals}f}".replace("-", MINUS) for value in values}
    figures = max(measure(text, size, bold=True) for text in texts.values()) + size * 0.6
    discs = radius * 2.35 * steps
    left = max(discs, measure("covered", size)) + size * 0.8
    space = max(8.0, width - left - figures)

    def place(value: float) -> float:
        return left + (value - low) / ((high - low) or 1.0) * space

    line = LEADING * size
    thick = page.text * 0.42
    row, between = page.text * 1.75, page.text * 0.35
    head = line * 1.25
    top = head + line * 1.35
    image = Image.new("RGB", (width, round(top + steps * (row + between))), theme.background)
    draw = ImageDraw.Draw(image)
    _key(image, draw, page, size, thick)
    write(image, (0, head), "nothing", size=size, colour=theme.muted)
    _bar(draw, (place(0), place(covering.score)), head + line / 2, thick, theme.ink, hollow=False)
    _figure(image, max(place(0), place(covering.score)), head + line / 2, texts[covering.score], theme.ink, size)
    for step, (predicted, measured) in enumerate(zip(covering.predicted, covering.measured, strict=True)):
        middle = top + step * (row + between) + row / 2
        for index, match in enumerate(covering.numbers[: step + 1]):
            badge(image, (radius * 1.2 + index * radius * 2.35, middle), match, MATCH_COLOURS[match - 1], radius)
        for value, side, colour, hollow in ((predicted, -1, theme.muted, True), (measured, 1, theme.ink, False)):
            at = middle + side * row / 4
            _bar(draw, (place(0), place(value)), at, thick, colour, hollow=hollow)
            _figure(image, max(place(0), place(value)), at, texts[value], colour, size)
    zero = round(place(0))
    draw.line((zero, round(head), zero, image.height), theme.muted, max(1, round(page.text / 14)))
    return image


def _key(image: Image.Image, draw: ImageDraw.ImageDraw, page: Page, size: float, thick: float) -> None:
    left = 0.0
    kinds = (("what the shares say", page.theme.muted, True), ("what it really is", page.theme.ink, False))
    for text, colour, hollow in kinds:
        _bar(draw, (left, left + size * 1.6), LEADING * size / 2, thick, colour, hollow=hollow)
        write(image, (left + size * 2.1, 0), text, size=size, colour=colour)
        left += size * 3.4 + measure(text, size)


def _bar(
    draw: ImageDraw.ImageDraw, ends: tuple[float, float], middle: float, thick: float, colour: Colour, *, hollow: bool
) -> None:
    left, right = sorted(map(round, ends))
    box = (left, round(middle - thick / 2), max(right - 1, left), round(middle + thick / 2))
    draw.rectangle(box, None if hollow else colour, colour, max(1, round(thick / 7)))


def _figure(image: Image.Image, left: float, middle: float, text: str, colour: Colour, size: float) -> None:
    place = (left + size * 0.4, middle - LEADING * size / 2)
    write(image, place, text, size=size, colour=colour)
