"""Do maps and masks of objects meet? A side question: a mask says where the object is, not what the code uses."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

MEASURES = ("pointing", "mass", "rank")
"""Pointing game; relevance mass accuracy; relevance rank accuracy."""


def localisation(maps: NDArray[np.floating], masks: NDArray[np.bool_]) -> NDArray[np.float64]:
    """How much of each map lies on its mask?

    - pointing: 1 if the map's highest place lies on the mask (the share of highest places that do, if there are
      several). Source: Zhang et al. (2016), arXiv:1608.00507.
    - mass: the share of the map's positive sum that lies on the mask. A map without positive values: 0.
    - rank: of the K highest places, where K is the mask's size, the share that lies on it; equal values count by share.
      Source of both: Arras, Osman and Samek (2022), arXiv:2003.07258.

    Args:
        maps: (images, height, width).
        masks: (images, height, width), true on the object; neither empty nor full.

    Returns:
        (3, images) in 0..1, in the order of `MEASURES`. For an even map, mass and rank are the mask's share of the
        image.
    """
    measures = np.empty((len(MEASURES), len(maps)))
    for column, (image_map, mask) in enumerate(zip(maps, masks, strict=True)):
        values, inside = image_map.ravel().astype(np.float64), mask.ravel()
        positive = np.maximum(values, 0)
        total = positive.sum()
        measures[0, column] = inside[values == values.max()].mean()
        measures[1, column] = positive[inside].sum() / total if total > 0 else 0.0
        measures[2, column] = _highest(values, inside)
    return measures


def _highest(values: NDArray[np.float64], inside: NDArray[np.bool_]) -> float:
    size = int(inside.sum())
    least = np.partition(values, len(values) - size)[len(values) - size]
    above, level = values > least, values == least
    share = (size - above.sum()) / level.sum()
    return float((inside[above].sum() + share * inside[level].sum()) / size)
