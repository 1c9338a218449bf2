"""Saliency: the plain gradient of the target at every pixel."""

from __future__ import annotations

from saccade.attribution.gradient_maps import gradient_map, length_joining
from saccade.attribution.method import method
from saccade.results.map import Map
from saccade.run import Run
from saccade.targets import Target
from saccade.targets.paths import ONCE, STAY
from saccade.typing import Array


@method(
    title="Saliency",
    summary="a small nudge: where would it matter most if a pixel changed a little?",
    source="Simonyan, Vedaldi and Zisserman (2013), arXiv:1312.6034",
    cost="1 forward and 1 backward",
    needs=["gradients"],
)
def saliency(run: Run, images: Array, target: Target, *, low_pass: float | None = None) -> Map:
    """Which pixels would move the target most if they changed a little?

    m = | d target(x) / dx |, the length over the channels of a pixel; low-passed, because max-pooling scatters the
    gradient over single pixels (FORGrad, Muzellec et al. 2024, arXiv:2307.09591).

    Returns:
        A map per pixel; `raw` is the signed gradient (images, height, width, channels).
    """
    run.expect(2 * len(images))
    joining = length_joining(run, images, target, low_pass)
    gradient = run.gradient(images, run.objective_at_input(images, target), STAY, ONCE, joining=joining)
    return gradient_map(run, gradient, target, low_pass)
