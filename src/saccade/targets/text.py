"""Targets as text, for the command line and for files.

    sum      [sign] part { " + " part | " - " part }     spaces round the signs between parts
    part     [number "*"] kind [":" value]
    kind     one of `FORMS`; each file of targets says how its own kinds are written

A file's name may hold spaces, commas and signs. In double or single quotes, `like:"a - copy.jpg"`, it may hold
anything: a sign with spaces round it, `,than=`, spaces at its ends; a quote inside quotes is written twice.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from saccade.errors import InputError, UnknownName
from saccade.nearest_names import nearest
from saccade.targets import centring, components, directions, likeness, positions, reconstruction
from saccade.targets.form import TextForm, Unreadable
from saccade.targets.quoting import QUOTED
from saccade.targets.target import Target, total

_FORMS: tuple[TextForm, ...] = (
    *positions.TEXT_FORMS,
    *centring.TEXT_FORMS,
    *directions.TEXT_FORMS,
    *components.TEXT_FORMS,
    *likeness.TEXT_FORMS,
    *reconstruction.TEXT_FORMS,
)
"""Every kind of target that has a text form; a new file of targets is one more row."""

FORMS: Mapping[str, str] = {str(form): form.meaning for form in _FORMS}
"""The text forms that `parse` understands, and what each explains; they also add up: `like:b.jpg - 0.5*like:c.jpg`."""

_BY_KIND = {form.kind: [other for other in _FORMS if other.kind == form.kind] for form in _FORMS}

_PIECE = re.compile(rf"(?P<quoted>(?<=[:,=])\s*(?:{QUOTED}))|(?P<sign>(?<=\s)[-+](?=\s))|.", re.S)
_LEADING = re.compile(r"\s*(?P<sign>[-+])\s*(?=\S)")
_WEIGHTED = re.compile(r"\s*(?P<weight>[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*\*(?P<part>.*)", re.S)


def parse(text: str) -> Target:
    """Read a target from text: `code`, `channel:3`, `like:cat.jpg`, or a sum of them.

    Args:
        text: As in the grammar at the head of this file; `FORMS` lists the kinds.

    Raises:
        UnknownName: Not one of the forms; the nearest is given.
        InputError: One of the forms, with something that cannot be read; or no text.

    Example:
        >>> saccade.targets.parse("like:b.jpg - 0.5*like:c.jpg").question
        'what makes it like b.jpg, less 0.5 times what makes it like c.jpg'
    """
    if not isinstance(text, str):
        raise InputError(
            f"a value of type {type(text).__name__} is no target; give one of saccade.targets, or its text, such as "
            "'code'."
        )
    return total([(sign * weight, _part(part, text)) for sign, weight, part in _summands(text)])


def _summands(text: str) -> list[tuple[float, float, str]]:
    """Cut a sum at its signs: sign, weight, part."""
    leading = _LEADING.match(text)
    signs = [-1.0 if leading and leading["sign"] == "-" else 1.0]
    parts = [""]
    for piece in _PIECE.finditer(text, leading.end() if leading else 0):
        if piece["sign"]:
            signs.append(-1.0 if piece["sign"] == "-" else 1.0)
            parts.append("")
        else:
            parts[-1] += piece[0]
    summands = []
    for sign, part in zip(signs, parts, strict=True):
        if len(parts) > 1 and not part.strip():
            raise InputError(f"target {text!r} cannot be read: a part of the sum is missing.")
        weighted = _WEIGHTED.fullmatch(part)
        summands.append((sign, float(weighted["weight"]), weighted["part"]) if weighted else (sign, 1.0, part))
    return summands


def _part(part: str, text: str) -> Target:
    """Read one kind with its value; `text` is the whole, for messages."""
    kind, colon, value = part.strip().partition(":")
    forms = _BY_KIND.get(kind)
    if forms is None:
        raise _unknown(part.strip(), text)
    try:
        for form in forms:
            if bool(form.value) == bool(colon):
                return form.read(value)
        raise Unreadable
    except Unreadable as error:
        allowed = " or ".join(form.in_words() for form in forms)
        raise InputError(f"target {part.strip()!r} cannot be read; write {allowed}.") from error


def _unknown(part: str, text: str) -> UnknownName:
    kind = part.partition(":")[0]
    near = nearest(kind, _BY_KIND)
    message = f"no target {part!r}" + (f"; the nearest is {str(_BY_KIND[near[0]][0])!r}" if near else "")
    message += f"; allowed: {', '.join(FORMS)}."
    if part != text.strip():
        message += ' A file name with a sign between spaces goes in quotes: like:"a - copy.jpg".'
    elif re.match(r"[\d.]+\s*\*?\s*\w|\w+\s*[-+]", part) or ("*" in kind):
        message += " A sum has spaces round its signs, and * behind its numbers: 'like:b.jpg - 0.5*like:c.jpg'."
    return UnknownName(message)
