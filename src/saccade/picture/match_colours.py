"""Six colours for six matches, each with its number: told apart by everybody, also in a grey print.

They differ from one another in brightness, and in hue under every kind of colour blindness; where only one is seen, its
number says which.
"""

from __future__ import annotations

from saccade.picture.themes import Colour

MATCH_COLOURS: tuple[Colour, ...] = (
    (181, 48, 138),
    (255, 224, 74),
    (15, 157, 114),
    (39, 56, 158),
    (79, 195, 247),
    (245, 133, 24),
)
"""In the order in which they are used."""

_BLACK: Colour = (18, 18, 22)
_WHITE: Colour = (255, 255, 255)


def relative_luminance(colour: Colour) -> float:
    """How bright is a colour, from 0 (black) to 1 (white)? Relative luminance as WCAG 2 defines it."""
    linear = [part / 12.92 if (part := value / 255) <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for value in colour]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast_ratio(first: Colour, second: Colour) -> float:
    """How well does one colour stand out on the other? From 1 (not at all) to 21, as WCAG 2 defines it."""
    low, high = sorted((relative_luminance(first), relative_luminance(second)))
    return (high + 0.05) / (low + 0.05)


def readable_on(colour: Colour) -> Colour:
    """Black or white, whichever is easier to read on a colour."""
    return max((_BLACK, _WHITE), key=lambda ink: contrast_ratio(ink, colour))
