"""What people know of photos beforehand: what is on them, whose they are, and where their subjects lie."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from saccade.errors import InputError, UnknownName
from saccade.typing import Box

_ENTRIES = ("description", "credit", "subject")
_SIDES = 4


@dataclass(frozen=True)
class AboutPhoto:
    """What is known of one photo.

    Attributes:
        description: What is on it, for those who cannot see it.
        credit: Whose it is, and under which licence.
        subject: Where its subject lies, as left, top, right and bottom in shares of width and height.
    """

    description: str = ""
    credit: str = ""
    subject: Box | None = None


def about_photos(about: Mapping[str, Any] | None, names: Sequence[str]) -> dict[str, AboutPhoto]:
    """What is known of each photo that something is known of.

    Args:
        about: By the photos' names mappings with `description`, `credit` and `subject`, each of which may be missing.
        names: The photos' names.

    Raises:
        UnknownName: A photo that is not there, or an entry that is none.
        InputError: An entry of the wrong kind.
    """
    about_each = {}
    for name, entries in (about or {}).items():
        if name not in names:
            raise UnknownName.of("photo", name, names)
        if not isinstance(entries, Mapping):
            raise InputError(
                f"what is known of {name} is {entries!r:.60}; give some of {', '.join(_ENTRIES)} by their names."
            )
        for entry in entries:
            if entry not in _ENTRIES:
                raise UnknownName.of(f"entry of {name}", entry, _ENTRIES)
        box = entries.get("subject")
        about_each[name] = AboutPhoto(
            _text(name, "description", entries),
            _text(name, "credit", entries),
            None if box is None else _box(name, box),
        )
    return about_each


def _text(name: str, entry: str, entries: Mapping[str, Any]) -> str:
    text = entries.get(entry, "")
    if not isinstance(text, str):
        raise InputError(f"the {entry} of {name} is {text!r:.60}; give a text.")
    return text


def _box(name: str, box: Any) -> Box:
    sides = list(box) if isinstance(box, Sequence) and not isinstance(box, str) else []
    numbers = [side for side in sides if isinstance(side, (int, float)) and not isinstance(side, bool)]
    if len(numbers) != _SIDES or len(sides) != _SIDES:
        raise InputError(
            f"the subject of {name} is {box!r:.60}; give its left, top, right and bottom, such as [0.1, 0, 0.9, 1]."
        )
    left, top, right, bottom = numbers
    if not (0 <= left < right <= 1 and 0 <= top < bottom <= 1):
        raise InputError(
            f"the subject of {name} is {box!r:.60}; its left, top, right and bottom are shares of the photo's width "
            "and height, from 0 to 1, left before right and top before bottom."
        )
    return float(left), float(top), float(right), float(bottom)
