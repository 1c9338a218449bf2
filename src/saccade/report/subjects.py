"""The subjects of photos, as boxes that people drew: does a map lie on them, and did they make two photos alike?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from saccade.images import Photo
from saccade.picture.numerals import percent
from saccade.results import Similarity
from saccade.results.map_sentence import area, inside
from saccade.typing import Box

_DENSER = 1.1
"""With so many times what its area would give it, the subject made two photos alike; with less than one such part, the
background did."""


def on_subject(values: NDArray[np.floating], photo: Photo, box: Box) -> tuple[float, float] | None:
    """Which share of a map lies on the subject, and which share of the model's image the subject fills.

    Args:
        values: (rows, columns) over the model's image; what lies below zero does not count.
        photo: The photo.
        box: Of its subject, as shares of the photo.

    Returns:
        None where the model does not see the subject, or the map is nowhere above zero.
    """
    visible = _in_model_image(photo, box)
    raised = np.maximum(values, 0)
    total = float(raised.sum(dtype=np.float64))
    if area(visible) <= 0 or total <= 0:
        return None
    return inside(raised, visible) / total, area(visible)


def map_on_subject(values: NDArray[np.floating], photo: Photo, box: Box | None) -> str:
    """How much of a map lies on the subject, as a sentence; empty where that is not known."""
    shares_on_subject = None if box is None else on_subject(values, photo, box)
    if shares_on_subject is None:
        return ""
    part, filled = shares_on_subject
    return f"{percent(part)} of it lies on the subject, which fills {percent(filled)} of the photo."


def subject_sentence(similarity: Similarity, boxes: Sequence[Box | None]) -> str:
    """Did the subjects make two photos alike, or what is around them? Empty where nothing is known, or nothing alike.

    Args:
        similarity: The pair.
        boxes: Of the subjects of both photos, where they are known.
    """
    if similarity.score <= 0 or not similarity.places:
        return ""
    on_subjects = [
        (photo.name, *on_box)
        for photo, shares, box in zip(similarity.photos, (similarity.shares_a, similarity.shares_b), boxes, strict=True)
        if box is not None and (on_box := on_subject(shares, photo, box)) is not None
    ]
    if not on_subjects:
        return ""
    names, parts, filled = zip(*on_subjects, strict=True)
    ratio = float(np.mean([part / share for part, share in zip(parts, filled, strict=True)]))
    reason = (
        "The subject made them alike"
        if ratio >= _DENSER
        else "The background made them alike"
        if ratio <= 1 / _DENSER
        else "Neither subject nor background counts for much more than its size"
    )
    text = f"{reason}: {_joined(map(percent, parts))} of what speaks for it"
    if len(names) == 1:
        return f"{text} lies on the subject of {names[0]}, which fills {percent(filled[0])} of the photo."
    return f"{text} lie on the subjects, which fill {_joined(map(percent, filled))} of the photos."


def _joined(words: Iterable[str]) -> str:
    return " and ".join(words)


def _in_model_image(photo: Photo, box: Box) -> Box:
    """A box on the photo as one on the model's image, as far as it lies there."""
    height, width = photo.original.shape[:2]
    left, top, right, bottom = photo.placement.box
    x = [min(1.0, max(0.0, (edge * width - left) / (right - left))) for edge in (box[0], box[2])]
    y = [min(1.0, max(0.0, (edge * height - top) / (bottom - top))) for edge in (box[1], box[3])]
    return x[0], y[0], x[1], y[1]
