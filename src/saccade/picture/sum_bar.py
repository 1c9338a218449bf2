"""A score as one bar made of its parts.

What raised it runs to the right, what lowered it back to the left, and where that ends is the score.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import floor, log10

from PIL import Image, ImageDraw

from saccade.picture.links import badge
from saccade.picture.numerals import MINUS
from saccade.picture.page import Page
from saccade.picture.ruler import moved_apart
from saccade.picture.themes import Colour
from saccade.picture.typesetting import LEADING, measure, write

_GAP, _DISC = 0.7, 1.74
"""The space between two labels, and the room for a number before one, in font sizes."""
_LEAST = 4.0
"""Labels that find no room get smaller, down to this font size in pixels."""


@dataclass(frozen=True)
class Part:
    """A part of a score.

    Attributes:
        share: What it adds.
        colour: Its colour.
        number: The number of the match; None for parts that are no match.
        name: What it is called where it has no number.
        error: The standard error of its share; None where it is exact.
    """

    share: float
    colour: Colour
    number: int | None = None
    name: str = ""
    error: float | None = None


def spans(shares: Sequence[float]) -> list[tuple[float, float]]:
    """Where does each part of the sum begin and end? Those above zero first, one after the other; then the way back.

    Returns:
        Start and end of each, in the order given; the last end reached is the sum.

    Example:
        >>> spans([0.5, -0.25, 0.25])
        [(0.0, 0.5), (0.75, 0.5), (0.5, 0.75)]
    """
    result = [(0.0, 0.0)] * len(shares)
    at = 0.0
    for raising in (True, False):
        for index, share in enumerate(shares):
            if (share >= 0) == raising:
                result[index] = (at, at + share)
                at += share
    return result


def alike_written(shares: Sequence[float]) -> Callable[[float], str]:
    """How are the parts of a sum written? All with as many decimals as the smallest needs, to be added up."""
    smallest = min((abs(share) for share in shares if share), default=1.0)
    decimals = min(4, max(2, -floor(log10(smallest))))

    def write_one(share: float) -> str:
        return f"{share:+.{decimals}f}".replace("-", MINUS)

    return write_one


def sum_bar(parts: Sequence[Part], score: str, page: Page, width: int) -> Image.Image:
    """Draw the sum.

    Args:
        parts: Its parts, which add up to the score.
        score: The score as it is written.
        page: Whose measures are used.
        width: In pixels.
    """
    theme, size = page.theme, page.text * 0.86
    places = spans([part.share for part in parts])
    total = sum(part.share for part in parts)
    reach = [end for span in places for end in span] + [total, 0.0]
    low, high = min(reach), max(reach)
    end_word = measure(score, page.text * 1.3, bold=True)
    left = measure("together", size, bold=True) + size if low < 0 else 0.0
    space = width - left - end_word - page.text

    def place(value: float) -> float:
        return left + (value - low) / ((high - low) or 1.0) * space

    numeral = alike_written([part.share for part in parts])
    thick, label = page.text * 1.5, LEADING * size * 1.25
    raising = [(part, span) for part, span in zip(parts, places, strict=True) if part.share >= 0]
    lowering = [(part, span) for part, span in zip(parts, places, strict=True) if part.share < 0]
    first = label + page.text * 0.55
    second = first + thick + page.text * 0.16
    last = second + (thick * 0.8 + page.text * 0.55 + label if lowering else 0) + page.text * 0.55
    image = Image.new("RGB", (width, round(last + page.text * 2.0)), theme.background)
    draw = ImageDraw.Draw(image)
    hairline = max(1, round(page.text / 14))
    for part, span in raising:
        _segment(image, (place(span[0]), first, place(span[1]), first + thick), part, page)
    for part, span in lowering:
        _segment(image, (place(span[1]), second, place(span[0]), second + thick * 0.8), part, page)
    for part, (_, end) in raising + lowering:
        if part.error:
            row = first + thick / 2 if part.share >= 0 else second + thick * 0.4
            _whisker(draw, place(end - part.error), place(end + part.error), row, page)
    ends = sorted((round(place(0.0)), round(place(total))))
    middle = last + page.text * 0.75
    upper, lower = round(middle - page.text * 0.24), round(middle + page.text * 0.24)
    draw.rectangle((ends[0], upper, max(ends[1] - 1, ends[0]), lower), theme.ink)
    for value in (0.0, total):
        at = round(place(value))
        draw.line((at, round(first), at, round(middle + page.text * 0.5)), theme.muted, hairline)
    _labels(image, raising, place, (first, label * 0.5), numeral, page)
    if lowering:
        _labels(image, lowering, place, (second + thick * 0.8, last - page.text * 0.55 - label * 0.5), numeral, page)
    write(
        image, (max(ends[1] + page.text * 0.5, 0), middle - LEADING * page.text * 0.65), score,
        size=page.text * 1.3, colour=theme.ink, bold=True,
    )  # fmt: skip
    return image


def _segment(image: Image.Image, box: tuple[float, float, float, float], part: Part, page: Page) -> None:
    """A part of the bar; one that lowered the score is striped."""
    left, top, right, bottom = (round(edge) for edge in box)
    if right <= left:
        return
    tile = Image.new("RGB", (right - left, bottom - top), part.colour)
    if part.share < 0:
        pen = ImageDraw.Draw(tile)
        step = max(4, round(page.text * 0.45))
        for start in range(-tile.height, tile.width, step):
            pen.line((start, tile.height, start + tile.height, 0), page.theme.background, max(1, step // 3))
    pen = ImageDraw.Draw(tile)
    # Yellow on white paper and dark blue on black are seen by their edge.
    pen.rectangle((0, 0, tile.width - 1, tile.height - 1), outline=page.theme.ink if tile.width > 3 else part.colour)
    image.paste(tile, (left, top))


def _labels(
    image: Image.Image,
    parts: Sequence[tuple[Part, tuple[float, float]]],
    place: Callable[[float], float],
    rows: tuple[float, float],
    numeral: Callable[[float], str],
    page: Page,
) -> None:
    """Number and value of each part, as near to it as the others leave room, joined to it by a thin line."""
    ordered = sorted(parts, key=lambda entry: sum(entry[1]))
    texts = [f"{part.name} {numeral(part.share)}".strip() for part, _ in ordered]
    size = page.text * 0.86
    widths = _label_widths(ordered, texts, size)
    while size > _LEAST and sum(widths) + size * _GAP * len(ordered) > image.width:
        size *= 0.95
        widths = _label_widths(ordered, texts, size)
    radius = size * 0.7
    centres = [place(sum(span) / 2) for _, span in ordered]
    middles = moved_apart(centres, widths, size * _GAP, 0, image.width)
    edge, row = rows
    draw = ImageDraw.Draw(image)
    for (part, _), text, width, centre, middle in zip(ordered, texts, widths, centres, middles, strict=True):
        towards = row + (LEADING * size * 0.5 if edge > row else -LEADING * size * 0.5)
        draw.line((middle, towards, centre, edge), page.theme.muted, max(1, round(page.text / 14)))
        left = middle - width / 2
        box = (left - size * 0.3, row - LEADING * size / 2, middle + width / 2 + size * 0.3, row + LEADING * size / 2)
        draw.rectangle(box, page.theme.background)  # the lines that mark zero and the score give way to words
        if part.number is not None:
            badge(image, (left + radius * 1.1, row), part.number, part.colour, radius)
            left += size * _DISC
        write(image, (left, row - LEADING * size / 2), text, size=size, colour=page.theme.ink)


def _label_widths(parts: Sequence[tuple[Part, tuple[float, float]]], texts: Sequence[str], size: float) -> list[float]:
    return [
        measure(text, size) + (size * _DISC if part.number is not None else 0.0)
        for (part, _), text in zip(parts, texts, strict=True)
    ]


def _whisker(draw: ImageDraw.ImageDraw, left: float, right: float, row: float, page: Page) -> None:
    """The standard error at the end of a part."""
    line, cap = max(1, round(page.text / 10)), page.text * 0.28
    for colour, wider in ((page.theme.background, 2), (page.theme.ink, 0)):
        draw.line((left, row, right, row), colour, line + wider)
        for at in (left, right):
            draw.line((at, row - cap, at, row + cap), colour, line + wider)
