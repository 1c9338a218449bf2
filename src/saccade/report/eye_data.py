"""What every cell of the code sees, small enough to be carried for all cells of all photos."""

from __future__ import annotations

from typing import Any

import numpy as np

from saccade.attribution.block_means import block_means
from saccade.encoder import Encoder
from saccade.errors import MemoryBudgetError, NotApplicable
from saccade.images import Images
from saccade.inside import cells
from saccade.picture.receptive_field import softened
from saccade.report.array_spec import array_spec
from saccade.typing import Array

_SIDE = 24
"""Fields are carried with at most so many rows and columns."""
_FEWEST, _MOST = 4, 400
"""Cells of a code that make an eye, and that a page can carry."""


def eye_data(encoder: Encoder, images: Images) -> list[dict[str, Any]] | None:
    """For every photo the field of every cell: where it lies, and how strongly each of its places moves the cell.

    Args:
        encoder: The model.
        images: The photos.

    Returns:
        None where the code has no places, or the model no gradients.
    """
    places = encoder.places(encoder.layer, images.shape[1], images.shape[2])
    if places is None or not _FEWEST <= places.rows * places.columns <= _MOST or not encoder.capabilities.gradients:
        return None
    try:
        return [_eye(encoder, images[index]) for index in range(len(images))]
    except (NotApplicable, MemoryBudgetError):
        return None


def _eye(encoder: Encoder, image: Images) -> dict[str, Any]:
    """Photo by photo: the maps of all cells of many photos would not fit into the memory."""
    maps = cells(encoder, image)
    height, width = image.shape[1:3]
    rows, columns = maps.grid
    strengths = np.sqrt(maps.effective.energy[0])
    fields, boxes, sizes = [], [], maps.effective.sizes(0.5)[0]
    for row in range(rows):
        for column in range(columns):
            (top, bottom), (left, right) = maps.fields[0][row], maps.fields[1][column]
            window = softened(strengths[row, column, : bottom - top, : right - left].astype(np.float32), maps.blur)
            peak = float(window.max())
            shrunk = _smaller(window / peak if peak > 0 else window)
            fields.append(shrunk)
            boxes.append([left / width, top / height, right / width, bottom / height])
    side = (max(field.shape[0] for field in fields), max(field.shape[1] for field in fields))
    stacked = np.zeros((len(fields), *side), np.uint8)
    shapes = []
    for number, field in enumerate(fields):
        stacked[number, : field.shape[0], : field.shape[1]] = np.rint(np.clip(field, 0, 1) * 255)
        shapes.append(list(field.shape))
    return {
        "rows": rows,
        "columns": columns,
        "fields": array_spec(stacked, "uint8"),
        "shapes": shapes,
        "boxes": boxes,
        "sees": None if maps.receptive_field is None else list(maps.receptive_field),
        "half": [None if np.isnan(size) else float(size) for size in sizes.ravel()],
        "mean_half": None if np.isnan(maps.size(0.5)) else maps.size(0.5),
        "mean_most": None if np.isnan(maps.size(0.9)) else maps.size(0.9),
        "notes": list(maps.notes),
    }


def _smaller(values: Array) -> Array:
    """Means over blocks, so that no side is longer than `_SIDE`."""
    block = max(1, -(-max(values.shape) // _SIDE))
    return values if block == 1 else block_means(values, block).astype(np.float32)
