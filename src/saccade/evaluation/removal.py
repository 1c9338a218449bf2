"""Deletion and insertion: does the code change first where the map says it should?

Pixels are removed in the map's order, the most important first (deletion), and brought back in the same order into an
image without any (insertion). At each step the code's similarity to that of the unchanged image is measured. A map that
tells the truth makes the first curve fall early and the second rise early: its score is the area under the
insertion curve less that under the deletion curve. A map at random scores 0 with any filler, since both curves are then
the same.

Sources: Petsiuk, Das and Saenko (2018), RISE, arXiv:1806.07421; with codes in place of classes, Crabbé and van der
Schaar (2022), arXiv:2203.01928.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from saccade.engines import Objective
from saccade.evaluation.areas import area
from saccade.evaluation.imputation import IMPUTATIONS, noisy_linear
from saccade.run import Run
from saccade.targets.paths import ONCE, RANKED, STAY, ArrayPoints
from saccade.typing import Array

Numbers = NDArray[np.float64]
_LINEAR_CUTS = 5
"""Neighbours have to be found for every cut, so fewer cuts are made."""
_THREADS = 2
"""Images whose neighbours are found at once, one a thread."""


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
    """Curves (images, 2, cuts) with their ends: the unchanged image, and the one with nothing left.

    Args:
        curves: Deletion first.
        end: The similarity with every pixel removed, (images,); None where it cannot be had.
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
    differences = []
    for name in IMPUTATIONS:
        end = None if name == "linear" else np.zeros(len(curves[name]))
        areas = area(with_ends(curves[name], end), shares(name, steps))
        differences.append(areas[:, 1] - areas[:, 0])
    return np.stack(differences)


@dataclass(frozen=True)
class Removal:
    """Deletion and insertion of a batch of images, whatever the map.

    Attributes:
        run: The call, on an encoder.
        images: (images, height, width, channels).
        numbers: The images' numbers in the whole collection.
        objective: The similarity to their own codes.
        fillers: What stands in for removed pixels, by name, like the images; not for `linear`.
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

    def first(self, count: int) -> Removal:
        """The same for the first images only."""
        some = slice(0, count)
        return replace(
            self,
            images=self.images[some],
            numbers=self.numbers[some],
            objective=self.objective.select(some),
            fillers={name: filler[some] for name, filler in self.fillers.items()},
        )

    def ends(self) -> dict[str, NDArray[np.float64]]:
        """The similarity with every pixel removed, (images,), by filler."""
        return {
            name: self.run.score(filler, [self.objective], STAY, ONCE)[0][0] for name, filler in self.fillers.items()
        }

    def curves(self, ranks: Array) -> dict[str, NDArray[np.float64]]:
        """The similarity after each cut: by filler, (images, 2, cuts), deletion first.

        Args:
            ranks: (images, height, width), from `rankings.ranks` with the same number of steps.
        """
        return {name: self._linear(ranks) if name == "linear" else self._filled(ranks, name) for name in IMPUTATIONS}

    def _filled(self, ranks: Array, name: str) -> NDArray[np.float64]:
        levels = (cuts(name, self.steps) / self.steps).astype(np.float32)
        sides = np.repeat(np.array([-1, 1], np.float32), len(levels))
        points = ArrayPoints({"cut": np.concatenate([levels, levels]), "side": sides})
        fixed = {"rank": ranks, "filler": self.fillers[name]}
        similarities = self.run.score(self.images, [self.objective], RANKED, points, fixed)[0]
        return np.asarray(similarities.reshape(2, len(levels), -1).transpose(2, 0, 1))

    def _linear(self, ranks: Array) -> NDArray[np.float64]:
        levels = cuts("linear", self.steps) / self.steps

        def filled(row: int) -> Array:
            removed = ranks[row] < levels[:, None, None]
            seed = [self.seed, self.numbers[row], 2]
            value_range = self.run.encoder.value_range
            return noisy_linear(self.images[row], np.concatenate([removed, ~removed]), value_range, seed)

        similarities = []
        with ThreadPoolExecutor(_THREADS) as threads:
            for start in range(0, len(ranks), _THREADS):
                rows = range(start, min(start + _THREADS, len(ranks)))
                images = np.concatenate(list(threads.map(filled, rows)))
                reference = self.objective.reference[rows.start : rows.stop].repeat(2 * len(levels), axis=0)
                objective = replace(self.objective, reference=reference)
                similarities.append(self.run.score(images, [objective], STAY, ONCE)[0][0])
        return np.concatenate(similarities).reshape(len(ranks), 2, len(levels))
