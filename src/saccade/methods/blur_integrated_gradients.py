"""Blur integrated gradients: the picture comes into focus, and every pixel gets its share of what that adds."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from saccade.attribution.gradient_maps import contribution_map
from saccade.attribution.method import method
from saccade.attribution.smoothing import gaussian_blur
from saccade.errors import InputError
from saccade.results.map import Map
from saccade.run import Run
from saccade.targets import Target
from saccade.targets.paths import ONCE, STAY
from saccade.typing import Array

_AT_ONCE = 16
"""Pictures of the way that lie in memory together, unless more are explained at once."""


@method(
    title="Blur integrated gradients",
    summary="the picture is brought into focus from a blur, and every pixel gets its share of what each detail adds",
    source="Xu, Venugopalan and Sundararajan (2020), CVPR, arXiv:2004.03383",
    cost="one forward and backward per step",
    needs=["gradients"],
)
def blur_integrated_gradients(
    run: Run,
    images: Array,
    target: Target,
    *,
    steps: int = 32,
    blur: float | None = None,
    low_pass: float | None = None,
) -> Map:
    """How much does each pixel add to the target while the picture comes into focus?

    m = integral over s from `blur` to 0 of  d target(x_s) / dx * dx_s / ds  ds,  x_s = the picture blurred by s px,
    summed over channels. No picture on the way is one that could not be a photograph, and no colour has to stand for
    "nothing". The way is cut into `steps` straight pieces between blurred pictures, and the gradient is taken in the
    middle of each; the sum of `raw` over a picture is target(x) - target(x_blur), up to the gap given in `scores`.
    Widths follow `blur` * (1 - k / steps)², since most of the detail comes at the end.

    Args:
        run: The call, on an encoder.
        images: (images, height, width, channels).
        target: What is explained.
        steps: Pieces of the way.
        blur: Standard deviation in pixels of the blur at the start; by default a quarter of the shorter side.
        low_pass: Standard deviation in pixels of the smoothing of the view; by default a quarter of a code cell.

    Returns:
        A signed map per pixel; `raw` is (images, height, width, channels).

    Raises:
        InputError: `steps` below 1 or `blur` not above 0.
    """
    if steps < 1:
        raise InputError(f"steps={steps}: give 1 or more.")
    start = min(images.shape[1:3]) / 4 if blur is None else blur
    if not start > 0:
        raise InputError(f"blur={blur}: give more than 0, in pixels.")
    objective = run.objective(images, target)
    widths = start * (1 - np.arange(steps + 1) / steps) ** 2
    at_once = max(1, _AT_ONCE // len(images))
    blurred = gaussian_blur(images, start)
    ends = run.score(np.concatenate([images, blurred]), [objective.repeated(2)], STAY, ONCE)[0].reshape(2, -1)

    def drawn(raw: NDArray[np.float64]) -> Map:
        return contribution_map(
            run,
            raw.astype(np.float32),
            target,
            low_pass,
            units=f"part of the change of {target.gradient_units}, per pixel",
            notes=(f"from the picture blurred by {start:g} px, into focus",),
            settings={"steps": steps, "blur": start},
            scores={
                "score": ends[0],
                "score_at_baseline": ends[1],
                "completeness_gap": raw.sum(axis=(1, 2, 3)) - (ends[0] - ends[1]),
            },
        )

    raw, last = np.zeros(images.shape), blurred

    def maps_so_far() -> list[Map]:
        return [drawn(raw)]

    for begin in range(0, steps, at_once):
        stops = widths[begin + 1 : begin + 1 + at_once]
        way = np.stack([last, *(gaussian_blur(images, float(width)) for width in stops)])
        middles = np.asarray((way[1:] + way[:-1]) / 2, np.float32).reshape(-1, *images.shape[1:])
        gradients = run.gradient(middles, objective.repeated(len(stops)), STAY, ONCE)
        raw += (gradients.reshape(len(stops), *images.shape) * (way[1:] - way[:-1])).sum(axis=0, dtype=np.float64)
        last = way[-1]
        if begin + at_once < steps:
            run.partial(maps_so_far)
    return drawn(raw)
