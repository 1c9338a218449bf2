"""Blur integrated gradients: the picture comes into focus, and every pixel gets its share of what that adds."""

from __future__ import annotations

import numpy as np

from saccade.attribution.contributions import gradients_at, scores_at
from saccade.attribution.gradient_maps import contribution_map
from saccade.attribution.method import Map, method
from saccade.attribution.smoothing import gaussian_blur
from saccade.encoder import Encoder
from saccade.errors import InputError
from saccade.targets import Target
from saccade.typing import Array

_AT_ONCE = 16
"""Pictures of the way that lie in memory together, unless more are explained at once."""


@method(
    title="Blur integrated gradients",
    plain="the picture is brought into focus from a blur, and every pixel gets its share of what each detail adds",
    source="Xu, Venugopalan and Sundararajan (2020), CVPR, arXiv:2004.03383",
    passes="one forward and backward per step",
)
def blur_integrated_gradients(
    encoder: Encoder,
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
        encoder: The model and its code.
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
    asked = encoder.objective(images, target)
    widths = start * (1 - np.arange(steps + 1) / steps) ** 2
    raw = np.zeros(images.shape)
    together = max(1, _AT_ONCE // len(images))
    last = first = gaussian_blur(images, start)
    for begin in range(0, steps, together):
        way = [last, *(gaussian_blur(images, float(width)) for width in widths[begin + 1 : begin + 1 + together])]
        sharper, softer = np.stack(way[1:]), np.stack(way[:-1])
        gradients = gradients_at(encoder, asked, np.asarray((sharper + softer) / 2, np.float32))
        raw += (gradients * (sharper - softer)).sum(axis=0, dtype=np.float64)
        last = way[-1]
    scores = scores_at(encoder, asked, np.stack([images, first]))
    return contribution_map(
        encoder,
        raw.astype(np.float32),
        target,
        low_pass,
        units=f"part of the change of {target.gradient_units}, per pixel",
        notes=(f"from the picture blurred by {start:g} px, into focus",),
        settings={"steps": steps, "blur": start},
        scores={
            "score": scores[0],
            "score_at_baseline": scores[1],
            "completeness_gap": raw.sum(axis=(1, 2, 3)) - (scores[0] - scores[1]),
        },
    )
