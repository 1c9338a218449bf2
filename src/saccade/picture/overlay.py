"""A map drawn over its photo: where, and how strongly?

Both images leave the photo readable. `overlay` turns the photo to a darker grey and paints the map on it,
with an opacity that rises with the value: where the map says nothing, the photo is unchanged. `spotlight`
paints nothing at all: what matters keeps its own colours, the rest goes dark and grey.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from saccade.errors import InputError, UnknownName
from saccade.picture.contours import Lines, contour_lines
from saccade.picture.palette import palette, steps_of
from saccade.picture.resampling import enlarge, stretch
from saccade.picture.scales import FLAT, Scale
from saccade.picture.typesetting import tag

PHOTO_STYLES = ("grey", "colour", "none")
"""How the photo shows under the map: a darkened grey, its own colours, or not at all (mid-grey)."""

_BLOCK = 1 << 18  # pixels painted at a time: keeps temporary arrays small and in the cache
_MOST_ENLARGED = 10_000
"""A square of this side has as many pixels as the largest photo that is read."""
_LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)
MID_GREY = 96.0
"""Grey level on which maps are shown where there is no photo: the colour bar, `photo_style="none"`."""


def overlay(
    photo: NDArray[np.uint8],
    values: NDArray[np.floating],
    scale: Scale,
    *,
    opacity: float = 0.85,
    contours: bool | None = None,
    photo_style: str = "grey",
    colormap: str | None = None,
    least: int = 0,
) -> Image.Image:
    """Where on this photo is the value high?

    Args:
        photo: uint8 (height, width, 3).
        values: float (height, width): the raw map, already at the photo's size.
        scale: From `scale_of`; the same one for all images that are to be compared.
        opacity: Largest opacity of the paint, 0 to 1.
        contours: Lines at 1/4, 1/2 and 3/4 of the scale, white above zero and black below. None draws them unless the
            map is so noisy that they would hide it.
        photo_style: One of `PHOTO_STYLES`.
        colormap: A colour map by name; None takes inferno, or the blue-orange one for signed scales.
        least: Images whose longer side is smaller are enlarged to this many pixels first.

    Returns:
        An RGB image of the photo's size (or enlarged). A flat map gives the plain grey photo with a note.

    Raises:
        InputError: Photo and map do not fit together, or a value is not finite.
    """
    photo, values = _fitted(photo, values, least)
    if photo_style not in PHOTO_STYLES:
        raise UnknownName.of("photo style", photo_style, PHOTO_STYLES)
    out = np.empty(photo.shape, np.uint8)
    paint = palette(scale, opacity=0 if scale.flat else opacity, name=colormap)
    veiled, clear = paint.colours * paint.opacity[:, None], 1 - paint.opacity
    for rows in _blocks(photo):
        steps = steps_of(values[rows], scale)
        through = clear[steps]
        for channel, under in enumerate(_under(photo[rows], photo_style)):
            out[rows, :, channel] = under * through + veiled[:, channel][steps] + np.float32(0.5)
    if contours is not False and not scale.flat:
        lines = contour_lines(values, scale)
        if contours or lines.legible:
            _draw(out, lines, values)
    image = Image.fromarray(out)
    return tag(image, FLAT) if scale.flat else image


def spotlight(
    photo: NDArray[np.uint8],
    values: NDArray[np.floating],
    scale: Scale,
    *,
    dimmed: float = 0.2,
    full: float = 0.6,
    contours: bool = False,
    least: int = 0,
) -> Image.Image:
    """What does it look at? The photo in its own colours there, dark and grey elsewhere.

    On a signed scale the magnitude counts.

    Args:
        photo: uint8 (height, width, 3).
        values: float (height, width), already at the photo's size.
        scale: From `scale_of`.
        dimmed: Brightness of what does not matter, 0 to 1.
        full: The share of the scale from which on a place has all of its colour.
        contours: Whether to draw the contour lines too.
        least: Images whose longer side is smaller are enlarged to this many pixels first.

    Returns:
        An RGB image. A flat map gives the dimmed photo with a note.
    """
    photo, values = _fitted(photo, values, least)
    out = np.empty(photo.shape, np.uint8)
    strength = palette(scale).strength * (0 if scale.flat else 1)
    rise = np.clip(strength / full, 0, 1)
    light = (rise * rise * (3 - 2 * rise)).astype(np.float32)
    for rows in _blocks(photo):
        lit = light[steps_of(values[rows], scale)]
        dark = (photo[rows] @ _LUMA) * np.float32(dimmed) * (1 - lit)
        for channel in range(3):
            out[rows, :, channel] = photo[rows, :, channel] * lit + dark + np.float32(0.5)
    if contours and not scale.flat:
        _draw(out, contour_lines(values, scale), values)
    image = Image.fromarray(out)
    return tag(image, FLAT) if scale.flat else image


def quiet(photo: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The photo as it shows under a map that says nothing: grey, a little darkened; uint8 like the photo."""
    out = np.empty(photo.shape, np.uint8)
    for rows in _blocks(photo):
        out[rows] = (_under(photo[rows], "grey")[0] + np.float32(0.5))[:, :, None]
    return out


def _under(photo: NDArray[np.uint8], style: str) -> list[NDArray[np.float32]]:
    """The three channels on which the paint goes."""
    if style == "none":
        return [np.full(photo.shape[:2], MID_GREY, np.float32)] * 3
    if style == "grey":
        # darkened more in the lights than in the shadows: white walls calm down, night scenes stay readable
        grey = (photo @ _LUMA) / np.float32(255)
        return [np.float32(255) * grey * (np.float32(0.86) - np.float32(0.25) * grey)] * 3
    return [photo[:, :, channel].astype(np.float32) for channel in range(3)]


def _draw(out: NDArray[np.uint8], lines: Lines, values: NDArray[np.floating]) -> None:
    """Ink contour lines: white with a dark border above zero, black with a light border below."""
    at = np.flatnonzero(lines.edge)
    flat = out.reshape(-1, 3)
    ink = np.where(values.reshape(-1)[at] < 0, 0, 255).astype(np.float32)[:, None]
    border = lines.edge.reshape(-1)[at].astype(np.float32)[:, None] * np.where(ink > 0, 0.35 / 255, 0.28 / 255)
    core = lines.core.reshape(-1)[at].astype(np.float32)[:, None] * np.float32(0.9 / 255)
    pixels = flat[at] * (1 - border) + (255 - ink) * border
    flat[at] = np.rint(pixels * (1 - core) + ink * core).astype(np.uint8)


def _blocks(photo: NDArray[np.uint8]) -> list[slice]:
    """Bands of rows that cover the photo."""
    rows = max(1, _BLOCK // photo.shape[1])
    return [slice(top, min(top + rows, photo.shape[0])) for top in range(0, photo.shape[0], rows)]


def _fitted(
    photo: NDArray[np.uint8], values: NDArray[np.floating], least: int
) -> tuple[NDArray[np.uint8], NDArray[np.floating]]:
    """Check that photo and map fit together; enlarge both where wanted."""
    if photo.ndim != 3 or photo.shape[2] != 3 or photo.dtype != np.uint8 or not photo.size:
        raise InputError(f"a photo is a uint8 array (height, width, 3); got {photo.dtype} {photo.shape}.")
    if values.shape != photo.shape[:2]:
        raise InputError(
            f"the map must have the photo's size {photo.shape[:2]}; got {values.shape}. "
            "Bring it there first with saccade.picture.resampling.stretch."
        )
    if not np.isfinite(values).all():
        raise InputError("the map has values that are not finite numbers; find out where they come from.")
    if not least <= _MOST_ENLARGED:
        raise InputError(f"least={least}: images are enlarged to {_MOST_ENLARGED:,} pixels at most.")
    longer = max(photo.shape[:2])
    if longer >= least:
        return photo, values
    height, width = (max(1, round(side * least / longer)) for side in photo.shape[:2])
    return enlarge(photo, height, width), stretch(values, height, width)
