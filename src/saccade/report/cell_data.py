"""The cells that a finger can touch: those of the code, or of the last layer with places before a plain vector."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from saccade.encoder import Encoder
from saccade.images import Images
from saccade.typing import Array

_FEWEST, _MOST = 4, 1024
"""Places of a layer that are worth touching, and that a page can carry."""
_LARGEST = 300_000
"""Numbers of a photo that a page can carry."""
_LAYERS = 2


@dataclass(frozen=True)
class CellCodes:
    """What a layer holds at every place.

    Attributes:
        layer: Its path.
        values: float32 (photos, rows, columns, channels).
    """

    layer: str
    values: Array


def cell_codes(encoder: Encoder, images: Images, codes: Array) -> list[CellCodes]:
    """Which layers say what lies where? The code itself, or the last layer with places before it, and a finer one.

    Args:
        encoder: The model.
        images: The photos.
        codes: Of the photos, as `encoder.codes` gives them.

    Returns:
        The layer nearest the code first, then the nearest one before it with at least twice the rows or columns; empty
        where no layer has places.
    """
    height, width = images.shape[1:3]
    paths = list(encoder.layers)
    codes_by_layer: list[CellCodes] = []
    for path in reversed(paths[: paths.index(encoder.layer) + 1]):
        places = encoder.places(path, height, width)
        if places is None or not _FEWEST <= places.rows * places.columns <= _MOST:
            continue
        if encoder.layer_size(path, images.array[:1]) > _LARGEST:
            continue
        if codes_by_layer and max(places.rows, places.columns) < 2 * max(codes_by_layer[0].values.shape[1:3]):
            continue
        if height % places.rows or width % places.columns:  # padded for the next layer: its cells lie aside
            continue
        values = codes if path == encoder.layer else encoder.on_grid(encoder.activations(images.array, [path])[path])
        cells, _ = places.split(values)
        codes_by_layer.append(CellCodes(path, np.asarray(cells, np.float32)))
        if len(codes_by_layer) == _LAYERS:
            break
    return codes_by_layer
