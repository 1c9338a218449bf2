"""Why are these two alike?

One page: how high the score is and whether that is much; both photos in their own colours, the parts that go together
joined by lines; the score as the sum of those parts; every place on a signed map; and what covering them really does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from saccade.errors import InputError
from saccade.picture.colorbar import Bar, colorbar
from saccade.picture.contours import legible
from saccade.picture.cover_bars import Covering, cover_bars
from saccade.picture.links import Parts, joined_photos
from saccade.picture.match_colours import MATCH_COLOURS
from saccade.picture.numerals import number
from saccade.picture.overlay import overlay
from saccade.picture.page import Page, column
from saccade.picture.resampling import enlarge, stretch
from saccade.picture.ruler import Typical, ruler
from saccade.picture.scales import Scale, scale_of
from saccade.picture.sum_bar import Part, sum_bar
from saccade.picture.themes import Theme, theme_of
from saccade.picture.typesetting import LEADING, measure, wrap, write, write_lines

_ROUNDING = 1e-6
"""A rest smaller than this is what rounding leaves."""


@dataclass(frozen=True)
class _Paint:
    """How the maps are painted."""

    scale: Scale
    unit: str
    smooth: bool
    opacity: float
    contours: bool | None


def pair(
    photo_a: NDArray[np.uint8],
    photo_b: NDArray[np.uint8],
    shares_a: NDArray[np.floating] | None,
    shares_b: NDArray[np.floating] | None,
    scale: Scale | None = None,
    *,
    score: float,
    score_name: str = "similarity",
    typical: Typical | None = None,
    matches: Sequence[Parts] = (),
    apart: tuple[str, float] | None = None,
    covering: Covering | None = None,
    names: tuple[str, str] = ("", ""),
    unit: str = "share of the similarity",
    title: str = "",
    caption: Sequence[str] = (),
    matches_words: Sequence[str] = (),
    map_words: Sequence[str] = (),
    notes: Sequence[str] = (),
    maps_first: bool = False,
    joined_words: Sequence[str] = (),
    smooth: bool = True,
    opacity: float = 0.85,
    contours: bool | None = None,
    theme: str | Theme = "light",
    width: int = 1500,
) -> Image.Image:
    """Which parts made two photos alike, and which kept them apart?

    Args:
        photo_a: uint8 (height, width, 3).
        photo_b: uint8 (height, width, 3), any size.
        shares_a: float (rows, columns) on any grid: signed shares of the score in image a, enlarged only for drawing.
            Without them there are no maps.
        shares_b: The same for image b.
        scale: A signed scale; one shared by both images when None.
        score: What the shares explain.
        score_name: What the score is, in words.
        typical: What pairs of a collection score, where that is known.
        matches: The parts that go together, at most as many as there are colours.
        apart: What adds to the score and is no place, with its name.
        covering: What the score becomes when the matches are covered.
        names: A name below each photo.
        unit: What the numbers of the colour bar count.
        title: The headline.
        caption: Paragraphs of standing text.
        matches_words: What the lines and the bar mean.
        map_words: What the colours of the maps mean.
        notes: Small print.
        maps_first: Whether the maps come large before the photos with their matches, where these make little of it.
        joined_words: What is said of the photos with their matches then.
        smooth: Whether the grid is smoothed for display.
        opacity: Largest opacity of the paint.
        contours: As in `overlay`.
        theme: `"light"`, `"dark"` or a theme.
        width: Outer width in pixels.

    Returns:
        An RGB image.

    Raises:
        InputError: An unsigned scale, values that are not finite, or more matches than colours.
    """
    if len(matches) > len(MATCH_COLOURS):
        raise InputError(f"{len(matches)} matches, and {len(MATCH_COLOURS)} can be told apart; give the strongest.")
    page = Page.of(width, theme_of(theme))
    blocks = page.header(title, caption)
    blocks.append((page.text * (1.3 if blocks else 0), _score(score, score_name, typical, page)))
    bars: list[tuple[float, Image.Image]] = []
    if matches:
        heading = _titled(f"What adds up to {score_text(score)}", matches_words, page, page.content)
        bar = sum_bar(_parts(score, matches, apart, page), score_text(score), page, page.content)
        bars = [(page.text * 1.6, heading), (page.text * 0.6, bar)]
    joined = joined_photos((photo_a, photo_b), matches, names, page)
    if shares_a is None or shares_b is None:
        return page.assemble([*blocks, (page.text * 1.2, joined), *bars, *page.footer(notes)])
    if scale is None:
        scale = scale_of(np.concatenate([shares_a.ravel(), shares_b.ravel()]), signed=True, shared="both photos")
    if not scale.signed:
        raise InputError("shares of a similarity have two signs; make the scale with signed=True.")
    maps = ((photo_a, shares_a), (photo_b, shares_b))
    paint = _Paint(scale, unit, smooth, opacity, contours)
    if maps_first:
        blocks.append((page.text * 1.2, _large_maps(maps, paint, map_words, page)))
        blocks += [*bars, (page.text * 1.6, _titled("The parts that go together", joined_words, page, page.content))]
        blocks.append((page.text * 0.6, joined))
        blocks += [] if covering is None else [(page.text * 1.6, _covering(covering, page.content, page))]
    else:
        blocks += [(page.text * 1.2, joined), *bars]
        blocks.append((page.text * 1.6, _maps_and_covering(maps, paint, map_words, covering, page)))
    return page.assemble(blocks + page.footer(notes))


def score_text(score: float) -> str:
    """A similarity as it is written: two digits, but never rounded to the same."""
    rounded = number(score)
    return f"{score:.3f}" if abs(score) > 0.95 and abs(score) < 1 and float(f"{abs(score):.2g}") == 1 else rounded


def _score(score: float, name: str, typical: Typical | None, page: Page) -> Image.Image:
    """The score in large type, its name, and the line on which it lies."""
    text, size = score_text(score), page.text * 4.6
    wide = measure(text, size, bold=True)
    words = wrap(name, page.text * 0.95, max(wide, page.text * 11))
    own = round(max(wide, *(measure(line, page.text * 0.95) for line in words)))
    gap = round(page.text * 3)
    line = ruler(score, typical, page, min(page.content - own - gap, round(page.text * 44)))
    tall = round(LEADING * (size * 0.84 + page.text * 0.95 * len(words)))
    image = Image.new("RGB", (page.content, max(tall, line.height)), page.theme.background)
    write(image, (0, -size * 0.2), text, size=size, colour=page.theme.ink, bold=True)
    write_lines(image, (0, LEADING * size * 0.8), words, size=page.text * 0.95, colour=page.theme.muted)
    image.paste(line, (own + gap, max(0, round((tall - line.height) / 2))))
    return image


def _titled(text: str, words: Sequence[str], page: Page, width: int) -> Image.Image:
    """A small headline with a sentence or two below it."""
    blocks = [(0.0, page.lines(text, size=page.text * 1.15, colour=page.theme.ink, bold=True, width=width))]
    measured = min(width, round(page.text * 44))
    for line in words:
        block = page.lines(line, size=page.text * 0.9, colour=page.theme.muted, width=measured)
        blocks.append((page.text * 0.1, block))
    return column(blocks, width, page.theme.background)


def _parts(score: float, matches: Sequence[Parts], apart: tuple[str, float] | None, page: Page) -> list[Part]:
    """The matches, what is no place, and the rest: together exactly the score."""
    parts = [
        Part(match.share, MATCH_COLOURS[index], index + 1, error=match.error) for index, match in enumerate(matches)
    ]
    if apart is not None:
        parts.append(Part(apart[1], page.theme.muted, name=apart[0]))
    rest = score - sum(part.share for part in parts)
    if abs(rest) > _ROUNDING:
        red, green, blue = ((2 * rule + ink) // 3 for rule, ink in zip(page.theme.rule, page.theme.muted, strict=True))
        parts.append(Part(rest, (red, green, blue), name="all the rest"))
    return parts


def _maps_and_covering(
    maps: tuple[tuple[NDArray[np.uint8], NDArray[np.floating]], tuple[NDArray[np.uint8], NDArray[np.floating]]],
    paint: _Paint,
    map_words: Sequence[str],
    covering: Covering | None,
    page: Page,
) -> Image.Image:
    """The signed maps, and beside them, or below on a narrow page, the test by covering."""
    wide_page = page.content > page.text * 46
    gap = round(page.text * 3)
    wide = (page.content - gap) // 2 if wide_page else min(page.content, round(page.text * 44))
    row, lined = _maps(maps, paint, wide, page.text * 20, page)
    bar = Bar(paint.scale, paint.unit, contours=lined, opacity=paint.opacity)
    heading = _titled("Every place, for and against", map_words, page, wide)
    paper = page.theme.background

    def key(length: int) -> Image.Image:
        return colorbar(bar, length=length, size=page.text * 0.86, theme=page.theme)

    under_map = min(wide, max(row.width, round(page.text * 18)))
    if covering is None and wide_page:  # what stands below the maps otherwise has room beside them
        words = column([(0.0, heading), (page.text * 1.2, key(min(wide, round(page.text * 30))))], wide, paper)
        return _side_by_side(row, words, row.width + gap, page)
    left = column([(0.0, heading), (page.text * 0.7, row), (page.text * 0.7, key(under_map))], wide, paper)
    if covering is None:
        return left
    right = _covering(covering, wide, page)
    if wide_page:
        return _side_by_side(left, right, page.content - wide, page)
    return column([(0.0, left), (page.text * 1.6, right)], page.content, paper)


def _large_maps(
    maps: Sequence[tuple[NDArray[np.uint8], NDArray[np.floating]]], paint: _Paint, map_words: Sequence[str], page: Page
) -> Image.Image:
    """The signed maps as large as the photos, and below them what their colours mean."""
    row, lined = _maps(maps, paint, page.content, page.width * 0.5, page)
    bar = Bar(paint.scale, paint.unit, contours=lined, opacity=paint.opacity)
    key = colorbar(bar, length=min(page.content, round(page.text * 30)), size=page.text * 0.86, theme=page.theme)
    words = _titled("Every place, for and against", map_words, page, page.content)
    blocks = [(0.0, row), (page.text * 0.8, words), (page.text * 0.6, key)]
    return column(blocks, page.content, page.theme.background)


def _covering(covering: Covering, wide: int, page: Page) -> Image.Image:
    """The test by covering, under its heading."""
    title = _titled("What if the matches are covered?", [covering.words] if covering.words else [], page, wide)
    bars = cover_bars(covering, page, min(wide, round(page.text * 44)))
    return column([(0.0, title), (page.text * 0.8, bars)], wide, page.theme.background)


def _maps(
    maps: Sequence[tuple[NDArray[np.uint8], NDArray[np.floating]]],
    paint: _Paint,
    wide: int,
    highest: float,
    page: Page,
) -> tuple[Image.Image, bool]:
    """Both photos in grey under their maps, and whether contour lines were drawn."""
    between = round(page.text)
    aspects = [photo.shape[1] / photo.shape[0] for photo, _ in maps]
    tall = min((wide - between) / sum(aspects), highest)
    lined = paint.contours is True
    drawn = []
    for (photo, shares), aspect in zip(maps, aspects, strict=True):
        size = max(1, round(tall)), max(1, int(tall * aspect))
        values = stretch(shares, *size, smooth=paint.smooth)
        drawn.append(
            overlay(enlarge(photo, *size), values, paint.scale, opacity=paint.opacity, contours=paint.contours)
        )
        lined = lined or (paint.contours is None and legible(values, paint.scale))
    return _side_by_side(drawn[0], drawn[1], drawn[0].width + between, page), lined


def _side_by_side(left: Image.Image, right: Image.Image, second: int, page: Page) -> Image.Image:
    """Two images, the second one beginning at a place."""
    size = (second + right.width, max(left.height, right.height))
    image = Image.new("RGB", size, page.theme.background)
    image.paste(left, (0, 0))
    image.paste(right, (second, 0))
    return image
