"""How does a coarse map become as large as the image it is drawn on?

Cells are areas: the map keeps covering the whole image, and a cell keeps its centre. Smooth enlarging is
for looking; `smooth=False` shows the true grid.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from saccade.errors import InputError


def stretch(values: ArrayLike, height: int, width: int, *, smooth: bool = True) -> NDArray[np.float32]:
    """Resize a map of raw values to an image's size.

    Args:
        values: float (rows, columns).
        height: Rows of the result.
        width: Columns of the result.
        smooth: Bicubic when True (averaging when shrinking), never beyond the smallest and largest value
            given; nearest cell when False.

    Returns:
        float32 (height, width).
    """
    grid = np.asarray(values, np.float32)
    if grid.ndim != 2 or not grid.size:
        raise InputError(f"a map has two axes, (height, width), and is not empty; got the shape {grid.shape}.")
    if grid.shape == (height, width):
        return grid
    kind = Image.Resampling.BICUBIC if smooth else Image.Resampling.NEAREST
    resized = np.asarray(Image.fromarray(grid).resize((width, height), kind), np.float32)
    return np.clip(resized, grid.min(), grid.max())


def enlarge(photo: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """Resize a display photo, uint8 (height, width, 3), with Lanczos."""
    if photo.shape[:2] == (height, width):
        return photo
    return np.asarray(Image.fromarray(photo).resize((width, height), Image.Resampling.LANCZOS))
