"""Maps that know nothing of the model: a method that does not beat them shows nothing of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from saccade.attribution.smoothing import gaussian_blur
from saccade.typing import Array


@dataclass(frozen=True)
class Control:
    """A map made without the model.

    Attributes:
        name: Short, as in files.
        title: For people.
        draw: `draw(images, numbers, smoothing, seed)` -> (images, height, width); `numbers` count the images in
            the whole collection, so that chance does not depend on how the work is cut.
    """

    name: str
    title: str
    draw: Callable[[Array, range, float, int], Array]


def _random(images: Array, numbers: range, smoothing: float, seed: int) -> Array:  # noqa: ARG001
    size = images.shape[1:3]
    return np.stack([np.random.default_rng([seed, number]).random(size, dtype=np.float32) for number in numbers])


def _centre(images: Array, numbers: range, smoothing: float, seed: int) -> Array:  # noqa: ARG001
    across = [np.exp(-0.5 * ((np.arange(side) + 0.5) / side * 4 - 2) ** 2) for side in images.shape[1:3]]
    hill = np.outer(*across).astype(np.float32)
    return np.repeat(hill[None], len(images), axis=0)


def _intensity(images: Array, numbers: range, smoothing: float, seed: int) -> Array:  # noqa: ARG001
    return np.asarray(images.mean(axis=-1, dtype=np.float64), np.float32)


def _edges(images: Array, numbers: range, smoothing: float, seed: int) -> Array:  # noqa: ARG001
    return gaussian_blur(sobel(images), smoothing)


def _contrast(images: Array, numbers: range, smoothing: float, seed: int) -> Array:  # noqa: ARG001
    return local_contrast(images, max(smoothing, 1.0))  # a window of one pixel has no variance


def local_contrast(images: Array, sigma: float) -> Array:
    """The variance of the pixels round each place, summed over channels, (images, height, width).

    Args:
        images: (images, height, width, channels).
        sigma: Standard deviation in pixels of the Gaussian window.
    """
    centred = images - images.mean(axis=(1, 2), keepdims=True)  # E[x²] - E[x]² loses digits far from zero
    mean = gaussian_blur(centred, sigma)
    variance = gaussian_blur(centred * centred, sigma) - mean * mean
    return np.asarray(np.maximum(variance, 0).sum(axis=-1, dtype=np.float64), np.float32)


def sobel(images: Array) -> Array:
    """The length of the Sobel gradient over all channels, (images, height, width); edges of the image are repeated.

    Args:
        images: (images, height, width, channels).
    """
    wide = np.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="edge").astype(np.float64)
    down, across = wide[:, 2:] - wide[:, :-2], wide[:, :, 2:] - wide[:, :, :-2]
    rows = down[:, :, :-2] + 2 * down[:, :, 1:-1] + down[:, :, 2:]
    columns = across[:, :-2] + 2 * across[:, 1:-1] + across[:, 2:]
    return np.asarray(np.sqrt((rows**2 + columns**2).sum(axis=-1)), np.float32)


CONTROLS = (
    Control("random", "Random", _random),
    Control("centre", "Centre", _centre),
    Control("intensity", "Intensity", _intensity),
    Control("edges", "Sobel edges", _edges),
    Control("contrast", "Local contrast", _contrast),
)
"""Chance; a hill in the middle, where photographers put things; brightness; contours; how much the photo varies.

Edges and contrast are smoothed as the gradients are (a quarter of a code cell), which makes them harder controls.
"""
