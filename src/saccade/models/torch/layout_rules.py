"""Where rows and columns lie after each torch operation, also after those that mix places: a table of ATen operations.

What the table does not know keeps its layout if it keeps its shape, and else loses its places.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from saccade.models.torch.layout import (
    Axis,
    Layout,
    cut,
    feature_map,
    has_places,
    is_spatial,
    joined,
    mixed_along,
    other,
    padded,
    regrouped,
    shape_of,
    side,
    size_of,
    without_places,
)
from saccade.models.torch.operation_arguments import dimension_order, pair


@dataclass(frozen=True)
class Operand:
    """A tensor that an operation reads.

    Attributes:
        argument: Under which name.
        shape: Its shape.
        layout: Where its rows and columns lie; None where that is not known. What does not depend on the image has
            none.
    """

    argument: str
    shape: tuple[int, ...]
    layout: Layout | None


@dataclass(frozen=True)
class Work:
    """One operation at work.

    Attributes:
        name: The operation without its overload.
        arguments: Everything it was called with, by name.
        operands: Every tensor it reads, in order.
        shape: The shape of this result.
        part: Which of its results this is.
    """

    name: str
    arguments: Mapping[str, Any]
    operands: Sequence[Operand]
    shape: tuple[int, ...]
    part: int = 0

    def __getitem__(self, argument: str) -> Any:
        return self.arguments.get(argument)

    @property
    def placed(self) -> list[Operand]:
        """The operands whose layout is known."""
        return [operand for operand in self.operands if operand.layout is not None]

    @property
    def main(self) -> Layout:
        """The layout of the first of them."""
        layout = self.placed[0].layout
        assert layout is not None
        return layout


def layout_after(work: Work) -> Layout | None:
    """Where do rows and columns lie in the result? None where that is not known."""
    if work.name in _MAPS:
        return _mapped(work) or _elementwise(work)
    if not work.placed:
        return None
    rule = _RULES.get(work.name)
    layout = rule(work) if rule is not None else _elementwise(work)
    if layout is not None and shape_of(layout) != work.shape:
        return None
    return layout


def _elementwise(work: Work) -> Layout | None:
    """Elementwise operations, and all that give back the shape they take."""
    axes: list[Axis] = [other(size) for size in work.shape]
    is_known = False
    for operand in work.placed[::-1]:
        layout = operand.layout
        assert layout is not None
        offset = len(work.shape) - len(layout)
        if offset < 0:
            continue
        sizes = [(work.shape[dim], size) for dim, size in enumerate(shape_of(layout), start=offset)]
        if any(size not in (1, whole) for whole, size in sizes):
            continue
        is_known = True
        for dim, axis in enumerate(layout, start=offset):
            if is_spatial(axis):
                axes[dim] = axis
    return tuple(axes) if is_known else None


def _viewed(work: Work) -> Layout | None:
    return regrouped(work.main, work.shape)


def _permuted(work: Work) -> Layout | None:
    return tuple(work.main[dim] for dim in dimension_order(work.name, work.arguments, len(work.main)))


def _sliced(work: Work) -> Layout | None:
    dim = (work["dim"] or 0) % len(work.main)
    length = shape_of(work.main)[dim]
    start, _, step = slice(work["start"], work["end"], work["step"]).indices(length)
    return _with(work.main, dim, cut(work.main[dim], start, work.shape[dim], step))


def _split(work: Work) -> Layout | None:
    dim = (work["dim"] or 0) % len(work.main)
    sizes = work["split_sizes"] if work.name == "split_with_sizes" else None
    start = sum(sizes[: work.part]) if sizes is not None else work.part * int(work["split_size"])
    return _with(work.main, dim, cut(work.main[dim], start, work.shape[dim], 1))


def _selected(work: Work) -> Layout | None:
    dim = (work["dim"] or 0) % len(work.main)
    axis = work.main[dim]
    remaining = (*work.main[:dim], *work.main[dim + 1 :])
    if is_spatial(axis) and (len(axis) != 1 or axis[0].label != "tokens"):
        return None  # one row of all, or one cell
    return remaining


def _indexed(work: Work) -> Layout | None:
    dim = (work["dim"] or 0) % len(work.main)
    return None if is_spatial(work.main[dim]) else _with(work.main, dim, other(work.shape[dim]))


def _concatenated(work: Work) -> Layout | None:
    rank = len(work.shape)
    dim = (work["dim"] or 0) % rank
    tensors = [operand for operand in work.operands if operand.argument == "tensors"]
    if any(len(operand.shape) != rank for operand in tensors):
        return None
    parts = [(None if operand.layout is None else operand.layout[dim], operand.shape[dim]) for operand in tensors]
    layouts = [operand.layout for operand in tensors if operand.layout is not None]
    return joined(parts, sorted(layouts, key=lambda layout: not has_places(layout)), dim)


def _stacked(work: Work) -> Layout | None:
    dim = (work["dim"] or 0) % len(work.shape)
    return (*work.main[:dim], other(work.shape[dim]), *work.main[dim:])


def _reduced(work: Work) -> Layout | None:
    rank = len(work.main)
    dims = work["dim"]
    listed = list(range(rank)) if dims is None or dims == [] else [dims] if isinstance(dims, int) else list(dims)
    gone = [dim % rank for dim in listed]
    left = mixed_along(work.main, gone)
    if left is None:
        return None
    return tuple(axis for dim, axis in enumerate(left) if work["keepdim"] or dim not in gone)


def _multiplied(work: Work) -> Layout | None:
    """Matrix products: rows come from the left matrix, columns from the right."""
    left_name, right_name = {"addmm": ("mat1", "mat2"), "baddbmm": ("batch1", "batch2")}.get(
        work.name, ("self", "mat2" if work.name in ("mm", "bmm") else "other")
    )
    if work.name == "linear":
        left_name, right_name = "input", "weight"
    by_name = {operand.argument: operand for operand in work.operands}
    left, right = by_name.get(left_name), by_name.get(right_name)
    if left is not None and left.layout is not None:
        layout = mixed_along(left.layout, [len(left.layout) - 1])
        if layout is not None and has_places(layout):
            return (*layout[:-1], other(work.shape[-1]))
    if right is not None and right.layout is not None and work.name != "linear":
        layout = mixed_along(right.layout, [len(right.layout) - 2])
        if layout is not None and has_places(layout):
            return (*layout[:-2], other(work.shape[-2]), layout[-1])
    if any(operand.layout is None for operand in (left, right) if operand is not None and operand in work.placed):
        return None
    return without_places(work.shape)


def _attended(work: Work) -> Layout | None:
    """Fused attention: every query keeps its place."""
    query = next((operand for operand in work.operands if operand.argument == "query"), None)
    if query is None or query.layout is None:
        return None
    return _to_shape(query.layout, work.shape)


def _to_shape(layout: Layout, shape: tuple[int, ...]) -> Layout | None:
    """The same axes, as many as the shape has, with another length where they hold no places."""
    axes = [axis if is_spatial(axis) else other(size) for axis, size in zip(layout, shape, strict=False)]
    return tuple(axes) if len(axes) == len(shape) else None


def _padded(work: Work) -> Layout | None:
    pads, rank = work["pad"], len(work.main)
    axes = list(work.main)
    for number in range(len(pads) // 2):
        dim = rank - 1 - number
        before = pads[2 * number]
        axis = axes[dim]
        axes[dim] = padded(axis, before, work.shape[dim]) if is_spatial(axis) else other(work.shape[dim])
    return tuple(axes)


def _patches(work: Work) -> Layout | None:
    """`unfold`: (N, C, H, W) as (N, C * kernel, cells)."""
    shape = work.operands[0].shape
    if len(shape) != 4 or len(work.shape) != 3:
        return None
    settings = (pair(work[name]) for name in ("kernel_size", "stride", "padding", "dilation"))
    sizes = [
        (size + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1
        for size, kernel, stride, padding, dilation in zip(shape[2:], *settings, strict=True)
    ]
    return other(work.shape[0]), other(work.shape[1]), (*side("H", sizes[0]), *side("W", sizes[1]))


def _mapped(work: Work) -> Layout | None:
    """A map of a map: (N, C, H, W). Of patches or windows that lie beside the images, each stays where it lies."""
    if not work.placed or len(work.shape) != 4 or len(work.main) != 4 or not is_spatial(work.main[0]):
        return feature_map(work.shape)
    gone = [1, *(dim for dim in (2, 3) if size_of(work.main[dim]) != work.shape[dim])]
    layout = mixed_along(work.main, gone)
    return layout and tuple(other(size) if dim in gone else layout[dim] for dim, size in enumerate(work.shape))


def _convolved(work: Work) -> Layout | None:
    """A convolution along one axis keeps the places of that axis where it keeps its length."""
    if len(work.shape) == 4:
        return _mapped(work)
    return _to_shape(work.main, work.shape) if len(work.main) == len(work.shape) else None


def _with(layout: Layout, dim: int, axis: Axis | None) -> Layout | None:
    return None if axis is None else (*layout[:dim], axis, *layout[dim + 1 :])


_MAPS = {
    "max_pool2d_with_indices", "max_pool2d", "avg_pool2d", "_adaptive_avg_pool2d", "adaptive_max_pool2d",
    "upsample_nearest2d", "_upsample_nearest_exact2d", "upsample_bilinear2d", "upsample_bicubic2d",
    "_upsample_bilinear2d_aa", "_upsample_bicubic2d_aa", "reflection_pad2d", "replication_pad2d", "pixel_shuffle",
    "pixel_unshuffle", "grid_sampler_2d",
}  # fmt: skip
"""Their results are feature maps, whatever they were made of."""

_RULES: dict[str, Callable[[Work], Layout | None]] = {}
for _names, _rule in (
    ("view _unsafe_view reshape _reshape_alias unsqueeze squeeze flatten unflatten", _viewed),
    ("permute transpose t", _permuted),
    ("slice", _sliced),
    ("split split_with_sizes", _split),
    ("select unbind", _selected),
    ("index_select gather", _indexed),
    ("cat", _concatenated),
    ("stack", _stacked),
    ("mean sum amax amin max min var std var_mean linalg_vector_norm prod argmax argmin logsumexp", _reduced),
    ("mm bmm addmm baddbmm linear", _multiplied),
    ("convolution _convolution", _convolved),
    ("constant_pad_nd", _padded),
    ("im2col", _patches),
    ("_scaled_dot_product_flash_attention_for_cpu _scaled_dot_product_flash_attention", _attended),
    ("_scaled_dot_product_efficient_attention _scaled_dot_product_cudnn_attention", _attended),
    ("_scaled_dot_product_attention_math _scaled_dot_product_fused_attention_overrideable", _attended),
):
    _RULES |= dict.fromkeys(_names.split(), _rule)
