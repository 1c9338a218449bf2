"""What stands for "nothing": the fillers of covered places, and the baselines of paths. One table for every method."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated

import numpy as np

from saccade.arguments import Names
from saccade.attribution.smoothing import gaussian_blur
from saccade.errors import InputError, UnknownName
from saccade.typing import Array

FILLERS: Mapping[str, str] = {
    "blur": "the image's own blur: nothing new is painted in",
    "local_mean": "the mean of the neighbourhood of each pixel",
    "mean": "the image's mean colour",
    "black": "the darkest value of the model's range",
    "grey": "the middle of the model's range",
    "white": "the brightest value of the model's range",
}
"""The names, and what each stands for. A constant lights up whatever differs from it, such as a bare wall."""

FillerName = Annotated[str, Names(tuple(FILLERS))]
"""The annotation of a setting that takes such a name."""


def filler_images(
    images: Array,
    name: str | float,
    *,
    value_range: tuple[float, float],
    blur: float,
    neighbourhood: tuple[int, int] = (1, 1),
    kind: str = "filler",
) -> Array:
    """What do these images look like where nothing is left of them?

    Args:
        images: (images, height, width, channels) in the model's value range.
        name: A name of `FILLERS`, or a pixel value in the model's own units.
        value_range: The model's darkest and brightest pixel value.
        blur: Standard deviation in pixels of `"blur"`.
        neighbourhood: Height and width in pixels of the neighbourhood of `"local_mean"`.
        kind: What the name is called in messages: `"filler"` or `"baseline"`.

    Returns:
        float32 of the images' shape.

    Raises:
        InputError: A blur that is no length.
        UnknownName: No such name.
    """
    if not isinstance(name, str):
        return np.full(images.shape, name, np.float32)
    low, high = value_range
    makers: Mapping[str, Callable[[], Array]] = {
        "blur": lambda: _blurred(images, blur),
        "local_mean": lambda: _box_mean(images, neighbourhood),
        "mean": lambda: np.ascontiguousarray(np.broadcast_to(images.mean(axis=(1, 2), keepdims=True), images.shape)),
        "black": lambda: np.full(images.shape, low, np.float32),
        "grey": lambda: np.full(images.shape, (low + high) / 2, np.float32),
        "white": lambda: np.full(images.shape, high, np.float32),
    }
    if name not in makers:
        raise UnknownName.of(kind, name, FILLERS)
    return makers[name]()


def filler_in_words(name: str | float, blur: float) -> str:
    """The filler in words, for a note."""
    return f"the image's own blur ({blur:g} px)" if name == "blur" else f"{name}".replace("_", " ")


def _blurred(images: Array, blur: float) -> Array:
    if not blur > 0:
        raise InputError(f"blur={blur:g}: a blur of 0 px covers nothing; give a width in pixels above 0.")
    return gaussian_blur(images, blur)


def _box_mean(images: Array, sides: tuple[int, int]) -> Array:
    """The mean over a box round each pixel; edges are mirrored."""
    result = images.astype(np.float64)
    for axis, side in ((1, sides[0]), (2, sides[1])):
        before, after = side // 2, side - 1 - side // 2
        padding = [(0, 0)] * 4
        padding[axis] = (before + 1, after)
        running = np.pad(result, padding, mode="symmetric").cumsum(axis=axis)
        upper = np.take(running, np.arange(side, running.shape[axis]), axis=axis)
        lower = np.take(running, np.arange(0, running.shape[axis] - side), axis=axis)
        result = (upper - lower) / side
    return result.astype(np.float32)
