"""What one cell of a code looks at: its spot on the photo, and how much of its field it and the others use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isnan

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from saccade.picture.figure import Panel, figure
from saccade.picture.numerals import number
from saccade.picture.overlay import overlay, quiet
from saccade.picture.resampling import enlarge, stretch
from saccade.picture.scales import scale_of
from saccade.picture.themes import Theme, theme_of
from saccade.picture.typesetting import write

Energy = NDArray[np.floating]
_PANEL = 620
"""Height of an image on the page, in pixels."""


@dataclass(frozen=True, eq=False)
class ReceptiveField:
    """Where one cell looks.

    Attributes:
        energy: (height, width): the squared gradient at each pixel of its field.
        origin: Row and column of the field's upper left pixel in the model's image.
        centre: Row and column of the middle of the field there, also where the field is cut by the edge.
        squares: Sides of the squares round the centre that hold one half and nine tenths of the energy.
    """

    energy: Energy
    origin: tuple[int, int]
    centre: tuple[float, float]
    squares: tuple[float, float]


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
            _graph(curve, mean, sees, paper),
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


def softened(values: Energy, sigma: float) -> NDArray[np.float32]:
    """Smooth a map (height, width) with a Gaussian of `sigma` pixels; what leaves the map is lost, nothing is added."""
    if sigma <= 0:
        return np.asarray(values, np.float32)
    result = np.asarray(values, np.float64)
    for axis in (0, 1):
        places = np.arange(result.shape[axis])
        weights = np.exp(-0.5 * ((places[:, None] - places) / sigma) ** 2)
        result = np.moveaxis(np.tensordot(weights / (sigma * np.sqrt(2 * np.pi)), result, axes=(1, axis)), 0, axis)
    return result.astype(np.float32)


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


def crop(photo: NDArray[np.uint8], size: tuple[int, int], field: ReceptiveField) -> NDArray[np.uint8]:
    """The photo in the cell's field, at the photo's own sharpness."""
    edges = []
    for axis in (0, 1):
        zoom = photo.shape[axis] / size[axis]
        first = min(int(field.origin[axis] * zoom), photo.shape[axis] - 1)
        edges.append(slice(first, max(first + 1, round((field.origin[axis] + field.energy.shape[axis]) * zoom))))
    return photo[edges[0], edges[1]]


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


def _graph(
    curve: tuple[Sequence[int], NDArray[np.float64]], mean: ReceptiveField, sees: tuple[int, int] | None, theme: Theme
) -> Image.Image:
    """Share of the energy against the side of the square, beside the one if all pixels counted alike."""
    fine, side = 2, _PANEL
    image = Image.new("RGB", (side, side), theme.background)
    text = side / 25
    left, right, top, bottom = text * 3.4, side - text * 1.2, text * 0.8, side - text * 3.2
    longest = float(curve[0][-1]) if sees is not None else float(max(mean.energy.shape))

    def place(across: float, share: float) -> tuple[float, float]:
        return left + (right - left) * min(across / longest, 1.0), bottom - (bottom - top) * share

    large = image.resize((side * fine, side * fine))
    draw = ImageDraw.Draw(large)

    def line(points: Sequence[tuple[float, float]], colour: tuple[int, int, int], width: float) -> None:
        draw.line([(x * fine, y * fine) for x, y in points], fill=colour, width=round(width * fine), joint="curve")

    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        line([place(0, share), place(longest, share)], theme.rule, 1)
    even = [(length, _evenly(mean, length)) for length in np.linspace(0, longest, 60)]
    for start in range(0, 59, 2):
        line([place(*even[start]), place(*even[start + 1])], theme.muted, 2)
    shown = [(float(length), float(share)) for length, share in zip(*curve, strict=True) if length <= longest]
    if not np.isnan(curve[1]).any():
        line([place(*point) for point in shown], theme.warm, 4)
    for size, share in zip(mean.squares, (0.5, 0.9), strict=True):
        if not isnan(size):
            line([place(size, 0), place(size, share), place(0, share)], theme.ink, 1.5)
            x, y = place(size, share)
            draw.ellipse([(v + d) * fine for d in (-6, 6) for v in (x, y)], fill=theme.ink)
    image = large.resize((side, side), Image.Resampling.LANCZOS)
    for share in (0.0, 0.5, 0.9):
        _, y = place(0, share)
        write(
            image,
            (left - text * 0.4, y - text * 0.65),
            f"{100 * share:.0f} %",
            size=text,
            colour=theme.ink,
            align="right",
        )
    at = [0.0, *(square for square in mean.squares if not isnan(square)), longest]
    for tick in _spaced(at, (right - left) / longest, text * 2.2):
        write(
            image, (place(tick, 0)[0], bottom + text * 0.3), f"{tick:.0f}", size=text, colour=theme.ink, align="centre"
        )
    write(
        image,
        ((left + right) / 2, bottom + text * 1.7),
        "side of the square, px",
        size=text,
        colour=theme.muted,
        align="centre",
    )
    return image


def _evenly(field: ReceptiveField, side: float) -> float:
    """Which share of a field lies within a square round its centre?"""
    part = 1.0
    for middle, start, length in zip(field.centre, field.origin, field.energy.shape, strict=True):
        inside = min(middle - start + side / 2, length) - max(middle - start - side / 2, 0)
        part *= max(inside, 0.0) / length
    return part


def sized(photo: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """A part of a photo at another size."""
    return np.ascontiguousarray(enlarge(np.ascontiguousarray(photo), height, width))


def pixels(side: float, size: tuple[int, int]) -> str:
    """A square in words.

    Args:
        side: Of the square.
        size: Of the image. A square whose middle is not that of the image can be larger.
    """
    if isnan(side):
        return "nothing"
    return "nearly all of the image" if side > max(size) else f"{number(side)}\u00d7{number(side)} px"


def _spaced(places: Sequence[float], zoom: float, space: float) -> list[float]:
    """The places that can be labelled without touching, the inner ones first."""
    labelled: list[float] = []
    for place in sorted(places, key=lambda value: value in (places[0], places[-1])):
        if all(abs(place - other) * zoom >= space for other in labelled):
            labelled.append(place)
    return sorted(labelled)
