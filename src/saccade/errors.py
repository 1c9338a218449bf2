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

import re
from collections.abc import Iterable

from saccade.nearest_names import nearest


def one_line(text: str) -> str:
    """The text as one line that any terminal can show: no line breaks, colour codes or other unprintable signs.

    Names of files and messages of other programs stand in messages, and may hold anything.
    """
    text = re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", text)
    text = re.sub(r"\s+", " ", text).strip()
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text)


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
