"""Why an image is closer to these than to those."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from inspect import signature
from typing import Any

import numpy as np
from numpy.typing import NDArray

from saccade.arguments import refuse_unknown
from saccade.encoder import Encoder, as_encoder
from saccade.errors import InputError
from saccade.images import Images
from saccade.pairs.comparison import compare
from saccade.pairs.masked_terms import masked_terms
from saccade.pairs.reference import MeanCode, mean_code
from saccade.reference import Reference
from saccade.results import Contrast, Similarity
from saccade.run import Run


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
    mean: MeanCode | None = None
    if reference is not None and not isinstance(reference, Reference):
        # It is read once, not once for each comparison.
        mean = mean_code(encoder, reference, size=(image.shape[1], image.shape[2]), stop=stop)
        settings["centre"] = mean.code
        reference = None
    total = sum(map(len, sides))
    answers: list[list[Similarity]] = [[], []]
    for answer, side in zip(answers, sides, strict=True):
        for other in side:
            answer.append(compare(encoder, image, other, reference=reference, stop=stop, **settings))
            if progress is not None:
                progress(sum(map(len, answers)), total)
    first, second = answers
    typical = first[0].median_score, first[0].high_score
    if mean is not None:
        places = encoder.places(encoder.layer, image.shape[1], image.shape[2])
        pooled = first[0].matching == "anywhere" and places is not None and first[0].split == "exact"
        typical = mean.typical(places, pooled=pooled) or (None, None)
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
        error=_error(encoder, first, second, {**settings, "reference": reference}),
        median_score=typical[0],
        high_score=typical[1],
        notes=tuple(notes),
    )


def _error(
    encoder: Encoder, first: Sequence[Similarity], second: Sequence[Similarity], settings: dict[str, Any]
) -> NDArray[np.float64] | None:
    """The standard errors of the shares; None where they are exact.

    All comparisons split the image with the same masked copies, so the errors of two do not add up as if they were
    independent: what a place adds to the difference is its term along one direction, a sum over the other images.
    """
    every = (*first, *second)
    if any(why.error is None for why in every):
        return None
    middle = _middle(encoder, settings) if every[0].centred else np.zeros(())
    photos = (every[0].images[0], *(why.images[1] for why in every))
    own, *other_codes = (Run(encoder).codes(images)[0].astype(np.float64) for images in photos)
    away = [other - middle for other in other_codes]
    weights = [1 / len(first)] * len(first) + [-1 / len(second)] * len(second)
    length = np.linalg.norm(own - middle)
    towards = [weight * each / np.linalg.norm(each) for weight, each in zip(weights, away, strict=True)]
    direction = np.sum(towards, axis=0).ravel() / length
    masks, cells, seed = (settings.get(name, _DEFAULTS[name].default) for name in ("masks", "cells", "seed"))
    terms = masked_terms(Run(encoder), photos[0].array, own.ravel(), masks=masks, cells=cells, seed=[seed, 0])
    return np.asarray(np.sqrt(terms.variance(direction[None])[:, :, 0]))


_DEFAULTS = signature(compare).parameters


def _middle(encoder: Encoder, settings: dict[str, Any]) -> NDArray[np.float64]:
    """What was taken off each code."""
    centre = settings.get("centre")
    if centre is None:
        reference = settings["reference"] if settings["reference"] is not None else encoder.reference
        assert reference is not None, "something was taken off"
        centre = reference.mean_code
    return np.asarray(centre, np.float64)


def _listed(images: Any) -> list[Any]:
    if isinstance(images, Images):
        return [images[index] for index in range(len(images))]
    return list(images) if isinstance(images, (list, tuple)) else [images]
