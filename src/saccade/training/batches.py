"""What each step learns from: which photos, where their pixels are, and the random numbers of their variations."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from saccade.training.augmentation import numbers_needed
from saccade.training.photos import Photos

DEVICE_LIMIT = 2**30
"""Bytes of photos that lie on the device for the whole run; those of larger collections go there batch by batch."""


class Batches:
    """The batches of a run; each depends on the seed and the step alone, so that a continued run sees the same.

    Args:
        photos: What to learn from.
        size: Photos per step; fewer where there are not so many.
        seed: Decides the order of the photos and the random numbers.

    Attributes:
        per_epoch: Steps in which every photo is shown once; the few that do not fill a batch are left out.
    """

    def __init__(self, photos: Photos, size: int, seed: int) -> None:
        import keras

        self._photos, self._seed = photos, seed
        self._size = min(size, len(photos))
        self.per_epoch = len(photos) // self._size
        self._epoch = -1
        self._order: NDArray[np.intp] = np.arange(0)
        pixels = photos.pixels
        fits = pixels is not None and pixels.nbytes <= DEVICE_LIMIT
        self._pool = keras.ops.convert_to_tensor(pixels) if fits else None
        self._reader = None if fits else ThreadPoolExecutor(1)
        self._ahead: tuple[int, Future[NDArray[np.uint8]]] | None = None

    def at(self, step: int) -> tuple[Any, NDArray[np.intp], NDArray[np.float32]]:
        """What does the step after so many learn from?

        Returns:
            Photos on the device, uint8 (photos, height, width, channels); which of them, (batch,); and uniform random
            numbers, float32 (batch, `numbers_needed(channels)`).
        """
        import keras

        epoch, batch = divmod(step, self.per_epoch)
        rows = self._rows_of(step)
        # One generator a step, not one long stream.
        generator = np.random.default_rng([self._seed, epoch, batch])
        numbers = generator.random((self._size, numbers_needed(self._photos.channels)), np.float32)
        if self._pool is not None:
            return self._pool, rows, numbers
        return keras.ops.convert_to_tensor(self._read(step)), np.arange(self._size), numbers

    def _rows_of(self, step: int) -> NDArray[np.intp]:
        epoch, batch = divmod(step, self.per_epoch)
        if epoch != self._epoch:
            self._epoch = epoch
            self._order = np.random.default_rng([self._seed, epoch]).permutation(len(self._photos))
        return self._order[batch * self._size : (batch + 1) * self._size]

    def _read(self, step: int) -> NDArray[np.uint8]:
        """Read a batch, and begin with the next one while the device works on this."""
        assert self._reader is not None
        if self._ahead is not None and self._ahead[0] == step:
            pixels = self._ahead[1].result()
        else:
            pixels = self._photos.at(self._rows_of(step))
        self._ahead = step + 1, self._reader.submit(self._photos.at, self._rows_of(step + 1))
        return pixels
