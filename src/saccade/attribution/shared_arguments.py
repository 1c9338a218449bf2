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
}
"""What they mean, unless a method says otherwise."""


def documented(function: Callable[..., Any]) -> str | None:
    """A method's documentation with all of its arguments, those that it shares with others before its own.

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
    settings = own[1] if own else ""
    shared = "".join(
        textwrap.fill(f"{name}: {SHARED[name]}", 112, initial_indent=" " * 4, subsequent_indent=" " * 8) + "\n"
        for name in inspect.signature(function).parameters
        if name in SHARED and not re.search(rf"^    {name}:", settings, re.M)
    )
    start, end = place.span() if own else (place.start(), place.start())
    text = f"{document}\n"
    return f"{text[:start]}Args:\n{shared}{settings}{'' if own else chr(10)}{text[end:]}".rstrip("\n")
