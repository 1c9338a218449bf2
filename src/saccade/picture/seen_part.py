"""Where a model's view ends inside a photo: a thin frame, and what it never saw a little darker."""

from __future__ import annotations

from math import ceil, floor

import numpy as np
from PIL import Image

_DIMMED = 0.55
"""Brightness of what the model never saw, beside what a map leaves of it."""
_THIN = 1 / 450
"""Width of the line, in shares of the longer side."""
_LIGHT, _DARK = 235, 20
"""The line is light inside and dark outside, so that it is seen on any photo."""


def frame_seen_part(image: Image.Image, shares: tuple[float, float, float, float]) -> Image.Image:
    """Show which part of a photo a model was given.

    Args:
        image: The photo with its map.
        shares: Left, top, right, bottom of that part in shares of width and height; what reaches beyond the photo is
            padding, and no edge.

    Returns:
        The image itself where the part is the whole photo, else a copy.
    """
    width, height = image.size
    left, right = _within(shares[0], shares[2], width)
    top, bottom = _within(shares[1], shares[3], height)
    if (left, top, right, bottom) == (0, 0, width, height):
        return image
    pixels = np.array(image)
    inside = pixels[top:bottom, left:right].copy()
    pixels = np.rint(pixels * _DIMMED).astype(np.uint8)
    line = max(1, round(max(width, height) * _THIN))
    pixels[max(0, top - line) : bottom + line, max(0, left - line) : right + line] = _DARK
    pixels[top:bottom, left:right] = _LIGHT
    # An edge of the photo is no edge of the view.
    rows = slice(line if top else 0, len(inside) - (line if bottom < height else 0))
    columns = slice(line if left else 0, inside.shape[1] - (line if right < width else 0))
    pixels[top:bottom, left:right][rows, columns] = inside[rows, columns]
    return Image.fromarray(pixels)


def seen_part_in_words(shares: tuple[float, float, float, float]) -> str:
    """How much of a photo is a model given? Empty where that is all of it.

    Args:
        shares: As for `frame_seen_part`.

    Example:
        >>> seen_part_in_words((0.0625, 0.0625, 0.9375, 0.9375))
        'the model is given the middle 87.5 % of the photo, along each side'
        >>> seen_part_in_words((0.125, 0, 0.875, 1))
        "the model is given the middle 75 % of the photo's width"
    """
    wide, high = (min(shares[edge + 2], 1.0) - max(shares[edge], 0.0) for edge in (0, 1))
    across, down = f"{100 * wide:.3g} %", f"{100 * high:.3g} %"
    if across == down:
        return "" if across == "100 %" else f"the model is given the middle {across} of the photo, along each side"
    sides = [
        f"{share} of the photo's {side}" for share, side in ((across, "width"), (down, "height")) if share != "100 %"
    ]
    return f"the model is given the middle {' and '.join(sides)}"


def _within(start: float, stop: float, count: int) -> tuple[int, int]:
    """The pixels whose centres lie in a part of an axis."""
    return max(0, ceil(start * count - 0.5)), min(count, floor(stop * count - 0.5) + 1)
