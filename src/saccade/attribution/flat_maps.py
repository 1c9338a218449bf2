"""Is there anything to see in a layer, and does the target react to it? If not, a map would show float32's rounding."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from saccade.run import Run
from saccade.targets import Target
from saccade.targets.paths import ONCE, STAY
from saccade.typing import Array

_RESOLVED = 1e-6
"""Changes below this share of a score are lost in its rounding."""
_ALIKE = 1e-5
"""Feature maps that vary by less than this share of their size hold the same everywhere."""


def featureless(values: Array) -> NDArray[np.bool_]:
    """In which images do all places of a layer, (images, rows, columns, channels), hold the same?"""
    high, low = values.max(axis=(1, 2)), values.min(axis=(1, 2))
    largest = np.maximum(high, -low).max(axis=-1)
    # Halves, so that the widest of spreads is still a float32.
    return np.asarray((high / 2 - low / 2).max(axis=-1) <= _ALIKE / 2 * largest)


def unmoved(run: Run, images: Array, target: Target, values: Array, gradient: Array) -> NDArray[np.bool_]:
    """In which images does the target not react to the layer, as far as float32 can tell?

    The most that the layer can do to the target, to first order, is max|gradient| * sum|values|. Where a saturated or
    dead part lies in between, or a likeness is already complete, that is less than the rounding of the target itself,
    and a map would show the rounding.
    """
    largest = np.maximum(gradient.max(axis=(1, 2, 3)), -gradient.min(axis=(1, 2, 3))).astype(np.float64)
    # float32 adds well enough for a bound, and far faster; where it overflows the bound is reached all the more.
    with np.errstate(over="ignore"):
        reach = largest * np.abs(values).sum(axis=(1, 2, 3))
    size = run.encoder.layer_size(run.encoder.layer_of(target), images)
    doubtful = reach <= 1e-5 * size  # what saturates is bounded, so a lively code reaches further than that
    if not doubtful.any():
        return np.zeros(len(images), np.bool_)
    score = run.score(images, [run.objective_at_input(images, target)], STAY, ONCE)[0][0]
    return np.asarray(doubtful & (reach <= _RESOLVED * np.abs(score)))


def unmoved_because(path: str) -> str:
    """The reason in words, for a note."""
    return f"no small change of {path} moves the target: it is saturated, dead, or already at its highest"


def unchanged(changes: NDArray[np.float64], before: NDArray[np.float64], target: Target) -> NDArray[np.bool_]:
    """In which images is every measured change of the target no larger than its rounding?

    Args:
        changes: (channels, images): how the target changed.
        before: (images,): the target's own value.
        target: A change of the whole code is a squared share of it, so its rounding is squared too.
    """
    rounding = np.full(before.shape, _RESOLVED**2) if target.counts_increase else _RESOLVED * np.abs(before)
    return np.asarray(np.abs(changes).max(axis=0) <= rounding)
