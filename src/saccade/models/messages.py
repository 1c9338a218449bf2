"""What is wrong with a file, in one line: which file, which layer, which shapes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from saccade.errors import InputError


@contextmanager
def file_named(path: Path) -> Iterator[None]:
    """Put the name of the file before what is wrong with it."""
    try:
        yield
    except InputError as error:
        if str(path) in str(error) or str(error).startswith(path.name):
            raise
        raise type(error)(f"{path.name}: {error}") from error


def layer_label(name: Any, kind: Any = None) -> str:
    """How a layer is called in a message."""
    return f"layer {shortened(name)}" if kind is None else f"layer {shortened(name)} ({str(kind)[:60]})"


def shortened(value: Any, most: int = 60) -> str:
    """A value of a file in a message: printable, and not too long."""
    text = repr(value)
    return text if len(text) <= most else f"{text[: most - 3]}..."


def misfit(name: str, kind: str, place: str, expected: list[tuple[int, ...]], stored: list[tuple[int, ...]]) -> str:
    """Which layer expected which shapes, and what the file holds."""
    return (
        f"layer {name!r} ({kind}) expects weights of shape {_shapes(expected)}, the file holds "
        f"{_shapes(stored)} under {shortened(place)}."
    )


def _shapes(shapes: list[tuple[int, ...]]) -> str:
    return ", ".join(map(str, shapes)) or "none"


def plain_sentence(error: BaseException) -> str:
    """What another program says of a fault, as one line without colours and without a list of its arguments."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", str(error))
    # TensorFlow says what is wrong behind the lines of code that led there, and before the node in brackets.
    text = re.sub(r"(?s)^Graph execution error:.*?\n(?=[^\n]*\n\s*\[\[)", "", text).partition("[[{{")[0]
    text = text.partition(" for '{{node")[0]
    text = re.split(r"(?:Exception|Error) encountered:\s*", text)[-1]
    text = re.sub(r"^Exception encountered when calling [^\n]*\n+", "", text.strip())
    text = text.partition("\n\nArguments received")[0].partition(". Received")[0].partition("\nReceived")[0]
    text = "".join(letter if letter.isprintable() else " " for letter in text)
    return " ".join(text.split())[:200].rstrip(". ")


def cannot_compute(name: str, size: tuple[int, int], error: BaseException) -> str:
    """The line for a model that fails while it computes an image of this height and width."""
    return f"{name!r} cannot compute an image of {size[0]}x{size[1]}: {plain_sentence(error)}."
