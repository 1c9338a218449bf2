"""What the operators of ONNX are called in the tables of how places move, and with which arguments.

`torch/windows.py` and `torch/layout_rules.py` hold for each ATen operation how rows and columns move through it. An
operator of ONNX is the same arithmetic under another name: here it gets ATen's name and arguments. One that is not
listed, or whose settings are not known for certain, has no name there, and so mixes all places.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from saccade.models.dataflow import Window
from saccade.models.onnx.resizing import resized

UNKNOWN = "unknown"


@dataclass(frozen=True)
class Node:
    """One operator of a graph at work.

    Attributes:
        operator: Its name, such as `"Conv"`.
        version: The version of the set of operators.
        attributes: Its settings.
        inputs: The names of what it reads, `""` for what is left out.
        outputs: The names of its results.
        shapes: The shapes of all tensors, by name.
        constants: The values of those that do not depend on the image, by name.
    """

    operator: str
    version: int
    attributes: Mapping[str, Any]
    inputs: Sequence[str]
    outputs: Sequence[str]
    shapes: Mapping[str, tuple[int, ...]]
    constants: Mapping[str, NDArray[Any]]

    def __getitem__(self, attribute: str) -> Any:
        return self.attributes.get(attribute)

    def has(self, number: int) -> bool:
        """Is this input given?"""
        return number < len(self.inputs) and bool(self.inputs[number])

    def constant(self, number: int) -> list[Any] | None:
        """The numbers of an input, where it does not depend on the image."""
        values = self.constants.get(self.inputs[number]) if self.has(number) else None
        return None if values is None else values.reshape(-1).tolist()

    def listed(self, attribute: str, number: int) -> list[Any] | None:
        """What is a setting in old versions, and an input in new ones."""
        values = self[attribute]
        if values is not None:
            return list(values)
        return self.constant(number)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the first input."""
        return self.shapes.get(self.inputs[0], ())

    @property
    def result(self) -> tuple[int, ...]:
        """The shape of the first result."""
        return self.shapes.get(self.outputs[0], ())


@dataclass(frozen=True)
class Operation:
    """An operator under ATen's name.

    Attributes:
        name: ATen's name; `UNKNOWN` mixes all places.
        arguments: What ATen would be called with.
        operands: What each input is called there; the first stands for those that are not listed.
        pointwise: Every number depends on those that lie at the same place.
        windows: How the last two axes move, where no ATen operation does the same.
        shape: The result's shape, where it is not that of the operator: one of several steps.
    """

    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    operands: tuple[str, ...] = ("self",)
    pointwise: bool = False
    windows: tuple[Window, Window] | None = None
    shape: tuple[int, ...] | None = None

    def operand(self, number: int) -> str:
        """What an input is called."""
        return self.operands[number] if number < len(self.operands) else self.operands[0] if self.pointwise else "other"


def operations_of(node: Node) -> list[Operation]:
    """What an operator does, in steps; several only where it cuts along several axes."""
    if node.operator in _POINTWISE:
        return [Operation(node.operator, pointwise=True)]
    rule = _RULES.get(node.operator)
    operations = None if rule is None else rule(node)
    return operations if isinstance(operations, list) else [operations or Operation(UNKNOWN)]


_Rule = Callable[[Node], "Operation | list[Operation] | None"]

_POINTWISE = {
    "Abs", "Acos", "Acosh", "Add", "And", "Asin", "Asinh", "Atan", "Atanh", "BitShift", "BitwiseAnd", "BitwiseNot",
    "BitwiseOr", "BitwiseXor", "Cast", "CastLike", "Ceil", "Celu", "Clip", "Cos", "Cosh", "Div", "Elu", "Equal",
    "Erf", "Exp", "Floor", "Gelu", "Greater", "GreaterOrEqual", "HardSigmoid", "HardSwish", "Identity", "IsInf",
    "IsNaN", "LeakyRelu", "Less", "LessOrEqual", "Log", "Max", "Mean", "Min", "Mish", "Mod", "Mul", "Neg", "Not",
    "Or", "PRelu", "Pow", "Reciprocal", "Relu", "Round", "Selu", "Shrink", "Sigmoid", "Sign", "Sin", "Sinh",
    "Softplus", "Softsign", "Sqrt", "Sub", "Sum", "Swish", "Tan", "Tanh", "ThresholdedRelu", "Where", "Xor",
}  # fmt: skip


# Windows


def _convolved(node: Node) -> Operation | None:
    kernel = node.shapes.get(node.inputs[1], ())[2:]
    if len(kernel) != 2 or len(node.shape) != 4:
        return None
    transposed = node.operator == "ConvTranspose"
    stride, dilation = node["strides"] or [1, 1], node["dilations"] or [1, 1]
    before = (_before_transposed if transposed else _before)(node, kernel, stride, dilation)
    if before is None:
        return None
    weight = np.empty((1, 1, *kernel), np.bool_)
    arguments = {
        "weight": weight,
        "stride": stride,
        "padding": before,
        "dilation": dilation,
        "transposed": transposed,
    }
    return Operation("convolution", arguments, ("input", "weight", "bias"))


def _pooled(node: Node) -> Operation | None:
    kernel = node["kernel_shape"]
    if kernel is None or len(kernel) != 2 or len(node.shape) != 4:
        return None
    stride, dilation = node["strides"] or [1, 1], node["dilations"] or [1, 1]
    before = _before(node, kernel, stride, dilation)
    if before is None:
        return None
    return Operation("max_pool2d", {"kernel_size": kernel, "stride": stride, "padding": before, "dilation": dilation})


def _before(node: Node, kernel: Sequence[int], stride: Sequence[int], dilation: Sequence[int]) -> list[int] | None:
    """How many places of padding stand before the first row and column."""
    rule = node["auto_pad"] or "NOTSET"
    if rule == "NOTSET":
        return list(node["pads"][:2]) if node["pads"] is not None else [0, 0]
    if rule == "VALID":
        return [0, 0]
    if rule not in ("SAME_UPPER", "SAME_LOWER"):
        return None
    before = []
    for axis in (0, 1):
        reach = (kernel[axis] - 1) * dilation[axis] + 1
        total = max((node.result[2 + axis] - 1) * stride[axis] + reach - node.shape[2 + axis], 0)
        before.append(total // 2 if rule == "SAME_UPPER" else total - total // 2)
    return before


def _before_transposed(
    node: Node, kernel: Sequence[int], stride: Sequence[int], dilation: Sequence[int]
) -> list[int] | None:
    rule = node["auto_pad"] or "NOTSET"
    if rule == "NOTSET" and node["output_shape"] is None:
        return list(node["pads"][:2]) if node["pads"] is not None else [0, 0]
    if rule == "VALID" and node["output_shape"] is None:
        return [0, 0]
    added = node["output_padding"] or [0, 0]
    before = []
    for axis in (0, 1):
        reach = (kernel[axis] - 1) * dilation[axis] + 1
        total = stride[axis] * (node.shape[2 + axis] - 1) + added[axis] + reach - node.result[2 + axis]
        if total < 0 or total % 2:
            return None  # on which side the odd one stands differs between versions
        before.append(total // 2)
    return before


def _global(node: Node) -> Operation | None:
    return Operation("_adaptive_avg_pool2d") if len(node.shape) == 4 else None


def _resized(node: Node) -> Operation | None:
    if len(node.shape) != 4 or node.shape[:2] != node.result[:2]:
        return None
    first = 1 if node.operator == "Upsample" or node.version < 11 else 2
    scales = node.listed("scales", first)
    if node["axes"] is not None and scales:
        all_scales = [1.0] * 4
        for axis, scale in zip(node["axes"], scales, strict=False):
            all_scales[axis] = scale
        scales = all_scales
    windows = []
    for axis in (2, 3):
        window = resized(
            node.shape[axis],
            node.result[axis],
            scale=scales[axis] if scales and len(scales) == 4 else None,
            mode=str(node["mode"] or "nearest"),
            coordinates=_coordinates(node),
            rounding=str(node["nearest_mode"] or "round_prefer_floor") if node.version >= 11 else "either",
            antialias=bool(node["antialias"]),
        )
        if window is None:
            return None
        windows.append(window)
    return Operation("upsample_bilinear2d", windows=(windows[0], windows[1]))


def _coordinates(node: Node) -> str:
    if node.operator == "Upsample" or node.version < 11:
        return "asymmetric"
    return str(node["coordinate_transformation_mode"] or "half_pixel")


def _shuffled(node: Node) -> Operation:
    if node.operator == "DepthToSpace":
        return Operation("pixel_shuffle", {"upscale_factor": int(node["blocksize"])})
    return Operation("pixel_unshuffle", {"downscale_factor": int(node["blocksize"])})


def _padded(node: Node) -> Operation | None:
    pads, rank = node.listed("pads", 1), len(node.shape)
    axes = node.constant(3) if node.has(3) else list(range(rank))
    if pads is None or axes is None or len(pads) != 2 * len(axes):
        return None
    sides = [(0, 0)] * rank
    for number, axis in enumerate(axes):
        sides[axis] = (int(pads[number]), int(pads[number + len(axes)]))
    flat = [amount for side in sides[::-1] for amount in side]
    mode = node["mode"] or "constant"
    if mode == "constant":
        return Operation("constant_pad_nd", {"pad": flat})
    if rank != 4 or any(flat[4:]) or min(flat) < 0 or mode not in ("reflect", "edge"):
        return None
    return Operation("reflection_pad2d" if mode == "reflect" else "replication_pad2d", {"padding": flat[:4]})


# Rows and columns stay, or lie elsewhere


def _permuted(node: Node) -> Operation:
    return Operation("permute", {"dims": node["perm"] or list(range(len(node.shape)))[::-1]})


def _sliced(node: Node) -> list[Operation] | None:
    starts, ends = node.listed("starts", 1), node.listed("ends", 2)
    axes = node.listed("axes", 3) or (None if node.has(3) else list(range(len(starts or ()))))
    steps = node.constant(4) or (None if node.has(4) else [1] * len(starts or ()))
    if starts is None or ends is None or axes is None or steps is None or min(steps, default=1) < 1:
        return None
    shape, operations = list(node.shape), []
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=False):
        length = len(range(*slice(start, end, step).indices(shape[axis])))
        if length == shape[axis]:
            continue
        shape[axis] = length
        arguments = {"dim": axis, "start": start, "end": end, "step": step}
        operations.append(Operation("slice", arguments, shape=tuple(shape)))
    return operations or [Operation("Identity", pointwise=True)]


def _split(node: Node) -> Operation:
    axis = node["axis"] or 0
    sizes = [node.shapes[name][axis] for name in node.outputs if name in node.shapes]
    return Operation("split_with_sizes", {"dim": axis, "split_sizes": sizes})


def _gathered(node: Node) -> Operation | None:
    indices = node.constants.get(node.inputs[1])
    if indices is None or indices.ndim > 1:
        return None
    return Operation("select" if indices.ndim == 0 else "index_select", {"dim": node["axis"] or 0})


def _joined(node: Node) -> Operation:
    return Operation("cat", {"dim": node["axis"] or 0}, ("tensors",) * len(node.inputs))


def _reduced(node: Node) -> Operation | None:
    axes = node.listed("axes", 1)
    if not axes:
        is_kept = bool(node["noop_with_empty_axes"]) and not node.has(1)
        return Operation("Identity", pointwise=True) if is_kept else None
    return Operation("mean", {"dim": axes, "keepdim": bool(node.attributes.get("keepdims", 1))})


def _largest(node: Node) -> Operation:
    return Operation("argmax", {"dim": [node["axis"] or 0], "keepdim": bool(node.attributes.get("keepdims", 1))})


def _along(node: Node) -> Operation | None:
    axis = node.attributes.get("axis", -1 if node.version >= 13 or node.operator == "LpNormalization" else 1)
    if node.version < 13 and node.operator != "LpNormalization" and axis % len(node.shape) != len(node.shape) - 1:
        return None  # all axes from this one on together
    return Operation("_softmax", {"dim": axis})


def _normalised(node: Node) -> Operation:
    axis = node.attributes.get("axis", -1)
    return Operation("native_layer_norm", {"normalized_shape": node.shape[axis:]}, ("input", "weight", "bias"))


def _batch_normalised(node: Node) -> Operation | None:
    if node["training_mode"] or len(node.outputs) > 1:
        return None
    return Operation("_native_batch_norm_legit_no_training", {}, ("input", "weight", "bias", "mean", "var"))


def _dropped(node: Node) -> Operation | None:
    training = node.constant(2)
    is_inference = not node.has(2) or (training is not None and not any(training))
    return Operation("Identity", pointwise=True) if is_inference else None


def _multiplied(node: Node) -> Operation:
    right = node.inputs[1]
    if right in node.constants and len(node.shapes.get(right, ())) == 2:
        return Operation("linear", {}, ("input", "weight"))
    return Operation("mm", {}, ("self", "mat2"))


def _dense(node: Node) -> Operation | None:
    return None if node["transA"] else Operation("linear", {}, ("input", "weight", "bias"))


_RULES: dict[str, _Rule] = {}


def _listed() -> Iterator[tuple[str, _Rule]]:
    yield "Conv ConvTranspose", _convolved
    yield "MaxPool AveragePool LpPool", _pooled
    yield "GlobalAveragePool GlobalMaxPool GlobalLpPool", _global
    yield "Resize Upsample", _resized
    yield "DepthToSpace SpaceToDepth", _shuffled
    yield "Pad", _padded
    yield "Reshape Flatten Squeeze Unsqueeze", lambda _: Operation("view")
    yield "Transpose", _permuted
    yield "Expand", lambda _: Operation("expand")
    yield "Slice", _sliced
    yield "Split", _split
    yield "Gather", _gathered
    yield "Concat", _joined
    yield "ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd", _reduced
    yield "ReduceSum ReduceSumSquare", _reduced
    yield "ArgMax ArgMin", _largest
    yield "Softmax LogSoftmax Hardmax LpNormalization", _along
    yield "LRN", lambda _: Operation("_softmax", {"dim": 1})
    yield "LayerNormalization RMSNormalization", _normalised
    yield "BatchNormalization", _batch_normalised
    yield "Dropout", _dropped
    yield "MatMul", _multiplied
    yield "Gemm", _dense


for _names, _rule in _listed():
    _RULES |= dict.fromkeys(_names.split(), _rule)
