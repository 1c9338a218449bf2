"""One poster for a whole model: the photo, row after row what the layers make of it, and the image at the end.

Cells are enlarged without smoothing, so that the real grid shows. Every tile has the frame of the photo, so that a
cell covers the same part of the tile as of the photo.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from saccade.errors import InputError
from saccade.picture.colorbar import Bar, colorbar
from saccade.picture.numerals import number
from saccade.picture.page import Page, column
from saccade.picture.palette import STEPS, palette, steps_of
from saccade.picture.resampling import enlarge
from saccade.picture.scales import Scale
from saccade.picture.themes import Theme, theme_of
from saccade.picture.typesetting import LEADING, write

_TALL = 128
"""Height of a tile: a whole multiple of the usual grids."""
_ROOM = 1640
"""Width of a row of tiles, about."""


@dataclass(frozen=True, eq=False)
class Row:
    """What one layer makes of the photo.

    Attributes:
        title: The layer's name.
        lines: What is to know of it, line by line.
        tiles: float32 (tiles, rows, columns): the maps to be shown, the most important first. Maps of one single cell
            are drawn as one band, in the order given.
        labels: A short text for each tile.
        scale: The scale of all of them.
        sees: Which share of the image's height and width one cell sees, to be drawn as a small sign; None: no sign.
        heading: Opens a part of the poster; empty for rows that go on with the part above.
        marked: Whether this is the row that everything leads to.
    """

    title: str
    lines: Sequence[str]
    tiles: NDArray[np.float32]
    labels: Sequence[str]
    scale: Scale
    sees: tuple[float, float] | None = None
    heading: str = ""
    marked: bool = False


@dataclass(frozen=True, eq=False)
class End:
    """An image with words beside it: the first and the last thing on the poster.

    Attributes:
        picture: uint8 (height, width, 3).
        title: In large type.
        lines: Paragraphs below the title.
    """

    picture: NDArray[np.uint8]
    title: str
    lines: Sequence[str]


def tiles_across(frame: tuple[int, int]) -> int:
    """How many tiles stand in a row when the photo's frame has this height and width? 8 to 12."""
    wide = _TALL * _aspect(frame)
    return int(min(12, max(8, round(_ROOM / (wide + _TALL * 0.08)))))


def collage(
    first: End, rows: Sequence[Row], last: End | None = None, *, notes: Sequence[str] = (), theme: str | Theme = "dark"
) -> Image.Image:
    """What happens to a photo on its way through a model?

    Args:
        first: The photo; its shape is that of all tiles.
        rows: One row for each layer, in the order of computation.
        last: What comes out at the end.
        notes: Small print.
        theme: `"light"`, `"dark"` or a theme.

    Returns:
        An RGB image, about 2000 pixels wide, as high as the model is deep.

    Raises:
        InputError: No rows, maps of the wrong shape, or not one label for each tile.
    """
    if not rows:
        raise InputError("a collage needs at least one layer.")
    frame = (first.picture.shape[0], first.picture.shape[1])
    tile = (_TALL, max(8, round(_TALL * _aspect(frame))))
    gap = round(_TALL * 0.08)
    across = tiles_across(frame)
    label, space = round(_TALL * 2.75), across * (tile[1] + gap) - gap
    page = Page(label + space + 2 * round(_TALL * 0.5), theme_of(theme), 25.0)
    label += page.content - label - space  # the rounding of the margin
    blocks: list[tuple[float, Image.Image]] = [(0, _end(first, page, accent=True))]
    for index, row in enumerate(rows):
        if row.heading:
            blocks.append((page.text * (2.0 if index else 2.4), _heading(row, page)))
        above = 0.8 if row.heading else 1.1
        blocks.append((page.text * above, _row(row, page, tile, gap, label)))
    if last is not None:
        blocks.append((page.text * 2.4, _end(last, page)))
    blocks.append((page.text * 2.0, _keys(rows, page)))
    return page.assemble(blocks + page.footer(notes))


def _end(end: End, page: Page, *, accent: bool = False) -> Image.Image:
    """A large image at the left, its words at the right."""
    height, width = end.picture.shape[:2]
    scale = min(page.content * 0.44 / width, _TALL * 4.2 / height)
    size = (max(1, round(height * scale)), max(1, round(width * scale)))
    photo = Image.fromarray(enlarge(end.picture, *size))
    left = size[1] + round(page.text * 2)
    space = page.content - left
    words: list[tuple[float, Image.Image]] = []
    if accent:
        words.append((0, Image.new("RGB", (round(page.text * 2.6), round(page.text * 0.24)), page.theme.warm)))
    large = page.text * (2.3 if accent else 1.7)
    words.append((page.text * 0.6, page.lines(end.title, size=large, colour=page.theme.ink, bold=True, width=space)))
    words += [
        (page.text * 0.6, page.lines(line, size=page.text * 1.1, colour=page.theme.muted, width=space))
        for line in end.lines
    ]
    text = column(words, space, page.theme.background)
    image = Image.new("RGB", (page.content, max(size[0], text.height)), page.theme.background)
    image.paste(photo, (0, 0))
    image.paste(text, (left, max(0, (size[0] - text.height) // 2)))
    return image


def _heading(row: Row, page: Page) -> Image.Image:
    """A hairline with the name of a part of the poster below it."""
    colour = page.theme.warm if row.marked else page.theme.ink
    words = page.lines(row.heading, size=page.text * 1.35, colour=colour, bold=True)
    rule = Image.new("RGB", (page.content, 2), page.theme.warm if row.marked else page.theme.rule)
    return column([(0, rule), (page.text * 0.8, words)], page.content, page.theme.background)


def _row(row: Row, page: Page, tile: tuple[int, int], gap: int, label: int) -> Image.Image:
    """The words of a layer and its tiles."""
    maps = np.asarray(row.tiles, np.float32)
    if maps.ndim != 3 or not maps.size or len(maps) != len(row.labels):
        raise InputError(
            f"a row of a collage has tiles (tiles, rows, columns) and one label each; got {maps.shape} and "
            f"{len(row.labels)} labels."
        )
    words = _words(row, page, tile, label - round(page.text * 1.2))
    small = page.text * 0.62
    band = maps.shape[1:] == (1, 1)
    high = tile[0] // 2 if band else tile[0]
    image = Image.new(
        "RGB", (page.content, max(words.height, round(high + LEADING * small + 2))), page.theme.background
    )
    image.paste(words, (0, 0))
    space = page.content - label
    if band:
        image.paste(_painted(maps.reshape(1, -1), row.scale, (high, space)), (label, 0))
        ends = [(0, row.labels[0], "left"), (space, row.labels[-1], "right")]
    else:
        ends = []
        for index, (values, name) in enumerate(zip(maps, row.labels, strict=True)):
            left = index * (tile[1] + gap)
            image.paste(_painted(values, row.scale, tile), (label + left, 0))
            ends.append((left, name, "left"))
    for left, name, align in ends:
        place = (label + left, high + 1)
        write(image, place, name, size=small, colour=page.theme.muted, align=align)
    return image


def _words(row: Row, page: Page, tile: tuple[int, int], width: int) -> Image.Image:
    """Name and facts of a layer, and the sign that shows how much of the photo a cell sees."""
    sign = _sign(row.sees, tile, page) if row.sees else None
    space = width - (sign.width + round(page.text * 0.6) if sign else 0)
    colour = page.theme.warm if row.marked else page.theme.ink
    blocks = [(0.0, page.lines(row.title, size=page.text * 1.05, colour=colour, bold=True, width=space))]
    blocks += [
        (page.text * 0.1, page.lines(line, size=page.text * 0.78, colour=page.theme.muted, width=space))
        for line in row.lines
    ]
    text = column(blocks, space, page.theme.background)
    image = Image.new("RGB", (width, max(text.height, sign.height if sign else 0)), page.theme.background)
    image.paste(text, (0, 0))
    if sign:
        image.paste(sign, (width - sign.width, round(page.text * 0.2)))
    return image


def _sign(sees: tuple[float, float], tile: tuple[int, int], page: Page) -> Image.Image:
    """The photo's frame with the part that one cell sees."""
    high, wide = (round(side * 0.36) for side in tile)
    image = Image.new("RGB", (wide, high), page.theme.background)
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, wide - 1, high - 1), outline=page.theme.muted)
    inner = [max(2.0, min(1.0, share) * side) for share, side in zip(sees, (high, wide), strict=True)]
    top, left = (high - inner[0]) / 2, (wide - inner[1]) / 2
    draw.rectangle(
        (round(left), round(top), round(left + inner[1]) - 1, round(top + inner[0]) - 1), fill=page.theme.warm
    )
    return image


def _painted(values: NDArray[np.float32], scale: Scale, size: tuple[int, int]) -> Image.Image:
    """A map in colour at this size: finer grids are averaged, coarser ones keep their cells with sharp edges."""
    rows, columns = min(values.shape[0], size[0]), min(values.shape[1], size[1])
    if (rows, columns) != values.shape:
        values = np.asarray(Image.fromarray(values).resize((columns, rows), Image.Resampling.BOX), np.float32)
    table = np.rint(palette(scale).colours).astype(np.uint8)
    steps = np.full(values.shape, STEPS // 2 if scale.signed else 0) if scale.flat else steps_of(values, scale)
    cells = Image.fromarray(table[steps])
    # Whole copies of each cell first, then a mean of areas: an edge between two pixels is a mixture of both.
    whole = (columns * -(-size[1] // columns), rows * -(-size[0] // rows))
    return cells.resize(whole, Image.Resampling.NEAREST).resize((size[1], size[0]), Image.Resampling.BOX)


def _keys(rows: Sequence[Row], page: Page) -> Image.Image:
    """A colour bar for each kind of scale that was used."""
    scales = [row.scale for row in rows if not row.scale.flat] or [rows[0].scale]
    length = round(page.content * 0.46)
    bars = []
    for signed in sorted({scale.signed for scale in scales}):
        scale = Scale(-1.0 if signed else 0.0, 1.0, signed=signed, shared="each row its own; 100 % is named beside it")
        unit = "answer of a detector, above and below zero" if signed else "answer of a detector"
        bar = Bar(scale, unit, percent=True, contours=False, opacity=None)
        bars.append(colorbar(bar, length=length, size=page.text * 0.85, theme=page.theme))
    image = Image.new("RGB", (page.content, max(drawn.height for drawn in bars)), page.theme.background)
    for drawn, left in zip(bars, (0, page.content - length), strict=False):
        image.paste(drawn, (left, 0))
    return image


def full_colour(scale: Scale) -> str:
    """What the strongest colour of a row stands for, in words."""
    return "silent: the same everywhere" if scale.flat else f"100 % is {number(scale.high)}"


def _aspect(frame: tuple[int, int]) -> float:
    """Width over height of a tile; very long photos are drawn less long."""
    return min(2.0, max(0.5, frame[1] / frame[0]))
