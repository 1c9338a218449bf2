"""The nets that are measured and the picture that is explained: the reference net in Keras and in torch, and two others.

`conv 3x3 ELU, max-pooling 2x2` four times with 32, 64, 128 and 128 channels, the last pooling named `encoded`, and a
mirrored decoder. saccade is given the whole autoencoder and the name of the layer; peers and floors are given the
encoder alone, so that none of them can lose time in a decoder that is not asked for. The same encoder with a dense
layer of 128 numbers behind it stands for vector codes. MobileNetV2 and ResNet50 are Keras's own without their heads, with
random weights, and in torch those of `torch_nets.py`; their code is the last feature map.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

import saccade
from saccade.attribution.feature_layer import feature_layer

Array = NDArray[np.float32]
CHANNELS = (32, 64, 128, 128)
RANGE = (0.0, 1.0)


@dataclass(frozen=True)
class Subject:
    """One model in one framework at one size.

    Attributes:
        framework: `"tensorflow"`, `"torch"` or `"jax"`.
        net: Its name in `groups.NETS`.
        size: Side of the picture in pixels.
        bare: The encoder alone, for floors and peers.
        encoder: saccade's, which is given the whole model.
        at: The layer that the CAM family weighs by default, as saccade names it.
    """

    framework: str
    net: str
    size: int
    bare: Any
    encoder: saccade.Encoder
    at: str

    @property
    def bare_at(self) -> str:
        """The same layer's name in the encoder alone."""
        return self.at.removeprefix("encoder.")

    def parts(self, at: str | None = None) -> tuple[Any, Any]:
        """The encoder up to and with the layer, and what comes after it."""
        layer = (at or self.at).removeprefix("encoder.")
        if self.framework == "torch":
            place = [name for name, _ in self.bare.named_children()].index(layer) + 1
            return self.bare[:place], self.bare[place:]
        import keras

        code = self.bare.get_layer(layer).output
        return keras.Model(self.bare.input, code), keras.Model(code, self.bare.output)


def subject(framework: str, net: str, size: int) -> Subject:
    """Make the model and open it with saccade."""
    shape = (size, size, 3)
    if net != "reference" and framework == "torch":
        import torch_nets as written

        builders = {"mobilenetv2": written.mobilenetv2, "resnet50": written.resnet50}
        if net not in builders:
            raise NotImplementedError(f"{net} is not measured on torch: its net is written in Keras only")
        whole = bare = builders[net]()
        layer = next(reversed(dict(bare.named_children())))
    elif net == "dense":
        import keras

        encoded = keras_nets(size)[1]
        keras.utils.set_random_seed(2018)
        code = keras.layers.Dense(128, name="code")(keras.layers.Flatten()(encoded.output))
        whole = bare = keras.Model(encoded.input, code, name="dense")
        layer = "code"
    elif net != "reference":
        import keras

        make = {"mobilenetv2": keras.applications.MobileNetV2, "resnet50": keras.applications.ResNet50}[net]
        keras.utils.set_random_seed(2018)
        whole = bare = make(weights=None, include_top=False, input_shape=shape)
        layer = bare.layers[-1].name
    elif framework == "torch":
        whole, bare = torch_nets()
        layer = "encoder.encoded"
    else:
        whole, bare = keras_nets(size)
        layer = "encoded"
    encoder = saccade.Encoder(whole, layer=layer, value_range=RANGE, input_shape=shape)
    at = feature_layer(saccade.Run(encoder), picture(size), [saccade.targets.code()], None).path
    return Subject(framework, net, size, bare, encoder, at)


def weights(channels: tuple[int, ...] = CHANNELS) -> list[tuple[Array, Array]]:
    """Kernels (3, 3, in, out) and biases, encoder first, then decoder; He's sizes, so that signals live."""
    random = np.random.default_rng(2018)
    inner = [*channels, *reversed(channels)]
    pairs = zip([3, *inner], [*inner, 3], strict=True)
    return [
        (
            (random.standard_normal((3, 3, before, after)) * np.sqrt(2 / (9 * before))).astype(np.float32),
            (random.standard_normal(after) * 0.05).astype(np.float32),
        )
        for before, after in pairs
    ]


def picture(size: int, count: int = 1) -> Array:
    """Soft coloured blobs with some grain, (count, size, size, 3) in 0..1."""
    random = np.random.default_rng(5)
    coarse = random.random((count, 9, 9, 3))
    places = np.linspace(0, 7.999, size)
    low, share = places.astype(int), places % 1
    for axis in (1, 2):
        along = share.reshape([-1 if k == axis else 1 for k in range(4)])
        coarse = np.take(coarse, low, axis) * (1 - along) + np.take(coarse, low + 1, axis) * along
    return np.clip(coarse + 0.05 * random.standard_normal(coarse.shape), 0, 1).astype(np.float32)


def keras_nets(size: int | None) -> tuple[Any, Any]:
    """The autoencoder and its encoder as Keras models; `size` None leaves height and width free."""
    import keras

    layers = keras.layers
    image = flow = layers.Input((size, size, 3), name="image")
    count = len(CHANNELS)
    for block, width in enumerate(CHANNELS, start=1):
        flow = layers.Conv2D(width, 3, padding="same", activation="elu", name=f"conv_{block}")(flow)
        flow = layers.MaxPooling2D(2, name="encoded" if block == count else f"pool_{block}")(flow)
    encoded = flow
    for block, width in enumerate(reversed(CHANNELS), start=1):
        flow = layers.Conv2D(width, 3, padding="same", activation="elu", name=f"deconv_{block}")(flow)
        flow = layers.UpSampling2D(2, name=f"up_{block}")(flow)
    last = layers.Conv2D(3, 3, padding="same", activation="sigmoid", name="conv_decoded")(flow)
    autoencoder = keras.Model(image, last, name="reference")
    autoencoder.set_weights([each for pair in weights() for each in pair])
    return autoencoder, keras.Model(image, encoded, name="reference_encoder")


def torch_nets() -> tuple[Any, Any]:
    """The autoencoder and its encoder as torch modules, with frozen parameters, channels last in memory."""
    import torch

    drawn = iter(weights())
    encoder, decoder = torch.nn.Sequential(), torch.nn.Sequential()

    def convolution() -> Any:
        kernel, bias = next(drawn)
        layer = torch.nn.Conv2d(kernel.shape[2], kernel.shape[3], 3, padding=1)
        layer.weight.data = torch.tensor(kernel.transpose(3, 2, 0, 1).copy())
        layer.bias.data = torch.tensor(bias)
        return layer

    count = len(CHANNELS)
    for block in range(1, count + 1):
        encoder.add_module(f"conv_{block}", convolution())
        encoder.add_module(f"elu_{block}", torch.nn.ELU())
        encoder.add_module("encoded" if block == count else f"pool_{block}", torch.nn.MaxPool2d(2))
    for block in range(1, count + 1):
        decoder.add_module(f"deconv_{block}", convolution())
        decoder.add_module(f"deelu_{block}", torch.nn.ELU())
        decoder.add_module(f"up_{block}", torch.nn.Upsample(scale_factor=2))
    decoder.add_module("conv_decoded", convolution())
    decoder.add_module("sigmoid", torch.nn.Sigmoid())
    autoencoder = torch.nn.Sequential()
    autoencoder.add_module("encoder", encoder)
    autoencoder.add_module("decoder", decoder)
    autoencoder = autoencoder.eval().requires_grad_(False).to(memory_format=torch.channels_last)
    return autoencoder, autoencoder.encoder
