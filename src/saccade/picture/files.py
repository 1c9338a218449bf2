"""Images in files that know how they were made; a file is whole or not there at all.

The settings travel inside the file: as text chunks of a PNG (`saccade:method`, ...), as an Exif description
of a JPEG or WebP.
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL import Image
from PIL.PngImagePlugin import PngImageFile, PngInfo

from saccade.atomic_files import writable_path, write_bytes
from saccade.errors import FileError
from saccade.images.own_pages import MARK
from saccade.utf8 import utf8_bytes

FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}
"""File endings that an image can be saved under, and their formats."""

_LONGEST_SIDES = {"PNG": 2**31 - 1, "JPEG": 65_500, "WEBP": 16_383}
_DESCRIPTION = 0x010E  # Exif tag ImageDescription


def save_picture(image: Image.Image, path: str | os.PathLike[str], metadata: Mapping[str, str] | None = None) -> Path:
    """Save an image, with its settings inside.

    The file appears under its name only when it is complete; one that was there before stays until then.

    Args:
        image: The image.
        path: Where to; the ending chooses the format (`FORMATS`). JPEG and WebP are saved at quality 92.
        metadata: Settings by name. Names up to 70 ASCII characters.

    Returns:
        The path.

    Raises:
        FileError: Unknown ending, missing or unwritable folder, full disk, or an image too large for the format.
    """
    target = writable_path(path)
    kind = FORMATS.get(target.suffix.lower())
    if kind is None:
        raise FileError(f"cannot save an image as {target.name!r}; the name must end in {', '.join(FORMATS)}.")
    most = _LONGEST_SIDES[kind]
    if max(image.size) > most:
        raise FileError(
            f"cannot save {target.name!r}: it has {image.width:,} x {image.height:,} pixels, and a {kind} at most "
            f"{most:,} a side; save it as .png."
        )
    try:
        content = _encoded(image, kind, metadata)
    except (OSError, ValueError) as error:
        raise FileError(f"cannot save {str(target)!r}: {error}.") from error
    return write_bytes(target, content)


def png_bytes(image: Image.Image, metadata: Mapping[str, str] | None = None) -> bytes:
    """The content of a PNG file of this image, with its settings inside: what is saved, and what notebooks show.

    Args:
        image: The image.
        metadata: Settings by name. Names up to 70 ASCII characters.

    Raises:
        ValueError: A name is too long, or not ASCII.
    """
    return _encoded(image, "PNG", metadata)


def read_metadata(path: str | os.PathLike[str]) -> dict[str, str]:
    """Which settings was this image made with?

    Returns:
        What was given to `save_picture`; empty for an image from elsewhere.

    Raises:
        FileError: There is no such file, or it is not an image.
    """
    try:
        with Image.open(path) as image:
            if isinstance(image, PngImageFile):
                image.load()  # text chunks may come after the pixels
                texts = {str(key): str(text) for key, text in image.text.items()}
                return {key.removeprefix(MARK): text for key, text in texts.items() if key.startswith(MARK)}
            description = json.loads(str(image.getexif().get(_DESCRIPTION, "{}")))
    except (FileNotFoundError, IsADirectoryError, PermissionError) as error:
        raise FileError(f"cannot read {str(path)!r}: {error.strerror}.") from error
    except json.JSONDecodeError:
        return {}  # a description written by a camera or another program
    except Exception as error:  # whatever a decoder raises
        raise FileError(f"cannot read {str(path)!r}: it is not a complete image.") from error
    if not isinstance(description, dict):
        return {}
    return {key.removeprefix(MARK): str(text) for key, text in description.items() if key.startswith(MARK)}


def _encoded(image: Image.Image, kind: str, metadata: Mapping[str, str] | None) -> bytes:
    """The content of a file of this format."""
    content = io.BytesIO()
    image.convert("RGB").save(content, **_options(kind, metadata or {}))
    return content.getvalue()


def _options(kind: str, metadata: Mapping[str, str]) -> dict[str, Any]:
    """Pillow's settings for a format."""
    tagged = {MARK + key: str(text) for key, text in metadata.items()}
    if kind == "PNG":
        info = PngInfo()
        for key, text in tagged.items():
            if len(key) > 79 or not key.isascii():
                raise ValueError(f"the name of a setting must be short and ASCII; got {key!r}")
            info.add_itxt(key, utf8_bytes(text).decode())
        return {"format": kind, "pnginfo": info}
    exif = Image.Exif()
    if tagged:
        exif[_DESCRIPTION] = json.dumps(tagged, sort_keys=True)
    options: dict[str, Any] = {"format": kind, "quality": 92, "exif": exif}
    if kind == "JPEG":
        options["subsampling"] = 0  # halved colour resolution would smear the edges of thin coloured lines
    return options
