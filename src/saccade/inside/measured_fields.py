"""How much of the image does a cell see, where the layers' arithmetic does not say? Measured, up to the first mixing.

The tokens of a transformer are reshaped and normalised by arithmetic that counts as mixing all places, though up to the
first attention a token sees its own patch alone. The gradient of one inner cell is not zero exactly where it can see.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from saccade.models import Dataflow
from saccade.models.places import Places
from saccade.run import Run
from saccade.typing import Array

_NOTHING = 1e-6
"""A share of the largest gradient below this is rounding."""
_MOST = 16
"""Layers that are measured, at most: each takes a backward pass, and in some frameworks a compiled program."""


def fields(
    run: Run, image: Array, flow: Dataflow, places: Mapping[str, Places | None], shapes: Mapping[str, tuple[int, ...]]
) -> dict[str, tuple[int, int] | None]:
    """Height and width in pixels that one inner cell of each layer sees; None: all of the image.

    Args:
        run: The call, on an encoder.
        image: (1, height, width, channels).
        flow: How places move at this size.
        places: The layers in the order of computation, and their places; None for a vector.
        shapes: The shape of each layer for one image.
    """
    receptive_fields = {path: None if layer is None else flow.receptive_field(path) for path, layer in places.items()}
    unknown = [path for path, layer in places.items() if layer is not None and receptive_fields[path] is None]
    if not run.encoder.capabilities.gradients:
        return receptive_fields
    for path in unknown[:_MOST]:
        layer = places[path]
        assert layer is not None
        receptive_fields[path] = _measured(run, image, path, layer, shapes[path])
        if receptive_fields[path] is None:
            break  # what mixes all places leaves nothing to be measured behind it
    return receptive_fields


def _measured(run: Run, image: Array, path: str, places: Places, shape: Sequence[int]) -> tuple[int, int] | None:
    if places.cells < 2:
        return None
    channels = int(np.prod(shape)) // (places.cells + places.special)
    cells = np.zeros((1, places.rows, places.columns, channels), np.float32)
    # Random signs: the sum of a normalised cell is the same whatever the image.
    cells[0, places.rows // 2, places.columns // 2] = np.random.default_rng(0).choice([-1.0, 1.0], channels)
    gradient = np.abs(run.vjp(image, path, places.join(cells, tuple(shape))[None])[0, 0]).max(axis=-1)
    reached = gradient > _NOTHING * gradient.max()
    rows, columns = np.flatnonzero(reached.any(axis=1)), np.flatnonzero(reached.any(axis=0))
    if not len(rows):
        return None
    height, width = int(rows[-1] - rows[0]) + 1, int(columns[-1] - columns[0]) + 1
    return None if height == image.shape[1] and width == image.shape[2] else (height, width)
