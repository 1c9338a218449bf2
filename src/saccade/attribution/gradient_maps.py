"""From gradients per pixel and channel to a map: channels joined, smoothed for the view, and said so."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from saccade.attribution.channels import length, summed
from saccade.attribution.method import Map
from saccade.attribution.scale import cell_size
from saccade.attribution.smoothing import gaussian_blur
from saccade.encoder import Encoder
from saccade.targets import Target
from saccade.typing import Array


def gradient_map(
    encoder: Encoder, gradient: Array, target: Target, low_pass: float | None, settings: dict[str, object]
) -> Map:
    """Turn a signed gradient per pixel and channel into a map of its length."""
    sigma = default_low_pass(encoder, gradient, target) if low_pass is None else low_pass
    return Map(
        values=gaussian_blur(length(gradient), sigma),
        raw=gradient,
        units=f"change of {target.gradient_units} per unit of pixel value",
        signed=False,
        notes=(f"smoothed with {sigma:g} px for the view",) if sigma else (),
        settings={**settings, "low_pass": sigma},
    )


def default_low_pass(encoder: Encoder, images: Array, target: Target) -> float:
    """A quarter of a code cell, in pixels."""
    return min(cell_size(encoder, (images.shape[1], images.shape[2]), target)) / 4


def contribution_map(
    encoder: Encoder,
    raw: Array,
    target: Target,
    low_pass: float | None,
    *,
    units: str,
    notes: tuple[str, ...],
    settings: Mapping[str, object],
    scores: Mapping[str, NDArray[np.float64]],
) -> Map:
    """Turn signed contributions per pixel and channel into a signed map per pixel; the channels are summed."""
    sigma = default_low_pass(encoder, raw, target) if low_pass is None else low_pass
    return Map(
        values=gaussian_blur(summed(raw), sigma),
        raw=raw,
        units=units,
        signed=True,
        notes=(*notes, *((f"smoothed with {sigma:g} px for the view",) if sigma else ())),
        settings={**settings, "low_pass": sigma},
        scores=scores,
    )
