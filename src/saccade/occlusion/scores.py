"""How targets score while a hole lies over the image: many holes a pass where that gives the exact answer.

Whatever way is taken, a few holes are also computed alone in the same call and compared; if they differ, a plainer way
is taken.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from saccade.engines import OnChunk
from saccade.errors import Cancelled, MemoryBudgetError, SaccadeWarning
from saccade.occlusion.stages import Stage, stages, start_from
from saccade.occlusion.tiling import Holes, Tiling, one_each, tilings
from saccade.run import Run
from saccade.targets import Target
from saccade.targets.paths import COVERED, REPLACED, Arrays
from saccade.typing import Array

_TOLERANCE = 1e-4
"""Shared and lone holes may differ by this share of the largest value: float32's rounding, far below a wrong cell."""
_TOGETHER = 2**15
"""Cells whose sums are worked out together, in float64."""


@dataclass(frozen=True)
class OcclusionScores:
    """One target's scores.

    Attributes:
        before: Without a hole, (images,).
        after: With each hole, (images, hole rows, hole columns).
        passes: How many images were encoded, or taken up at the last stage.
        stages: The layers that were computed for all holes on the way, each in fewer passes.
    """

    before: NDArray[np.float64]
    after: NDArray[np.float64]
    passes: int
    stages: tuple[Stage, ...] = ()


OnOcclusionScores = Callable[[int, Callable[[], list[OcclusionScores]]], None]
"""Gets how many passes are done, and what makes every target's scores so far of them.

A hole that is still to be computed has the score of the nearest one that is.
"""


def occlusion_scores(
    run: Run,
    images: Array,
    targets: Sequence[Target],
    where: Holes,
    fixed: Arrays,
    *,
    tiled: bool,
    on_scores: OnOcclusionScores | None = None,
) -> tuple[list[OcclusionScores], tuple[str, ...]]:
    """The scores of targets under the same holes, and what is to be said about how they were computed.

    Args:
        run: The call, on an encoder.
        images: (images, height, width, channels).
        targets: What is scored.
        where: The holes.
        fixed: Their filler, as for the path COVERED.
        tiled: Let holes share passes.
        on_scores: Gets the scores so far, coarse to fine.
    """
    run.expect(0)
    if not tiled:
        return _one_by_one(run, images, targets, where, fixed, on_scores), ()
    plans, why_alone = _plans(run, targets, where)
    # A target on the output compares it with the covered image itself, which stages do not see.
    can_stage = run.encoder.capabilities.taps and all(target.reads == "code" for target in targets)
    chain = stages(run, images, list(plans), next(iter(plans.values()))) if can_stage else ()
    notes = []
    if chain:
        try:
            scores, mismatch = _shared(run, images, targets, plans, fixed, chain, on_scores)
        except (Cancelled, MemoryBudgetError):
            raise
        except Exception as error:
            # A model that carries something of the image past its layers cannot be taken up in between; if it is
            # another matter, the whole way meets it again.
            mismatch = type(error).__name__
        if not mismatch:
            return scores, (f"computed hole by hole from {chain[-1].layer} on: {why_alone}",) if why_alone else ()
        notes = [f"every pass goes the whole way: the model cannot be taken up at {chain[-1].layer} ({mismatch})"]
    if why_alone:
        notes.append(f"computed hole by hole: {why_alone}")
    else:
        scores, mismatch = _shared(run, images, targets, plans, fixed, (), on_scores)
        if not mismatch:
            return scores, tuple(notes)
        warnings.warn(
            f"tiling does not hold for this model ({mismatch}); computed the plain way instead.",
            SaccadeWarning,
            stacklevel=4,
        )
        notes.append("tiling was tried and refused; computed hole by hole")
    return _one_by_one(run, images, targets, where, fixed, on_scores), tuple(notes)


def passes_of(run: Run, targets: Sequence[Target], where: Holes) -> int:
    """How many images must be encoded for these holes?"""
    plans, _ = _plans(run, targets, where)
    return max(plan.passes for plan in plans.values())


def _plans(run: Run, targets: Sequence[Target], where: Holes) -> tuple[Mapping[str, Tiling], str | None]:
    """For each layer that is read which holes share a pass; and why, if none do."""
    layers = tuple(sorted({run.encoder.layer_of(target) for target in targets}))
    plans = tilings(run.encoder.dataflow(*where.size), layers, where)
    if plans[layers[0]].passes >= where.count:
        reason = "every cell of the code sees too much of the image to share passes"
    elif not all(target.tiles for target in targets):
        reason = "a target is a number of the whole code, of which no part can be exchanged"
    else:
        return plans, None
    return dict.fromkeys(layers, one_each(where)), reason


def _one_by_one(
    run: Run,
    images: Array,
    targets: Sequence[Target],
    where: Holes,
    fixed: Arrays,
    on_scores: OnOcclusionScores | None,
) -> list[OcclusionScores]:
    """Every hole in an image of its own."""
    plans = dict.fromkeys([run.encoder.layer_of(target) for target in targets], one_each(where))
    scores, _ = _shared(run, images, targets, plans, fixed, (), on_scores)
    return scores


def _shared(
    run: Run,
    images: Array,
    targets: Sequence[Target],
    plans: Mapping[str, Tiling],
    fixed: Arrays,
    chain: tuple[Stage, ...],
    on_scores: OnOcclusionScores | None,
) -> tuple[list[OcclusionScores], str | None]:
    """Some holes a pass, in stages or from the image on; and what is wrong with it, judged by a few lone holes."""
    assemblies = []
    for target in targets:
        layer = run.encoder.layer_of(target)
        assemblies.append(_Assembly(target, plans[layer], run.encoder.layer_size(layer, images), len(images), chain))
    plan = assemblies[0].plan
    run.expect(len(images) * (2 + len(assemblies[0].checked) + plan.passes))
    # Where every hole is alone already, or only stages share passes, there is something to compare only with stages.
    lone = [1 + hole for hole in assemblies[0].checked] if chain or plan.row_footprints else []
    objectives = run.objectives(images, targets)

    def receive(first_point: int, first_image: int = 0) -> OnChunk:
        def on_chunk(number: int, points: slice, some: slice, terms: Array) -> None:
            rows = slice(first_image + some.start, first_image + some.stop)
            assemblies[number].take(first_point + points.start, rows, terms)
            # The first target's terms come last for a piece only where it is the only one.
            is_whole_piece = number == len(assemblies) - 1 and rows.stop == len(images)
            if on_scores is not None and is_whole_piece and 0 < assemblies[0].done < plan.passes:
                on_scores(assemblies[0].done, lambda: [assembly.so_far() for assembly in assemblies])

        return on_chunk

    refined = on_scores is not None
    if chain:
        alone = plan.holes.one_by_one().only(lone)
        run.score(images, objectives, COVERED, alone, fixed, on_chunk=receive(1 + plan.passes))
        with run.reserved(sum(stage.bytes for stage in chain)):
            for k in range(len(images)):
                some = slice(k, k + 1)
                filler = {name: values[some] for name, values in fixed.items()}
                at, points = start_from(run, images[some], filler, chain, plan)
                objectives_here = [objective.select(some) for objective in objectives]
                run.score(
                    images[some], objectives_here, REPLACED, points, at=at, on_chunk=receive(0, k), refined=refined,
                    must_share=True,
                )  # fmt: skip
    else:
        patterns = plan.points.followed_by(plan.holes.one_by_one(), lone)
        run.score(images, objectives, COVERED, patterns, fixed, on_chunk=receive(0), refined=refined)
    error = max(assembly.error for assembly in assemblies) if lone else 0.0
    mismatch = None if error <= _TOLERANCE else f"a covered patch differs by {error:.2g} of the largest value"
    return [assembly.scores() for assembly in assemblies], mismatch


class _Assembly:
    """Puts one target's scores together, a few passes at a time, so that the cells of all are never in memory."""

    def __init__(self, target: Target, plan: Tiling, size: int, images: int, chain: tuple[Stage, ...]) -> None:
        where = plan.holes
        self.plan = plan
        checked = sorted({0, where.count // 3, where.count // 2 + len(where.columns) // 2, where.count - 1})
        self.checked = [hole for hole in checked if hole < where.count]
        self.done = 0
        self._before = np.empty(images)
        self._after = np.empty((images, len(where.rows), len(where.columns)))
        self._target, self._size, self._chain = target, size, chain
        self._terms_before: NDArray[np.floating] = np.empty(0)
        self._alone = np.empty((images, len(self.checked)))

    def take(self, point: int, images: slice, terms: NDArray[np.floating]) -> None:
        """Take the cells of some images from a point on: first unchanged, then passes, then holes alone.

        Args:
            point: The first point.
            images: Which images.
            terms: (points, images, rows, columns, terms).
        """
        if point == 0:
            self._terms_before = terms[0].copy()
            self._before[images] = self._score(terms[0].sum(axis=(1, 2), dtype=np.float64))
        last = 1 + self.plan.passes
        together = max(1, _TOGETHER // terms[0].size)
        for first in range(max(point, 1), min(point + len(terms), last), together):
            passes = slice(first - 1, min(first - 1 + together, point + len(terms) - 1, self.plan.passes))
            changed = terms[1 + passes.start - point : 1 + passes.stop - point]
            scores = self._score(self.plan.sums(passes, changed, self._terms_before))
            rows, columns = (members[passes] for members in self.plan.all_members)
            self._after[images][:, rows[:, :, None], columns[:, None, :]] = np.moveaxis(scores, 1, 0)
            self.done = passes.stop
        alone = slice(max(point, last), point + len(terms))
        if alone.start < alone.stop:
            scores = self._score(terms[alone.start - point :].sum(axis=(2, 3), dtype=np.float64))
            self._alone[images, alone.start - last : alone.stop - last] = scores.T

    @property
    def error(self) -> float:
        """By which share of the largest value do the holes that were also computed alone differ?"""
        together = self._after.reshape(len(self._after), -1)[:, self.checked]
        largest = np.abs(self._after - self._before[:, None, None]).max()
        return float(np.abs(together - self._alone).max() / max(largest, 1e-12))

    def scores(self) -> OcclusionScores:
        """The scores, once all passes are done."""
        return OcclusionScores(self._before, self._after, self.plan.passes, self._chain)

    def so_far(self) -> OcclusionScores:
        """The scores after the passes that are done for all images, every other hole like the nearest of those."""
        is_filled = np.zeros(self._after.shape[1:], np.bool_)
        for number in range(self.done):
            rows, columns = self.plan.members(number)
            is_filled[rows[:, None], columns] = True
        return OcclusionScores(self._before, _nearest(self._after, is_filled), self.done, self._chain)

    def _score(self, sums: NDArray[np.float64]) -> NDArray[np.float64]:
        return self._target.occlusion_measure.number(tuple(np.moveaxis(sums, -1, 0)), self._size)


def _nearest(values: NDArray[np.float64], is_filled: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Values (images, rows, columns), each unknown one replaced by the nearest known one."""
    rows, columns = np.nonzero(is_filled)
    grid = np.indices(is_filled.shape)
    nearest = np.empty(is_filled.shape, np.int64)
    for row in range(is_filled.shape[0]):  # one row at a time, so that no table of all pairs lies in memory
        distance = (grid[0][row][:, None] - rows) ** 2 + (grid[1][row][:, None] - columns) ** 2
        nearest[row] = distance.argmin(axis=1)
    return np.asarray(values[:, rows[nearest], columns[nearest]])
