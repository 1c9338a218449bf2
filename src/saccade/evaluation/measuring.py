"""The measurements of one method, or of a control, on all photos: batch by batch, each kept when it is done."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from saccade.attribution.gradient_maps import default_low_pass
from saccade.evaluation.agreement import on_grid
from saccade.evaluation.batches import joined
from saccade.evaluation.cache import Arrays, settings_key
from saccade.evaluation.controls import Control
from saccade.evaluation.imputation import IMPUTATIONS
from saccade.evaluation.localisation import MEASURES, localisation
from saccade.evaluation.map_checks import MapChecks
from saccade.evaluation.measurements import Measurements
from saccade.evaluation.progress import PieceCounter
from saccade.evaluation.removal import Removal
from saccade.evaluation.setup import Setup
from saccade.methods import find
from saccade.targets import code
from saccade.typing import Array


def measured_control(setup: Setup, control: Control, counter: PieceCounter) -> Measurements:
    """Test a map that knows nothing of the model: deletion and insertion alone."""
    smoothing = default_low_pass(setup.encoder, setup.images.array, code())

    def maps(batch: range) -> Array:
        array = setup.images.array[batch.start : batch.stop]
        return control.draw(array, batch, smoothing, setup.settings.seed)

    key = {"control": control.name, "smoothing": smoothing}
    return _measured(setup, control.name, control.title, True, key, maps, counter)


def measured_method(setup: Setup, name: str, settings: Mapping[str, Any], counter: PieceCounter) -> Measurements:
    """Test a method: deletion and insertion on all photos, the further checks on some."""

    def maps(batch: range) -> Array:
        images = setup.images[batch.start : batch.stop]
        return setup.maps(name, settings, images, None, counter)

    key = {"method": name, "settings": settings_key(name, settings)}
    measured = _measured(setup, name, find(name).description.title, False, key, maps, counter)
    parts = [MapChecks(setup, measured, settings, batch, counter).answers() for batch in setup.checked]
    answered = [check for check in parts[0] if all(check in part for part in parts)]
    checks = {check: joined([part[check] for part in parts], setup.checked) for check in answered}
    return replace(measured, checks=checks)


def _measured(
    setup: Setup,
    name: str,
    title: str,
    is_control: bool,
    key: Mapping[str, Any],
    maps: Callable[[range], Array],
    counter: PieceCounter,
) -> Measurements:
    """Deletion, insertion and localisation of all photos, batch by batch."""
    key = {**key, "steps": setup.settings.steps, "block": setup.settings.block, "seed": setup.settings.seed}
    parts = []
    for number, removal in enumerate(setup.removals):
        batch = removal.numbers
        counter.start(f"{title}, photos {batch.start + 1} to {batch.stop}")
        parts.append(setup.cache.get_or_make(f"{name}-{number}", key, _Removing(setup, removal, maps)))
        counter.finish()
    arrays = [array for array in parts[0] if array != "seconds"]
    of_all_photos = {array: joined([part[array] for part in parts], setup.batches) for array in arrays}
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


@dataclass(frozen=True)
class _Removing:
    """Explains a batch, and removes its pixels in the order of the maps."""

    setup: Setup
    removal: Removal
    maps: Callable[[range], Array]

    def __call__(self) -> Arrays:
        batch = self.removal.numbers
        start = time.perf_counter()
        maps = self.maps(batch)
        seconds = (time.perf_counter() - start) / len(batch)
        curves = self.removal.curves(self.setup.ranks(maps, batch))
        measures = np.full((len(batch), len(MEASURES)), np.nan)
        if self.setup.masks is not None:
            has_mask = self.setup.masks.is_there[batch.start : batch.stop]
            areas = self.setup.masks.areas[batch.start : batch.stop]
            measures[has_mask] = localisation(maps[has_mask], areas[has_mask]).T
        return {
            **curves,
            "grid": on_grid(maps),
            "strength": on_grid(np.abs(maps)),
            "localisation": measures,
            "seconds": np.array(seconds),
        }
