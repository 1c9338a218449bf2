"""Two maps of one photo compared: how far they lie on the same places, and into how many spots each falls."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from saccade.evaluation.agreement import rank_correlation
from saccade.images import Photo
from saccade.results import Attribution
from saccade.typing import Array

STRONGEST = 0.2
"""Places that count most: this share of the photo."""
_SIDE = 96
"""Maps are compared on a grid over the photo with so many places on its longer side."""
_SPECK = 0.02
"""A spot is worth counting from this share of the strongest places on."""


def overlap(first: Attribution, second: Attribution, index: int) -> tuple[float, float]:
    """How far do two maps of a photo lie on the same places?

    Returns:
        Which share of the fifth of the photo that counts most for the one also counts most for the other, and the rank
        correlation of both maps; over what both networks see of the photo.
    """
    placed = [_over_photo(each.values[index], each.images.photos[index]) for each in (first, second)]
    both = ~np.isnan(placed[0]) & ~np.isnan(placed[1])
    values = [each[both] for each in placed]
    if not both.any():
        return 0.0, 0.0
    count = max(1, round(STRONGEST * int(both.sum())))
    strongest = [set(np.argsort(-each, kind="stable")[:count].tolist()) for each in values]
    shared = len(strongest[0] & strongest[1]) / count
    return shared, float(rank_correlation(values[0][None], values[1][None])[0])


def spots(attribution: Attribution, index: int) -> int:
    """Into how many separate spots does the fifth of a photo fall that counts most? Specks are not counted."""
    values = _over_photo(attribution.values[index], attribution.images.photos[index])
    order = np.argsort(-np.nan_to_num(values, nan=-np.inf), axis=None, kind="stable")
    count = max(1, round(STRONGEST * int((~np.isnan(values)).sum())))
    strongest = np.zeros(values.size, bool)
    strongest[order[:count]] = True
    return sum(size >= _SPECK * count for size in sizes_of_parts(strongest.reshape(values.shape)))


def sizes_of_parts(mask: NDArray[np.bool_]) -> list[int]:
    """Of how many places is every connected part?"""
    left = mask.copy()
    sizes = []
    for start in np.argwhere(mask):
        waiting, size = [(int(start[0]), int(start[1]))], 0
        while waiting:
            row, column = waiting.pop()
            inside = 0 <= row < left.shape[0] and 0 <= column < left.shape[1]
            if inside and left[row, column]:
                left[row, column] = False
                size += 1
                waiting += [(row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1)]
        if size:
            sizes.append(size)
    return sizes


def _over_photo(values: Array, photo: Photo) -> Array:
    """A map on a coarse grid over the whole photo; NaN where the model sees nothing."""
    height, width = photo.original.shape[:2]
    shrunk = _SIDE / max(height, width)
    placement = photo.placement.on_resized(max(1, round(height * shrunk)), max(1, round(width * shrunk)))
    return placement.onto_original(values, outside=np.nan)
