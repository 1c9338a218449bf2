"""What do most images have in common? The mean code of a collection, which is taken off before a comparison."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from saccade.arguments import checks_arguments
from saccade.encoder import Encoder
from saccade.errors import ImageError, InputError
from saccade.images import ImageRecipe, Images, read
from saccade.images.collection import Collection, Skipped
from saccade.models.places import Places
from saccade.reference import MODEL_COLLECTION, QUANTILES, Reference
from saccade.run import Run
from saccade.typing import Array

FEW_IMAGES = 20
"""A mean of fewer images than this is still mostly these images."""


@dataclass(frozen=True, eq=False)
class MeanCode:
    """The mean code of a collection.

    Attributes:
        code: float64 (rows, columns, channels).
        count: How many images it is the mean of.
        skipped: Those that could not be used, and why.
        sample: float32 (images, rows, columns, channels): codes of up to 256 of them, drawn at random where there are
            more, so that it can be told how alike two of the collection are.
    """

    code: NDArray[np.float64]
    count: int
    skipped: tuple[Skipped, ...] = ()
    sample: Array | None = None

    def typical(
        self, places: Places | None = None, *, centred: bool = True, pooled: bool = False
    ) -> tuple[float, float] | None:
        """How alike are two of the collection? The median, and what 5 % of the pairs exceed.

        Args:
            places: Where the places of the codes lie, for `pooled`.
            centred: Less their mean code.
            pooled: Compare mean cells, not whole codes.

        Returns:
            None for fewer than three images: two of them, less their mean, are opposite whatever they show.
        """
        if self.sample is None or len(self.sample) < 3:
            return None
        codes = self.sample - self.code if centred else self.sample.astype(np.float64)
        if pooled:
            codes = (codes if places is None else places.split(codes)[0]).mean(axis=(1, 2))
        first, second = np.triu_indices(len(codes), 1)
        scores = _cosines(codes, first, second)
        return float(np.median(scores)), float(np.quantile(scores, 0.95))


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
    sample: list[Array] = []
    random = np.random.default_rng(0)
    for batch in collection.batches(progress=progress, stop=stop):
        codes = run.codes(batch, remember=False)
        if count and codes.shape[1:] != total.shape:
            raise InputError(
                f"the codes of the reference differ in shape ({total.shape} and {codes.shape[1:]}), so they have no "
                "mean; give size=(height, width), at which all are read."
            )
        total = total + codes.sum(axis=0, dtype=np.float64)
        most = max(3, min(_SAMPLE, _SAMPLE_BYTES // codes[0].nbytes))
        for code in codes:  # each of the collection has the same chance to be in the sample
            place = count if len(sample) < most else int(random.integers(count + 1))
            if place < len(sample):
                sample[place] = code
            elif place < most:
                sample.append(code)
            count += 1
    return MeanCode(total / count, count, tuple(collection.skipped), np.stack(sample))


_SAMPLE, _SAMPLE_BYTES = 256, 256 * 2**20
_PIECE = 256
"""Codes that are looked at together."""
PAIRS = 4000
"""So many pairs, drawn at random, tell the spread of scores."""


@checks_arguments
def reference_of(
    encoder: Encoder,
    collection: Any,
    *,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
    stop: Callable[[], bool] | None = None,
) -> Reference:
    """What is typical of these images: mean code, spread, mean image, and how alike two of them are?

    Args:
        encoder: The model and its code.
        collection: A folder, a glob, `Images`, an array of images, or a list of anything that can be read.
        seed: Of the pairs that are drawn.
        progress: Called with the images done and the images in all.
        stop: Asked between images; True ends the work with `Cancelled`.

    Raises:
        FileError: A file or folder does not exist, or holds no image.
        InputError: Fewer than two can be used, or their codes differ in shape.
        Cancelled: `stop` said so.

    Example:
        >>> reference_of(encoder, "holiday/").mean_code.shape
        (8, 8, 64)
    """
    images = Collection(collection, lambda source: _read(encoder, source, encoder.recipe), name="the collection")
    run = Run(encoder, stop=stop)
    batches: list[Array] = []
    total: NDArray[np.float64] = np.zeros(())
    for batch in images.batches(progress=progress, stop=stop):
        codes = run.codes(batch, remember=False)
        if batches and (codes.shape[1:] != batches[0].shape[1:] or batch.shape[1:] != total.shape):
            raise InputError("the images differ in size, so they have no mean; read them at one size.")
        batches.append(codes)
        total = total + batch.sum(axis=0, dtype=np.float64)
    every = np.concatenate(batches)
    if len(every) < 2:
        raise InputError("a collection of one image has nothing typical; give two or more.")
    return replace(
        reference_of_codes(every, seed=seed, name=MODEL_COLLECTION),
        mean_image=(total / len(every)).astype(np.float32),
    )


def reference_of_codes(codes: Array, *, name: str, seed: int = 0) -> Reference:
    """What is typical of images whose codes are known: all but their mean image.

    Args:
        codes: float32 (images, rows, columns, channels), two or more.
        name: Which images these are, in words.
        seed: Of the pairs that are drawn.
    """
    count = len(codes)
    mean = _mean_of(codes, lambda some: some)
    spread = np.sqrt(_mean_of(codes, lambda some: (some - mean) ** 2))
    generator = np.random.default_rng(seed)
    first = generator.integers(count, size=PAIRS)
    second = (first + generator.integers(1, count, size=PAIRS)) % count
    share = np.linspace(0, 1, QUANTILES)
    centre = mean.astype(np.float32)
    return Reference(
        count=count,
        mean_code=centre,
        code_spread=spread.astype(np.float32),
        scores=np.quantile(_cosines(codes, first, second), share),
        centred_scores=np.quantile(_cosines(codes, first, second, centre), share),
        name=name,
    )


def _mean_of(codes: Array, function: Callable[[NDArray[np.float64]], NDArray[np.float64]]) -> NDArray[np.float64]:
    """The mean of a function of every code, a few codes at a time: a catalogue may fill the memory as it is."""
    total = np.zeros(codes.shape[1:])
    for start in range(0, len(codes), _PIECE):
        total += function(codes[start : start + _PIECE].astype(np.float64)).sum(axis=0)
    return total / len(codes)


def _cosines(
    codes: NDArray[np.floating],
    first: NDArray[np.intp],
    second: NDArray[np.intp],
    centre: NDArray[np.floating] | float = 0.0,
) -> NDArray[np.float64]:
    """The cosines of pairs of codes less a centre, a few pairs at a time."""
    cosines = np.empty(len(first))
    for start in range(0, len(first), _PIECE):
        pairs = slice(start, start + _PIECE)
        a, b = (
            (codes[rows[pairs]] - centre).reshape(len(rows[pairs]), -1).astype(np.float64) for rows in (first, second)
        )
        lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
        cosines[pairs] = np.einsum("pk,pk->p", a, b) / np.maximum(lengths, 1e-30)
    return cosines


def _read(encoder: Encoder, source: Any, recipe: ImageRecipe) -> Images:
    if isinstance(source, np.ndarray) and source.ndim == 4 and source.dtype.kind == "f":
        source = encoder.images(source)  # numbers in the model's own range
    if isinstance(source, Images) and recipe.height and source.shape[1:3] != (recipe.height, recipe.width):
        raise ImageError(f"{source.names[0]} has another size than the images to be compared.")
    return read(source, recipe)
