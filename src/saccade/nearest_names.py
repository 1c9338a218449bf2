"""The names that somebody may have meant: most like the one given, and none that is far from it."""

from __future__ import annotations

import difflib
import heapq
from collections.abc import Iterable
from pathlib import PurePath

_ALIKE = 0.6
"""Names that are less alike (twice the letters in common, as a share of all) are no slips of the keys of each other."""
_CUT, _SHORT = 0.02, 3
"""A name that begins like another one counts this much less than one that is all like it, from so many letters on."""
_LONGEST = 255
"""Names of files have no more letters; what is longer is compared by its beginning."""


def nearest(name: str, names: Iterable[str], count: int = 1) -> list[str]:
    """The names that somebody may have meant: most like this one, or beginning most like it; none that is far from it.

    Args:
        name: What was given.
        names: The names that exist.
        count: How many are wanted at most.

    Example:
        >>> nearest("oclusion", ["occlusion", "saliency"]), nearest("sal", ["occlusion", "saliency"])
        (['occlusion'], ['saliency'])
        >>> nearest("cup", ["coffee", "cat"])
        []
    """
    likeness = _likenesses(name, names)
    return heapq.nlargest(count, likeness, key=likeness.__getitem__)


def nearest_file(name: str, names: Iterable[str]) -> str | None:
    """The file that somebody may have meant: by the name without its ending, which says little; None if all are far.

    Example:
        >>> nearest_file("kat.jpg", ["cat.jpeg", "dog.jpg"]), nearest_file("coffee.png", ["cup.png"])
        ('cat.jpeg', None)
    """
    by_stem: dict[str, list[str]] = {}
    for candidate in names:
        by_stem.setdefault(PurePath(candidate).stem, []).append(candidate)
    likeness = _likenesses(PurePath(name).stem, by_stem)
    most = max(likeness.values(), default=0.0)
    files = [candidate for stem, value in likeness.items() if value == most for candidate in by_stem[stem]]
    ending = PurePath(name).suffix.casefold()
    return min(files, key=lambda candidate: (PurePath(candidate).suffix.casefold() != ending, candidate), default=None)


def _likenesses(name: str, names: Iterable[str]) -> dict[str, float]:
    """How much each name is like this one, from 0 to 1; without those that are far from it."""
    sought = name[:_LONGEST].casefold()
    matcher = difflib.SequenceMatcher(None, "", sought)
    likeness: dict[str, float] = {}
    for candidate in dict.fromkeys(names):
        folded = candidate[:_LONGEST].casefold()
        value = _likeness(matcher, folded)
        if _SHORT <= len(sought) < len(folded):
            value = max(value, _likeness(matcher, folded[: len(sought)]) - _CUT)
        if value >= _ALIKE:
            likeness[candidate] = value
    return likeness


def _likeness(matcher: difflib.SequenceMatcher[str], candidate: str) -> float:
    """From 0 to 1, by letters in common in one order; 0 as soon as it is clear that the two are far from each other."""
    matcher.set_seq1(candidate)
    if matcher.real_quick_ratio() < _ALIKE or matcher.quick_ratio() < _ALIKE:
        return 0.0
    return matcher.ratio()
