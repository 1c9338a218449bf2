"""Texts from the command line become numbers, sizes and names; what cannot be read says what it should look like."""

from __future__ import annotations

import re
from collections.abc import Sequence

from saccade.errors import InputError, UnknownName

_UNITS = {
    "": 1, "b": 1,
    "k": 2**10, "kb": 10**3, "kib": 2**10,
    "m": 2**20, "mb": 10**6, "mib": 2**20,
    "g": 2**30, "gb": 10**9, "gib": 2**30,
    "t": 2**40, "tb": 10**12, "tib": 2**40,
}  # fmt: skip


def memory(text: str) -> int:
    """Bytes from `2GiB`, `500MB`, `1.5g` or a plain number of bytes."""
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*", text.lower())
    if match is None or match[2] not in _UNITS:
        raise InputError(f"--memory {text!r} cannot be read; give a size such as 500MB or 2GiB.")
    size = int(float(match[1]) * _UNITS[match[2]])
    if size < 1:
        raise InputError(f"--memory {text!r}: give more than nothing, such as 500MB or 2GiB.")
    return size


def pair_of_numbers(option: str, text: str) -> tuple[float, float]:
    """Two numbers with a comma between them."""
    parts = _parts(text)
    try:
        low, high = (float(part) for part in parts)
    except ValueError as error:
        raise InputError(f"{option} {text!r} cannot be read; give LOW,HIGH such as 0,1 or -1,1 or 0,255.") from error
    return low, high


def size(option: str, text: str) -> tuple[int, int]:
    """Height and width, `224,224`; one number alone stands for a square."""
    parts = _parts(text)
    try:
        numbers = [int(part) for part in parts]
    except ValueError as error:
        raise InputError(f"{option} {text!r} cannot be read; give H,W such as 224,320, or one number.") from error
    if len(numbers) not in (1, 2) or min(numbers) < 1:
        raise InputError(f"{option} {text!r} cannot be read; give H,W such as 224,320, or one number.")
    return numbers[0], numbers[-1]


def input_shape(text: str) -> tuple[int | None, int | None, int]:
    """Height, width and channels; `free` for a side that may vary."""
    parts = _parts(text)
    try:
        height, width = (None if part in ("free", "none", "?", "-") else int(part) for part in parts[:-1])
        channels = int(parts[-1])
    except ValueError as error:
        raise InputError(
            f"--input-shape {text!r} cannot be read; give H,W,C such as 224,224,3, or free,free,3."
        ) from error
    if any(number is not None and number < 1 for number in (height, width, channels)):
        raise InputError(f"--input-shape {text!r}: every number must be 1 or more.")
    return height, width, channels


def whole_numbers(option: str, text: str, form: str) -> list[int]:
    """As many whole numbers as the form has words, with commas between them."""
    parts = _parts(text)
    try:
        numbers = [int(part) for part in parts]
    except ValueError:
        numbers = []
    if len(numbers) != len(form.split(",")):
        raise InputError(f"{option} {text!r} cannot be read; give {form}, whole numbers.")
    return numbers


def choice(kind: str, word: str, allowed: Sequence[str]) -> str:
    """One of a few words.

    Raises:
        UnknownName: It is none of them; the nearest is given.
    """
    if word not in allowed:
        raise UnknownName.of(kind, word, allowed)
    return word


def listed(texts: Sequence[str]) -> list[str]:
    """Words from a repeatable option that may also hold several with commas between; each once, in order."""
    words = [word.strip() for text in texts for word in text.split(",")]
    return list(dict.fromkeys(word for word in words if word))


def _parts(text: str) -> list[str]:
    return [part.strip().lower() for part in re.split(r"[,x]", text)]
