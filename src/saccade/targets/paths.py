"""How an input moves while it is explained: it stays, goes from a baseline to itself, gets noise, or is covered.

A path makes many images out of one. What belongs to an image (its baseline, its filler) is `fixed`; what belongs to
one step (a time, a noise pattern, a pattern of holes) is a point. Both are small arrays, so that images go to the
device once. The arithmetic uses operators only and so runs in numpy, TensorFlow, PyTorch and JAX alike.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from saccade.typing import Tensor

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
class Path:
    """A named way of moving images.

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


def _stratified(images: Tensor, fixed: Mapping[str, Tensor], points: Mapping[str, Tensor]) -> Tensor:
    within = (fixed["phase"][None] + points["shift"][:, None]) % 1.0
    times = (points["stratum"][:, None] + within) * points["length"][:, None]
    baseline = fixed["baseline"]
    return baseline[None] + times[:, :, None, None, None] * (images - baseline)[None]


def _noisy(images: Tensor, fixed: Mapping[str, Tensor], points: Mapping[str, Tensor]) -> Tensor:
    return images[None] + fixed["scale"][None, :, None, None, None] * points["noise"][:, None]


def _covered(images: Tensor, fixed: Mapping[str, Tensor], points: Mapping[str, Tensor]) -> Tensor:
    holes = points["rows"][:, None, :, None, None] * points["columns"][:, None, None, :, None]
    return images[None] + holes * (fixed["filler"] - images)[None]


def _masked(images: Tensor, fixed: Mapping[str, Tensor], points: Mapping[str, Tensor]) -> Tensor:
    masks = (points["rows"] @ points["grid"] @ points["columns"])[:, None, :, :, None]
    return fixed["filler"][None] + masks * (images - fixed["filler"])[None]


def _ranked(images: Tensor, fixed: Mapping[str, Tensor], points: Mapping[str, Tensor]) -> Tensor:
    distance = points["cut"][:, None, None, None] - fixed["rank"][None]
    shown = 0.5 + 0.5 * points["side"][:, None, None, None] * distance / abs(distance)
    return fixed["filler"][None] + shown[:, :, :, :, None] * (images - fixed["filler"])[None]


def _replaced(images: Tensor, fixed: Mapping[str, Tensor], points: Mapping[str, Tensor]) -> Tensor:  # noqa: ARG001
    return points["values"]


STAY = Path("stay", _stay)
"""The image as it is; one point, `{"nothing": [0]}`."""

STRAIGHT = Path("straight", _straight)
"""From a baseline to the image; points `times` in 0..1, fixed `baseline` (images, height, width, channels)."""

STRATIFIED = Path("stratified", _stratified)
"""From a baseline to the image, at a time of its own for every image in every stratum of the way.

The time is `(stratum + (phase + shift) % 1) * length`: points `stratum` (0, 1, ...), `shift` and `length` (1 / strata),
fixed `phase` (images,) in 0..1 and `baseline`. No `phase + shift` may be whole, where rounding would decide.
"""

NOISY = Path("noisy", _noisy)
"""The image plus noise; points `noise` (points, height, width, channels), fixed `scale` (images,)."""

COVERED = Path("covered", _covered)
"""Holes filled from an image; points `rows` and `columns` (0 or 1, the hole is their product), fixed `filler`."""

MASKED = Path("masked", _masked)
"""The image where a soft mask is 1, the fixed `filler` where it is 0; the mask is `rows @ grid @ columns`.

Points `rows` (points, height, m), `grid` (points, m, n), `columns` (points, n, width): masks come small and grow on the
device, so that full-size ones are never made on the host and never all lie in memory.
"""

RANKED = Path("ranked", _ranked)
"""The pixels on one side of a cut through their ranks; the others are filled.

Fixed `rank` (images, height, width) in 0..1, the most important first, and `filler` like the images; points `cut`,
never equal to a rank, and `side`: 1 shows the pixels ranked before the cut (insertion), -1 those after it (deletion).
"""

REPLACED = Path("replaced", _replaced)
"""Other values in place of one image's, or of its values at a layer; points `values` (points, 1, ...)."""

ONCE = ArrayPoints({"nothing": np.zeros(1, np.float32)})
"""The one point of `STAY`."""
