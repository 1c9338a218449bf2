"""Does a functional Keras model show by its graph that it draws nothing, and mixes no images of a batch?

A layer counts as steady if it is one of Keras's own that computes each image by itself, and is called as in inference.
What is not listed, such as a layer of somebody's own, is measured instead (`engines/trial.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from saccade.models.keras.calls import Call

_FOLDERS = ("activations", "attention", "convolutional", "merging", "normalization", "pooling", "reshaping")
"""Where Keras's own layers lie: these compute image by image, unless their axis is that of images."""
_FURTHER = (
    "InputLayer", "Dense", "EinsumDense", "Identity", "Rescaling", "Normalization", "Dropout", "SpatialDropout1D",
    "SpatialDropout2D", "GaussianNoise", "GaussianDropout", "AlphaDropout", "ActivityRegularization",
)  # fmt: skip
_OPERATIONS = (
    "Absolute", "Add", "AddN", "Divide", "Exp", "Gelu", "HardSigmoid", "HardSilu", "LeakyRelu", "Log", "Maximum",
    "Minimum", "Multiply", "Negative", "Power", "Relu", "Relu6", "Sigmoid", "Silu", "Softplus", "Sqrt", "Square",
    "Subtract", "Tanh", "TrueDivide",
)  # fmt: skip


def shows_that_it_is_steady(model: Any, calls: Sequence[Call]) -> bool:
    """Do these calls of the model, each in its graph or inside one of Keras's own layers, leave nothing to chance?"""
    import keras

    graphs = [part for part in model._flatten_layers() if isinstance(part, keras.Model)]
    if any(_trains(node) for part in graphs for node in _nodes(part)):
        return False
    by_path = {call.path: call.layer for call in calls}
    for call in calls:
        if isinstance(call.layer, keras.Model):
            continue  # its own layers stand here, too
        owner = by_path.get(call.path.rpartition("/")[0])
        if not (call.in_graph or _computes_image_by_image(owner)) or not _computes_image_by_image(call.layer):
            return False
    return True


def _computes_image_by_image(layer: Any) -> bool:
    folder = type(layer).__module__
    kind = type(layer).__name__
    is_listed = folder.startswith("keras.src.") and (
        (folder.startswith("keras.src.layers.") and (folder.split(".")[3] in _FOLDERS or kind in _FURTHER))
        or (folder.startswith("keras.src.ops.") and kind in _OPERATIONS)
    )
    return is_listed and not any(0 in np.ravel(axes) for axes in _axes(layer))


def _axes(layer: Any) -> Iterator[Any]:
    for name in ("axis", "axes"):
        value = getattr(layer, name, None)
        if isinstance(value, (int, list, tuple)):
            yield value


def _nodes(model: Any) -> Iterator[Any]:
    for operation in getattr(model, "operations", ()):
        yield from operation._inbound_nodes


def _trains(node: Any) -> bool:
    """Is a layer called as in training, whatever the model is?"""
    training = node.arguments.kwargs.get("training")
    return training not in (None, False) or any(value is True for value in node.arguments.args[1:])
