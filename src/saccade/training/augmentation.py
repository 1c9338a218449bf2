"""New variations of a photo (crops, mirror images, colours), so that the code fits more than it saw."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from saccade.images.fitting import Frame
from saccade.images.placement import Placement
from saccade.typing import Array

SMALLEST_CROP = 0.6
"""Shortest side of a crop, as a share of the photo's."""


def vary(photos: NDArray[np.uint8], size: int, generator: np.random.Generator) -> Array:
    """Draw one variation of each photo: the target of the autoencoder is the variation itself.

    A random crop (60 to 100 % of each side, so it also zooms and stretches a little), half of the time
    mirrored, and in a quarter of the cases the colour channels swapped; then one gain and one offset for the
    brightness and smaller ones per colour.

    Args:
        photos: uint8 (images, height, width, channels).
        size: Height and width of what is returned, in pixels.
        generator: Source of the random numbers; the same state gives the same variations.

    Returns:
        float32 (images, size, size, channels) in 0..1.
    """
    count, height, width, channels = photos.shape
    out = np.empty((count, size, size, channels), np.float32)
    for row, photo in zip(out, photos, strict=True):
        high, wide = np.array([height, width]) * generator.uniform(SMALLEST_CROP, 1.0, 2)
        top, left = generator.uniform(0.0, 1.0, 2) * (height - high, width - wide)
        crop = resized(photo, size, box=(left, top, left + wide, top + high))
        row[:] = crop[:, ::-1] if generator.random() < 0.5 else crop
        if channels > 1 and generator.random() < 0.25:
            row[:] = row[..., generator.permutation(channels)]
    out /= 255.0
    whole, coloured = (count, 1, 1, 1), (count, 1, 1, channels)
    gain = generator.uniform(0.8, 1.2, whole) * generator.uniform(0.9, 1.1, coloured)
    offset = generator.uniform(-0.1, 0.1, whole) + generator.uniform(-0.04, 0.04, coloured)
    out -= 0.5
    out *= gain.astype(np.float32)
    out += (0.5 + offset).astype(np.float32)
    return np.clip(out, 0.0, 1.0, out=out)


def unvaried(photos: NDArray[np.uint8], size: int) -> Array:
    """Return the photos as they are: float32 (images, size, size, channels) in 0..1."""
    out = np.empty((len(photos), size, size, photos.shape[-1]), np.float32)
    for row, photo in zip(out, photos, strict=True):
        row[:] = resized(photo, size)
    out /= 255.0
    return out


def resized(photo: NDArray[np.uint8], size: int, box: tuple[float, float, float, float] | None = None) -> Array:
    """Return a crop at another size, as `saccade.images` would read it: float32 (size, size, channels) in 0..255."""
    height, width, channels = photo.shape
    crop = box or (0.0, 0.0, float(width), float(height))
    square = (size, size)
    frame = Frame(Placement((height, width), square, crop), crop, square, (0, 0))
    planes = [frame.resample(photo[..., band].astype(np.float32)) for band in range(channels)]
    return np.clip(np.stack(planes, axis=-1), 0.0, 255.0)
