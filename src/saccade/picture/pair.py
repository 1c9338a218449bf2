"""Why are these two alike?

Two photos on one signed scale: warm places raised the score, cool places lowered it. Below each, the sum:
what raised, what lowered, what is left is the score. What the places do not account for is drawn too, never
hidden in the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from saccade.errors import InputError
from saccade.picture.colorbar import Bar, colorbar
from saccade.picture.contours import legible
from saccade.picture.numerals import number, signed
from saccade.picture.overlay import overlay
from saccade.picture.page import Page, column
from saccade.picture.resampling import enlarge, stretch
from saccade.picture.scales import Scale, scale_of
from saccade.picture.themes import Colour, Theme, theme_of
from saccade.picture.typesetting import LEADING, measure, wrap, write, write_lines

_TOTAL = "together"


@dataclass(frozen=True)
class Evidence:
    """What adds up to a score.

    Attributes:
        raised: Sum of the positive shares.
        lowered: Sum of the negative shares (negative or zero).
        score: The score itself.
    """

    raised: float
    lowered: float
    score: float

    @classmethod
    def of(cls, shares: NDArray[np.floating], score: float) -> Evidence:
        """Add up the shares of one image."""
        exact = np.asarray(shares, np.float64)
        return cls(float(exact[exact > 0].sum()), float(exact[exact < 0].sum()), float(score))

    @property
    def elsewhere(self) -> float:
        """What the shares do not account for; 0 where that is rounding."""
        rest = self.score - self.raised - self.lowered
        return rest if abs(rest) > 0.005 * max(self.raised - self.lowered, abs(self.score)) else 0.0


def pair(
    photo_a: NDArray[np.uint8],
    photo_b: NDArray[np.uint8],
    shares_a: NDArray[np.floating],
    shares_b: NDArray[np.floating],
    scale: Scale | None = None,
    *,
    score: float,
    score_name: str = "similarity",
    names: tuple[str, str] = ("", ""),
    unit: str = "share of the similarity",
    title: str = "",
    caption: Sequence[str] = (),
    notes: Sequence[str] = (),
    smooth: bool = True,
    opacity: float = 0.85,
    contours: bool | None = None,
    theme: str | Theme = "light",
    width: int = 1500,
) -> Image.Image:
    """Which places made two photos alike, and which kept them apart?

    Args:
        photo_a: uint8 (height, width, 3).
        photo_b: uint8 (height, width, 3), any size.
        shares_a: float (rows, columns) on any grid: signed shares of the score in image a. They are added
            up as they are, and enlarged only for drawing.
        shares_b: The same for image b.
        scale: A signed scale; one shared by both images when None.
        score: What the shares explain.
        score_name: What the score is, in words.
        names: A name below each photo.
        unit: What the numbers of the colour bar count.
        title: The headline.
        caption: Paragraphs of standing text.
        notes: Small print.
        smooth: Whether the grid is smoothed for display.
        opacity: Largest opacity of the paint.
        contours: As in `overlay`.
        theme: `"light"`, `"dark"` or a theme.
        width: Outer width in pixels.

    Returns:
        An RGB image.

    Raises:
        InputError: An unsigned scale, or values that are not finite.
    """
    if scale is None:
        scale = scale_of(np.concatenate([shares_a.ravel(), shares_b.ravel()]), signed=True, shared="both photos")
    if not scale.signed:
        raise InputError("shares of a similarity have two signs; make the scale with signed=True.")
    page = Page.of(width, theme_of(theme))
    middle = round(page.text * 10.5)
    aspects = [photo.shape[1] / photo.shape[0] for photo in (photo_a, photo_b)]
    space, least = page.content - middle, round(page.text * 17)  # a sum needs so much width to be read
    tall = min(space / sum(aspects), page.width * 0.4)
    if min(aspects) * tall < least:  # a narrow photo: its column stays as wide as its sum, the other one yields
        tall = min(tall, (space - least) / max(aspects))
    evidence = [Evidence.of(shares, score) for shares in (shares_a, shares_b)]
    widths = [max(1, int(tall * aspect)) for aspect in aspects]
    # both sums are equally wide, so that their bars can be compared, whatever the shapes of the photos
    sum_width = max(min(widths), min(least, space // 2))
    lined = contours is True
    sides, gap = [], round(page.text * 0.5)
    for photo, shares, wide, name, sums in zip(
        (photo_a, photo_b), (shares_a, shares_b), widths, names, evidence, strict=True
    ):
        size = (wide, max(1, round(tall)))
        values = stretch(shares, size[1], size[0], smooth=smooth)
        plain = enlarge(photo, size[1], size[0])
        drawn = overlay(plain, values, scale, opacity=opacity, contours=contours)
        lined = lined or (contours is None and legible(values, scale))
        # In its own colours too: the colour may be the reason.
        side = [(0.0, Image.fromarray(np.asarray(plain))), (float(gap), drawn)]
        if name:
            label = page.lines(name, size=page.text, colour=page.theme.ink, bold=True, width=max(wide, sum_width))
            side.append((page.text * 0.4, label))
        side.append((page.text * 0.7, _sum(sums, evidence, page, sum_width)))
        sides.append(column(side, max(wide, sum_width), page.theme.background))
    row = Image.new("RGB", (page.content, max(side.height for side in sides)), page.theme.background)
    row.paste(sides[0], (0, 0))
    row.paste(sides[1], (page.content - sides[1].width, 0))
    _number(row, (sides[0].width, page.content - sides[1].width, 2 * round(tall) + gap), score, score_name, page)
    bar = Bar(scale, unit, contours=lined, opacity=opacity)
    key = colorbar(bar, length=min(page.content, round(page.text * 40)), size=page.text * 0.92, theme=page.theme)
    blocks = [*page.header(title, caption), (page.text * 1.3, row), (page.text * 1.6, key)]
    return page.assemble(blocks + page.footer(notes))


def score_text(score: float) -> str:
    """A similarity as it is written: two digits, but never rounded to the same."""
    rounded = number(score)
    return f"{score:.3f}" if abs(score) > 0.95 and abs(score) < 1 and float(f"{abs(score):.2g}") == 1 else rounded


def _number(row: Image.Image, box: tuple[int, int, int], score: float, name: str, page: Page) -> None:
    """The score in large type between the photos, its name below it."""
    left, right, tall = box
    space = right - left - page.text * 1.2
    text, size = score_text(score), page.text * 4.2
    while size > page.text and measure(text, size, bold=True) > space:
        size *= 0.95
    words = wrap(name, page.text * 0.95, space)
    centre = (left + right) / 2
    top = (tall - LEADING * (size * 0.9 + page.text * 0.95 * len(words))) / 2
    write(row, (centre, top), text, size=size, colour=page.theme.ink, bold=True, align="centre")
    write_lines(
        row,
        (centre, top + LEADING * size * 0.9),
        words,
        size=page.text * 0.95,
        colour=page.theme.muted,
        align="centre",
    )


def _sum(own: Evidence, both: Sequence[Evidence], page: Page, width: int) -> Image.Image:
    """The sum as three or four bars: each starts where the one above it ends, the last is the score."""
    theme, size = page.theme, page.text * 0.9
    parts: list[tuple[str, float, Colour]] = [
        ("raised it", own.raised, theme.warm),
        ("lowered it", own.lowered, theme.cool),
    ]
    if any(one.elsewhere for one in both):
        parts.append(("not placed", own.elsewhere, theme.muted))
    stops = [stop for one in both for stop in (0.0, one.raised, one.raised + one.lowered, one.score)]
    low, high = min(stops), max(stops)
    names = max(measure(text, size) for text in [_TOTAL, *(part[0] for part in parts)]) + size
    names = min(names, width * 0.4)
    figures = max(measure(signed(value), size, bold=True) for value in [own.score, *(part[1] for part in parts)]) + size
    space = max(8.0, width - names - figures)

    def place(value: float) -> float:
        return names + (value - low) / (high - low or 1.0) * space

    step = LEADING * size * 1.12
    image = Image.new("RGB", (width, round(step * (len(parts) + 1) + size * 0.4)), theme.background)
    draw = ImageDraw.Draw(image)
    hairline = max(1, round(page.text / 14))
    start = 0.0
    for index, (text, value, colour) in enumerate([*parts, (_TOTAL, own.score, theme.ink)]):
        last = index == len(parts)
        top = step * index + (size * 0.4 if last else 0)
        if last:
            start = 0.0
            draw.line((0, top - size * 0.2, width, top - size * 0.2), fill=theme.rule, width=hairline)
        line = wrap(text, size, names - size * 0.5, lines=1)[0]
        write(image, (0, top), line, size=size, colour=theme.ink if last else theme.muted, bold=last)
        ends = sorted((place(start), place(start + value)))
        thick = size * 0.62
        upper = top + (LEADING * size - thick) / 2
        if ends[1] - ends[0] >= 0.5:
            draw.rectangle((round(ends[0]), round(upper), round(ends[1]) - 1, round(upper + thick)), fill=colour)
        shown = score_text(value) if last else signed(value)
        write(image, (width, top), shown, size=size, colour=theme.ink, bold=last, align="right")
        start += value
        if not last:  # a hairline from the end of this bar down to the start of the next
            at = round(place(start))
            draw.line((at, round(upper), at, round(upper + step + thick)), fill=theme.rule, width=hairline)
    zero = round(place(0.0))
    draw.line((zero, 0, zero, image.height), fill=theme.muted, width=hairline)
    return image
