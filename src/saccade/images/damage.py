"""What is wrong with a file that a decoder could not read? In plain words, whatever the decoder said."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from saccade.errors import FileError, ImageError, SaccadeError

# What decoders say, and what that means; the first that matches counts. Most of what they say is about their own
# insides ("decoder error -2"), so the rest is described by what was being done.
_MEANINGS = (
    (r"MAX_TEXT|text chunks", "carries more text beside its pixels than is read; save it again without its notes"),
    (r"closed (image|file)", "was closed before it could be read; open it again"),
    (
        r"unsupported|not support|raw mode|unknown (data|compress)|bitfields",
        "is damaged, or of a rare kind that cannot be read here; copy it again, or save it again as PNG",
    ),
    (
        r"truncat|not enough|EOF|end of file|unexpected end|too short|not processed|failed to decode next",
        "is damaged or cut off; copy or download it again",
    ),
)


@contextmanager
def plain_errors(name: str, doing: str) -> Iterator[None]:
    """Turn whatever a decoder raises inside the block into one line.

    Args:
        name: What the photo is called.
        doing: What fails if this fails: `"its header"`, `"its pixels"`.

    Raises:
        FileError: The system could not read the file.
        ImageError: Anything else.
    """
    try:
        yield
    except SaccadeError:
        raise
    except Exception as error:
        raise damaged(name, doing, error) from error


def damaged(name: str, doing: str, error: Exception) -> ImageError | FileError:
    """The error to raise for what a decoder raised."""
    if isinstance(error, OSError) and error.errno is not None:
        return FileError(f"{name} cannot be read: {error.strerror or error}.")
    if isinstance(error, MemoryError):
        return ImageError(f"{name} does not fit into memory; make it smaller.")
    words = str(error)
    meaning = next((text for sign, text in _MEANINGS if re.search(sign, words, re.IGNORECASE)), None)
    if meaning is None:
        meaning = f"is damaged: {doing} cannot be decoded; copy or download it again"
    return ImageError(f"{name} {meaning}.")
