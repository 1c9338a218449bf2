"""The shape of a match on its photo: as smooth as a drop, yet round the middles of exactly its places.

Places are squares only in the network; drawn as squares their corners and steps would look like something seen. So
every place of the grid gets a bump, upwards if it belongs and downwards if not, and the shape is where their sum is
positive. The bumps of places whose middle came to lie on the wrong side grow until it lies on the right one.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from saccade.picture.themes import Colour

_SPREAD = 0.7
"""Of a bump, in places: the standard deviation of a Gaussian."""
_CLEARANCE = 0.25
"""What the sum must reach at the middle of a place, upwards or downwards; far inside of a large shape it is 1."""
_ROUNDS = 80
_AROUND = 2
"""So many rings of places that do not belong lie round the photo: the shape is closed at its edge."""
_TINT, _EDGE = 0.08, 0.4
"""Opacity deep inside of a shape, where the photo's colours count, and how much more of it there is along its line."""
_DARK: Colour = (18, 18, 22)
_LIGHT: Colour = (255, 255, 255)


class MatchShape:
    """A closed shape on a photo.

    Args:
        places: bool (rows, columns), edge to edge of the photo: those that belong.
    """

    def __init__(self, places: NDArray[np.bool_]) -> None:
        self.places = places
        self.rows, self.columns = places.shape
        signs = np.pad(np.where(places, 1.0, -1.0), _AROUND, constant_values=-1.0)
        is_place = np.pad(np.ones(places.shape, bool), _AROUND)
        down, across = _bumps(_middles(self.rows), self.rows), _bumps(_middles(self.columns), self.columns)
        self._weights = signs.copy()
        for _ in range(_ROUNDS):
            missing = np.maximum(_CLEARANCE - signs * (down @ self._weights @ across.T), 0.0) * is_place
            self._weights += signs * missing

    def values(self, down: NDArray[np.float64], across: NDArray[np.float64]) -> NDArray[np.float64]:
        """The sum of all bumps, positive inside.

        Args:
            down: Heights in places, from 0 at the upper edge of the photo to `rows`.
            across: The same from the left edge to `columns`.

        Returns:
            float (heights, places across).
        """
        result: NDArray[np.float64] = _bumps(down, self.rows) @ self._weights @ _bumps(across, self.columns).T
        return result

    def distances(self, height: int, width: int) -> NDArray[np.floating]:
        """How far inside of the shape does each pixel lie? In pixels, to first order; negative outside.

        Args:
            height: Of the drawn photo.
            width: Of the drawn photo.
        """
        down, across = (np.arange(height) + 0.5) / height * self.rows, (np.arange(width) + 0.5) / width * self.columns
        values = self.values(down, across)
        steepness = np.zeros_like(values)
        for axis in (0, 1):
            if values.shape[axis] > 1:
                steepness += np.gradient(values, axis=axis) ** 2
        return np.asarray(values / np.maximum(np.sqrt(steepness), 1e-4))

    def edge_at(self, height: float, *, facing_right: bool) -> float | None:
        """Where across does the shape end at a height, in places? None where it has nothing at that height."""
        across = np.linspace(0.0, self.columns, 64 * self.columns + 1)
        inside = np.flatnonzero(self.values(np.array([height]), across)[0] > 0)
        return float(across[inside[-1 if facing_right else 0]]) if inside.size else None


def draw_shapes(
    photo: NDArray[np.uint8],
    shapes: Sequence[MatchShape],
    colours: Sequence[Colour],
    lowering: Sequence[bool],
    *,
    thick: float,
    glow: float,
) -> NDArray[np.uint8]:
    """A photo with shapes on it: a line of their colour, and a tint that fades towards their inside.

    Args:
        photo: uint8 (height, width, 3), as it is drawn.
        shapes: The most important first; it lies on top.
        colours: Of each.
        lowering: Whether its line is striped, for what lowered the score.
        thick: Of the lines, in pixels.
        glow: How far the tint reaches inwards, in pixels.
    """
    height, width = photo.shape[:2]
    casing = thick / 2
    inside = [shape.distances(height, width) for shape in shapes]
    stripes = _stripes(height, width, 3 * thick)
    pixels = photo.astype(np.float32)
    inks = [np.array(colour, np.float32) for colour in colours]
    last_to_first = range(len(shapes) - 1, -1, -1)
    for index in last_to_first:
        tint = _TINT + _EDGE * np.clip(1 - inside[index] / glow, 0, 1) ** 1.5
        _lay(pixels, np.clip(inside[index] + 0.5, 0, 1) * tint, inks[index])
    for index in last_to_first:
        # Lines of shapes that share places run side by side.
        sharing = sum(bool((shapes[index].places & other.places).any()) for other in shapes[:index])
        from_line = np.abs(inside[index] - (thick / 2 + casing + sharing * (thick + 2 * casing)))
        for wider, ink, opacity in ((2 * casing, _DARK, 0.5), (casing, _LIGHT, 0.9)):
            _lay(pixels, opacity * np.clip((thick + wider) / 2 + 0.5 - from_line, 0, 1), np.array(ink, np.float32))
        core = np.clip(thick / 2 + 0.5 - from_line, 0, 1)
        _lay(pixels, core * stripes if lowering[index] else core, inks[index])
    return np.rint(pixels).astype(np.uint8)


def _lay(pixels: NDArray[np.float32], opacity: NDArray[np.floating], colour: NDArray[np.float32]) -> None:
    cover = np.asarray(opacity, np.float32)[..., None]
    pixels *= 1 - cover
    pixels += cover * colour


def _stripes(height: int, width: int, broad: float) -> NDArray[np.floating]:
    """Slanted stripes like those of a bar that lowered the score: 1 on a stripe, 0 between two."""
    slanted = np.add.outer(np.arange(height), np.arange(width)) / np.sqrt(2) / broad
    return np.asarray(np.clip((0.5 - np.abs(slanted % 2 - 1)) * broad + 0.5, 0, 1))


def _middles(count: int) -> NDArray[np.float64]:
    """The middles of all places along one side, with those round the photo."""
    return np.arange(-_AROUND, count + _AROUND, dtype=np.float64) + 0.5


def _bumps(at: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """What each bump along one side is at these places: (places, bumps); together they are 1."""
    apart = (at[:, None] - _middles(count)) / _SPREAD
    return np.asarray(np.exp(-(apart**2) / 2) / (_SPREAD * np.sqrt(2 * np.pi)))
