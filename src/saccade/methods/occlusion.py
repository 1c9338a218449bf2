"""Occlusion: cover a part, see how much of the code changes; exact and fast by tiling many holes into one picture."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from saccade.encoder import Encoder
from saccade.errors import InputError, SaccadeWarning
from saccade.methods.filler import filled_with
from saccade.methods.filler import filler as filling
from saccade.methods.method import Array, Map, method
from saccade.methods.scale import cell_size
from saccade.methods.smoothing import gaussian_blur
from saccade.paths import COVERED, Arrays
from saccade.targets import Target
from saccade.tiling import Holes, Tiling, holes, tilings

_TOLERANCE = 1e-4
"""Tiled and plain values may differ by this share of the largest value: float32's rounding, far below a wrong cell."""


@method(
    title="Occlusion",
    plain="cover and see: hide one patch after another; where hiding matters most, the picture glows",
    source="Zeiler and Fergus (2014), arXiv:1311.2901; tiling by receptive fields is ours",
    passes="about (field of a patch / step)² forwards at any picture size; one per patch without tiling",
    together=True,
)
def occlusion(
    encoder: Encoder,
    images: Array,
    targets: Sequence[Target],
    *,
    patch: int | tuple[int, int] | None = None,
    stride: int | tuple[int, int] | None = None,
    filler: str | float = "blur",
    blur: float | None = None,
    low_pass: float | None = None,
    tiled: bool = True,
) -> list[Map]:
    """How much does each target change when this place is covered?

    For each hole h: m(h) = change of the target between x and x with h filled; a pixel shows the mean of the holes over
    it. For the whole code the change is |f(x') - f(x)|² / |f(x)|², the share of the code that changes.

    Args:
        encoder: The model and its code.
        images: (images, height, width, channels).
        targets: What is explained; all of them are scored on the same covered pictures.
        patch: Side of a hole in pixels; by default one code cell.
        stride: Step between holes in pixels; by default half a patch.
        filler: What the hole shows: `"blur"` (the picture's own blur: nothing new is painted in), `"local_mean"` (the
            mean of the patch-sized neighbourhood of each pixel), `"mean"` (the picture's mean colour), `"black"`,
            `"grey"`, `"white"`, or a pixel value. A constant lights up whatever differs from it, such as a bare wall.
        blur: Standard deviation in pixels of the blurred filler; by default one patch.
        low_pass: Standard deviation in pixels of the smoothing of the view; by default half a stride, which hides the
            edges of the holes and nothing else. 0 shows the mean of the holes over each pixel as it is.
        tiled: Cut many holes into one picture where the code's receptive fields allow it. The result is the same;
            a few holes are always computed both ways and compared.

    Returns:
        For each target a map per pixel; `raw` is (images, hole rows, hole columns). Unsigned for the whole code,
        signed otherwise.

    Raises:
        InputError: A patch that does not fit the picture, a stride below 1.
        UnknownName: No such filler.
    """
    size = (images.shape[1], images.shape[2])
    together: dict[tuple[tuple[int, int], tuple[int, int]], list[int]] = {}
    for number, target in enumerate(targets):
        side = _pair(patch, cell_size(encoder, size, target), "patch")
        step = _pair(stride, (max(1, side[0] // 2), max(1, side[1] // 2)), "stride")
        if side[0] > size[0] or side[1] > size[1]:
            raise InputError(
                f"a patch of {side[0]}x{side[1]} px does not fit into a picture of {size[0]}x{size[1]} px."
            )
        together.setdefault((side, step), []).append(number)
    maps: dict[int, Map] = {}
    for (side, step), numbers in together.items():
        width = float(max(side)) if blur is None else blur
        fixed = {"filler": filling(encoder, images, filler, patch=side, blur=width)}
        where = holes(size, side, step)
        found, note = _covered(encoder, images, [targets[number] for number in numbers], where, fixed, tiled)
        sigma = min(step) / 2 if low_pass is None else low_pass
        notes = [
            f"holes of {side[0]}x{side[1]} px every {step[0]}x{step[1]} px, filled with {filled_with(filler, width)}"
        ]
        notes += [note] if note else []
        notes += [f"smoothed with {sigma:g} px for the view"] if sigma else []
        for number, scores in zip(numbers, found, strict=True):
            target = targets[number]
            loss = scores.before[:, None, None] - scores.after
            values = -loss if target.grows else loss
            maps[number] = Map(
                values=gaussian_blur(where.spread(values), sigma),
                raw=values.astype(np.float32),
                units=target.cover_units,
                signed=not target.grows,
                notes=tuple(notes),
                settings={
                    "patch": side,
                    "stride": step,
                    "filler": filler,
                    "blur": width if filler == "blur" else None,
                    "low_pass": sigma,
                    "tiled": scores.passes < where.count,
                    "passes": scores.passes,
                    "holes": where.count,
                },
                scores={"score": scores.before},
            )
    return [maps[number] for number in range(len(targets))]


@dataclass(frozen=True)
class _Scores:
    """One target's scores without a hole (images,) and with each hole (images, rows, columns), and the passes taken."""

    before: NDArray[np.float64]
    after: NDArray[np.float64]
    passes: int


def _covered(
    encoder: Encoder, images: Array, targets: Sequence[Target], where: Holes, fixed: Arrays, tiled: bool
) -> tuple[list[_Scores], str | None]:
    """The scores of targets under the same holes, and what is to be said about how they were computed."""
    if not tiled:
        return _plain(encoder, images, targets, where, fixed), None
    note = "computed hole by hole: every cell of the code sees too much of the picture to share passes"
    layers = {encoder.place(target) for target in targets}
    plans = tilings(encoder.dataflow(*where.size), sorted(layers), where)
    passes = next(iter(plans.values())).passes
    if passes < where.count and all(target.cover.tiles for target in targets):
        tiles = _tiled(encoder, images, targets, plans, fixed)
        off = max(each.off for each in tiles)
        if off <= _TOLERANCE:
            return [_Scores(each.before, each.after, passes) for each in tiles], None
        warnings.warn(
            f"tiling does not hold for this model (a covered patch differs by {off:.2g} of the largest value); "
            "computed the plain way instead.",
            SaccadeWarning,
            stacklevel=4,
        )
        note = "tiling was tried and refused; computed hole by hole"
    elif passes < where.count:
        note = "computed hole by hole: a target is a number of the whole code, of which no part can be exchanged"
    return _plain(encoder, images, targets, where, fixed), note


def _plain(encoder: Encoder, images: Array, targets: Sequence[Target], where: Holes, fixed: Arrays) -> list[_Scores]:
    """Every hole in a picture of its own."""
    shape = (len(images), len(where.rows), len(where.columns))
    scores = encoder.score(images, targets, COVERED, where.one_by_one(), fixed)
    return [_Scores(each[0], each[1:].T.reshape(shape), where.count) for each in scores]


def _tiled(
    encoder: Encoder, images: Array, targets: Sequence[Target], plans: dict[str, Tiling], fixed: Arrays
) -> list[_Tiles]:
    """Many holes a picture; a few of them also alone, in the same run, to be compared."""
    found = []
    for target in targets:
        layer = encoder.place(target)
        found.append(_Tiles(target, plans[layer], encoder.code_size(layer, images), len(images)))
    points = (
        found[0].plan.points().followed_by(found[0].plan.holes.one_by_one(), [1 + each for each in found[0].checked])
    )

    def receive(number: int, at: slice, some: slice, terms: Array) -> None:
        for point, each in zip(range(at.start, at.stop), terms, strict=True):
            found[number].take(point, some, each)

    encoder.score(images, targets, COVERED, points, fixed, cells=receive)
    return found


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
        """Take the cells of some images, (images, rows, columns, terms): untouched, then passes, then holes alone."""
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


def _pair(given: int | tuple[int, int] | None, default: tuple[int, int], name: str) -> tuple[int, int]:
    if given is None:
        return default
    pair = (given, given) if isinstance(given, int) else (int(given[0]), int(given[1]))
    if min(pair) < 1:
        raise InputError(f"{name}={given}: give 1 pixel or more.")
    return pair
