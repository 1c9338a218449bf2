"""Batch normalisation that is computed within the convolution before it.

Outside of training the normalisation of a convolution, gamma (w * x + b - mean) / sqrt(variance + eps) + beta, is
another convolution, with the weights s w and the bias beta + s (b - mean), where s = gamma / sqrt(variance + eps). So
nothing goes through the map a second time, neither forwards nor on the way back.

The weights are folded anew in every run, so that further training is always seen. That is worth it only where a
convolution has few weights beside the numbers that it gives. JAX's compiler joins the normalisation to what comes after
it, so that nothing is gained there.

Source: Jacob et al. (2018), "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only
Inference", arXiv:1712.05877, section 3.2.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from math import prod
from typing import Any

from saccade.models.keras.layer_rewrites import Calls, Rewrite, is_kind
from saccade.typing import Tensor

_WEIGHTS_PER_RESULT = 8
"""A convolution with more weights than this for each number that it gives for an image is left alone."""


def folded_batch_norms(calls: Calls) -> Iterator[Rewrite]:
    """Every batch normalisation that can be computed within the convolution before it."""
    for call in calls:
        convolution = call.layer
        if not is_kind(convolution, "Conv2D", "DepthwiseConv2D") or not _is_plain(convolution):
            continue
        reader = calls.only_reader(call)
        if reader is None or not is_kind(reader.layer, "BatchNormalization"):
            continue
        normalisation = reader.layer
        channel_axis = 1 if convolution.data_format == "channels_first" else 3
        is_few = prod(convolution.kernel.shape) <= _WEIGHTS_PER_RESULT * prod(call.output.shape[1:])
        if (
            normalisation.axis in (channel_axis, channel_axis - 4)
            and normalisation.dtype_policy.name == "float32"
            and is_few
        ):
            folded, handed_on = _layer_classes()
            yield Rewrite(
                call.path,
                instead={call.path: folded(convolution, normalisation), reader.path: handed_on(normalisation)},
            )


def _is_plain(convolution: Any) -> bool:
    """Does the layer do nothing but convolve with weights of its own in float32?"""
    import keras

    return (
        convolution.activation in (None, keras.activations.linear)
        and convolution.dtype_policy.name == "float32"
        and not getattr(convolution, "lora_enabled", False)
    )


@cache
def _layer_classes() -> tuple[Any, Any]:
    """The layers that work in place of a convolution and of its normalisation."""
    import keras
    from keras import ops

    class FoldedConvolution(keras.layers.Layer):  # type: ignore[misc]
        """A convolution with the normalisation of its result folded into its weights; both keep their variables."""

        def __init__(self, convolution: Any, normalisation: Any) -> None:
            super().__init__(name=f"{convolution.name}_folded", dtype="float32")
            # As a tuple, which Keras does not search for layers: their variables are the model's.
            object.__setattr__(self, "_layers_of_the_model", (convolution, normalisation))
            self.built = True

        def call(self, inputs: Tensor) -> Tensor:
            convolution, normalisation = self._layers_of_the_model
            scale = ops.rsqrt(normalisation.moving_variance + normalisation.epsilon)
            if normalisation.scale:
                scale = scale * normalisation.gamma
            shift = -normalisation.moving_mean * scale
            if convolution.use_bias:
                shift = shift + convolution.bias * scale
            if normalisation.center:
                shift = shift + normalisation.beta
            values = self._convolved(convolution, inputs, scale)
            channels_first = convolution.data_format == "channels_first"
            return values + ops.reshape(shift, (1, -1, 1, 1) if channels_first else (1, 1, 1, -1))

        @staticmethod
        def _convolved(convolution: Any, inputs: Tensor, scale: Tensor) -> Tensor:
            kernel = convolution.kernel
            settings = {
                "strides": convolution.strides,
                "padding": convolution.padding,
                "dilation_rate": convolution.dilation_rate,
                "data_format": convolution.data_format,
            }
            if type(convolution).__name__ == "DepthwiseConv2D":
                # (rows, columns, channels, results of each channel): the last two are the channels of the result.
                return ops.depthwise_conv(inputs, kernel * ops.reshape(scale, kernel.shape[2:]), **settings)
            return ops.conv(inputs, kernel * scale, **settings)

    class HandedOn(keras.layers.Layer):  # type: ignore[misc]
        """What is normalised already."""

        def __init__(self, normalisation: Any) -> None:
            super().__init__(name=f"{normalisation.name}_folded", dtype="float32")
            self.supports_masking = True
            self.built = True

        def call(self, inputs: Tensor, training: bool | None = None, mask: Tensor = None) -> Tensor:
            del training, mask  # as in the normalisation itself, which heeds them only while it is trained
            return inputs

    return FoldedConvolution, HandedOn
