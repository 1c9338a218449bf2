"""How much may a file ask for? Checked before a decoder sees it, since decoders allocate whatever a header says.

A few bytes can promise a million pixels, a tag of four gigabytes, or three thousand passes over the photo. What
counts is `max_pixels` of the recipe: a photo of that many pixels can be read whatever its format, and nothing is read
that takes much more memory or time than that.

    pixels            at most max_pixels; for WebP five eighths of them, since its decoder keeps four copies
    a side            at most a sixteenth of max_pixels
    bytes of a file   at most 8 a pixel of max_pixels; WebP and AVIF, which are read as a whole, 4
    metadata          at most 256 MiB; before the pixels of a JPEG 32 MiB
    passes            over a progressive JPEG, times its pixels: at most 30 times max_pixels
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from typing import BinaryIO

from saccade.errors import ImageError, ImageTooLarge
from saccade.images.tiff import entries

_MIB = 1 << 20
_METADATA = 256 * _MIB
_JPEG_METADATA = 32 * _MIB  # Pillow joins its pieces one by one, in quadratic time
_STRAY = 1 << 16  # bytes between the segments of a JPEG that belong to none
_PASSES = 30
_THINNEST, _LONG = 16, 100_000
_WEBP_SHARE = 0.625
_LARGE = 64 * _MIB
"""Files up to this size cannot hold too much of anything."""


def refuse_size(name: str, height: int, width: int, max_pixels: int) -> None:
    """Raise ImageError for an image that is too small to show anything, ImageTooLarge for one larger than allowed."""
    if height < 2 or width < 2:
        raise ImageError(f"{name} is {width}x{height} pixels: nothing to look at; give a photo of 2x2 or more.")
    if height * width > max_pixels:
        raise ImageTooLarge(
            f"{name} has {width:,} x {height:,} = {width * height:,} pixels; at most {max_pixels:,} are "
            f"read. Make it smaller, or allow more with --max-pixels {width * height} "
            "(max_pixels= in Python)."
        )
    longest = max(max_pixels // _THINNEST, _LONG)
    if max(height, width) > longest:  # the filter that resizes it would take more memory than the photo
        raise ImageTooLarge(f"{name} is {width:,}x{height:,} pixels; at most {longest:,} a side are read. Cut it up.")


def refuse_file(stream: BinaryIO, kind: str | None, name: str, max_pixels: int) -> None:
    """Raise ImageTooLarge for a file that asks for more than a photo may; leave the stream at its start.

    Args:
        stream: The file, at its start.
        kind: Its format, as `signatures.format_of` tells it.
        name: What it is called in messages.
        max_pixels: Of the recipe.
    """
    size = stream.seek(0, io.SEEK_END)
    share = 4 if kind in ("WEBP", "AVIF") else 8
    most = share * max(max_pixels, _MIB)
    if size > most and kind != "TIFF":  # a TIFF is read page by page, and scans of a whole slide are large
        raise ImageTooLarge(
            f"{name} is a file of {_bytes(size)}; photos in at most {_bytes(most)} are read. Save it smaller, or "
            f"allow more with --max-pixels {-(-size // share)} (max_pixels= in Python)."
        )
    stream.seek(0)
    try:
        if kind == "WEBP":
            _refuse_canvas(stream, name, max_pixels)
        elif kind == "JPEG":
            _refuse_passes(stream, name, max_pixels)
        elif kind in ("TIFF", "PNG") and size > _LARGE:
            metadata = 0
            for length in (tag.length for tag in entries(stream)) if kind == "TIFF" else _chunks(stream):
                metadata += length
                _refuse_metadata(name, metadata, _METADATA)
    except (struct.error, OverflowError):
        pass  # cut off or damaged: the decoder finds out, and says so
    stream.seek(0)


def _refuse_canvas(stream: BinaryIO, name: str, max_pixels: int) -> None:
    """A WebP's decoder makes its canvas when it is created, before its size can be asked for."""
    head = stream.read(30)
    kind = head[12:16]
    if kind == b"VP8X":
        width, height = (1 + int.from_bytes(head[at : at + 3], "little") for at in (24, 27))
    elif kind == b"VP8L":
        bits = int.from_bytes(head[21:25], "little")
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    else:
        width, height = (int.from_bytes(head[at : at + 2], "little") & 0x3FFF for at in (26, 28))
    if width * height > _WEBP_SHARE * max_pixels:
        if width * height > max_pixels:
            refuse_size(name, height, width, max_pixels)
        raise ImageTooLarge(
            f"{name} has {width:,} x {height:,} = {width * height:,} pixels; of a WebP, which takes the most memory of "
            f"all, at most {int(_WEBP_SHARE * max_pixels):,} are read. Save it as JPEG or PNG, or allow more with "
            f"--max-pixels {-(-width * height * 8 // 5)} (max_pixels= in Python)."
        )


def _refuse_passes(stream: BinaryIO, name: str, max_pixels: int) -> None:
    """A progressive JPEG is decoded once more in full for every pass that it holds, at a few bytes each."""
    pixels = _progressive_pixels(stream, name)
    if not pixels:
        return
    most = _PASSES * max_pixels // pixels
    passes, before = 1, b""
    for block in iter(lambda: stream.read(_MIB), b""):
        block = before[-1:] + block
        end = block.find(b"\xff\xd9")
        passes += block.count(b"\xff\xda", 0, None if end < 0 else end)
        if passes > most:
            raise ImageTooLarge(
                f"{name} is a progressive JPEG of more than {most} passes over {pixels:,} pixels, far more than a "
                "camera or editor writes; save it again as an ordinary JPEG or PNG."
            )
        if end >= 0:
            return
        before = block


def _progressive_pixels(stream: BinaryIO, name: str) -> int:
    """Pixels of a JPEG, if it is a progressive one, else 0; the stream stands at its first pass afterwards."""
    metadata = pixels = stray = 0
    stream.seek(2)
    while (byte := stream.read(1)) and stray <= _STRAY:
        if byte != b"\xff":
            stray += 1
            continue
        while byte == b"\xff" and stray <= _STRAY:  # any number of them may stand before a marker
            byte = stream.read(1)
            stray += 1
        marker = byte[0] if byte else 0xD9
        if marker == 0xD9:
            return 0
        if marker <= 1 or 0xD0 <= marker <= 0xD8:
            continue
        (length,) = struct.unpack(">H", stream.read(2))
        if marker == 0xDA:
            return pixels
        body = stream.read(length - 2) if length > 2 else b""
        if marker == 0xC2:
            height, width = struct.unpack(">xHH", body[:5])
            pixels = height * width
        metadata += length
        _refuse_metadata(name, metadata, _JPEG_METADATA)
    if stray > _STRAY:
        raise ImageError(f"{name} is damaged: it begins as JPEG files do, but then comes nothing of one.")
    return 0


def _chunks(stream: BinaryIO) -> Iterator[int]:
    """The lengths of a PNG's chunks other than pixels."""
    stream.seek(8)
    while len(head := stream.read(8)) == 8:
        length = int.from_bytes(head[:4], "big")
        if head[4:] not in (b"IDAT", b"fdAT"):
            yield length
        stream.seek(length + 4, io.SEEK_CUR)


def _refuse_metadata(name: str, size: int, most: int) -> None:
    if size > most:
        raise ImageTooLarge(
            f"{name} says that it carries {_bytes(size)} of something other than pixels (layers, notes, a colour "
            f"profile); at most {_bytes(most)} are read. Save it again without them."
        )


def _bytes(size: int) -> str:
    return f"{size / 1e9:,.1f} GB" if size >= 1e9 else f"{size / 1e6:,.0f} MB"
