"""What does the header of a TIFF say? The little that must be known before, or in place of, decoding one."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any, BinaryIO

_SUBFILE, _WIDTH, _HEIGHT, _BITS, _PHOTOMETRIC, _SAMPLES, _FORMAT = 254, 256, 257, 258, 262, 277, 339
_SIZES = {3: 2, 4: 4, 5: 8, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
"""Bytes of one value, by the code of its type; others have one."""
_NUMBERS = {1: "whole numbers", 2: "signed whole numbers", 3: "floats", 5: "complex numbers", 6: "complex numbers"}
_ORDINARY = {(0, 1), (1, 1), (1, 2), (3, 1), (3, 2), (2, 3), (2, 4), (5, 4), (6, 3), (8, 3)}
"""What the colours are (grey, a palette, RGB, CMYK, YCbCr, Lab), and in how many bands, of a TIFF that is read."""
_MOST_ENTRIES = 4096


@dataclass(frozen=True)
class Entry:
    """One tag of a page.

    Attributes:
        tag: Its number.
        kind: The code of its type.
        count: How many values it has.
        field: The values where they fit in, else where they lie.
        order: Which byte comes first, as `struct` writes it.
    """

    tag: int
    kind: int
    count: int
    field: bytes
    order: str

    @property
    def length(self) -> int:
        """Bytes of all values."""
        return self.count * _SIZES.get(self.kind, 1)

    def first(self, stream: BinaryIO) -> int:
        """The first of its values, a whole number.

        Raises:
            struct.error: It is none, or the file ends before it.
        """
        letter = {1: "B", 3: "H", 4: "I", 16: "Q"}.get(self.kind)
        if letter is None or not self.count:
            raise struct.error("no whole number")
        data = self.field
        if self.length > len(self.field):
            stream.seek(int.from_bytes(self.field, "little" if self.order == "<" else "big"))
            data = stream.read(struct.calcsize(letter))
        return int(struct.unpack_from(self.order + letter, data)[0])


@dataclass(frozen=True)
class _Form:
    """How the numbers of a file are written: byte order, and their widths in a directory."""

    order: str
    count: str
    entry: str
    place: str
    start: int

    @classmethod
    def of(cls, stream: BinaryIO) -> _Form:
        stream.seek(0)
        head = stream.read(16)
        order = "<" if head.startswith(b"I") else ">"
        if b"+" in head[2:4]:  # BigTIFF
            return cls(order, "Q", "HHQ8s", "Q", struct.unpack_from(f"{order}Q", head, 8)[0])
        return cls(order, "H", "HHI4s", "I", struct.unpack_from(f"{order}I", head, 4)[0])

    def read(self, stream: BinaryIO, layout: str) -> tuple[Any, ...]:
        return struct.unpack(self.order + layout, stream.read(struct.calcsize(self.order + layout)))


def entries(stream: BinaryIO) -> list[Entry]:
    """The tags of the first page.

    Raises:
        struct.error: The file ends before they do.
    """
    form = _Form.of(stream)
    return _directory(stream, form, form.start)[0]


def full_pages(stream: BinaryIO, most: int) -> list[int]:
    """Which pages, counted from 0, are no reduced copy of another one? No more than `most` pages are looked at.

    A list that is damaged ends there; the first page is always in it.
    """
    pages: list[int] = []
    visited: set[int] = set()
    try:
        form = _Form.of(stream)
        place = form.start
        while place and place not in visited and len(visited) < most:
            tags, following = _directory(stream, form, place)
            if not any(entry.tag == _SUBFILE and entry.first(stream) & 1 for entry in tags):
                pages.append(len(visited))
            visited.add(place)
            place = following
    except (struct.error, OverflowError, OSError, ValueError):
        pass
    return pages or [0]


def _directory(stream: BinaryIO, form: _Form, place: int) -> tuple[list[Entry], int]:
    """The tags of a page, and where the next one lies; 0: there is none."""
    stream.seek(place)
    (count,) = form.read(stream, form.count)
    if count > _MOST_ENTRIES:
        raise struct.error("too many tags")
    rows = [form.read(stream, form.entry) for _ in range(count)]
    (following,) = form.read(stream, form.place)
    return [Entry(tag, kind, values, field, form.order) for tag, kind, values, field in rows], following


def unread_content(stream: BinaryIO) -> str | None:
    """What does the first page hold, `"5 bands of 16-bit whole numbers"`, if it is of a kind that is not read here?

    None if it is of an ordinary kind, or its header does not make sense: then it must be damaged.
    """
    try:
        tags = {entry.tag: entry for entry in entries(stream)}
        width, height = tags[_WIDTH].first(stream), tags[_HEIGHT].first(stream)
        bits, bands, numbers = (tags[tag].first(stream) if tag in tags else 1 for tag in (_BITS, _SAMPLES, _FORMAT))
        colours = tags[_PHOTOMETRIC].first(stream)
    except (struct.error, KeyError, OSError, OverflowError, ValueError):
        return None
    sensible = width and height and 1 <= bits <= 128 and 1 <= bands <= 10_000 and numbers in _NUMBERS
    ordinary = numbers == 1 and bits in (1, 2, 4, 8, 16) and (colours, bands) in _ORDINARY
    if ordinary or not sensible:
        return None
    return f"{bands} band{'s' * (bands != 1)} of {bits}-bit {_NUMBERS[numbers]}"
