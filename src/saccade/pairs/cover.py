"""What does the score really become when the matching parts of two photos are covered?

A share asks what is there; a cover asks what would be missed. Both are true, and a page that shows one should know the
other.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from saccade.attribution.covering import blur_of, covered, filler_of
from saccade.attribution.fillers import filler_in_words
from saccade.images import Images
from saccade.results.matches import CoverTest, Match
from saccade.run import Run

_SAME = 1 - 1e-6
"""From this score on, what is missing is rounding."""
TRIED = 3
"""So many of the strongest matches are covered, one after the other."""


def cover_test(
    run: Run,
    images: tuple[Images, Images],
    matches: Sequence[Match],
    score: float,
    middle: tuple[NDArray[np.float64] | float, NDArray[np.float64] | float],
    *,
    pooled: bool,
) -> CoverTest | None:
    """Cover the strongest matches that raised the score on both photos, one after the other, and compare again.

    Args:
        run: The call, on an encoder.
        images: The two photos.
        matches: Their matches.
        score: Their score.
        middle: What is taken off each code, in the form (rows, columns, channels) of codes.
        pooled: The score compares mean cells.

    Returns:
        None where no match raised the score, and for a photo with itself: both copies are covered alike.
    """
    if score >= _SAME:
        return None
    raising = sorted((match for match in matches if match.share > 0), key=lambda match: -match.share)[:TRIED]
    if not raising:
        return None
    codes = []
    for side, image in enumerate(images):
        places = [(match.places_a, match.places_b)[side] for match in raising]
        hidden = [np.logical_or.reduce(places[: count + 1]) for count in range(len(places))]
        copies = covered(image.array, filler_of(image.array, hidden[0].shape, run.encoder.value_range), hidden)
        whole = run.codes(copies, remember=False).astype(np.float64) - middle[side]
        if pooled:
            own = run.encoder.places(run.encoder.layer, image.shape[1], image.shape[2])
            whole = (whole if own is None else own.split(whole)[0]).mean(axis=(1, 2))
        codes.append(whole.reshape(len(whole), -1))
    predicted = score - np.cumsum([match.share for match in raising])
    measured = [_cosine(a, b) for a, b in zip(*codes, strict=True)]
    blur = round(blur_of(raising[0].places_a.shape, (images[0].shape[1], images[0].shape[2])))
    return CoverTest(score, tuple(map(float, predicted)), tuple(measured), filler_in_words("blur", blur))


def _cosine(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    length = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(a @ b) / length if length > 0 else 0.0
