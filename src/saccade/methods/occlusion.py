"""Occlusion: cover a part, see how much of the code changes; exact and fast by tiling many holes into one picture."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from saccade.encoder import Encoder
from saccade.errors import InputError, SaccadeWarning, UnknownName
from saccade.methods.method import Array, Map, method
from saccade.methods.scale import cell_size
from saccade.methods.smoothing import gaussian_blur
from saccade.paths import COVERED, ArrayPoints
from saccade.targets import Target
from saccade.tiling import Holes, Tiling, holes, tiling

FILLERS = ("blur", "local_mean", "mean", "black", "white", "grey")
_TOLERANCE = 1e-4
"""Tiled and plain values may differ by this share of the largest value: float32's rounding, far below a wrong cell."""


@method(
    title="Occlusion",
    plain="cover and see: hide one patch after another; where hiding matters most, the picture glows",
    source="Zeiler and Fergus (2014), arXiv:1311.2901; tiling by receptive fields is ours",
    passes="about (field of a patch / step)² forwards at any picture size; one per patch without tiling",
)
def occlusion(
    encoder: Encoder,
    images: Array,
    target: Target,
    *,
    patch: int | tuple[int, int] | None = None,
    stride: int | tuple[int, int] | None = None,
    filler: str | float = "blur",
    blur: float | None = None,
    low_pass: float | None = None,
    tiled: bool = True,
) -> Map:
    """How much does the target change when this place is covered?

    For each hole h: m(h) = change of the target between x and x with h filled; a pixel shows the mean of the holes over
    it. For the whole code the change is |f(x') - f(x)|² / |f(x)|², the share of the code that changes.

    Args:
        encoder: The model and its code.
        images: (images, height, width, channels).
        target: What is explained.
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
        A map per pixel; `raw` is (images, hole rows, hole columns). Unsigned for the whole code, signed otherwise.

    Raises:
        InputError: A patch that does not fit the picture, a stride below 1.
        UnknownName: No such filler.
    """
    size = (images.shape[1], images.shape[2])
    side = _pair(patch, cell_size(encoder, size, target), "patch")
    step = _pair(stride, (max(1, side[0] // 2), max(1, side[1] // 2)), "stride")
    if side[0] > size[0] or side[1] > size[1]:
        raise InputError(f"a patch of {side[0]}x{side[1]} px does not fit into a picture of {size[0]}x{size[1]} px.")
    width = float(max(side)) if blur is None else blur
    fixed = {"filler": _filler(encoder, images, filler, side, width)}
    where = holes(size, side, step)
    plan = tiling(encoder.dataflow(*size), encoder.place(target), where)
    notes = [f"holes of {side[0]}x{side[1]} px every {step[0]}x{step[1]} px, filled with {_filled(filler, width)}"]
    found: _Found | None = None
    if tiled and plan.passes < where.count:
        found = _tiled(encoder, images, target, plan, fixed)
        if found.off > _TOLERANCE:
            warnings.warn(
                f"tiling does not hold for this model (a covered patch differs by {found.off:.2g} of the largest "
                "value); computed the plain way instead.",
                SaccadeWarning,
                stacklevel=2,
            )
            found = None
            notes.append("tiling was tried and refused; computed hole by hole")
    elif tiled:
        notes.append("computed hole by hole: every cell of the code sees too much of the picture to share passes")
    if found is None:
        found = _plain(encoder, images, target, where, fixed)
    sigma = min(step) / 2 if low_pass is None else low_pass
    if sigma:
        notes.append(f"smoothed with {sigma:g} px for the view")
    values = found.after - found.before[:, None, None] if target.grows else found.before[:, None, None] - found.after
    return Map(
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
            "tiled": found.passes < where.count,
            "passes": found.passes,
            "holes": where.count,
        },
        scores={"score": found.before},
    )


@dataclass(frozen=True)
class _Found:
    """Scores without a hole (images,), with each hole (images, rows, columns); passes; the recomputed holes' error."""

    before: NDArray[np.float64]
    after: NDArray[np.float64]
    passes: int
    off: float = 0.0


def _plain(encoder: Encoder, images: Array, target: Target, where: Holes, fixed: dict[str, Array]) -> _Found:
    """Every hole in a picture of its own."""
    scores = encoder.score(images, [target], COVERED, _with_none(where.one_by_one()), fixed)[0]
    after = scores[1:].T.reshape(len(images), len(where.rows), len(where.columns))
    return _Found(scores[0], after, where.count)


def _tiled(encoder: Encoder, images: Array, target: Target, plan: Tiling, fixed: dict[str, Array]) -> _Found:
    """Many holes a picture; a few of them also alone, in the same run, to be compared."""
    where = plan.holes
    alone = where.one_by_one()
    checked = sorted({0, where.count // 3, where.count // 2 + len(where.columns) // 2, where.count - 1})
    checked = [hole for hole in checked if hole < where.count]
    patterns = [_with_none(plan.points()).arrays, {name: each[checked] for name, each in alone.arrays.items()}]
    points = ArrayPoints({name: np.concatenate([part[name] for part in patterns]) for name in ("rows", "columns")})
    terms = encoder.score(images, [target], COVERED, points, fixed, cells=True)[0]
    untouched, tiles, singles = terms[0], terms[1 : 1 + plan.passes], terms[1 + plan.passes :]
    layer = encoder.place(target)
    measure, size = target.cover, encoder.code_size(layer, images)
    before = np.asarray(measure.combine(_sums(untouched), size))
    after = np.asarray(measure.combine(tuple(np.moveaxis(plan.sums(tiles, untouched), -1, 0)), size))
    again = np.stack([measure.combine(_sums(each), size) for each in singles], axis=-1)
    difference = np.abs(after.reshape(len(images), -1)[:, checked] - again).max()
    largest = np.abs(after - before[:, None, None]).max()
    return _Found(before, after, plan.passes, float(difference / max(largest, 1e-12)))


def _sums(terms: NDArray[np.floating]) -> tuple[NDArray[np.float64], ...]:
    return tuple(np.moveaxis(terms.sum(axis=(1, 2), dtype=np.float64), -1, 0))


def _with_none(points: ArrayPoints) -> ArrayPoints:
    """The same patterns behind one that covers nothing."""
    return ArrayPoints({name: np.concatenate([np.zeros_like(each[:1]), each]) for name, each in points.arrays.items()})


def _filler(encoder: Encoder, images: Array, filler: str | float, patch: tuple[int, int], width: float) -> Array:
    low, high = encoder.value_range
    constants = {"black": low, "white": high, "grey": (low + high) / 2}
    if isinstance(filler, (int, float)):
        return np.full(images.shape, filler, np.float32)
    if filler == "blur":
        return gaussian_blur(images, width)
    if filler == "local_mean":
        return _box_mean(images, patch)
    if filler == "mean":
        return np.ascontiguousarray(np.broadcast_to(images.mean(axis=(1, 2), keepdims=True), images.shape))
    if filler in constants:
        return np.full(images.shape, constants[filler], np.float32)
    raise UnknownName.of("filler", filler, FILLERS)


def _box_mean(images: Array, patch: tuple[int, int]) -> Array:
    """The mean over a patch round each pixel; edges are mirrored."""
    result = images.astype(np.float64)
    for axis, side in ((1, patch[0]), (2, patch[1])):
        before, after = side // 2, side - 1 - side // 2
        padding = [(0, 0)] * 4
        padding[axis] = (before + 1, after)
        running = np.pad(result, padding, mode="symmetric").cumsum(axis=axis)
        upper = np.take(running, np.arange(side, running.shape[axis]), axis=axis)
        lower = np.take(running, np.arange(0, running.shape[axis] - side), axis=axis)
        result = (upper - lower) / side
    return result.astype(np.float32)


def _pair(given: int | tuple[int, int] | None, default: tuple[int, int], name: str) -> tuple[int, int]:
    if given is None:
        return default
    pair = (given, given) if isinstance(given, int) else (int(given[0]), int(given[1]))
    if min(pair) < 1:
        raise InputError(f"{name}={given}: give 1 pixel or more.")
    return pair


def _filled(filler: str | float, width: float) -> str:
    return f"the picture's own blur ({width:g} px)" if filler == "blur" else f"{filler}".replace("_", " ")
