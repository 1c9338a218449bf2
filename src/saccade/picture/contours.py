"""Where does the map cross a quarter, a half and three quarters of its scale?

Lines, so that colour is never the only channel: they survive a grey print and every kind of colour
blindness. The distance of a pixel to the line of level L is |v - L| / |gradient v| to first order; a pixel
is inked by how much of it a line of that width covers. That gives smooth antialiased lines with a few array
operations at any size, and no tracing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from saccade.picture.scales import Scale

FRACTIONS = (0.25, 0.5, 0.75)
"""The levels, as shares of the limit of the scale; on a signed scale on both sides of zero."""

_WEIGHTS = (0.75, 1.05, 1.4)  # relative line widths: the higher the level, the stronger the line
_CLUTTER = 0.10  # share of the image
_BLOCK = 1 << 18  # pixels worked on at a time: small enough to stay in the cache


@dataclass(frozen=True)
class Lines:
    """Ink for contour lines.

    Attributes:
        core: uint8 (height, width), 0 to 255: coverage by the line itself.
        edge: uint8 (height, width), 0 to 255: coverage by the line and its thin border together.
        legible: False where the lines would cover so much of the image that they are noise, not a drawing.
    """

    core: NDArray[np.uint8]
    edge: NDArray[np.uint8]
    legible: bool


def line_width(height: int, width: int) -> float:
    """How wide is a contour line in an image of this size, in pixels?"""
    return float(np.clip(min(height, width) / 400, 0.75, 12.0))


def contour_lines(values: NDArray[np.floating], scale: Scale, *, width: float | None = None) -> Lines:
    """Where does the map cross the fixed fractions of its scale?

    Args:
        values: float (height, width), at the size of the image.
        scale: Its scale; a flat one has no lines.
        width: Line width in pixels; follows the size of the image when None.

    Returns:
        The ink of the lines, antialiased, on a grid of the same size.
    """
    height = values.shape[0]
    stroke = line_width(*values.shape) if width is None else width
    core = np.zeros(values.shape, np.uint8)
    edge = np.zeros(values.shape, np.uint8)
    if scale.flat or min(values.shape) < 3:
        return Lines(core, edge, legible=True)
    rows = max(8, _BLOCK // values.shape[1])
    for top in range(0, height, rows):
        bottom = min(top + rows, height)
        first, last = max(top - 1, 0), min(bottom + 1, height)  # one row more on each side, for the gradient
        part = np.asarray(values[first:last], np.float32) / np.float32(scale.high)
        inked = _ink(part, stroke)
        core[top:bottom] = inked[0][top - first : bottom - first]
        edge[top:bottom] = inked[1][top - first : bottom - first]
    return Lines(core, edge, legible=bool(core.mean(dtype=np.float64) / 255 <= _CLUTTER))


def legible(values: NDArray[np.floating], scale: Scale) -> bool:
    """Are contour lines of this map a drawing, or would they bury it? A flat map has none: False."""
    return not scale.flat and contour_lines(values, scale).legible


def _ink(shares: NDArray[np.float32], stroke: float) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Coverage by line and by line with border, for values given as shares of the limit."""
    strength = np.abs(shares)
    level = np.clip(np.rint(strength * 4), 1, 3).astype(np.uint8)
    gap = np.abs(strength - level * np.float32(0.25))
    steepness = _steepness(shares)
    faintest = np.float32(1e-4 / stroke)  # flatter than this is a plateau: a plateau at a level is no line
    np.maximum(steepness, faintest, out=steepness)
    distance = np.where(steepness > faintest, gap / steepness, np.float32(1e6))
    reach = (np.array((0, *_WEIGHTS), np.float32) * (stroke / 2) + 0.5)[level] - distance
    border = np.float32(0.35 + 0.45 * stroke)
    core = (np.clip(reach, 0, 1) * 255 + 0.5).astype(np.uint8)
    edge = (np.clip(reach + border, 0, 1) * 255 + 0.5).astype(np.uint8)
    return core, edge


def _steepness(shares: NDArray[np.float32]) -> NDArray[np.float32]:
    """Length of the gradient per pixel, by central differences."""
    down = np.empty_like(shares)
    down[1:-1] = (shares[2:] - shares[:-2]) * np.float32(0.5)
    down[0], down[-1] = shares[1] - shares[0], shares[-1] - shares[-2]
    across = np.empty_like(shares)
    across[:, 1:-1] = (shares[:, 2:] - shares[:, :-2]) * np.float32(0.5)
    across[:, 0], across[:, -1] = shares[:, 1] - shares[:, 0], shares[:, -1] - shares[:, -2]
    np.multiply(down, down, out=down)
    np.multiply(across, across, out=across)
    down += across
    return np.sqrt(down, out=down)
