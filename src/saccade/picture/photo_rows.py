"""One photo, and others in rows beside it, each with a line of words: what a search has found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from saccade.picture.canvas import fitted
from saccade.picture.page import Page
from saccade.picture.themes import Colour, Theme, theme_of
from saccade.picture.typesetting import LEADING, write

WIDTH = 1500
_ROW = 190
_FIRST = 300
_GAP = 18


@dataclass(frozen=True)
class RowPhoto:
    """A photo of a row.

    Attributes:
        pixels: uint8 (height, width, 3).
        words: Below it, in bold.
        name: Below that.
        box: A part that is outlined: left, top, right, bottom in shares of width and height; or None.
    """

    pixels: NDArray[np.uint8]
    words: str
    name: str
    box: tuple[float, float, float, float] | None = None


def photo_rows(
    first: RowPhoto,
    others: Sequence[RowPhoto],
    *,
    title: str,
    caption: Sequence[str] = (),
    notes: Sequence[str] = (),
    theme: str | Theme = "light",
) -> Image.Image:
    """A page with one photo to the left, and the others in rows to its right, in reading order.

    Args:
        first: The one that was asked about.
        others: What was found.
        title: The headline.
        caption: Paragraphs under it.
        notes: Small print.
        theme: `"light"`, `"dark"` or a theme.
    """
    paper = theme_of(theme)
    page = Page.of(WIDTH, paper)
    text = page.text * 0.82
    left = _tile(first, (_FIRST, _FIRST), text, paper, paper.warm)
    space = page.content - _FIRST - 2 * _GAP
    rows: list[list[Image.Image]] = [[]]
    for other in others:
        tile = _tile(other, (2 * _ROW, _ROW), text, paper, paper.rule)
        if rows[-1] and sum(placed.width + _GAP for placed in rows[-1]) + tile.width > space:
            rows.append([])
        rows[-1].append(tile)
    heights = [max((tile.height for tile in row), default=0) + _GAP for row in rows]
    sheet = Image.new("RGB", (page.content, max(left.height, sum(heights))), paper.background)
    sheet.paste(left, (0, 0))
    top = 0
    for row, height in zip(rows, heights, strict=True):
        across = _FIRST + 2 * _GAP
        for tile in row:
            sheet.paste(tile, (across, top))
            across += tile.width + _GAP
        top += height
    return page.assemble([*page.header(title, caption), (page.text * 1.2, sheet), *page.footer(notes)])


def _tile(photo: RowPhoto, room: tuple[int, int], text: float, theme: Theme, frame: Colour) -> Image.Image:
    """A photo as large as fits, with its words."""
    image = Image.fromarray(photo.pixels)
    scale = min(room[0] / image.width, room[1] / image.height)
    size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    image = image.resize(size, Image.Resampling.LANCZOS)
    draw = ImageDraw.Draw(image)
    if photo.box is not None:
        # Round the part and not upon it: one cell of the code is hardly wider than a line.
        left, top, right, bottom = (edge * side for edge, side in zip(photo.box, size * 2, strict=True))
        for out, colour, width in ((4, (0, 0, 0), 4), (3, theme.warm, 2)):
            corners = [max(left - out, 0), max(top - out, 0)]
            corners += [min(right + out, size[0] - 1), min(bottom + out, size[1] - 1)]
            if corners[0] <= corners[2] and corners[1] <= corners[3]:  # else it lies in what was added round the photo
                draw.rectangle(corners, outline=colour, width=width)
    line = round(LEADING * text)
    width = max(size[0], round(text * 5))
    tile = Image.new("RGB", (width, size[1] + 2 * line + 6), theme.background)
    tile.paste(image, (0, 0))
    ImageDraw.Draw(tile).rectangle((0, 0, size[0] - 1, size[1] - 1), outline=frame, width=1)
    write(tile, (0, size[1] + 4), photo.words, size=text, colour=theme.ink, bold=True)
    write(tile, (0, size[1] + 4 + line), fitted(photo.name, text, width), size=text, colour=theme.muted)
    return tile
