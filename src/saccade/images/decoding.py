"""Files, bytes and Pillow images -> pixels; all dealings with Pillow's readers are here.

Pillow gives 8 bits a channel of colour PNG and TIFF files that hold 16, and cannot open a TIFF with more than one band
of anything but 8 or 16 bits; such a file is refused with what it holds.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from saccade.errors import ImageError, SaccadeWarning
from saccade.images import signatures, tiff
from saccade.images.bounds import refuse_file, refuse_size
from saccade.images.damage import damaged, plain_errors
from saccade.images.files import existing, unreadable
from saccade.images.npy import from_npy
from saccade.images.pixels import Pixels, row_bands

# Named, so that no stranger's file reaches the readers that start other programs (EPS).
_FORMATS = ("JPEG", "MPO", "PNG", "WEBP", "TIFF", "BMP", "DIB", "GIF", "AVIF")

_ORIENTATION, _BITS, _PHOTOMETRIC, _SAMPLES = 0x0112, 258, 262, 277
_WHITE_IS_ZERO = 0
_PAGES_COUNTED = 1000

_pillow_state = threading.Lock()


def from_file(path: str | Path, channels: int, max_pixels: int) -> Pixels:
    """Decode a file. With a channel count that no photo has, the grey pages of a TIFF are its channels.

    Raises:
        FileError: It is not there, is a folder, or may not be read.
        ImageError: It is empty, damaged, too large, or not a picture.
    """
    path = existing(path)
    if path.suffix.lower() == ".npy":
        return from_npy(path, channels, max_pixels)
    try:
        stream = path.open("rb")
    except OSError as error:
        raise unreadable(path, error) from error
    with stream:
        return _from_stream(stream, str(path), channels, max_pixels)


def from_bytes(content: bytes, name: str, channels: int, max_pixels: int) -> Pixels:
    """Decode a picture file's content, as it comes from an upload."""
    if not content:
        raise ImageError(f"{name} is empty (0 bytes).")
    return _from_stream(BytesIO(content), name, channels, max_pixels)


def from_pillow(image: Image.Image, name: str, max_pixels: int) -> Pixels:
    """Take over a Pillow image, upright; the caller's image is not changed."""
    refuse_size(name, image.height, image.width, max_pixels)
    with plain_errors(name, "its pixel data"):
        with _while_decoding(image):
            image.load()
        pixels = _pixels(image, name)
    return pixels.upright(_orientation(image, name))


def _from_stream(stream: BinaryIO, name: str, channels: int, max_pixels: int) -> Pixels:
    with plain_errors(name, "it"):
        head = stream.read(signatures.LENGTH)
        kind = signatures.format_of(head)
        refuse_file(stream, kind, name, max_pixels)
    try:
        with _quiet_pillow():
            Image.init()
            image = Image.open(stream, formats=[reader for reader in _FORMATS if reader in Image.OPEN])
    except UnidentifiedImageError as error:
        raise _unidentified(stream, head, kind, name) from error
    except Exception as error:
        raise damaged(name, "its header", error) from error
    with image:
        if image.format == "TIFF":
            return _from_tiff(image, stream, name, channels, max_pixels)
        pixels = from_pillow(image, name, max_pixels)
        if image.format != "MPO" and _several(image):  # a phone's MPO holds the same photo once more, for other screens
            _note(f"{name} has several frames; the first one is read.")
        return pixels


def _unidentified(stream: BinaryIO, head: bytes, kind: str | None, name: str) -> ImageError:
    """The error for a file that no reader wants."""
    if kind == "NPY":
        return ImageError(f"{name} holds an array of numpy's; give it a name that ends in .npy.")
    content = tiff.unread_content(stream) if kind == "TIFF" else None
    if content is not None:
        return ImageError(
            f"{name} is a TIFF of {content}, which cannot be read here; give it as an array or .npy file of shape "
            "(height, width, channels)."
        )
    if kind is not None:
        return ImageError(
            f"{name} begins as {kind} files do, but is damaged, or of a rare kind that cannot be read here; copy it "
            "again, or save it anew as PNG."
        )
    other = signatures.stranger(head)
    if other is not None:
        return ImageError(f"{name} is {other[0]}, which cannot be opened here; {other[1]}.")
    return ImageError(f"{name} is not a picture that can be opened; give {signatures.KINDS}.")


def _from_tiff(image: Any, stream: BinaryIO, name: str, channels: int, max_pixels: int) -> Pixels:
    """A page of a TIFF; or several grey ones, if the model has as many channels."""
    pages = tiff.full_pages(stream, _PAGES_COUNTED)
    if channels not in (1, 3, 4) and len(pages) == channels:
        return _stacked(image, name, pages, max_pixels)
    bands, held = len(image.getbands()), _tag(image, _SAMPLES, 1)
    if held > bands:
        if channels > 3:
            raise ImageError(
                f"{name} is a TIFF of {held} bands, of which only the first {bands} can be read here; give it as an "
                f"array or .npy file of shape (height, width, {held})."
            )
        _note(f"{name} is a TIFF of {held} bands; the first {bands} are read, the others left out.")
    if len(pages) > 1:
        many = f"{len(pages):,}" if len(pages) < _PAGES_COUNTED else f"{_PAGES_COUNTED:,} or more"
        _note(f"{name} has {many} pages; the first one is read. If they are channels, give them as one array.")
    if pages[0] != 0:
        _note(f"{name} begins with a reduced copy of its photo, which is read. Save the photo itself as TIFF or PNG.")
    return from_pillow(image, name, max_pixels)


def _stacked(image: Image.Image, name: str, pages: list[int], max_pixels: int) -> Pixels:
    """A TIFF with one grey page per channel."""
    stack: NDArray[Any] | None = None
    top = 0.0
    for channel, page in enumerate(pages):
        with plain_errors(name, f"its page {page + 1}"), _quiet_pillow():
            image.seek(page)
        band = from_pillow(image, name, max_pixels)
        if stack is None:
            height, width = band.size
            if height * width * len(pages) > 4 * max_pixels:
                raise ImageError(
                    f"{name} has {len(pages)} pages of {width:,} x {height:,} pixels; at most {4 * max_pixels:,} "
                    "values are read. Make it smaller, or allow more with --max-pixels (max_pixels= in Python)."
                )
            stack, top = np.empty((height, width, len(pages)), band.colours.dtype), band.top
        if band.colours.shape[2] != 1 or band.alpha is not None or band.size != stack.shape[:2] or band.top != top:
            raise ImageError(
                f"{name}: page {page + 1} of {len(pages)} differs from the first or is not grey; "
                "a TIFF is read as one page per channel, all grey, of one size and kind."
            )
        stack[:, :, channel] = band.colours[:, :, 0]
    assert stack is not None
    return Pixels(stack, None, top)


def _several(image: Any) -> bool:
    """Whether there are more frames than the first, be they damaged."""
    try:
        with _quiet_pillow():
            return bool(getattr(image, "is_animated", False))
    except Exception:  # whatever may be wrong with a frame that is not shown
        return True


def _pixels(image: Image.Image, name: str) -> Pixels:
    mode = image.mode
    if mode.startswith("I;16"):
        bits = _tag(image, _BITS, 16)
        top = 4095.0 if bits == 12 else 65535.0
        deep = _array(image).astype(np.uint16, copy=False)[:, :, None]  # also puts the bytes into this machine's order
        if _tag(image, _PHOTOMETRIC, 1) == _WHITE_IS_ZERO:
            np.subtract(np.uint16(top), deep, out=deep)  # Pillow turns 8 bits round, but not these
        clear = image.info.get("transparency")
        if not isinstance(clear, int):
            return Pixels(deep, None, top)
        return Pixels.layered(deep, np.where(deep[:, :, 0] == clear, 0, 65535).astype(np.uint16), 65535.0)
    if mode == "I":
        whole = _array(image)
        low, high = int(whole.min()), int(whole.max())
        if low < 0 or high > 65535:
            raise ImageError(
                f"{name} holds 32-bit values from {low} to {high}; whole numbers are read as 0..65535. "
                "Give an array of floats in 0..1 instead."
            )
        white_is_zero = _tag(image, _PHOTOMETRIC, 1) == _WHITE_IS_ZERO
        return Pixels((65535 - whole if white_is_zero else whole).astype(np.uint16)[:, :, None], None, 65535.0)
    if mode == "F":
        floats = _array(image)
        pixels = Pixels.of(floats, name)
        if _tag(image, _PHOTOMETRIC, 1) == _WHITE_IS_ZERO:
            np.subtract(np.float32(1.0), floats, out=floats)
        return pixels
    if image.has_transparency_data:
        grey = mode in ("1", "L", "LA", "La")
        layers = _array(image, "LA" if grey else "RGBA")
        return Pixels.layered(layers[:, :, :-1], layers[:, :, -1], 255.0)
    if mode in ("1", "L"):
        return Pixels(_array(image, "L")[:, :, None], None, 255.0)
    return Pixels(_array(image, "RGB"), None, 255.0)


def _array(image: Image.Image, mode: str | None = None) -> NDArray[Any]:
    """The picture as an array of its own, in another mode if one is given; converted in bands, to spare memory."""
    result: NDArray[Any] | None = None
    for rows in row_bands((image.height, image.width)):
        part = image.crop((0, rows.start, image.width, rows.stop))
        values = np.asarray(part if mode is None or mode == part.mode else part.convert(mode))
        if result is None:
            result = np.empty((image.height, *values.shape[1:]), values.dtype)
        result[rows] = values
    assert result is not None
    return result


def _tag(image: Any, tag: int, otherwise: int) -> int:
    """A whole number among the tags of a TIFF."""
    if image.format != "TIFF":
        return otherwise
    value = image.tag_v2.get(tag, otherwise)
    value = value[0] if isinstance(value, tuple) and value else value
    return value if isinstance(value, int) else otherwise


def _orientation(image: Image.Image, name: str) -> int:
    # After loading: Pillow turns TIFF pages itself while it loads them, and then removes the tag.
    try:
        with _quiet_pillow():
            return int(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # whatever may be wrong with a note beside the pixels
        _note(f"{name}: its EXIF data is damaged, so it is shown as it is stored, perhaps lying on its side.")
        return 1


def _note(text: str) -> None:
    with _pillow_state:  # while another thread keeps Pillow quiet, nobody would hear this either
        warnings.warn(text, SaccadeWarning, stacklevel=3)


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
