"""A map becomes an order of pixels: the most important first, ties in random order."""

from __future__ import annotations

import numpy as np

from saccade.attribution.block_means import block_means
from saccade.typing import Array


def ranks(maps: Array, steps: int, numbers: range, seed: int, *, block: int = 1) -> Array:
    """At which step is each pixel's turn?

    Pixels are ordered by falling value and cut into `steps` parts of equal size; a pixel's rank is the middle of its
    part, `(part + 1/2) / steps`, so that no cut at `k / steps` ever meets a rank, in any precision. Pixels of equal
    value come in random order: in reading order, a flat map would be removed from the top downwards.

    Args:
        maps: (images, height, width); higher is more important, negative values are evidence against and come last.
        steps: Parts of equal size.
        numbers: The number of each image in the whole collection: its order does not depend on how work is cut.
        seed: Of the random order.
        block: Pixels are ordered in squares of this side, by their mean; 1: each for itself.

    Returns:
        float32 (images, height, width), above 0 and below 1.
    """
    height, width = maps.shape[1:]
    ranked = np.empty(maps.shape, np.float32)
    for row, number in enumerate(numbers):
        coarse = block_means(maps[row], block)
        ties = np.random.default_rng([seed, number, 1]).random(coarse.size)
        order = np.lexsort((ties, -coarse.ravel()))
        position = np.empty(coarse.size, np.int64)
        position[order] = np.arange(coarse.size)
        parts = (position * steps // coarse.size + 0.5) / steps
        grid = parts.reshape(coarse.shape)
        if block > 1:
            grid = grid.repeat(block, axis=0).repeat(block, axis=1)[:height, :width]
        ranked[row] = grid
    return ranked
