"""Integrated gradients: the target's change on the way from "nothing" to the picture, shared out among pixels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from saccade.attribution.channels import summed
from saccade.attribution.gradient_maps import default_low_pass
from saccade.attribution.method import Map, method
from saccade.attribution.scale import cell_size
from saccade.attribution.smoothing import gaussian_blur
from saccade.encoder import Encoder
from saccade.errors import InputError, UnknownName
from saccade.targets import Target
from saccade.targets.paths import ONCE, STAY, STRAIGHT, ArrayPoints
from saccade.typing import Array

BASELINES = ("blur", "mean", "black", "white")


@method(
    title="Integrated gradients",
    plain="the picture comes into focus step by step, and every pixel gets its share of what that adds",
    source="Sundararajan, Taly and Yan (2017), arXiv:1703.01365",
    passes="one forward and backward per step",
)
def integrated_gradients(
    encoder: Encoder,
    images: Array,
    target: Target,
    *,
    steps: int = 32,
    baseline: str | Array = "blur",
    blur: float | None = None,
    low_pass: float | None = None,
) -> Map:
    """How much does each pixel add to the target between "nothing" and the picture?

    m = (x - x0) * integral over t in 0..1 of d target(x0 + t (x - x0)) / dx, summed over channels; by Gauss-Legendre
    quadrature. The sum of `raw` over a picture is target(x) - target(x0), up to the error of the quadrature, which is
    given in `scores`.

    Args:
        encoder: The model and its code.
        images: (images, height, width, channels).
        target: What is explained.
        steps: Points of the quadrature.
        baseline: What counts as nothing: `"blur"` (the picture's own blur), `"mean"` (its mean colour), `"black"`,
            `"white"`, or an array of the pictures' shape.
        blur: Standard deviation in pixels of the blurred baseline; by default one code cell.
        low_pass: Standard deviation in pixels of the smoothing of the view; by default a quarter of a code cell.

    Returns:
        A signed map per pixel; `raw` is (images, height, width, channels).

    Raises:
        InputError: `steps` below 1, or a baseline of another shape.
        UnknownName: No such baseline.
    """
    if steps < 1:
        raise InputError(f"steps={steps}: give 1 or more.")
    cell = cell_size(encoder, (images.shape[1], images.shape[2]), target)
    width = float(max(cell)) if blur is None else blur
    start = _baseline(encoder, images, baseline, width)
    nodes, weights = np.polynomial.legendre.leggauss(steps)
    times = ArrayPoints({"times": ((nodes + 1) / 2).astype(np.float32)})
    mean = encoder.gradient(
        images, target, STRAIGHT, times, {"baseline": start}, weights=(weights / 2).astype(np.float32)
    )
    raw = (images - start) * mean
    ends = [_score(encoder, images, target, place) for place in (images, start)]
    gap = ends[0] - ends[1]
    total = raw.sum(axis=(1, 2, 3), dtype=np.float64)
    sigma = default_low_pass(encoder, images, target) if low_pass is None else low_pass
    named = baseline if isinstance(baseline, str) else "given"
    from_what = f"from the picture blurred by {width:g} px" if named == "blur" else f"from {named}"
    return Map(
        values=gaussian_blur(summed(raw), sigma),
        raw=raw,
        units=f"part of the change of {target.gradient_units}, per pixel",
        signed=True,
        notes=(from_what, *((f"smoothed with {sigma:g} px for the view",) if sigma else ())),
        settings={"steps": steps, "baseline": named, "blur": width, "low_pass": sigma},
        scores={"score": ends[0], "score_at_baseline": ends[1], "completeness_gap": total - gap},
    )


def _score(encoder: Encoder, images: Array, target: Target, place: Array) -> NDArray[np.float64]:
    """The target's value at another picture, with the references frozen at the pictures explained."""
    asked = encoder.objective(images, target)
    if target.place != "code" or not asked.measure.tiles:
        scores: NDArray[np.float64] = encoder.engine.score(place, [asked], STAY, ONCE)[0][0]
        return scores
    codes = encoder.codes(place)
    sums = [term.sum(axis=(1, 2, 3), dtype=np.float64) for term in asked.measure.terms(codes, asked.reference, place)]
    return np.asarray(asked.measure.combine(sums, int(np.prod(codes.shape[1:]))))


def _baseline(encoder: Encoder, images: Array, baseline: str | Array, width: float) -> Array:
    if not isinstance(baseline, str):
        given = np.asarray(baseline, np.float32)
        try:
            return np.ascontiguousarray(np.broadcast_to(given, images.shape))
        except ValueError as error:
            raise InputError(
                f"a baseline of shape {given.shape} does not fit pictures of shape {images.shape}."
            ) from error
    low, high = encoder.value_range
    if baseline == "blur":
        return gaussian_blur(images, width)
    if baseline == "mean":
        return np.ascontiguousarray(np.broadcast_to(images.mean(axis=(1, 2), keepdims=True), images.shape))
    if baseline in ("black", "white"):
        return np.full(images.shape, low if baseline == "black" else high, np.float32)
    raise UnknownName.of("baseline", baseline, BASELINES)
