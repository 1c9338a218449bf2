"""Where the rows and columns of the image lie among the axes of a torch tensor, through permutations and reshapes.

Each axis of a tensor is a product of *factors*: rows ("H"), columns ("W"), or anything else (""). A feature map
(N, C, H, W) has them in axes of their own; flattened to (N, C, H*W) the last axis holds both; tokens (N, H*W, C) hold
them in the middle. Reshaping regroups the factors, as long as it cuts none of the rows or columns apart.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from saccade.models.dataflow import Windows

Factor = tuple[str, int]
Axis = tuple[Factor, ...]
Axes = tuple[Axis, ...]
"""One entry for each axis of a tensor; together they hold exactly one "H" and one "W"."""


def other(size: int) -> Axis:
    """An axis that is neither rows nor columns."""
    return () if size == 1 else (("", size),)


def channels_first(shape: Sequence[int]) -> Axes | None:
    """The axes of an ordinary feature map (N, C, H, W), or None if it is none."""
    if len(shape) != 4:
        return None
    batch, channels, height, width = shape
    return other(batch), other(channels), (("H", height),), (("W", width),)


def channels_last(shape: Sequence[int]) -> Axes | None:
    """The axes of a feature map (N, H, W, C), or None if it is none."""
    if len(shape) != 4:
        return None
    batch, height, width, channels = shape
    return other(batch), (("H", height),), (("W", width),), other(channels)


def grid_of(axes: Axes) -> tuple[int, int]:
    """Height and width."""
    sizes = {label: size for axis in axes for label, size in axis if label}
    return sizes["H"], sizes["W"]


def shape_of(axes: Axes) -> tuple[int, ...]:
    """The shape of the tensor."""
    return tuple(_size(axis) for axis in axes)


def is_spatial(axis: Axis) -> bool:
    """Do rows or columns lie in this axis?"""
    return any(label for label, _ in axis)


def with_size(axes: Axes, dim: int, size: int) -> Axes | None:
    """Another size of an axis that holds neither rows nor columns."""
    return None if is_spatial(axes[dim]) else _set(axes, dim, other(size))


def reshaped(axes: Axes, shape: Sequence[int]) -> Axes | None:
    """The axes after `view(shape)`; None where rows or columns were cut apart."""
    factors = [factor for axis in axes for factor in axis]
    if any(label and size == 1 for label, size in factors):
        # A row of size one leaves no trace in a shape, so where it went cannot be told.
        return axes if shape_of(axes) == tuple(shape) else None
    factors.reverse()
    regrouped: list[Axis] = []
    for size in shape:
        parts: list[Factor] = []
        missing = size
        while missing > 1:
            if not factors:
                return None
            label, length = factors.pop()
            if missing % length == 0:
                parts.append((label, length))
                missing //= length
            elif not label and length % missing == 0:
                parts.append((label, missing))
                factors.append((label, length // missing))
                missing = 1
            else:
                return None
        regrouped.append(_merged(parts))
    return None if factors else tuple(regrouped)


def broadcast(operands: Sequence[Axes], shape: Sequence[int]) -> Axes | None:
    """The axes of an elementwise result; None unless the rows and columns of all operands lie on each other."""
    result: list[Axis] = [other(size) for size in shape]
    for axes in operands:
        offset = len(shape) - len(axes)
        for dim, axis in enumerate(axes, start=offset):
            if is_spatial(axis):
                result[dim] = axis
    for axes in operands:
        offset = len(shape) - len(axes)
        for dim, size in enumerate(shape):
            own = axes[dim - offset] if dim >= offset else ()
            if own != result[dim] and (own or is_spatial(result[dim])):
                return None
            if _size(result[dim]) != size:
                return None
    return tuple(result)


def spatial_order(axes: Axes) -> tuple[int, int] | None:
    """The axes of rows and columns when they are the last two and each is whole; None otherwise."""
    if len(axes) < 3 or len(axes[-1]) != 1 or len(axes[-2]) != 1:
        return None
    labels = axes[-2][0][0], axes[-1][0][0]
    if labels == ("H", "W"):
        return len(axes) - 2, len(axes) - 1
    return (len(axes) - 1, len(axes) - 2) if labels == ("W", "H") else None


def moved(axes: Axes, windows: Windows, shape: Sequence[int]) -> tuple[Windows, Axes] | None:
    """The result of an operation on the last two axes, whose windows are given in the order of the axes."""
    if spatial_order(axes) is None or len(shape) != len(axes):
        return None
    (first, _), (second, _) = axes[-2][0], axes[-1][0]
    result = (*(other(size) for size in shape[:-2]), ((first, shape[-2]),), ((second, shape[-1]),))
    return (windows if first == "H" else (windows[1], windows[0])), result


def _set(axes: Axes, dim: int, axis: Axis) -> Axes:
    changed = list(axes)
    changed[dim] = axis
    return tuple(changed)


def _size(axis: Axis) -> int:
    return math.prod(length for _, length in axis)


def _merged(factors: Sequence[Factor]) -> Axis:
    merged: list[Factor] = []
    for label, size in factors:
        if merged and not label and not merged[-1][0]:
            merged[-1] = ("", merged[-1][1] * size)
        else:
            merged.append((label, size))
    return tuple(merged)
