"""JSON and numbers in one message of the socket: four bytes that say how long the JSON is, the JSON, the numbers."""

from __future__ import annotations

import json
import struct
from typing import Any

from saccade.app.refusal import Refused

_LENGTH = struct.Struct("<I")
_LONGEST = 64 * 2**10


def packed(words: dict[str, Any], numbers: bytes = b"") -> bytes:
    """A message with its words as JSON, padded so that the numbers begin at a multiple of four.

    Example:
        >>> unpacked(packed({"id": 1}, b"abcd"))
        ({'id': 1}, b'abcd')
    """
    text = json.dumps(words, allow_nan=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 4)
    return _LENGTH.pack(len(text)) + text + numbers


def unpacked(message: bytes) -> tuple[dict[str, Any], bytes]:
    """What `packed` has made.

    Raises:
        Refused: It is no such message.
    """
    if len(message) >= 4:
        (length,) = _LENGTH.unpack_from(message)
        if length <= min(_LONGEST, len(message) - 4):
            return read_words(message[4 : 4 + length]), message[4 + length :]
    raise Refused(400, "a message that is not as docs/api.md says.")


def read_words(text: bytes | str) -> dict[str, Any]:
    """The words of a message.

    Raises:
        Refused: They are no JSON object.
    """
    try:
        words = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Refused(400, "a message that is no JSON.") from error
    if not isinstance(words, dict):
        raise Refused(400, "a message that is no JSON object.")
    return words
