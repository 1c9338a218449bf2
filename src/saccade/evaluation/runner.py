"""What all methods are tested with, and the tests of one method, piece by piece."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from saccade.attribution.gradient_maps import default_low_pass
from saccade.attribution.method import settings_of
from saccade.attribution.scale import cell_size
from saccade.encoder import Encoder
from saccade.engines import Stop
from saccade.errors import NotApplicable
from saccade.evaluation.agreement import on_grid, rank_correlation
from saccade.evaluation.cache import Arrays, Cache, fingerprint
from saccade.evaluation.controls import Control
from saccade.evaluation.direction import random_direction
from saccade.evaluation.imputation import FILLERS, blurred, mean_colour
from saccade.evaluation.localisation import MEASURES, localisation
from saccade.evaluation.photographs import Masks
from saccade.evaluation.progress import Work
from saccade.evaluation.randomisation import after_randomisation, stages
from saccade.evaluation.rankings import ranks
from saccade.evaluation.removal import Removal, scores
from saccade.evaluation.settings import Settings
from saccade.evaluation.similarity import references, together
from saccade.evaluation.stability import with_noise
from saccade.explanation import explain
from saccade.images import Images
from saccade.methods import find
from saccade.run import Run
from saccade.targets import Target, code
from saccade.typing import Array

_BATCH = 8
"""Photographs at a time: a piece of work that is kept when it is finished."""


@dataclass(frozen=True)
class Measurements:
    """What was measured of one method; rows of photographs.

    Attributes:
        name: Its name.
        title: Its name among people.
        control: Whether it knows nothing of the model.
        curves: By filler (photographs, 2, cuts).
        grid: (photographs, cells): its maps on the grid on which maps are compared.
        strength: The same of their strengths, whatever the sign.
        located: (photographs, measures), NaN without a mask.
        seconds: Time that one map takes.
        checks: `randomised` (checked, stages), `owed_to_weights`, `direction` and `stability` (checked,), as far as
            they were tested.
    """

    name: str
    title: str
    control: bool
    curves: Arrays
    grid: Array
    strength: Array
    located: NDArray[np.float64]
    seconds: float
    checks: Arrays


@dataclass(frozen=True)
class Runner:
    """What all methods are tested with.

    Attributes:
        encoder: The model and its code.
        images: The photographs.
        masks: Where the objects are, if that is known.
        settings: What is tested how often.
        cache: What an earlier run has finished.
        removals: One for each batch of photographs.
        direction: A random direction of the code.
        plan: The layers that are randomised at each stage.
        notes: What could not be tested, and why.
    """

    encoder: Encoder
    images: Images
    masks: Masks | None
    settings: Settings
    cache: Cache
    removals: Sequence[Removal]
    direction: Target
    plan: Sequence[tuple[str, ...]]
    notes: tuple[str, ...]

    @classmethod
    def of(
        cls,
        encoder: Encoder,
        images: Images,
        masks: Masks | None,
        settings: Settings,
        keep: Path | None,
        stop: Stop | None,
    ) -> Runner:
        """Make everything ready that all methods share."""
        array, size = images.array, (images.shape[1], images.shape[2])
        run = Run(encoder, stop=stop)
        codes = run.codes(images)
        objectives = references(encoder, codes, images.names)
        mean, cell = mean_colour(array), cell_size(encoder, size, code())
        removals = []
        for batch in batches(len(images)):
            some = slice(batch.start, batch.stop)
            fillers = {"mean": mean[some], "blur": blurred(array[some], cell)}
            objective = together(objectives[some])
            removals.append(Removal(run, array[some], batch, objective, fillers, settings.steps, settings.seed))
        notes: tuple[str, ...] = ()
        plan: Sequence[tuple[str, ...]] = ()
        try:
            plan = stages(encoder, settings.stages)
        except NotApplicable as error:
            notes = (f"randomised weights were not tested: {error}",)
        areas = None if masks is None else masks.areas
        cache = Cache(keep, "" if keep is None else fingerprint(encoder, array, areas))
        direction = random_direction(codes.shape[1:], settings.seed)
        return cls(encoder, images, masks, settings, cache, removals, direction, plan, notes)

    @property
    def batches(self) -> list[range]:
        """The numbers of the photographs that are explained together."""
        return [each.numbers for each in self.removals]

    @property
    def checked(self) -> list[range]:
        """The same for the photographs that the further tests take: whole batches from the first on."""
        return [each for each in self.batches if each.start < self.settings.checked]

    @property
    def pieces(self) -> int:
        """How many times a method explains a batch."""
        return len(self.batches) + len(self.checked) * (len(self.plan) + 1 + self.settings.draws)

    def control(self, control: Control, work: Work) -> Measurements:
        """Test a map that knows nothing of the model."""
        smoothing = default_low_pass(self.encoder, self.images.array, code())

        def maps(batch: range) -> Array:
            part = self.images.array[batch.start : batch.stop]
            return control.draw(part, batch, smoothing, self.settings.seed)

        asked = {"control": control.name, "smoothing": smoothing}
        return self._removed(control.name, control.title, True, asked, maps, work)

    def method(self, name: str, settings: Mapping[str, Any], work: Work) -> Measurements:
        """Test a method: deletion and insertion on all photographs, the further tests on some."""

        def maps(batch: range) -> Array:
            return self._explained(name, settings, self.images[batch.start : batch.stop], None, work)

        asked = {"method": name, "settings": _whole(name, settings)}
        tested = self._removed(name, find(name).description.title, False, asked, maps, work)
        parts = [self._checked(name, settings, batch, tested, work) for batch in self.checked]
        answered = [each for each in parts[0] if all(each in part for part in parts)]
        return replace(tested, checks={each: joined([part[each] for part in parts], self.checked) for each in answered})

    def ends(self) -> Arrays:
        """The similarity with every pixel taken away, (photographs,), by filler."""
        found = [each.ends() for each in self.removals]
        return {name: joined([each[name] for each in found], self.batches) for name in found[0]}

    def _removed(
        self,
        name: str,
        title: str,
        control: bool,
        asked: Mapping[str, Any],
        maps: Callable[[range], Array],
        work: Work,
    ) -> Measurements:
        found = []
        asked = {**asked, "steps": self.settings.steps, "block": self.settings.block, "seed": self.settings.seed}
        for number, removal in enumerate(self.removals):
            batch = removal.numbers
            work.starts(f"{title}, photographs {batch.start + 1} to {batch.stop}")
            make = _Removing(self, removal, maps)
            found.append(self.cache.get_or_make(f"{name}-{number}", asked, make))
            work.done()
        whole = {each: joined([part[each] for part in found], self.batches) for each in found[0] if each != "seconds"}
        seconds = min(float(part["seconds"]) for part in found)  # the first piece also compiles
        curves = {filler: whole[filler] for filler in FILLERS}
        located = whole["located"]
        return Measurements(name, title, control, curves, whole["grid"], whole["strength"], located, seconds, {})

    def _checked(
        self, name: str, settings: Mapping[str, Any], batch: range, tested: Measurements, work: Work
    ) -> Arrays:
        """Shuffled weights, another question, a little noise; on one batch of photographs."""
        images = self.images[batch.start : batch.stop]
        some, chosen, title = slice(batch.start, batch.stop), self.settings, tested.title
        strength, grid = tested.strength[some], tested.grid[some]

        def randomised() -> Arrays:
            kept: list[NDArray[np.float64]] = []

            def again() -> Array:
                work.starts(f"{title} with randomised weights")
                return self._explained(name, settings, images, None, work)

            for maps in after_randomisation(self.encoder, again, self.plan, chosen.seed):
                kept.append(rank_correlation(strength, on_grid(np.abs(maps))))
                last = maps
                work.done()
            before = {each: tested.curves[each][some] for each in FILLERS}
            after = self.removals[self.batches.index(batch)].curves(self.ranks(last, batch))
            owed = scores(before, chosen.steps) - scores(after, chosen.steps)
            return {"randomised": np.stack(kept, axis=-1), "owed_to_weights": owed.mean(axis=0)}

        def direction() -> Arrays:
            work.starts(f"{title} of a random direction")
            found = self._explained(name, settings, images, self.direction, work)
            return {"direction": rank_correlation(grid, on_grid(found))}

        def stability() -> Arrays:
            low, high = self.encoder.value_range
            kept = []
            for draw in range(self.settings.draws):
                work.starts(f"{title} with a little noise")
                scale = self.settings.noise * (high - low)
                noisy = with_noise(images.array, batch, scale, draw, self.settings.seed)
                found = self._explained(name, settings, replace(images, array=noisy), None, work)
                kept.append(rank_correlation(grid, on_grid(found)))
                work.done()
            return {"stability": np.mean(kept, axis=0)}

        asked = {"settings": _whole(name, settings), "seed": chosen.seed}
        found: dict[str, NDArray[Any]] = {}
        number = f"{name}-{batch.start}"
        if self.plan:
            layers = [list(each) for each in self.plan]
            with work.piece(len(self.plan)):
                found |= self.cache.get_or_make(
                    f"{number}-randomised",
                    {**asked, "plan": layers, "steps": chosen.steps, "block": chosen.block},
                    _if_it_can(randomised),
                )
        with work.piece(1):
            found |= self.cache.get_or_make(f"{number}-direction", asked, _if_it_can(direction))
        with work.piece(chosen.draws):
            noise = {**asked, "noise": chosen.noise, "draws": chosen.draws}
            found |= self.cache.get_or_make(f"{number}-stability", noise, _if_it_can(stability))
        return found

    def ranks(self, maps: Array, batch: range) -> Array:
        """At which step is each pixel's turn?"""
        chosen = self.settings
        return ranks(maps, chosen.steps, batch, chosen.seed, block=chosen.block)

    def _explained(
        self, name: str, settings: Mapping[str, Any], images: Images, target: Target | None, work: Work
    ) -> Array:
        """The method's maps at the size of the pictures."""
        found = explain(self.encoder, images, name, target, progress=work.within, stop=work.stop, **settings)
        return found.heatmap


def _whole(name: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """A method's settings with the defaults of those not given, since a default may be another one tomorrow."""
    return {**{each: parameter.default for each, parameter in settings_of(find(name)).items()}, **settings}


def _if_it_can(test: Callable[[], Arrays]) -> Callable[[], Arrays]:
    """The same test, without a result where the method cannot answer: another question, a code that died."""

    def tried() -> Arrays:
        try:
            return test()
        except NotApplicable:
            return {}

    return tried


@dataclass(frozen=True)
class _Removing:
    """Explains a batch, and takes it apart in the order of the maps."""

    runner: Runner
    removal: Removal
    maps: Callable[[range], Array]

    def __call__(self) -> Arrays:
        batch = self.removal.numbers
        start = time.perf_counter()
        maps = self.maps(batch)
        seconds = (time.perf_counter() - start) / len(batch)
        curves = self.removal.curves(self.runner.ranks(maps, batch))
        located = np.full((len(batch), len(MEASURES)), np.nan)
        if self.runner.masks is not None:
            known = self.runner.masks.known[batch.start : batch.stop]
            areas = self.runner.masks.areas[batch.start : batch.stop]
            located[known] = localisation(maps[known], areas[known]).T
        return {
            **curves,
            "grid": on_grid(maps),
            "strength": on_grid(np.abs(maps)),
            "located": located,
            "seconds": np.array(seconds),
        }


def batches(count: int) -> list[range]:
    """The numbers of pictures in pieces of one size, so that nothing compiles anew; the last may overlap."""
    size = min(_BATCH, count)
    return [range(min(start, count - size), min(start, count - size) + size) for start in range(0, count, size)]


def joined(parts: Sequence[NDArray[Any]], where: Sequence[range]) -> NDArray[Any]:
    """Pieces of pictures in one, each picture once."""
    done, kept = 0, []
    for part, batch in zip(parts, where, strict=True):
        kept.append(part[done - batch.start :])
        done = batch.stop
    return np.concatenate(kept)
