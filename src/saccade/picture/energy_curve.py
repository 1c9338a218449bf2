"""How much of what moves a cell lies within squares round the middle of its field, as a curve."""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from saccade.picture.receptive_field import ReceptiveField
from saccade.picture.themes import Theme
from saccade.picture.typesetting import write


def energy_curve(
    curve: tuple[Sequence[int], NDArray[np.float64]],
    mean: ReceptiveField,
    sees: tuple[int, int] | None,
    theme: Theme,
    side: int,
) -> Image.Image:
    """Share of the energy against the side of the square, beside the one if all pixels counted alike.

    Args:
        curve: Sides of squares and the mean share of the energy in them.
        mean: The mean of many cells.
        sees: Height and width of the theoretical field; None: the whole image.
        theme: Its colours.
        side: Of the drawing, in pixels.
    """
    fine = 2
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


def _spaced(places: Sequence[float], zoom: float, space: float) -> list[float]:
    """The places that can be labelled without touching, the inner ones first."""
    labelled: list[float] = []
    for place in sorted(places, key=lambda value: value in (places[0], places[-1])):
        if all(abs(place - other) * zoom >= space for other in labelled):
            labelled.append(place)
    return sorted(labelled)
