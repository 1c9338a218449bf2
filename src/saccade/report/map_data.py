"""What the page carries of every map: its numbers, its scale, and the words that belong to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from saccade.attribution.defaults import default_method
from saccade.encoder import Encoder
from saccade.engines import Progress, Stop
from saccade.errors import NotApplicable
from saccade.evaluation.agreement import on_grid, rank_correlation
from saccade.explanation import explain
from saccade.images import Images
from saccade.picture.scales import Scale
from saccade.report.array_spec import array_spec, to_five_digits
from saccade.results import Attribution
from saccade.typing import Array

QUESTIONS = {
    "occlusion": "Cover and see",
    "blur_integrated_gradients": "What the code is made of",
    "activation_energy": "Where the code is strong",
    "relax": "Many covers at once",
    "saliency": "Feather touch",
}
"""A method's name for readers who know nothing of networks; its real name stands beside it."""

USUAL = ("blur_integrated_gradients", "occlusion", "activation_energy")
"""The methods of the page unless others are named: the default, the one that can be checked by hand, the plainest."""


def explained(
    encoder: Encoder,
    images: Images,
    methods: Sequence[str] | None,
    *,
    progress: Progress | None = None,
    stop: Stop | None = None,
) -> tuple[list[Attribution], list[str]]:
    """Ask every method about all photos.

    Args:
        encoder: The model.
        images: The photos.
        methods: Their names; None: the usual ones, as far as this model answers them.
        progress: As for `explain`.
        stop: As for `explain`.

    Returns:
        The answers, the default method's first, and what has to be said of methods that were left out.
    """
    default, notes = default_method(encoder)
    names = list(dict.fromkeys([default, *USUAL])) if methods is None else list(dict.fromkeys(methods))
    attributions, left_out = [], list(notes)
    for name in names:
        try:
            attributions.append(explain(encoder, images, name, progress=progress, stop=stop))
        except NotApplicable as error:
            if methods is not None:
                raise
            left_out.append(str(error))
    return attributions, left_out


def map_data(attribution: Attribution, index: int, *, most: int | None = None, rounded: bool = False) -> dict[str, Any]:
    """One method's map of one photo.

    Args:
        attribution: The answer about all photos.
        index: Which photo.
        most: Carry means over square blocks of pixels, at most so many a side; None: every pixel.
        rounded: To five digits, for a file that is to be small.
    """
    values = attribution.values[index]
    block = 1 if most is None else _block(values.shape, most)
    means = _block_means(values, block)
    return {
        "method": attribution.method,
        "name": QUESTIONS.get(attribution.method, attribution.title),
        "title": attribution.title,
        "summary": attribution.summary,
        "question": attribution.question,
        "unit": attribution.units,
        "is_share": attribution.is_share,
        "values": array_spec(to_five_digits(means) if rounded else means),
        "block": block,
        "grid": list(attribution.grid),
        "scale": scale_data(attribution.scale(index)),
        "all_high": attribution.scale().high,
        "sentence": attribution.sentence(index),
        "notes": list(attribution.notes),
        "settings": {
            name: "automatic" if value is None else str(value) for name, value in attribution.settings.items()
        },
    }


def _block(shape: tuple[int, ...], most: int) -> int:
    """The side of the smallest blocks that divide a map evenly into at most so many a side; 1 where none do."""
    sides = (block for block in range(1, min(shape) + 1) if all(size % block == 0 for size in shape))
    return next((block for block in sides if max(shape) <= most * block), 1)


def _block_means(values: Array, block: int) -> Array:
    rows, columns = values.shape
    blocks = values.reshape(rows // block, block, columns // block, block)
    return np.asarray(blocks.mean(axis=(1, 3), dtype=np.float64), np.float32)


def scale_data(scale: Scale) -> dict[str, Any]:
    """The relation between values and colours."""
    return {"low": scale.low, "high": scale.high, "signed": scale.signed, "flat": scale.flat}


def agreements(attributions: Sequence[Attribution], index: int) -> list[list[float]]:
    """How alike the maps of one photo are: rank correlation of every two, 1 for the same order of places."""
    grids = [on_grid(attribution.heatmap[index : index + 1]) for attribution in attributions]
    return [[float(rank_correlation(first, second)[0]) for second in grids] for first in grids]
