"""The shape of a model's images: height and width, which may be free, and channels."""

from __future__ import annotations

from typing import Any

from saccade.errors import InputError

InputShape = tuple[int | None, int | None, int]


def checked_shape(shape: Any) -> InputShape:
    """The shape that a caller says a model's images have.

    Raises:
        InputError: It is none.
    """
    if isinstance(shape, (tuple, list)) and len(shape) == 3:
        height, width, channels = (None if size is None else _whole(size) for size in shape)
        if channels is not None and all(size is None or size >= 1 for size in (height, width, channels)):
            return height, width, channels
    raise InputError(
        f"input_shape={shape!r:.60} is no shape of images; give (height, width, channels), with None for a free height "
        "or width."
    )


def _whole(size: Any) -> int:
    try:
        number = int(size)
    except (TypeError, ValueError, OverflowError):
        return 0
    return number if number == size else 0
