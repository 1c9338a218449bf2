"""Which part of one photo goes with which part of the other? Both photos, their parts outlined and joined by lines.

A match has one colour and one number on both photos. Its line is as wide as its share, and broken where it lowered the
score, so neither colour nor width is the only channel.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from saccade.picture.ink import Points, curve, disc, fill, stroke
from saccade.picture.match_colours import MATCH_COLOURS, readable_on
from saccade.picture.outlines import outlines
from saccade.picture.page import Page
from saccade.picture.resampling import enlarge
from saccade.picture.themes import Colour
from saccade.picture.typesetting import LEADING, write

Spot = tuple[float, float]

_TINT, _EDGE = 0.06, 0.36
"""Opacity deep inside of a part, where the photo's colours count, and how much more of it there is along its border."""
_DARK: Colour = (18, 18, 22)
_LIGHT: Colour = (255, 255, 255)


@dataclass(frozen=True, eq=False)
class Parts:
    """A part of one photo that goes with a part of the other one.

    Attributes:
        share: What the two add to the score together; negative when they lowered it.
        places_a: bool (rows, columns), edge to edge of the first photo.
        places_b: The same of the second photo.
        error: The standard error of the share; None where it is exact.
    """

    share: float
    places_a: NDArray[np.bool_]
    places_b: NDArray[np.bool_]
    error: float | None = None


@dataclass(frozen=True)
class Frame:
    """Where a photo lies on an image, in pixels."""

    left: float
    top: float
    width: int
    height: int


def line_widths(shares: Sequence[float], widest: float) -> list[float]:
    """How wide is each line? As wide as its share is large, the largest as wide as allowed."""
    largest = max((abs(share) for share in shares), default=0.0)
    return [widest * abs(share) / largest if largest > 0 else 0.0 for share in shares]


def draw_links(image: Image.Image, frames: tuple[Frame, Frame], matches: Sequence[Parts], page: Page) -> None:
    """Outline the parts on both photos, and join them: by a thread over the photos, by a ribbon between them.

    Args:
        image: Both photos, each in its frame; it is drawn into.
        frames: Where they lie.
        matches: At most as many as there are colours.
        page: Whose measures are used.
    """
    thick = page.text * 0.17
    casing = max(1.0, page.text * 0.085)
    grids = [[(match.places_a, match.places_b)[side] for match in matches] for side in (0, 1)]
    coloured = list(zip(matches, MATCH_COLOURS, strict=False))
    for frame, side in zip(frames, grids, strict=True):
        corner = np.array([frame.left, frame.top])
        # Parts that raise the score may overlap with parts that lower it: the strongest lies on top.
        for (match, colour), places in reversed(list(zip(coloured, side, strict=True))):
            lines = [line + corner for line in outlines(places, frame.height, frame.width, inset=thick)]
            fill(image, lines, colour, _TINT, edge=(_EDGE, page.text * 0.8))
            for line in lines:
                stroke(image, line, _DARK, thick + 2 * casing, closed=True, opacity=0.5)
                stroke(image, line, _LIGHT, thick + casing, closed=True, opacity=0.9)
                stroke(image, line, colour, thick, closed=True, dash=page.text * 0.5 if match.share < 0 else 0.0)
    radius = page.text * 0.68
    ends = anchors(frames, matches, apart=2.4 * radius)
    widths = line_widths([match.share for match in matches], page.text * 0.62)
    joined = list(zip(coloured, ends, widths, strict=True))
    gap = (frames[0].left + frames[0].width, frames[1].left)
    for (match, colour), (start, end), wide in reversed(joined):
        line = curve(start, end)
        # Over the photos a thread, which hides nothing; between them as wide as what the match adds.
        for part, width in ((line, min(wide, page.text * 0.12)), (_between(line, *gap), wide)):
            stroke(image, part, _DARK, width + 2.2 * casing, opacity=0.5)
            stroke(image, part, _LIGHT, width + 1.2 * casing, opacity=0.9)
            stroke(image, part, colour, width, dash=page.text * 0.7 if match.share < 0 else 0.0)
    for number, ((_, colour), spots, _) in enumerate(joined, start=1):
        for spot in spots:
            badge(image, spot, number, colour, radius)


def _between(line: Points, left: float, right: float) -> Points:
    """The part between two places across of a line that runs to the right; all of it where it crosses neither."""
    first, last = max(left, float(line[0, 0])), min(right, float(line[-1, 0]))
    if first >= last:
        return line
    inside = line[(line[:, 0] > first) & (line[:, 0] < last)]
    ends = np.array([[across, np.interp(across, line[:, 0], line[:, 1])] for across in (first, last)])
    return np.concatenate([ends[:1], inside, ends[1:]])


def badge(image: Image.Image, centre: Spot, number: int, colour: Colour, radius: float) -> None:
    """The number of a match on a disc of its colour."""
    disc(image, centre, radius + max(1.0, radius * 0.2), _DARK)
    disc(image, centre, radius + max(0.6, radius * 0.12), _LIGHT)
    disc(image, centre, radius, colour)
    size = radius * 1.35
    place = (centre[0], centre[1] - LEADING * size / 2)
    write(image, place, f"{number}", size=size, colour=readable_on(colour), bold=True, align="centre")


def anchors(frames: tuple[Frame, Frame], matches: Sequence[Parts], *, apart: float) -> list[tuple[Spot, Spot]]:
    """Where does the line of each match begin and end? On the border of its part that faces the other photo.

    The same places on both photos get the same height, so that their line runs straight. Lines keep apart where they
    can.

    Args:
        frames: Where the photos lie.
        matches: The matches, the most important first: these choose first.
        apart: The distance that lines and numbers keep.
    """
    spots: list[tuple[Spot, Spot]] = []
    for match in matches:
        first = _border(match.places_a, frames[0], facing_right=True)
        second = _border(match.places_b, frames[1], facing_right=False)
        straight = np.array_equal(match.places_a, match.places_b) and frames[0].height == frames[1].height
        pairs = list(zip(first, second, strict=True)) if straight else [(a, b) for a in first for b in second]
        spots.append(max(pairs, key=lambda pair: min(apart, _distance(pair, spots))))
    return spots


def _border(places: NDArray[np.bool_], frame: Frame, *, facing_right: bool) -> list[Spot]:
    """The spots on one side of a part, three a row, those nearest to its middle first."""
    rows, columns = np.nonzero(places)
    middle = rows.mean() + 0.5
    heights = [row + part for row in sorted(set(rows.tolist())) for part in (0.5, 0.25, 0.75)]
    spots = []
    for height in sorted(heights, key=lambda height: (abs(height - middle), height)):
        inside = columns[rows == int(height)]
        across = inside.max() + 1 if facing_right else inside.min()
        left = frame.left + across * frame.width / places.shape[1]
        spots.append((left, frame.top + height * frame.height / places.shape[0]))
    return spots


def _distance(pair: tuple[Spot, Spot], others: Sequence[tuple[Spot, Spot]]) -> float:
    """How near does a line come to others? At its ends, and by its height on either photo, which it crosses."""
    nearest = float("inf")
    for other in others:
        heights = [abs(spot[1] - end[1]) for spot, end in zip(pair, other, strict=True)]
        nearest = min(nearest, *heights)
    return nearest


def joined_photos(
    photos: tuple[NDArray[np.uint8], NDArray[np.uint8]], matches: Sequence[Parts], names: tuple[str, str], page: Page
) -> Image.Image:
    """Both photos side by side in their own colours, equally high, with their matches.

    Args:
        photos: uint8 (height, width, 3), any sizes.
        matches: The parts that go together.
        names: A name for each, below it.
        page: Whose measures are used.
    """
    frames = _frames([photo.shape[1] / photo.shape[0] for photo in photos], bool(matches), page)
    # A name may be wider than its photo, as far as the other one leaves room.
    gap = round(page.text)
    second = max(frames[1].width, min(page.content // 3, page.content - frames[0].width - gap))
    labels = [
        page.lines(name, size=page.text, colour=page.theme.ink, bold=True, width=width)
        for name, width in zip(names, (page.content - second - gap, second), strict=True)
    ]
    below = max(frame.height for frame in frames) + round(page.text * 0.5)
    height = below + (max(label.height for label in labels) if any(names) else 0)
    image = Image.new("RGB", (page.content, height), page.theme.background)
    for photo, frame in zip(photos, frames, strict=True):
        drawn = Image.fromarray(enlarge(photo, frame.height, frame.width))
        image.paste(drawn, (int(frame.left), int(frame.top)))
    image.paste(labels[0], (0, below))
    image.paste(labels[1], (page.content - second, below))
    draw_links(image, frames, matches, page)
    return image


def _frames(aspects: Sequence[float], joined: bool, page: Page) -> tuple[Frame, Frame]:
    """Where both photos lie: equally high, unless one of them were too low to be seen then."""
    between = round(min(page.text * 6.5, page.content * 0.11) if joined else page.text * 1.5)
    space, most = page.content - between, page.width * 0.56
    tall = min(space / sum(aspects), most)
    heights = [tall, tall]
    if tall < min(page.text * 16, space / 4):
        heights = [min(space / 2 / aspect, most) for aspect in aspects]
    frames = []
    for side, (aspect, own) in enumerate(zip(aspects, heights, strict=True)):
        wide, high = max(1, int(own * aspect)), max(1, round(own))
        left = page.content - wide if side else 0
        frames.append(Frame(left, round((max(heights) - own) / 2), wide, high))
    return frames[0], frames[1]
