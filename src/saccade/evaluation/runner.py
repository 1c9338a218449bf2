"""What all methods are tested with, and the tests of one method, piece by piece."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from saccade.attribution.fillers import filler_images
from saccade.attribution.gradient_maps import default_low_pass
from saccade.attribution.method import settings_of
from saccade.attribution.scale import cell_size
from saccade.encoder import Encoder
from saccade.engines import Stop
from saccade.errors import NotApplicable
from saccade.evaluation.agreement import GRID, on_grid, rank_correlation
from saccade.evaluation.batches import batches, joined
from saccade.evaluation.cache import Arrays, Cache
from saccade.evaluation.controls import Control
from saccade.evaluation.direction import random_direction
from saccade.evaluation.equivariance import MOVES, moved
from saccade.evaluation.equivariance import likeness as moved_likeness
from saccade.evaluation.imputation import IMPUTATIONS, mean_colour
from saccade.evaluation.localisation import MEASURES, localisation
from saccade.evaluation.masks import Masks
from saccade.evaluation.measurements import Measurements
from saccade.evaluation.progress import PieceCounter
from saccade.evaluation.randomisation import after_randomisation, stages
from saccade.evaluation.rankings import ranks
from saccade.evaluation.removal import Removal, scores
from saccade.evaluation.settings import Settings
from saccade.evaluation.similarity import references, together
from saccade.evaluation.stability import with_noise
from saccade.explanation import explain
from saccade.fingerprint import encoder_fingerprint, fingerprint
from saccade.images import Images
from saccade.methods import find
from saccade.run import Run
from saccade.targets import Target, code
from saccade.typing import Array


@dataclass(frozen=True)
class Runner:
    """What all methods are tested with.

    Attributes:
        encoder: The model and its code.
        images: The photos.
        masks: Where the objects are, if that is known.
        settings: What is tested how often.
        cache: What an earlier run has finished.
        removals: One for each batch of photos.
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
        cache_folder: Path | None,
        stop: Stop | None,
    ) -> Runner:
        """Prepare everything that all methods share."""
        array, size = images.array, (images.shape[1], images.shape[2])
        run = Run(encoder, stop=stop)
        codes = run.codes(images)
        objectives = references(encoder, codes, images.names)
        # Blurred by one code cell, an image is what it is without what the code can see in it.
        width = float(max(cell_size(encoder, size, code())))
        mean = mean_colour(array)
        blurred = filler_images(array, "blur", value_range=encoder.value_range, blur=width)
        removals = []
        for batch in batches(len(images)):
            rows = slice(batch.start, batch.stop)
            fillers = {"mean": mean[rows], "blur": blurred[rows]}
            objective = together(objectives[rows])
            removals.append(Removal(run, array[rows], batch, objective, fillers, settings.steps, settings.seed))
        notes: tuple[str, ...] = ()
        plan: Sequence[tuple[str, ...]] = ()
        try:
            plan = stages(encoder, settings.stages)
        except NotApplicable as error:
            notes = (f"randomised weights were not tested: {error}",)
        areas = None if masks is None else masks.areas
        mark = "" if cache_folder is None else fingerprint(encoder_fingerprint(encoder), array, areas)
        cache = Cache(cache_folder, mark)
        direction = random_direction(codes.shape[1:], settings.seed)
        return cls(encoder, images, masks, settings, cache, removals, direction, plan, notes)

    @property
    def batches(self) -> list[range]:
        """The numbers of the photos that are explained together."""
        return [removal.numbers for removal in self.removals]

    @property
    def checked(self) -> list[range]:
        """The same for the photos that the further tests take: whole batches from the first on."""
        return [batch for batch in self.batches if batch.start < self.settings.checked]

    @property
    def pieces(self) -> int:
        """How many times a method explains a batch."""
        return len(self.batches) + len(self.checked) * (len(self.plan) + 1 + self.settings.draws + len(MOVES))

    def control(self, control: Control, counter: PieceCounter) -> Measurements:
        """Test a map that knows nothing of the model."""
        smoothing = default_low_pass(self.encoder, self.images.array, code())

        def maps(batch: range) -> Array:
            array = self.images.array[batch.start : batch.stop]
            return control.draw(array, batch, smoothing, self.settings.seed)

        key = {"control": control.name, "smoothing": smoothing}
        return self._measured(control.name, control.title, True, key, maps, counter)

    def method(self, name: str, settings: Mapping[str, Any], counter: PieceCounter) -> Measurements:
        """Test a method: deletion and insertion on all photos, the further tests on some."""

        def maps(batch: range) -> Array:
            return self._explained(name, settings, self.images[batch.start : batch.stop], None, counter)

        key = {"method": name, "settings": _with_defaults(name, settings)}
        measured = self._measured(name, find(name).description.title, False, key, maps, counter)
        parts = [self._checks(measured, settings, batch, counter) for batch in self.checked]
        answered = [test for test in parts[0] if all(test in part for part in parts)]
        checks = {test: joined([part[test] for part in parts], self.checked) for test in answered}
        return replace(measured, checks=checks)

    @property
    def cell(self) -> int:
        """Width of a cell of the code in pixels."""
        return cell_size(self.encoder, self.size, code())[1]

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the images."""
        return self.images.shape[1], self.images.shape[2]

    def ends(self) -> Arrays:
        """The similarity with every pixel removed, (photos,), by filler."""
        ends = [removal.ends() for removal in self.removals]
        return {filler: joined([part[filler] for part in ends], self.batches) for filler in ends[0]}

    def ranks(self, maps: Array, batch: range) -> Array:
        """At which step is each pixel's turn?"""
        return ranks(maps, self.settings.steps, batch, self.settings.seed, block=self.settings.block)

    # Parts

    def _measured(
        self,
        name: str,
        title: str,
        is_control: bool,
        key: Mapping[str, Any],
        maps: Callable[[range], Array],
        counter: PieceCounter,
    ) -> Measurements:
        """Deletion, insertion and localisation of all photos, batch by batch."""
        key = {**key, "steps": self.settings.steps, "block": self.settings.block, "seed": self.settings.seed}
        parts = []
        for number, removal in enumerate(self.removals):
            batch = removal.numbers
            counter.start(f"{title}, photos {batch.start + 1} to {batch.stop}")
            parts.append(self.cache.get_or_make(f"{name}-{number}", key, _Removing(self, removal, maps)))
            counter.finish()
        arrays = [array for array in parts[0] if array != "seconds"]
        of_all_photos = {array: joined([part[array] for part in parts], self.batches) for array in arrays}
        return Measurements(
            name=name,
            title=title,
            is_control=is_control,
            curves={filler: of_all_photos[filler] for filler in IMPUTATIONS},
            grid=of_all_photos["grid"],
            strength=of_all_photos["strength"],
            localisation=of_all_photos["localisation"],
            seconds=min(float(part["seconds"]) for part in parts),  # the first piece also compiles
            checks={},
        )

    def _checks(
        self, measured: Measurements, settings: Mapping[str, Any], batch: range, counter: PieceCounter
    ) -> Arrays:
        """Randomised weights, another question, a little noise; on one batch of photos."""
        name, title, options = measured.name, measured.title, self.settings
        rows = slice(batch.start, batch.stop)
        images, strength, grid = self.images[rows], measured.strength[rows], measured.grid[rows]

        def randomised() -> Arrays:
            likeness: list[NDArray[np.float64]] = []

            def explained() -> Array:
                counter.start(f"{title} with randomised weights")
                return self._explained(name, settings, images, None, counter)

            for maps in after_randomisation(self.encoder, explained, self.plan, options.seed):
                likeness.append(rank_correlation(strength, on_grid(np.abs(maps))))
                last = maps
                counter.finish()
            before = {filler: measured.curves[filler][rows] for filler in IMPUTATIONS}
            after = self.removals[self.batches.index(batch)].curves(self.ranks(last, batch))
            owed = scores(before, options.steps) - scores(after, options.steps)
            return {"randomised": np.stack(likeness, axis=-1), "owed_to_weights": owed.mean(axis=0)}

        def direction() -> Arrays:
            counter.start(f"{title} of a random direction")
            maps = self._explained(name, settings, images, self.direction, counter)
            return {"direction": rank_correlation(grid, on_grid(maps))}

        def stability() -> Arrays:
            low, high = self.encoder.value_range
            likeness = []
            for draw in range(options.draws):
                counter.start(f"{title} with a little noise")
                noisy = with_noise(images.array, batch, options.noise * (high - low), draw, options.seed)
                maps = self._explained(name, settings, replace(images, array=noisy), None, counter)
                likeness.append(rank_correlation(grid, on_grid(maps)))
                counter.finish()
            return {"stability": np.mean(likeness, axis=0)}

        key = {"settings": _with_defaults(name, settings), "seed": options.seed}
        stages_key = {"plan": [list(layers) for layers in self.plan], "steps": options.steps, "block": options.block}

        def equivariance() -> Arrays:
            cell = self.cell
            likeness = []
            for move in MOVES:
                counter.start(f"{title} of the photo {move}")
                array = moved(images.array, move, cell)
                maps = self._explained(name, settings, Images.from_array(array, images.value_range), None, counter)
                likeness.append(moved_likeness(self.upscaled(grid, (array.shape[1], array.shape[2])), maps, move, cell))
                counter.finish()
            return {"equivariance": np.mean(likeness, axis=0)}

        noise_key = {"noise": options.noise, "draws": options.draws}
        tests: list[tuple[str, int, Mapping[str, Any], Callable[[], Arrays]]] = [
            ("randomised", len(self.plan), {**key, **stages_key}, randomised),
            ("direction", 1, key, direction),
            ("stability", options.draws, {**key, **noise_key}, stability),
            ("equivariance", len(MOVES), {**key, "cell": self.cell}, equivariance),
        ]
        checks: dict[str, NDArray[Any]] = {}
        for test, pieces, test_key, make in tests:
            if pieces:
                with counter.pieces(pieces):
                    piece = f"{name}-{batch.start}-{test}"
                    checks |= self.cache.get_or_make(piece, test_key, _empty_if_refused(make))
        return checks

    @staticmethod
    def upscaled(grid: Array, size: tuple[int, int]) -> Array:
        """Maps on the grid on which maps are compared, at the size of the images."""
        rows, columns = (min(GRID, side) for side in size)
        maps = grid.reshape(len(grid), rows, columns)
        down, across = (np.arange(side) * cells // side for side, cells in zip(size, (rows, columns), strict=True))
        return np.asarray(maps[:, down][:, :, across])

    def _explained(
        self, name: str, settings: Mapping[str, Any], images: Images, target: Target | None, counter: PieceCounter
    ) -> Array:
        """The method's maps at the size of the images."""
        return explain(
            self.encoder, images, name, target, progress=counter.explain, stop=counter.stop, **settings
        ).heatmap


@dataclass(frozen=True)
class _Removing:
    """Explains a batch, and removes its pixels in the order of the maps."""

    runner: Runner
    removal: Removal
    maps: Callable[[range], Array]

    def __call__(self) -> Arrays:
        batch = self.removal.numbers
        start = time.perf_counter()
        maps = self.maps(batch)
        seconds = (time.perf_counter() - start) / len(batch)
        curves = self.removal.curves(self.runner.ranks(maps, batch))
        measures = np.full((len(batch), len(MEASURES)), np.nan)
        if self.runner.masks is not None:
            has_mask = self.runner.masks.is_there[batch.start : batch.stop]
            areas = self.runner.masks.areas[batch.start : batch.stop]
            measures[has_mask] = localisation(maps[has_mask], areas[has_mask]).T
        return {
            **curves,
            "grid": on_grid(maps),
            "strength": on_grid(np.abs(maps)),
            "localisation": measures,
            "seconds": np.array(seconds),
        }


def _with_defaults(name: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """A method's settings with the defaults of the others, since a default may be another one tomorrow."""
    return {**{setting: parameter.default for setting, parameter in settings_of(find(name)).items()}, **settings}


def _empty_if_refused(test: Callable[[], Arrays]) -> Callable[[], Arrays]:
    """The same test, without a result where the method cannot answer: another question, a code that is dead."""

    def tried() -> Arrays:
        try:
            return test()
        except NotApplicable:
            return {}

    return tried
