"""Photos that stand out of a collection: copies of each other, and those that are like no other."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from saccade.collection.code_space import DIGITS, CodeSpace, Scores, pieces

COPIES_FROM = 0.97
"""Photos that score so much or more are taken for copies of each other. For the model that ships, a photo that was
saved again, halved or made a tenth brighter scores 0.97 to 1; cut by 3 pixels of 192 on all sides it scores 0.87."""


def duplicates(space: CodeSpace, *, least: float = COPIES_FROM) -> list[list[int]]:
    """Which photos are copies of each other, as this encoder sees them?

    Args:
        space: The collection.
        least: The score from which two photos are taken for copies.

    Returns:
        Groups of rows, each in order; two photos of a group may be copies by way of a third. The largest group first,
        then by their first photo.
    """
    first: NDArray[np.intp] = np.arange(len(space))

    def root(row: int) -> int:
        while first[row] != row:
            first[row] = first[first[row]]
            row = int(first[row])
        return row

    for start, stop in pieces(len(space), 4 * len(space)):
        scores = space.scores(space.directions[start:stop])
        for row, copy in zip(*np.nonzero(scores >= least), strict=True):
            a, b = sorted((root(int(row) + start), root(int(copy))))
            first[b] = a
    groups: dict[int, list[int]] = {}
    for row in range(len(space)):
        groups.setdefault(root(row), []).append(row)
    return sorted((group for group in groups.values() if len(group) > 1), key=lambda group: (-len(group), group[0]))


def odd_ones_out(neighbour_scores: Scores, count: int) -> list[int]:
    """Which photos are least like even their nearest?

    Args:
        neighbour_scores: (photos, neighbours), as `CodeSpace.neighbours` gives them.
        count: How many are wanted.

    Returns:
        Their rows, the oddest first: the lowest mean score to their nearest; of equal ones the earlier first.

    Example:
        >>> odd_ones_out(np.array([[0.9, 0.8], [0.2, 0.1], [0.5, 0.5]], np.float32), 2)
        [1, 2]
    """
    means = np.round(neighbour_scores.mean(axis=1, dtype=np.float64), DIGITS)
    return [int(row) for row in np.argsort(means, kind="stable")[:count]]
