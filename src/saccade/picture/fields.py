"""What one cell of a code looks at: its spot on the photo, and how much of its field it and the others use."""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from saccade.picture.energy_curve import energy_curve
from saccade.picture.figure import Panel, figure
from saccade.picture.overlay import overlay, quiet
from saccade.picture.receptive_field import ReceptiveField, crop, pixels, sized, softened
from saccade.picture.resampling import stretch
from saccade.picture.scales import scale_of
from saccade.picture.themes import Theme, theme_of
from saccade.picture.typesetting import write

_PANEL = 620
"""Height of an image on the page, in pixels."""


def field_page(
    photo: NDArray[np.uint8],
    size: tuple[int, int],
    cell: ReceptiveField,
    mean: ReceptiveField,
    *,
    sees: tuple[int, int] | None,
    curve: tuple[Sequence[int], NDArray[np.float64]],
    blur: float,
    notes: Sequence[str] = (),
    theme: str | Theme = "dark",
    alone: bool = False,
) -> Image.Image:
    """This cell of the code looks at this spot, and mostly at its middle.

    Args:
        photo: uint8 (height, width, 3): what the model sees, at any sharpness.
        size: Height and width of the model's image.
        cell: One cell.
        mean: The mean of many cells.
        sees: Height and width of the theoretical field; None: the whole image.
        curve: Sides of squares and the mean share of the energy in them.
        blur: Pixels of smoothing for the view.
        notes: Small print.
        theme: `"light"`, `"dark"` or a theme.
        alone: The code is a vector, without cells: what is shown is the field of all of it.
    """
    paper = theme_of(theme)
    far = sees is None or (sees[0] >= size[0] and sees[1] >= size[1])
    extent = "the whole image" if sees is None else f"{sees[1]}\u00d7{sees[0]} px"
    half, most = (pixels(side, size) for side in mean.squares)
    summary = (
        f"{'The code' if alone else 'Each cell of the code'} can see {extent}"
        + ("" if far else f" of the {size[1]}\u00d7{size[0]} px image")
        + f". It does not look everywhere alike: {'' if alone else 'on average '}one half of what moves it lies within "
        f"{half}, nine tenths within {most}."
    )
    field = crop(photo, size, cell)
    panels = [
        Panel(
            _spot(photo, size, cell),
            "What the code sees" if alone else "The spot of one cell",
            "The frame is all that it can see.",
        ),
        Panel(
            _marked(_painted(field, softened(cell.energy, blur)), cell),
            "Where it looks" if alone else "Its field, enlarged",
            f"The brighter, the more a pixel moves it. Half lies within {pixels(cell.squares[0], size)}.",
        ),
        Panel(
            _marked(_painted(None, softened(mean.energy, blur)), mean),
            "The mean of many cells",
            "What all fields have in common.",
        ),
        Panel(
            energy_curve(curve, mean, sees, paper, _PANEL),
            "From the middle outwards",
            "How much lies within a square. Dashed: if all pixels counted alike.",
        ),
    ]
    if alone:  # its mean is itself
        del panels[2]
    return figure(
        panels,
        columns=len(panels),
        title="Where the code looks" if alone else "Where a cell of the code looks",
        caption=[summary],
        notes=notes,
        theme=paper,
        width=2300,
    )


def _spot(photo: NDArray[np.uint8], size: tuple[int, int], cell: ReceptiveField) -> Image.Image:
    """The greyed photo, in its own colours in the field, with the field's frame."""
    shown = sized(photo, _PANEL, max(1, round(_PANEL * photo.shape[1] / photo.shape[0])))
    zoom = shown.shape[0] / size[0], shown.shape[1] / size[1]
    top, left = (round(start * factor) for start, factor in zip(cell.origin, zoom, strict=True))
    bottom, right = (
        round((start + side) * factor) for start, side, factor in zip(cell.origin, cell.energy.shape, zoom, strict=True)
    )
    out = (quiet(shown) * 0.75).astype(np.uint8)
    out[top:bottom, left:right] = shown[top:bottom, left:right]
    image = Image.fromarray(out)
    _frame(image, (left, top, right, bottom), 3)
    return image


def _painted(photo: NDArray[np.uint8] | None, values: NDArray[np.float32]) -> Image.Image:
    """A field enlarged, its map in colour over the photo, or on black when there is none."""
    across, down = (values.shape[1], values.shape[0]) if photo is None else (photo.shape[1], photo.shape[0])
    height, width = _PANEL, max(1, round(_PANEL * across / down))
    placed = np.maximum(stretch(values, height, width), 0)
    under = np.zeros((height, width, 3), np.uint8) if photo is None else sized(photo, height, width)
    style, opacity = ("colour", 1.0) if photo is None else ("grey", 0.85)
    scale = scale_of(placed, signed=False)
    return overlay(under, placed, scale, contours=False, photo_style=style, opacity=opacity)


def _marked(image: Image.Image, field: ReceptiveField) -> Image.Image:
    """The squares that hold one half and nine tenths, with their names."""
    high, wide = image.height / field.energy.shape[0], image.width / field.energy.shape[1]
    size = image.height / 26
    for side, name in zip(field.squares, ("50 %", "90 %"), strict=True):
        if isnan(side):
            continue
        down, across = (middle - start for middle, start in zip(field.centre, field.origin, strict=True))
        half = side / 2
        inside = (
            round(max((across - half) * wide, 2)), round(max((down - half) * high, 2)),
            round(min((across + half) * wide, image.width - 2)), round(min((down + half) * high, image.height - 2)),
        )  # fmt: skip
        _frame(image, inside, 2)
        _label(image, (inside[0] + size * 0.35, inside[1] + size * 0.15), name, size)
    return image


def _label(image: Image.Image, place: tuple[float, float], text: str, size: float) -> None:
    for down in (-1.5, 0, 1.5):
        for across in (-1.5, 0, 1.5):
            write(image, (place[0] + across, place[1] + down), text, size=size, colour=(0, 0, 0))
    write(image, place, text, size=size, colour=(255, 255, 255))


def _frame(image: Image.Image, box: tuple[int, int, int, int], line: int) -> None:
    """A white frame with a dark border."""
    draw = ImageDraw.Draw(image)
    left, top, right, bottom = box
    draw.rectangle((left - 1, top - 1, right, bottom), outline=(20, 20, 24), width=line + 2)
    draw.rectangle((left, top, right - 1, bottom - 1), outline=(255, 255, 255), width=line)
