"""Files, bytes and Pillow images -> pixels; all dealings with Pillow's readers are here.

Two limits of Pillow show through: colour PNG and TIFF files with 16 bits a channel arrive with 8, and a
TIFF with more than four bands on one page cannot be opened (save it as .npy, or with one grey page per
channel).
"""

from __future__ import annotations

import struct
import threading
import warnings
import zlib
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from saccade.errors import ImageError, SaccadeWarning
from saccade.images.files import existing, not_a_picture, unreadable
from saccade.images.pixels import Pixels

# Named, so that no stranger's file reaches the readers that start other programs (EPS).
_FORMATS = ("JPEG", "MPO", "PNG", "WEBP", "TIFF", "BMP", "DIB", "GIF", "AVIF")

# What Pillow raises on damaged files, beside its own errors.
_DAMAGE = (
    OSError, SyntaxError, ValueError, EOFError, TypeError, LookupError, ArithmeticError,
    struct.error, zlib.error,
)  # fmt: skip

_ORIENTATION = 0x0112

_pillow_state = threading.Lock()


def from_file(path: str | Path, channels: int, max_pixels: int) -> Pixels:
    """Decode a file. With a channel count that no photo has, the grey pages of a TIFF are its channels.

    Raises:
        FileError: It is not there, is a folder, or may not be read.
        ImageError: It is empty, damaged, too large, or not a picture.
    """
    path = existing(path)
    if path.suffix.lower() == ".npy":
        return _from_npy(path, max_pixels)
    try:
        with path.open("rb") as stream:
            return _from_stream(stream, str(path), path.suffix, channels, max_pixels)
    except OSError as error:
        raise unreadable(path, error) from error


def from_bytes(content: bytes, name: str, channels: int, max_pixels: int) -> Pixels:
    """Decode a picture file's content, as it comes from an upload."""
    if not content:
        raise ImageError(f"{name} is empty (0 bytes).")
    return _from_stream(BytesIO(content), name, "", channels, max_pixels)


def from_pillow(image: Image.Image, name: str, max_pixels: int) -> Pixels:
    """Take over a Pillow image, upright; the caller's image is not changed."""
    refuse_size(name, image.height, image.width, max_pixels)
    try:
        with _while_decoding(image):
            image.load()
    except _DAMAGE as error:
        raise _damaged(name, error) from error
    return _pixels(image, name).upright(_orientation(image, name))


def refuse_size(name: str, height: int, width: int, max_pixels: int) -> None:
    """Raise ImageError for a picture that is too small to show anything, or larger than allowed."""
    if height < 2 or width < 2:
        raise ImageError(f"{name} is {width}x{height} pixels: nothing to look at; give a picture of 2x2 or more.")
    if height * width > max_pixels:
        raise ImageError(
            f"{name} has {width:,} x {height:,} = {width * height:,} pixels; at most {max_pixels:,} are "
            f"read. Make it smaller, or allow more with --max-pixels {width * height} "
            "(max_pixels= in Python)."
        )


def _from_stream(stream: Any, name: str, suffix: str, channels: int, max_pixels: int) -> Pixels:
    try:
        with _quiet_pillow():
            Image.init()
            image = Image.open(stream, formats=[kind for kind in _FORMATS if kind in Image.OPEN])
    except UnidentifiedImageError as error:
        raise not_a_picture(name, suffix) from error
    except _DAMAGE as error:
        raise _damaged(name, error) from error
    with image:
        if image.format == "TIFF" and channels not in (1, 3, 4) and _pages(image, name) == channels:
            return _stacked(image, name, channels, max_pixels)
        return from_pillow(image, name, max_pixels)


def _pages(image: Image.Image, name: str) -> int:
    try:
        with _quiet_pillow():
            return getattr(image, "n_frames", 1)
    except _DAMAGE as error:
        raise _damaged(name, error) from error


def _stacked(image: Image.Image, name: str, pages: int, max_pixels: int) -> Pixels:
    """A TIFF with one grey page per channel."""
    bands = []
    for page in range(pages):
        try:
            with _quiet_pillow():
                image.seek(page)
        except _DAMAGE as error:
            raise _damaged(name, error) from error
        bands.append(from_pillow(image, name, max_pixels))
    first = bands[0]
    for page, band in enumerate(bands):
        if band.colours.shape[2] != 1 or band.size != first.size or band.top != first.top:
            raise ImageError(
                f"{name}: page {page + 1} of {pages} differs from the first or is not grey; "
                "a TIFF is read as one page per channel, all grey, of one size and kind."
            )
    return Pixels(np.concatenate([band.colours for band in bands], axis=2), None, first.top)


def _from_npy(path: Path, max_pixels: int) -> Pixels:
    try:
        mapped = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError, SyntaxError, OSError) as error:
        if isinstance(error, PermissionError):
            raise unreadable(path, error) from error
        raise ImageError(f"{path} is damaged, or does not hold one plain array of numbers.") from error
    if mapped.ndim in (2, 3):
        refuse_size(str(path), mapped.shape[0], mapped.shape[1], max_pixels)
    elif mapped.ndim == 4:
        raise ImageError(
            f"{path} holds an array of shape {mapped.shape}, several pictures; "
            f"give them as arrays: np.load({str(path)!r})."
        )
    return Pixels.of(np.array(mapped), str(path))


def _pixels(image: Image.Image, name: str) -> Pixels:
    mode = image.mode
    if mode.startswith("I;16"):
        deep = np.asarray(image).astype(np.uint16)[:, :, None]
        clear = image.info.get("transparency")
        if not isinstance(clear, int):
            return Pixels(deep, None, 65535.0)
        return Pixels.layered(deep, np.where(deep[:, :, 0] == clear, 0, 65535).astype(np.uint16), 65535.0)
    if mode == "I":
        whole = np.asarray(image)
        low, high = int(whole.min()), int(whole.max())
        if low < 0 or high > 65535:
            raise ImageError(
                f"{name} holds 32-bit values from {low} to {high}; whole numbers are read as 0..65535. "
                "Give an array of floats in 0..1 instead."
            )
        return Pixels(whole.astype(np.uint16)[:, :, None], None, 65535.0)
    if mode == "F":
        return Pixels.of(np.asarray(image), name)
    if image.has_transparency_data:
        grey = mode in ("1", "L", "LA", "La")
        layers = _eight_bit(image, "LA" if grey else "RGBA")
        return Pixels.layered(layers[:, :, :-1], layers[:, :, -1], 255.0)
    if mode in ("1", "L"):
        return Pixels(_eight_bit(image, "L")[:, :, None], None, 255.0)
    return Pixels(_eight_bit(image, "RGB"), None, 255.0)


def _eight_bit(image: Image.Image, mode: str) -> NDArray[np.uint8]:
    return np.asarray(image if image.mode == mode else image.convert(mode))


def _orientation(image: Image.Image, name: str) -> int:
    # After loading: Pillow turns TIFF pages itself while it loads them, and then removes the tag.
    try:
        with _quiet_pillow():
            return int(image.getexif().get(_ORIENTATION, 1))
    except _DAMAGE:
        warnings.warn(
            f"{name}: its EXIF data is damaged, so it is shown as it is stored, perhaps lying on its side.",
            SaccadeWarning,
            stacklevel=2,
        )
        return 1


def _damaged(name: str, error: Exception) -> ImageError:
    # In open() Pillow gathers the reasons line by line; one is enough.
    reason = str(error).strip().splitlines()
    said = f": {reason[0].rstrip('.')}" if reason else ""
    return ImageError(f"{name} is damaged or cut off{said}. Copy or download it again.")


@contextmanager
def _quiet_pillow() -> Iterator[None]:
    """Keep Pillow's own size limit and its warnings about metadata out of the way.

    Our limit has been checked by then, or is as soon as the header is read. Pillow keeps its limit in a
    global and Python its warning filters too, so one thread at a time, and both are put back.
    """
    with _pillow_state, warnings.catch_warnings():
        limit = Image.MAX_IMAGE_PIXELS
        warnings.simplefilter("ignore")
        Image.MAX_IMAGE_PIXELS = None
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = limit


def _while_decoding(image: Image.Image) -> AbstractContextManager[None]:
    # Decoding is left free to run in several threads at once, except where Pillow would speak up.
    limit = Image.MAX_IMAGE_PIXELS
    over = limit is not None and image.width * image.height > limit
    return _quiet_pillow() if over or image.format == "TIFF" else nullcontext()
