"""The part of a photo that the model sees, at the photo's own sharpness: where its maps belong, edge to edge."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from saccade.images import Photo

_OUTSIDE = 255
"""What is drawn around a photo that was padded to fit."""


def framed(photo: Photo) -> NDArray[np.uint8]:
    """Which part of this photo does the model see?

    A stretched photo is seen whole, of one that was cut to fill only the middle, and one that was padded has an empty
    border. A map of the model's image covers exactly this frame.

    Returns:
        uint8 (height, width, 3), in pixels of the original.
    """
    height, width = photo.original.shape[:2]
    left, top, right, bottom = (round(edge) for edge in photo.placement.box)
    right, bottom = max(right, left + 1), max(bottom, top + 1)
    if (left, top, right, bottom) == (0, 0, width, height):
        return photo.original
    frame = np.full((bottom - top, right - left, 3), _OUTSIDE, np.uint8)
    rows = slice(max(top, 0), min(bottom, height))
    columns = slice(max(left, 0), min(right, width))
    frame[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left] = photo.original[
        rows, columns
    ]
    return frame
