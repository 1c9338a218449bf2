"""How good could any map be? The order of blocks that a greedy search finds is a ceiling for the score.

Starting from an image without anything, the blocks that bring back most of the code's similarity are shown, some at a
time, until all are there. No method knows the similarity beforehand, so none should do better by more than chance.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from saccade.engines import Objective
from saccade.run import Run
from saccade.targets.paths import ONCE, STAY
from saccade.typing import Array

BLOCKS = 8
"""Blocks a side."""
_AT_ONCE = 8
"""Blocks that are chosen in one round, the best by themselves."""


def greedy_map(run: Run, image: Array, objective: Objective, fillers: Mapping[str, Array]) -> Array:
    """A map of blocks, (blocks, blocks): the higher, the earlier the search has chosen it.

    Args:
        run: The call, on an encoder.
        image: (1, height, width, channels).
        objective: The similarity to its own code.
        fillers: What stands in for hidden blocks, by name, like the image; the similarities with all are averaged.
    """
    height, width = image.shape[1:3]
    count = BLOCKS**2
    where = np.arange(count).reshape(BLOCKS, BLOCKS)
    rows, columns = (np.arange(side) * BLOCKS // side for side in (height, width))
    block_of = where[rows][:, columns]  # which block each pixel lies in
    shown = np.zeros(count, bool)
    values = np.zeros(count, np.float32)
    repeated = objective.repeated(count)
    while not shown.all():
        similarity = np.zeros(count)
        for filler in fillers.values():
            # Every block is tried in every round, so that all rounds have one shape.
            trials = shown[None] | np.eye(count, dtype=bool)
            masks = trials[:, block_of][..., None]
            similarity += run.score(np.where(masks, image, filler).astype(np.float32), [repeated], STAY, ONCE)[0][0]
        similarity[shown] = -np.inf
        best = np.argsort(-similarity, kind="stable")[: min(_AT_ONCE, int((~shown).sum()))]
        values[best] = count - shown.sum() - np.arange(len(best))
        shown[best] = True
    return values.reshape(BLOCKS, BLOCKS)


def spread(blocks: Array, size: tuple[int, int]) -> Array:
    """Maps of blocks, (images, blocks, blocks), at the size of the images."""
    rows, columns = (np.arange(side) * BLOCKS // side for side in size)
    return np.asarray(blocks[:, rows][:, :, columns])


def in_blocks(maps: Array) -> Array:
    """Maps, (images, height, width), averaged over the same blocks."""
    rows, columns = (np.arange(side) * BLOCKS // side for side in maps.shape[1:])
    starts = [np.searchsorted(edge, np.arange(BLOCKS)) for edge in (rows, columns)]
    sums = np.add.reduceat(np.add.reduceat(maps.astype(np.float64), starts[0], axis=1), starts[1], axis=2)
    sizes = np.outer(*(np.bincount(edge, minlength=BLOCKS) for edge in (rows, columns)))
    return np.asarray(sums / sizes, np.float32)
