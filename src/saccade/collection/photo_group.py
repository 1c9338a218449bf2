"""Some photos of a collection together: how alike are they, where do their codes agree, and which others would fit?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from saccade.collection.code_space import CodeSpace, Scores, best
from saccade.errors import InputError

OTHERS = 10
"""Photos outside that would fit."""


@dataclass(frozen=True, eq=False)
class PhotoGroup:
    """What some photos share.

    Attributes:
        rows: The photos, the most typical of the group first.
        likeness: The mean score of every two of them.
        shares: float64 (rows, columns): what every place of the code adds to it; they sum to it exactly.
        mean_code: float64, of the shape of a code.
        others: The photos outside that are most like the group as a whole.
        scores: How alike each of these is to the mean direction of the group.
    """

    rows: NDArray[np.intp]
    likeness: float
    shares: NDArray[np.float64]
    mean_code: NDArray[np.float64]
    others: NDArray[np.intp]
    scores: Scores


def group_of(space: CodeSpace, rows: Sequence[int]) -> PhotoGroup:
    """What do these photos share?

    With directions d of n photos the mean score of every two is (|sum d|² - sum |d|²) / (n (n - 1)), which is a sum
    over the numbers of the code, and so over its places.

    Args:
        space: The codes of the collection.
        rows: Two or more photos of it.

    Raises:
        InputError: Fewer than two photos, or one that is not there.
    """
    members = np.array(sorted(set(rows)), np.intp)
    if len(members) < 2:
        photos = "1 photo is" if len(members) == 1 else f"{len(members)} photos are"
        raise InputError(f"{photos} no group; choose two or more.")
    if members[0] < 0 or members[-1] >= len(space):
        raise InputError(f"the collection has no photo {members[-1] if members[0] >= 0 else members[0]}.")
    directions = space.directions[members].astype(np.float64)
    total = directions.sum(axis=0)
    pairs = len(members) * (len(members) - 1)
    by_number = (total**2 - (directions**2).sum(axis=0)) / pairs
    shares = by_number.reshape(space.centre.shape).sum(axis=2)
    length = float(np.linalg.norm(total))
    middle = (total / length if length > 0 else total).astype(np.float32)
    scores = space.scores(middle[None])[0]
    outside = np.ones(len(space), bool)
    outside[members] = False
    outsiders = best(np.where(outside, scores, -np.inf), min(OTHERS, int(outside.sum())))
    lengths = space.lengths[members].astype(np.float64)
    return PhotoGroup(
        rows=members[np.argsort(-scores[members], kind="stable")],
        likeness=float(shares.sum()),
        shares=shares,
        mean_code=space.centre + (lengths @ directions / len(members)).reshape(space.centre.shape),
        others=outsiders,
        scores=scores[outsiders],
    )
