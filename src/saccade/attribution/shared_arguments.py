"""The arguments that all methods share, said once; `method` writes them into each method's documentation."""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Callable
from typing import Any

SHARED = {
    "run": "The call, on an encoder.",
    "images": "(images, height, width, channels).",
    "target": "What is explained.",
    "targets": "What is explained; any number of targets shares the same passes.",
    "low_pass": "Standard deviation in pixels of the smoothing of the view; by default a quarter of a code cell. "
    "0 shows every pixel as it is.",
    "centred": "Take each channel's mean over the places away first, which moves the zero of the map to its mean and "
    "changes nothing else. By default only for the whole code: nothing speaks against it, and what all places share "
    "would hide the rest. For other targets zero is no evidence, and negative is evidence against.",
}
"""What they mean, unless a method says otherwise."""


def documented(function: Callable[..., Any]) -> str | None:
    """A method's documentation with all of its arguments in their order, also those that it shares with others.

    A method lists its own settings under `Settings:`, and this becomes `Args:`. One that has `Args:` already, or no
    parts at all, says what it wants itself and is left alone.

    Example:
        >>> def brightness(run, images, target):
        ...     '''Where is it bright?
        ...
        ...     Returns:
        ...         A map.
        ...     '''
        >>> print(documented(brightness).splitlines()[3])
            run: The call, on an encoder.
    """
    document = inspect.getdoc(function)
    if document is None or re.search(r"^Args:$", document, re.M):
        return document
    own = re.search(r"^Settings:\n((?:[ ]{4}.*\n)+)", document + "\n", re.M)
    place = own or re.search(r"^Returns:$", document, re.M)
    if place is None:
        return document
    listed = re.split(r"^(?=    \w)", own[1] if own else "", flags=re.M)
    settings = {entry.split(":")[0].strip(): entry for entry in listed if entry}
    names = [*inspect.signature(function).parameters]
    shared = {name: _entry(name) for name in names if name in SHARED}
    entries = {**dict.fromkeys(names, ""), **shared, **settings}
    start, end = place.span() if own else (place.start(), place.start())
    text = f"{document}\n"
    return f"{text[:start]}Args:\n{''.join(entries.values())}{'' if own else chr(10)}{text[end:]}".rstrip("\n")


def _entry(name: str) -> str:
    text = textwrap.fill(f"{name}: {SHARED[name]}", 116, initial_indent=" " * 4, subsequent_indent=" " * 8)
    return f"{text}\n"
