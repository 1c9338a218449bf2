"""An ONNX graph written down as plain layers, operator by operator."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from saccade.models.onnx.operators import Node, operations_of
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

_HANDED_ON = ("Identity", "Dropout")
_RESHAPING = ("Reshape", "Flatten", "Squeeze", "Unsqueeze")
_COMBINING = {"Add": "add", "Sub": "subtract", "Mul": "multiply", "Max": "maximum", "Min": "minimum"}

_ACTIVATIONS: Mapping[str, Callable[[Node], Activation]] = {
    "Relu": lambda _: Activation("clip", 0, GREATEST),
    "LeakyRelu": lambda node: Activation("leaky", _setting(node, "alpha", 0.01)),
    "Elu": lambda node: Activation("elu", _setting(node, "alpha", 1), 1),
    "Selu": lambda node: _selu(_setting(node, "alpha", SELU[0] / SELU[1]), _setting(node, "gamma", SELU[1])),
    "Sigmoid": lambda _: Activation("sigmoid"),
    "Tanh": lambda _: Activation("tanh"),
    "Softplus": lambda _: Activation("softplus"),
    "Softsign": lambda _: Activation("softsign"),
    "Exp": lambda _: Activation("exponential"),
    "HardSwish": lambda _: Activation("hard_silu"),
    "Gelu": lambda node: Activation("gelu_tanh" if node["approximate"] == "tanh" else "gelu"),
}


def _selu(alpha: float, gamma: float) -> Activation:
    return Activation("elu", alpha * gamma, gamma)


def plain_network(nodes: Iterable[Node], image: str, grid: Grid, tensors: Mapping[str, str]) -> PlainNetwork:
    """Which plain layers compute these tensors?

    Args:
        nodes: The operators that depend on the image, in order.
        image: The tensor of images, channels first.
        grid: Rows, columns and channels of one image.
        tensors: What is asked for: names of tensors, by path.

    Raises:
        NotApplicable: Something that they need is no plain layer; the line says what.
    """
    writer = PlainNetworkWriter(grid)
    values: dict[str, int] = {image: 0}
    for node in nodes:
        values |= {name: _write(writer, node, values) for name in node.outputs[:1]}
        for name in node.outputs[1:]:
            values[name] = _unknown(writer, node, "with several results")
    return writer.finished({path: values[name] for path, name in tensors.items()})


def _write(writer: PlainNetworkWriter, node: Node, values: Mapping[str, int]) -> int:
    try:
        write = _WRITERS.get(node.operator)
        if write is None:
            raise NotPlain("")
        return write(writer, node, [values[name] for name in node.inputs if name in values])
    except NotPlain as reason:
        return _unknown(writer, node, str(reason))


def _unknown(writer: PlainNetworkWriter, node: Node, reason: str) -> int:
    what = f"{node.outputs[0]!r} is a {node.operator}" + (f" {reason}" if reason else "")
    return writer.add_unknown(node.outputs[0], f"{what}, which a page cannot compute.")


def _grid(shape: Sequence[int]) -> Grid:
    if len(shape) == 2:
        return 1, 1, shape[1]
    if len(shape) != 4:
        raise NotPlain(f"of {len(shape)} axes")
    return shape[2], shape[3], shape[1]


def _setting(node: Node, name: str, otherwise: float) -> float:
    value = node[name]
    return otherwise if value is None else float(value)


def _only(values: Sequence[int]) -> int:
    if len(values) != 1:
        raise NotPlain("of several images")
    return values[0]


def _constant(node: Node, number: int) -> Array | None:
    """An input that does not depend on the image; None where it is left out."""
    if not node.has(number):
        return None
    values = node.constants.get(node.inputs[number])
    if values is None:
        raise NotPlain("with weights that depend on the image")
    return np.asarray(values, np.float32)


def _add(
    writer: PlainNetworkWriter,
    node: Node,
    kind: str,
    inputs: Sequence[int],
    settings: Mapping[str, Any],
    **arrays: Array,
) -> int:
    return writer.add(PlainLayer(kind, node.outputs[0], tuple(inputs), _grid(node.result), settings, arrays))


# Operators: (writer, node, the values that it reads) -> the value that it gives

_Writing = Callable[[PlainNetworkWriter, Node, Sequence[int]], int]


def _hand_on(_: PlainNetworkWriter, node: Node, values: Sequence[int]) -> int:
    if operations_of(node)[0].name not in ("Identity",):
        raise NotPlain("while a model is trained")
    return _only(values)


def _activating(writer: PlainNetworkWriter, node: Node, values: Sequence[int]) -> int:
    return _activated(writer, node, _only(values), _ACTIVATIONS[node.operator](node))


def _activated(writer: PlainNetworkWriter, node: Node, value: int, activation: Activation) -> int:
    layer = PlainLayer("activation", node.outputs[0], (value,), writer.shape(value), activation=activation)
    return writer.add(layer)


def _clipped(writer: PlainNetworkWriter, node: Node, values: Sequence[int]) -> int:
    low, high = (
        node[name] if node[name] is not None else _constant(node, number) for number, name in ((1, "min"), (2, "max"))
    )
    limits = (
        -GREATEST if low is None else float(np.ravel(low)[0]),
        GREATEST if high is None else float(np.ravel(high)[0]),
    )
    return _activated(writer, node, _only(values), Activation("clip", *limits))


def _hard_sigmoid(writer: PlainNetworkWriter, node: Node, values: Sequence[int]) -> int:
    alpha, beta = _setting(node, "alpha", 0.2), _setting(node, "beta", 0.5)
    value = _only(values)
    line = affine_layer(f"{node.outputs[0]} as a line", value, writer.shape(value), alpha, beta)
    return _activated(writer, node, writer.add(line), Activation("clip", 0, 1))


def _softmax(writer: PlainNetworkWriter, node: Node, values: Sequence[int]) -> int:
    operation = operations_of(node)[0]
    if operation.name != "_softmax" or operation.arguments["dim"] % len(node.shape) != 1:
        raise NotPlain("over other axes than the channels")
    return _activated(writer, node, _only(values), Activation("softmax"))


def _convolution(writer: PlainNetworkWriter, node: Node, values: Sequence[int]) -> int:
    value, kernel = _only(values), _constant(node, 1)
    operation = operations_of(node)[0]
    if kernel is None or operation.name != "convolution":
        raise NotPlain("with a padding that is not known")
    strides, padding, dilation = (
        tuple(int(size) for size in operation.arguments[name]) for name in ("stride", "padding", "dilation")
    )
    groups = int(node["group"] or 1)
    _, _, channels = _grid(node.result)
    constant = _constant(node, 2)
    bias = np.zeros(channels, np.float32) if constant is None else constant
    settings: dict[str, Any] = {"strides": strides, "padding": padding}
    if node.operator == "ConvTranspose":
        if groups != 1 or dilation != (1, 1):
            raise NotPlain("in groups or with a dilation")
        kernel = kernel.transpose(2, 3, 0, 1)
        return _add(writer, node, "transposed_convolution", [value], settings, kernel=kernel, bias=bias)
    settings["dilation"] = dilation
    if groups == channels == writer.shape(value)[2] and groups > 1:
        kernel = kernel[:, 0].transpose(1, 2, 0)
        return _add(writer, node, "depthwise", [value], settings, kernel=kernel, bias=bias)
    settings["groups"] = groups
    return _add(writer, node, "convolution", [value], settings, kernel=kernel.transpose(2, 3, 1, 0), bias=bias)


def _dense(writer: PlainNetworkWriter, node: Node, values: Sequence[int]) -> int:
    value, matrix = _only(values), _constant(node, 1)
    if matrix is None or matrix.ndim != 2 or node["transA"] or len(node.shape) != 2 or node.inputs[0] in node.constants:
        raise NotPlain("of something else than a vector and a matrix")
    matrix = matrix.T if node["transB"] else matrix
    bias = _constant(node, 2) if node.operator == "Gemm" else None
    offset = np.zeros(1, np.float32) if bias is None else bias.ravel() * np.float32(_setting(node, "beta", 1))
    kernel = matrix[None, None] * np.float32(_setting(node, "alpha", 1))
    return _add(writer, node, "convolution", [value], {}, kernel=kernel, bias=np.resize(offset, matrix.shape[1]))


def _batch_normalised(writer: PlainNetworkWriter, node: Node, values: Sequence[int]) -> int:
    scale, shift, mean, variance = (_constant(node, number) for number in (1, 2, 3, 4))
    if scale is None or shift is None or mean is None or variance is None or node["training_mode"]:
        raise NotPlain("by the statistics of the image itself")
    factor = scale / np.sqrt(variance.astype(np.float64) + _setting(node, "epsilon", 1e-5))
    value = _only(values)
    return writer.add(affine_layer(node.outputs[0], value, writer.shape(value), factor, shift - mean * factor))


def _pooling(pooling: str, writer: PlainNetworkWriter, node: Node, values: Sequence[int]) -> int:
    operation = operations_of(node)[0]
    is_rounded = bool(node["ceil_mode"]) and pooling == "mean"
    if operation.name != "max_pool2d" or list(operation.arguments["dilation"]) != [1, 1] or is_rounded:
        raise NotPlain("with a dilation, or rounded up")
    settings = {
        "pooling": pooling,
        "size": tuple(operation.arguments["kernel_size"]),
        "strides": tuple(operation.arguments["stride"]),
        "padding": tuple(operation.arguments["padding"]),
        "counts_padding": bool(node["count_include_pad"]),
    }
    return _add(writer, node, "pooling", [_only(values)], settings)


def _global_pooling(pooling: str, writer: PlainNetworkWriter, node: Node, values: Sequence[int]) -> int:
    value = _only(values)
    size = writer.shape(value)[:2]
    return _add(writer, node, "pooling", [value], {"pooling": pooling, "size": size, "strides": size})


def _mean(writer: PlainNetworkWriter, node: Node, values: Sequence[int]) -> int:
    operation = operations_of(node)[0]
    axes = operation.arguments.get("dim", ())
    if len(node.shape) != 4 or {axis % 4 for axis in axes} != {2, 3}:
        raise NotPlain("over other axes than rows and columns")
    return _global_pooling("mean", writer, node, values)


def _resized(writer: PlainNetworkWriter, node: Node, values: Sequence[int]) -> int:
    value, (rows, columns, _) = _only(values), _grid(node.result)
    read = writer.shape(value)
    mode = str(node["mode"] or "nearest")
    is_old = node.operator == "Upsample" or node.version < 11
    coordinates = "asymmetric" if is_old else str(node["coordinate_transformation_mode"] or "half_pixel")
    rounding = "floor" if is_old else str(node["nearest_mode"] or "round_prefer_floor")
    centred = coordinates in ("half_pixel", "pytorch_half_pixel")
    repeats = (coordinates, rounding) == ("asymmetric", "floor") or (centred and rounding.startswith("round"))
    is_known = repeats if mode == "nearest" else mode == "linear" and centred
    if not is_known or rows % read[0] or columns % read[1] or node["antialias"]:
        raise NotPlain("by a factor that is not whole, or between other places")
    interpolation = "nearest" if mode == "nearest" else "bilinear"
    settings = {"size": (rows // read[0], columns // read[1]), "interpolation": interpolation}
    return _add(writer, node, "upsampling", [value], settings)


def _frame(writer: PlainNetworkWriter, node: Node, values: Sequence[int]) -> int:
    operation = operations_of(node)[0]
    pad = list(operation.arguments.get("pad", ()))
    level = _setting(node, "value", 0) if node.version < 11 else (node.constant(2) or [0])[0]
    if operation.name != "constant_pad_nd" or len(pad) != 8 or any(pad[4:]) or level:
        raise NotPlain("by other numbers than zeros, or along the channels")
    return _add(writer, node, "frame", [_only(values)], {"padding": (int(pad[2]), int(pad[0]))})


def _reshaped(writer: PlainNetworkWriter, node: Node, values: Sequence[int]) -> int:
    value, shape = _only(values), _grid(node.result)
    if node.result[0] != node.shape[0] or prod(shape) != prod(writer.shape(value)):
        raise NotPlain("across images")
    if shape == writer.shape(value):
        return value
    return _add(writer, node, "reshape", [value], {"channels_first": True})


def _combining(writer: PlainNetworkWriter, node: Node, values: Sequence[int]) -> int:
    shape = _grid(node.result)
    if len(values) == len(node.inputs) and len(values) > 1:
        ranks = {len(node.shapes[name]) for name in node.inputs}
        fits = all(
            side in (1, whole) for value in values for side, whole in zip(writer.shape(value), shape, strict=True)
        )
        if node.operator not in _COMBINING or not fits or len(ranks) > 1:
            raise NotPlain("of images of other shapes")
        return _add(writer, node, "combine", values, {"operation": _COMBINING[node.operator]})
    if len(node.inputs) != 2 or writer.shape(_only(values)) != shape:
        raise NotPlain("of several images")
    is_first = node.inputs[1] in node.constants
    constant = _by_channel(_constant(node, 1 if is_first else 0), shape, len(node.result))
    recipes: dict[tuple[str, bool], tuple[Any, Any]] = {
        ("Add", True): (1, constant), ("Add", False): (1, constant), ("Mul", True): (constant, 0),
        ("Mul", False): (constant, 0), ("Sub", True): (1, -constant), ("Sub", False): (-1, constant),
        ("Div", True): (1 / np.where(constant == 0, np.nan, constant), 0),
    }  # fmt: skip
    recipe = recipes.get((node.operator, is_first))
    if recipe is None or not np.all(np.isfinite(recipe[0])):
        raise NotPlain("with a constant")
    return writer.add(affine_layer(node.outputs[0], values[0], shape, *recipe))


def _by_channel(constant: Array | None, shape: Grid, rank: int) -> NDArray[np.float64]:
    """A constant operand as one number for each channel."""
    if constant is None:
        raise NotPlain("with nothing")
    if constant.size == 1:
        return constant.astype(np.float64).reshape(1)
    sides = (1,) * (rank - constant.ndim) + constant.shape
    if sides != (1, shape[2], *(1,) * (rank - 2)):
        raise NotPlain("with a constant that differs from place to place")
    return constant.astype(np.float64).ravel()


def _joined(writer: PlainNetworkWriter, node: Node, values: Sequence[int]) -> int:
    if (node["axis"] or 0) % len(node.shape) != 1 or len(values) != len(node.inputs):
        raise NotPlain("along other axes than the channels")
    return _add(writer, node, "concatenate", values, {})


_WRITERS: Mapping[str, _Writing] = {
    **dict.fromkeys(_HANDED_ON, _hand_on),
    **dict.fromkeys(_RESHAPING, _reshaped),
    **dict.fromkeys(_ACTIVATIONS, _activating),
    **dict.fromkeys((*_COMBINING, "Div"), _combining),
    "AveragePool": partial(_pooling, "mean"),
    "BatchNormalization": _batch_normalised,
    "Clip": _clipped,
    "Concat": _joined,
    "Conv": _convolution,
    "ConvTranspose": _convolution,
    "Gemm": _dense,
    "GlobalAveragePool": partial(_global_pooling, "mean"),
    "GlobalMaxPool": partial(_global_pooling, "greatest"),
    "HardSigmoid": _hard_sigmoid,
    "MatMul": _dense,
    "MaxPool": partial(_pooling, "greatest"),
    "Pad": _frame,
    "ReduceMean": _mean,
    "Resize": _resized,
    "Softmax": _softmax,
    "Upsample": _resized,
}
