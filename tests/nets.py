"""Small networks for the tests: in Keras, and the reference autoencoder also in PyTorch and numpy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

L = keras.layers
CONV = {"padding": "same", "activation": "elu", "bias_initializer": keras.initializers.RandomNormal(0.0, 0.1, seed=5)}


def deep_autoencoder() -> keras.Model:
    """Three convolutions and poolings, and back, so that holes grow a good deal on their way."""
    inputs = x = keras.Input((48, 48, 1))
    for width, name in ((6, "pool_1"), (6, "pool_2"), (3, "encoded")):
        x = keras.layers.MaxPooling2D(2, name=name)(keras.layers.Conv2D(width, 3, **CONV)(x))
    for _ in range(3):
        x = keras.layers.UpSampling2D(2)(keras.layers.Conv2D(3, 3, **CONV)(x))
    return _model(inputs, keras.layers.Conv2D(1, 3, padding="same")(x))


def _model(inputs: Any, outputs: Any) -> keras.Model:
    model = keras.Model(inputs, outputs)
    rng = np.random.default_rng(7)
    model.set_weights([_drawn(rng, each) for each in model.get_weights()])
    return model


def _drawn(rng: np.random.Generator, values: NDArray[Any]) -> NDArray[np.float32]:
    # Variances and scales stay positive; kernels are large enough that every path matters.
    fan = max(int(np.prod(values.shape[:-1])), 1) if values.ndim > 1 else 4
    drawn = rng.normal(size=values.shape) / np.sqrt(fan)
    return (np.abs(drawn) + 0.5 if values.ndim == 1 and np.all(values == 1) else drawn).astype(np.float32)


def autoencoder(size: int = 24, channels: int = 1, code: int = 3) -> keras.Model:
    """The 2017 autoencoder in small: conv ELU and max-pooling, a mirrored decoder."""
    inputs = keras.Input((size, size, channels))
    x = L.Conv2D(4, 3, name="conv_1", **CONV)(inputs)
    x = L.MaxPooling2D(2, name="pool_1")(x)
    x = L.Conv2D(code, 3, name="conv_2", **CONV)(x)
    x = L.MaxPooling2D(2, name="encoded")(x)
    x = L.Conv2D(code, 3, name="conv_3", **CONV)(x)
    x = L.UpSampling2D(2, name="up_1")(x)
    x = L.Conv2D(4, 3, name="conv_4", **CONV)(x)
    x = L.UpSampling2D(2, name="up_2")(x)
    return _model(inputs, L.Conv2D(channels, 3, padding="same", activation="sigmoid", name="conv_decoded")(x))


def odd(size: tuple[int, int] = (37, 29)) -> keras.Model:
    inputs = keras.Input((*size, 3))
    x = L.Conv2D(4, 3, **CONV)(inputs)
    x = L.MaxPooling2D(2, padding="same")(x)
    x = L.Conv2D(3, 5, **CONV)(x)
    return _model(inputs, L.MaxPooling2D(2, padding="same", name="encoded")(x))


def strided() -> keras.Model:
    inputs = keras.Input((41, 36, 3))
    x = L.Conv2D(4, 3, strides=2, **CONV)(inputs)
    return _model(inputs, L.Conv2D(3, 5, strides=(3, 2), name="encoded", **CONV)(x))


def dilated() -> keras.Model:
    inputs = keras.Input((40, 40, 3))
    x = L.Conv2D(4, 3, dilation_rate=2, **CONV)(inputs)
    x = L.MaxPooling2D(2)(x)
    return _model(inputs, L.Conv2D(3, 3, dilation_rate=(1, 2), name="encoded", **CONV)(x))


def averaging() -> keras.Model:
    inputs = keras.Input((33, 40, 3))
    x = L.Conv2D(4, 3, **CONV)(inputs)
    x = L.AveragePooling2D(3, strides=2, padding="same")(x)
    x = L.BatchNormalization()(x)
    return _model(inputs, L.Conv2D(3, 3, name="encoded", **CONV)(x))


def valid() -> keras.Model:
    inputs = keras.Input((43, 38, 3))
    x = L.ZeroPadding2D(((1, 2), (0, 3)))(inputs)
    x = L.Conv2D(4, 4, activation="elu")(x)
    x = L.MaxPooling2D(3)(x)
    x = L.Cropping2D(((1, 0), (0, 1)))(x)
    return _model(inputs, L.Conv2D(3, 3, activation="elu", name="encoded")(x))


def residual() -> keras.Model:
    inputs = keras.Input((32, 32, 3))
    x = L.Conv2D(4, 3, **CONV)(inputs)
    y = L.Conv2D(4, 3, **CONV)(x)
    x = L.Add()([x, y]) * 0.5
    x = L.MaxPooling2D(2)(x)
    y = L.Conv2D(4, 5, **CONV)(x)
    return _model(inputs, L.Activation("elu", name="encoded")(L.Add()([y, x])))


def concatenating() -> keras.Model:
    inputs = keras.Input((32, 36, 3))
    wide = L.Conv2D(3, 7, strides=2, **CONV)(inputs)
    near = L.MaxPooling2D(2)(L.Conv2D(3, 1, **CONV)(inputs))
    x = L.Concatenate()([wide, near])
    return _model(inputs, L.SeparableConv2D(3, 3, name="encoded", **{**CONV, "activation": "elu"})(x))


def nested() -> keras.Model:
    inner_in = keras.Input((20, 20, 4))
    inner = keras.Model(inner_in, L.MaxPooling2D(2, name="deep")(L.Conv2D(3, 3, **CONV)(inner_in)), name="block")
    encoder = keras.Sequential(
        [keras.Input((40, 40, 3)), L.Conv2D(4, 3, **CONV), L.MaxPooling2D(2), inner], name="encoder"
    )
    inputs = keras.Input((40, 40, 3))
    code = encoder(inputs)
    x = L.UpSampling2D(4)(code)
    return _model(inputs, L.Conv2D(3, 3, padding="same", activation="sigmoid")(x))


def upsampling() -> keras.Model:
    inputs = keras.Input((32, 32, 3))
    x = L.MaxPooling2D(4)(L.Conv2D(4, 3, **CONV)(inputs))
    x = L.UpSampling2D(2, interpolation="bilinear")(x)
    x = L.Conv2DTranspose(3, 3, strides=2, **CONV)(x)
    x = L.DepthwiseConv2D(3, **CONV)(x)
    return _model(inputs, L.MaxPooling2D(2, name="encoded")(x))


def dense_code() -> keras.Model:
    inputs = keras.Input((16, 16, 1))
    x = L.MaxPooling2D(2)(L.Conv2D(4, 3, **CONV)(inputs))
    x = L.Dense(6, activation="elu", name="latent")(L.Flatten()(x))
    x = L.Reshape((8, 8, 1))(L.Dense(64)(x))
    return _model(inputs, L.Conv2D(1, 3, padding="same", activation="sigmoid")(L.UpSampling2D(2)(x)))


def pooled_code() -> keras.Model:
    inputs = keras.Input((24, 20, 5))
    x = L.MaxPooling2D(2)(L.Conv2D(4, 3, **CONV)(inputs))
    return _model(inputs, L.GlobalAveragePooling2D(keepdims=True, name="embedding")(x))


def free_size() -> keras.Model:
    inputs = keras.Input((None, None, 3))
    x = L.MaxPooling2D(2)(L.Conv2D(4, 3, **CONV)(inputs))
    x = L.MaxPooling2D(2, name="encoded")(L.Conv2D(3, 3, **CONV)(x))
    x = L.UpSampling2D(4)(x)
    return _model(inputs, L.Conv2D(3, 3, padding="same", activation="sigmoid", name="decoded")(x))


class Subclassed(keras.Model):
    """A model of somebody's own, with a shared layer and raw arithmetic inside."""

    def __init__(self) -> None:
        super().__init__(name="subclassed")
        self.first = L.Conv2D(3, 3, name="first", **CONV)
        self.shared = L.Conv2D(3, 3, name="shared", **CONV)
        self.encoded = L.MaxPooling2D(2, name="encoded")

    def call(self, images: Any, training: bool = False) -> Any:
        x = self.first(images, training=training)
        return self.encoded(self.shared(self.shared(x) + 0.1 * x))


def subclassed() -> keras.Model:
    model = Subclassed()
    model(np.zeros((1, 20, 20, 3), np.float32))
    rng = np.random.default_rng(7)
    model.set_weights([_drawn(rng, each) for each in model.get_weights()])
    return model


LOCAL: dict[str, tuple[Callable[[], keras.Model], str]] = {
    "reference": (autoencoder, "encoded"),
    "odd": (odd, "encoded"),
    "strided": (strided, "encoded"),
    "dilated": (dilated, "encoded"),
    "averaging": (averaging, "encoded"),
    "valid": (valid, "encoded"),
    "residual": (residual, "encoded"),
    "concatenating": (concatenating, "encoded"),
    "nested": (nested, "encoder/block/deep"),
    "upsampling": (upsampling, "encoded"),
}
"""Nets whose code cells see only a part of the picture."""

MIXING: dict[str, tuple[Callable[[], keras.Model], str]] = {
    "dense": (dense_code, "latent"),
    "pooled": (pooled_code, "embedding"),
    "subclassed": (subclassed, "encoded"),
}
"""Nets whose code mixes all places, or for which that cannot be excluded."""


def pictures(model: keras.Model, count: int = 2, seed: int = 3) -> NDArray[np.float32]:
    """Random pictures of the model's shape, smooth enough to have structure."""
    shape = getattr(model, "input_shape", None) or (None, 20, 20, 3)
    size = tuple(each or 28 for each in shape[1:])
    return np.random.default_rng(seed).random((count, *size), dtype=np.float32)


# The reference autoencoder without any framework


def _elu(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(x > 0, x, np.exp(np.minimum(x, 0)) - 1)


def _conv(x: NDArray[np.float64], kernel: NDArray[Any], bias: NDArray[Any]) -> NDArray[np.float64]:
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(1, 2))
    return np.einsum("nhwcij,ijco->nhwo", windows, kernel.astype(np.float64), optimize=True) + bias


def _pool(x: NDArray[np.float64]) -> NDArray[np.float64]:
    n, h, w, c = x.shape
    return x[:, : h // 2 * 2, : w // 2 * 2].reshape(n, h // 2, 2, w // 2, 2, c).max(axis=(2, 4))


def numpy_autoencoder(
    weights: Mapping[str, NDArray[Any]],
) -> Callable[[NDArray[np.float64], Mapping[str, NDArray[np.float64]]], dict[str, NDArray[np.float64]]]:
    """`autoencoder` written out in numpy, in float64, for given weights."""

    def run(x: NDArray[np.float64], taps: Mapping[str, Callable[[Any], Any]]) -> dict[str, NDArray[np.float64]]:
        layers: dict[str, NDArray[np.float64]] = {}

        def keep(name: str, values: NDArray[np.float64]) -> NDArray[np.float64]:
            layers[name] = taps[name](values) if name in taps else values
            return layers[name]

        def conv(name: str, values: NDArray[np.float64]) -> NDArray[np.float64]:
            return _conv(values, weights[f"{name}/kernel"], weights[f"{name}/bias"])

        x = keep("pool_1", _pool(keep("conv_1", _elu(conv("conv_1", x)))))
        x = keep("encoded", _pool(keep("conv_2", _elu(conv("conv_2", x)))))
        x = keep("up_1", keep("conv_3", _elu(conv("conv_3", x))).repeat(2, 1).repeat(2, 2))
        x = keep("up_2", keep("conv_4", _elu(conv("conv_4", x))).repeat(2, 1).repeat(2, 2))
        keep("conv_decoded", 1 / (1 + np.exp(-conv("conv_decoded", x))))
        return layers

    return run


def weights_of(model: keras.Model) -> dict[str, NDArray[Any]]:
    return {weight.path: keras.ops.convert_to_numpy(weight.value) for weight in model.weights}


def torch_autoencoder(weights: Mapping[str, NDArray[Any]]) -> Any:
    """`autoencoder` as a torch module with the same weights."""
    from collections import OrderedDict

    import torch
    from torch import nn

    def conv(name: str) -> nn.Conv2d:
        kernel = weights[f"{name}/kernel"]
        layer = nn.Conv2d(kernel.shape[2], kernel.shape[3], 3, padding=1)
        with torch.no_grad():
            layer.weight.copy_(torch.tensor(kernel.transpose(3, 2, 0, 1)))
            layer.bias.copy_(torch.tensor(weights[f"{name}/bias"]))
        return layer

    encoder = nn.Sequential(conv("conv_1"), nn.ELU(), nn.MaxPool2d(2), conv("conv_2"), nn.ELU(), nn.MaxPool2d(2))
    up = nn.Upsample(scale_factor=2)
    decoder = nn.Sequential(
        conv("conv_3"), nn.ELU(), up, conv("conv_4"), nn.ELU(), up, conv("conv_decoded"), nn.Sigmoid()
    )
    return nn.Sequential(OrderedDict(encoder=encoder, decoder=decoder))


def rectified(size: int = 24, channels: int = 1, code: int = 3) -> keras.Model:
    """`autoencoder` with ReLUs in place of ELUs, in the three ways in which Keras writes them."""
    conv = {**CONV, "activation": None}
    inputs = keras.Input((size, size, channels))
    x = L.Conv2D(4, 3, name="conv_1", **{**conv, "activation": "relu"})(inputs)
    x = L.MaxPooling2D(2, name="pool_1")(x)
    x = L.ReLU(name="relu_2")(L.Conv2D(4, 3, name="conv_2", **conv)(x))
    x = L.Activation("relu", name="relu_3")(L.Conv2D(code, 3, name="conv_3", **conv)(x))
    x = L.MaxPooling2D(2, name="encoded")(x)
    x = L.UpSampling2D(4, name="up")(L.Conv2D(4, 3, name="conv_4", **conv)(x))
    return _model(inputs, L.Conv2D(channels, 3, padding="same", activation="sigmoid", name="conv_decoded")(x))
