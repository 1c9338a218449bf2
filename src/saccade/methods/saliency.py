"""Saliency: the plain slope of the target at every pixel."""

from __future__ import annotations

from saccade.encoder import Encoder
from saccade.methods.channels import length
from saccade.methods.method import Array, Map, method
from saccade.methods.scale import cell_size
from saccade.methods.smoothing import gaussian_blur
from saccade.paths import ONCE, STAY
from saccade.targets import Target


@method(
    title="Saliency",
    plain="a feather touch: where would it matter most if a pixel changed by a hair?",
    source="Simonyan, Vedaldi and Zisserman (2013), arXiv:1312.6034",
    passes="1 forward and 1 backward",
)
def saliency(encoder: Encoder, images: Array, target: Target, *, low_pass: float | None = None) -> Map:
    """Which pixels would move the target most if they changed by a hair?

    m = | d target(x) / dx |, the length over the channels of a pixel; low-passed, because max-pooling scatters the
    slope over single pixels (FORGrad, Muzellec et al. 2024, arXiv:2307.09591).

    Args:
        encoder: The model and its code.
        images: (images, height, width, channels).
        target: What is explained.
        low_pass: Standard deviation in pixels of the smoothing of the view; by default a quarter of a code cell.
            0 shows every pixel as it is.

    Returns:
        A map per pixel; `raw` is the signed slope (images, height, width, channels).
    """
    slope = encoder.gradient(images, target, STAY, ONCE)
    return slope_map(encoder, slope, target, low_pass, {})


def slope_map(
    encoder: Encoder, slope: Array, target: Target, low_pass: float | None, settings: dict[str, object]
) -> Map:
    """Turn a signed slope per pixel and channel into a map of its length."""
    sigma = default_low_pass(encoder, slope, target) if low_pass is None else low_pass
    return Map(
        values=gaussian_blur(length(slope), sigma),
        raw=slope,
        units=f"change of {target.slope_units} per unit of pixel value",
        signed=False,
        notes=(f"smoothed with {sigma:g} px for the view",) if sigma else (),
        settings={**settings, "low_pass": sigma},
    )


def default_low_pass(encoder: Encoder, images: Array, target: Target) -> float:
    """A quarter of a code cell, in pixels."""
    return min(cell_size(encoder, (images.shape[1], images.shape[2]), target)) / 4
