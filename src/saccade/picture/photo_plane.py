"""Many photos at places of a plane, as one picture."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from saccade.picture.page import Page
from saccade.picture.themes import Theme, theme_of

WIDTH = 2400
_SHAPE = 1.6
_LARGEST = 180


def photo_plane(
    photos: Sequence[NDArray[np.uint8]],
    positions: NDArray[np.float32],
    *,
    columns: int = 0,
    stretch: float = 1.0,
    title: str,
    notes: Sequence[str] = (),
    theme: str | Theme = "dark",
) -> Image.Image:
    """A page with photos where they lie.

    Args:
        photos: uint8 (height, width, 3) each; later ones lie upon earlier ones.
        positions: (photos, 2), x to the right and y down, the longer side from 0 to 1.
        columns: Of a grid, in which photos are cut to one shape; 0 where they lie freely.
        stretch: By how much more one axis may be drawn out than the other, to fill the page.
        title: The headline.
        notes: Small print.
        theme: `"light"`, `"dark"` or a theme.
    """
    paper = theme_of(theme)
    page = Page.of(WIDTH, paper)
    width = page.content
    ratio = float(np.median([photo.shape[1] / photo.shape[0] for photo in photos]))
    sheet = (
        _grid(photos, positions, columns, width, ratio, paper)
        if columns
        else _free(photos, positions, width, stretch, paper)
    )
    return page.assemble([*page.header(title, ()), (page.text * 1.2, sheet), *page.footer(notes)])


def _free(
    photos: Sequence[NDArray[np.uint8]], positions: NDArray[np.float32], width: int, stretch: float, paper: Theme
) -> Image.Image:
    height = round(width / _SHAPE)
    side = min(_LARGEST, 1.2 * float(np.sqrt(width * height / len(photos))))
    spread = np.maximum(np.ptp(positions, axis=0), 1e-9)
    room = (np.array([width, height]) - side) / spread
    scale = np.minimum(room, stretch * room.min())
    middle = positions.min(axis=0) + spread / 2
    sheet = Image.new("RGB", (width, height), paper.background)
    for photo, position in zip(photos, positions, strict=True):
        image = ImageOps.contain(Image.fromarray(photo), (round(side), round(side)), Image.Resampling.LANCZOS)
        x, y = (position - middle) * scale + np.array([width, height]) / 2
        sheet.paste(image, (round(x - image.width / 2), round(y - image.height / 2)))
    return sheet


def _grid(
    photos: Sequence[NDArray[np.uint8]],
    positions: NDArray[np.float32],
    columns: int,
    width: int,
    ratio: float,
    paper: Theme,
) -> Image.Image:
    rows = -(-len(photos) // columns)
    cells = np.rint(positions * max(columns - 1, rows - 1, 1)).astype(int)
    wide = width / columns
    high = wide / ratio
    sheet = Image.new("RGB", (width, round(high * rows)), paper.background)
    for photo, (column, row) in zip(photos, cells.tolist(), strict=True):
        left, top = round(column * wide), round(row * high)
        size = max(1, round((column + 1) * wide) - left - 1), max(1, round((row + 1) * high) - top - 1)
        sheet.paste(ImageOps.fit(Image.fromarray(photo), size, Image.Resampling.LANCZOS), (left, top))
    return sheet
