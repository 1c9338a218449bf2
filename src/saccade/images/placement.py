"""The way back from the model's image onto the original photo."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from saccade.errors import ImageError
from saccade.typing import Box

FloatArray = NDArray[np.float32]


@dataclass(frozen=True)
class Placement:
    """Where does the model's image lie on the original photo?

    Attributes:
        original: Height and width of the photo, after EXIF rotation.
        size: Height and width of the model's image.
        box: Left, top, right, bottom of the model's image, in pixels of the original. It lies inside for a
            cropped photo and reaches beyond the edges for a padded one.
    """

    original: tuple[int, int]
    size: tuple[int, int]
    box: tuple[float, float, float, float]

    @property
    def shares(self) -> Box:
        """The box in shares of the photo's width and height."""
        height, width = self.original
        left, top, right, bottom = self.box
        return left / width, top / height, right / width, bottom / height

    def on_resized(self, height: int, width: int) -> Placement:
        """The same on the photo at another size.

        Example:
            >>> Placement((4, 8), (2, 2), (2, 0, 6, 4)).on_resized(2, 4).box
            (1.0, 0.0, 3.0, 2.0)
        """
        down, across = height / self.original[0], width / self.original[1]
        left, top, right, bottom = self.box
        return Placement((height, width), self.size, (left * across, top * down, right * across, bottom * down))

    def onto_original(self, values: FloatArray, *, smooth: bool = True, outside: float = 0.0) -> FloatArray:
        """Which value belongs to each pixel of the original photo?

        The values may be a grid of any size that spans the box: the model's own pixels or the coarser cells
        of a code. Pixel X of the original, centre X + 1/2, reads the grid at

            g = (X + 1/2 - left) / (right - left) * columns - 1/2

        between the two nearest cells (half-pixel centres, edges held). Where the original is the coarser of
        the two, the cells under a pixel are averaged with a triangle, so that none is skipped. The result
        never leaves the range of the values, and a constant stays that constant.

        Args:
            values: (rows, columns) or (rows, columns, channels).
            smooth: False gives every pixel the value of the cell it lies in: the true grid.
            outside: The value of pixels whose centre lies outside the box (cut off by `cover`).

        Returns:
            float32 (height, width) or (height, width, channels) of the original, in the units of the values.

        Raises:
            ImageError: The values are not such a grid.

        Example:
            >>> place = Placement((4, 4), (2, 2), (0, 0, 4, 4))
            >>> place.onto_original(np.float32([[0, 1], [0, 1]]), smooth=False)[0]
            array([0., 0., 1., 1.], dtype=float32)
        """
        grid = np.asarray(values, dtype=np.float32)
        if grid.ndim not in (2, 3) or grid.size == 0:
            raise ImageError(
                f"values of shape {np.shape(values)}: give (rows, columns) or (rows, columns, channels) of one image."
            )
        left, top, right, bottom = self.box
        height, width = self.original
        rows, y = _inside(height, top, bottom, grid.shape[0])
        columns, x = _inside(width, left, right, grid.shape[1])
        # Sideways first: only the few rows of the grid have to be widened.
        result = _resample(grid, x, grid.shape[1] / (right - left), axis=1, smooth=smooth)
        result = _resample(result, y, grid.shape[0] / (bottom - top), axis=0, smooth=smooth)
        low, high = grid.min(), grid.max()
        if smooth and np.isfinite(low) and np.isfinite(high):
            np.clip(result, low, high, out=result)  # rounding must not invent a new extreme
        if result.shape[:2] == self.original:
            return result
        placed = np.full((height, width, *grid.shape[2:]), outside, dtype=np.float32)
        placed[rows, columns] = result
        return placed


def _inside(count: int, start: float, stop: float, cells: int) -> tuple[slice, NDArray[np.float64]]:
    """The pixels of one axis whose centres lie between start and stop, and where they lie, in cells."""
    centres = np.arange(count, dtype=np.float64) + 0.5
    inside = np.flatnonzero((centres >= start) & (centres <= stop))
    where: NDArray[np.float64] = (centres[inside] - start) / (stop - start) * cells
    return (slice(int(inside[0]), int(inside[-1]) + 1) if inside.size else slice(0, 0)), where


def _resample(grid: FloatArray, where: NDArray[np.float64], step: float, *, axis: int, smooth: bool) -> FloatArray:
    """Read one axis of the grid at positions in cells, `step` apart; 0 is the first cell's outer edge."""
    cells = grid.shape[axis]
    if not smooth:
        return np.take(grid, np.clip(where.astype(np.intp), 0, cells - 1), axis=axis)
    if step > 1.0:
        return _average(grid, where, step, axis)
    position = np.clip(where - 0.5, 0, cells - 1)
    before = position.astype(np.intp)
    shape = [1] * grid.ndim
    shape[axis] = -1
    share = (position - before).astype(np.float32).reshape(shape)
    result = np.take(grid, before, axis=axis)
    change = np.take(grid, np.minimum(before + 1, cells - 1), axis=axis)
    change -= result
    change *= share
    result += change
    return result


def _average(grid: FloatArray, where: NDArray[np.float64], step: float, axis: int) -> FloatArray:
    """Where the original is the coarser one: a triangle that falls to zero `step` cells away."""
    centres = np.arange(grid.shape[axis]) + 0.5
    weights = np.maximum(0.0, 1.0 - np.abs(centres[None, :] - where[:, None]) / step)
    weights /= weights.sum(axis=1, keepdims=True)
    moved = np.tensordot(weights.astype(np.float32), grid, axes=(1, axis))
    return np.ascontiguousarray(np.moveaxis(moved, 0, axis), dtype=np.float32)
