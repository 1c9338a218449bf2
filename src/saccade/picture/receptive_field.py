"""Where one cell of a code looks, and the part of a photo there."""

from __future__ import annotations

from dataclasses import dataclass
from math import isnan

import numpy as np
from numpy.typing import NDArray

from saccade.picture.numerals import number
from saccade.picture.resampling import enlarge

Energy = NDArray[np.floating]


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


def crop(photo: NDArray[np.uint8], size: tuple[int, int], field: ReceptiveField) -> NDArray[np.uint8]:
    """The photo in the cell's field, at the photo's own sharpness."""
    edges = []
    for axis in (0, 1):
        zoom = photo.shape[axis] / size[axis]
        first = min(int(field.origin[axis] * zoom), photo.shape[axis] - 1)
        edges.append(slice(first, max(first + 1, round((field.origin[axis] + field.energy.shape[axis]) * zoom))))
    return photo[edges[0], edges[1]]


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
