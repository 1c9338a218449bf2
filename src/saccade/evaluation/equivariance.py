"""Do maps follow the photo? The map of a mirrored or shifted photo must be the mirrored or shifted map."""

from __future__ import annotations

import numpy as np

from saccade.evaluation.agreement import on_grid, rank_correlation
from saccade.typing import Array

MOVES = ("mirrored", "shifted")


def moved(images: Array, move: str, cell: int) -> Array:
    """Images mirrored left and right, or shifted to the right by a cell of the code; the left edge is repeated.

    Args:
        images: (images, height, width, channels).
        move: One of `MOVES`.
        cell: Width of a cell in pixels.
    """
    if move == "mirrored":
        return np.ascontiguousarray(images[:, :, ::-1])
    edge = np.repeat(images[:, :, :1], cell, axis=2)
    return np.concatenate([edge, images[:, :, :-cell]], axis=2)


def likeness(maps: Array, of_moved: Array, move: str, cell: int) -> Array:
    """The rank correlation of the maps with those of the moved images, moved back; what left the image is left out.

    Args:
        maps: (images, height, width).
        of_moved: The same of the moved images.
        move: One of `MOVES`.
        cell: Width of a cell in pixels.

    Returns:
        (images,).
    """
    if move == "mirrored":
        return np.asarray(rank_correlation(on_grid(maps), on_grid(of_moved[:, :, ::-1])))
    return np.asarray(rank_correlation(on_grid(maps[:, :, :-cell]), on_grid(of_moved[:, :, cell:])))
