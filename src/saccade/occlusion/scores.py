"""How targets score while a hole lies over the picture: many holes a pass where that gives the exact answer.

Whatever way is taken, a few holes are also computed alone in the same run and compared; if they differ, a plainer way
is taken.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from saccade.encoder import Encoder
from saccade.engines import Receive
from saccade.errors import Cancelled, MemoryBudgetError, SaccadeWarning
from saccade.occlusion.stages import Stage, stages, start_from
from saccade.occlusion.tiling import Holes, Tiling, one_each, tilings
from saccade.targets import Target
from saccade.targets.paths import COVERED, REPLACED, Arrays
from saccade.typing import Array

_TOLERANCE = 1e-4
"""Shared and lone holes may differ by this share of the largest value: float32's rounding, far below a wrong cell."""


@dataclass(frozen=True)
class Scores:
    """One target's scores.

    Attributes:
        before: Without a hole, (images,).
        after: With each hole, (images, hole rows, hole columns).
        passes: How many pictures were encoded, or taken up at the last stage.
        stages: The layers that were computed for all holes on the way, each in fewer passes.
    """

    before: NDArray[np.float64]
    after: NDArray[np.float64]
    passes: int
    stages: tuple[Stage, ...] = ()


def occlusion_scores(
    encoder: Encoder, images: Array, targets: Sequence[Target], where: Holes, fixed: Arrays, *, tiled: bool
) -> tuple[list[Scores], tuple[str, ...]]:
    """The scores of targets under the same holes, and what is to be said about how they were computed.

    Args:
        encoder: The model and its code.
        images: (images, height, width, channels).
        targets: What is scored.
        where: The holes.
        fixed: Their filler, as for the path COVERED.
        tiled: Let holes share passes.
    """
    if not tiled:
        return _plain(encoder, images, targets, where, fixed), ()
    plans, alone_because = _plans(encoder, targets, where)
    # A target on the output compares it with the covered picture itself, which stages do not see.
    in_stages = all(target.place == "code" for target in targets)
    chain = stages(encoder, images, list(plans), next(iter(plans.values()))) if in_stages else ()
    notes = []
    if chain:
        try:
            found, refused = _shared(encoder, images, targets, plans, fixed, chain)
        except (Cancelled, MemoryBudgetError):
            raise
        except Exception as error:
            # A model that carries something of the picture past its layers cannot be taken up in between; if it is
            # another matter, the whole way meets it again.
            refused = type(error).__name__
        if not refused:
            said = f"computed hole by hole from {chain[-1].layer} on: {alone_because}"
            return found, (said,) if alone_because else ()
        notes = [f"every pass goes the whole way: the model cannot be taken up at {chain[-1].layer} ({refused})"]
    if alone_because:
        notes.append(f"computed hole by hole: {alone_because}")
    else:
        found, refused = _shared(encoder, images, targets, plans, fixed, ())
        if not refused:
            return found, tuple(notes)
        warnings.warn(
            f"tiling does not hold for this model ({refused}); computed the plain way instead.",
            SaccadeWarning,
            stacklevel=4,
        )
        notes.append("tiling was tried and refused; computed hole by hole")
    return _plain(encoder, images, targets, where, fixed), tuple(notes)


def _plans(encoder: Encoder, targets: Sequence[Target], where: Holes) -> tuple[dict[str, Tiling], str | None]:
    """For each layer that is read which holes share a pass; and why, if none do."""
    layers = sorted({encoder.place(target) for target in targets})
    plans = tilings(encoder.dataflow(*where.size), layers, where)
    if plans[layers[0]].passes >= where.count:
        because = "every cell of the code sees too much of the picture to share passes"
    elif not all(target.cover.tiles for target in targets):
        because = "a target is a number of the whole code, of which no part can be exchanged"
    else:
        return plans, None
    return dict.fromkeys(layers, one_each(where)), because


def _plain(encoder: Encoder, images: Array, targets: Sequence[Target], where: Holes, fixed: Arrays) -> list[Scores]:
    """Every hole in a picture of its own."""
    shape = (len(images), len(where.rows), len(where.columns))
    scores = encoder.score(images, targets, COVERED, where.one_by_one(), fixed)
    return [Scores(each[0], each[1:].T.reshape(shape), where.count) for each in scores]


def _shared(
    encoder: Encoder,
    images: Array,
    targets: Sequence[Target],
    plans: dict[str, Tiling],
    fixed: Arrays,
    chain: tuple[Stage, ...],
) -> tuple[list[Scores], str | None]:
    """Many holes a pass, in stages or from the picture on; and what is wrong with it, told from a few lone holes."""
    found = []
    for target in targets:
        layer = encoder.place(target)
        found.append(_Tiles(target, plans[layer], encoder.code_size(layer, images), len(images)))
    plan = found[0].plan
    alone = [1 + each for each in found[0].checked]

    def receive(first_point: int, first_image: int = 0) -> Receive:
        def take(number: int, at: slice, some: slice, terms: Array) -> None:
            own = slice(first_image + some.start, first_image + some.stop)
            for point, each in zip(range(first_point + at.start, first_point + at.stop), terms, strict=True):
                found[number].take(point, own, each)

        return take

    if chain:
        lone = plan.holes.one_by_one().only(alone)
        encoder.score(images, targets, COVERED, lone, fixed, cells=receive(1 + plan.passes))
        asked = [encoder.objective(images, target, "cover") for target in targets]
        with encoder.engine.holding(sum(stage.bytes for stage in chain)):
            for k in range(len(images)):
                some = slice(k, k + 1)
                filler = {name: values[some] for name, values in fixed.items()}
                at, held = start_from(encoder, images[some], filler, chain, plan)
                mine = [each.of(some) for each in asked]
                encoder.score(images[some], mine, REPLACED, held, cells=receive(0, k), at=at)
    else:
        points = plan.points().followed_by(plan.holes.one_by_one(), alone)
        encoder.score(images, targets, COVERED, points, fixed, cells=receive(0))
    off = max(each.off for each in found)
    refused = None if off <= _TOLERANCE else f"a covered patch differs by {off:.2g} of the largest value"
    return [Scores(each.before, each.after, plan.passes, chain) for each in found], refused


class _Tiles:
    """Puts one target's scores together, pass by pass, so that the cells of one pass only are in memory."""

    def __init__(self, target: Target, plan: Tiling, size: int, images: int) -> None:
        where = plan.holes
        self.plan = plan
        self.checked = sorted({0, where.count // 3, where.count // 2 + len(where.columns) // 2, where.count - 1})
        self.checked = [hole for hole in self.checked if hole < where.count]
        self.before = np.empty(images)
        self.after = np.empty((images, len(where.rows), len(where.columns)))
        self._target, self._size = target, size
        self._untouched: NDArray[np.floating] = np.empty(0)
        self._alone = np.empty((images, len(self.checked)))

    def take(self, point: int, images: slice, terms: NDArray[np.floating]) -> None:
        """Take the cells of some images, (images, rows, columns, terms): unchanged, then passes, then holes alone."""
        if point == 0:
            self._untouched = terms.copy()
            self.before[images] = self._score(terms.sum(axis=(1, 2), dtype=np.float64))
        elif point <= self.plan.passes:
            rows, columns = self.plan.members(point - 1)
            sums = self.plan.sums(point - 1, terms, self._untouched)
            self.after[images][:, rows[:, None], columns] = self._score(sums)
        else:
            self._alone[images, point - 1 - self.plan.passes] = self._score(terms.sum(axis=(1, 2), dtype=np.float64))

    @property
    def off(self) -> float:
        """By which share of the largest value do the holes that were also cut alone differ?"""
        together = self.after.reshape(len(self.after), -1)[:, self.checked]
        largest = np.abs(self.after - self.before[:, None, None]).max()
        return float(np.abs(together - self._alone).max() / max(largest, 1e-12))

    def _score(self, sums: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(self._target.cover.combine(tuple(np.moveaxis(sums, -1, 0)), self._size))
