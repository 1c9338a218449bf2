"""What the model wants a photo to become."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Literal, get_args

from saccade.errors import ImageError, UnknownName
from saccade.images.normalisation import Normalisation

Fit = Literal["stretch", "cover", "contain"]
Interpolation = Literal["auto", "nearest", "box", "bilinear", "hamming", "bicubic", "lanczos"]

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
        crop: The share of the photo's middle that is used, along each side; for `cover` only. What was trained at 224
            px on the middle of photos of 256 px has 224 / 256.
        interpolation: How pixels are resized, as Pillow does it; `auto` is Lanczos when shrinking, bicubic when
            enlarging.
        value_range: Darkest and brightest number: pixel 0 becomes the first, pixel 255 the second.
        normalisation: Mean and spread of each channel. It is said here, and applied by the network: images keep
            `value_range`.
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
    crop: float = 1.0
    interpolation: Interpolation = "auto"
    value_range: tuple[float, float] = (0.0, 1.0)
    normalisation: Normalisation | None = None
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
        if self.interpolation not in get_args(Interpolation):
            raise UnknownName.of("interpolation", str(self.interpolation), get_args(Interpolation))
        if not isinstance(self.crop, Real) or not 0 < self.crop <= 1:
            raise ImageError(
                f"crop={self.crop!r:.40}: give the share of the photo that is used, above 0 and at most 1."
            )
        if self.crop != 1 and self.fit != "cover":
            raise ImageError(f"crop={self.crop:g} goes with fit='cover'; a photo that is {self.fit}ed is used whole.")
        object.__setattr__(self, "value_range", checked_range(self.value_range))
        background = tuple(self.background) if isinstance(self.background, Iterable) else ()
        if len(background) != 3 or not all(isinstance(part, Real) and 0 <= part <= 255 for part in background):
            raise ImageError(f"background={self.background!r}: give red, green and blue, each 0..255.")
        object.__setattr__(self, "background", background)

    def describe(self) -> str:
        """Say it in one line: size, colours, fit, values."""
        colours = _COLOURS.get(self.channels, f"{self.channels} channels")
        values = self.describe_values()
        fitted = _FITS[self.fit] if self.crop == 1 else f"middle {self.crop * 100:.3g} % of the photo"
        if self.interpolation != "auto":
            fitted += f" ({self.interpolation})"
        steps = f" in steps of {self.multiple}" if self.multiple > 1 else ""
        if self.height is not None and self.width is not None:
            same = self.height == self.width
            size = f"{self.width}x{self.height}" if same else f"{self.width} wide x {self.height} high"
            return f"{size} {colours}, {fitted}, {values}"
        if self.height is None and self.width is None:
            return f"any size up to {self.longest_side} px{steps}, {colours}, {values}"
        side, free = (f"{self.width} wide", "height") if self.height is None else (f"{self.height} high", "width")
        return f"{side}, any {free} up to {self.longest_side} px{steps}, {colours}, {values}"

    def describe_values(self) -> str:
        """Say what numbers the model is fed: the range, and what is then done to every channel."""
        low, high = self.value_range
        values = f"values {low:g}..{high:g}"
        return values if self.normalisation is None else f"{values}, {self.normalisation.describe()}"


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
