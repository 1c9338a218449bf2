"""A network that was written down for a page, interpreted the slow way: it shares no code with the page's engine."""

from __future__ import annotations

import base64
from collections.abc import Callable
from math import erf
from typing import Any

import numpy as np


def decoded(spec: dict[str, Any]) -> np.ndarray:
    raw = np.frombuffer(base64.b64decode(spec["base64"]), np.dtype(spec["dtype"]).newbyteorder("<"))
    return raw.reshape(spec["shape"]).astype(np.float64) * spec.get("scale", 1)


def _read(image: np.ndarray, row: int, column: int) -> np.ndarray:
    rows, columns, channels = image.shape
    return image[row, column] if 0 <= row < rows and 0 <= column < columns else np.zeros(channels)


def _windowed(layer: dict[str, Any], image: np.ndarray, size: list[int], at: Callable[..., np.ndarray]) -> np.ndarray:
    """The sum over the taps of a window of what `at` makes of each number that lies under it."""
    (down, across), (apart, aside) = layer.get("strides", (1, 1)), layer.get("dilation", (1, 1))
    above, left = layer.get("padding", (0, 0))
    result = np.zeros(layer["shape"])
    for row, column in np.ndindex(*layer["shape"][:2]):
        for i, j in np.ndindex(*size):
            result[row, column] += at(
                _read(image, row * down - above + i * apart, column * across - left + j * aside), i, j
            )
    return result


def _convolution(layer: dict[str, Any], image: np.ndarray) -> np.ndarray:
    kernel, groups = decoded(layer["kernel"]), layer.get("groups", 1)

    def at(numbers: np.ndarray, i: int, j: int) -> np.ndarray:
        parts, outputs = np.split(numbers, groups), np.split(kernel[i, j], groups, axis=1)
        return np.concatenate([part @ weights for part, weights in zip(parts, outputs, strict=True)])

    return _windowed(layer, image, kernel.shape[:2], at) + decoded(layer["bias"])


def _depthwise(layer: dict[str, Any], image: np.ndarray) -> np.ndarray:
    kernel = decoded(layer["kernel"])
    sums = _windowed(layer, image, kernel.shape[:2], lambda numbers, i, j: numbers * kernel[i, j])
    return sums + decoded(layer["bias"])


def _transposed(layer: dict[str, Any], image: np.ndarray) -> np.ndarray:
    kernel, (down, across), (above, left) = decoded(layer["kernel"]), layer["strides"], layer["padding"]
    rows, columns, channels = layer["shape"]
    result = np.zeros((rows, columns, channels))
    for row, column in np.ndindex(*image.shape[:2]):
        for i, j in np.ndindex(*kernel.shape[:2]):
            y, x = row * down + i - above, column * across + j - left
            if 0 <= y < rows and 0 <= x < columns:
                result[y, x] += image[row, column] @ kernel[i, j]
    return result + decoded(layer["bias"])


def _pooling(layer: dict[str, Any], image: np.ndarray) -> np.ndarray:
    (tall, wide), (down, across), (above, left) = layer["size"], layer["strides"], layer.get("padding", (0, 0))
    result = np.zeros(layer["shape"])
    for row, column in np.ndindex(*layer["shape"][:2]):
        top, first = row * down - above, column * across - left
        window = image[max(top, 0) : top + tall, max(first, 0) : first + wide].reshape(-1, image.shape[2])
        count = tall * wide if layer.get("counts_padding") else len(window)
        result[row, column] = window.max(0) if layer["pooling"] == "greatest" else window.sum(0) / count
    return result


def _upsampling(layer: dict[str, Any], image: np.ndarray) -> np.ndarray:
    if layer["interpolation"] == "nearest":
        return image.repeat(layer["size"][0], 0).repeat(layer["size"][1], 1)
    for axis, factor in enumerate(layer["size"]):
        count = image.shape[axis]
        places = (np.arange(count * factor) + 0.5) / factor - 0.5
        lines = np.moveaxis(image, axis, 0)
        mixed = [np.interp(places, np.arange(count), line) for line in lines.reshape(count, -1).T]
        image = np.moveaxis(np.stack(mixed, 1).reshape(-1, *lines.shape[1:]), 0, axis)
    return image


def _frame(layer: dict[str, Any], image: np.ndarray) -> np.ndarray:
    above, left = layer["padding"]
    return np.stack(
        [
            np.stack([_read(image, row - above, column - left) for column in range(layer["shape"][1])])
            for row in range(layer["shape"][0])
        ]
    )


def _affine(layer: dict[str, Any], image: np.ndarray) -> np.ndarray:
    return image[..., layer.get("order", range(image.shape[2]))] * decoded(layer["scale"]) + decoded(layer["shift"])


def _gelu(x: np.ndarray) -> np.ndarray:
    return x * (1 + np.vectorize(erf)(x / np.sqrt(2))) / 2


ACTIVATIONS: dict[str, Callable[[np.ndarray, float, float], np.ndarray]] = {
    "clip": np.clip,
    "leaky": lambda x, a, b: np.where(x > 0, x, a * x),
    "elu": lambda x, a, b: np.where(x > 0, b * x, a * np.expm1(np.minimum(x, 0))),
    "sigmoid": lambda x, a, b: 1 / (1 + np.exp(-x)),
    "silu": lambda x, a, b: x / (1 + np.exp(-x)),
    "tanh": lambda x, a, b: np.tanh(x),
    "softmax": lambda x, a, b: np.exp(x) / np.exp(x).sum(-1, keepdims=True),
    "softplus": lambda x, a, b: np.log1p(np.exp(x)),
    "softsign": lambda x, a, b: x / (1 + np.abs(x)),
    "exponential": lambda x, a, b: np.exp(x),
    "hard_sigmoid": lambda x, a, b: np.clip(x / 6 + 0.5, 0, 1),
    "hard_silu": lambda x, a, b: x * np.clip(x / 6 + 0.5, 0, 1),
    "gelu": lambda x, a, b: _gelu(x),
    "gelu_tanh": lambda x, a, b: x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))) / 2,
}


def _reshape(layer: dict[str, Any], image: np.ndarray) -> np.ndarray:
    if not layer.get("channels_first"):
        return image.reshape(layer["shape"])
    rows, columns, channels = layer["shape"]
    return image.transpose(2, 0, 1).reshape(channels, rows, columns).transpose(1, 2, 0)


_COMBINATIONS = {
    "add": sum, "subtract": lambda parts: parts[0] - parts[1], "multiply": lambda parts: parts[0] * parts[1],
    "average": lambda parts: sum(parts) / len(parts), "maximum": lambda parts: np.maximum(*parts),
    "minimum": lambda parts: np.minimum(*parts),
}  # fmt: skip
COMPUTED = {
    "convolution": _convolution, "transposed_convolution": _transposed, "depthwise": _depthwise, "pooling": _pooling,
    "upsampling": _upsampling, "frame": _frame, "affine": _affine, "activation": lambda layer, image: image,
    "reshape": lambda layer, image: _reshape(layer, image),
}  # fmt: skip


def interpreted(network: dict[str, Any], image: np.ndarray) -> list[np.ndarray]:
    """Every value of a network, the slow way."""
    values = [image.astype(np.float64)]
    for layer in network["layers"]:
        parts = [values[value] for value in layer["inputs"]]
        if layer["kind"] == "combine":
            result = _COMBINATIONS[layer["operation"]](parts)
        elif layer["kind"] == "concatenate":
            result = np.concatenate(parts, axis=-1)
        else:
            result = COMPUTED[layer["kind"]](layer, *parts)
        if "activation" in layer:
            activation = layer["activation"]
            result = ACTIVATIONS[activation["name"]](result, activation["a"], activation["b"])
        assert list(result.shape) == list(layer["shape"]), layer["name"]
        values.append(result)
    return values
