"""Holes grow on their way through the layers, so early layers let more of them share a pass than the code does.

16 px holes every 8 px of the reference net need 9 passes up to its second pooling, 16 up to the third, and 49 only from
there on. The way to the code is therefore walked in stages: each computes one layer for all holes, as many in a pass as
that layer allows, and the next one starts from the unchanged layer with the footprints of its own holes pasted in.
Where the code sees everything, as behind a dense layer, what comes before is shared all the same, and only the rest is
computed hole by hole. The result is that of covering the image; only the work is less.

Which layers to stop at is found by counting the numbers that are computed and pasted.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import numpy as np

from saccade.models.places import Places
from saccade.occlusion.tiling import Holes, Tiling, apart
from saccade.run import Run
from saccade.targets.paths import COVERED, REPLACED, Arrays, Path, Points
from saccade.typing import Array, Tensor

_PASTED = 3
"""What a pasted number costs, in computed ones: it is copied, brought to the device and read there."""
WORTH_A_PICTURE, WORTH_IN_ALL = 2**22, 2**26
"""So many numbers must be spared for an image, and for all of them: stages cost questions, and tracing them."""
WORTH_ON_ACCELERATOR = 2**29
"""The same for an image on an accelerator: it computes so many in the time that the questions of stages take."""


@dataclass(frozen=True)
class Stage:
    """A layer that is computed for all holes, and which of them share a pass up to there.

    Attributes:
        layer: Its path.
        plan: Which holes share a pass, and their footprints on the layer.
        numbers: How many numbers the layer holds for one image.
    """

    layer: str
    plan: Tiling
    numbers: int

    @property
    def bytes(self) -> int:
        """What the layer takes for all passes, and without a hole."""
        return 4 * self.numbers * (1 + self.plan.passes)


def stages(run: Run, images: Array, read: Collection[str], last: Tiling) -> tuple[Stage, ...]:
    """Where should the way to what is read be cut? Nowhere, if little is spared.

    Args:
        run: The call, on an encoder.
        images: (images, height, width, channels); each is walked through the stages by itself.
        read: The layers that are read in the end.
        last: Which holes share a pass there.
    """
    if run.encoder.network.fixed_batch is not None:
        return ()
    paths = list(run.encoder.layers)
    # Everything up to the last layer that is read has to be computed; what lies in between may be a stage.
    paths = paths[: 1 + max(paths.index(each) for each in read)]
    sizes = {path: run.encoder.layer_size(path, images) for path in paths}
    worth = WORTH_ON_ACCELERATOR if run.engine.backend.is_accelerator else WORTH_A_PICTURE
    if last.passes * sum(sizes.values()) < worth:
        return ()
    memory = run.engine.memory // 4
    candidates = [
        each
        for each in _candidates(run, sizes, read, last.holes)
        if each.plan.passes < last.passes and 2 * each.bytes <= memory
    ]
    cost, chain = cheapest(candidates, sizes, last.passes)
    spared = last.passes * sum(sizes.values()) - cost
    return chain if spared >= worth and spared * len(images) >= WORTH_IN_ALL else ()


def cheapest(candidates: Sequence[Stage], sizes: Mapping[str, int], passes: int) -> tuple[float, tuple[Stage, ...]]:
    """The chain of stages that computes and pastes the fewest numbers, and how many.

    Args:
        candidates: Every layer that may be a stage, in the order of computation.
        sizes: How many numbers each layer has for one image, in the order of computation, up to the last one.
        passes: How many passes the last one takes.
    """
    order = list(sizes)
    total = list(accumulate(sizes.values(), initial=0))
    ways: list[tuple[float, int, tuple[Stage, ...]]] = [(0.0, 0, ())]

    def through(place: int, passes: int) -> tuple[float, tuple[Stage, ...]]:
        """The best way to have the first so many layers computed, the last of them in so many passes."""
        costs = []
        for spent, before, chain in ways:
            pasted = _PASTED * chain[-1].numbers if chain else 0
            # What lies before a stage is computed once more on the way to it.
            costs.append((spent + total[before] + passes * (total[place] - total[before] + pasted), chain))
        return min(costs, key=lambda each: each[0])

    for stage in candidates:
        place = 1 + order.index(stage.layer)
        cost, chain = through(place, stage.plan.passes)
        ways.append((cost, place, (*chain, stage)))
    return through(len(order), passes)


def start_from(run: Run, image: Array, fixed: Arrays, chain: tuple[Stage, ...], last: Tiling) -> tuple[str, Points]:
    """Walk all stages for one image.

    Args:
        run: The call, on an encoder.
        image: (1, height, width, channels).
        fixed: The filler of the holes, as for the path COVERED.
        chain: The stages, at least one.
        last: Which holes share a pass in the end.

    Returns:
        The last stage's layer, and its values as points of the path REPLACED: unchanged, then one for each pass.
    """
    path: Path = COVERED
    points: Points = chain[0].plan.points
    at: str | None = None
    for stage, after in zip(chain, [*(each.plan for each in chain[1:]), last], strict=True):
        (values,) = run.layers_along(image, [stage.layer], path, points, fixed, at=at, must_share=True)
        path, points, at, fixed = REPLACED, Pasted(values, stage.plan, after), stage.layer, {}
    return chain[-1].layer, points


class Pasted:
    """A layer as it is unchanged, then once for every pass, with the footprints of the holes of that pass pasted in.

    Args:
        values: The layer's values unchanged and in every pass up to it, (1 + passes, rows, columns, channels): an
            array, or a tensor on an accelerator.
        before: Which holes shared those passes.
        after: Which holes share a pass from here on.
    """

    def __init__(self, values: Array | Tensor, before: Tiling, after: Tiling) -> None:
        self._values, self._before, self._after = values, before, after
        self._row_group = {row: number for number, group in enumerate(before.row_groups) for row in group}
        self._column_group = {column: number for number, group in enumerate(before.column_groups) for column in group}

    def __len__(self) -> int:
        """How many steps there are."""
        return 1 + self._after.passes

    def take(self, start: int, stop: int) -> Arrays:
        """The values of some steps, (steps, 1, rows, columns, channels)."""
        pasted = np.empty((stop - start, 1, *self._values.shape[1:]), np.float32)
        pasted[:] = self._values[0]
        for step, into in zip(range(start, stop), pasted[:, 0], strict=True):
            for number, down, across in self._footprints(step - 1) if step else ():
                into[down, across] = self._values[number, down, across]
        return {"values": pasted}

    def make(self, backend: Any, start: int, stop: int) -> dict[str, Tensor]:
        """The same values as `take` gives, pasted together on the backend's own device."""
        passes, rows, columns, channels = (int(size) for size in self._values.shape)
        source = np.zeros((stop - start, rows, columns), np.int32)
        for step, into in zip(range(start, stop), source, strict=True):
            for number, down, across in self._footprints(step - 1) if step else ():
                into[down, across] = number
        cells = source * np.int32(rows * columns) + np.arange(rows * columns, dtype=np.int32).reshape(rows, columns)
        flat = backend.reshape(self._values, (passes * rows * columns, channels))
        pasted = backend.take(flat, backend.indices(cells.reshape(stop - start, -1)))
        return {"values": backend.reshape(pasted, (stop - start, 1, rows, columns, channels))}

    def _footprints(self, number: int) -> Iterator[tuple[int, slice, slice]]:
        """What is pasted for a pass: from which of the values, and where."""
        rows, columns = self._after.members(number)
        # Where footprints of two holes of a pass meet, nothing that comes after reads: it would see both.
        for row in rows.tolist():
            numbers = self._before.numbers[self._row_group[row]]
            down = slice(*self._before.row_footprints[row])
            for column in columns.tolist():
                across = slice(*self._before.column_footprints[column])
                yield 1 + int(numbers[self._column_group[column]]), down, across


def _candidates(run: Run, sizes: Mapping[str, int], read: Collection[str], where: Holes) -> Iterator[Stage]:
    """Every layer at which the holes can be stopped at: it has places, and is the only way to what is read."""
    flow = run.encoder.dataflow(*where.size)
    reached = [
        [flow.footprints(axis, (start, start + where.patch[axis])) for start in starts]
        for axis, starts in ((0, where.rows), (1, where.columns))
    ]
    for path, numbers in sizes.items():
        places, grid = flow.places(path), flow.grid(path)
        if (
            places is not None
            and grid is not None
            and places == Places(*grid)
            and path not in read
            and all(flow.is_cut(path, each) for each in read)
        ):
            rows, columns = (tuple(each[path] for each in axis) for axis in reached)
            yield Stage(path, Tiling(where, apart(rows), apart(columns), rows, columns), numbers)
