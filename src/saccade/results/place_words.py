"""A spot on a photo in words, finer than thirds: `left of the centre in the upper half`.

`placeInWords` of views/wording.js says the same of the same spots.
"""

from __future__ import annotations

_CENTRE, _NEAR, _EDGE = 0.08, 0.25, 0.15
"""So far from the middle of an axis is still the centre; so far from its end is near the edge, and at the edge; shares
of a side."""


def place_in_words(across: float, down: float) -> str:
    """Where on a photo is this? A phrase that "of the photo" can follow.

    Args:
        across: From the left edge, 0 to 1.
        down: From the upper edge, 0 to 1.

    Example:
        >>> place_in_words(0.36, 0.4)
        'left of the centre in the upper half'
        >>> place_in_words(0.9, 0.95)
        'in the lower right corner'
    """
    side = _side(across, "left", "right")
    level = _side(down, "upper", "lower")
    to_side, to_end = (min(where, 1 - where) for where in (across, down))
    if not side and not level:
        return "at the centre"
    if max(to_side, to_end) <= _NEAR:
        return f"{'in' if max(to_side, to_end) <= _EDGE else 'near'} the {level} {side} corner"
    if to_side <= _NEAR:
        at = "at" if to_side <= _EDGE else "near"
        return f"{at} the {side} edge in the {level} half" if level else f"{at} the middle of the {side} edge"
    if to_end <= _NEAR:
        at = "at" if to_end <= _EDGE else "near"
        return f"{at} the {level} edge in the {side} half" if side else f"{at} the middle of the {level} edge"
    above = "above" if level == "upper" else "below"
    if not level or not side:
        return f"{side} of the centre" if side else f"{above} the centre"
    if abs(across - 0.5) >= abs(down - 0.5):
        return f"{side} of the centre in the {level} half"
    return f"{above} the centre in the {side} half"


def _side(where: float, before: str, behind: str) -> str:
    """On which side of the centre of its axis; empty near the centre."""
    if abs(where - 0.5) <= _CENTRE:
        return ""
    return before if where < 0.5 else behind
