"""A photo small, as the bytes of a file, and where the model's image lies on it."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from saccade.collection.catalogue_facts import PhotoEntry
from saccade.errors import FileError
from saccade.images import Photo
from saccade.images.bounds import refuse_file
from saccade.images.pillow_images import quiet_pillow

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
        FileError: What is kept is no image, far larger than a small photo, or of another shape than the photo.
    """
    try:
        stream = io.BytesIO(entry.thumbnail)
        refuse_file(stream, "WEBP", entry.name, (8 * LONGEST) ** 2)
        with quiet_pillow():
            image = Image.open(stream, formats=("WEBP",)).convert("RGB")
        shrunk = min(1.0, max(image.size) / max(entry.width, entry.height))
        if abs(image.width - entry.width * shrunk) > 1 or abs(image.height - entry.height * shrunk) > 1:
            raise ValueError(f"it is {image.size}")
    except Exception as error:  # whatever the decoder makes of damaged bytes
        raise FileError(
            f"the catalogue is damaged: the small photo that it keeps of {entry.name} cannot be shown; encode the "
            "photos again (saccade index --again)."
        ) from error
    return image
