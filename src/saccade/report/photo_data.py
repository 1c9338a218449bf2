"""What the page carries of every photo: itself, its code, its redrawing."""

from __future__ import annotations

from typing import Any

import numpy as np
from PIL import Image

from saccade.images import Images, Placement
from saccade.report.array_spec import array_spec, image_url
from saccade.results.model_image import model_image
from saccade.typing import Array

LONGEST = 1000
"""Photos are carried with at most so many pixels on their longer side."""
_THUMBNAIL = 112


def photo_data(images: Images, index: int, code: Array, redrawn: Array | None) -> dict[str, Any]:
    """One photo: how it looks, where the model's image lies on it, what the model was given, its code.

    Args:
        images: All photos.
        index: Which.
        code: float32 (rows, columns, channels); a vector is one cell.
        redrawn: The image as the model redraws it, or None.
    """
    photo = images.photos[index]
    height, width = photo.original.shape[:2]
    shown = Image.fromarray(np.asarray(photo.original))
    shown.thumbnail((LONGEST, LONGEST), Image.Resampling.LANCZOS)
    small = Image.fromarray(np.asarray(photo.original))
    small.thumbnail((2 * _THUMBNAIL, _THUMBNAIL), Image.Resampling.LANCZOS)
    content: dict[str, Any] = {
        "name": photo.name,
        "alt": f"the photo {photo.name}",
        "width": width,
        "height": height,
        "photo": image_url(shown),
        "thumbnail": image_url(small),
        "box": list(photo.placement.shares),
        "code": array_spec(code),
    }
    low, high = images.value_range
    # Not in 256 levels: that moves a code five times as far as half precision in all weights does.
    content["model_image"] = array_spec(images.array[index], "float16")
    if redrawn is not None:
        content["redrawn"] = image_url(as_seen(redrawn, images.value_range), lossless=True)
        content["given"] = image_url(as_seen(images.array[index], images.value_range), lossless=True)
        error = float(np.mean((np.clip(redrawn, low, high) - images.array[index]).astype(np.float64) ** 2))
        content["decibels"] = float(10 * np.log10((high - low) ** 2 / max(error, 1e-12)))
    return content


def as_seen(values: Array, value_range: tuple[float, float]) -> Image.Image:
    """An image of the model's at its own size; the page lays it onto the photo."""
    size = (values.shape[0], values.shape[1])
    whole = Placement(size, size, (0.0, 0.0, float(size[1]), float(size[0])))
    return model_image(values, whole, value_range)
