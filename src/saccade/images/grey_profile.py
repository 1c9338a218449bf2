"""The colour profile of grey images whose greys are those of sRGB; Pillow brings one of RGB only."""

from __future__ import annotations

import struct

_D50 = (0.9642, 1.0, 0.8249)
_CURVE = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
"""IEC 61966-2-1: linear below 0.04045, above it ((x + 0.055) / 1.055) ** 2.4."""


def _fixed(*numbers: float) -> bytes:
    return struct.pack(f">{len(numbers)}i", *(round(65536 * number) for number in numbers))


def _written() -> bytes:
    """The profile by the rules of ICC.1:2010: a head, a table of tags, and what they hold."""
    text = "sRGB grey".encode("utf-16-be")
    name = b"mluc\0\0\0\0" + struct.pack(">II2s2sII", 1, 12, b"en", b"US", len(text), 28) + text
    tags = {
        b"desc": name,
        b"cprt": name,
        b"wtpt": b"XYZ \0\0\0\0" + _fixed(*_D50),
        b"kTRC": b"para\0\0\0\0" + struct.pack(">HH", 3, 0) + _fixed(*_CURVE),
    }
    table, content = struct.pack(">I", len(tags)), b""
    for signature, tag in tags.items():
        table += struct.pack(">4sII", signature, 132 + 12 * len(tags) + len(content), len(tag))
        content += tag + b"\0" * (-len(tag) % 4)
    body = table + content
    head = struct.pack(">I4sI4s4s4s", 128 + len(body), b"\0" * 4, 0x04300000, b"mntr", b"GRAY", b"XYZ ")
    head += struct.pack(">6H4s", 2026, 1, 1, 0, 0, 0, b"acsp") + b"\0" * 28 + _fixed(*_D50)
    return head.ljust(128, b"\0") + body


GREY_SRGB = _written()
"""What an ICC profile file of it holds."""
