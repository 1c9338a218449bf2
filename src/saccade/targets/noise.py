"""Standard normal noise that depends on the seed, the sample and the pixel alone: the same numbers on every device.

32 bits are hashed from (seed, pattern, place) by integer arithmetic, and each half of them looks up one of 65,536
equally likely values of the normal distribution. Nothing is carried from one number to the next, so a pattern never
depends on how the work was cut into pieces, and a device can make its own noise (`Backend.normal`) without a copy from
the host.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from saccade.targets.paths import Arrays
from saccade.typing import Array, Tensor

HASH_MULTIPLIERS = (0x7FEB352D, 0x846CA68B)
"""Of the 32-bit mixer "lowbias32" (C. Wellons, "Prospecting for hash functions", 2018), with shifts 16, 15, 16."""

_LEVELS = 2**16


@cache
def normal_quantiles() -> Array:
    """The middles of 65,536 equally likely parts of the standard normal distribution, scaled to a variance of 1.

    The outermost lie at 4.3 standard deviations.
    """
    normal = NormalDist()
    upper = np.array([normal.inv_cdf((level + 0.5) / _LEVELS) for level in range(_LEVELS // 2, _LEVELS)])
    quantiles = np.concatenate([-upper[::-1], upper] / np.sqrt(np.mean(upper**2))).astype(np.float32)
    quantiles.setflags(write=False)
    return quantiles


def mix(bits: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Hash every 32-bit number; writes into `bits` and gives it back."""
    first, second = map(np.uint32, HASH_MULTIPLIERS)
    shifted = bits >> np.uint32(16)
    bits ^= shifted
    bits *= first
    np.right_shift(bits, np.uint32(15), out=shifted)
    bits ^= shifted
    bits *= second
    np.right_shift(bits, np.uint32(16), out=shifted)
    bits ^= shifted
    return bits


@lru_cache(maxsize=8)
def place_hashes(count: int) -> NDArray[np.uint32]:
    """A hash for every pair of numbers of a pattern, (count / 2 rounded up,)."""
    hashes = mix(np.arange((count + 1) // 2, dtype=np.uint32))
    hashes.setflags(write=False)
    return hashes


def pattern_keys(seed: int, start: int, stop: int) -> NDArray[np.uint32]:
    """A key for every pattern from `start` up to `stop`."""
    words = np.frombuffer((int(seed) % 2**64).to_bytes(8, "little"), "<u4").astype(np.uint32)
    key = np.zeros(1, np.uint32)
    for word in words:
        key = mix(key ^ word)
    return mix(np.arange(start, stop, dtype=np.uint32) ^ key)


def draw_normal(key: np.uint32, out: Array) -> None:
    """Fill one axis with the standard normal numbers of a pattern."""
    bits = mix(place_hashes(len(out)) ^ key)
    np.take(normal_quantiles(), bits.astype("<u4", copy=False).view(np.uint16)[: len(out)], out=out, mode="clip")


@dataclass(frozen=True)
class NormalPoints:
    """Standard normal noise, as points of the path NOISY; by default in antithetic pairs.

    Every second pattern is then the negative of the one before: pairs cancel the noise's first-order effect exactly, so
    the same number of samples leaves less error in a mean, and only half of the noise has to be drawn. For a variance
    both of a pair say the same; there `paired=False` is better.

    Attributes:
        seed: Fixes the noise.
        samples: How many patterns there are.
        shape: Height, width and channels of a pattern.
        paired: Draw pairs of opposite sign.
    """

    seed: int
    samples: int
    shape: tuple[int, int, int]
    paired: bool = True

    def __len__(self) -> int:
        """How many patterns there are."""
        return self.samples

    @property
    def count(self) -> int:
        """How many numbers one pattern holds."""
        height, width, channels = self.shape
        return height * width * channels

    def drawn(self, start: int, stop: int) -> tuple[NDArray[np.uint32], NDArray[np.int32], NDArray[np.float32]]:
        """What the samples from `start` up to `stop` are made of.

        Returns:
            The keys of the patterns that are drawn; for each sample which of them it is, and its sign.
        """
        together = 2 if self.paired else 1
        numbers = np.arange(start, stop)
        first = start // together
        keys = pattern_keys(self.seed, first, -(-stop // together))
        signs = np.where(numbers % together == 0, 1.0, -1.0).astype(np.float32)
        return keys, (numbers // together - first).astype(np.int32), signs

    def make(self, backend: Any, start: int, stop: int) -> dict[str, Tensor]:
        """The same samples as `take` gives, made on the backend's own device."""
        size = 4 * (stop - start) * self.count
        return backend.remembered((self, start, stop), size, lambda: self._make(backend, start, stop))  # type: ignore[no-any-return]

    def _make(self, backend: Any, start: int, stop: int) -> dict[str, Tensor]:
        keys, patterns, signs = self.drawn(start, stop)
        noise = backend.normal(keys, self.count)
        if self.paired:
            noise = backend.take(noise, backend.indices(patterns)) * backend.tensor(signs[:, None])
        return {"noise": backend.reshape(noise, (stop - start, *self.shape))}

    def take(self, start: int, stop: int) -> Arrays:
        """The samples from `start` up to `stop`, as (samples, height, width, channels)."""
        noise = np.empty((stop - start, self.count), np.float32)
        keys, patterns, signs = self.drawn(start, stop)
        for row, (pattern, sign) in enumerate(zip(patterns, signs, strict=True)):
            if sign < 0 and row > 0:
                np.negative(noise[row - 1], out=noise[row])
                continue
            draw_normal(keys[pattern], noise[row])
            if sign < 0:
                np.negative(noise[row], out=noise[row])
        return {"noise": noise.reshape(stop - start, *self.shape)}
