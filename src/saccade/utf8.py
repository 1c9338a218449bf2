"""Text as bytes, whatever it holds: a file's name need not be text at all, and stands on pages and in records."""

from __future__ import annotations


def utf8_bytes(text: str) -> bytes:
    r"""The text in UTF-8; what is no character of its own, such as a byte of a name, becomes an escape.

    In JSON the escape is read back as what it was.

    Example:
        >>> utf8_bytes("caf\udce9.jpg")
        b'caf\\udce9.jpg'
    """
    return text.encode("utf-8", "backslashreplace")
