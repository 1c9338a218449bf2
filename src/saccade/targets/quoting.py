"""Names of files inside a target's text: in quotes where they could be taken for something else.

A name needs quotes if it holds a sign with spaces round it (`"a - copy.jpg"`), `,than=`, a quote at its start or behind
`:`, `,` or `=`, or space at an end. Inside quotes, a quote is written twice.
"""

from __future__ import annotations

import re

from saccade.errors import InputError

QUOTED = r""""(?:[^"]|"")*"|'(?:[^']|'')*\'"""
"""Matches a name in quotes."""

_AMBIGUOUS = re.compile(r"""\s[-+](\s|$)|\s*,\s*than=|^\s|\s$|(^|[:,=]\s*)["']|^$""")


def quoted(name: str) -> str:
    """The name as it stands in a text."""
    return '"' + name.replace('"', '""') + '"' if _AMBIGUOUS.search(name) else name


def unquoted(text: str) -> str:
    """The name that a text means.

    Raises:
        InputError: A quote is not closed, something follows it, or there is no name.
    """
    text = text.strip()
    if text[:1] in ('"', "'"):
        mark = text[0]
        if not re.fullmatch(f"{mark}(?:[^{mark}]|{mark}{mark})*{mark}", text, re.S):
            raise InputError(
                f"{text!r} cannot be read: a name that starts with a quote ends with the same quote, and a quote "
                "inside it is written twice."
            )
        text = text[1:-1].replace(mark * 2, mark)
    if not text:
        raise InputError("a file name is missing.")
    return text
