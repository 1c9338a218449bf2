"""A collection of images, read one after the other, with one policy for those that cannot be used.

A file or folder that does not exist is refused before anything is read. One that exists but cannot be used (damaged,
empty, too large, of the wrong shape, or gone in the meantime) is left out, named and counted. Where not one can be
used, the first reason is the error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from saccade.errors import Cancelled, FileError, ImageError, InputError
from saccade.images.files import find
from saccade.images.photos import Images
from saccade.images.placement import FloatArray

BATCH = 32
BATCH_BYTES = 64 * 2**20
"""A batch ends at this many images, or at this many bytes of them."""


@dataclass(frozen=True)
class Skipped:
    """An image that was left out.

    Attributes:
        name: Its file's name, or "image 3" for the third of several arrays.
        reason: Why, in one line.
    """

    name: str
    reason: str


class Collection:
    """Images that are read when their turn comes, so that a folder never lies in memory.

    Args:
        given: A folder, a glob, a file, `Images`, an array, a PIL image, or a list of any of them.
        read: Makes `Images` of one of its sources: a path, a PIL image, or an array. A row of an array (images,
            height, width, channels) comes as a batch of one.
        name: What the collection is called in messages.

    Attributes:
        sources: What there is to read, one image each.
        skipped: What could not be used, of what has been read so far.

    Raises:
        FileError: A file or folder does not exist, or holds no image.
    """

    def __init__(self, photos: Any, read: Callable[[Any], Images], *, name: str = "the collection") -> None:
        self.sources: Sequence[Any] = list(_sources(photos))
        self.skipped: list[Skipped] = []
        self._read, self._name = read, name

    def __len__(self) -> int:
        """How many images there are, also those that cannot be used."""
        return len(self.sources)

    def images(
        self, order: Iterable[int] | None = None, *, stop: Callable[[], bool] | None = None
    ) -> Iterator[tuple[int, Images]]:
        """Read one after the other.

        Args:
            order: Indices of sources; all in their order by default.
            stop: Asked before each; True ends the work with `Cancelled`.

        Yields:
            The index of each source that can be used, and its image.

        Raises:
            InputError: At the end, if not one of them could be used.
            Cancelled: `stop` said so.
        """
        usable = False
        self.skipped.clear()
        for index in range(len(self.sources)) if order is None else order:
            if stop is not None and stop():
                raise Cancelled("stopped before it was finished.")
            source = self.sources[index]
            try:
                image = self._read(source)
            except (ImageError, FileError) as error:
                self.skipped.append(Skipped(_name(source, index), str(error)))
                continue
            usable = True
            yield int(index), image
        if not usable:
            why = f": {self.skipped[0].reason}" if self.skipped else "."
            raise InputError(f"none of the {len(self)} images of {self._name} can be used{why}")

    def batches(
        self, *, progress: Callable[[int, int], None] | None = None, stop: Callable[[], bool] | None = None
    ) -> Iterator[FloatArray]:
        """Read some at a time; images of different sizes come in different batches.

        Args:
            progress: Called after each batch with the images done and the images in all.
            stop: Asked before each image; True ends the work with `Cancelled`.

        Yields:
            float32 (images, height, width, channels).

        Raises:
            InputError: At the end, if not one of them could be used.
            Cancelled: `stop` said so.
        """
        waiting: list[FloatArray] = []
        done = 0
        for index, image in self.images(stop=stop):
            full = len(waiting) >= BATCH or sum(array.nbytes for array in waiting) >= BATCH_BYTES
            if waiting and (full or waiting[0].shape[1:] != image.shape[1:]):
                yield np.concatenate(waiting)
                waiting.clear()
                if progress is not None:
                    progress(done, len(self))
            waiting.append(image.array)
            done = index + 1
        yield np.concatenate(waiting)
        if progress is not None:
            progress(len(self), len(self))


def skipped_in_words(skipped: Sequence[Skipped], what: str) -> str:
    """`2 of the photos in holiday cannot be used and were left out (a.jpg, b.jpg)`; empty if nothing was left out.

    Args:
        skipped: What was left out.
        what: What the images are, in the plural: `"the photos in holiday"`.
    """
    if not skipped:
        return ""
    names = ", ".join(image.name for image in skipped[:3]) + (", ..." if len(skipped) > 3 else "")
    verb = "was" if len(skipped) == 1 else "were"
    return f"{len(skipped)} of {what} cannot be used and {verb} left out ({names})"


def _sources(photos: Any) -> Iterator[Any]:
    """One image each; files as paths, so that nothing is read before its turn."""
    if isinstance(photos, (str, Path)):
        yield from find([photos])
    elif isinstance(photos, Images):
        yield from photos
    elif isinstance(photos, (Image.Image, bytes)):
        yield photos
    elif hasattr(photos, "__array__"):
        array = np.asarray(photos)
        yield from (array[row : row + 1] for row in range(len(array))) if array.ndim == 4 else [array]
    elif isinstance(photos, Iterable):
        for part in photos:
            yield from _sources(part)
    else:
        yield photos  # what reads it says what is allowed


def _name(source: Any, index: int) -> str:
    if isinstance(source, Path):
        return source.name
    return source.names[0] if isinstance(source, Images) else f"image {index + 1}"
