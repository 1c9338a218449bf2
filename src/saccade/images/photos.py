"""Photos as read: one array for the model, and each photo as a person sees it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any, SupportsIndex, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from saccade.errors import ImageError
from saccade.images.placement import FloatArray, Placement
from saccade.images.recipe import checked_range

_Kind = TypeVar("_Kind", bound=np.generic)
_ALIGNMENT = 64
"""Bytes at whose multiples arrays begin that the frameworks read without a copy."""


@dataclass(frozen=True, eq=False)
class Photo:
    """What did the person see, and where on it does the model's image lie?

    Attributes:
        name: The file's name, or "image 3" for the third of several arrays.
        source: The file, where there is one.
        drawn: The photo itself, uint8 (height, width, 3), RGB, upright, at full size; or a function that makes it on
            first use, since many results are never drawn.
        placement: The way from the model's image back onto `original`.
    """

    name: str
    source: Path | None
    drawn: NDArray[np.uint8] | Callable[[], NDArray[np.uint8]]
    placement: Placement

    @cached_property
    def original(self) -> NDArray[np.uint8]:
        """uint8 (height, width, 3), RGB, upright, at full size; read-only."""
        return _read_only(self.drawn() if callable(self.drawn) else self.drawn)

    def __repr__(self) -> str:
        height, width = self.original.shape[:2]
        return f"Photo({self.name!r}, {width} wide x {height} high)"


@dataclass(frozen=True, eq=False)
class Images:
    """Photos as the model wants them; behaves as an array.

    `np.asarray(images)` is the array, `len` counts photos, `images[0]`, `images[2:5]` and iterating give
    `Images` again, so that names and originals travel along.

    Attributes:
        array: float32 (images, height, width, channels), in `value_range`; read-only.
        photos: One `Photo` per row of the array.
        value_range: Darkest and brightest number.
    """

    array: FloatArray
    photos: tuple[Photo, ...]
    value_range: tuple[float, float]

    def __post_init__(self) -> None:
        array = np.ascontiguousarray(self.array, dtype=np.float32)
        if array.ndim != 4 or len(array) != len(self.photos):
            raise ImageError(
                f"an array of shape {array.shape} for {len(self.photos)} photos: "
                "it must be (images, height, width, channels)."
            )
        object.__setattr__(self, "array", _read_only(array))
        object.__setattr__(self, "photos", tuple(self.photos))

    @classmethod
    def from_array(
        cls, array: ArrayLike, value_range: tuple[float, float], names: Sequence[str] | None = None
    ) -> Images:
        """Take arrays that are already as the model wants them.

        Args:
            array: (images, height, width, channels), or (height, width, channels) for one; copied as float32.
                Values may lie a little outside `value_range` (a shifted or noisy image); the display
                clips them.
            value_range: Darkest and brightest number.
            names: One per image; "image 1", "image 2", … otherwise.

        Returns:
            Images whose display photos are drawn from the array: one channel as grey, three as RGB, four as
            RGBA on white, any other number as the grey mean over channels.

        Raises:
            ImageError: Wrong shape, no pixels, not a number somewhere, or values of quite another range.

        Example:
            >>> Images.from_array(np.zeros((2, 8, 8, 3)), (0, 1)).names
            ('image 1', 'image 2')
        """
        low, high = value_range = checked_range(value_range)
        values = np.asarray(array)
        if values.dtype.kind not in "buif" or values.ndim not in (3, 4) or values.size == 0:
            raise ImageError(
                f"an array of shape {values.shape} and type {values.dtype}: give numbers, "
                "(images, height, width, channels) or (height, width, channels)."
            )
        stack, least, most = _copied(values if values.ndim == 4 else values[None])
        if not (math.isfinite(least) and math.isfinite(most)):  # a NaN is its array's least and its most
            raise ImageError("the array holds values that are not numbers (NaN or infinite).")
        if least < low - (high - low) or most > high + (high - low):
            raise ImageError(
                f"the array runs from {least:g} to {most:g}, far outside value_range {low:g}..{high:g}; "
                "give the range the model was trained with, or let read() scale the photos."
            )
        labels = [f"image {index + 1}" for index in range(len(stack))] if names is None else list(names)
        if len(labels) != len(stack):
            raise ImageError(f"{len(labels)} names for {len(stack)} images; give one name each.")
        size = (stack.shape[1], stack.shape[2])
        placement = Placement(size, size, (0.0, 0.0, float(size[1]), float(size[0])))
        photos = (
            Photo(label, None, partial(_shown, image, low, high), placement)
            for label, image in zip(labels, stack, strict=True)
        )
        return cls(stack, tuple(photos), value_range)

    @classmethod
    def join(cls, parts: Sequence[Images]) -> Images:
        """Put several together into one, in order.

        Raises:
            ImageError: There is none, or their sizes, channels or value ranges differ.
        """
        if not parts:
            raise ImageError("no images were given.")
        first = parts[0]
        for part in parts:
            if part.shape[1:] != first.shape[1:]:
                raise ImageError(
                    f"the images come out at different sizes ({_size(first)}, {_size(part)}); "
                    "read them one at a time, or give one size for all (height and width)."
                )
            if part.value_range != first.value_range:
                raise ImageError(f"the images have different value ranges, {first.value_range} and {part.value_range}.")
        if len(parts) == 1:
            return first
        array = np.concatenate([part.array for part in parts])
        return cls(array, tuple(photo for part in parts for photo in part.photos), first.value_range)

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Images, height, width, channels."""
        count, height, width, channels = self.array.shape
        return count, height, width, channels

    @property
    def names(self) -> tuple[str, ...]:
        """The photos' names."""
        return tuple(photo.name for photo in self.photos)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        if copy:
            return np.array(self.array, dtype=dtype)
        if copy is False and dtype is not None and np.dtype(dtype) != self.array.dtype:
            raise ValueError(f"the array is float32; {np.dtype(dtype)} needs a copy.")
        return np.asarray(self.array, dtype=dtype)

    def __len__(self) -> int:
        return len(self.photos)

    def __iter__(self) -> Iterator[Images]:
        return (self[index] for index in range(len(self)))

    def __getitem__(self, which: SupportsIndex | slice) -> Images:
        if not isinstance(which, slice):
            index = range(len(self))[which]  # IndexError where there is none
            which = slice(index, index + 1)
        return Images(self.array[which], self.photos[which], self.value_range)

    def __repr__(self) -> str:
        count, height, width, channels = self.shape
        low, high = self.value_range
        return f"Images({count} of {width} wide x {height} high, {channels} channels, values {low:g}..{high:g})"


def _copied(values: NDArray[Any]) -> tuple[FloatArray, float, float]:
    """Numbers (images, ...) as float32 of their own, and the least and the greatest of them.

    A NaN is its array's least and its greatest number.
    """
    stack = _aligned(values.shape)

    def copy(image: int) -> tuple[Any, Any]:
        extent = values[image].min(), values[image].max()
        with np.errstate(over="ignore"):  # a number that float32 does not hold is far outside of any value range
            stack[image] = values[image]  # while the processor still has it at hand
        return extent

    extents = [copy(image) for image in range(len(values))]
    least, most = (np.array(numbers) for numbers in zip(*extents, strict=True))
    return stack, float(least.min()), float(most.max())


def _aligned(shape: tuple[int, ...]) -> FloatArray:
    """Memory that frameworks read where it lies; what begins elsewhere they copy."""
    size = 4 * math.prod(shape)
    memory = np.empty(size + _ALIGNMENT, np.uint8)
    start = -memory.__array_interface__["data"][0] % _ALIGNMENT
    return memory[start : start + size].view(np.float32).reshape(shape)


def _size(images: Images) -> str:
    _, height, width, channels = images.shape
    return f"{images.names[0]} {width} wide x {height} high x {channels}"


def _read_only(array: NDArray[_Kind]) -> NDArray[_Kind]:
    # A view, so that the caller's own array is not frozen.
    view = array.view()
    view.setflags(write=False)
    return view


def _shown(image: FloatArray, low: float, high: float) -> NDArray[np.uint8]:
    """(height, width, channels) between `low` and `high`, roughly -> RGB."""
    light: NDArray[Any] = np.clip((image - low) / (high - low), 0.0, 1.0)
    channels = light.shape[2]
    if channels == 4:
        light = 1.0 - light[..., 3:] * (1.0 - light[..., :3])
    elif channels != 3:
        light = np.repeat(light.mean(axis=2, keepdims=True), 3, axis=2)
    return np.asarray(np.rint(light * 255.0), dtype=np.uint8)
