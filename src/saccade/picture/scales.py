"""What does the strongest colour stand for, and is that the same in every image?

An unsigned scale runs from zero to its limit: never from the smallest value, which would paint "nothing" as
something. A signed scale runs equally far to both sides of zero.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from saccade.errors import InputError

FLAT = "flat: nothing stands out"
"""What is written on a map whose values are all alike."""

_ALIKE = 1e-5  # spread below this share of the magnitude is rounding noise of float32, not structure
_NEGATIVE = 1e-3  # values this little below zero (share of the limit) come from smoothing and are drawn as zero


@dataclass(frozen=True)
class Scale:
    """A fixed relation between values and colours.

    Attributes:
        low: The value of the first colour: 0 on an unsigned scale, `-high` on a signed one.
        high: The value of the last colour; positive.
        signed: Whether zero lies in the middle.
        flat: Whether the values that made the scale were all alike; such a map is drawn without colour.
        clipped: Percentage of values beyond the limits; they take the end colours.
        shared: Which images use this scale, in words (`"this photo"`, `"all photos"`).
    """

    low: float
    high: float
    signed: bool = False
    flat: bool = False
    clipped: float = 0.0
    shared: str = "this photo"

    def __post_init__(self) -> None:
        low = -self.high if self.signed else 0.0
        if not (np.isfinite(self.high) and self.high > 0 and self.low == low):
            limits = "-high to high" if self.signed else "0 to high"
            raise InputError(
                f"a {'signed' if self.signed else 'plain'} scale runs from {limits} with high above "
                f"zero; got {self.low} to {self.high}."
            )

    @property
    def statement(self) -> str:
        """The scale in words, to be printed beside the image."""
        words = f"scale: {self.shared}"
        if self.clipped:
            words += f", top {self.clipped:g} % clipped"
        return FLAT if self.flat else words

    def position(self, values: ArrayLike) -> NDArray[np.float32]:
        """Place values between 0 (first colour) and 1 (last colour); outside values go to the ends.

        Returns:
            float32, the shape of `values`. Zero is at 0, or at 0.5 on a signed scale.
        """
        numbers = np.asarray(values, np.float32)
        placed = np.clip((numbers - np.float32(self.low)) / np.float32(self.high - self.low), 0, 1)
        return np.asarray(placed, np.float32)

    def value(self, position: float) -> float:
        """Return the value at a position between 0 and 1: the inverse of `position`."""
        return self.low + position * (self.high - self.low)


def scale_of(values: ArrayLike, *, signed: bool, clip: float = 0.0, shared: str = "this photo") -> Scale:
    """Which scale shows these values truthfully?

    Unsigned: 0 to max(v). Signed: -max|v| to max|v|. With `clip`, the limit is the (100 - clip)-th
    percentile of |v|.

    Args:
        values: Any shape; pass the maps of all images at once for a shared scale.
        signed: Whether values below zero have a meaning.
        clip: Percentage of the largest values that may share the last colour, 0 to below 50.
        shared: Which images will be drawn with it, in words.

    Raises:
        InputError: No values, values that are not finite, or values below zero on an unsigned scale.

    Example:
        >>> scale_of([0.5, 1.0], signed=False).low
        0.0
    """
    numbers = np.asarray(values, np.float32)
    if not 0 <= clip < 50:
        raise InputError(f"clip must be a percentage from 0 to below 50; got {clip}.")
    if numbers.size == 0:
        raise InputError("a scale needs at least one value; the map is empty.")
    smallest, largest = float(numbers.min()), float(numbers.max())
    if not (np.isfinite(smallest) and np.isfinite(largest)):
        bad = int(numbers.size - np.isfinite(numbers).sum())
        raise InputError(
            f"{bad} of {numbers.size} values of the map are not finite numbers; "
            "find out where they come from before drawing it."
        )
    reach = max(-smallest, largest)
    if not signed and smallest < -_NEGATIVE * reach:
        raise InputError(
            f"the map has values below zero (down to {smallest:.3g}), which an unsigned scale would "
            "hide; use signed=True, or take the magnitude first."
        )
    if largest - smallest <= _ALIKE * reach or reach < 1e-30:
        high = reach if reach >= 1e-30 else 1.0
        return Scale(-high if signed else 0.0, high, signed=signed, flat=True, shared=shared)
    limit = reach
    if clip:
        rank = int(np.ceil((numbers.size - 1) * (1 - clip / 100)))
        limit = float(np.partition(np.abs(numbers), rank, axis=None)[rank])
    if limit < 1e-30:  # a map so sparse that its percentile is zero: the largest value is the only sensible limit
        limit = reach
    beyond = clip if limit < reach else 0.0
    return Scale(-limit if signed else 0.0, limit, signed=signed, clipped=beyond, shared=shared)
