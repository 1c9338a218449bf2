"""VarGrad: how much the gradient varies between noisy copies of the image."""

from __future__ import annotations

import numpy as np

from saccade.attribution.gradient_maps import low_passed_map
from saccade.attribution.method import method
from saccade.errors import InputError
from saccade.results.map import Map
from saccade.run import Run
from saccade.targets import Target
from saccade.targets.noise import NormalPoints
from saccade.targets.paths import NOISY
from saccade.typing import Array


@method(
    title="VarGrad",
    summary="where the small nudge gives another answer each time there is a little noise: edges the code hangs on",
    source="Adebayo et al. (2018), arXiv:1810.03292; Seo et al. (2018), arXiv:1806.09009",
    cost="one forward and backward per sample",
    needs=["gradients"],
)
def vargrad(
    run: Run,
    images: Array,
    target: Target,
    *,
    samples: int = 32,
    noise: float = 0.1,
    seed: int = 0,
    low_pass: float | None = None,
) -> Map:
    """How far does the gradient spread under noise?

    v = mean over k of (g_k - mean g)²,  g_k = d target(x + s z_k) / dx,  z_k ~ N(0, 1),  s = noise * (max x - min x).
    The map is the standard deviation, sqrt of the sum of v over the channels. A target that is linear in the image
    has no spread anywhere. The variance is taken about the mean itself, never as E[g²] - E[g]², which in float32
    gives noise and negative numbers where the spread is small beside the gradient.

    Settings:
        samples: How many noisy copies.
        noise: Standard deviation of the noise, as a share of each image's own range of values.
        seed: Fixes the noise.

    Returns:
        A map per pixel; `raw` is the variance v (images, height, width, channels).

    Raises:
        InputError: `samples` below 2 or `noise` not above 0.
    """
    if samples < 2:
        raise InputError(f"samples={samples}: give 2 or more; one sample has no spread.")
    if not noise > 0:
        raise InputError(f"noise={noise}: give more than 0, a share of the image's range.")
    spread = images.max(axis=(1, 2, 3)) - images.min(axis=(1, 2, 3))
    shape = (images.shape[1], images.shape[2], images.shape[3])
    # No pairs of opposite sign here: both of a pair are as far from the mean, so the second would say nothing new.
    points = NormalPoints(seed, samples, shape, paired=False)
    fixed = {"scale": (noise * spread).astype(np.float32)}

    def drawn(variance: Array, samples: int) -> Map:
        return low_passed_map(
            run,
            np.sqrt(variance.sum(axis=-1, dtype=np.float64)).astype(np.float32),
            variance,
            target,
            low_pass,
            units=f"standard deviation of the change of {target.gradient_units} per unit of pixel value",
            signed=False,
            settings={"samples": samples, "noise": noise, "seed": seed},
        )

    run.expect(len(images) * (1 + samples))
    run.takes_less_with("samples", samples, least=4)
    _, variance = run.gradient(
        images,
        run.objective(images, target),
        NOISY,
        points,
        fixed,
        variance=True,
        on_gradient=run.on_refined(lambda done, variance: [drawn(variance, done)]),
    )
    return drawn(variance, samples)
