"""A warm start: the weights of a model that was trained before, instead of random ones."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from saccade.errors import FileError, InputError
from saccade.models.keras.opening import open_keras_file
from saccade.training.settings import TrainingSettings

_DECIDES = (
    *("batch_shape", "filters", "kernel_size", "strides", "padding", "dilation_rate", "groups", "activation"),
    *("use_bias", "pool_size", "size", "interpolation"),
)


@dataclass(frozen=True)
class Start:
    """Where a run begins.

    Attributes:
        model: Name of the file.
        sha256: Of its content, so that a record says which model it was.
        weights: Its weights, float32, in the order of the reference autoencoder's.
    """

    model: str
    sha256: str
    weights: list[NDArray[np.float32]] = field(repr=False)


def read_start(path: Path, settings: TrainingSettings) -> Start:
    """Read the weights to start from.

    Args:
        path: A `.keras` file that `saccade train` wrote.
        settings: What the run is to train; the model must have exactly that architecture.

    Raises:
        FileError: The file is missing or damaged.
        ModelError: It is not a Keras model that opens without trust.
        InputError: It has another architecture; the line names the first difference.
    """
    if not path.is_file():
        raise FileError(f"no file {path} to start from; give a .keras file that saccade train wrote.")
    model = open_keras_file(path)
    for expected, actual in zip_longest(_facts(settings.autoencoder()), _facts(model), fillvalue="nothing more"):
        if expected != actual:
            raise InputError(
                f"{path.name} has {actual} where these settings give {expected}; give the size and channels of its "
                f"record (now {settings.size}, {','.join(map(str, settings.channels))} and {settings.code_channels} "
                "for the code), or start from another model."
            )
    weights = [np.asarray(weight, np.float32) for weight in model.get_weights()]
    return Start(path.name, hashlib.sha256(path.read_bytes()).hexdigest(), weights)


def _facts(model: Any) -> Iterator[str]:
    """Say what decides the function of a model, apart from the values and the making of its weights."""
    for layer in model.layers:
        yield f"the {type(layer).__name__} {layer.name}"
        config = layer.get_config()
        yield from (f"{name} {config[name]} in {layer.name}" for name in _DECIDES if name in config)
