"""The photos that take part in an evaluation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from saccade.encoder import Encoder
from saccade.errors import InputError
from saccade.evaluation.intervals import FEWEST
from saccade.images import Images
from saccade.images.collection import Collection


@dataclass(frozen=True)
class Photos:
    """What is evaluated on.

    Attributes:
        images: The photos, as the model wants them.
        available: How many there were to choose from.
        skipped: Why some could not be used, one line each.
    """

    images: Images
    available: int
    skipped: tuple[str, ...] = ()


def draw_photos(encoder: Encoder, source: Any, limit: int, seed: int, stop: Callable[[], bool] | None = None) -> Photos:
    """Read up to `limit` photos, drawn at random so that a sorted folder is not seen from one end only.

    Args:
        encoder: The model; it says how images are read.
        source: A folder, a glob, a list of files, `Images`, or arrays. What cannot be used is left out.
        limit: At most so many.
        seed: Of the draw.
        stop: Asked between files; True ends the work with `Cancelled`.

    Raises:
        FileError: There is no such file or folder.
        InputError: Fewer photos than an interval needs, or the model leaves their size open.
    """
    check_enough(limit)
    if None in (encoder.recipe.height, encoder.recipe.width):
        raise InputError(
            "this model takes images of any size, but those of an evaluation must be alike; give --size H,W "
            "(size=(height, width) in Python)."
        )
    collection = Collection(source, encoder.images, name="the evaluation")
    drawn: dict[int, Images] = {}
    for index, image in collection.images(np.random.default_rng([seed, 5]).permutation(len(collection)), stop=stop):
        drawn[index] = image
        if len(drawn) == limit:
            break
    skipped = tuple(image.reason for image in collection.skipped)
    if len(drawn) < FEWEST:
        raise _too_few(len(drawn), f" ({len(skipped)} more cannot be used: {skipped[0]})" if skipped else "")
    return Photos(Images.join([drawn[index] for index in sorted(drawn)]), len(collection), skipped)


def check_enough(limit: int, photos: int | None = None) -> None:
    """Refuse fewer photos than an interval needs, before anything is read.

    Args:
        limit: At most so many are taken.
        photos: How many there are, where that is known.

    Raises:
        InputError: They are too few.
    """
    if limit < FEWEST:
        raise InputError(f"limit={limit}: an evaluation needs {FEWEST} photos or more; 24 are a good start.")
    if photos is not None and photos < FEWEST:
        raise _too_few(photos)


def _too_few(photos: int, remark: str = "") -> InputError:
    return InputError(
        f"{photos} usable photo{'s' * (photos != 1)}{remark}; an evaluation needs {FEWEST} or more, and 24 are a good "
        "start."
    )
