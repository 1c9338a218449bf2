"""Every feature map of a layer on one sheet.

Cells are enlarged by a whole number without smoothing, so that the real grid shows; every map that is given
is drawn; the sheet says on which scale, and how many maps are flat.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from saccade.errors import InputError, UnknownName
from saccade.picture.canvas import fitted
from saccade.picture.colorbar import Bar, colorbar
from saccade.picture.numerals import number
from saccade.picture.page import Page
from saccade.picture.palette import STEPS, palette, steps_of
from saccade.picture.scales import Scale, scale_of
from saccade.picture.themes import Theme, theme_of
from saccade.picture.typesetting import LEADING, write

SHARING = ("all", "each")
"""One scale for all tiles, or each tile on its own."""


def feature_sheet(
    tiles: ArrayLike,
    labels: Sequence[str] | None = None,
    *,
    scale: Scale | str = "all",
    signed: bool = False,
    unit: str = "",
    title: str = "",
    caption: Sequence[str] = (),
    notes: Sequence[str] = (),
    columns: int | None = None,
    tile: int | None = None,
    theme: str | Theme = "dark",
    colormap: str | None = None,
) -> Image.Image:
    """What does every detector of a layer answer to this image?

    Args:
        tiles: float (tiles, height, width): raw values.
        labels: One short text per tile; their numbers from 0 when None.
        scale: A `Scale`, `"all"` for one shared scale, or `"each"`: then each tile's limit stands below it.
        signed: Whether values below zero have a meaning; a `Scale` decides for itself.
        unit: What the numbers count.
        title: The headline.
        caption: Paragraphs of standing text.
        notes: Small print; the number of flat tiles and any reduction are added.
        columns: Tiles in a row; a wide sheet when None.
        tile: Wanted width of a tile in pixels; a cell becomes the whole number of pixels that fits. From the
            number of tiles when None.
        theme: `"light"`, `"dark"` or a theme.
        colormap: A colour map by name; None: the one of the scale.

    Returns:
        An RGB image with all tiles in reading order.

    Raises:
        InputError: Wrong shape, wrong number of labels, values that are not finite.
    """
    maps = np.asarray(tiles, np.float32)
    if maps.ndim != 3 or not maps.size:
        raise InputError(f"feature maps have three axes, (tiles, height, width), none empty; got {maps.shape}.")
    names = [str(index) for index in range(len(maps))] if labels is None else list(labels)
    if len(names) != len(maps):
        raise InputError(f"{len(names)} labels for {len(maps)} tiles; give one each, or none.")
    scales, key = _scales(maps, scale, signed)
    flat = [scale_of(item, signed=True).flat for item in maps]
    if scale == "each":
        names = [f"{name} \u00b7 {number(own.high)}" for name, own in zip(names, scales, strict=True)]
    names = [f"{name} (flat)" if is_flat else name for name, is_flat in zip(names, flat, strict=True)]
    painted, remark = _painted(maps, scales, tile or _tile_width(len(maps)), colormap)
    across = columns or max(1, round(sqrt(len(maps) * 2 * painted.shape[1] / painted.shape[2])))
    mosaic, text = _mosaic(painted, names, min(across, len(maps)), theme_of(theme))
    return _sheet(
        mosaic,
        text,
        title=title,
        caption=caption,
        theme=theme_of(theme),
        notes=[*notes, _count(flat), *remark],
        bar=Bar(key, unit, contours=False, opacity=None, colormap=colormap, percent=scale == "each"),
    )


def _scales(maps: NDArray[np.float32], scale: Scale | str, signed: bool) -> tuple[list[Scale], Scale]:
    """The scale of each tile, and the one that the colour bar shows."""
    if isinstance(scale, Scale):
        return [scale] * len(maps), scale
    if scale == "all":
        shared = scale_of(maps, signed=signed, shared="all tiles")
        return [shared] * len(maps), shared
    if scale == "each":
        own = [scale_of(item, signed=signed, shared="each tile its own") for item in maps]
        low = -1.0 if signed else 0.0
        return own, Scale(low, 1.0, signed=signed, shared="each tile its own; 100 % is the number below the tile")
    raise UnknownName.of("sharing of the scale", scale, SHARING)


def _tile_width(count: int) -> int:
    """Few tiles are large, many are small."""
    return 240 if count <= 12 else 144 if count <= 40 else 96 if count <= 150 else 72


def _painted(
    maps: NDArray[np.float32], scales: list[Scale], width: int, colormap: str | None
) -> tuple[NDArray[np.uint8], list[str]]:
    """All tiles in colour, uint8 (tiles, height, width, 3), and a note if cells were put together."""
    rows, columns = maps.shape[1:]
    remark = []
    shrink = ceil(columns / max(width, 256))
    if shrink > 1:  # more cells than pixels: average whole blocks of cells, and say so
        rows, columns = ceil(rows / shrink), ceil(columns / shrink)
        maps = np.stack([np.asarray(Image.fromarray(item).reduce(shrink), np.float32) for item in maps])
        remark = [f"Each pixel is the mean of {shrink} \u00d7 {shrink} cells."]
    grow = max(1, width // columns)
    out = np.empty((len(maps), rows * grow, columns * grow, 3), np.uint8)
    for index, (item, scale) in enumerate(zip(maps, scales, strict=True)):
        table = np.rint(palette(scale, name=colormap).colours).astype(np.uint8)
        # a flat scale has no colours to give: its tile takes the colour of zero
        steps = np.full(item.shape, STEPS // 2 if scale.signed else 0) if scale.flat else steps_of(item, scale)
        out[index] = table[steps].repeat(grow, axis=0).repeat(grow, axis=1)
    return out, remark


def _mosaic(painted: NDArray[np.uint8], names: list[str], across: int, theme: Theme) -> tuple[Image.Image, float]:
    """Tiles in a grid, each with its label below; and the size of the label."""
    count, high, wide = painted.shape[:3]
    size = min(16.0, max(9.5, wide / 8.5))
    gutter = max(6, round(wide * 0.07))
    line = round(LEADING * size)
    step = (wide + 2 + gutter, high + 2 + line + round(gutter * 0.6))
    down = ceil(count / across)
    mosaic = Image.new("RGB", (across * step[0] - gutter, down * step[1]), theme.background)
    for index, (tile, name) in enumerate(zip(painted, names, strict=True)):
        left, top = index % across * step[0], index // across * step[1]
        mosaic.paste(theme.rule, (left, top, left + wide + 2, top + high + 2))
        mosaic.paste(Image.fromarray(tile), (left + 1, top + 1))
        write(mosaic, (left, top + high + 2 + size * 0.08), fitted(name, size, wide), size=size, colour=theme.muted)
    return mosaic, size


def _sheet(
    mosaic: Image.Image,
    label: float,
    *,
    title: str,
    caption: Sequence[str],
    notes: Sequence[str],
    bar: Bar,
    theme: Theme,
) -> Image.Image:
    """The mosaic as a page, as wide as the mosaic needs; a narrow mosaic gets one wide enough to read."""
    text = min(24.0, max(15.0, label * 1.25, mosaic.width / 95))
    margin = round(text * 2.6)
    page = Page(max(mosaic.width, round(text * 34)) + 2 * margin, theme, text)
    key = colorbar(bar, length=min(page.content, round(text * 34)), size=text * 0.92, theme=theme)
    blocks = [*page.header(title, caption), (text * 1.3, mosaic), (text * 0.9, key)]
    return page.assemble(blocks + page.footer(notes))


def _count(flat: list[bool]) -> str:
    """How many tiles there are, and how many say nothing."""
    flat_tiles = f"{sum(flat)} of them flat: the same value everywhere" if any(flat) else "none of them flat"
    return f"{len(flat)} tiles, {flat_tiles}."
