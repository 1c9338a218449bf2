"""Smooth lines and discs laid onto an image that is already there.

Each is drawn four times as large on a sheet of its own, no larger than itself, and averaged down.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from saccade.picture.themes import Colour

Points = NDArray[np.float64]
"""(points, 2): across and down, in pixels."""

_FINER = 4


def stroke(
    image: Image.Image,
    points: Points,
    colour: Colour,
    thick: float,
    *,
    closed: bool = False,
    dash: float = 0.0,
    opacity: float = 1.0,
) -> None:
    """Draw a line with round ends.

    Args:
        image: An RGB image; it is drawn into.
        points: (points, 2) in pixels.
        colour: Its colour.
        thick: Its width in pixels.
        closed: Whether it returns to its first point.
        dash: Length of its dashes and of the gaps between them; 0 for an unbroken line.
        opacity: 0 to 1.
    """
    line = np.concatenate([points, points[:1]]) if closed else points
    pieces = dashes(line, dash) if dash else [line]

    def draw(sheet: ImageDraw.ImageDraw, corner: Points) -> None:
        radius = thick * _FINER / 2
        for piece in pieces:
            fine = (piece - corner) * _FINER
            path = [(float(x), float(y)) for x, y in fine]
            sheet.line(path, 255, max(1, round(2 * radius)), joint="curve")
            for x, y in (path[0], path[-1]) if radius > 1 else ():
                sheet.ellipse((x - radius, y - radius, x + radius, y + radius), 255)

    _lay(image, line, thick, colour, lambda mask: mask.point(lambda value: round(value * opacity)), draw)


def disc(image: Image.Image, centre: tuple[float, float], radius: float, colour: Colour) -> None:
    """Draw a filled disc."""

    def draw(sheet: ImageDraw.ImageDraw, corner: Points) -> None:
        x, y = (np.array(centre) - corner) * _FINER
        fine = radius * _FINER
        sheet.ellipse((x - fine, y - fine, x + fine, y + fine), 255)

    _lay(image, np.array([centre]), 2 * radius, colour, lambda mask: mask, draw)


def curve(start: tuple[float, float], end: tuple[float, float], *, steps: int = 48) -> Points:
    """A line that leaves its start and reaches its end horizontally: straight where they are equally high."""
    (x0, y0), (x1, y1) = start, end
    along = np.linspace(0, 1, steps)
    bend = 0.5 * (x1 - x0)
    weights = np.stack([(1 - along) ** 3, 3 * along * (1 - along) ** 2, 3 * along**2 * (1 - along), along**3], axis=1)
    return np.asarray(weights @ np.array([(x0, y0), (x0 + bend, y0), (x1 - bend, y1), (x1, y1)]))


def dashes(line: Points, length: float) -> list[Points]:
    """The dashes of a line: equally long, a gap as long as a dash between them, a whole dash at each end."""
    steps = np.linalg.norm(np.diff(line, axis=0), axis=1)
    along = np.concatenate([[0.0], np.cumsum(steps)])
    total = float(along[-1])
    count = max(1, round((total / length + 1) / 2))
    each = total / (2 * count - 1)
    pieces = []
    for number in range(count):
        low, high = 2 * number * each, (2 * number + 1) * each
        places = np.concatenate([[low], along[(along > low) & (along < high)], [high]])
        pieces.append(np.stack([np.interp(places, along, line[:, axis]) for axis in (0, 1)], axis=1))
    return pieces


def _lay(
    image: Image.Image,
    points: Points,
    thick: float,
    colour: Colour,
    shade: Callable[[Image.Image], Image.Image],
    draw: Callable[[ImageDraw.ImageDraw, Points], None],
) -> None:
    """Draw onto a sheet that is just large enough, shade it, and lay it onto the image."""
    low = np.floor(points.min(axis=0) - thick / 2 - 2)
    low = np.maximum(low, 0)
    high = np.minimum(np.ceil(points.max(axis=0) + thick / 2 + 2), (image.width, image.height))
    wide, tall = (int(side) for side in high - low)
    if wide < 1 or tall < 1:
        return
    sheet = Image.new("L", (wide * _FINER, tall * _FINER))
    draw(ImageDraw.Draw(sheet), low)
    image.paste(colour, (int(low[0]), int(low[1])), shade(sheet.reduce(_FINER)))
