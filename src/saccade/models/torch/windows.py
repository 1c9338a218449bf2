"""How each torch operation moves rows and columns: a table of ATen operations.

An operation that is not in the table, or that does what the table does not know for certain, mixes all places.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from saccade.models.dataflow import POINTWISE, Window, Windows
from saccade.models.torch.axes import (
    Axes,
    broadcast,
    is_spatial,
    moved,
    other,
    reshaped,
    with_size,
)
from saccade.models.torch.lookup import adaptive, interpolated, mirrored, repeated
from saccade.models.torch.operation_arguments import dimension_order, pair

Movement = tuple[Windows, Axes] | None
"""The windows of an operation and where rows and columns lie in its result; None when it mixes places."""


@dataclass(frozen=True)
class Step:
    """One operation at work.

    Attributes:
        name: The operation without its overload: `"convolution"`.
        pointwise: Torch itself marks it as elementwise.
        arguments: Everything it was called with, by name.
        derived: The axes of each operand that depends on the image, by argument name, in order.
        shape: The shape of this result.
    """

    name: str
    pointwise: bool
    arguments: Mapping[str, Any]
    derived: Sequence[tuple[str, Axes]]
    shape: tuple[int, ...]

    def __getitem__(self, argument: str) -> Any:
        return self.arguments.get(argument)

    @property
    def axes(self) -> Axes:
        """Where rows and columns lie in what is read."""
        return self.derived[0][1]


def movement(step: Step) -> Movement:
    """How does this operation move places? None when it mixes them, or when that is not known for certain."""
    if step.pointwise or step.name in _ELEMENTWISE:
        return _pointwise(broadcast([axes for _, axes in step.derived], step.shape))
    if step.name in ("cat", "stack"):
        return _joined(step)
    rule = _RULES.get(step.name)
    first = _FIRST.get(step.name, ("self", "input"))
    if rule is None or len(step.derived) != 1 or step.derived[0][0] not in first:
        return None
    return rule(step)


_ELEMENTWISE = {
    "_prelu_kernel", "_to_copy", "alias", "clone", "copy", "detach", "fill", "floor_divide", "hardswish",
    "lift_fresh", "log_sigmoid_forward", "masked_fill", "rrelu_with_noise", "zero",
}  # fmt: skip


# Rows and columns stay where they are


def _regrouped(step: Step) -> Movement:
    return _pointwise(reshaped(step.axes, step.shape))


def _permuted(step: Step) -> Movement:
    order = dimension_order(step.name, step.arguments, len(step.axes))
    return _pointwise(tuple(step.axes[dim] for dim in order))


def _expanded(step: Step) -> Movement:
    return _pointwise(broadcast([step.axes], step.shape))


def _part(step: Step) -> Movement:
    dim = (step["dim"] or 0) % len(step.axes)
    return _pointwise(with_size(step.axes, dim, step.shape[dim]))


def _sliced(step: Step) -> Movement:
    dim = (step["dim"] or 0) % len(step.axes)
    if not is_spatial(step.axes[dim]):
        return _part(step)
    if dim < len(step.axes) - 2 or len(step.axes[dim]) != 1:
        return None
    length = step.axes[dim][0][1]
    start, *_ = slice(step["start"], step["end"], step["step"]).indices(length)
    cut = Window(stride=step["step"] or 1, before=-start)
    windows = (cut, Window()) if dim == len(step.axes) - 2 else (Window(), cut)
    return moved(step.axes, windows, step.shape)


def _selected(step: Step) -> Movement:
    dim = step["dim"] % len(step.axes)
    return None if is_spatial(step.axes[dim]) else _pointwise(step.axes[:dim] + step.axes[dim + 1 :])


def _joined(step: Step) -> Movement:
    operands = [axes for _, axes in step.derived]
    first, rank = operands[0], len(operands[0])
    if step.name == "stack":
        dim = (step["dim"] or 0) % (rank + 1)
        return _pointwise((*first[:dim], other(step.shape[dim]), *first[dim:])) if len({*operands}) == 1 else None
    dim = (step["dim"] or 0) % rank
    if any(len(axes) != rank or is_spatial(axes[dim]) for axes in operands):
        return None
    joined = {with_size(axes, dim, step.shape[dim]) for axes in operands}
    return _pointwise(joined.pop()) if len(joined) == 1 else None


def _along(step: Step) -> Movement:
    """Softmax and its like: every number sees the others along one dimension."""
    dims = step["dims"] if step.name in ("flip", "roll") else [step["dim"]]
    if not dims or any(is_spatial(step.axes[dim]) for dim in dims):
        return None
    return _pointwise(step.axes)


def _reduced(step: Step) -> Movement:
    dims = step["dim"]
    if dims is None or dims == []:
        return None
    rank = len(step.axes)
    reduced = {dim % rank for dim in ([dims] if isinstance(dims, int) else dims)}
    if any(is_spatial(step.axes[dim]) for dim in reduced):
        return None
    axes = (
        () if dim in reduced else axis for dim, axis in enumerate(step.axes) if step["keepdim"] or dim not in reduced
    )
    return _pointwise(tuple(axes))


def _layer_norm(step: Step) -> Movement:
    normalized = step.axes[-len(step["normalized_shape"]) :]
    if any(is_spatial(axis) for axis in normalized) or len(step.shape) != len(step.axes):
        return None
    return _pointwise(step.axes)


def _batch_norm(step: Step) -> Movement:
    learned = step.name.endswith("no_training") or step["training"] is False
    return _pointwise(step.axes) if learned and len(step.shape) == len(step.axes) else None


def _multiplied(step: Step) -> Movement:
    argument, axes = step.derived[0]
    if argument in ("mat2", "batch2"):
        return None if is_spatial(axes[-2]) else _pointwise((*axes[:-2], other(step.shape[-2]), axes[-1]))
    return None if is_spatial(axes[-1]) else _pointwise((*axes[:-1], other(step.shape[-1])))


# Rows and columns move


def _convolution(step: Step) -> Movement:
    kernel = step["weight"].shape[2:]
    if len(kernel) != 2:
        return None
    stride, padding, dilation = (pair(step[name]) for name in ("stride", "padding", "dilation"))
    first, second = (
        Window(kernel[axis], stride[axis], padding[axis], dilation[axis], bool(step["transposed"])) for axis in (0, 1)
    )
    return moved(step.axes, (first, second), step.shape)


def _pooling(step: Step) -> Movement:
    kernel = pair(step["kernel_size"])
    stride = pair(step["stride"]) if step["stride"] else kernel
    padding, dilation = pair(step["padding"] or 0), pair(step["dilation"] or 1)
    first, second = (Window(kernel[axis], stride[axis], padding[axis], dilation[axis]) for axis in (0, 1))
    return moved(step.axes, (first, second), step.shape)


def _adaptive(step: Step) -> Movement:
    return _per_axis(step, lambda _, before, after: adaptive(before, after))


def _interpolated(step: Step) -> Movement:
    kind = step.name.removesuffix("2d").removesuffix("_2d").removeprefix("upsample_").removeprefix("_upsample_")
    scales = step["scales_h"], step["scales_w"]
    corners = bool(step["align_corners"])
    return _per_axis(
        step,
        lambda axis, before, after: interpolated(kind, before, after, scale=scales[axis], align_corners=corners),
    )


def _zero_padded(step: Step) -> Movement:
    pads = step["pad"]
    axes: Axes | None = step.axes
    for number in range(2, len(pads) // 2):
        dim = len(step.axes) - 1 - number
        if axes is not None and (pads[2 * number] or pads[2 * number + 1]):
            axes = with_size(axes, dim, step.shape[dim])
    if axes is None:
        return None
    left, top = pads[0], pads[2] if len(pads) >= 4 else 0
    return moved(axes, (Window(before=top), Window(before=left)), step.shape)


def _mirrored(step: Step) -> Movement:
    return _edge_padded(step, mirrored)


def _repeated(step: Step) -> Movement:
    return _edge_padded(step, repeated)


def _edge_padded(step: Step, window: Callable[[int, int, int], Window]) -> Movement:
    left, right, top, bottom = step["padding"]
    pads = ((top, bottom), (left, right))
    return _per_axis(step, lambda axis, before, _: window(before, *pads[axis]))


def _shuffled(step: Step) -> Movement:
    factor = step["upscale_factor"]
    window = Window(kernel=factor, stride=factor, transposed=True)
    return moved(step.axes, (window, window), step.shape)


def _unshuffled(step: Step) -> Movement:
    factor = step["downscale_factor"]
    return moved(step.axes, (Window(factor, factor), Window(factor, factor)), step.shape)


def _per_axis(step: Step, window: Callable[[int, int, int], Window | None]) -> Movement:
    """One window for each of the last two axes, from (number, size before, size after)."""
    if any(len(axis) != 1 for axis in step.axes[-2:]):
        return None
    sizes = [axis[0][1] for axis in step.axes[-2:]]
    first, second = (window(axis, sizes[axis], step.shape[axis - 2]) for axis in (0, 1))
    return None if first is None or second is None else moved(step.axes, (first, second), step.shape)


def _pointwise(axes: Axes | None) -> Movement:
    return None if axes is None else (POINTWISE, axes)


_FIRST = {"mm": ("self", "mat2"), "bmm": ("self", "mat2"), "addmm": ("mat1",)}
"""The operands that may depend on the image, where that is not the first."""

_RULES: dict[str, Callable[[Step], Movement]] = {}
for _names, _rule in (
    ("view _unsafe_view reshape _reshape_alias unsqueeze squeeze", _regrouped),
    ("permute transpose t", _permuted),
    ("expand", _expanded),
    ("slice", _sliced),
    ("split split_with_sizes index_select", _part),
    ("select unbind", _selected),
    ("_softmax _log_softmax cumsum cumprod sort flip roll", _along),
    ("glu", _part),
    ("mean sum amax amin max min var std var_mean linalg_vector_norm prod argmax argmin logsumexp", _reduced),
    ("native_layer_norm _fused_rms_norm", _layer_norm),
    ("native_batch_norm _native_batch_norm_legit _native_batch_norm_legit_no_training", _batch_norm),
    ("cudnn_batch_norm miopen_batch_norm", _batch_norm),
    ("mm bmm addmm linear", _multiplied),
    ("convolution _convolution", _convolution),
    ("max_pool2d_with_indices max_pool2d avg_pool2d", _pooling),
    ("_adaptive_avg_pool2d adaptive_max_pool2d", _adaptive),
    ("upsample_nearest2d _upsample_nearest_exact2d upsample_bilinear2d upsample_bicubic2d", _interpolated),
    ("constant_pad_nd", _zero_padded),
    ("reflection_pad2d", _mirrored),
    ("replication_pad2d", _repeated),
    ("pixel_shuffle", _shuffled),
    ("pixel_unshuffle", _unshuffled),
    ("channel_shuffle", lambda step: _pointwise(step.axes)),
):
    _RULES |= dict.fromkeys(_names.split(), _rule)
