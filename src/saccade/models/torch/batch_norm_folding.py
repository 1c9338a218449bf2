"""Batch normalisation that is computed within the convolution before it.

Outside of training the normalisation of a convolution, gamma (w * x + b - mean) / sqrt(variance + eps) + beta, is
another convolution, with the weights s w and the bias beta + s (b - mean), where s = gamma / sqrt(variance + eps). So
nothing goes through the map a second time, neither forwards nor on the way back, which are about an eighth of the time
of a gradient on MobileNetV2 and a thirteenth on ResNet50 (224 pixels, two cores).

The weights are folded anew in every run, so that a change of the module is always seen. That is worth it only where
a convolution gives many numbers, and many beside its weights: without a way back a normalisation takes next to no time
as long as its map is in the processor's cache. A GPU would start more programs than it saves. It is done only where the
normalisation alone reads what the convolution gives (`rewritten_calls.py`).

Source: Jacob et al. (2018), "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only
Inference", arXiv:1712.05877, section 3.2.
"""

from __future__ import annotations

import inspect
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, Self

from saccade.models.torch.rewritten_calls import CallTrace, First, NotAsTraced, NumberedCall, Rewrite, Second
from saccade.typing import Tensor

FEWEST_WITH_GRADIENTS = 50_000
"""A convolution that gives fewer numbers in a run with a way back is left alone, and"""
FEWEST_WITHOUT = 1_000_000
"""in one without."""
_WEIGHTS_PER_RESULT = 2
"""So is one with more weights than this for each number."""


@dataclass(frozen=True)
class FoldedBatchNorm(Rewrite):
    """A convolution, the first call, and the batch normalisation of what it gives, the second.

    Attributes:
        convolution: The first call.
        normalisation: The second.
        statistics: The normalisation's mean, variance, scale and shift.
        epsilon: What is added to the variance.
    """

    convolution: NumberedCall
    normalisation: NumberedCall
    statistics: tuple[Tensor, Tensor, Tensor, Tensor]
    epsilon: float

    def saves_time(self, images: float, *, differentiated: bool, is_processor: bool) -> bool:
        """Are there enough numbers to be normalised?"""
        shape, _ = self.convolution.result
        numbers = images * self.convolution.sizes[1] / shape[0]
        fewest = FEWEST_WITH_GRADIENTS if differentiated else FEWEST_WITHOUT
        weights = self.convolution.arguments[0].numel()
        return is_processor and numbers >= fewest and weights <= _WEIGHTS_PER_RESULT * numbers

    @classmethod
    def started(cls, rewrites: Sequence[Self]) -> list[First]:
        """The convolutions with the weights and the biases folded into them."""
        # Of all at once: for each by itself small calls would take longer than what they save.
        folded = _folded(rewrites)
        return [partial(_first, rewrite, *weights) for rewrite, weights in zip(rewrites, folded, strict=True)]


def _first(
    rewrite: FoldedBatchNorm,
    weight: Tensor,
    bias: Tensor,
    function: Any,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
) -> tuple[Tensor, Second]:
    if not rewrite.convolution.is_repeated_by(function, args, kwargs):
        raise NotAsTraced
    settings = {name: value for name, value in kwargs.items() if name != "bias"}

    def second(function: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Tensor:
        if not rewrite.normalisation.is_repeated_by(function, args, kwargs):
            raise NotAsTraced
        return args[0]

    return function(args[0], weight, bias, *args[3:], **settings), second


def _folded(rewrites: Sequence[FoldedBatchNorm]) -> list[tuple[Tensor, Tensor]]:
    """The weights and the bias of each convolution with its normalisation folded in."""
    import torch

    convolutions = [rewrite.convolution for rewrite in rewrites]
    mean, variance, gamma, beta = map(torch.cat, zip(*(rewrite.statistics for rewrite in rewrites), strict=True))
    channels = [int(convolution.arguments[0].shape[0]) for convolution in convolutions]
    epsilon = torch.tensor([rewrite.epsilon for rewrite in rewrites]).repeat_interleave(torch.tensor(channels))
    if any(_bias(convolution) is not None for convolution in convolutions):
        biases = [
            mean.new_zeros(count) if (bias := _bias(convolution)) is None else bias
            for convolution, count in zip(convolutions, channels, strict=True)
        ]
        mean = mean - torch.cat(biases)
    scale = gamma / torch.sqrt(variance + epsilon)
    shift = torch.addcmul(beta, mean, scale, value=-1)
    return [
        (convolution.arguments[0] * scales.view(-1, 1, 1, 1), bias)
        for convolution, scales, bias in zip(convolutions, scale.split(channels), shift.split(channels), strict=True)
    ]


def folded_batch_norms(calls: CallTrace, layers: Collection[str]) -> Iterator[FoldedBatchNorm]:
    """Every batch normalisation that can be computed within the convolution before it.

    Args:
        calls: One run.
        layers: Every path that is the name of a result, not an operation.
    """
    for convolution in calls.calls.values():
        if convolution.function not in known_convolutions() or not _is_plain(convolution):
            continue
        names, normalisation = calls.second_of(convolution, layers)
        if normalisation is None or normalisation.function not in known_normalisations():
            continue
        statistics = _statistics(normalisation)
        if statistics is not None:
            result = calls.layer_of(normalisation, layers)
            yield FoldedBatchNorm(
                convolution.number, normalisation.number, normalisation.operation, names, result,
                convolution, normalisation, *statistics,
            )  # fmt: skip


@cache
def known_convolutions() -> frozenset[Any]:
    """Convolutions of maps."""
    import torch

    return frozenset({torch.conv2d})


@cache
def known_normalisations() -> frozenset[Any]:
    """Batch normalisations."""
    from torch.nn import functional

    return frozenset({functional.batch_norm})


def _bias(convolution: NumberedCall) -> Tensor | None:
    bias: Tensor | None = convolution.arguments[1] if len(convolution.arguments) > 1 else convolution.named.get("bias")
    return bias


def _is_plain(convolution: NumberedCall) -> bool:
    """Is this a convolution of maps in float32?"""
    import torch

    weight = convolution.arguments[0] if convolution.arguments else None
    shape, kind = convolution.result
    return isinstance(weight, torch.Tensor) and weight.dtype == kind == torch.float32 and len(shape) == 4


def _statistics(normalisation: NumberedCall) -> tuple[tuple[Tensor, Tensor, Tensor, Tensor], float] | None:
    """Mean, variance, scale, shift and epsilon; None where it takes its own statistics, or does not scale and shift."""
    import torch

    signature = inspect.signature(normalisation.function)
    call = signature.bind(None, *normalisation.arguments, **normalisation.named)
    call.apply_defaults()
    mean, variance, scale, shift = (call.arguments[name] for name in ("running_mean", "running_var", "weight", "bias"))
    is_plain = not call.arguments["training"] and all(
        isinstance(tensor, torch.Tensor) and tensor.dtype == torch.float32 for tensor in (mean, variance, scale, shift)
    )
    return ((mean, variance, scale, shift), float(call.arguments["eps"])) if is_plain else None
