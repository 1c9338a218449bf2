"""Everything that can go wrong for a reason that the user can correct.

    SaccadeError                  catch this one
    ├── InputError                what was given cannot be used: one plain line says what, what is allowed, what to do
    │   ├── FileError             a file or folder is missing, unreadable, damaged, or cannot be written
    │   ├── ImageError            a photo or image cannot be used: empty, truncated, wrong channels
    │   │   └── ImageTooLarge     it has more pixels, bytes or passes than are read
    │   ├── ModelError            not a model, not differentiable, or not to be opened without trust
    │   ├── UnknownName           no layer, method, target or option of that name; the nearest match is given
    │   └── NotApplicable         the method, target or layer exists but cannot answer for this model
    ├── MissingPackage            an optional package is needed; the line says which extra installs it
    ├── MemoryBudgetError         not even one image fits into the memory that is allowed
    └── Cancelled                 the caller asked to stop

`SaccadeWarning` marks a result that is valid but should be read with care.
"""

from __future__ import annotations

import difflib
import heapq
import re
from collections.abc import Iterable
from pathlib import PurePath

_ALIKE = 0.6
"""Names that are less alike (twice the letters in common, as a share of all) are no slips of the keys of each other."""
_CUT, _SHORT = 0.02, 3
"""A name that begins like another one counts this much less than one that is all like it, from so many letters on."""
_LONGEST = 255
"""Names of files have no more letters; what is longer is compared by its beginning."""


def one_line(text: str) -> str:
    """The text as one line that any terminal can show: no line breaks, colour codes or other unprintable signs.

    Names of files and messages of other programs stand in messages, and may hold anything.
    """
    text = re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", text)
    text = re.sub(r"\s+", " ", text).strip()
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text)


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
    for known in names:
        by_stem.setdefault(PurePath(known).stem, []).append(known)
    likeness = _likenesses(PurePath(name).stem, by_stem)
    most = max(likeness.values(), default=0.0)
    files = [known for stem, value in likeness.items() if value == most for known in by_stem[stem]]
    ending = PurePath(name).suffix.casefold()
    return min(files, key=lambda known: (PurePath(known).suffix.casefold() != ending, known), default=None)


def _likenesses(name: str, names: Iterable[str]) -> dict[str, float]:
    """How much each name is like this one, from 0 to 1; without those that are far from it."""
    sought = name[:_LONGEST].casefold()
    matcher = difflib.SequenceMatcher(None, "", sought)
    likeness: dict[str, float] = {}
    for known in dict.fromkeys(names):
        folded = known[:_LONGEST].casefold()
        value = _likeness(matcher, folded)
        if _SHORT <= len(sought) < len(folded):
            value = max(value, _likeness(matcher, folded[: len(sought)]) - _CUT)
        if value >= _ALIKE:
            likeness[known] = value
    return likeness


def _likeness(matcher: difflib.SequenceMatcher[str], known: str) -> float:
    """From 0 to 1, by letters in common in one order; 0 as soon as it is clear that the two are far from each other."""
    matcher.set_seq1(known)
    if matcher.real_quick_ratio() < _ALIKE or matcher.quick_ratio() < _ALIKE:
        return 0.0
    return matcher.ratio()


class SaccadeError(Exception):
    """Base of every error that saccade raises on purpose; its message is one line."""

    def __str__(self) -> str:
        return one_line(super().__str__())


class InputError(SaccadeError):
    """What was given cannot be used; the message says what to do."""


class FileError(InputError):
    """A file or folder is missing, unreadable, damaged or cannot be written."""


class ImageError(InputError):
    """A photo or image cannot be used."""


class ImageTooLarge(ImageError):
    """A photo or image has more pixels, bytes or passes than are read."""


class ModelError(InputError):
    """A model cannot be opened or cannot be asked."""


class UnknownName(InputError):
    """A name is not one of those allowed."""

    @classmethod
    def of(cls, kind: str, name: object, allowed: Iterable[str], *, hint: str = "") -> UnknownName:
        """Build the message: what was given, the nearest match, what is allowed, what to do.

        Args:
            kind: What the name should be, in the singular (`"layer"`, `"method"`).
            name: The name that was given, or what was given in place of one.
            allowed: The names that exist.
            hint: A closing sentence that says how to see them all.
        """
        names = list(allowed)
        near = nearest(name, names) if isinstance(name, str) else []
        text = f"no {kind} {repr(name)[:60]}"
        if near:
            text += f"; the nearest is {near[0]!r}"
        if len(names) <= 12:
            text += f"; allowed: {', '.join(names)}"
        return cls(f"{text}. {hint}" if hint else f"{text}.")


class NotApplicable(InputError):
    """A method, target or layer cannot answer for this model."""


class MissingPackage(SaccadeError):
    """An optional package is not installed."""

    @classmethod
    def of(cls, package: str, extra: str) -> MissingPackage:
        """Say which package is missing and which extra brings it."""
        return cls(f"{package} is not installed; install it with: pip install 'saccade[{extra}]'")


class MemoryBudgetError(SaccadeError):
    """Not even one image fits into the memory that is allowed."""


class Cancelled(SaccadeError):
    """The caller asked to stop."""


class SaccadeWarning(UserWarning):
    """The result is valid but should be read with care."""

    def __str__(self) -> str:
        return one_line(super().__str__())
