"""Covering whole places of an image with its own blur."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from saccade.attribution.fillers import filler_images
from saccade.typing import Array


def covered(image: Array, filler: Array, hidden: Sequence[NDArray[np.bool_]]) -> Array:
    """Copies of one image in which places show the filler.

    Args:
        image: (1, height, width, channels).
        filler: The same.
        hidden: For each copy bool (rows, columns).

    Returns:
        float32 (copies, height, width, channels).
    """
    size = image.shape[1], image.shape[2]
    masks = np.stack([_enlarged(places, size) for places in hidden])[..., None]
    return np.where(masks, filler, image).astype(np.float32)


def blur_of(grid: tuple[int, int], size: tuple[int, int]) -> float:
    """The width of the blur that hides a place: a side of it, in pixels."""
    return max(size[0] / grid[0], size[1] / grid[1])


def filler_of(image: Array, grid: tuple[int, int], value_range: tuple[float, float]) -> Array:
    """The image's own blur, by a side of a place."""
    blur = blur_of(grid, (image.shape[1], image.shape[2]))
    return filler_images(image, "blur", value_range=value_range, blur=blur)


def _enlarged(places: NDArray[np.bool_], size: tuple[int, int]) -> NDArray[np.bool_]:
    rows, columns = (
        np.minimum(np.arange(side) * count // side, count - 1) for side, count in zip(size, places.shape, strict=True)
    )
    return np.asarray(places[rows][:, columns], np.bool_)
