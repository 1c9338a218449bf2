"""Whatever a source holds -> colours, transparency, and the number that means full brightness.

How numbers are read, everywhere:

    uint8            0..255
    uint16           0..65535; so are whole numbers in 32 bits (Pillow's mode I) that stay within it
    bool             0, 1
    floats           0..1; anything beyond is refused, because guessing would silently show another image
    other integers   refused

A large photo is worked on in bands of rows, so that no copy of it as floats is ever made in full.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from saccade.errors import ImageError, SaccadeWarning
from saccade.images.bounds import refuse_size
from saccade.images.placement import FloatArray

_TOLERANCE = 1e-6  # floats that resizing elsewhere has pushed just over the edge
_BAND = 1 << 20  # pixels worked on at a time
_LOWEST_BAND = 16
_DARK = 4096
"""16-bit numbers that stay below this are most likely counts of 12 bits or fewer."""
_NAMES = {1: "grey", 3: "RGB", 4: "RGBA"}


@dataclass(frozen=True, eq=False)
class Pixels:
    """One decoded photo, still in its own numbers.

    Attributes:
        colours: (height, width, bands): uint8, uint16 or floats. One band is grey, three are RGB.
        alpha: (height, width), same type: 0 transparent, `top` opaque. None where all is opaque.
        top: The number that means full brightness: 255, 65535 or 1.
    """

    colours: NDArray[Any]
    alpha: NDArray[Any] | None
    top: float

    @classmethod
    def of(cls, array: NDArray[Any], name: str) -> Pixels:
        """Understand an array (height, width) or (height, width, bands) that `refuse_shape` has passed.

        Four bands are RGBA. The array is not copied, except for bool.

        Raises:
            ImageError: Type or values are not those of an image.
        """
        array = array[:, :, None] if array.ndim == 2 else array
        if array.dtype == np.bool_:
            array = array.astype(np.uint8) * np.uint8(255)
        top = _top(array, name)
        if array.shape[2] == 4:
            return cls.layered(array[:, :, :3], array[:, :, 3], top)
        return cls(array, None, top)

    @classmethod
    def layered(cls, colours: NDArray[Any], alpha: NDArray[Any], top: float) -> Pixels:
        """Colours and transparency; the latter is dropped where everything is opaque."""
        return cls(colours, None if alpha.min() >= top else alpha, top)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return self.colours.shape[0], self.colours.shape[1]

    def upright(self, orientation: int) -> Pixels:
        """Turn and mirror by the EXIF orientation, 1..8; any other number leaves the photo as it is."""
        if orientation not in range(2, 9):
            return self
        alpha = None if self.alpha is None else _turned(self.alpha, orientation)
        return Pixels(_turned(self.colours, orientation), alpha, self.top)

    def bands(self) -> Iterator[tuple[slice, Pixels]]:
        """The photo cut into bands of rows: which rows, and what is in them."""
        for rows in row_bands(self.size):
            yield rows, Pixels(self.colours[rows], None if self.alpha is None else self.alpha[rows], self.top)

    def transposed(self) -> Pixels:
        """Rows become columns; nothing is copied."""
        return Pixels(self.colours.swapaxes(0, 1), None if self.alpha is None else self.alpha.swapaxes(0, 1), self.top)

    def plane(self, band: int) -> FloatArray:
        """One colour as stored, float32 (height, width) in 0..top."""
        return self._floats(self.colours[:, :, band])

    def opacity(self) -> FloatArray | None:
        """float32 (height, width) in 0..top; None where all is opaque."""
        return None if self.alpha is None else self._floats(self.alpha)

    def grey(self) -> FloatArray:
        """Brightness, float32 (height, width) in 0..top: ITU-R 601 for RGB, the mean for other bands."""
        bands = self.colours.shape[2]
        if bands == 1:
            return self.plane(0)
        if bands != 3:
            return self._floats(self.colours.mean(axis=2, dtype=np.float32))
        # As differences from green, so that grey stays exactly the same grey.
        green = self.plane(1)
        red, blue = self.plane(0) - green, self.plane(2) - green
        return np.asarray(green + np.float32(0.299) * red + np.float32(0.114) * blue)

    def over(self, plane: FloatArray, ground: float) -> FloatArray:
        """A plane laid over a ground (0..255) that shows through where the photo is transparent."""
        opacity = self.opacity()
        if opacity is None:
            return plane
        below = np.float32(ground * self.top / 255.0)
        return below + (plane - below) * (opacity / np.float32(self.top))

    def display(self, background: tuple[int, int, int]) -> NDArray[np.uint8]:
        """The photo as a person sees it: uint8 (height, width, 3), RGB, laid over the background.

        It may be the photo's own array.
        """
        count = self.colours.shape[2]
        if self.alpha is None and count in (1, 3) and self.colours.dtype == np.uint8:
            return self.colours if count == 3 else np.repeat(self.colours, 3, axis=2)
        shown = np.empty((*self.size, 3), dtype=np.uint8)
        for rows, part in self.bands():
            grey = part.grey() if count != 3 else None
            for index in range(3):
                plane = part.over(part.plane(index) if grey is None else grey, background[index])
                shown[rows, :, index] = np.rint(np.clip(plane * np.float32(255.0 / self.top), 0.0, 255.0))
        return shown

    def _floats(self, values: NDArray[Any]) -> FloatArray:
        plane = np.ascontiguousarray(values, dtype=np.float32)
        return np.clip(plane, 0.0, np.float32(self.top)) if values.dtype.kind == "f" else plane


def row_bands(size: tuple[int, int]) -> Iterator[slice]:
    """Bands of rows that cover an image of this height and width, each about a million pixels.

    None is very low, for every band costs as much as a few rows beside its pixels: the weights of the filter.
    """
    height, width = size
    rows = max(_LOWEST_BAND, _BAND // max(width, 1))
    return (slice(top, min(top + rows, height)) for top in range(0, height, rows))


def luminance(background: tuple[int, int, int]) -> float:
    """The grey, 0..255, of an RGB colour."""
    red, green, blue = background
    return green + 0.299 * (red - green) + 0.114 * (blue - green)


def refuse_shape(name: str, shape: Sequence[int], channels: int, max_pixels: int) -> None:
    """Raise ImageError for an array that is not one image, too large, or of no use to a model of so many channels.

    Asked before anything is done with the values, for there may be any number of them.
    """
    if len(shape) not in (2, 3) or 0 in shape:
        raise ImageError(
            f"{name} has the shape {tuple(shape)}; give (height, width) or (height, width, channels) of one image."
        )
    if len(shape) == 3 and shape[0] in (1, 3, 4) and shape[2] > 16:
        raise ImageError(
            f"{name} has the shape {tuple(shape)}, which looks like channels first; "
            "put the channels last: array.transpose(1, 2, 0)."
        )
    refuse_size(name, shape[0], shape[1], max_pixels)
    bands = shape[2] if len(shape) == 3 else 1
    refuse_channels(name, 3 if bands == 4 else bands, channels, transparent=bands == 4)


def refuse_channels(name: str, colours: int, channels: int, *, transparent: bool) -> None:
    """Raise ImageError where so many colours cannot become what the model wants.

    Args:
        name: What the photo is called.
        colours: How many it has, transparency left aside.
        channels: How many the model wants.
        transparent: Whether it has transparency too.
    """
    if (colours == channels and not transparent) or (colours in (1, 3) and channels in (1, 3, 4)):
        return
    kind = _NAMES.get(colours, "") + (" with transparency" if transparent else "")
    needed = f"{channels} channels" + (f" ({_NAMES[channels]})" if channels in _NAMES else "")
    raise ImageError(
        f"{name} has {colours} channel{'s' * (colours != 1)}{f' ({kind})' if kind else ''}; "
        f"the model wants {needed}. Give an array or .npy file of shape (height, width, {channels})."
    )


def note_dark(pixels: Pixels, name: str) -> None:
    """Warn where 16-bit numbers use so little of their range that the photo is all but black."""
    if pixels.top != 65535.0:
        return
    largest = int(pixels.colours.max())
    if 0 < largest < _DARK:
        white = (1 << largest.bit_length()) - 1
        warnings.warn(
            f"{name} holds 16-bit numbers up to {largest:,} of 65,535 only, so it is read as all but black. If white "
            f"is {white:,} in it ({largest.bit_length()} bits), give the array divided by {white}.",
            SaccadeWarning,
            stacklevel=2,
        )


def _top(array: NDArray[Any], name: str) -> float:
    """The number that means full brightness in this array."""
    if array.dtype == np.uint8:
        return 255.0
    if array.dtype.kind == "u" and array.dtype.itemsize == 2:
        return 65535.0
    if array.dtype.kind != "f":
        raise ImageError(
            f"{name} holds {array.dtype} values; "
            "give uint8 (0..255), uint16 (0..65535), bool, or floats in 0..1, "
            "for example with .astype('uint8')."
        )
    parts = [array[rows] for rows in row_bands((array.shape[0], array.shape[1] * array.shape[2]))]
    if not all(np.isfinite(part).all() for part in parts):
        raise ImageError(f"{name} holds values that are not numbers (NaN or infinite).")
    low, high = float(min(part.min() for part in parts)), float(max(part.max() for part in parts))
    if low < -_TOLERANCE or high > 1.0 + _TOLERANCE:
        raise ImageError(
            f"{name} holds floats from {low:g} to {high:g}; floats must lie in 0..1. For 0..255 use "
            ".astype('uint8'); for arrays that already are as the model wants them use "
            "saccade.images.Images.from_array(array, value_range)."
        )
    return 1.0


def _turned(array: NDArray[Any], orientation: int) -> NDArray[Any]:
    if orientation >= 5:
        array = array.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        array = array[::-1]
    if orientation in (2, 3, 6, 7):
        array = array[:, ::-1]
    return np.ascontiguousarray(array)
