"""SmoothGrad: the gradient averaged over noisy copies of the image."""

from __future__ import annotations

import numpy as np

from saccade.attribution.gradient_maps import gradient_map, length_joining
from saccade.attribution.method import method
from saccade.errors import InputError
from saccade.results.map import Map
from saccade.run import Run
from saccade.targets import Target
from saccade.targets.noise import NormalPoints
from saccade.targets.paths import NOISY
from saccade.typing import Array


@method(
    title="SmoothGrad",
    summary="the small nudge again and again under a little noise, so that chance evens out",
    source="Smilkov et al. (2017), arXiv:1706.03825",
    cost="one forward and backward per sample",
    needs=["gradients"],
)
def smoothgrad(
    run: Run,
    images: Array,
    target: Target,
    *,
    samples: int = 32,
    noise: float = 0.1,
    seed: int = 0,
    low_pass: float | None = None,
) -> Map:
    """Which pixels matter once chance is averaged away?

    m = | mean over k of d target(x + s z_k) / dx |,  z_k ~ N(0, 1) in pairs of opposite sign,
    s = noise * (max x - min x). The sign is kept while averaging; only the mean's length over channels is drawn.

    Settings:
        samples: How many noisy copies.
        noise: Standard deviation of the noise, as a share of each image's own range of values.
        seed: Fixes the noise.

    Returns:
        A map per pixel; `raw` is the signed mean gradient (images, height, width, channels).

    Raises:
        InputError: `samples` below 1 or `noise` below 0.
    """
    if samples < 1:
        raise InputError(f"samples={samples}: give 1 or more.")
    if not noise >= 0:
        raise InputError(f"noise={noise}: give 0 or more, a share of the image's range.")
    rows = images.reshape(len(images), -1)
    spread = rows.max(axis=1) - rows.min(axis=1)
    shape = (images.shape[1], images.shape[2], images.shape[3])
    fixed = {"scale": (noise * spread).astype(np.float32)}

    def drawn(gradient: Array, samples: int) -> Map:
        return gradient_map(run, gradient, target, low_pass, {"samples": samples, "noise": noise, "seed": seed})

    run.expect(len(images) * (1 + samples))
    run.takes_less_with("samples", samples, least=4)
    gradient = run.gradient(
        images,
        run.objective(images, target),
        NOISY,
        NormalPoints(seed, samples, shape),
        fixed,
        on_gradient=run.on_refined(lambda done, mean: [drawn(mean, done)]),
        joining=length_joining(run, images, target, low_pass),
    )
    return drawn(gradient, samples)
