"""Small helpers of the tests that read pictures."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from saccade.images import ImageRecipe, read_photo

FREE = ImageRecipe(None, None, 3)
SIDES = st.integers(2, 60)
FITS = st.sampled_from(["stretch", "cover", "contain"])


def values(source, recipe=FREE):
    """What a model would get, (height, width, channels)."""
    return read_photo(source, recipe).array[0]


def saved(folder, name, image, **options):
    """Save a PIL image and give its path."""
    path = folder / name
    image.save(path, **options)
    return path


def clear_half():
    """A picture whose right half is transparent."""
    image = np.zeros((8, 8, 4), np.uint8)
    image[..., 0] = 200
    image[:, :4, 3] = 255
    image[:, 4:, 3] = 51  # one fifth
    return image
