"""Which ReLUs of a Keras model stand before a layer.

A layer counts as linear only where Keras's own class says so; whatever is not in these tables, a class of the
user's own, or arithmetic between layers that no layer call shows, is an obstacle: a ReLU could hide in it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from saccade.models.dataflow import Dataflow
from saccade.models.keras.calls import Call
from saccade.models.rectifiers import Rectifiers, steps_before

_LINEAR_OR_CHOOSING = {
    "ActivityRegularization", "Add", "AlphaDropout", "Average", "AveragePooling", "BatchNormalization", "CenterCrop",
    "Concatenate", "Cropping", "Dropout", "Flatten", "GaussianDropout", "GaussianNoise", "GlobalAveragePooling",
    "GlobalMaxPooling", "Identity", "InputLayer", "MaxPooling", "Normalization", "Permute", "RepeatVector", "Rescaling",
    "Reshape", "Resizing", "SpatialDropout", "Subtract", "UpSampling", "ZeroPadding",
}  # fmt: skip
"""Linear in the image while a model is asked, or handing on one of the values read, as maximum pooling does."""

_LINEAR_THEN_ACTIVATION = {
    "Activation", "Conv", "ConvTranspose", "Dense", "DepthwiseConv", "EinsumDense", "SeparableConv",
}  # fmt: skip

_LINEAR_OPERATIONS = {
    "Add", "Concatenate", "ExpandDims", "Flip", "Mean", "Negative", "Pad", "Repeat", "Reshape", "Roll", "Squeeze",
    "Stack", "Subtract", "Sum", "Tile", "Transpose",
}  # fmt: skip

_PROBE = np.array([-1e6, -300, -7, -1, -0.3, -1e-3, 0, 1e-3, 0.3, 1, 5.9, 6.1, 300, 1e6], np.float32)


def rectifiers(calls: Sequence[Call], flow: Dataflow, layer: str) -> Rectifiers:
    """Which ReLUs stand before a layer?

    Args:
        calls: Every call of one run, in order.
        flow: What each of them read.
        layer: The path of the layer.
    """
    by_path: Mapping[str, Call] = {call.path: call for call in calls}
    paths: list[str] = []
    for path, inputs, is_known in steps_before(flow, layer):
        if not is_known:
            return Rectifiers(obstacle=f"what {path!r} reads was computed by code that is no layer")
        call = by_path.get(path)
        inside = inputs[0]
        if call is None or inside.startswith(f"{path}/"):
            continue  # one of several results, or a sub-model that hands on what one of its own layers made
        kind = _kind(call)
        if kind == "relu":
            paths.append(path)
        elif kind != "linear":
            return Rectifiers(obstacle=f"{path!r} {kind}")
    return Rectifiers(tuple(paths))


def _kind(call: Call) -> str:
    """`"relu"`, `"linear"`, or what else the layer does, in words."""
    layer = call.layer
    name, module = type(layer).__name__, type(layer).__module__
    if not module.startswith("keras.src."):
        return f"is a {name}, a class of its own, in which anything may happen"
    if name.lower() == "relu":
        return "relu" if _is_plain(layer) else "is a ReLU with a gradient, a ceiling or a threshold"
    if module.startswith("keras.src.ops."):
        scales = name == "Multiply" and len(call.inputs) == 1
        return "linear" if name in _LINEAR_OPERATIONS or scales else f"is a {name}"
    family = re.sub("[123]D", "", name)
    if family in _LINEAR_OR_CHOOSING:
        return "linear"
    if family in _LINEAR_THEN_ACTIVATION:
        return _kind_of_activation(layer.activation)
    return f"is a {name}"


def _is_plain(layer: Any) -> bool:
    gradient, threshold = (float(getattr(layer, name, None) or 0) for name in ("negative_slope", "threshold"))
    return gradient == threshold == 0 and getattr(layer, "max_value", None) is None


def _kind_of_activation(function: Any) -> str:
    import keras

    if function is None or function is keras.activations.linear:
        return "linear"
    if isinstance(function, keras.layers.Layer):
        return f"ends in a layer inside it, {type(function).__name__}"
    if function is not keras.activations.softmax:
        # By its values, not by its name: a ReLU may come from any framework, and "relu" may be a leaky one.
        values = keras.ops.convert_to_numpy(function(keras.ops.convert_to_tensor(_PROBE[None])))
        if np.array_equal(values, np.maximum(_PROBE, 0)[None]):
            return "relu"
    return f"ends in {getattr(function, '__name__', type(function).__name__)}, which is no ReLU"
