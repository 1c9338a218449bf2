"""What pixels add to a target: gradients multiplied by how far the pixels went, and the sums that must come out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from saccade.encoder import Encoder
from saccade.engines import Objective
from saccade.targets.paths import ONCE, STAY
from saccade.typing import Array


def repeated(asked: Objective, times: int) -> Objective:
    """The objective for every picture `times` times over, (times, images) flattened, each with its own reference."""
    shape = (times, *asked.reference.shape)
    reference = np.broadcast_to(asked.reference[None], shape).reshape(-1, *asked.reference.shape[1:])
    return Objective(asked.measure, asked.layer, reference)


def gradients_at(encoder: Encoder, asked: Objective, pictures: Array) -> Array:
    """The gradient at several pictures for each reference.

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
    """The score of several pictures for each reference, (steps, images); the pictures come as for `gradients_at`."""
    flat = pictures.reshape(-1, *pictures.shape[2:])
    found = encoder.engine.score(flat, [repeated(asked, len(pictures))], STAY, ONCE)[0]
    return found.reshape(pictures.shape[:2])
