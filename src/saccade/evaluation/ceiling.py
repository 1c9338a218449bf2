"""How good could any map be? The best order of blocks that a search finds, from the maps and from nothing.

The score is the mean, over the cuts of an order, of how much more like itself the image stays by the pixels in front
of the cut than by those behind it. The search looks at that number itself, in two ways. It begins with nothing: the
blocks that raise it most come first. And it begins with the best map of the photo and improves it by swaps: at every
cut, blocks just before it change places with blocks just behind it where that raises the number at this cut; the other
cuts do not see it.

What is found is no bound: a better order may exist. It is what a map could score, shown by an order that does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from saccade.engines import Objective
from saccade.run import Run
from saccade.targets.paths import ONCE, STAY
from saccade.typing import Array

BLOCKS = 16
"""Blocks a side, at most."""
_COARSE = 8
"""Blocks a side in the search from nothing, at most."""
_CHOSEN = 16
"""Coarse blocks that are chosen in one round, the best by themselves."""
_TRIED = 16
"""Blocks on either side of a cut whose swap is tried, those next to it."""
_AT_ONCE = 16
"""Sets of blocks that are computed together."""

Order = NDArray[np.intp]
Sets = NDArray[np.bool_]


@dataclass(frozen=True)
class OrderSearch:
    """Looking for the best order of one image's blocks.

    Attributes:
        run: The call, on an encoder.
        image: (1, height, width, channels).
        objective: The similarity to its own code.
        fillers: What stands in for hidden blocks, by name, like the image; the similarities with all are averaged.
        parts: In how many parts of equal size the blocks come.
    """

    run: Run
    image: Array
    objective: Objective
    fillers: Mapping[str, Array]
    parts: int
    sides: tuple[int, int] = field(init=False)
    block_of: NDArray[np.intp] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        sides = (min(BLOCKS, self.image.shape[1]), min(BLOCKS, self.image.shape[2]))
        object.__setattr__(self, "sides", sides)
        object.__setattr__(self, "block_of", _blocks(sides, (self.image.shape[1], self.image.shape[2])))

    @property
    def count(self) -> int:
        """How many blocks there are."""
        return self.sides[0] * self.sides[1]

    def maps(self, start: Array) -> tuple[Array, Array]:
        """Maps whose orders are those that were found, (height, width): from nothing, and by swaps.

        Args:
            start: The map to begin the swaps with, (height, width).
        """
        return self._map(self.from_nothing(start)), self._map(self.swapped(self.of_map(start)))

    def of_map(self, values: Array) -> Order:
        """The blocks by falling mean of a map."""
        flat = self.block_of.ravel()
        means = np.bincount(flat, values.ravel().astype(np.float64), self.count) / np.bincount(
            flat, minlength=self.count
        )
        return np.argsort(-means, kind="stable")

    def from_nothing(self, ties: Array) -> Order:
        """The blocks in the order of a greedy search over coarser ones.

        Args:
            ties: The map that orders the blocks inside of a coarse one, (height, width).
        """
        coarse = _blocks((min(_COARSE, self.sides[0]), min(_COARSE, self.sides[1])), self.sides).ravel()
        members = np.arange(coarse.max() + 1)[:, None] == coarse
        shown = np.zeros(self.count, np.bool_)
        rank = np.empty(self.count)
        left = np.arange(len(members))
        while len(left):
            worth = self.worth(shown | members[left])
            best = left[np.argsort(-worth, kind="stable")[:_CHOSEN]]
            for place, block in enumerate(best):
                rank[members[block]] = len(members) - len(left) + place
            shown = shown | members[best].any(axis=0)
            left = np.setdiff1d(left, best)
        inside = np.empty(self.count)
        inside[self.of_map(ties)] = np.arange(self.count)
        return np.lexsort((inside, rank))

    def swapped(self, order: Order) -> Order:
        """The order, improved by swaps at each cut: first at every other one, then at those between."""
        parts = np.array_split(order, self.parts)
        for first in (0, 1):
            cuts = range(first, len(parts) - 1, 2)
            shown = self._cuts(parts)
            trials = [_Trial(parts[cut], parts[cut + 1], shown[cut]) for cut in cuts]
            self._swap(trials)
            for cut, trial in zip(cuts, trials, strict=True):
                parts[cut], parts[cut + 1] = trial.before, trial.behind
        return np.concatenate(parts)

    def worth(self, sets: Sets) -> NDArray[np.float64]:
        """How much more like itself is the image by these blocks alone than without them?

        Args:
            sets: (sets, blocks), the blocks in front of a cut.
        """
        worths = np.zeros(len(sets))
        for start in range(0, len(sets), _AT_ONCE):
            some = sets[start : start + _AT_ONCE]
            # Engines compile once per shape, so the last group is filled up to the size of the others.
            filled = np.concatenate([some, np.zeros((_AT_ONCE - len(some), self.count), np.bool_)])
            masks = np.concatenate([filled, ~filled])[:, self.block_of][..., None]
            repeated = self.objective.repeated(len(masks))
            for filler in self.fillers.values():
                moved = np.where(masks, self.image, filler).astype(np.float32)
                with_them, without = np.split(self.run.score(moved, [repeated], STAY, ONCE)[0][0], 2)
                worths[start : start + len(some)] += (with_them - without)[: len(some)] / len(self.fillers)
        return worths

    def _map(self, order: Order) -> Array:
        values = np.empty(self.count, np.float32)
        values[order] = np.arange(self.count, 0, -1)
        return np.asarray(values[self.block_of])

    def _cuts(self, parts: Sequence[Order]) -> Sets:
        """The blocks in front of each cut, (cuts, blocks)."""
        shown = np.zeros((len(parts) - 1, self.count), np.bool_)
        for cut in range(len(parts) - 1):
            shown[cut:, parts[cut]] = True
        return shown

    def _swap(self, trials: Sequence[_Trial]) -> None:
        """Swap where it pays: judged block by block, then tried with all, half and one of the pairs that should pay."""
        worths = iter(np.split(self.worth(np.concatenate([trial.singles() for trial in trials])), len(trials)))
        for trial in trials:
            trial.judge(next(worths))
        worth = self.worth(np.concatenate([trial.swaps() for trial in trials]))
        for trial, worths_of_swaps in zip(trials, np.split(worth, len(trials)), strict=True):
            trial.take(worths_of_swaps)


class _Trial:
    """The swaps at one cut.

    Args:
        before: The part in front of it.
        behind: The part behind it.
        shown: All blocks in front of it, (blocks,).
    """

    def __init__(self, before: Order, behind: Order, shown: Sets) -> None:
        self.before, self.behind, self._shown = before, behind, shown
        # Each part has its order inside, so the end of one and the beginning of the other lie next to the cut.
        self._choices = min(_TRIED, len(before), len(behind))
        self._worth = 0.0
        self._out = self._in = np.empty(0, np.intp)
        self._counts: tuple[int, ...] = ()

    def singles(self) -> Sets:
        """As it is, then without each block that may go, then with each that may come; always as many."""
        sets = np.repeat(self._shown[None], 1 + 2 * _TRIED, axis=0)
        for number in range(self._choices):
            sets[1 + number, self.before[-1 - number]] = False
            sets[1 + _TRIED + number, self.behind[number]] = True
        return sets

    def judge(self, worths: NDArray[np.float64]) -> None:
        """Pair the blocks that should go with those that should come, the best pairs first."""
        self._worth = float(worths[0])
        gains = worths[1:].reshape(2, _TRIED)[:, : self._choices] - worths[0]
        going, coming = np.argsort(-gains, axis=1, kind="stable")
        self._out, self._in = self.before[-1 - going], self.behind[coming]
        pays = int((gains[0][going] + gains[1][coming] > 0).sum())
        self._counts = (pays, pays // 2, min(pays, 1))

    def swaps(self) -> Sets:
        """All pairs that should pay, the better half of them, and the best alone."""
        sets = np.repeat(self._shown[None], len(self._counts), axis=0)
        for some, count in zip(sets, self._counts, strict=True):
            some[self._out[:count]] = False
            some[self._in[:count]] = True
        return sets

    def take(self, worths: NDArray[np.float64]) -> None:
        """Do the swap that is worth most, if it is worth more than none."""
        best = int(worths.argmax())
        if worths[best] > self._worth:
            out, coming = self._out[: self._counts[best]], self._in[: self._counts[best]]
            self.before = np.concatenate([np.setdiff1d(self.before, out, assume_unique=True), coming])
            self.behind = np.concatenate([out, np.setdiff1d(self.behind, coming, assume_unique=True)])


def _blocks(blocks: tuple[int, int], size: tuple[int, int]) -> NDArray[np.intp]:
    """Which block each place lies in, (height, width)."""
    rows, columns = (np.arange(side) * count // side for side, count in zip(size, blocks, strict=True))
    return np.asarray(rows[:, None] * blocks[1] + columns)
