"""How an input moves while it is explained: it stays, walks from a baseline, trembles, or is covered in places.

A path makes many pictures out of one. What belongs to a picture (its baseline, its filler) is `fixed`; what belongs to
one step (a time, a noise pattern, a pattern of holes) is a point. Both are small arrays, so that pictures go to the
device once. The arithmetic uses operators only and so runs in numpy, TensorFlow, PyTorch and JAX alike.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Tensor = Any
Arrays = Mapping[str, NDArray[np.float32]]


class Points(Protocol):
    """The steps along a path; made piece by piece, so that they never all lie in memory."""

    def __len__(self) -> int:
        """How many steps there are."""
        ...

    def take(self, start: int, stop: int) -> Arrays:
        """The steps from `start` up to `stop`; the first axis of every array is the step."""
        ...


@dataclass(frozen=True)
class ArrayPoints:
    """Steps that are small enough to be written down."""

    arrays: Arrays

    def __len__(self) -> int:
        """How many steps there are."""
        return len(next(iter(self.arrays.values())))

    def take(self, start: int, stop: int) -> Arrays:
        """The steps from `start` up to `stop`."""
        return {name: values[start:stop] for name, values in self.arrays.items()}


@dataclass(frozen=True)
class NormalPoints:
    """Standard normal noise in antithetic pairs: every second pattern is the negative of the one before.

    Pairs cancel the noise's first-order effect exactly, so the same number of samples leaves less error in a mean, and
    only half of the noise has to be drawn. The pattern of a step depends on the seed and the step alone, never on how
    the work was cut into pieces.
    """

    seed: int
    samples: int
    shape: tuple[int, int, int]

    def __len__(self) -> int:
        """How many patterns there are."""
        return self.samples

    def take(self, start: int, stop: int) -> Arrays:
        """The patterns from `start` up to `stop`, as (patterns, height, width, channels)."""
        noise = np.empty((stop - start, *self.shape), np.float32)

        def draw(pair: int) -> None:
            first = 2 * pair - start
            row = noise[max(first, 0)]
            np.random.default_rng([self.seed, pair]).standard_normal(out=row, dtype=np.float32)
            if first < 0:
                np.negative(row, out=row)
            elif first + 1 < len(noise):
                np.negative(row, out=noise[first + 1])

        with ThreadPoolExecutor(2) as drawing:
            list(drawing.map(draw, range(start // 2, (stop + 1) // 2)))
        return {"noise": noise}


@dataclass(frozen=True)
class Path:
    """A named way of moving pictures.

    Attributes:
        name: Stands for the path where compiled functions are kept.
        move: `move(images, fixed, points) -> (points, images, height, width, channels)`.
    """

    name: str
    move: Callable[[Tensor, Mapping[str, Tensor], Mapping[str, Tensor]], Tensor]


def _stay(images: Tensor, fixed: Mapping[str, Tensor], points: Mapping[str, Tensor]) -> Tensor:  # noqa: ARG001
    return images[None]


def _straight(images: Tensor, fixed: Mapping[str, Tensor], points: Mapping[str, Tensor]) -> Tensor:
    baseline = fixed["baseline"]
    return baseline[None] + points["times"][:, None, None, None, None] * (images - baseline)[None]


def _jittered(images: Tensor, fixed: Mapping[str, Tensor], points: Mapping[str, Tensor]) -> Tensor:
    return images[None] + fixed["scale"][None, :, None, None, None] * points["noise"][:, None]


def _covered(images: Tensor, fixed: Mapping[str, Tensor], points: Mapping[str, Tensor]) -> Tensor:
    holes = points["rows"][:, None, :, None, None] * points["columns"][:, None, None, :, None]
    return images[None] + holes * (fixed["filler"] - images)[None]


STAY = Path("stay", _stay)
"""The picture as it is; one point, `{"nothing": [0]}`."""

STRAIGHT = Path("straight", _straight)
"""From a baseline to the picture; points `times` in 0..1, fixed `baseline` (images, height, width, channels)."""

JITTERED = Path("jittered", _jittered)
"""The picture plus noise; points `noise` (points, height, width, channels), fixed `scale` (images,)."""

COVERED = Path("covered", _covered)
"""Holes filled from a picture; points `rows` and `columns` (0 or 1, the hole is their product), fixed `filler`."""

ONCE = ArrayPoints({"nothing": np.zeros(1, np.float32)})
"""The one point of `STAY`."""
