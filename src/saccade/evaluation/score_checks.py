"""Tests of the score itself: does it fall when maps are made worse, and how far is a map from the best order?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from saccade.evaluation.agreement import GRID
from saccade.evaluation.cache import Arrays
from saccade.evaluation.ceiling import OrderSearch
from saccade.evaluation.measurements import Measurements
from saccade.evaluation.progress import PieceCounter
from saccade.evaluation.removal import scores
from saccade.evaluation.setup import Setup
from saccade.evaluation.worsening import KINDS, LEVELS, worsened
from saccade.results.evaluation import Ceiling

PIECES = len(KINDS) + 1
"""How many pieces of work these tests are."""
_PARTS = 12
"""The search for the best order cuts it into at most so many parts."""


def worsened_scores(setup: Setup, measured: Measurements, counter: PieceCounter) -> Mapping[str, NDArray[np.float64]]:
    """The scores of a method's maps that were made worse, by kind (levels, photos), the original first.

    Args:
        setup: What all methods are tested with; its first batch of photos is taken.
        measured: The method.
        counter: Counts a piece for each kind.
    """
    removal, batch, settings = setup.removals[0], setup.batches[0], setup.settings
    maps = measured.grid[: len(batch)].reshape(-1, *(min(GRID, side) for side in setup.size))
    scores_by_kind: dict[str, NDArray[np.float64]] = {}
    for kind in KINDS:
        counter.start(f"maps {KINDS[kind]}")

        def scored(kind: str = kind) -> Arrays:
            by_level = []
            for level in (0.0, *LEVELS):
                worse = worsened(maps, kind, level, batch, settings.seed)
                curves = removal.curves(setup.ranks(setup.upscaled(worse, setup.size), batch))
                by_level.append(scores(curves, settings.steps).mean(axis=0))
            return {"scores": np.stack(by_level)}

        key = {"method": measured.name, "steps": settings.steps, "block": settings.block, "seed": settings.seed}
        scores_by_kind[kind] = setup.cache.get_or_make(f"worse-{kind}", {**key, "levels": LEVELS}, scored)["scores"]
        counter.finish()
    return scores_by_kind


def ceiling(setup: Setup, measured: Sequence[Measurements], counter: PieceCounter) -> Ceiling | None:
    """The best order of pixels that is known for some photos, and what the best method does there; None if not asked.

    For each photo the search starts from the map that scores best there, whichever method or control it is of.

    Args:
        setup: What all methods are tested with; the first `settings.ceiling` photos are taken.
        measured: All methods and controls.
        counter: Counts one piece.
    """
    of_all_photos, settings = setup.removals[0], setup.settings
    count = min(settings.ceiling, len(setup.batches[0]))
    if not count:
        return None
    counter.start("the best order that a search finds")
    batch = range(count)
    removal = of_all_photos.first(count)
    by_method = np.stack([scores(each.curves, settings.steps).mean(axis=0)[:count] for each in measured])

    def scored() -> Arrays:
        orders = []
        for row, method in enumerate(by_method.argmax(axis=0)):
            this_photo = slice(row, row + 1)
            fillers = {name: filler[this_photo] for name, filler in removal.fillers.items()}
            objective = removal.objective.select(this_photo)
            search = OrderSearch(
                removal.run, removal.images[this_photo], objective, fillers, min(settings.steps, _PARTS)
            )
            orders.append(search.maps(setup.upscaled(measured[method].grid[this_photo], setup.size)[0]))
        curves = [removal.curves(setup.ranks(np.stack(maps), batch)) for maps in zip(*orders, strict=True)]
        return {"found": np.max([scores(each, settings.steps).mean(axis=0) for each in curves], axis=0)}

    key = {"maps": by_method, "steps": settings.steps, "block": settings.block, "seed": settings.seed, "photos": count}
    arrays = setup.cache.get_or_make("ceiling", key, scored)
    counter.finish()
    methods = [number for number, each in enumerate(measured) if not each.is_control]
    best = max(methods, key=lambda number: float(by_method[number].mean()))
    return Ceiling(
        score=float(np.maximum(arrays["found"], by_method.max(axis=0)).mean()),
        method=measured[best].title,
        method_score=float(by_method[best].mean()),
        photos=count,
        improved=int((arrays["found"] > by_method.max(axis=0)).sum()),
    )
