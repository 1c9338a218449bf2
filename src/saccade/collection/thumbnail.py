"""A photo small, as the bytes of a file, and where the model's image lies on it."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from saccade.collection.catalogue_facts import PhotoEntry
from saccade.images import Photo

LONGEST = 128
"""Pixels of the longer side."""


def photo_entry(photo: Photo, name: str, state: tuple[int, int]) -> PhotoEntry:
    """What a catalogue keeps of a photo beside its code."""
    original = np.asarray(photo.original)
    height, width = original.shape[:2]
    small = Image.fromarray(original)
    small.thumbnail((LONGEST, LONGEST), Image.Resampling.LANCZOS, reducing_gap=3)
    buffer = io.BytesIO()
    small.save(buffer, "WEBP", quality=80, method=3)
    return PhotoEntry(name, buffer.getvalue(), width, height, photo.placement.shares, state)


def opened_thumbnail(entry: PhotoEntry) -> Image.Image:
    """The photo small, RGB.

    Raises:
        ValueError: What is kept is no image, or far larger than a small photo.
    """
    image = Image.open(io.BytesIO(entry.thumbnail), formats=("WEBP",))
    if max(image.size) > 8 * LONGEST:
        raise ValueError(f"the small photo of {entry.name} is {image.size}")
    return image.convert("RGB")
