"""Is the score itself to be trusted? Maps that are made worse by known steps must score less and less.

The maps of the best method are mixed with noise, blurred, shifted, and have their cells shuffled, each in four steps.
Where a worse map scores clearly higher than a better one, or the worst is not clearly below the original, the score
does not tell good maps from bad ones on this model.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from saccade.attribution.smoothing import gaussian_blur
from saccade.evaluation.intervals import intervals
from saccade.typing import Array

LEVELS = (0.25, 0.5, 0.75, 1.0)
"""How far a map is made worse, from not at all (0) to all the way (1)."""

_CELLS = 8
"""Cells a side that are shuffled."""


def worsened(maps: Array, kind: str, level: float, numbers: range, seed: int) -> Array:
    """Maps made worse by a known step.

    Args:
        maps: (images, side, side).
        kind: A name of `KINDS`.
        level: From 0 (as they are) to 1.
        numbers: The images' numbers in the whole collection, so that chance does not depend on how the work is cut.
        seed: Of everything drawn at random.
    """
    return np.stack(
        [
            _KINDS[kind](values, level, np.random.default_rng([seed, number, 7]))
            for values, number in zip(maps, numbers, strict=True)
        ]
    )


def is_ordered(scores: NDArray[np.float64], seed: int, confidence: float, resamples: int) -> bool:
    """Do scores fall as maps get worse?

    Args:
        scores: (levels, photos), the original first.
        seed: Of the intervals.
        confidence: Of the intervals.
        resamples: Of the bootstrap.
    """
    rises = [
        scores[later] - scores[earlier] for earlier in range(len(scores)) for later in range(earlier + 1, len(scores))
    ]
    spans = intervals(np.stack([*rises, scores[0] - scores[-1]]), seed, confidence=confidence, resamples=resamples)
    return spans[-1].low > 0 and not any(span.low > 0 for span in spans[:-1])


def verdict(ordered: Mapping[str, bool]) -> Sequence[str]:
    """What follows for the whole evaluation, in words; nothing where all is well."""
    failed = [KINDS[kind] for kind, good in ordered.items() if not good]
    if not failed:
        return []
    steps = " or ".join(failed)
    return [f"The score cannot be trusted on this model and these photos: it does not fall when maps are {steps}."]


def _noisy(values: Array, level: float, random: np.random.Generator) -> Array:
    order = values.ravel().argsort(kind="stable").argsort(kind="stable").reshape(values.shape) / values.size
    return np.asarray((1 - level) * order + level * random.random(values.shape), np.float32)


def _blurred(values: Array, level: float, random: np.random.Generator) -> Array:  # noqa: ARG001
    blurred: Array = gaussian_blur(np.ascontiguousarray(values[None], np.float32), level * values.shape[0] / 3)[0]
    return blurred


def _shifted(values: Array, level: float, random: np.random.Generator) -> Array:  # noqa: ARG001
    down, across = (round(level * side / 2) for side in values.shape)
    return np.asarray(np.roll(values, (down, across), axis=(0, 1)), np.float32)


def _shuffled(values: Array, level: float, random: np.random.Generator) -> Array:
    edges = [np.round(np.linspace(0, side, _CELLS + 1)).astype(int) for side in values.shape]
    cell = min(int(np.diff(edge).min()) for edge in edges)
    places = random.permutation(_CELLS**2)[: round(level * _CELLS**2)]
    result = values.copy()
    for place, next_place in zip(places, np.roll(places, 1), strict=True):
        (row, column), (other_row, other_column) = divmod(int(place), _CELLS), divmod(int(next_place), _CELLS)
        top, left = edges[0][row], edges[1][column]
        above, beside = edges[0][other_row], edges[1][other_column]
        result[top : top + cell, left : left + cell] = values[above : above + cell, beside : beside + cell]
    return result


_KINDS: Mapping[str, Callable[[Array, float, np.random.Generator], Array]] = {
    "noise": _noisy,
    "blur": _blurred,
    "shift": _shifted,
    "shuffle": _shuffled,
}
KINDS: Mapping[str, str] = {
    "noise": "mixed with noise",
    "blur": "blurred",
    "shift": "shifted",
    "shuffle": "cut up and shuffled",
}
"""The steps, and what they do to a map."""
