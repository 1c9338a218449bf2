"""The reference autoencoder: small enough for two processor cores, sharp enough to be recognised."""

from __future__ import annotations

import zlib
from typing import Any

from saccade.errors import InputError, MissingPackage


def reference_autoencoder(
    size: int = 128,
    code_channels: int = 32,
    channels: tuple[int, ...] = (32, 64, 128),
    image_channels: int = 3,
    *,
    seed: int | None = None,
    precision: str = "float32",
) -> Any:
    """Build an untrained convolutional autoencoder: what does a plain encoder of photos look like?

    Every block of the encoder is conv 3x3 (same, ELU) and max pooling 2x2; the decoder mirrors it with
    nearest upsampling. With the defaults the code is 8 x 8 x 32 for a 128 x 128 image, and there are
    269,507 numbers to learn.

        image -> conv_1 pool_1 ... conv_4 encoded -> deconv_1 up_1 ... deconv_4 up_4 conv_decoded -> image

    Args:
        size: Height and width in pixels; a multiple of 2 ** (len(channels) + 1).
        code_channels: Channels of the code, the layer named `encoded`.
        channels: Channels of the blocks before the code, from the image inwards.
        image_channels: 3 for RGB, 1 for grey.
        seed: Makes the initial weights reproducible; None draws others each time.
        precision: Keras dtype policy of the hidden layers, `float32` or `mixed_bfloat16`. The weights are
            float32 and the image that comes out is float32 in both.

    Returns:
        A functional Keras model, float32 (images, size, size, image_channels) in 0..1 to the same again.

    Raises:
        InputError: A size that the pooling layers cannot halve, or a count below one.
        MissingPackage: Keras is not installed.

    Example:
        >>> reference_autoencoder(size=32, code_channels=4, channels=(8,)).get_layer("encoded").output.shape
        (None, 8, 8, 4)
    """
    check_shape(size, code_channels, channels, image_channels)
    try:
        import keras
    except ImportError as error:
        raise MissingPackage.of("keras", "tensorflow") from error

    layers = keras.layers
    widths = (*channels, code_channels)
    image = layers.Input((size, size, image_channels), name="image")
    flow = image
    for block, width in enumerate(widths, start=1):
        flow = _convolution(width, f"conv_{block}", seed, precision)(flow)
        name = "encoded" if block == len(widths) else f"pool_{block}"
        flow = layers.MaxPooling2D(2, dtype=precision, name=name)(flow)
    for block, width in enumerate(reversed(widths), start=1):
        flow = _convolution(width, f"deconv_{block}", seed, precision)(flow)
        flow = layers.UpSampling2D(2, dtype=precision, name=f"up_{block}")(flow)
    # The first reconstructions are to be grey: where the sigmoid is saturated it learns next to nothing.
    last = layers.Conv2D(
        image_channels,
        3,
        padding="same",
        activation="sigmoid",
        kernel_initializer=keras.initializers.VarianceScaling(0.01, seed=_seed_of("conv_decoded", seed)),
        dtype="float32",
        name="conv_decoded",
    )
    return keras.Model(image, last(flow), name="autoencoder")


def check_shape(size: int, code_channels: int, channels: tuple[int, ...], image_channels: int) -> None:
    """Refuse a size that the pooling layers cannot halve, and a count below one, with `InputError`."""
    if min(code_channels, image_channels, *channels) < 1:
        raise InputError(
            f"channels are {image_channels} (image), {channels} and {code_channels} (code); give at least 1 each."
        )
    halvings = len(channels) + 1
    factor = 2**halvings
    if size < factor or size % factor:
        near = max(round(size / factor), 1) * factor
        raise InputError(f"size {size} cannot be halved {halvings} times; give a multiple of {factor}, such as {near}.")


def _convolution(width: int, name: str, seed: int | None, precision: str) -> Any:
    """Return a 3x3 convolution with ELU; He's initial weights keep the signal's size through the layers."""
    import keras

    return keras.layers.Conv2D(
        width,
        3,
        padding="same",
        activation="elu",
        kernel_initializer=keras.initializers.HeNormal(_seed_of(name, seed)),
        dtype=precision,
        name=name,
    )


def _seed_of(name: str, seed: int | None) -> int | None:
    """Give every layer its own seed: two layers of one shape must not start with the same weights."""
    return None if seed is None else zlib.crc32(f"{name}/{seed}".encode()) & 0x7FFFFFFF
