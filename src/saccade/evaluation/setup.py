"""What all methods of an evaluation are tested with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from saccade.attribution.fillers import filler_images
from saccade.attribution.scale import cell_size
from saccade.encoder import Encoder
from saccade.engines import Stop
from saccade.errors import NotApplicable
from saccade.evaluation.agreement import GRID
from saccade.evaluation.batches import batches, joined
from saccade.evaluation.cache import Arrays, Cache
from saccade.evaluation.direction import random_direction
from saccade.evaluation.equivariance import MOVES
from saccade.evaluation.imputation import mean_colour
from saccade.evaluation.masks import Masks
from saccade.evaluation.progress import PieceCounter
from saccade.evaluation.randomisation import stages
from saccade.evaluation.rankings import ranks
from saccade.evaluation.removal import Removal
from saccade.evaluation.settings import Settings
from saccade.evaluation.similarity import references, together
from saccade.explanation import explain
from saccade.fingerprint import encoder_fingerprint, fingerprint
from saccade.images import Images
from saccade.run import Run
from saccade.targets import Target, code
from saccade.typing import Array


@dataclass(frozen=True)
class Setup:
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
    ) -> Setup:
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

    def maps(
        self, name: str, settings: Mapping[str, Any], images: Images, target: Target | None, counter: PieceCounter
    ) -> Array:
        """A method's maps at the size of the images; a target of None is the whole code."""
        return explain(
            self.encoder, images, name, target, progress=counter.explain, stop=counter.stop, **settings
        ).heatmap

    @staticmethod
    def upscaled(grid: Array, size: tuple[int, int]) -> Array:
        """Maps on the grid on which maps are compared, at the size of the images."""
        rows, columns = (min(GRID, side) for side in size)
        maps = grid.reshape(len(grid), rows, columns)
        down, across = (np.arange(side) * cells // side for side, cells in zip(size, (rows, columns), strict=True))
        return np.asarray(maps[:, down][:, :, across])
