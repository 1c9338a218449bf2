"""What does the score really become when the matching parts of two photos are covered?

A share asks what is there; a cover asks what would be missed. Both are true, and a page that shows one should know the
other. One photo is covered at a time: two covers are alike, and would raise the score by themselves.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from saccade.attribution.covering import blur_of, covered, filler_of
from saccade.attribution.fillers import filler_in_words
from saccade.images import Images
from saccade.pairs.cosine_split import Split
from saccade.results.matches import CoverTest, Match, tried_matches
from saccade.run import Run

_SAME = 1 - 1e-6
"""From this score on, what is missing is rounding."""


def cover_test(
    run: Run,
    images: tuple[Images, Images],
    matches: Sequence[Match],
    parts: Split,
    middle: tuple[NDArray[np.float64] | float, NDArray[np.float64] | float],
    *,
    pooled: bool,
) -> CoverTest | None:
    """Cover the strongest matches that made the score, one after the other, on one photo at a time, and compare again.

    Args:
        run: The call, on an encoder.
        images: The two photos.
        matches: Their matches.
        parts: Their score, and what each place adds to it.
        middle: What is taken off each code, in the form (rows, columns, channels) of codes.
        pooled: The score compares mean cells.

    Returns:
        None where no match made the score what it is, and for a photo with itself.
    """
    if parts.score >= _SAME:
        return None
    tried = [matches[index] for index in tried_matches(matches, parts.score)]
    if not tried:
        return None
    codes, predictions = [], []
    for side, image in enumerate(images):
        places = [(match.places_a, match.places_b)[side] for match in tried]
        hidden = [np.logical_or.reduce(places[: count + 1]) for count in range(len(places))]
        copies = covered(image.array, filler_of(image.array, hidden[0].shape, run.encoder.value_range), hidden)
        whole_first = np.concatenate([image.array, copies])
        values = run.codes(whole_first, remember=False).astype(np.float64) - middle[side]
        if pooled:
            grid = run.encoder.places(run.encoder.layer, image.shape[1], image.shape[2])
            values = (values if grid is None else grid.split(values)[0]).mean(axis=(1, 2))
        codes.append(values.reshape(len(values), -1))
        shares = (parts.shares_a, parts.shares_b)[side]
        predictions.append([parts.score - float(shares[under].sum()) for under in hidden])
    first, second = codes
    measured = [
        (_cosine(covered_a, second[0]) + _cosine(first[0], covered_b)) / 2
        for covered_a, covered_b in zip(first[1:], second[1:], strict=True)
    ]
    predicted = np.mean(predictions, axis=0).tolist()
    blur = round(blur_of(tried[0].places_a.shape, (images[0].shape[1], images[0].shape[2])))
    return CoverTest(parts.score, tuple(predicted), tuple(measured), filler_in_words("blur", blur))


def _cosine(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    length = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(a @ b) / length if length > 0 else 0.0
