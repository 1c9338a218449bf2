"""A little noise must not change the map: a map that it changes is chance."""

from __future__ import annotations

import numpy as np

from saccade.typing import Array


def with_noise(images: Array, numbers: range, scale: float, draw: int, seed: int) -> Array:
    """Images with a little normal noise of their own, the same for every method.

    Args:
        images: (images, height, width, channels).
        numbers: The images' numbers in the whole collection.
        scale: Standard deviation in the images' units.
        draw: Which of several copies.
        seed: Of all noise.
    """
    shape = images.shape[1:]
    drawn = [np.random.default_rng([seed, number, 4, draw]).standard_normal(shape, np.float32) for number in numbers]
    return np.asarray(images + np.float32(scale) * np.stack(drawn), np.float32)
