"""Tests of the score itself: does it fall when maps are made worse, and how far is a map from the best order?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from saccade.evaluation.agreement import GRID
from saccade.evaluation.cache import Arrays
from saccade.evaluation.ceiling import BLOCKS, greedy_map, in_blocks, spread
from saccade.evaluation.measurements import Measurements
from saccade.evaluation.progress import PieceCounter
from saccade.evaluation.removal import scores
from saccade.evaluation.runner import Runner
from saccade.evaluation.worsening import KINDS, LEVELS, worsened
from saccade.results.evaluation import Ceiling

PIECES = len(KINDS) + 1
"""How many pieces of work these tests are."""


def worsened_scores(runner: Runner, measured: Measurements, counter: PieceCounter) -> Mapping[str, NDArray[np.float64]]:
    """The scores of a method's maps that were made worse, by kind (levels, photos), the original first.

    Args:
        runner: What all methods are tested with; its first batch of photos is taken.
        measured: The method.
        counter: Counts a piece for each kind.
    """
    removal, batch, settings = runner.removals[0], runner.batches[0], runner.settings
    maps = measured.grid[: len(batch)].reshape(-1, *(min(GRID, side) for side in runner.size))
    found: dict[str, NDArray[np.float64]] = {}
    for kind in KINDS:
        counter.start(f"maps {KINDS[kind]}")

        def scored(kind: str = kind) -> Arrays:
            by_level = []
            for level in (0.0, *LEVELS):
                worse = worsened(maps, kind, level, batch, settings.seed)
                curves = removal.curves(runner.ranks(runner.upscaled(worse, runner.size), batch))
                by_level.append(scores(curves, settings.steps).mean(axis=0))
            return {"scores": np.stack(by_level)}

        key = {"method": measured.name, "steps": settings.steps, "block": settings.block, "seed": settings.seed}
        found[kind] = runner.cache.get_or_make(f"worse-{kind}", {**key, "levels": LEVELS}, scored)["scores"]
        counter.finish()
    return found


def ceiling(runner: Runner, measured: Measurements, counter: PieceCounter) -> Ceiling | None:
    """What a greedy search reaches on some photos, and what a method does with the same blocks; None if not asked.

    Args:
        runner: What all methods are tested with; the first `settings.ceiling` photos are taken.
        measured: The method.
        counter: Counts one piece.
    """
    whole, settings = runner.removals[0], runner.settings
    count = min(settings.ceiling, len(runner.batches[0]))
    if not count:
        return None
    counter.start("the best order that a greedy search finds")
    batch = range(count)
    removal = replace(
        whole,
        images=whole.images[:count],
        numbers=batch,
        objective=whole.objective.select(slice(0, count)),
        fillers={name: filler[:count] for name, filler in whole.fillers.items()},
    )

    def scored() -> Arrays:
        greedy = []
        for row in range(count):
            one = slice(row, row + 1)
            fillers = {name: filler[one] for name, filler in removal.fillers.items()}
            greedy.append(greedy_map(removal.run, removal.images[one], removal.objective.select(one), fillers))
        own = in_blocks(runner.upscaled(measured.grid[:count], runner.size))
        ranked = {
            name: runner.ranks(spread(blocks, runner.size), batch)
            for name, blocks in (("greedy", np.stack(greedy)), ("method", own))
        }
        return {name: scores(removal.curves(ranks), settings.steps).mean(axis=0) for name, ranks in ranked.items()}

    key = {"method": measured.name, "steps": settings.steps, "seed": settings.seed, "photos": count}
    arrays = runner.cache.get_or_make("ceiling", key, scored)
    counter.finish()
    return Ceiling(
        score=float(arrays["greedy"].mean()),
        method=measured.title,
        method_score=float(arrays["method"].mean()),
        photos=count,
        blocks=BLOCKS**2,
    )
