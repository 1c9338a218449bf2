"""Which images did saccade write itself? Its pages often lie among the photos, and are no photos."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

MARK = "saccade:"
"""Begins the name of every setting that saccade writes into an image file."""

_LONGEST = 2**20
"""Bytes of a part that are searched for the mark; the mark stands near its beginning."""
_PNG = b"\x89PNG\r\n\x1a\n"


def is_own_page(path: Path) -> bool:
    """Did saccade write this image? Read from the settings inside; no pixel is decoded.

    A file that cannot be read or is damaged is none of saccade's: whoever reads it as a photo will say so.
    """
    if path.suffix.lower() not in (".png", ".jpg", ".jpeg", ".webp"):
        return False
    try:
        with path.open("rb") as file:
            start = file.read(12)
            if start.startswith(_PNG):
                return any(part.startswith(MARK.encode()) for part in _png_texts(file))
            parts = _jpeg_exif(file) if start.startswith(b"\xff\xd8") else _webp_exif(file, start)
            # A mapping in JSON, in the description of the image.
            return any(f'{{"{MARK}'.encode() in part for part in parts)
    except (OSError, ValueError):
        return False


def _png_texts(file: BinaryIO) -> Iterator[bytes]:
    """The texts of a PNG that stand before its pixels."""
    file.seek(len(_PNG))
    while len(head := file.read(8)) == 8 and head[4:] != b"IDAT":
        length = int.from_bytes(head[:4], "big")
        if head[4:] in (b"iTXt", b"tEXt"):
            part = file.read(min(length, _LONGEST))
            yield part
            length -= len(part)
        file.seek(length + 4, 1)  # the rest, and its checksum


def _jpeg_exif(file: BinaryIO) -> Iterator[bytes]:
    """The Exif parts of a JPEG; they stand before its pixels."""
    file.seek(2)
    while len(head := file.read(4)) == 4 and head[0] == 0xFF and head[1] != 0xDA:
        length = int.from_bytes(head[2:], "big") - 2
        part = file.read(max(length, 0))
        if head[1] == 0xE1:
            yield part


def _webp_exif(file: BinaryIO, start: bytes) -> Iterator[bytes]:
    """The Exif parts of a WebP; they stand behind its pixels."""
    if start[:4] != b"RIFF" or start[8:] != b"WEBP":
        return
    while len(head := file.read(8)) == 8:
        length = int.from_bytes(head[4:], "little")
        if head[:4] == b"EXIF":
            yield file.read(min(length, _LONGEST))
            return
        file.seek(length + length % 2, 1)
