"""How each Keras layer moves places: its windows along height and width."""

from __future__ import annotations

from typing import Any

from saccade.models.dataflow import POINTWISE, Window, Windows, same_padding, upsampling

Grid = tuple[int, int] | None

_PLACE_BY_PLACE = {
    "Activation",
    "ActivityRegularization",
    "AlphaDropout",
    "BatchNormalization",
    "Dropout",
    "ELU",
    "GaussianDropout",
    "GaussianNoise",
    "Identity",
    "InputLayer",
    "LeakyReLU",
    "Normalization",
    "PReLU",
    "ReLU",
    "Rescaling",
    "SpatialDropout2D",
}
_MERGES = {"Add", "Average", "Maximum", "Minimum", "Multiply", "Subtract"}
_POINTWISE_OPERATIONS = _MERGES | {
    "Abs",
    "Absolute",
    "Celu",
    "Clip",
    "Divide",
    "Elu",
    "Exp",
    "Gelu",
    "HardSigmoid",
    "HardSwish",
    "LeakyRelu",
    "Log",
    "Mod",
    "Negative",
    "Power",
    "Relu",
    "Relu6",
    "Selu",
    "Sigmoid",
    "Silu",
    "Softplus",
    "Softsign",
    "Sqrt",
    "Square",
    "Swish",
    "Tanh",
    "TrueDivide",
}


def windows_of(layer: Any, arriving: list[Grid], leaving: Grid, channel_axis: int) -> Windows | None:
    """How does this layer move places? None when it mixes them, or when that is not known for certain.

    Args:
        layer: A Keras layer or graph operation.
        arriving: The grids of what it reads.
        leaving: The grid of what it gives.
        channel_axis: 3 for channels last, 1 for channels first.
    """
    if leaving is None or not arriving or any(grid is None for grid in arriving):
        return None
    kind, module = type(layer).__name__, type(layer).__module__
    if not module.startswith("keras.src."):
        # A class of the user's own may compute anything; only Keras's layers are known to do what their name says.
        return None
    if module.startswith("keras.src.ops."):
        same = all(grid == leaving for grid in arriving)
        joins_channels = kind == "Concatenate" and layer.axis in (channel_axis, channel_axis - 4)
        return POINTWISE if same and (kind in _POINTWISE_OPERATIONS or joins_channels) else None
    if kind in _PLACE_BY_PLACE or kind in _MERGES:
        mixing = kind == "Activation" and _is_softmax(layer.activation) and channel_axis != 3
        return POINTWISE if all(grid == leaving for grid in arriving) and not mixing else None
    if kind == "Concatenate":
        return POINTWISE if layer.axis in (channel_axis, channel_axis - 4) else None
    if kind in ("LayerNormalization", "Softmax"):
        axes = layer.axis if isinstance(layer.axis, (list, tuple)) else [layer.axis]
        return POINTWISE if list(axes) in ([channel_axis], [channel_axis - 4]) else None
    if kind == "Dense":
        return POINTWISE if channel_axis == 3 else None
    before = arriving[0]
    assert before is not None
    return _moving(layer, kind, before)


def _moving(layer: Any, kind: str, before: tuple[int, int]) -> Windows | None:
    if kind in ("Conv2D", "DepthwiseConv2D", "SeparableConv2D"):
        return _gathering(layer, before, layer.kernel_size, layer.dilation_rate)
    if kind in ("MaxPooling2D", "AveragePooling2D"):
        return _gathering(layer, before, layer.pool_size, (1, 1))
    if kind == "Conv2DTranspose":
        return _writing(layer)
    if kind == "UpSampling2D":
        if layer.interpolation not in ("nearest", "bilinear"):
            return None
        smooth = layer.interpolation == "bilinear"
        rows, columns = (upsampling(int(factor), bilinear=smooth) for factor in layer.size)
        return rows, columns
    if kind == "ZeroPadding2D":
        (top, _), (left, _) = layer.padding
        return Window(before=top), Window(before=left)
    if kind == "Cropping2D":
        (top, _), (left, _) = layer.cropping
        return Window(before=-top), Window(before=-left)
    return None


def _gathering(layer: Any, before: tuple[int, int], kernel: Any, dilation: Any) -> Windows:
    strides = pair(layer.strides)
    kernels, dilations = pair(kernel), pair(dilation)
    rows, columns = (
        Window(
            kernel=kernels[axis],
            stride=strides[axis],
            dilation=dilations[axis],
            before=same_padding(before[axis], kernels[axis], strides[axis], dilations[axis])
            if layer.padding == "same"
            else 0,
        )
        for axis in (0, 1)
    )
    return rows, columns


def _writing(layer: Any) -> Windows | None:
    if getattr(layer, "output_padding", None) is not None:
        return None
    kernels, strides, dilations = pair(layer.kernel_size), pair(layer.strides), pair(layer.dilation_rate)
    rows, columns = (
        Window(
            kernel=kernels[axis],
            stride=strides[axis],
            dilation=dilations[axis],
            before=max((kernels[axis] - 1) * dilations[axis] + 1 - strides[axis], 0) // 2
            if layer.padding == "same"
            else 0,
            transposed=True,
        )
        for axis in (0, 1)
    )
    return rows, columns


def pair(value: Any) -> tuple[int, int]:
    """What holds for rows and for columns? One number holds for both."""
    first, second = (value, value) if isinstance(value, int) else value
    return int(first), int(second)


def _is_softmax(activation: Any) -> bool:
    return "softmax" in getattr(activation, "__name__", "")
