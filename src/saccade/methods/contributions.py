"""What pixels add to a target: slopes multiplied by how far the pixels went, and the sums that must come out."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from saccade.encoder import Encoder
from saccade.engines import Objective
from saccade.methods.channels import summed
from saccade.methods.method import Array, Map
from saccade.methods.saliency import default_low_pass
from saccade.methods.smoothing import gaussian_blur
from saccade.paths import ONCE, STAY
from saccade.targets import Target


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


def repeated(asked: Objective, times: int) -> Objective:
    """The objective for every picture `times` times over, (times, images) flattened, each with its own reference."""
    shape = (times, *asked.reference.shape)
    reference = np.broadcast_to(asked.reference[None], shape).reshape(-1, *asked.reference.shape[1:])
    return Objective(asked.measure, asked.layer, reference)


def slopes_at(encoder: Encoder, asked: Objective, pictures: Array) -> Array:
    """The slope at several pictures for each reference.

    Args:
        encoder: The model.
        asked: What is differentiated, with one reference per image.
        pictures: (steps, images, height, width, channels).

    Returns:
        float32 of the shape of `pictures`.
    """
    flat = pictures.reshape(-1, *pictures.shape[2:])
    return encoder.engine.gradient(flat, repeated(asked, len(pictures)), STAY, ONCE).reshape(pictures.shape)


def scores_at(encoder: Encoder, asked: Objective, pictures: Array) -> NDArray[np.float64]:
    """The score of several pictures for each reference, (steps, images); the pictures come as for `slopes_at`."""
    flat = pictures.reshape(-1, *pictures.shape[2:])
    found = encoder.engine.score(flat, [repeated(asked, len(pictures))], STAY, ONCE)[0]
    return found.reshape(pictures.shape[:2])
