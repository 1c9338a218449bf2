"""Is there anything to explain? A dead, flat or saturated code, and a map of nothing, say so in plain words.

Such a map is drawn flat, but a reader may still take it for a finding: it is one about the model, not the image.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_EQUAL = 1e-6
"""Values that differ by less than this share of the largest are equal: float32 resolves no more."""
_TINY = 1e-13
"""The square of a code below this is lost beside what keeps divisions finite."""
_FEW = 16
"""A code of fewer numbers may well hold only two different ones."""


def code_degeneracies(codes: NDArray[np.floating], names: Sequence[str]) -> tuple[str, ...]:
    """Codes that say nothing: not numbers, dead, flat, saturated, or the same for all images.

    Args:
        codes: The codes, (images, rows, columns, channels).
        names: The images' names.
    """
    notes = list(_grouped([_of_code(code) for code in codes], names))
    alive = not notes and len(codes) > 1
    if alive and all(_close(each, codes[0]) for each in codes[1:]):
        notes.append(f"the code is the same for all {len(codes)} images: the model does not tell them apart")
    return tuple(notes)


def map_degeneracies(maps: NDArray[np.floating], names: Sequence[str], target: str | None) -> tuple[str, ...]:
    """Maps that show nothing: not numbers, or exactly zero everywhere.

    Args:
        maps: What a method found, (images, rows, columns).
        names: The images' names.
        target: The target's name; None for maps of which zero everywhere says something.
    """
    rows = maps.reshape(len(maps), -1)
    # Neither the least nor the greatest value is a number where any value is not.
    low, high = rows.min(axis=1), rows.max(axis=1)
    complaints: list[tuple[str, str] | None] = []
    for least, most in zip(low, high, strict=True):
        if not np.isfinite(least) or not np.isfinite(most):
            complaints.append(("the map of", "holds values that are not numbers (NaN or infinite); it shows nothing"))
        elif target is not None and least == most == 0:
            why = f"is zero everywhere: nothing in the image moves {target!r}, it is no finding"
            complaints.append(("the map of", why))
        else:
            complaints.append(None)
    return tuple(_grouped(complaints, names))


def _of_code(code: NDArray[np.floating]) -> tuple[str, str] | None:
    what = "the code of"
    if not np.isfinite(code).all():
        return what, "holds values that are not numbers (NaN or infinite); check the value range of the images"
    low, high = float(code.min()), float(code.max())
    if low == high == 0:
        return what, "is dead: every value is 0; there is nothing to explain"
    largest = max(abs(low), abs(high))
    if largest < _TINY:
        return (
            what,
            f"is tiny, at most {largest:.1g}: float32 cannot hold its squares, so a map shows nothing; scale it up",
        )
    if code.size == 1:
        return None
    if high - low <= _EQUAL * largest:
        return what, f"is flat: every value is {high:.4g}; there is little to explain"
    near = _EQUAL * (high - low)
    if code.size >= _FEW and (np.minimum(code - low, high - code) <= near).all():
        return (
            what,
            f"is saturated: every value is {low:.4g} or {high:.4g}; gradients vanish there, so maps of them are noise",
        )
    return None


def _close(a: NDArray[np.floating], b: NDArray[np.floating]) -> bool:
    return bool(np.abs(a - b).max() <= _EQUAL * max(float(np.abs(a).max()), float(np.abs(b).max())))


def _grouped(complaints: Sequence[tuple[str, str] | None], names: Sequence[str]) -> list[str]:
    """One sentence for each complaint, with the images that it is about."""
    by_complaint: dict[tuple[str, str], list[str]] = {}
    for complaint, name in zip(complaints, names, strict=True):
        if complaint is not None:
            by_complaint.setdefault(complaint, []).append(name)
    notes = []
    for (what, why), concerned in by_complaint.items():
        shown = ", ".join(concerned[:3]) + (f" and {len(concerned) - 3} more" if len(concerned) > 3 else "")
        notes.append(f"{what} {shown} {why}")
    return notes
