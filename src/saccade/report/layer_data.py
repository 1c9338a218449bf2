"""What every layer makes of a photo: its strongest features, small enough to be carried for all layers."""

from __future__ import annotations

from typing import Any

import numpy as np

from saccade.encoder import Encoder
from saccade.images import Images
from saccade.inside import feature_maps
from saccade.report.array_spec import array_spec
from saccade.results import LayerMaps
from saccade.typing import Array

_LAYERS = 8
FEATURES = 8
"""So many of a layer fit into a file; a server shows more."""
_SIDE = 64
"""Maps are carried with at most so many rows and columns; larger ones are averaged."""


def layer_data(encoder: Encoder, image: Images, features: int = FEATURES) -> list[dict[str, Any]]:
    """The layers from the first to the code, evenly chosen if there are many, each with its strongest features.

    Args:
        encoder: The model and its code.
        image: One image.
        features: At most so many of each layer.
    """
    maps = feature_maps(encoder, image)
    paths = [layer.path for layer in maps.layers]
    last = paths.index(maps.code) if maps.code in paths else len(paths) - 1
    before = [layer for layer in maps.layers[: last + 1] if layer.values.shape[0] * layer.values.shape[1] > 1]
    indices = sorted(set(np.linspace(0, len(before) - 1, min(_LAYERS, len(before))).round().astype(int).tolist()))
    return [_layer(before[index], features) for index in indices]


def _layer(layer: LayerMaps, features: int) -> dict[str, Any]:
    """A layer: its size, and of its features those that vary most over the photo."""
    values = _smaller(layer.values.astype(np.float32))
    spread = values.reshape(-1, values.shape[-1]).std(axis=0)
    strongest = np.argsort(-spread, kind="stable")[:features]
    shown = values[..., strongest]
    low, high = float(shown.min()), float(shown.max())
    levels = np.rint((shown - low) / max(high - low, 1e-30) * 255)
    return {
        "path": layer.path,
        "kind": layer.kind,
        "rows": layer.values.shape[0],
        "columns": layer.values.shape[1],
        "channels": layer.values.shape[2],
        "silent": int((layer.values.reshape(-1, layer.values.shape[2]).std(axis=0) <= 1e-7).sum()),
        "field": None if layer.receptive_field is None else [float(side) for side in layer.receptive_field],
        "features": [int(channel) for channel in strongest],
        "low": low,
        "high": high,
        # Eight bits: these are looked at, not read as numbers, and the page says so.
        "values": array_spec(levels.transpose(2, 0, 1), "uint8"),
    }


def _smaller(values: Array) -> Array:
    """Means over blocks, so that no side is longer than `_SIDE`."""
    block = max(1, -(-max(values.shape[:2]) // _SIDE))
    if block == 1:
        return values
    rows, columns = (side // block for side in values.shape[:2])
    cut = values[: rows * block, : columns * block]
    return np.asarray(cut.reshape(rows, block, columns, block, -1).mean(axis=(1, 3)))
