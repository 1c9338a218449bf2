"""What the model wants a photo to become."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Literal, get_args

from saccade.errors import ImageError, UnknownName

Fit = Literal["stretch", "cover", "contain"]

_COLOURS = {1: "grey", 3: "RGB", 4: "RGBA"}
_FITS = {"stretch": "stretched", "cover": "cropped to fill", "contain": "padded to fit"}


@dataclass(frozen=True)
class ImageRecipe:
    """How does a photo become what the model wants?

    Attributes:
        height: Rows of the model's image. None: free; the photo keeps its own size up to `longest_side`.
            With only one of height and width free, that side follows the photo's shape.
        width: Columns of the model's image, or None.
        channels: 1 is grey, 3 is RGB, 4 is RGBA. Any other number comes only from arrays, .npy files, or TIFF
            files with one grey page per channel.
        fit: `stretch` fills the size and may change the shape of things; `cover` fills it and cuts off what
            sticks out, centred; `contain` shows the whole photo and fills the rest with `background`.
        value_range: Darkest and brightest number: pixel 0 becomes the first, pixel 255 the second.
        background: RGB, 0..255, under transparency and around a contained photo. For four channels the space
            around a contained photo is also fully transparent; for other channel counts it is the
            background's grey.
        longest_side: Limit for free sizes, in pixels.
        multiple: Free sizes are rounded down to a multiple of this (at least one), so that what an encoder
            halves a decoder can double again.
        max_pixels: Larger photos are refused before they are decoded.

    Raises:
        ImageError: A number makes no sense.
        UnknownName: No such `fit`.

    Example:
        >>> ImageRecipe(128, 128, 3).describe()
        '128x128 RGB, stretched, values 0..1'
    """

    height: int | None
    width: int | None
    channels: int
    fit: Fit = "stretch"
    value_range: tuple[float, float] = (0.0, 1.0)
    background: tuple[int, int, int] = (255, 255, 255)
    longest_side: int = 1024
    multiple: int = 1
    max_pixels: int = 100_000_000

    def __post_init__(self) -> None:
        for name in ("height", "width", "channels", "longest_side", "multiple", "max_pixels"):
            number = getattr(self, name)
            if number is None and name in ("height", "width"):
                continue
            if not isinstance(number, Integral) or number < 1:
                raise ImageError(f"{name}={number!r}: give a whole number, 1 or more.")
        if self.fit not in get_args(Fit):
            raise UnknownName.of("fit", str(self.fit), get_args(Fit))
        object.__setattr__(self, "value_range", checked_range(self.value_range))
        background = tuple(self.background) if isinstance(self.background, Iterable) else ()
        if len(background) != 3 or not all(isinstance(part, Real) and 0 <= part <= 255 for part in background):
            raise ImageError(f"background={self.background!r}: give red, green and blue, each 0..255.")
        object.__setattr__(self, "background", background)

    def describe(self) -> str:
        """Say it in one line: size, colours, fit, values."""
        colours = _COLOURS.get(self.channels, f"{self.channels} channels")
        low, high = self.value_range
        values = f"values {low:g}..{high:g}"
        steps = f" in steps of {self.multiple}" if self.multiple > 1 else ""
        if self.height is not None and self.width is not None:
            same = self.height == self.width
            size = f"{self.width}x{self.height}" if same else f"{self.width} wide x {self.height} high"
            return f"{size} {colours}, {_FITS[self.fit]}, {values}"
        if self.height is None and self.width is None:
            return f"any size up to {self.longest_side} px{steps}, {colours}, {values}"
        side, free = (f"{self.width} wide", "height") if self.height is None else (f"{self.height} high", "width")
        return f"{side}, any {free} up to {self.longest_side} px{steps}, {colours}, {values}"


_BRIGHTEST = 1e15
"""Images are float32, and what is computed of them is squared."""


def checked_range(value_range: Sequence[float]) -> tuple[float, float]:
    """The range as floats.

    Raises:
        ImageError: It is not two finite numbers in rising order.
    """
    ends = tuple(value_range) if isinstance(value_range, Iterable) else ()
    if len(ends) == 2 and all(isinstance(end, Real) for end in ends):
        low, high = float(ends[0]), float(ends[1])
        if math.isfinite(low) and math.isfinite(high) and low < high:
            if max(-low, high) > _BRIGHTEST:
                raise ImageError(f"value_range={value_range!r}: give numbers of at most {_BRIGHTEST:g}.")
            return low, high
    raise ImageError(
        f"value_range={value_range!r}: give the darkest number, then the brightest, as in (0, 1), (-1, 1), (0, 255)."
    )
