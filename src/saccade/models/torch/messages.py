"""Quoting what PyTorch says about an error, in one clean line."""

from __future__ import annotations

import re

_LONGEST = 200
_COLOUR = re.compile(r"\x1b\[[0-9;]*[A-Za-z]?")


def telling_line(error: BaseException | None) -> str:
    """The line of an error's message that says what is wrong; the name of its class where it says nothing."""
    text = _COLOUR.sub("", str(error or ""))
    lines = [clean for line in text.splitlines() if (clean := _printable(line))]
    if not lines:
        return type(error).__name__
    # TorchScript puts the way to the error first, and what it is last.
    line = lines[-1] if "TorchScript interpreter" in lines[0] else lines[0]
    if line.endswith("list index out of range"):  # which is also how a division that was guarded ends
        return "it asks a list for an item that is not there, or divides by 0"
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}..."


def _printable(line: str) -> str:
    return " ".join("".join(character if character.isprintable() else " " for character in line).split())
