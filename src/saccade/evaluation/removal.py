"""Deletion and insertion: does the code change first where the map says it should?

Pixels are taken away in the map's order, the most important first (deletion), and brought back in the same order into
a picture without any (insertion). At each step the code's similarity to that of the unchanged picture is measured. A
map that tells the truth makes the first curve fall early and the second rise early: its score is the area under the
insertion curve less that under the deletion curve. A map at random scores 0 with any filler, since both curves are then
the same.

Sources: Petsiuk, Das and Saenko (2018), RISE, arXiv:1806.07421; with codes in place of classes, Crabbé and van der
Schaar (2022), arXiv:2203.01928.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from saccade.engines import Objective
from saccade.evaluation.areas import area
from saccade.evaluation.imputation import FILLERS, noisy_linear
from saccade.run import Run
from saccade.targets.paths import ONCE, RANKED, STAY, ArrayPoints
from saccade.typing import Array

Numbers = NDArray[np.float64]
_LINEAR_CUTS = 5
"""Neighbours have to be found anew for every cut, so fewer cuts are made."""
_FILLED = 2
"""Pictures whose neighbours are found at once, one a thread."""


def cuts(filler: str, steps: int) -> NDArray[np.int64]:
    """After how many of the steps is the similarity measured with this filler?"""
    if filler == "linear":
        # With everything removed there are no neighbours left to take a colour from.
        return np.unique(np.round(np.linspace(2, steps - 2, _LINEAR_CUTS)).astype(np.int64))
    return np.arange(1, steps)


def shares(filler: str, steps: int) -> Numbers:
    """The shares of pixels at which the similarity is known; the ends only where they can be had."""
    inside = cuts(filler, steps) / steps
    return inside if filler == "linear" else np.concatenate([[0.0], inside, [1.0]])


def with_ends(curves: Numbers, end: Numbers | None) -> Numbers:
    """Curves (images, 2, cuts) with their ends: the unchanged picture, and the one with nothing left.

    Args:
        curves: Deletion first.
        end: The similarity with every pixel taken away, (images,); None where it cannot be had.
    """
    if end is None:
        return curves
    unchanged = np.ones_like(end)
    first = np.stack([unchanged, end], axis=-1)[..., None]
    last = np.stack([end, unchanged], axis=-1)[..., None]
    return np.concatenate([first, curves, last], axis=-1)


def scores(curves: Mapping[str, Numbers], steps: int) -> Numbers:
    """Area under insertion less area under deletion, (fillers, images).

    The ends need not be known: what they add to one area they add to the other.

    Args:
        curves: By filler (images, 2, cuts), deletion first.
        steps: In how many parts the pixels went.
    """
    found = []
    for name in FILLERS:
        end = None if name == "linear" else np.zeros(len(curves[name]))
        areas = area(with_ends(curves[name], end), shares(name, steps))
        found.append(areas[:, 1] - areas[:, 0])
    return np.stack(found)


@dataclass(frozen=True)
class Removal:
    """Everything that a batch of pictures needs to be taken apart, whatever the map.

    Attributes:
        run: The call, on an encoder.
        images: (images, height, width, channels).
        numbers: The pictures' numbers in the whole collection.
        objective: The similarity to their own codes.
        fillers: What stands in for removed pixels, by name, like the pictures; not for `linear`.
        steps: In how many parts the pixels go.
        seed: Of the noise of `linear`.
    """

    run: Run
    images: Array
    numbers: range
    objective: Objective
    fillers: Mapping[str, Array]
    steps: int
    seed: int

    def ends(self) -> dict[str, NDArray[np.float64]]:
        """The similarity with every pixel taken away, (images,), by filler."""
        return {
            name: self.run.score(filler, [self.objective], STAY, ONCE)[0][0] for name, filler in self.fillers.items()
        }

    def curves(self, ranks: Array) -> dict[str, NDArray[np.float64]]:
        """The similarity after each cut: by filler, (images, 2, cuts), deletion first.

        Args:
            ranks: (images, height, width), from `rankings.ranks` with the same number of steps.
        """
        return {name: self._linear(ranks) if name == "linear" else self._filled(ranks, name) for name in FILLERS}

    def _filled(self, ranks: Array, name: str) -> NDArray[np.float64]:
        places = (cuts(name, self.steps) / self.steps).astype(np.float32)
        points = ArrayPoints(
            {"cut": np.concatenate([places, places]), "side": np.repeat(np.array([-1, 1], np.float32), len(places))}
        )
        fixed = {"rank": ranks, "filler": self.fillers[name]}
        found = self.run.score(self.images, [self.objective], RANKED, points, fixed)[0]
        return np.asarray(found.reshape(2, len(places), -1).transpose(2, 0, 1))

    def _linear(self, ranks: Array) -> NDArray[np.float64]:
        places = cuts("linear", self.steps) / self.steps

        def filled(row: int) -> Array:
            first = ranks[row] < places[:, None, None]
            seed = [self.seed, self.numbers[row], 2]
            return noisy_linear(self.images[row], np.concatenate([first, ~first]), self.run.encoder.value_range, seed)

        found = []
        with ThreadPoolExecutor(_FILLED) as filling:
            for start in range(0, len(ranks), _FILLED):
                some = range(start, min(start + _FILLED, len(ranks)))
                pictures = np.concatenate(list(filling.map(filled, some)))
                reference = self.objective.reference[some.start : some.stop].repeat(2 * len(places), axis=0)
                asked = Objective(self.objective.measure, self.objective.layer, reference)
                found.append(self.run.score(pictures, [asked], STAY, ONCE)[0][0])
        return np.concatenate(found).reshape(len(ranks), 2, len(places))
