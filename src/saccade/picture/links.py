"""Which part of one photo goes with which part of the other? Both photos, their parts outlined and joined by lines.

A match has one colour and one number on both photos. Its line is as wide as its share, and striped or broken where it
lowered the score, so neither colour nor width is the only channel.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from saccade.picture.ink import Points, curve, disc, stroke
from saccade.picture.match_colours import MATCH_COLOURS, readable_on
from saccade.picture.match_shapes import MatchShape, draw_shapes
from saccade.picture.page import Page
from saccade.picture.resampling import enlarge
from saccade.picture.themes import Colour
from saccade.picture.typesetting import LEADING, write

Spot = tuple[float, float]

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
    matches = matches[: len(MATCH_COLOURS)]
    shapes = [[MatchShape((match.places_a, match.places_b)[side]) for match in matches] for side in (0, 1)]
    for frame, side in zip(frames, shapes, strict=True):
        box = (round(frame.left), round(frame.top), round(frame.left) + frame.width, round(frame.top) + frame.height)
        drawn = draw_shapes(
            np.asarray(image.crop(box)), side, MATCH_COLOURS, [match.share < 0 for match in matches],
            thick=page.text * 0.2, glow=page.text * 1.1,
        )  # fmt: skip
        image.paste(Image.fromarray(drawn), box[:2])
    casing = max(1.0, page.text * 0.085)
    radius = page.text * 0.68
    ends = anchors(frames, matches, apart=2.4 * radius)
    widths = line_widths([match.share for match in matches], page.text * 0.62)
    joined = list(zip(zip(matches, MATCH_COLOURS, strict=False), ends, widths, strict=True))
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
        first, second = (
            _border(places, frame, facing_right=side == 0)
            for side, (places, frame) in enumerate(zip((match.places_a, match.places_b), frames, strict=True))
        )
        straight = np.array_equal(match.places_a, match.places_b) and frames[0].height == frames[1].height
        pairs = list(zip(first, second, strict=True)) if straight else [(a, b) for a in first for b in second]
        spots.append(max(pairs, key=lambda pair: min(apart, _distance(pair, spots))))
    return spots


def _border(places: NDArray[np.bool_], frame: Frame, *, facing_right: bool) -> list[Spot]:
    """The spots on one side of a part, at most three a row, those nearest to its middle first."""
    shape = MatchShape(places)
    rows = np.flatnonzero(places.any(axis=1))
    middle = np.nonzero(places)[0].mean() + 0.5
    heights = [float(row + part) for row in rows for part in (0.5, 0.25, 0.75)]
    spots = []
    for height in sorted(heights, key=lambda height: (abs(height - middle), height)):
        across = shape.edge_at(height, facing_right=facing_right)
        if across is not None:
            left, top = across * frame.width / shape.columns, height * frame.height / shape.rows
            spots.append((frame.left + left, frame.top + top))
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
