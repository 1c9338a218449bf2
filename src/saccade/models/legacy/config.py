"""What a Keras 1 or Keras 2 layer is called, and takes, in Keras 3.

Everything that only matters for training (initializers, regularizers, constraints) is left out, and every layer
computes in float32, also where the file asks for mixed precision. What has no certain counterpart is refused by name.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from saccade.errors import FileError, ModelError
from saccade.models.keras.allowed_parts import LAYERS
from saccade.models.messages import layer_label, shortened

MODEL_KINDS = frozenset({"Model", "Functional", "Sequential", "Container"})
"""Classes whose configuration is a graph of layers."""

GRID_KINDS = frozenset({
    "Conv2D", "Conv2DTranspose", "SeparableConv2D", "DepthwiseConv2D", "MaxPooling2D", "AveragePooling2D",
    "GlobalAveragePooling2D", "GlobalMaxPooling2D", "UpSampling2D", "ZeroPadding2D", "Cropping2D",
})  # fmt: skip
"""Layers that work on the rows and columns of an image, and know where its channels are."""


@dataclass(frozen=True)
class Origin:
    """Who wrote the file, as far as it changes what the numbers mean.

    Attributes:
        version: The Keras version, (1,) when the file does not say.
        tf: Was it the Keras inside TensorFlow? Its files say so up to 2.3, later both are the same.
        backend: What Keras ran on: `"tensorflow"`, `"theano"`, `"cntk"`, ...
        ordering: The layout of layers that do not say theirs (Keras 1): `"channels_last"`, `"channels_first"`, or
            `""` when the file mixes both.
        trust: May code that lies in the file run?
        custom: Classes and functions of the caller, by the name that the file calls them.
    """

    version: tuple[int, ...]
    tf: bool = False
    backend: str = "tensorflow"
    ordering: str = "channels_last"
    trust: bool = False
    custom: Mapping[str, object] = field(default_factory=dict)

    @property
    def first(self) -> bool:
        """Is this Keras 1?"""
        return self.version[0] <= 1


_CLASSES = {
    "Convolution2D": "Conv2D",
    "AtrousConvolution2D": "Conv2D",
    "Deconvolution2D": "Conv2DTranspose",
    "SeparableConvolution2D": "SeparableConv2D",
    "BatchNormalizationV1": "BatchNormalization",
    "BatchNormalizationV2": "BatchNormalization",
    "SyncBatchNormalization": "BatchNormalization",
}


def modern_kind(kind: str) -> str:
    """What Keras 3 calls this class."""
    return _CLASSES.get(kind, kind)


_MERGES = {
    "sum": "Add", "mul": "Multiply", "ave": "Average", "max": "Maximum", "concat": "Concatenate", "dot": "Dot",
}  # fmt: skip
_KERAS1_KEYS = {
    "nb_filter": "filters", "border_mode": "padding", "subsample": "strides", "dim_ordering": "data_format",
    "bias": "use_bias", "output_dim": "units", "p": "rate", "sigma": "stddev", "atrous_rate": "dilation_rate",
}  # fmt: skip
_ORDERINGS = {"th": "channels_first", "tf": "channels_last"}
_ONLY_FOR_TRAINING_OR_BUILDING = frozenset({
    "init", "input_dim", "input_length", "input_dtype", "batch_input_shape", "dtype", "trainable", "implementation",
    "fused", "virtual_batch_size", "renorm_clipping", "renorm_momentum", "build_input_shape", "optional",
    "unroll", "query_shape", "key_shape", "value_shape", "rng_type", "force_generator", "auto_vectorize",
})  # fmt: skip
_BY_POSITION = ("regularizer", "constraint", "initializer")
AXIS_ACTIVATIONS = frozenset({"softmax", "log_softmax", "sparsemax", "glu", "sparse_plus"})
"""Activations that look along one axis, so that the layout matters."""


def modern(kind: str, config: Mapping[str, Any], origin: Origin) -> tuple[str, dict[str, Any]]:
    """What is this layer in Keras 3?

    Args:
        kind: Its class in the file.
        config: Its settings in the file.
        origin: Who wrote the file.

    Returns:
        The Keras 3 class name and its arguments; `data_format` and axes still as in the file.

    Raises:
        ModelError: Keras 3 has no such layer, or no such setting.
    """
    settings = {
        key: value
        for key, value in config.items()
        if key not in _ONLY_FOR_TRAINING_OR_BUILDING and not key.endswith(_BY_POSITION)
    }
    name = str(settings.get("name"))
    kind = modern_kind(kind)
    if origin.first:
        kind, settings = _from_keras1(kind, settings, name)
    if kind == "LeakyReLU" and "alpha" in settings:
        settings["negative_slope"] = settings.pop("alpha")
    if kind == "ThresholdedReLU":
        kind, settings["threshold"] = "ReLU", settings.pop("theta")
    if kind == "BatchNormalization" and isinstance(settings.get("axis"), (list, tuple)):
        if len(settings["axis"]) != 1:
            raise ModelError(f"layer {name!r} normalises over axes {settings['axis']} at once; Keras 3 knows one axis.")
        settings["axis"] = settings["axis"][0]
    if kind == "UpSampling2D" and settings.get("interpolation") == "bilinear" and _old_resizing(origin):
        raise ModelError(
            f"layer {name!r} enlarges bilinearly in the way of TensorFlow 1, which Keras 3 cannot do; open the file "
            "with the Keras that wrote it and save it again."
        )
    for key, value in settings.items():
        if key.endswith("activation"):
            settings[key] = activation(value, name, origin)
        elif isinstance(value, list):
            settings[key] = _as_tuples(value)
    return kind, settings


def accepted(layer_class: Any, kind: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Which of these settings does the Keras 3 class take? Others may be dropped only when they change nothing."""
    allowed: set[str] = set()
    for base in layer_class.__mro__:
        if "__init__" not in vars(base):
            continue
        parameters = inspect.signature(base.__init__).parameters.values()
        allowed |= {parameter.name for parameter in parameters} - {"self", "args", "kwargs"}
        if not any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in parameters):
            # What it does not hand on to its bases, they cannot take.
            break
    for key, value in settings.items():
        if key not in allowed and value not in (None, False, 1):
            raise ModelError(
                f"{layer_label(settings.get('name'), kind)} sets {shortened(key)} to {shortened(value)}, which Keras 3 "
                "does not know; open the file with the Keras that wrote it."
            )
    return {key: value for key, value in settings.items() if key in allowed}


def activation(value: Any, layer: str, origin: Origin) -> Any:
    """Which function is meant by this name (or small configuration) in the file?"""
    import keras

    if value is None:
        return None
    if isinstance(value, Mapping):
        kind, config = value.get("class_name"), value.get("config")
        if kind == "function" and isinstance(config, str):
            return activation(config, layer, origin)
        if isinstance(kind, str) and isinstance(config, Mapping):
            kind, settings = modern(kind, config, origin)
            if kind in LAYERS:
                layer_class = getattr(keras.layers, kind)
                return layer_class(**accepted(layer_class, kind, settings))
        value = kind
    if not isinstance(value, str):
        raise FileError(f"{layer_label(layer)} is damaged: its activation is {shortened(value)}.")
    if value in origin.custom:
        return origin.custom[value]
    if value == "hard_sigmoid":
        return hard_sigmoid
    try:
        return keras.activations.get(value)
    except (ValueError, TypeError) as error:
        raise ModelError(
            f"{layer_label(layer)} uses the activation {shortened(value)}, which Keras does not know; build the "
            "model in Python and give it as package.module:factory with --weights."
        ) from error


def hard_sigmoid(x: Any) -> Any:
    """The hard sigmoid of Keras 1 and 2, clip(0.2 x + 0.5, 0, 1); Keras 3 rises by 1/6."""
    from keras import ops

    return ops.clip(0.2 * x + 0.5, 0.0, 1.0)


def data_format(kind: str, config: Mapping[str, Any], origin: Origin) -> str:
    """Does this layer of the file's model want its channels first or last?"""
    order = config.get("data_format", config.get("dim_ordering"))
    if order in ("th", "tf"):
        return _ORDERINGS[order]
    if order:
        return str(order)
    if origin.ordering:
        return origin.ordering
    raise ModelError(
        f"layer {config.get('name')!r} ({kind}) does not say whether channels come first or last, and the file's other "
        "layers do both; it cannot be converted with certainty."
    )


def _from_keras1(kind: str, settings: dict[str, Any], name: str) -> tuple[str, dict[str, Any]]:
    if kind == "Merge":
        mode = settings.get("mode")
        if settings.get("mode_type", "raw") != "raw" or mode not in _MERGES:
            raise ModelError(f"layer {name!r} merges by {mode!r}, which Keras 3 has no layer for.")
        arguments = {"name": settings["name"]}
        if mode == "concat":
            arguments["axis"] = settings["concat_axis"]
        elif mode == "dot":
            arguments["axes"] = settings["dot_axes"]
        return _MERGES[mode], arguments
    if kind == "BatchNormalization" and settings.pop("mode", 0) != 0:
        raise ModelError(
            f"layer {name!r} normalises in mode {settings.get('mode', 1)} of Keras 1, which has no counterpart in "
            "Keras 3; only mode 0 can be opened."
        )
    if "nb_row" in settings:
        settings["kernel_size"] = (settings.pop("nb_row"), settings.pop("nb_col"))
    if kind == "ZeroPadding2D":
        settings["padding"] = _keras1_padding(settings["padding"])
    if kind == "Conv2DTranspose":
        # The size is checked against what Keras 3 gives, once the layer is connected.
        settings.pop("output_shape", None)
    if settings.get("dim_ordering") in _ORDERINGS:
        settings["dim_ordering"] = _ORDERINGS[settings["dim_ordering"]]
    return kind, {_KERAS1_KEYS.get(key, key): value for key, value in settings.items()}


def _keras1_padding(padding: Any) -> Any:
    if isinstance(padding, Mapping):
        top, bottom, left, right = (padding.get(f"{side}_pad", 0) for side in ("top", "bottom", "left", "right"))
    elif len(padding) == 4:
        top, bottom, left, right = padding
    else:
        return tuple(padding)
    return (top, bottom), (left, right)


def _old_resizing(origin: Origin) -> bool:
    """Standalone Keras 2 asked TensorFlow 1, whose pixel centres lie elsewhere."""
    return origin.version < ((2, 2, 4) if origin.tf else (2, 4))


def _as_tuples(value: Any) -> Any:
    return tuple(_as_tuples(item) for item in value) if isinstance(value, list) else value
