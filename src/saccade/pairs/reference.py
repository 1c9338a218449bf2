"""What do most images have in common? The mean code of a collection, which is taken off before a comparison."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from saccade.encoder import Encoder
from saccade.errors import ImageError, InputError
from saccade.images import ImageRecipe, Images, read
from saccade.images.collection import Collection, Skipped
from saccade.run import Run


@dataclass(frozen=True, eq=False)
class MeanCode:
    """The mean code of a collection.

    Attributes:
        code: float64 (rows, columns, channels).
        count: How many images it is the mean of.
        skipped: Those that could not be used, and why.
    """

    code: NDArray[np.float64]
    count: int
    skipped: tuple[Skipped, ...] = ()


def mean_code(
    encoder: Encoder,
    reference: Any,
    *,
    size: tuple[int, int] | None = None,
    progress: Callable[[int, int], None] | None = None,
    stop: Callable[[], bool] | None = None,
) -> MeanCode:
    """What is the mean code of these images? They are read and encoded a few at a time, never all at once.

    Args:
        encoder: The model and its code.
        reference: A folder, a glob, `Images`, an array of images, or a list of anything that can be read. What cannot
            be used is left out.
        size: Height and width at which they are read, for a model whose size is free.
        progress: Called with the images done and the images in all.
        stop: Asked between images; True ends the work with `Cancelled`.

    Raises:
        FileError: A file or folder does not exist, or holds no image.
        InputError: Not one of them can be used, or their codes differ in shape.
        Cancelled: `stop` said so.

    Example:
        >>> mean = saccade.pairs.mean_code(encoder, "holiday/")
        >>> why = saccade.compare(encoder, "a.jpg", "b.jpg", centre=mean.code)
    """
    recipe = encoder.recipe
    if size is not None:
        recipe = replace(recipe, height=size[0], width=size[1], multiple=1)
    collection = Collection(reference, lambda source: _read(encoder, source, recipe), name="the reference")
    run = Run(encoder, stop=stop)
    total, count = np.zeros(()), 0
    for batch in collection.batches(progress=progress, stop=stop):
        codes = run.codes(batch, remember=False)
        if count and codes.shape[1:] != total.shape:
            raise InputError(
                f"the codes of the reference differ in shape ({total.shape} and {codes.shape[1:]}), so they have no "
                "mean; give size=(height, width), at which all are read."
            )
        total = total + codes.sum(axis=0, dtype=np.float64)
        count += len(batch)
    return MeanCode(total / count, count, tuple(collection.skipped))


def _read(encoder: Encoder, source: Any, recipe: ImageRecipe) -> Images:
    if isinstance(source, np.ndarray) and source.ndim == 4 and source.dtype.kind == "f":
        source = encoder.images(source)  # numbers in the model's own range
    if isinstance(source, Images) and recipe.height and source.shape[1:3] != (recipe.height, recipe.width):
        raise ImageError(f"{source.names[0]} has another size than the images to be compared.")
    return read(source, recipe)
