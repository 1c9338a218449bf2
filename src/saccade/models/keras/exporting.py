"""A Keras model written down as plain layers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from saccade.models.dataflow import same_padding
from saccade.models.keras.calls import ROOT, Call, Recorder, named_parts
from saccade.models.keras.windows import pair
from saccade.models.plain_network import (
    GREATEST,
    SELU,
    Activation,
    Grid,
    NotPlain,
    PlainLayer,
    PlainNetwork,
    PlainNetworkWriter,
    affine_layer,
)
from saccade.typing import Array

_HANDED_ON = {
    "ActivityRegularization", "AlphaDropout", "Dropout", "GaussianDropout", "GaussianNoise", "Identity", "InputLayer",
    "SpatialDropout2D",
}  # fmt: skip
"""What does nothing while a model is asked."""

_COMBINING = {
    "Add": "add", "Subtract": "subtract", "Multiply": "multiply", "Average": "average", "Maximum": "maximum",
    "Minimum": "minimum",
}  # fmt: skip


def plain_network(recorder: Recorder, paths: Sequence[str], *, channels_first: bool, name: str) -> PlainNetwork:
    """Which plain layers compute these layers?

    Args:
        recorder: One run of the model on an image of the size that is wanted.
        paths: The layers whose values are asked for.
        channels_first: The model has its channels before its rows.
        name: The model's, for messages.

    Raises:
        NotApplicable: Something that they need is no plain layer; the line says what.
    """
    rows, columns, channels = (int(size) for size in recorder.images.shape[1:])
    writer = PlainNetworkWriter((rows, columns, channels))
    values: dict[int, int] = {id(recorder.images): 0}
    by_path: dict[str, int] = {}
    written_calls: list[Call] = []
    plain = {call.path for call in recorder.calls if type(call.layer).__name__ in _WRITERS and _is_keras(call.layer)}
    for call in recorder.calls:
        if any(call.path.startswith(f"{path}/") for path in plain):
            continue  # a part of a layer that is written as a whole, such as its activation
        results = list(named_parts(call.path, call.output))
        number = values.get(id(call.output)) if len(results) == 1 else None
        if number is None:
            number = _write(writer, call, values) if not channels_first else None
        if number is None:
            number = writer.add_unknown(
                call.path, f"the layers of {name!r} have their channels before rows and columns."
            )
        for path, result in results:
            values[id(result)] = by_path[path] = number
        written_calls.append(call)  # ids are only unique while the tensors live
    for path, result in named_parts(ROOT, recorder.output):
        unknown = f"what {name!r} gives is computed by code that is no layer."
        value = values.get(id(result))
        by_path.setdefault(path, writer.add_unknown(path, unknown) if value is None else value)
    return writer.finished({path: by_path[path] for path in paths})


def _write(writer: PlainNetworkWriter, call: Call, values: dict[int, int]) -> int:
    """Write one call down, and return the value that it gives."""
    layer, kind = call.layer, type(call.layer).__name__
    inputs = [values.get(id(tensor)) for tensor in call.inputs]
    values_read = [value for value in inputs if value is not None]
    try:
        if not _is_keras(layer) or kind not in _WRITERS:
            raise NotPlain(f"is a {kind}")
        if len(values_read) < len(inputs) or not inputs:
            raise NotPlain("reads something that no layer gave")
        if not hasattr(call.output, "shape"):
            raise NotPlain("gives several results")
        shape = _grid(call.output)
        ranks = {len(tensor.shape) for tensor in call.inputs}
        if len(ranks) > 1:
            raise NotPlain("joins a vector and an image")
        return _WRITERS[kind](writer, layer, call.path, tuple(values_read), shape)
    except NotPlain as reason:
        return writer.add_unknown(call.path, f"{call.path!r} {reason}, which a page cannot compute.")


def _grid(tensor: Any) -> Grid:
    shape = tuple(int(size) for size in tensor.shape[1:])
    if len(shape) == 1:
        return 1, 1, shape[0]
    if len(shape) != 3:
        raise NotPlain(f"gives {len(shape)} axes")
    return shape[0], shape[1], shape[2]


def _is_keras(layer: Any) -> bool:
    """A class of the user's own may compute anything; only Keras's are known to do what their name says."""
    return type(layer).__module__.startswith("keras.src.")


def _array(values: Any) -> Array:
    import keras

    return np.asarray(keras.ops.convert_to_numpy(values), np.float32)


def _bias(layer: Any, count: int) -> Array:
    return np.zeros(count, np.float32) if layer.bias is None else _array(layer.bias)


# Activations


def _activation(function: Any) -> Activation | None:
    """Which function of single numbers is it? None for none."""
    import keras

    activations = keras.activations
    if function is None or function is activations.linear:
        return None
    if isinstance(function, keras.layers.Layer):
        return _layer_activation(function)
    table = {
        activations.relu: Activation("clip", 0, GREATEST),
        activations.relu6: Activation("clip", 0, 6),
        activations.leaky_relu: Activation("leaky", 0.2),
        activations.elu: Activation("elu", 1, 1),
        activations.selu: Activation("elu", *SELU),
        activations.gelu: Activation("gelu"),
        **{
            getattr(activations, name): Activation(name)
            for name in (
                "sigmoid", "silu", "tanh", "softmax", "softplus", "softsign", "exponential", "hard_sigmoid",
                "hard_silu",
            )
        },
    }  # fmt: skip
    try:
        return table[function]
    except (KeyError, TypeError):
        raise NotPlain(f"ends in {getattr(function, '__name__', type(function).__name__)}") from None


def _layer_activation(layer: Any) -> Activation | None:
    kind = type(layer).__name__
    if not _is_keras(layer):
        raise NotPlain(f"ends in a {kind}")
    if kind == "Activation":
        return _activation(layer.activation)
    if kind == "ReLU":
        settings = (layer.negative_slope, layer.max_value, layer.threshold)
        slope, limit, threshold = (float(value or 0) for value in settings)
        if threshold or (slope and limit):
            raise NotPlain("is a ReLU with a threshold, or with both a slope and a limit")
        return Activation("leaky", slope) if slope else Activation("clip", 0, limit or GREATEST)
    if kind == "LeakyReLU":
        return Activation("leaky", float(layer.negative_slope))
    if kind == "ELU":
        return Activation("elu", float(layer.alpha), 1)
    if kind == "Softmax" and layer.axis in (-1, 3):
        return Activation("softmax")
    raise NotPlain(f"is a {kind}" + (" over other axes than the channels" if kind == "Softmax" else ""))


# Layers: (writer, layer, name, the values read, the grid given) -> the value given

_Writing = Callable[[PlainNetworkWriter, Any, str, tuple[int, ...], Grid], int]


def _hand_on(_: PlainNetworkWriter, __: Any, ___: str, inputs: tuple[int, ...], ____: Grid) -> int:
    return inputs[0]


def _same(layer: Any, read: Grid, size: Any, dilation: Any = 1) -> tuple[int, int]:
    """What stands before the first row and column."""
    if layer.padding == "valid":
        return 0, 0
    (tall, wide), (down, across), (apart, aside) = pair(size), pair(layer.strides), pair(dilation)
    return same_padding(read[0], tall, down, apart), same_padding(read[1], wide, across, aside)


def _convolution(writer: PlainNetworkWriter, layer: Any, name: str, inputs: tuple[int, ...], shape: Grid) -> int:
    settings = {
        "strides": pair(layer.strides),
        "dilation": pair(layer.dilation_rate),
        "padding": _same(layer, writer.shape(inputs[0]), layer.kernel_size, layer.dilation_rate),
        "groups": int(layer.groups),
    }
    arrays = {"kernel": _array(layer.kernel), "bias": _bias(layer, shape[2])}
    return writer.add(PlainLayer("convolution", name, inputs, shape, settings, arrays, _activation(layer.activation)))


def _depthwise(writer: PlainNetworkWriter, layer: Any, name: str, inputs: tuple[int, ...], shape: Grid) -> int:
    bias = _bias(layer, shape[2])
    return _by_channel(writer, layer, layer.kernel, bias, (name, inputs, shape), _activation(layer.activation))


def _by_channel(
    writer: PlainNetworkWriter,
    layer: Any,
    weights: Any,
    bias: Array,
    place: tuple[str, tuple[int, ...], Grid],
    activation: Activation | None,
) -> int:
    """A convolution of every channel by itself; of several results a channel, as one in groups of one."""
    name, inputs, shape = place
    kernel = _array(weights)
    rows, columns, channels, each = kernel.shape
    settings: dict[str, Any] = {
        "strides": pair(layer.strides),
        "dilation": pair(layer.dilation_rate),
        "padding": _same(layer, writer.shape(inputs[0]), layer.kernel_size, layer.dilation_rate),
    }
    if each == 1:
        arrays = {"kernel": kernel[..., 0], "bias": bias}
        return writer.add(PlainLayer("depthwise", name, inputs, shape, settings, arrays, activation))
    settings["groups"] = channels
    arrays = {"kernel": kernel.reshape(rows, columns, 1, channels * each), "bias": bias}
    return writer.add(PlainLayer("convolution", name, inputs, shape, settings, arrays, activation))


def _separable(writer: PlainNetworkWriter, layer: Any, name: str, inputs: tuple[int, ...], shape: Grid) -> int:
    between = layer.depthwise_kernel.shape[2] * layer.depthwise_kernel.shape[3]
    place = (f"{name} by channel", inputs, (shape[0], shape[1], int(between)))
    value = _by_channel(writer, layer, layer.depthwise_kernel, np.zeros(between, np.float32), place, None)
    arrays = {"kernel": _array(layer.pointwise_kernel), "bias": _bias(layer, shape[2])}
    return writer.add(PlainLayer("convolution", name, (value,), shape, {}, arrays, _activation(layer.activation)))


def _transposed(writer: PlainNetworkWriter, layer: Any, name: str, inputs: tuple[int, ...], shape: Grid) -> int:
    if getattr(layer, "output_padding", None) is not None or pair(layer.dilation_rate) != (1, 1):
        raise NotPlain("is a transposed convolution with a dilation or padding of its output")
    strides = pair(layer.strides)
    cut = [max(size - stride, 0) // 2 for size, stride in zip(pair(layer.kernel_size), strides, strict=True)]
    settings = {"strides": strides, "padding": tuple(cut) if layer.padding == "same" else (0, 0)}
    # Keras has the channels that are given before those that are read.
    arrays = {"kernel": np.swapaxes(_array(layer.kernel), 2, 3), "bias": _bias(layer, shape[2])}
    activation = _activation(layer.activation)
    return writer.add(PlainLayer("transposed_convolution", name, inputs, shape, settings, arrays, activation))


def _dense(writer: PlainNetworkWriter, layer: Any, name: str, inputs: tuple[int, ...], shape: Grid) -> int:
    arrays = {"kernel": _array(layer.kernel)[None, None], "bias": _bias(layer, shape[2])}
    return writer.add(PlainLayer("convolution", name, inputs, shape, {}, arrays, _activation(layer.activation)))


def _pooling(
    pooling: str, writer: PlainNetworkWriter, layer: Any, name: str, inputs: tuple[int, ...], shape: Grid
) -> int:
    import keras

    read, size, strides = writer.shape(inputs[0]), pair(layer.pool_size), pair(layer.strides)
    reaches_over = any((shape[axis] - 1) * strides[axis] + size[axis] > read[axis] for axis in (0, 1))
    if pooling == "mean" and reaches_over and keras.backend.backend() == "torch":
        raise NotPlain("repeats the edges of the image where Keras runs on PyTorch")
    settings = {"pooling": pooling, "size": size, "strides": strides, "padding": _same(layer, read, size)}
    return writer.add(PlainLayer("pooling", name, inputs, shape, settings))


def _global_pooling(
    pooling: str, writer: PlainNetworkWriter, _: Any, name: str, inputs: tuple[int, ...], shape: Grid
) -> int:
    size = writer.shape(inputs[0])[:2]
    return writer.add(PlainLayer("pooling", name, inputs, shape, {"pooling": pooling, "size": size, "strides": size}))


def _upsampling(writer: PlainNetworkWriter, layer: Any, name: str, inputs: tuple[int, ...], shape: Grid) -> int:
    if layer.interpolation not in ("nearest", "bilinear"):
        raise NotPlain(f"is an upsampling by {layer.interpolation} interpolation")
    settings = {"size": pair(layer.size), "interpolation": str(layer.interpolation)}
    return writer.add(PlainLayer("upsampling", name, inputs, shape, settings))


def _frame(
    attribute: str, sign: int, writer: PlainNetworkWriter, layer: Any, name: str, inputs: tuple[int, ...], shape: Grid
) -> int:
    (above, _), (left, _) = getattr(layer, attribute)
    return writer.add(PlainLayer("frame", name, inputs, shape, {"padding": (sign * int(above), sign * int(left))}))


def _batch_normalization(
    writer: PlainNetworkWriter, layer: Any, name: str, inputs: tuple[int, ...], shape: Grid
) -> int:
    scale = 1 / np.sqrt(_array(layer.moving_variance).astype(np.float64) + layer.epsilon)
    if layer.gamma is not None:
        scale = scale * _array(layer.gamma)
    shift = -scale * _array(layer.moving_mean)
    if layer.beta is not None:
        shift = shift + _array(layer.beta)
    return writer.add(affine_layer(name, inputs[0], shape, scale, shift))


def _rescaling(writer: PlainNetworkWriter, layer: Any, name: str, inputs: tuple[int, ...], shape: Grid) -> int:
    scale, offset = np.asarray(layer.scale, np.float64), np.asarray(layer.offset, np.float64)
    if scale.size not in (1, shape[2]) or offset.size not in (1, shape[2]):
        raise NotPlain("rescales place by place")
    return writer.add(affine_layer(name, inputs[0], shape, scale, offset))


def _normalization(writer: PlainNetworkWriter, layer: Any, name: str, inputs: tuple[int, ...], shape: Grid) -> int:
    mean, variance = _array(layer.mean).ravel(), _array(layer.variance).ravel()
    if layer.invert or mean.size not in (1, shape[2]):
        raise NotPlain("normalises other axes than the channels")
    scale = 1 / np.maximum(np.sqrt(variance.astype(np.float64)), 1e-7)
    return writer.add(affine_layer(name, inputs[0], shape, scale, -mean * scale))


def _activating(writer: PlainNetworkWriter, layer: Any, name: str, inputs: tuple[int, ...], shape: Grid) -> int:
    activation = _layer_activation(layer)
    if activation is None:
        return inputs[0]
    return writer.add(PlainLayer("activation", name, inputs, shape, activation=activation))


def _combining(writer: PlainNetworkWriter, layer: Any, name: str, inputs: tuple[int, ...], shape: Grid) -> int:
    if len(inputs) < 2:
        raise NotPlain("computes with a number that is no layer's")
    for value in inputs:
        if any(side not in (1, whole) for side, whole in zip(writer.shape(value), shape, strict=True)):
            raise NotPlain("joins images of other shapes")
    return writer.add(PlainLayer("combine", name, inputs, shape, {"operation": _COMBINING[type(layer).__name__]}))


def _concatenation(writer: PlainNetworkWriter, _: Any, name: str, inputs: tuple[int, ...], shape: Grid) -> int:
    if sum(writer.shape(value)[2] for value in inputs) != shape[2]:
        raise NotPlain("joins other axes than the channels")
    return writer.add(PlainLayer("concatenate", name, inputs, shape))


def _reshape(writer: PlainNetworkWriter, _: Any, name: str, inputs: tuple[int, ...], shape: Grid) -> int:
    return writer.add(PlainLayer("reshape", name, inputs, shape))


_WRITERS: dict[str, _Writing] = {
    **dict.fromkeys(_HANDED_ON, _hand_on),
    **dict.fromkeys(_COMBINING, _combining),
    **dict.fromkeys(("Activation", "ReLU", "LeakyReLU", "ELU", "Softmax"), _activating),
    "AveragePooling2D": partial(_pooling, "mean"),
    "BatchNormalization": _batch_normalization,
    "Concatenate": _concatenation,
    "Conv2D": _convolution,
    "Conv2DTranspose": _transposed,
    "Cropping2D": partial(_frame, "cropping", -1),
    "Dense": _dense,
    "DepthwiseConv2D": _depthwise,
    "Flatten": _reshape,
    "GlobalAveragePooling2D": partial(_global_pooling, "mean"),
    "GlobalMaxPooling2D": partial(_global_pooling, "greatest"),
    "MaxPooling2D": partial(_pooling, "greatest"),
    "Normalization": _normalization,
    "Rescaling": _rescaling,
    "Reshape": _reshape,
    "SeparableConv2D": _separable,
    "UpSampling2D": _upsampling,
    "ZeroPadding2D": partial(_frame, "padding", 1),
}
