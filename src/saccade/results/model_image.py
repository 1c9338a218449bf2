"""An image of the model's own, a redrawn one above all, as a person sees it."""

from __future__ import annotations

import numpy as np
from PIL import Image

from saccade.images import Placement
from saccade.typing import Array


def model_image(values: Array, placement: Placement, value_range: tuple[float, float]) -> Image.Image:
    """Put an image of the model's back onto the shape of its photo.

    Args:
        values: (height, width, channels); channels that are no colours are averaged to grey.
        placement: Where on its photo it lies.
        value_range: Its darkest and brightest value; what lies beyond is cut off.

    Returns:
        An RGB image of the photo's size.
    """
    low, high = value_range
    shown = np.clip((values - low) / (high - low), 0, 1)
    if shown.shape[-1] not in (1, 3):
        shown = shown.mean(axis=-1, keepdims=True)
    placed = placement.onto_original(np.broadcast_to(shown, (*shown.shape[:2], 3)))
    return Image.fromarray(np.asarray(np.rint(255 * np.clip(placed, 0, 1)), np.uint8))
