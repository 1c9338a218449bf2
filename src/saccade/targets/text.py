"""Targets as text, for the command line and for files.

    sum      [sign] part { " + " part | " - " part }     spaces round the signs between parts
    part     [number "*"] kind [":" value]
    kind     code                                        the whole code
             channel:K                                   one channel, counted from 0
             cell:ROW,COLUMN                             one cell
             region:ROWS,COLUMNS                         cells, such as 2:5,1:4 (rows 2 to 4, columns 1 to 3)
             direction:FILE.npy                          a vector: the code's shape, or one number per channel
             component:K,FOLDER                          principal component K of the cells of a folder's pictures
             like:PICTURE, unlike:PICTURE                another picture
             toward:PICTURE,than=PICTURE                 more like the one than like the other
             reconstruction_error                        how badly the picture is redrawn
             reconstruction_error:ROWS,COLUMNS           the same in a part of the picture, in pixels

A file's name may hold spaces, commas and signs. In double or single quotes, `like:"a - copy.jpg"`, it may hold
anything: a sign with spaces round it, `,than=`, spaces at its ends; a quote inside quotes is written twice.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable

from saccade.errors import InputError, UnknownName
from saccade.targets.directions import component, direction
from saccade.targets.likeness import like, toward, unlike
from saccade.targets.positions import cell, channel, code, region
from saccade.targets.quoting import unquoted
from saccade.targets.reconstruction import reconstruction_error
from saccade.targets.sums import total
from saccade.targets.target import Target

FORMS = (
    "code",
    "channel:K",
    "cell:ROW,COLUMN",
    "region:ROWS,COLUMNS",
    "direction:FILE.npy",
    "component:K,FOLDER",
    "like:PICTURE",
    "unlike:PICTURE",
    "toward:PICTURE,than=PICTURE",
    "reconstruction_error",
    "reconstruction_error:ROWS,COLUMNS",
)
"""The text forms that `parse` understands; they also add up: `code - 0.5*like:b.jpg`."""

_QUOTED = r""""(?:[^"]|"")*"|'(?:[^']|'')*\'"""
_PIECE = re.compile(rf"(?P<quoted>(?<=[:,=])\s*(?:{_QUOTED}))|(?P<sign>(?<=\s)[-+](?=\s))|.", re.S)
_LEADING = re.compile(r"\s*(?P<sign>[-+])\s*(?=\S)")
_WEIGHTED = re.compile(r"\s*(?P<weight>[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*\*(?P<part>.*)", re.S)
_PAIR = re.compile(rf"(?P<a>\s*(?:{_QUOTED})\s*|.*?)\s*,\s*than=(?P<b>.*)", re.S)


def parse(text: str) -> Target:
    """Read a target from text: `code`, `channel:3`, `like:cat.jpg`, or a sum such as `code - 0.5*like:cat.jpg`.

    Args:
        text: As in the grammar at the head of this file; `FORMS` lists the kinds.

    Raises:
        UnknownName: Not one of the forms; the nearest is given.
        InputError: One of the forms, with something that cannot be read.

    Example:
        >>> saccade.targets.parse("code - 0.5*like:b.jpg").question
        'what the code is made of, less 0.5 times what makes it like b.jpg'
    """
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
    found = []
    for sign, part in zip(signs, parts, strict=True):
        if len(parts) > 1 and not part.strip():
            raise InputError(f"target {text!r} cannot be read: a part of the sum is missing.")
        weighted = _WEIGHTED.fullmatch(part)
        found.append((sign, float(weighted["weight"]), weighted["part"]) if weighted else (sign, 1.0, part))
    return found


def _part(part: str, text: str) -> Target:
    kind, colon, value = part.strip().partition(":")
    alone = kind in ("code", "reconstruction_error")
    if kind not in _KINDS or (not colon and not alone) or (colon and kind == "code"):
        raise _unknown(part.strip(), text)
    read, example = _KINDS[kind]
    try:
        return read(value)
    except _Unreadable as error:
        raise InputError(f"target {part.strip()!r} cannot be read; write {example}.") from error


class _Unreadable(Exception):
    """A value that is not of the form its kind asks for."""


def _unknown(part: str, text: str) -> InputError:
    kind = part.partition(":")[0]
    forms = {form.split(":")[0]: form for form in reversed(FORMS)}
    if kind in forms:
        return InputError(f"target {part!r} cannot be read; write {forms[kind]}.")
    near = difflib.get_close_matches(kind, forms, n=1, cutoff=0.4)
    message = f"no target {part!r}" + (f"; the nearest is {forms[near[0]]!r}" if near else "")
    message += f"; allowed: {', '.join(FORMS)}."
    if part != text.strip():
        message += ' A file name with a sign between spaces goes in quotes: like:"a - copy.jpg".'
    elif re.match(r"[\d.]+\s*\*?\s*\w|\w+\s*[-+]", part) or ("*" in kind):
        message += " A sum has spaces round its signs, and * behind its numbers: 'code - 0.5*like:b.jpg'."
    return UnknownName(message)


def _number(text: str) -> int:
    if not re.fullmatch(r"\s*[-+]?\d+\s*", text):
        raise _Unreadable
    return int(text)


def _two(text: str) -> tuple[str, str]:
    first, comma, second = text.partition(",")
    if not comma:
        raise _Unreadable
    return first, second


def _span(text: str) -> tuple[int | None, int | None]:
    start, colon, stop = text.partition(":")
    if not colon:
        raise _Unreadable
    return _number(start) if start.strip() else None, _number(stop) if stop.strip() else None


def _name(text: str) -> str:
    if not text.strip():
        raise _Unreadable
    return unquoted(text)


def _code(value: str) -> Target:  # noqa: ARG001
    return code()


def _channel(value: str) -> Target:
    return channel(_number(value))


def _cell(value: str) -> Target:
    row, column = _two(value)
    return cell(_number(row), _number(column))


def _region(value: str) -> Target:
    rows, columns = _two(value)
    return region(_span(rows), _span(columns))


def _direction(value: str) -> Target:
    return direction(_name(value))


def _component(value: str) -> Target:
    index, folder = _two(value)
    return component(_number(index), _name(folder))


def _like(value: str) -> Target:
    return like(_name(value))


def _unlike(value: str) -> Target:
    return unlike(_name(value))


def _toward(value: str) -> Target:
    found = _PAIR.fullmatch(value)
    if found is None:
        raise _Unreadable
    return toward(_name(found["a"]), than=_name(found["b"]))


def _reconstruction_error(value: str) -> Target:
    if not value:
        return reconstruction_error()
    rows, columns = _two(value)
    return reconstruction_error(rows=_span(rows), columns=_span(columns))


_KINDS: dict[str, tuple[Callable[[str], Target], str]] = {
    "code": (_code, "code"),
    "channel": (_channel, "channel:K, such as channel:3"),
    "cell": (_cell, "cell:ROW,COLUMN, such as cell:4,5"),
    "region": (_region, "region:ROWS,COLUMNS, such as region:2:5,1:4"),
    "direction": (_direction, "direction:FILE.npy"),
    "component": (_component, "component:K,FOLDER, such as component:0,photos"),
    "like": (_like, "like:PICTURE, such as like:b.jpg"),
    "unlike": (_unlike, "unlike:PICTURE, such as unlike:b.jpg"),
    "toward": (_toward, "toward:PICTURE,than=PICTURE, such as toward:a.jpg,than=b.jpg"),
    "reconstruction_error": (
        _reconstruction_error,
        "reconstruction_error or reconstruction_error:ROWS,COLUMNS, such as reconstruction_error:10:40,20:60",
    ),
}
