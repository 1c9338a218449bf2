"""What a model computes with the numbers of its images before its first layer with a kernel.

Models that rescale or normalise for themselves do so there, whatever they do it with: a Rescaling or a Normalization
layer, a batch normalisation, operations of a graph, or a line of Python in `call` or `forward`. So it is not read off
the layers, but measured: images of one brightness go in, and what the first kernel reads is looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from saccade.typing import Array

FirstRead = Callable[[float], Array | None]
"""What the first layer with a kernel reads of an image whose every value is this one, as it lies there."""
Range = tuple[float, float]

_LEVELS = (0.0, 1.0, 0.5, 200.0)
_IDENTITY = 2e-3
_STANDARD = ((0.0, 1.0), (-1.0, 1.0), (-0.5, 0.5), (0.0, 255.0))
"""What images are turned into on purpose."""
_FED: tuple[Range, ...] = ((0.0, 255.0), (0.0, 1.0), (-1.0, 1.0))
_SPREAD = (0.85, 8.0)
"""How far apart black and white are after any usual normalisation; 4.4 after ImageNet's."""


@dataclass(frozen=True)
class Entrance:
    """The arithmetic at the entrance: value * scale + offset.

    Attributes:
        scale: One number, or one for each channel.
        offset: As many.
    """

    scale: tuple[float, ...]
    offset: tuple[float, ...]

    @property
    def is_identity(self) -> bool:
        """Does the first kernel read the image as it is?"""
        return all(abs(scale - 1) < _IDENTITY for scale in self.scale) and all(abs(b) < _IDENTITY for b in self.offset)

    def describe(self) -> str:
        """Say it in a few words."""
        scale, offset = float(np.mean(self.scale)), float(np.mean(self.offset))
        middle = "" if len(set(self.scale)) == len(set(self.offset)) == 1 else ", on average over the channels"
        return f"the model itself computes value * {scale:.4g} {offset:+.4g}{middle}"

    @property
    def value_range(self) -> Range | None:
        """The range of images for which this arithmetic makes sense; None where none does."""
        ranked = sorted(self._ranked())
        return ranked[0][1] if ranked else None

    def _ranked(self) -> Iterator[tuple[float, Range]]:
        scale, offset = float(np.mean(self.scale)), float(np.mean(self.offset))
        for low, high in _FED:
            black, white = low * scale + offset, high * scale + offset
            spread = white - black
            if any(abs(black - a) < 0.02 * (b - a) and abs(white - b) < 0.02 * (b - a) for a, b in _STANDARD):
                yield -1.0, (low, high)
            # Caffe's models only subtract the mean of 0..255.
            is_centred = black < 0.05 * spread and white > -0.05 * spread
            usual = _SPREAD[0] <= spread <= _SPREAD[1] or (scale > 0.9 and 200 < spread < 300 and black < -50)
            if is_centred and usual:
                yield abs(black + white) / spread, (low, high)


def entrance_of(first_read: FirstRead, channels: int) -> Entrance | None:
    """Measure the arithmetic at the entrance; None where there is more than a scale and an offset a channel.

    Args:
        first_read: Runs the model up to its first layer with a kernel.
        channels: The images' channels.
    """
    levels: list[NDArray[np.float64]] = []
    for level in _LEVELS:
        values = first_read(level)
        if values is None or (levels and values.shape != levels[0].shape) or not np.isfinite(values).all():
            return None
        levels.append(np.asarray(values, np.float64))
    black, white, grey, bright = levels
    scale = white - black
    tolerance = 1e-2 * max(float(np.abs(scale).max()), 1e-6)
    for reading, level in ((grey, 0.5), (bright, 200.0)):
        if not np.allclose(reading, black + level * scale, rtol=1e-2, atol=tolerance * max(level, 1)):
            return None
    return _by_channel(scale, black, channels)


def _by_channel(scale: NDArray[np.float64], offset: NDArray[np.float64], channels: int) -> Entrance | None:
    """One scale and one offset a channel, wherever the channels lie; padding around the image is left out."""
    pairs = np.stack([scale.ravel(), offset.ravel()], axis=1)
    pairs = pairs[np.abs(pairs[:, 0]) > 1e-9]
    if not len(pairs):
        return None
    distinct: list[NDArray[np.float64]] = []
    for pair in np.unique(pairs, axis=0):
        if not any(np.allclose(pair, earlier, rtol=1e-3, atol=1e-6) for earlier in distinct):
            distinct.append(pair)
        if len(distinct) > channels:
            return None
    return Entrance(tuple(float(pair[0]) for pair in distinct), tuple(float(pair[1]) for pair in distinct))
