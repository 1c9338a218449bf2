"""Pillow's images -> pixels, and the state of Pillow that must be kept quiet while it reads."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from saccade.errors import ImageError, SaccadeWarning
from saccade.images.bounds import refuse_size
from saccade.images.colour_space import Conversion, UnusableProfile, conversion, grey_curve
from saccade.images.damage import plain_errors
from saccade.images.pixels import Pixels, row_bands

_ORIENTATION, _BITS, _PHOTOMETRIC = 0x0112, 258, 262
_WHITE_IS_ZERO = 0
_GREY = ("1", "L", "LA", "La")

_pillow_state = threading.Lock()


def from_pillow(image: Image.Image, name: str, max_pixels: int) -> Pixels:
    """Convert a Pillow image, upright; the caller's image is not changed."""
    refuse_size(name, image.height, image.width, max_pixels)
    with plain_errors(name, "its pixel data"):
        with _while_decoding(image):
            image.load()
        pixels = _pixels(image, name)
    return pixels.upright(_orientation(image, name))


def _pixels(image: Image.Image, name: str) -> Pixels:
    mode = image.mode
    if mode.startswith("I;16"):
        bits = tiff_tag(image, _BITS, 16)
        top = 4095.0 if bits == 12 else 65535.0
        deep = _array(image).astype(np.uint16, copy=False)[:, :, None]  # also puts the bytes into this machine's order
        if tiff_tag(image, _PHOTOMETRIC, 1) == _WHITE_IS_ZERO:
            np.subtract(np.uint16(top), deep, out=deep)  # Pillow turns 8 bits round, but not these
        clear = image.info.get("transparency")
        alpha = np.where(deep[:, :, 0] == clear, 0, 65535).astype(np.uint16) if isinstance(clear, int) else None
        deep, top = _deep_grey_of_srgb(image, deep, top, name)
        return Pixels(deep, None, top) if alpha is None else Pixels.layered(deep, alpha, 65535.0)
    if mode == "I":
        numbers = _array(image)
        low, high = int(numbers.min()), int(numbers.max())
        if low < 0 or high > 65535:
            raise ImageError(
                f"{name} holds 32-bit values from {low} to {high}; whole numbers are read as 0..65535. "
                "Give an array of floats in 0..1 instead."
            )
        white_is_zero = tiff_tag(image, _PHOTOMETRIC, 1) == _WHITE_IS_ZERO
        deep = (65535 - numbers if white_is_zero else numbers).astype(np.uint16)[:, :, None]
        return Pixels(_deep_grey_of_srgb(image, deep, 65535.0, name)[0], None, 65535.0)
    if mode == "F":
        floats = _array(image)
        pixels = Pixels.of(floats, name)
        if tiff_tag(image, _PHOTOMETRIC, 1) == _WHITE_IS_ZERO:
            np.subtract(np.float32(1.0), floats, out=floats)
        return pixels
    to_srgb = _to_srgb(image, name)
    if image.has_transparency_data:
        layers = _array(image, "LA" if mode in _GREY else "RGBA", to_srgb)
        return Pixels.layered(layers[:, :, :-1], layers[:, :, -1], 255.0)
    if mode in ("1", "L"):
        return Pixels(_array(image, "L", to_srgb)[:, :, None], None, 255.0)
    return Pixels(_array(image, "RGB", to_srgb), None, 255.0)


def _to_srgb(image: Image.Image, name: str) -> Conversion | None:
    """What makes sRGB of the image's colours, by the profile that it carries; None where nothing need be done."""
    profile = image.info.get("icc_profile")
    if not profile or image.mode == "1":
        return None
    try:
        return conversion(profile, _colours(image.mode))
    except UnusableProfile as error:
        note(f"{name}: its colour profile {error}; its colours are read as they stand.")
        return None


def _deep_grey_of_srgb(
    image: Image.Image, deep: NDArray[np.uint16], top: float, name: str
) -> tuple[NDArray[np.uint16], float]:
    """Greys of 16 bits by the profile that the image carries, in place, and which of them is white."""
    profile = image.info.get("icc_profile")
    if not profile:
        return deep, top
    try:
        curve = grey_curve(profile)
    except UnusableProfile as error:
        note(f"{name}: its colour profile {error}; its colours are read as they stand.")
        return deep, top
    if curve is None:
        return deep, top
    curve = curve[np.round(np.arange(int(top) + 1) * (65535 / top)).astype(np.uint16)]
    for rows in row_bands(deep.shape[:2]):
        deep[rows] = np.take(curve, deep[rows], mode="clip")
    return deep, 65535.0


def _colours(mode: str) -> str:
    """The mode of the colours alone, without transparency or palette."""
    return "L" if mode in _GREY else mode if mode in ("CMYK", "LAB") else "RGB"


def _array(image: Image.Image, mode: str | None = None, to_srgb: Conversion | None = None) -> NDArray[Any]:
    """The image as an array of its own, in another mode if one is given; converted in bands, to spare memory."""
    result: NDArray[Any] | None = None
    for rows in row_bands((image.height, image.width)):
        part = image.crop((0, rows.start, image.width, rows.stop))
        if to_srgb is not None:
            part = _converted(part, to_srgb)
        values = np.asarray(part if mode is None or mode == part.mode else part.convert(mode))
        if result is None:
            result = np.empty((image.height, *values.shape[1:]), values.dtype)
        result[rows] = values
    assert result is not None
    return result


def _converted(part: Image.Image, to_srgb: Conversion) -> Image.Image:
    """A part in sRGB, with its transparency as it was."""
    mode = _colours(part.mode)
    if not part.has_transparency_data:
        return to_srgb(part if part.mode == mode else part.convert(mode))
    layered = part.convert("LA" if mode == "L" else "RGBA")
    return Image.merge(layered.mode, (*to_srgb(layered.convert(mode)).split(), layered.getchannel("A")))


def tiff_tag(image: Any, tag: int, otherwise: int) -> int:
    """A whole number among the tags of a TIFF."""
    if image.format != "TIFF":
        return otherwise
    value = image.tag_v2.get(tag, otherwise)
    value = value[0] if isinstance(value, tuple) and value else value
    return value if isinstance(value, int) else otherwise


def _orientation(image: Image.Image, name: str) -> int:
    # After loading: Pillow turns TIFF pages itself while it loads them, and then removes the tag.
    try:
        with quiet_pillow():
            return int(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # whatever may be wrong with a note beside the pixels
        note(f"{name}: its EXIF data is damaged, so it is shown as it is stored, perhaps lying on its side.")
        return 1


def note(text: str) -> None:
    """Warn of something that the reader of a result must know."""
    with _pillow_state:  # while another thread keeps Pillow quiet, this warning would be lost
        warnings.warn(text, SaccadeWarning, stacklevel=3)


@contextmanager
def quiet_pillow() -> Iterator[None]:
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
    # Decoding is left free to run in several threads at once, except where Pillow would warn.
    limit = Image.MAX_IMAGE_PIXELS
    over = limit is not None and image.width * image.height > limit
    return quiet_pillow() if over or image.format == "TIFF" else nullcontext()
