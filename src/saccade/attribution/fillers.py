"""What a covered place shows: the filler of every method that covers parts of a picture."""

from __future__ import annotations

import numpy as np

from saccade.attribution.smoothing import gaussian_blur
from saccade.encoder import Encoder
from saccade.errors import InputError, UnknownName
from saccade.typing import Array

FILLERS = ("blur", "local_mean", "mean", "black", "white", "grey")
"""The names that `filler` understands; a pixel value is understood too."""


def filler(encoder: Encoder, images: Array, name: str | float, *, patch: tuple[int, int], blur: float) -> Array:
    """What do the pictures look like where they are covered?

    Args:
        encoder: Knows the model's darkest and brightest pixel value.
        images: (images, height, width, channels) in the model's value range.
        name: `"blur"` (the picture's own blur: nothing new is painted in), `"local_mean"` (the mean of the patch-sized
            neighbourhood of each pixel), `"mean"` (the picture's mean colour), `"black"`, `"grey"`, `"white"`, or a
            pixel value in the model's own units.
        patch: Height and width in pixels of the neighbourhood of `"local_mean"`.
        blur: Standard deviation in pixels of `"blur"`.

    Returns:
        float32 of the images' shape.

    Raises:
        InputError: A blur that is no length.
        UnknownName: No such filler.
    """
    low, high = encoder.value_range
    constants = {"black": low, "white": high, "grey": (low + high) / 2}
    if not isinstance(name, str):
        return np.full(images.shape, name, np.float32)
    if name == "blur":
        if not blur > 0:
            raise InputError(f"blur={blur:g}: a blur of 0 px covers nothing; give a width in pixels above 0.")
        return gaussian_blur(images, blur)
    if name == "local_mean":
        return _box_mean(images, patch)
    if name == "mean":
        return np.ascontiguousarray(np.broadcast_to(images.mean(axis=(1, 2), keepdims=True), images.shape))
    if name in constants:
        return np.full(images.shape, constants[name], np.float32)
    raise UnknownName.of("filler", name, FILLERS)


def filled_with(name: str | float, blur: float) -> str:
    """The filler in words, for a note."""
    return f"the picture's own blur ({blur:g} px)" if name == "blur" else f"{name}".replace("_", " ")


def _box_mean(images: Array, patch: tuple[int, int]) -> Array:
    """The mean over a patch round each pixel; edges are mirrored."""
    result = images.astype(np.float64)
    for axis, side in ((1, patch[0]), (2, patch[1])):
        before, after = side // 2, side - 1 - side // 2
        padding = [(0, 0)] * 4
        padding[axis] = (before + 1, after)
        running = np.pad(result, padding, mode="symmetric").cumsum(axis=axis)
        upper = np.take(running, np.arange(side, running.shape[axis]), axis=axis)
        lower = np.take(running, np.arange(0, running.shape[axis] - side), axis=axis)
        result = (upper - lower) / side
    return result.astype(np.float32)
