"""How like is the code of a changed image to that of the unchanged one, less what all images share?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from saccade.encoder import Encoder
from saccade.engines import Objective
from saccade.errors import InputError
from saccade.targets import COSINE, Measure
from saccade.typing import Array, Tensor


def _terms(values: Tensor, reference: Tensor, images: Tensor) -> tuple[Tensor, ...]:  # noqa: ARG001
    channels = int(values.shape[-1])
    own, centre = reference[..., :channels], reference[..., channels:]
    centred = values - centre
    return centred * own, centred * centred, own * own


CENTRED_COSINE = Measure("centred_cosine", _terms, COSINE.combine)
"""`cos(f(x') - m, f(x) - m)` with m the mean code of a collection: 1 for the unchanged image, about 0 for an average
one. Without taking off the mean, codes of positive numbers are alike whatever they show."""


def references(encoder: Encoder, codes: Array, names: Sequence[str]) -> list[Objective]:
    """The centred similarity to each image's own code, made ready: one objective for each.

    Args:
        encoder: The model and its code.
        codes: (images, rows, columns, channels), of the whole collection; its mean is taken off.
        names: The images' names.

    Raises:
        InputError: A code cannot be told from the mean: it is dead, saturated, or the images are all the same.
    """
    mean = codes.mean(axis=0, dtype=np.float64)
    spread = np.sqrt(((codes - mean) ** 2).sum(axis=(1, 2, 3)))
    size = np.sqrt((mean**2).sum())
    if not (spread > 1e-6 * max(size, 1e-30)).any():
        raise InputError(
            f"the code {encoder.layer!r} is the same for all {len(codes)} photos, so no map of it can be tested; "
            "name another layer (--layer), or check the value range."
        )
    flat = [name for name, distance in zip(names, spread, strict=True) if distance <= 1e-6 * max(size, 1e-30)]
    if flat:
        raise InputError(
            f"the code of {', '.join(flat[:3])} is the mean code of all photos, so its similarity means nothing; "
            "leave the photo out."
        )
    centre = mean.astype(np.float32)
    pairs = [np.concatenate([code - centre, centre], axis=-1)[None] for code in codes]
    return [Objective(CENTRED_COSINE, encoder.layer, reference) for reference in pairs]


def together(objectives: Sequence[Objective]) -> Objective:
    """One objective for a batch of images."""
    references = np.concatenate([objective.reference for objective in objectives])
    return Objective(objectives[0].measure, objectives[0].layer, references)
