"""How a kind of target is written as text, and how its values are read.

Each file of targets lists its own forms; `saccade.targets.text` collects them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from saccade.targets.quoting import unquoted

if TYPE_CHECKING:
    from saccade.targets.target import Target


@dataclass(frozen=True)
class TextForm:
    """One way to write one kind of target; a kind may have a form without a value and one with it.

    Attributes:
        kind: The word in front of the colon.
        value: What stands behind the colon, in capitals: `"ROW,COLUMN"`; empty if nothing does.
        meaning: What it explains, in a few words.
        read: Makes the target from the value; raises `Unreadable` if it is not of this form.
        example: A value that can be read.
    """

    kind: str
    value: str
    meaning: str
    read: Callable[[str], Target]
    example: str = ""

    def __str__(self) -> str:
        """`cell:ROW,COLUMN`."""
        return f"{self.kind}:{self.value}" if self.value else self.kind

    def in_words(self) -> str:
        """`cell:ROW,COLUMN, such as cell:4,5`."""
        return f"{self}, such as {self.kind}:{self.example}" if self.example else str(self)


class Unreadable(Exception):
    """A value that is not of its form."""


def whole_number(text: str) -> int:
    """`3`.

    Raises:
        Unreadable: It is none.
    """
    if not re.fullmatch(r"\s*[-+]?\d+\s*", text):
        raise Unreadable
    return int(text)


def two_values(text: str) -> tuple[str, str]:
    """What stands in front of and behind the first comma.

    Raises:
        Unreadable: There is no comma.
    """
    first, comma, second = text.partition(",")
    if not comma:
        raise Unreadable
    return first, second


def bounds(text: str) -> tuple[int | None, int | None]:
    """`2:5`; None for a bound that is left out.

    Raises:
        Unreadable: There is no colon, or something else than numbers beside it.
    """
    start, colon, stop = text.partition(":")
    if not colon:
        raise Unreadable
    return whole_number(start) if start.strip() else None, whole_number(stop) if stop.strip() else None


def file_name(text: str) -> str:
    """A file's name, in quotes or without.

    Raises:
        Unreadable: There is none.
        InputError: Its quotes do not match.
    """
    if not text.strip():
        raise Unreadable
    return unquoted(text)
