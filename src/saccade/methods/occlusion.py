"""Occlusion: cover a part, see how much of the code changes; exact and fast by tiling many holes into one picture."""

from __future__ import annotations

import warnings
from typing import Any

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
    plain="cover and see: hide one patch after another and watch how much of the code changes",
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
    nothing = ArrayPoints({"rows": np.zeros((1, size[0]), np.float32), "columns": np.zeros((1, size[1]), np.float32)})
    before = encoder.score(images, [target], COVERED, nothing, fixed)[0][0]
    notes = [f"holes of {side[0]}x{side[1]} px every {step[0]}x{step[1]} px, filled with {_filled(filler, width)}"]

    def plain(points: ArrayPoints) -> NDArray[np.float64]:
        after = encoder.score(images, [target], COVERED, points, fixed)[0]
        return after - before if target.grows else before - after

    values: NDArray[np.float64] | None = None
    passes = where.count
    if tiled and plan.passes < where.count:
        values, wrong = _tiled(encoder, images, target, plan, fixed, before, plain)
        passes = plan.passes
        if wrong is not None:
            warnings.warn(
                f"tiling does not hold for this model (a covered patch differs by {wrong:.2g} of the largest value); "
                "computed the plain way instead.",
                SaccadeWarning,
                stacklevel=2,
            )
            values, passes = None, where.count
            notes.append("tiling was tried and refused; computed hole by hole")
    elif tiled:
        notes.append("computed hole by hole: every cell of the code sees too much of the picture to share passes")
    if values is None:
        values = plain(where.one_by_one()).T.reshape(len(images), len(where.rows), len(where.columns))
    return Map(
        values=where.spread(values),
        raw=values.astype(np.float32),
        units=target.cover_units,
        signed=not target.grows,
        notes=tuple(notes),
        settings={
            "patch": side, "stride": step, "filler": filler, "blur": width if filler == "blur" else None,
            "tiled": passes < where.count, "passes": passes, "holes": where.count,
        },  # fmt: skip
        scores={"score": before},
    )


def _tiled(
    encoder: Encoder,
    images: Array,
    target: Target,
    plan: Tiling,
    fixed: dict[str, Array],
    before: NDArray[np.float64],
    plain: Any,
) -> tuple[NDArray[np.float64], float | None]:
    """The values by tiling, and by how much a recomputed hole is off, if it is."""
    points = plan.points()
    nothing = {name: np.zeros_like(values[:1]) for name, values in points.arrays.items()}
    changed = encoder.score(images, [target], COVERED, points, fixed, cells=True)[0]
    untouched = encoder.score(images, [target], COVERED, ArrayPoints(nothing), fixed, cells=True)[0][0]
    sums = plan.sums(changed, untouched)
    asked = encoder.measured(images, target, "cover")
    count = int(np.prod(encoder.activations(images[:1], [asked.layer])[asked.layer].shape[1:]))
    after = np.asarray(asked.measure.combine(tuple(np.moveaxis(sums, -1, 0)), count))
    change = after - before[:, None, None]
    values = change if target.grows else -change
    where = plan.holes
    one_by_one = where.one_by_one()
    # The strongest hole is where an error would be seen; a corner and the middle have other neighbours.
    strongest = int(np.abs(values).max(axis=0).argmax())
    checked = sorted({0, where.count // 2, where.count - 1, strongest})
    again = plain(ArrayPoints({name: each[checked] for name, each in one_by_one.arrays.items()}))
    mine = values.reshape(len(images), -1)[:, checked].T
    off = float(np.abs(again - mine).max() / max(float(np.abs(values).max()), 1e-12))
    return values, off if off > _TOLERANCE else None


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
