"""What do most pictures have in common? The mean code of a collection, which is taken off before a comparison."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from saccade.encoder import Encoder
from saccade.errors import Cancelled, ImageError, InputError
from saccade.images import ImageRecipe, Images, find, read

_BATCH = 32
_BATCH_BYTES = 64 * 2**20
"""Pictures are encoded when this many, or this many bytes of them, are waiting."""


@dataclass(frozen=True, eq=False)
class MeanCode:
    """The mean code of a collection.

    Attributes:
        code: float64 (rows, columns, channels).
        count: How many pictures it is the mean of.
        skipped: The names of those that could not be read.
    """

    code: NDArray[np.float64]
    count: int
    skipped: tuple[str, ...] = ()


def mean_code(
    encoder: Encoder,
    reference: Any,
    *,
    size: tuple[int, int] | None = None,
    progress: Callable[[int, int], None] | None = None,
    stop: Callable[[], bool] | None = None,
) -> MeanCode:
    """What is the mean code of these pictures? They are read and encoded a few at a time, never all at once.

    Args:
        encoder: The model and its code.
        reference: A folder, a glob, `Images`, an array of pictures, or a list of anything that can be read.
        size: Height and width at which they are read, for a model whose size is free.
        progress: Called with the pictures done and the pictures in all.
        stop: Asked between batches; True ends the work with `Cancelled`.

    Raises:
        FileError: A file or folder does not exist, or holds no picture.
        InputError: Not one of them could be read.
        Cancelled: `stop` said so.

    Example:
        >>> mean = saccade.pairs.mean_code(encoder, "holiday/")
        >>> why = saccade.compare(encoder, "a.jpg", "b.jpg", centre=mean.code)
    """
    recipe = encoder.recipe
    if size is not None:
        recipe = replace(recipe, height=size[0], width=size[1], multiple=1)
    sources = list(_sources(encoder, reference))
    total = np.zeros(())
    count, skipped, waiting = 0, [], list[Images]()
    for done, source in enumerate(sources, start=1):
        if stop is not None and stop():
            raise Cancelled("stopped before it was finished.")
        try:
            waiting.append(_one(source, recipe))
        except InputError:  # damaged, empty, too large, or gone since the folder was walked
            skipped.append(_name(source, done))
        held = sum(each.array.nbytes for each in waiting)
        if waiting and (done == len(sources) or len(waiting) >= _BATCH or held >= _BATCH_BYTES):
            codes = encoder.codes(np.concatenate([each.array for each in waiting]))
            total = total + codes.sum(axis=0, dtype=np.float64)
            count += len(waiting)
            waiting.clear()
        if progress is not None:
            progress(done, len(sources))
    if not count:
        raise InputError(f"none of the {len(sources)} reference pictures can be read; give a folder of photos.")
    return MeanCode(total / count, count, tuple(skipped))


def _sources(encoder: Encoder, given: Any) -> Iterator[Any]:
    """Everything one by one, files as paths, so that nothing is read before its turn."""
    if isinstance(given, (str, Path)):
        yield from find([given])
    elif isinstance(given, Images):
        yield from given
    elif isinstance(given, np.ndarray) and given.ndim == 4:
        yield from encoder.images(given) if given.dtype.kind == "f" else given
    elif isinstance(given, (Image.Image, bytes, np.ndarray)) or not isinstance(given, Iterable):
        yield given
    else:
        for each in given:
            yield from _sources(encoder, each)


def _one(source: Any, recipe: ImageRecipe) -> Images:
    if isinstance(source, Images) and recipe.height and source.shape[1:3] != (recipe.height, recipe.width):
        raise ImageError(f"{source.names[0]} has another size than the pictures to be compared.")
    return read(source, recipe)


def _name(source: Any, number: int) -> str:
    return source.name if isinstance(source, Path) else f"picture {number}"
