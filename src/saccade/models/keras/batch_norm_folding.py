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

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import prod
from typing import Any, Self

import numpy as np

from saccade.models.keras.layer_rewrites import Calls, Replacement, Rewrite, is_kind
from saccade.typing import Tensor

_WEIGHTS_PER_RESULT = 2
"""A convolution with more weights than this for each number that it gives for an image is left alone."""


@dataclass(frozen=True)
class FoldedBatchNorm(Rewrite):
    """A convolution, the first layer, and the batch normalisation of what it gives, the second.

    Attributes:
        convolution: The first layer.
        normalisation: The second.
    """

    convolution: Any
    normalisation: Any

    @classmethod
    def started(cls, rewrites: Sequence[Self]) -> Mapping[str, Replacement]:
        """Convolutions with the normalisations folded into their weights; these hand on what they are given."""
        replacements: dict[str, Replacement] = {}
        # Of all at once: for each by itself small operations would take longer than what they save.
        for rewrite, (scale, shift) in zip(rewrites, _scales_and_shifts(rewrites), strict=True):
            replacements[rewrite.layer] = partial(_convolved, rewrite.convolution, scale, shift)
            replacements[rewrite.reader] = _handed_on
        return replacements


def folded_batch_norms(calls: Calls) -> Iterator[FoldedBatchNorm]:
    """Every batch normalisation that can be computed within the convolution before it."""
    for call in calls:
        convolution = call.layer
        if not is_kind(convolution, "Conv2D", "DepthwiseConv2D", "SeparableConv2D") or not _is_plain(convolution):
            continue
        reader = calls.only_reader(call)
        if reader is None or not is_kind(reader.layer, "BatchNormalization"):
            continue
        normalisation = reader.layer
        channel_axis = 1 if convolution.data_format == "channels_first" else 3
        normalises_channels = normalisation.axis in (channel_axis, channel_axis - 4)
        is_few = prod(_scaled_kernel(convolution).shape) <= _WEIGHTS_PER_RESULT * prod(call.output.shape[1:])
        if normalises_channels and normalisation.dtype_policy.name == "float32" and is_few:
            yield FoldedBatchNorm(call.path, reader.path, convolution, normalisation)


def _is_plain(convolution: Any) -> bool:
    """Does the layer do nothing but convolve with weights of its own in float32?"""
    import keras

    return (
        convolution.activation in (None, keras.activations.linear)
        and convolution.dtype_policy.name == "float32"
        and not getattr(convolution, "lora_enabled", False)
    )


def _scaled_kernel(convolution: Any) -> Any:
    """The weights that are multiplied; of a separable convolution those of its second step."""
    return convolution.pointwise_kernel if is_kind(convolution, "SeparableConv2D") else convolution.kernel


def _scales_and_shifts(rewrites: Sequence[FoldedBatchNorm]) -> list[tuple[Tensor, Tensor]]:
    """What each convolution is multiplied by, and what is added then, one number a channel."""
    from keras import ops

    channels = [int(rewrite.normalisation.moving_mean.shape[0]) for rewrite in rewrites]

    def joined(of: Callable[[FoldedBatchNorm], Any], otherwise: float) -> Tensor:
        values = [of(rewrite) for rewrite in rewrites]
        constants = [np.full(count, otherwise, np.float32) for count in channels]
        return ops.concatenate(
            [constant if value is None else value for value, constant in zip(values, constants, strict=True)]
        )

    gamma = joined(lambda rewrite: rewrite.normalisation.gamma if rewrite.normalisation.scale else None, 1)
    beta = joined(lambda rewrite: rewrite.normalisation.beta if rewrite.normalisation.center else None, 0)
    bias = joined(lambda rewrite: rewrite.convolution.bias if rewrite.convolution.use_bias else None, 0)
    mean = joined(lambda rewrite: rewrite.normalisation.moving_mean, 0)
    variance = joined(lambda rewrite: rewrite.normalisation.moving_variance, 1)
    epsilon = np.repeat([rewrite.normalisation.epsilon for rewrite in rewrites], channels).astype(np.float32)
    scale = gamma * ops.rsqrt(variance + epsilon)
    shift = beta + (bias - mean) * scale
    ends = np.cumsum(channels)[:-1].tolist()
    if not ends:
        return [(scale, shift)]
    return list(zip(ops.split(scale, ends), ops.split(shift, ends), strict=True))


def _convolved(
    convolution: Any, scale: Tensor, shift: Tensor, call: Callable[..., Tensor], inputs: Tensor, **_: Any
) -> Tensor:
    """What a convolution gives, scaled and shifted."""
    from keras import ops

    del call
    inputs = ops.cast(inputs, "float32")  # as the layer's own call does, where another one computes in half precision
    kernel = _scaled_kernel(convolution)
    settings = {
        "strides": convolution.strides,
        "padding": convolution.padding,
        "dilation_rate": convolution.dilation_rate,
        "data_format": convolution.data_format,
    }
    if is_kind(convolution, "DepthwiseConv2D"):
        # (rows, columns, channels, results of each channel): the last two are the channels of the result.
        values = ops.depthwise_conv(inputs, kernel * ops.reshape(scale, kernel.shape[2:]), **settings)
    elif is_kind(convolution, "SeparableConv2D"):
        values = ops.separable_conv(inputs, convolution.depthwise_kernel, kernel * scale, **settings)
    else:
        values = ops.conv(inputs, kernel * scale, **settings)
    return values + ops.reshape(shift, (1, -1, 1, 1) if convolution.data_format == "channels_first" else (1, 1, 1, -1))


def _handed_on(call: Callable[..., Tensor], inputs: Tensor, **_: Any) -> Tensor:
    """What is normalised already."""
    del call
    return inputs
