"""Integrated gradients: the target's change on the way from "nothing" to the image, shared out among pixels."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from saccade.attribution.fillers import FillerName, filler_images
from saccade.attribution.gradient_maps import contribution_map
from saccade.attribution.method import method
from saccade.attribution.scale import cell_size
from saccade.errors import InputError
from saccade.occlusion.order import coarse_to_fine
from saccade.results.map import Map
from saccade.run import Run
from saccade.targets import Target
from saccade.targets.paths import ONCE, STAY, STRAIGHT, ArrayPoints
from saccade.typing import Array


@method(
    title="Integrated gradients",
    summary="the picture comes into focus step by step, and every pixel gets its share of what that adds",
    source="Sundararajan, Taly and Yan (2017), arXiv:1703.01365",
    cost="one forward and backward per step",
    needs=["gradients"],
)
def integrated_gradients(
    run: Run,
    images: Array,
    target: Target,
    *,
    steps: int = 32,
    baseline: FillerName | Array = "blur",
    blur: float | None = None,
    low_pass: float | None = None,
) -> Map:
    """How much does each pixel add to the target between "nothing" and the image?

    m = (x - x0) * integral over t in 0..1 of d target(x0 + t (x - x0)) / dx, summed over channels; by Gauss-Legendre
    quadrature. The sum of `raw` over an image is target(x) - target(x0), up to the error of the quadrature, which is
    given in `scores`.

    Settings:
        steps: Points of the quadrature.
        baseline: What counts as nothing: a name of `attribution.fillers.FILLERS`, such as `"blur"` (the image's own
            blur) or `"mean"` (its mean colour), or an array of the images' shape.
        blur: Standard deviation in pixels of the blurred baseline; by default one code cell.

    Returns:
        A signed map per pixel; `raw` is (images, height, width, channels).

    Raises:
        InputError: `steps` below 1, or a baseline of another shape.
        UnknownName: No such baseline.
    """
    if steps < 1:
        raise InputError(f"steps={steps}: give 1 or more.")
    width = float(max(cell_size(run.encoder, (images.shape[1], images.shape[2]), target))) if blur is None else blur
    start = _baseline(run, images, baseline, width)
    nodes, weights = _quadrature(steps)
    # Points spread over the whole way come first, so that a part of them is already a rough sum.
    order = coarse_to_fine(steps)
    times = ArrayPoints({"times": ((nodes[order] + 1) / 2).astype(np.float32)})
    run.expect(len(images) * (2 + steps))
    if target.reads == "code":
        run.encode_together(images, start)
    ends = [_score(run, images, target, place) for place in (images, start)]
    name = baseline if isinstance(baseline, str) else "given"

    def drawn(mean: Array, steps: int) -> Map:
        raw = (images - start) * mean
        return contribution_map(
            run,
            raw,
            target,
            low_pass,
            units=f"part of the change of {target.gradient_units}, per pixel",
            notes=(f"from the image blurred by {width:g} px" if name == "blur" else f"from {name}",),
            settings={"steps": steps, "baseline": name, "blur": width},
            scores={
                "score": ends[0],
                "score_at_baseline": ends[1],
                "completeness_gap": raw.sum(axis=(1, 2, 3), dtype=np.float64) - (ends[0] - ends[1]),
            },
        )

    run.takes_less_with("steps", steps, least=4)
    mean = run.gradient(
        images,
        run.objective(images, target),
        STRAIGHT,
        times,
        {"baseline": start},
        weights=(weights[order] / 2).astype(np.float32),
        on_gradient=run.on_refined(lambda done, mean: [drawn(mean, done)]),
    )
    return drawn(mean, steps)


@lru_cache(maxsize=4)
def _quadrature(steps: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Places and weights of Gauss and Legendre on -1..1; to find fifty of them takes as long as a gradient."""
    nodes, weights = np.polynomial.legendre.leggauss(steps)
    nodes.setflags(write=False)
    weights.setflags(write=False)
    return nodes, weights


def _score(run: Run, images: Array, target: Target, place: Array) -> NDArray[np.float64]:
    """The target's value at another image, with the references frozen at the images explained."""
    objective = run.objective(images, target)
    measure = objective.measure
    if target.reads != "code" or not measure.tiles:
        scores: NDArray[np.float64] = run.score(place, [objective], STAY, ONCE)[0][0]
        return scores
    codes = run.codes(place)
    sums = [term.sum(axis=(1, 2, 3), dtype=np.float64) for term in measure.terms(codes, objective.reference, place)]
    return measure.number(sums, int(np.prod(codes.shape[1:])))


def _baseline(run: Run, images: Array, baseline: str | Array, width: float) -> Array:
    if isinstance(baseline, str):
        side = max(1, round(width))
        return filler_images(
            images,
            baseline,
            value_range=run.encoder.value_range,
            blur=width,
            neighbourhood=(side, side),
            kind="baseline",
        )
    try:
        start = np.asarray(baseline, np.float32)
    except (TypeError, ValueError) as error:
        raise InputError("a baseline that is no array of numbers; give an array of the images' shape.") from error
    try:
        return np.ascontiguousarray(np.broadcast_to(start, images.shape))
    except ValueError as error:
        raise InputError(f"a baseline of shape {start.shape} does not fit images of shape {images.shape}.") from error
