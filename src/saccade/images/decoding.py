"""Files and bytes -> pixels, by Pillow's readers.

Pillow gives 8 bits a channel of colour PNG and TIFF files that hold 16, and cannot open a TIFF with more than one band
of anything but 8 or 16 bits; such a file is refused with what it holds.
"""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from saccade.errors import ImageError, ImageTooLarge
from saccade.images import heif, signatures, tiff
from saccade.images.bounds import refuse_file
from saccade.images.damage import damaged, plain_errors
from saccade.images.files import existing, unreadable
from saccade.images.npy import from_npy
from saccade.images.pillow_images import from_pillow, note, quiet_pillow, tiff_tag
from saccade.images.pixels import Pixels

# Named, so that no unknown file reaches the readers that start other programs (EPS).
_FORMATS = ("JPEG", "MPO", "PNG", "WEBP", "TIFF", "BMP", "DIB", "GIF", "AVIF", "HEIF")

_SAMPLES = 277
_PAGES_COUNTED = 1000


def from_file(path: str | Path, channels: int, max_pixels: int) -> Pixels:
    """Decode a file. With a channel count that no photo has, the grey pages of a TIFF are its channels.

    Raises:
        FileError: It is not there, is a folder, or may not be read.
        ImageError: It is empty, damaged, too large, or not a photo.
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
    """Decode the content of a photo's file, as it comes from an upload."""
    if not content:
        raise ImageError(f"{name} is empty (0 bytes).")
    return _from_stream(BytesIO(content), name, channels, max_pixels)


def _from_stream(stream: BinaryIO, name: str, channels: int, max_pixels: int) -> Pixels:
    with plain_errors(name, "it"):
        head = stream.read(signatures.LENGTH)
        kind = signatures.format_of(head)
        refuse_file(stream, kind, name, max_pixels)
    try:
        with quiet_pillow():
            Image.init()
            heif.register()
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
            note(f"{name} has several frames; the first one is read.")
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
            "again, or save it again as PNG."
        )
    other = signatures.unread_format(head)
    if other is not None:
        return ImageError(f"{name} is {other[0]}, which cannot be opened here; {other[1]}.")
    return ImageError(f"{name} is not a photo that can be opened; give {signatures.KINDS}.")


def _from_tiff(image: Any, stream: BinaryIO, name: str, channels: int, max_pixels: int) -> Pixels:
    """A page of a TIFF; or several grey ones, if the model has as many channels."""
    pages = tiff.full_pages(stream, _PAGES_COUNTED)
    if channels not in (1, 3, 4) and len(pages) == channels:
        return _stacked(image, name, pages, max_pixels)
    bands, samples = len(image.getbands()), tiff_tag(image, _SAMPLES, 1)
    if samples > bands:
        if channels > 3:
            raise ImageError(
                f"{name} is a TIFF of {samples} bands, of which only the first {bands} can be read here; give it as an "
                f"array or .npy file of shape (height, width, {samples})."
            )
        note(f"{name} is a TIFF of {samples} bands; the first {bands} are read, the others left out.")
    if len(pages) > 1:
        many = f"{len(pages):,}" if len(pages) < _PAGES_COUNTED else f"{_PAGES_COUNTED:,} or more"
        note(f"{name} has {many} pages; the first one is read. If they are channels, give them as one array.")
    if pages[0] != 0:
        note(f"{name} begins with a reduced copy of its photo, which is read. Save the photo itself as TIFF or PNG.")
    return from_pillow(image, name, max_pixels)


def _stacked(image: Image.Image, name: str, pages: list[int], max_pixels: int) -> Pixels:
    """A TIFF with one grey page per channel."""
    stack: NDArray[Any] | None = None
    top = 0.0
    for channel, page in enumerate(pages):
        with plain_errors(name, f"its page {page + 1}"), quiet_pillow():
            image.seek(page)
        band = from_pillow(image, name, max_pixels)
        if stack is None:
            height, width = band.size
            if height * width * len(pages) > 4 * max_pixels:
                raise ImageTooLarge(
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
        with quiet_pillow():
            return bool(getattr(image, "is_animated", False))
    except Exception:  # whatever may be wrong with a frame that is not shown
        return True
