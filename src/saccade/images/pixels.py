"""Whatever a source holds -> colours, transparency, and the number that means full brightness.

How numbers are read, everywhere:

    uint8            0..255
    uint16           0..65535; so are whole numbers in 32 bits (Pillow's mode I) that stay within it
    bool             0, 1
    floats           0..1; anything beyond is refused, because guessing would silently show another picture
    other integers   refused
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from saccade.errors import ImageError
from saccade.images.placement import FloatArray

_TOLERANCE = 1e-6  # floats that resizing elsewhere has pushed just over the edge


@dataclass(frozen=True, eq=False)
class Pixels:
    """One decoded photo, still in its own numbers.

    Attributes:
        colours: (height, width, bands), uint8, uint16 or float32. One band is grey, three are RGB.
        alpha: (height, width), same type: 0 transparent, `top` opaque. None where all is opaque.
        top: The number that means full brightness: 255, 65535 or 1.
    """

    colours: NDArray[Any]
    alpha: NDArray[Any] | None
    top: float

    @classmethod
    def of(cls, array: NDArray[Any], name: str) -> Pixels:
        """Understand an array (height, width) or (height, width, bands); four bands are RGBA.

        Raises:
            ImageError: Shape, type or values are not those of one picture.
        """
        if array.ndim not in (2, 3) or 0 in array.shape:
            raise ImageError(
                f"{name} has the shape {array.shape}; give (height, width) or (height, width, channels) of one picture."
            )
        array = array[:, :, None] if array.ndim == 2 else array
        if array.shape[0] in (1, 3, 4) and array.shape[2] > 16:
            raise ImageError(
                f"{name} has the shape {array.shape}, which looks like channels first; "
                "put the channels last: array.transpose(1, 2, 0)."
            )
        colours, top = _known(array, name)
        if colours.shape[2] == 4:
            return cls.layered(colours[:, :, :3], colours[:, :, 3], top)
        return cls(colours, None, top)

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

    def plane(self, band: int) -> FloatArray:
        """One band as stored, float32 (height, width) in 0..top."""
        return np.ascontiguousarray(self.colours[:, :, band], dtype=np.float32)

    def grey(self) -> FloatArray:
        """Brightness, float32 (height, width) in 0..top: ITU-R 601 for RGB, the mean for other bands."""
        bands = self.colours.shape[2]
        if bands == 1:
            return self.plane(0)
        if bands != 3:
            return np.asarray(self.colours.mean(axis=2, dtype=np.float32))
        # As differences from green, so that grey stays exactly the same grey.
        green = self.plane(1)
        red, blue = self.plane(0) - green, self.plane(2) - green
        return np.asarray(green + np.float32(0.299) * red + np.float32(0.114) * blue)

    def over(self, plane: FloatArray, ground: float) -> FloatArray:
        """A plane laid over a ground (0..255) that shows through where the photo is transparent."""
        if self.alpha is None:
            return plane
        below = np.float32(ground * self.top / 255.0)
        return below + (plane - below) * (self.alpha.astype(np.float32) / np.float32(self.top))

    def display(self, background: tuple[int, int, int]) -> NDArray[np.uint8]:
        """The photo as a person sees it: uint8 (height, width, 3), RGB, laid over the background."""
        bands = self.colours.shape[2]
        if self.alpha is None and bands in (1, 3) and self.colours.dtype == np.uint8:
            return self.colours if bands == 3 else np.repeat(self.colours, 3, axis=2)
        shown = np.empty((*self.size, 3), dtype=np.uint8)
        grey = self.grey() if bands != 3 else None
        for index in range(3):
            plane = self.over(self.plane(index) if grey is None else grey, background[index])
            shown[:, :, index] = np.rint(np.clip(plane * np.float32(255.0 / self.top), 0.0, 255.0))
        return shown


def luminance(background: tuple[int, int, int]) -> float:
    """The grey, 0..255, of an RGB colour."""
    red, green, blue = background
    return green + 0.299 * (red - green) + 0.114 * (blue - green)


def _known(array: NDArray[Any], name: str) -> tuple[NDArray[Any], float]:
    """The array as uint8, uint16 or float32, and the number that means full brightness in it."""
    if array.dtype == np.bool_:
        return array.astype(np.uint8) * np.uint8(255), 255.0
    if array.dtype == np.uint8:
        return array, 255.0
    if array.dtype.kind == "u" and array.dtype.itemsize == 2:
        return array.astype(np.uint16, copy=False), 65535.0  # also puts the bytes into this machine's order
    if array.dtype.kind != "f":
        raise ImageError(
            f"{name} holds {array.dtype} values; "
            "give uint8 (0..255), uint16 (0..65535), bool, or floats in 0..1, "
            "for example with .astype('uint8')."
        )
    if not np.isfinite(array).all():
        raise ImageError(f"{name} holds values that are not numbers (NaN or infinite).")
    low, high = float(array.min()), float(array.max())
    if low < -_TOLERANCE or high > 1.0 + _TOLERANCE:
        raise ImageError(
            f"{name} holds floats from {low:g} to {high:g}; floats must lie in 0..1. For 0..255 use "
            ".astype('uint8'); for arrays that already are as the model wants them use "
            "saccade.images.Images.from_array(array, value_range)."
        )
    return np.clip(array, 0.0, 1.0).astype(np.float32), 1.0


def _turned(array: NDArray[Any], orientation: int) -> NDArray[Any]:
    if orientation >= 5:
        array = array.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        array = array[::-1]
    if orientation in (2, 3, 6, 7):
        array = array[:, ::-1]
    return np.ascontiguousarray(array)
