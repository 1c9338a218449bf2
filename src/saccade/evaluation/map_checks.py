"""The checks of a method's maps beside deletion and insertion: does the map change where it must, and only there?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from saccade.errors import NotApplicable
from saccade.evaluation.agreement import on_grid, rank_correlation
from saccade.evaluation.cache import Arrays, settings_key
from saccade.evaluation.equivariance import MOVES, moved
from saccade.evaluation.equivariance import likeness as moved_likeness
from saccade.evaluation.imputation import IMPUTATIONS
from saccade.evaluation.measurements import Measurements
from saccade.evaluation.progress import PieceCounter
from saccade.evaluation.randomisation import after_randomisation
from saccade.evaluation.removal import scores
from saccade.evaluation.setup import Setup
from saccade.evaluation.stability import with_noise
from saccade.images import Images
from saccade.targets import Target
from saccade.typing import Array


@dataclass(frozen=True)
class MapChecks:
    """Randomised weights, another question, a little noise, a moved photo; on one batch of photos.

    Attributes:
        setup: What all methods are tested with.
        measured: What deletion and insertion measured of the method on all photos.
        settings: The method's settings.
        batch: The numbers of the photos.
        counter: Counts a piece for each time that the method explains the batch.
    """

    setup: Setup
    measured: Measurements
    settings: Mapping[str, Any]
    batch: range
    counter: PieceCounter

    def answers(self) -> Arrays:
        """What every check found, from an earlier run where it is there; nothing where the method cannot answer one."""
        options, plan = self.setup.settings, self.setup.plan
        key = {"settings": settings_key(self.measured.name, self.settings), "seed": options.seed}
        stages_key = {"plan": [list(layers) for layers in plan], "steps": options.steps, "block": options.block}
        noise_key = {"noise": options.noise, "draws": options.draws}
        checks: list[tuple[str, int, Mapping[str, Any], Callable[[], Arrays]]] = [
            ("randomised", len(plan), {**key, **stages_key}, self.randomised),
            ("direction", 1, key, self.direction),
            ("stability", options.draws, {**key, **noise_key}, self.stability),
            ("equivariance", len(MOVES), {**key, "cell": self.setup.cell}, self.equivariance),
        ]
        answers: dict[str, NDArray[Any]] = {}
        for check, pieces, check_key, make in checks:
            if pieces:
                with self.counter.pieces(pieces):
                    piece = f"{self.measured.name}-{self.batch.start}-{check}"
                    answers |= self.setup.cache.get_or_make(piece, check_key, _empty_if_refused(make))
        return answers

    def randomised(self) -> Arrays:
        """How like is the map of the model with randomised weights, and what does it lose of the score?"""
        setup, options = self.setup, self.setup.settings
        likeness: list[NDArray[np.float64]] = []

        def explained() -> Array:
            self.counter.start(f"{self.measured.title} with randomised weights")
            return self._maps(self._images)

        for maps in after_randomisation(setup.encoder, explained, setup.plan, options.seed):
            likeness.append(rank_correlation(self.measured.strength[self._rows], on_grid(np.abs(maps))))
            last = maps
            self.counter.finish()
        before = {filler: self.measured.curves[filler][self._rows] for filler in IMPUTATIONS}
        removal = setup.removals[setup.batches.index(self.batch)]
        after = removal.curves(setup.ranks(last, self.batch))
        owed = scores(before, options.steps) - scores(after, options.steps)
        return {"randomised": np.stack(likeness, axis=-1), "owed_to_weights": owed.mean(axis=0)}

    def direction(self) -> Arrays:
        """How like is the map of a random direction of the code?"""
        self.counter.start(f"{self.measured.title} of a random direction")
        maps = self._maps(self._images, self.setup.direction)
        return {"direction": rank_correlation(self._grid, on_grid(maps))}

    def stability(self) -> Arrays:
        """How like is the map of the photo with a little noise?"""
        options = self.setup.settings
        low, high = self.setup.encoder.value_range
        likeness = []
        for draw in range(options.draws):
            self.counter.start(f"{self.measured.title} with a little noise")
            noisy = with_noise(self._images.array, self.batch, options.noise * (high - low), draw, options.seed)
            maps = self._maps(replace(self._images, array=noisy))
            likeness.append(rank_correlation(self._grid, on_grid(maps)))
            self.counter.finish()
        return {"stability": np.mean(likeness, axis=0)}

    def equivariance(self) -> Arrays:
        """How like is the map of the mirrored or shifted photo, moved back?"""
        setup, images = self.setup, self._images
        likeness = []
        for move in MOVES:
            self.counter.start(f"{self.measured.title} of the photo {move}")
            array = moved(images.array, move, setup.cell)
            maps = self._maps(Images.from_array(array, images.value_range))
            upscaled = setup.upscaled(self._grid, (array.shape[1], array.shape[2]))
            likeness.append(moved_likeness(upscaled, maps, move, setup.cell))
            self.counter.finish()
        return {"equivariance": np.mean(likeness, axis=0)}

    @property
    def _rows(self) -> slice:
        return slice(self.batch.start, self.batch.stop)

    @property
    def _images(self) -> Images:
        return self.setup.images[self._rows]

    @property
    def _grid(self) -> Array:
        return self.measured.grid[self._rows]

    def _maps(self, images: Images, target: Target | None = None) -> Array:
        """The method's maps at the size of the images."""
        return self.setup.maps(self.measured.name, self.settings, images, target, self.counter)


def _empty_if_refused(test: Callable[[], Arrays]) -> Callable[[], Arrays]:
    """The same test, without a result where the method cannot answer: another question, a code that is dead."""

    def answer() -> Arrays:
        try:
            return test()
        except NotApplicable:
            return {}

    return answer
