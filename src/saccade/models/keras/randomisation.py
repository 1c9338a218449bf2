"""Which weights belong to which layer of a Keras model."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from saccade.models.keras.calls import Call
from saccade.models.randomisation import Weight


def layer_weights(calls: Iterable[Call]) -> dict[str, list[Weight]]:
    """Every weight under the innermost layer that holds it, in the order of computation.

    A shared layer's weights stand under its first use. Whole numbers (counters, seeds) are no weights.
    """
    weights: dict[str, list[Weight]] = {}
    listed: set[int] = set()
    for call in calls:  # inner layers end, and are recorded, before those around them
        for variable in getattr(call.layer, "weights", ()):
            if id(variable) in listed or not str(variable.dtype).startswith(("float", "bfloat")):
                continue
            listed.add(id(variable))
            initial = partial(_initial, variable.name, tuple(variable.shape))
            weight = Weight(str(variable.path), partial(_read, variable), partial(_write, variable), initial)
            weights.setdefault(call.path, []).append(weight)
    return weights


_ONES = {"gamma", "scale", "moving_variance"}
"""What leaves the values of a normalisation as they are."""


def _initial(name: str, shape: tuple[int, ...], seed: int) -> NDArray[Any]:
    """What Keras starts with unless told otherwise: Glorot's uniform numbers, ones for scales, zeros for the rest.

    What a layer was told is not asked: a file is opened with initializers that draw nothing.
    """
    import keras

    if len(shape) >= 2:
        return np.array(keras.ops.convert_to_numpy(keras.initializers.GlorotUniform(seed)(shape, "float32")))
    return np.full(shape, float(name in _ONES), np.float32)


def _read(variable: Any) -> NDArray[Any]:
    import keras

    return np.array(keras.ops.convert_to_numpy(variable.value))


def _write(variable: Any, values: NDArray[Any]) -> None:
    variable.assign(values)
