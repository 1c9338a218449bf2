"""Photos in batches of one size, and their results joined again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

_BATCH = 8
"""Photos at a time: a piece of work that is kept when it is finished."""


def batches(count: int) -> list[range]:
    """The numbers of photos in batches of one size, so that nothing is compiled twice; the last may overlap."""
    size = min(_BATCH, count)
    return [range(min(start, count - size), min(start, count - size) + size) for start in range(0, count, size)]


def joined(parts: Sequence[NDArray[Any]], where: Sequence[range]) -> NDArray[Any]:
    """The results of batches in one, each photo once.

    Args:
        parts: One result for each batch, (photos, ...).
        where: The batches.
    """
    done, pieces = 0, []
    for part, batch in zip(parts, where, strict=True):
        pieces.append(part[done - batch.start :])
        done = batch.stop
    return np.concatenate(pieces)
