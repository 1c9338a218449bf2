"""How much of a photo's detail a redrawing keeps, in words: the same number, said the same way, wherever it stands."""

from __future__ import annotations

from saccade.picture.numerals import MINUS

_WORSE = "it differs from the photo by more than the photo's own detail"


def kept_in_words(share: float, size: tuple[int, int]) -> str:
    """Which share of the detail is kept?

    Args:
        share: 1 less the squared error over the squared detail: below 0 where the error is the larger one.
        size: Width and height of what the model is given.

    Example:
        >>> kept_in_words(0.31, (64, 64))
        'of the detail in the 64x64 px that the model is given, the redrawing keeps 31 %'
    """
    percent = round(100 * share)
    keeps = f"of the detail in the {size[0]}x{size[1]} px that the model is given, the redrawing keeps"
    return f"{keeps} none: {_WORSE} ({MINUS}{-percent} %)" if percent < 0 else f"{keeps} {percent} %"
