"""Encoders of the Keras world: those of its code examples, written small, and keras.applications; random weights."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import keras
import numpy as np
from examination import Array, Codes
from keras import layers, ops

import saccade
from saccade.pretrained import efficientnet_lite0

LIBRARIES = ("keras", "tensorflow")


def models() -> Iterator[tuple[str, str, Callable[[], Any]]]:
    """Heading, name and maker of every model."""
    yield from (("Keras's code examples", name, make) for name, make in _EXAMPLES.items())
    yield from (("keras.applications", name, partial(_application, name, size)) for name, size in _APPLICATIONS)
    yield "With real weights", "saccade.pretrained:efficientnet_lite0", efficientnet_lite0


def codes_of(model: Any, encoder: saccade.Encoder) -> Codes | None:
    """The codes as Keras alone computes them; None where the layer lies inside another or the model is subclassed."""
    layer_names = {layer.name for layer in getattr(model, "layers", ())}
    layer, _, part_name = encoder.layer.partition(".")
    normalisation = encoder.recipe.normalisation
    if layer not in layer_names:
        return None
    if normalisation is not None and tuple(normalisation.value_range) != tuple(encoder.value_range):
        return None
    if not isinstance(model, (keras.Sequential, keras.Model)) or not getattr(model, "inputs", None):
        return None
    output = model.get_layer(layer).output
    if part_name:
        output = output[int(part_name) if part_name.isdigit() else part_name]
    part = keras.Model(model.inputs, output)

    def codes(images: Array) -> Array:
        if normalisation is not None:
            ordered = images[..., ::-1] if normalisation.order == "BGR" else images
            images = (ordered - np.float32(normalisation.mean)) / np.float32(normalisation.std)
        return np.asarray(ops.convert_to_numpy(part(images, training=False)))

    return codes


# Code examples


def _sequential(*parts: Any, shape: tuple[int | None, int | None, int] = (64, 64, 3)) -> Any:
    return keras.Sequential([keras.Input(shape), *parts])


def _convolutional_autoencoder() -> Any:
    """The example "Convolutional autoencoder for image denoising"."""
    image = keras.Input((28, 28, 1))
    x = layers.Conv2D(32, 3, activation="relu", padding="same")(image)
    x = layers.MaxPooling2D(2, padding="same")(x)
    x = layers.Conv2D(32, 3, activation="relu", padding="same")(x)
    x = layers.MaxPooling2D(2, padding="same")(x)
    x = layers.Conv2DTranspose(32, 3, strides=2, activation="relu", padding="same")(x)
    x = layers.Conv2DTranspose(32, 3, strides=2, activation="relu", padding="same")(x)
    return keras.Model(image, layers.Conv2D(1, 3, activation="sigmoid", padding="same")(x))


def _dense_autoencoder() -> Any:
    """The example "Building autoencoders in Keras", with its flattening inside."""
    return _sequential(
        layers.Flatten(), layers.Dense(128, activation="relu"), layers.Dense(32, activation="relu"),
        layers.Dense(128, activation="relu"), layers.Dense(784, activation="sigmoid"), layers.Reshape((28, 28, 1)),
        shape=(28, 28, 1),
    )  # fmt: skip


def _colour_autoencoder() -> Any:
    down = [layers.Conv2D(n, 3, 2, "same", activation="relu") for n in (8, 16, 8)]
    up = [layers.Conv2DTranspose(n, 3, 2, "same", activation="relu") for n in (16, 8)]
    last = layers.Conv2DTranspose(3, 3, 2, "same", activation="sigmoid")
    return _sequential(*down, *up, last, shape=(None, None, 3))


def _nested_autoencoder() -> Any:
    encoder = _sequential(*[layers.Conv2D(n, 3, 2, "same", activation="relu") for n in (8, 16)])
    decoder = _sequential(
        layers.Conv2DTranspose(8, 3, 2, "same", activation="relu"), layers.Conv2DTranspose(3, 3, 2, "same"),
        shape=(16, 16, 16),
    )  # fmt: skip
    encoder.name, decoder.name = "encoder", "decoder"
    image = keras.Input((64, 64, 3))
    return keras.Model(image, decoder(encoder(image)))


class Sampling(layers.Layer):
    """Draws a code from its mean and the logarithm of its variance."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.seed_generator = keras.random.SeedGenerator(1)

    def call(self, inputs: Any) -> Any:
        """A draw."""
        mean, log_variance = inputs
        return mean + ops.exp(0.5 * log_variance) * keras.random.normal(ops.shape(mean), seed=self.seed_generator)


def _variational_encoder() -> Any:
    """The encoder of "Variational AutoEncoder"."""
    image = keras.Input((28, 28, 1))
    x = layers.Conv2D(32, 3, activation="relu", strides=2, padding="same")(image)
    x = layers.Conv2D(64, 3, activation="relu", strides=2, padding="same")(x)
    x = layers.Dense(16, activation="relu")(layers.Flatten()(x))
    mean, log_variance = layers.Dense(2, name="z_mean")(x), layers.Dense(2, name="z_log_var")(x)
    return keras.Model(image, [mean, log_variance, Sampling()([mean, log_variance])], name="encoder")


def _variational_decoder() -> Any:
    code = keras.Input((2,))
    x = layers.Reshape((7, 7, 64))(layers.Dense(7 * 7 * 64, activation="relu")(code))
    x = layers.Conv2DTranspose(64, 3, activation="relu", strides=2, padding="same")(x)
    x = layers.Conv2DTranspose(32, 3, activation="relu", strides=2, padding="same")(x)
    return keras.Model(code, layers.Conv2DTranspose(1, 3, activation="sigmoid", padding="same")(x), name="decoder")


class VAE(keras.Model):
    """The whole of "Variational AutoEncoder", which has no `call`."""

    def __init__(self, encoder: Any, decoder: Any) -> None:
        super().__init__()
        self.encoder, self.decoder = encoder, decoder


def _functional_vae() -> Any:
    encoder, decoder = _variational_encoder(), _variational_decoder()
    image = keras.Input((28, 28, 1))
    return keras.Model(image, decoder(encoder(image)[2]), name="vae")


class VectorQuantizer(layers.Layer):
    """The nearest of a few learned vectors, as in "Vector-Quantized Variational Autoencoders"."""

    def __init__(self, count: int, width: int, **settings: Any) -> None:
        super().__init__(**settings)
        self.count, self.width = count, width

    def build(self, input_shape: Any) -> None:  # noqa: ARG002
        """Make the vectors."""
        self.embeddings = self.add_weight(shape=(self.width, self.count), initializer="random_uniform")

    def call(self, x: Any) -> Any:
        """The nearest vectors; gradients pass by them."""
        flat = ops.reshape(x, (-1, self.width))
        similarity = ops.matmul(flat, self.embeddings)
        distances = ops.sum(flat**2, 1, keepdims=True) + ops.sum(self.embeddings**2, 0) - 2 * similarity
        chosen = ops.one_hot(ops.argmin(distances, 1), self.count)
        quantised = ops.reshape(ops.matmul(chosen, ops.transpose(self.embeddings)), ops.shape(x))
        return x + ops.stop_gradient(quantised - x)


def _quantised_autoencoder() -> Any:
    image = keras.Input((28, 28, 1))
    x = layers.Conv2D(32, 3, activation="relu", strides=2, padding="same")(image)
    x = layers.Conv2D(64, 3, activation="relu", strides=2, padding="same")(x)
    x = layers.Conv2D(16, 1, padding="same", name="encoded")(x)
    x = VectorQuantizer(64, 16, name="vector_quantizer")(x)
    x = layers.Conv2DTranspose(64, 3, activation="relu", strides=2, padding="same")(x)
    x = layers.Conv2DTranspose(32, 3, activation="relu", strides=2, padding="same")(x)
    return keras.Model(image, layers.Conv2DTranspose(1, 3, padding="same")(x), name="vq_vae")


def _unet() -> Any:
    """The small Xception-like net of "Image segmentation with a U-Net-like architecture"."""
    image = keras.Input((64, 64, 3))
    x = layers.Activation("relu")(layers.BatchNormalization()(layers.Conv2D(8, 3, strides=2, padding="same")(image)))
    before = x
    for filters in (16, 32):
        x = layers.SeparableConv2D(filters, 3, padding="same")(layers.Activation("relu")(x))
        x = layers.MaxPooling2D(3, strides=2, padding="same")(layers.BatchNormalization()(x))
        x = before = layers.add([x, layers.Conv2D(filters, 1, strides=2, padding="same")(before)])
    for filters in (32, 16, 8):
        x = layers.Conv2DTranspose(filters, 3, padding="same")(layers.Activation("relu")(x))
        x = layers.UpSampling2D(2)(layers.BatchNormalization()(x))
        x = before = layers.add([x, layers.Conv2D(filters, 1, padding="same")(layers.UpSampling2D(2)(before))])
    return keras.Model(image, layers.Conv2D(3, 3, activation="softmax", padding="same")(x))


def _skipping_unet() -> Any:
    image = keras.Input((64, 64, 3))
    first = layers.Conv2D(8, 3, padding="same", activation="relu")(image)
    second = layers.Conv2D(16, 3, padding="same", activation="relu")(layers.MaxPooling2D()(first))
    middle = layers.Conv2D(32, 3, padding="same", activation="relu", name="bottleneck")(layers.MaxPooling2D()(second))
    x = layers.Concatenate()([layers.UpSampling2D()(middle), second])
    x = layers.Conv2D(16, 3, padding="same", activation="relu")(x)
    x = layers.Conv2D(8, 3, padding="same", activation="relu")(layers.Concatenate()([layers.UpSampling2D()(x), first]))
    return keras.Model(image, layers.Conv2D(3, 1, activation="sigmoid")(x))


class PatchEncoder(layers.Layer):
    """Adds what is learned of each position."""

    def __init__(self, count: int, width: int, **settings: Any) -> None:
        super().__init__(**settings)
        self.position = layers.Embedding(count, width)
        self.count = count

    def call(self, patches: Any) -> Any:
        """The patches, each with its position."""
        return patches + self.position(ops.arange(self.count))


def _vision_transformer() -> Any:
    """The example "Image classification with Vision Transformer", without its classifier."""
    image = keras.Input((64, 64, 3))
    x = layers.Reshape((64, 32))(layers.Conv2D(32, 8, strides=8)(layers.Rescaling(1 / 127.5, offset=-1)(image)))
    x = PatchEncoder(64, 32)(x)
    for _ in range(2):
        y = layers.LayerNormalization(epsilon=1e-6)(x)
        x = layers.Add()([layers.MultiHeadAttention(2, 16)(y, y), x])
        y = layers.Dense(64, activation="gelu")(layers.LayerNormalization(epsilon=1e-6)(x))
        x = layers.Add()([layers.Dense(32)(y), x])
    return keras.Model(image, layers.LayerNormalization(epsilon=1e-6)(x))


def _pooled_transformer() -> Any:
    tokens = _vision_transformer()
    return keras.Model(tokens.inputs, layers.GlobalAveragePooling1D()(tokens.output))


def _mlp_mixer() -> Any:
    """The example "Image classification with modern MLP models"."""
    image = keras.Input((64, 64, 3))
    x = layers.Reshape((64, 32))(layers.Conv2D(32, 8, strides=8)(layers.Rescaling(1 / 255)(image)))
    for _ in range(2):
        y = layers.Permute((2, 1))(layers.LayerNormalization()(x))
        x = layers.Add()([x, layers.Permute((2, 1))(layers.Dense(64)(layers.Dense(32, activation="gelu")(y)))])
        x = layers.Add()([x, layers.Dense(32)(layers.Dense(64, activation="gelu")(layers.LayerNormalization()(x)))])
    return keras.Model(image, layers.GlobalAveragePooling1D()(x))


def _conv_mixer() -> Any:
    """The example "Image classification with ConvMixer"."""
    image = keras.Input((64, 64, 3))
    x = layers.Conv2D(32, 4, strides=4)(layers.Rescaling(scale=1 / 255)(image))
    for _ in range(2):
        y = layers.BatchNormalization()(layers.Activation("gelu")(layers.DepthwiseConv2D(5, padding="same")(x)))
        x = layers.BatchNormalization()(layers.Activation("gelu")(layers.Conv2D(32, 1)(layers.Add()([y, x]))))
    return keras.Model(image, layers.GlobalAvgPool2D()(x))


def _contrastive_encoder() -> Any:
    """The encoder of "Semi-supervised image classification using contrastive pretraining with SimCLR"."""
    convolutions = [layers.Conv2D(16, 3, strides=2, activation="relu") for _ in range(4)]
    return _sequential(layers.Rescaling(1 / 255), *convolutions, layers.Flatten(), layers.Dense(16, activation="relu"))


def _metric_encoder() -> Any:
    """The example "Metric learning for image similarity search": its embedding has unit length."""
    image = keras.Input((32, 32, 3))
    x = image
    for filters in (16, 24):
        x = layers.Conv2D(filters, 3, strides=2, activation="relu")(x)
    x = layers.Dense(8)(layers.GlobalAveragePooling2D()(x))
    return keras.Model(image, layers.UnitNormalization()(x))


def _normalising_classifier() -> Any:
    return _sequential(
        layers.Normalization(mean=[120.0, 115.0, 100.0], variance=[3600.0, 3500.0, 3700.0]),
        layers.Conv2D(16, 3, 2, activation="relu"), layers.Conv2D(24, 3, 2, activation="relu"),
        layers.GlobalAveragePooling2D(), layers.Dense(10, activation="softmax"),
    )  # fmt: skip


_EXAMPLES: dict[str, Callable[[], Any]] = {
    "Convolutional autoencoder": _convolutional_autoencoder,
    "Dense autoencoder": _dense_autoencoder,
    "Autoencoder of any image size": _colour_autoencoder,
    "Autoencoder of two nested models": _nested_autoencoder,
    "VAE, its encoder": _variational_encoder,
    "VAE, functional": _functional_vae,
    "VAE, the whole class": lambda: VAE(_variational_encoder(), _variational_decoder()),
    "VQ-VAE": _quantised_autoencoder,
    "U-Net with residuals": _unet,
    "U-Net with skips": _skipping_unet,
    "Vision transformer, its tokens": _vision_transformer,
    "Vision transformer, pooled": _pooled_transformer,
    "MLP-Mixer": _mlp_mixer,
    "ConvMixer": _conv_mixer,
    "SimCLR, its encoder": _contrastive_encoder,
    "Metric learning, unit length": _metric_encoder,
    "Classifier with Normalization": _normalising_classifier,
}

# Applications

_APPLICATIONS: tuple[tuple[str, int], ...] = (
    ("MobileNet", 64), ("MobileNetV2", 64), ("MobileNetV3Small", 64), ("EfficientNetB0", 64), ("ResNet50V2", 64),
    ("VGG16", 64), ("Xception", 75), ("ConvNeXtTiny", 64),
)  # fmt: skip


def _application(name: str, size: int) -> Any:
    return getattr(keras.applications, name)(include_top=False, weights=None, input_shape=(size, size, 3))
