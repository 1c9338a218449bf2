"""What would a person call a colour? Eleven names, as most languages have them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

COLOUR_NAMES = (
    "black", "white", "grey", "red", "orange", "yellow", "green", "blue", "purple", "pink", "brown",
)  # fmt: skip
_HUES = (
    (20, "red"), (42, "orange"), (68, "yellow"), (170, "green"), (255, "blue"), (295, "purple"), (335, "pink"),
    (360, "red"),
)  # fmt: skip
"""Hue in degrees up to which a clear colour has a name."""
_DARK, _BRIGHT = 0.18, 0.82
_DULL = 0.12
"""With less chroma than this, a colour is a shade of grey."""
_BROWN = 0.55
"""An orange darker than this is brown."""


def colour_names(photo: NDArray[np.uint8]) -> NDArray[np.intp]:
    """Which name has the colour of each pixel?

    Args:
        photo: uint8 (height, width, 3).

    Returns:
        (height, width), places in `COLOUR_NAMES`.

    Example:
        >>> COLOUR_NAMES[colour_names(np.array([[[200, 20, 30]]], np.uint8))[0, 0]]
        'red'
    """
    pixels = np.asarray(photo, np.float64) / 255
    high, low = pixels.max(axis=-1), pixels.min(axis=-1)
    chroma = high - low
    red, green, blue = np.moveaxis(pixels, -1, 0)
    safe = np.where(chroma > 0, chroma, 1)
    sextant = np.select(
        [high == red, high == green], [(green - blue) / safe % 6, (blue - red) / safe + 2], (red - green) / safe + 4
    )
    hue = sextant * 60
    names = np.searchsorted([limit for limit, _ in _HUES], hue)
    name_of = np.array([COLOUR_NAMES.index(name) for _, name in _HUES])
    clear = name_of[np.minimum(names, len(_HUES) - 1)]
    orange, brown, pink = (COLOUR_NAMES.index(name) for name in ("orange", "brown", "pink"))
    is_red = clear == COLOUR_NAMES.index("red")
    clear = np.where((clear == orange) & (high < _BROWN + 0.15), brown, clear)
    clear = np.where(is_red & (low > 0.5), pink, clear)
    clear = np.where(is_red & (high < 0.35), brown, clear)
    grey = np.where(high < _DARK, 0, np.where(low > _BRIGHT, 1, 2))
    return np.where((chroma < _DULL) | (high < _DARK), grey, clear)
