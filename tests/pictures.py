"""Small helpers of the tests that read pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from hypothesis import strategies as st
from PIL import Image

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


def discs(root: Path) -> Path:
    """Make twenty photographs of a coloured disc on another colour, in two folders."""
    generator = np.random.default_rng(0)
    rows, columns = np.mgrid[:40, :48]
    for index in range(20):
        centre, radius = generator.uniform(12, 30, 2), generator.uniform(6, 14)
        disc = (rows - centre[0]) ** 2 + (columns - centre[1]) ** 2 < radius**2
        ground, colour = generator.integers(0, 256, (2, 3))
        pixels = np.where(disc[..., None], colour, ground).astype(np.uint8)
        path = root / ("even", "odd")[index % 2] / f"disc_{index:02}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)
    return root
