"""Pictures on disk: complete or not there at all, and knowing how they were made.

The settings travel inside the file: as text chunks of a PNG (`saccade:method`, ...), as an Exif description
of a JPEG or WebP.
"""

from __future__ import annotations

import io
import json
import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL import Image, UnidentifiedImageError
from PIL.PngImagePlugin import PngImageFile, PngInfo

from saccade.errors import FileError

FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}
"""File endings a picture can be saved under, and their formats."""

_PREFIX = "saccade:"
_DESCRIPTION = 0x010E  # Exif tag ImageDescription


def save_picture(image: Image.Image, path: str | os.PathLike[str], metadata: Mapping[str, str] | None = None) -> Path:
    """Save a picture, with its settings inside.

    The file appears under its name only when it is complete; a picture that was there before stays until
    then.

    Args:
        image: The picture.
        path: Where to; the ending chooses the format (`FORMATS`). JPEG and WebP are saved at quality 92.
        metadata: Settings by name. Names up to 70 ASCII characters.

    Returns:
        The path.

    Raises:
        FileError: Unknown ending, missing or unwritable folder, full disk, or a picture too large for the
        format.
    """
    target = Path(path)
    kind = FORMATS.get(target.suffix.lower())
    if kind is None:
        raise FileError(f"cannot save a picture as {target.name!r}; the name must end in {', '.join(FORMATS)}.")
    if not target.parent.is_dir():
        raise FileError(
            f"cannot save {target.name!r}: the folder {str(target.parent)!r} does not exist; create it first."
        )
    if target.is_dir():
        raise FileError(f"cannot save a picture as {str(target)!r}: that is a folder; name a file in it.")
    part = target.with_name(f".{target.name}.{os.getpid()}-{threading.get_ident()}.part")
    try:
        with part.open("wb") as file:
            image.convert("RGB").save(file, **_options(kind, dict(metadata or {})))
        part.replace(target)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise FileError(f"cannot save {str(target)!r}: {reason}.") from error
    finally:
        part.unlink(missing_ok=True)
    return target


def png_bytes(image: Image.Image, metadata: Mapping[str, str] | None = None) -> bytes:
    """The bytes of a PNG file, with the settings inside; for those who write no file.

    Args:
        image: The picture.
        metadata: Settings by name, as for `save_picture`.
    """
    buffer = io.BytesIO()
    image.convert("RGB").save(buffer, **_options("PNG", dict(metadata or {})))
    return buffer.getvalue()


def read_metadata(path: str | os.PathLike[str]) -> dict[str, str]:
    """Which settings was this picture made with?

    Returns:
        What was given to `save_picture`; empty for a picture from elsewhere.

    Raises:
        FileError: There is no such file, or it is not a picture.
    """
    try:
        with Image.open(path) as image:
            if isinstance(image, PngImageFile):
                image.load()  # text chunks may come after the pixels
                texts = {str(key): str(text) for key, text in image.text.items()}
                return {key.removeprefix(_PREFIX): text for key, text in texts.items() if key.startswith(_PREFIX)}
            found = json.loads(str(image.getexif().get(_DESCRIPTION, "{}")))
    except (FileNotFoundError, IsADirectoryError, PermissionError) as error:
        raise FileError(f"cannot read {str(path)!r}: {error.strerror}.") from error
    except (UnidentifiedImageError, OSError, SyntaxError) as error:
        raise FileError(f"cannot read {str(path)!r}: it is not a complete picture.") from error
    except json.JSONDecodeError:
        return {}  # a description written by a camera or another program
    if not isinstance(found, dict):
        return {}
    return {key.removeprefix(_PREFIX): str(text) for key, text in found.items() if key.startswith(_PREFIX)}


def _options(kind: str, metadata: dict[str, str]) -> dict[str, Any]:
    """What Pillow is to be told for a format."""
    tagged = {_PREFIX + key: str(text) for key, text in metadata.items()}
    if kind == "PNG":
        info = PngInfo()
        for key, text in tagged.items():
            if len(key) > 79 or not key.isascii():
                raise ValueError(f"the name of a setting must be short and ASCII; got {key!r}")
            info.add_itxt(key, text)
        return {"format": kind, "pnginfo": info}
    exif = Image.Exif()
    if tagged:
        exif[_DESCRIPTION] = json.dumps(tagged, sort_keys=True)
    options: dict[str, Any] = {"format": kind, "quality": 92, "exif": exif}
    if kind == "JPEG":
        options["subsampling"] = 0  # halved colour resolution would smear the edges of thin coloured lines
    return options
