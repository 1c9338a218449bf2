"""Why an image is closer to these than to those."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from saccade.arguments import refuse_unknown
from saccade.encoder import Encoder, as_encoder
from saccade.errors import InputError
from saccade.images import Images
from saccade.pairs.comparison import compare
from saccade.pairs.reference import mean_code
from saccade.reference import Reference
from saccade.results import Contrast, Similarity


def contrast(
    encoder: Encoder | Any,
    a: Any,
    nearer: Any,
    further: Any,
    *,
    reference: Any = None,
    progress: Callable[[int, int], None] | None = None,
    stop: Callable[[], bool] | None = None,
    **settings: Any,
) -> Contrast:
    """Why is this image closer to these than to those?

    The share of a place of A is the mean of what it adds to the similarities to the ones, less the mean of what it adds
    to those to the others; all of them sum to the difference of the mean similarities.

    Args:
        encoder: The model and its code; a live model is made an `Encoder` with its defaults.
        a: The image.
        nearer: An image, or a list of some.
        further: The same.
        reference: As in `compare`.
        progress: Called with the comparisons done and those in all.
        stop: Asked between images; True ends the work with `Cancelled`.
        **settings: What else `compare` takes.

    Raises:
        FileError: A file or folder does not exist.
        InputError: Nothing to compare with, or what `compare` refuses.
        Cancelled: `stop` said so.

    Example:
        >>> why = saccade.pairs.contrast(encoder, "a.jpg", "b.jpg", ["cat.jpg", "dog.jpg"])
        >>> abs(float(why.shares.sum()) - why.difference) < 1e-9
        True
    """
    refuse_unknown(compare, settings)
    encoder = as_encoder(encoder)
    sides = _listed(nearer), _listed(further)
    if not all(sides):
        raise InputError("nothing to compare with; give one image or more on either side.")
    image = encoder.images(a)
    if reference is not None and not isinstance(reference, Reference):
        # It is read once, not once for each comparison.
        settings["centre"] = mean_code(encoder, reference, size=(image.shape[1], image.shape[2]), stop=stop).code
        reference = None
    total = sum(map(len, sides))
    answers: list[list[Similarity]] = [[], []]
    for answer, side in zip(answers, sides, strict=True):
        for other in side:
            answer.append(compare(encoder, image, other, reference=reference, stop=stop, **settings))
            if progress is not None:
                progress(sum(map(len, answers)), total)
    first, second = answers
    notes = dict.fromkeys(note for why in (*first, *second) for note in why.notes)
    return Contrast(
        shares=np.mean([why.shares_a for why in first], axis=0) - np.mean([why.shares_a for why in second], axis=0),
        scores_nearer=tuple(why.score for why in first),
        scores_further=tuple(why.score for why in second),
        image=first[0].images[0],
        nearer=tuple(why.images[1] for why in first),
        further=tuple(why.images[1] for why in second),
        model=encoder.name,
        layer=encoder.layer,
        special=float(np.mean([why.special for why in first]) - np.mean([why.special for why in second])),
        centred=first[0].centred,
        error=_error(first, second),
        notes=tuple(notes),
    )


def _error(first: Sequence[Similarity], second: Sequence[Similarity]) -> NDArray[np.float64] | None:
    """As if the comparisons were independent."""
    variances = []
    for side in (first, second):
        errors = [why.error[0] for why in side if why.error is not None]
        if len(errors) < len(side):
            return None
        variances.append(np.mean(np.square(errors), axis=0) / len(side))
    return np.asarray(np.sqrt(variances[0] + variances[1]))


def _listed(images: Any) -> list[Any]:
    if isinstance(images, Images):
        return [images[index] for index in range(len(images))]
    return list(images) if isinstance(images, (list, tuple)) else [images]
