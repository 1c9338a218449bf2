"""The parts of Keras that are built from a file without trust: those that only compute.

Keras finds what a configuration names by importing it, and what it finds may be any function or class of its packages:
one that fetches a file, changes a setting of the process, or loads a graph that writes. Its own safe mode forbids some
of them. Here nothing is built that does not stand in these lists, and each name is led to the module it is meant from.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from saccade.errors import FileError, ModelError
from saccade.models.messages import layer_label, shortened

MODELS = frozenset({"Functional", "Model", "Sequential"})

LAYERS = frozenset({
    "Activation", "ActivityRegularization", "AdaptiveAveragePooling1D", "AdaptiveAveragePooling2D",
    "AdaptiveAveragePooling3D", "AdaptiveMaxPooling1D", "AdaptiveMaxPooling2D", "AdaptiveMaxPooling3D", "Add",
    "AdditiveAttention", "AlphaDropout", "Attention", "AugMix", "AutoContrast", "Average", "AveragePooling1D",
    "AveragePooling2D", "AveragePooling3D", "AvgPool1D", "AvgPool2D", "AvgPool3D", "BatchNormalization",
    "Bidirectional", "CategoryEncoding", "CenterCrop", "Concatenate", "Conv1D", "Conv1DTranspose", "Conv2D",
    "Conv2DTranspose", "Conv3D", "Conv3DTranspose", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D", "Convolution1D",
    "Convolution1DTranspose", "Convolution2D", "Convolution2DTranspose", "Convolution3D", "Convolution3DTranspose",
    "Cropping1D", "Cropping2D", "Cropping3D", "CutMix", "Dense", "DepthwiseConv1D", "DepthwiseConv2D", "Discretization",
    "Dot", "Dropout", "ELU", "EinsumDense", "Embedding", "Equalization", "Flatten", "GRU", "GRUCell", "GaussianDropout",
    "GaussianNoise", "GlobalAveragePooling1D", "GlobalAveragePooling2D", "GlobalAveragePooling3D", "GlobalAvgPool1D",
    "GlobalAvgPool2D", "GlobalAvgPool3D", "GlobalMaxPool1D", "GlobalMaxPool2D", "GlobalMaxPool3D",
    "GlobalMaxPooling1D", "GlobalMaxPooling2D", "GlobalMaxPooling3D", "GroupNormalization", "GroupQueryAttention",
    "Identity", "InputLayer", "LSTM", "LSTMCell", "LayerNormalization", "LeakyReLU", "Masking", "MaxPool1D",
    "MaxPool2D", "MaxPool3D", "MaxPooling1D", "MaxPooling2D", "MaxPooling3D", "Maximum", "Minimum", "MixUp",
    "MultiHeadAttention", "Multiply", "Normalization", "PReLU", "Permute", "Pipeline", "RMSNormalization", "RNN",
    "RandAugment", "RandomBrightness", "RandomColorDegeneration", "RandomColorJitter", "RandomContrast", "RandomCrop",
    "RandomElasticTransform", "RandomErasing", "RandomFlip", "RandomGaussianBlur", "RandomGrayscale", "RandomHue",
    "RandomInvert", "RandomPerspective", "RandomPosterization", "RandomRotation", "RandomSaturation",
    "RandomSharpness", "RandomShear", "RandomTranslation", "RandomZoom", "ReLU", "RepeatVector", "Rescaling", "Reshape",
    "Resizing", "ReversibleEmbedding", "SeparableConv1D", "SeparableConv2D", "SeparableConvolution1D",
    "SeparableConvolution2D", "SimpleRNN", "SimpleRNNCell", "Softmax", "Solarization", "SpatialDropout1D",
    "SpatialDropout2D", "SpatialDropout3D", "SpectralNormalization", "StackedRNNCells", "Subtract", "TimeDistributed",
    "UnitNormalization", "UpSampling1D", "UpSampling2D", "UpSampling3D", "Wrapper", "ZeroPadding1D", "ZeroPadding2D",
    "ZeroPadding3D",
})  # fmt: skip
"""Not among them: what holds code or a graph (Lambda, TFSMLayer, JaxLayer, FlaxLayer, TorchModuleWrapper), and what
reads words from a file (StringLookup, TextVectorization and their like)."""

OPERATIONS = frozenset({
    "Abs", "Absolute", "AdaptiveAveragePool", "AdaptiveMaxPool", "Add", "Amax", "Amin", "Append", "Arccos", "Arccosh",
    "Arcsin", "Arcsinh", "Arctan", "Arctan2", "Arctanh", "Argmax", "Argmin", "Average", "AveragePool", "BatchNorm",
    "BroadcastTo", "CDist", "Cast", "Cbrt", "Ceil", "Celu", "Clip", "Concatenate", "Conv", "ConvTranspose", "Copy",
    "Cos", "Cosh", "CropImages", "Cross", "Cumprod", "Cumsum", "DepthToSpace", "DepthwiseConv", "Diagonal", "Divide",
    "DivideNoNan", "Dot", "DotProductAttention", "Einsum", "Elu", "Equal", "Erf", "Erfc", "Exp", "Exp2", "ExpandDims",
    "Expm1", "ExtractPatches", "Flip", "Fliplr", "Flipud", "Floor", "FloorDivide", "Fold", "GaussianBlur", "Gelu",
    "GetItem", "Glu", "Greater", "GreaterEqual", "HSVToRGB", "HardShrink", "HardSigmoid", "HardSilu", "HardTanh",
    "Hstack", "Hypot", "Inner", "LayerNorm", "LeakyRelu", "Less", "LessEqual", "Log", "Log10", "Log1p", "Log2",
    "LogSigmoid", "LogSoftmax", "Logaddexp", "LogicalAnd", "LogicalNot", "LogicalOr", "LogicalXor", "Logsumexp",
    "Matmul", "Max", "MaxPool", "Maximum", "Mean", "Median", "Min", "Minimum", "Mod", "Moments", "Moveaxis", "Multiply",
    "NanToNum", "Negative", "Norm", "Normalize", "NotEqual", "OneHot", "OnesLike", "Outer", "Pad", "PadImages", "Power",
    "Prod", "Quantile", "RGBToGrayscale", "RGBToHSV", "RMSNorm", "Ravel", "Reciprocal", "Relu", "Relu6", "Repeat",
    "Reshape", "Resize", "Roll", "Rot90", "Round", "Rsqrt", "SaturateCast", "Selu", "SeparableConv", "Sigmoid", "Sign",
    "Silu", "Sin", "Sinh", "Slice", "SobelEdges", "SoftShrink", "Softmax", "Softplus", "Softsign", "Sort",
    "SpaceToDepth", "SparsePlus", "SparseSigmoid", "Sparsemax", "Split", "Sqrt", "Square", "Squareplus", "Squeeze",
    "Stack", "Std", "StopGradient", "Subtract", "Sum", "Swapaxes", "Swish", "Take", "TakeAlongAxis", "Tan", "Tanh",
    "TanhShrink", "Tensordot", "Threshold", "Tile", "Transpose", "Tril", "Triu", "TrueDivide", "Trunc", "Unfold",
    "Unstack", "Var", "Vdot", "Vstack", "Where", "ZerosLike",
})  # fmt: skip
"""Not among them: what calls a function (Map, Scan, Switch, Cond and their like), and what makes an array of a size
that it is told (Arange, Full, Linspace and their like)."""

_OPERATION_MODULES = frozenset({
    "keras.src.ops.core", "keras.src.ops.image", "keras.src.ops.linalg", "keras.src.ops.math", "keras.src.ops.nn",
    "keras.src.ops.numpy",
})  # fmt: skip

ACTIVATIONS = frozenset({
    "celu", "elu", "exponential", "gelu", "glu", "hard_shrink", "hard_sigmoid", "hard_silu", "hard_swish", "hard_tanh",
    "leaky_relu", "linear", "log_sigmoid", "log_softmax", "mish", "relu", "relu6", "selu", "sigmoid", "silu",
    "soft_shrink", "softmax", "softplus", "softsign", "sparse_plus", "sparse_sigmoid", "sparsemax", "squareplus",
    "swish", "tanh", "tanh_shrink", "threshold",
})  # fmt: skip

_UNEXPORTED = frozenset({
    ("keras.src.applications.convnext", "LayerScale"), ("keras.src.applications.convnext", "StochasticDepth"),
    ("keras.src.applications.inception_resnet_v2", "CustomScaleLayer"),
})  # fmt: skip
"""Layers of Keras's own models that stand in none of its public modules."""

_POLICIES = frozenset({
    "DTypePolicy", "DTypePolicyMap", "FloatDTypePolicy", "Int4DTypePolicy", "QuantizedDTypePolicy",
    "QuantizedFloat8DTypePolicy",
})  # fmt: skip

_QUANTIZERS = frozenset({
    "AbsMaxQuantizer", "Float8QuantizationConfig", "Int4QuantizationConfig", "Int8QuantizationConfig",
})  # fmt: skip

_VALUES = frozenset({
    "__bytes__", "__ellipsis__", "__keras_tensor__", "__numpy__", "__slice__", "__tensor__",
})  # fmt: skip
"""What stands for a value and not for a part of Keras."""

_NUMBERS = re.compile(r"(bool|bfloat16|(float|u?int)\d{1,2})")
_POLICY = re.compile(rf"{_NUMBERS.pattern}|mixed_b?float16|\w+_from_\w+")
_MOST_CALLS = 10_000
"""Calls of layers; a model inside a model that is called twice doubles them at each level."""

_MODULES = ((LAYERS, "keras.layers"), (_POLICIES, "keras.dtype_policies"), (_QUANTIZERS, "keras.quantizers"))
_ACTIVATION_MODULES = ("builtins", "keras.activations", "keras.src.activations.activations")
_ONLY_FOR_TRAINING = ("regularizer", "constraint", "initializer")

ALLOWED_BY_TRUST = "If you trust where the file comes from, say --trust (trust=True)"


class NeedsTrust(ModelError):
    """A file holds something that is not listed."""


def only_listed(config: Any, registered: Mapping[str, object], *, start: str | None = None) -> Any:
    """A description of Keras 3 in which every name leads to a listed part, and to nothing else.

    What only matters for training is left out.

    Args:
        config: The description.
        registered: Classes and functions that this process itself registered with Keras, by name.
        start: With which values every weight starts, as where a file brings them all; None: as Keras draws them.

    Raises:
        FileError: A name is no text, or a layer is called on nothing.
        NeedsTrust: It names something that is not listed; the message says what, and in which layer.
    """
    refuse_endless(config)
    return _Listing(registered, start).part(config, "the model")


def refuse_endless(config: Any) -> None:
    """Would building this ever come to an end?

    Raises:
        FileError: Its models inside models call far too many layers.
    """
    calls = _calls(config)
    if calls > _MOST_CALLS:
        raise FileError(f"its models inside models call {shortened(calls)} layers, more than {_MOST_CALLS:,}.")


def wants_trust(layer: str, what: str) -> NeedsTrust:
    """The refusal of something that is not listed.

    Args:
        layer: Where it stands.
        what: The rest of the sentence: `"needs the class ..."`.
    """
    return NeedsTrust(
        f"{layer} {what}, which could run code or change files, so it is not built from a file. "
        f"{ALLOWED_BY_TRUST}; or build the model in code of your own and give package.module:factory with --weights."
    )


class _Listing:
    def __init__(self, registered: Mapping[str, object], start: str | None) -> None:
        self.registered, self.start = registered, start

    def part(self, config: Any, layer: str) -> Any:
        """Any part of a description."""
        if isinstance(config, list):
            return [self.part(item, layer) for item in config]
        if not isinstance(config, Mapping):
            return config
        if "class_name" in config:
            return self.reference(config, layer)
        listed: dict[str, Any] = {}
        for key, value in config.items():
            if key.endswith(_ONLY_FOR_TRAINING):
                if key.endswith("initializer") and self.start is not None:
                    listed[key] = self.start
            elif key == "unroll":
                listed[key] = False  # the same numbers, without a graph as long as the sequence
            elif key == "dtype" and isinstance(value, str) and not _POLICY.fullmatch(value):
                raise FileError(f"{layer} is damaged: its setting 'dtype' cannot be {shortened(value)}.")
            else:
                listed[key] = self.part(value, layer)
        return listed

    def reference(self, config: Mapping[str, Any], layer: str) -> Any:
        """What names a class or a function of Keras, or stands for a value."""
        kind, module, inner = config["class_name"], config.get("module"), config.get("config")
        if not isinstance(kind, str) or not isinstance(module, (str, type(None))):
            wrong = kind if not isinstance(kind, str) else module
            raise FileError(f"{layer} is damaged: the name of a class is {shortened(wrong)}.")
        if kind in _VALUES:
            return {"class_name": kind, "config": self.value(kind, inner, layer)}
        if kind == "function":
            return self.function(config, module, layer)
        if kind in _POLICIES and isinstance(inner, Mapping) and isinstance(inner.get("name"), str):
            # A policy is known by its name, and that is a type of numbers, too.
            self.part({"dtype": inner["name"]}, layer)
        name = config.get("name") or (inner.get("name") if isinstance(inner, Mapping) else None)
        layer = layer_label(name) if isinstance(name, str) else layer
        registered_name = config.get("registered_name")
        is_registered = isinstance(registered_name, str) and registered_name in self.registered
        source = module if is_registered else _module_of(kind, module)
        if source is None:
            raise wants_trust(layer, _described(kind, module, registered_name))
        listed = {
            "module": source,
            "class_name": kind,
            "config": self.part(inner, layer),
            "registered_name": registered_name if is_registered else None,
        }
        if "name" in config:
            listed["name"] = config["name"]
        if "inbound_nodes" in config:
            listed["inbound_nodes"] = self.nodes(config["inbound_nodes"], layer)
        return listed

    def nodes(self, nodes: Any, layer: str) -> list[Any]:
        """The calls of a layer: each on the result of another, or Keras would compute it while the model is built."""
        if not isinstance(nodes, list) or not all(isinstance(node, Mapping) and _has_tensor(node) for node in nodes):
            raise FileError(f"{layer} is damaged: it does not say on what it is called.")
        return [self.part(node, layer) for node in nodes]

    def value(self, kind: str, inner: Any, layer: str) -> Any:
        """What stands for an array, a slice or the like."""
        if kind == "__ellipsis__":
            return inner
        if not isinstance(inner, Mapping):
            raise FileError(f"{layer} is damaged: a {kind.strip('_')} is {shortened(inner)}.")
        if "dtype" in inner and not (isinstance(inner["dtype"], str) and _NUMBERS.fullmatch(inner["dtype"])):
            raise FileError(f"{layer} is damaged: numbers of the type {shortened(inner['dtype'])}.")
        return self.part(inner, layer)

    def function(self, config: Mapping[str, Any], module: str | None, layer: str) -> Any:
        """A function by its name: an activation, or one that this process registered."""
        name = config.get("config")
        if not isinstance(name, str):
            raise FileError(f"{layer} is damaged: the name of a function is {shortened(name)}.")
        if name in self.registered:
            return dict(config)
        if name in ACTIVATIONS and (module is None or module in _ACTIVATION_MODULES):
            return name
        raise wants_trust(layer, f"needs the function {shortened(f'{module}.{name}' if module else name)}")


def _calls(config: Any) -> int:
    """How many calls of layers does building this take?"""
    if isinstance(config, list):
        return sum(map(_calls, config))
    if not isinstance(config, Mapping):
        return 0
    inner = sum(_calls(value) for key, value in config.items() if key != "inbound_nodes")
    if "class_name" not in config:
        return inner
    nodes = config.get("inbound_nodes")
    return (1 + inner) * max(1, len(nodes) if isinstance(nodes, list) else 1)


def _has_tensor(value: Any) -> bool:
    if isinstance(value, list):
        return any(map(_has_tensor, value))
    if not isinstance(value, Mapping):
        return False
    return value.get("class_name") == "__keras_tensor__" or any(map(_has_tensor, value.values()))


def _module_of(kind: str, module: str | None) -> str | None:
    """From which module is this class taken? None when it is not listed."""
    if module in _OPERATION_MODULES:
        return module if kind in OPERATIONS else None
    if (module, kind) in _UNEXPORTED:
        return module
    if kind in MODELS and (module is None or module.partition(".")[0] == "keras"):
        return "keras"
    return next((listed for names, listed in _MODULES if kind in names and module in (None, "keras", listed)), None)


def _described(kind: str, module: str | None, registered: Any) -> str:
    if kind in ("Lambda", "__lambda__"):
        return "holds Python code (a Lambda layer)"
    full = f"{module}.{kind}" if module else kind
    if isinstance(registered, str) and ">" in registered:
        return f"needs the class {shortened(full, 120)}, registered as {shortened(registered)}"
    return f"needs the class {shortened(full, 120)}"
