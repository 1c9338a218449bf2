"""Where rows, columns and special tokens lie among the axes of a torch tensor, also behind what mixes places.

`axes.py` follows places for exact windows, and stops where an operation mixes them. Here they are followed further: a
token that has seen all others is still the token of its patch. Each axis is a product of *factors*. Rows cut into
windows become digits, as in a number of two digits; put together again they are rows. Special tokens joined to the
cells make of their axis one factor, which keeps what it was made of.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from saccade.models.places import Places


@dataclass(frozen=True)
class Factor:
    """One factor of an axis.

    Attributes:
        label: `"H"` for rows, `"W"` for columns, `"tokens"` for cells with special tokens, `""` for anything else.
        size: How many there are.
        step: How many rows (columns) apart two neighbours of this digit are.
        prefix: Special tokens before the cells.
        cells: What the axis was made of before special tokens were joined to it.
    """

    label: str
    size: int
    step: int = 1
    prefix: int = 0
    cells: tuple[Factor, ...] = ()


Axis = tuple[Factor, ...]
Layout = tuple[Axis, ...]
"""One entry for each axis; sides of a single row or column are left out, and so is everything else of size one."""


def other(size: int) -> Axis:
    """An axis that is neither rows nor columns."""
    return () if size == 1 else (Factor("", size),)


def side(label: str, size: int) -> Axis:
    """An axis of rows or columns."""
    return () if size == 1 else (Factor(label, size),)


def feature_map(shape: Sequence[int]) -> Layout | None:
    """The layout of a feature map (N, C, H, W), or None if it is none."""
    if len(shape) != 4:
        return None
    batch, channels, height, width = shape
    return other(batch), other(channels), side("H", height), side("W", width)


def without_places(shape: Sequence[int]) -> Layout:
    """The layout of a tensor that has no rows and columns."""
    return tuple(other(size) for size in shape)


def shape_of(layout: Layout) -> tuple[int, ...]:
    """The shape of the tensor."""
    return tuple(size_of(axis) for axis in layout)


def size_of(axis: Axis) -> int:
    """How long an axis is."""
    return math.prod(factor.size for factor in axis)


def is_spatial(axis: Axis) -> bool:
    """Do rows or columns lie in this axis?"""
    return any(factor.label for factor in axis)


def has_places(layout: Layout) -> bool:
    """Are there rows or columns at all?"""
    return any(is_spatial(axis) for axis in layout)


def regrouped(layout: Layout, shape: Sequence[int]) -> Layout | None:
    """The layout after `view(shape)`; None where special tokens were cut apart, or a side into unequal parts."""
    waiting = [factor for axis in layout for factor in axis][::-1]
    regrouped_axes: list[Axis] = []
    for size in shape:
        factors: list[Factor] = []
        missing = size
        while missing > 1:
            if not waiting:
                return None
            factor = waiting.pop()
            if missing % factor.size == 0:
                factors.append(factor)
                missing //= factor.size
            elif factor.size % missing == 0 and factor.label != "tokens":
                inner = factor.size // missing
                step = factor.step * inner if factor.label else 1
                factors.append(replace(factor, size=missing, step=step))
                waiting.append(replace(factor, size=inner))
                missing = 1
            else:
                return None
        regrouped_axes.append(_merged(factors))
    return None if waiting else tuple(regrouped_axes)


def mixed_along(layout: Layout, dims: Sequence[int]) -> Layout | None:
    """What is left of rows and columns once these axes were summed over; those axes become empty.

    None where windows are summed over, whose cells then lie upon each other.
    """
    gone = [factor for dim in dims for factor in layout[dim] if factor.label]
    remaining = tuple(() if dim in {*dims} else axis for dim, axis in enumerate(layout))
    for factor in gone:
        left = [other.step for axis in remaining for other in axis if other.label == factor.label]
        if factor.label != "tokens" and left and min(left) < factor.step:
            return None
    return _rebased(remaining)


def places_of(layout: Layout) -> Places | None:
    """The places of a layer whose first axis are the images; None where it has no rows and columns in a plain order."""
    if not layout or is_spatial(layout[0]):
        return None
    factors = [factor for axis in layout[1:] for factor in axis]
    if len(layout) > 2 and not any(is_spatial(axis) for axis in layout[1:-1]) and is_spatial(layout[-1]):
        body = factors
    else:
        # Digits in the last axis, beside larger ones before it, are parts of a cell, such as the pixels of a patch.
        last = [replace(factor, label="") if _is_inner(factor, layout[:-1]) else factor for factor in layout[-1]]
        body = [*(factor for axis in layout[1:-1] for factor in axis), *last]
    spatial = [number for number, factor in enumerate(body) if factor.label]
    if not spatial or spatial != list(range(spatial[0], spatial[-1] + 1)):
        return None
    before, after = body[: spatial[0]], body[spatial[-1] + 1 :]
    if before and after:
        return None
    sizes = _sides([body[number] for number in spatial])
    if sizes is None:
        return None
    rows, columns, prefix, suffix = sizes
    return Places(rows, columns, prefix, suffix, channels_first=bool(before))


def _sides(spatial: Sequence[Factor]) -> tuple[int, int, int, int] | None:
    """Rows, columns, and special tokens before and behind, of factors that lie beside each other."""
    if len(spatial) == 1 and spatial[0].label == "tokens":
        tokens = spatial[0]
        inner = _sides(tokens.cells)
        if inner is None:
            return None
        rows, columns, prefix, suffix = inner
        behind = tokens.size - tokens.prefix - size_of(tokens.cells)
        return rows, columns, tokens.prefix + prefix, suffix + behind
    labels = [factor.label for factor in spatial]
    if labels not in (["H", "W"], ["H"], ["W"]):
        return None
    sizes = {factor.label: factor.size for factor in spatial}
    return sizes.get("H", 1), sizes.get("W", 1), 0, 0


def _is_inner(factor: Factor, axes: Sequence[Axis]) -> bool:
    """Is this a digit of which larger ones lie in other axes?"""
    return factor.label in ("H", "W") and any(
        other.label == factor.label and other.step > factor.step for axis in axes for other in axis
    )


def _merged(factors: Sequence[Factor]) -> Axis:
    merged: list[Factor] = []
    for factor in factors:
        before = merged[-1] if merged else None
        if before is not None and before.label == factor.label == "":
            merged[-1] = Factor("", before.size * factor.size)
        elif (
            before is not None
            and before.label == factor.label
            and factor.label in ("H", "W")
            and before.step == factor.step * factor.size
        ):
            merged[-1] = Factor(factor.label, before.size * factor.size, factor.step)
        else:
            merged.append(factor)
    return tuple(merged)


def _rebased(layout: Layout) -> Layout:
    """Steps counted anew, after the smallest digits of a side have gone."""
    for label in ("H", "W"):
        digits = sorted({factor for factor in _factors(layout) if factor.label == label}, key=lambda digit: digit.step)
        steps: dict[Factor, int] = {}
        step = 1
        for digit in digits:
            steps[digit] = step
            step *= digit.size
        layout = tuple(
            tuple(replace(factor, step=steps[factor]) if factor in steps else factor for factor in axis)
            for axis in layout
        )
    return layout


def _factors(layout: Layout) -> Iterator[Factor]:
    for axis in layout:
        yield from axis


def joined(parts: Sequence[tuple[Axis | None, int]], layouts: Sequence[Layout], dim: int) -> Layout | None:
    """The layout after tensors were joined along an axis.

    Args:
        parts: For each tensor its axis `dim`, or None where it has no places, and how long that is.
        layouts: The layouts of the tensors that have places.
        dim: The axis.
    """
    total = sum(length for _, length in parts)
    main = layouts[0]
    spatial = [number for number, (axis, _) in enumerate(parts) if axis is not None and is_spatial(axis)]
    if not spatial:
        axis: Axis = other(total)
    elif len(spatial) > 1:
        return None
    else:
        cells = parts[spatial[0]][0]
        assert cells is not None
        prefix = sum(length for _, length in parts[: spatial[0]])
        axis = padded(cells, prefix, total)
    for layout in layouts[1:]:
        if any(a != b and is_spatial(a) and is_spatial(b) for a, b in _pairs_but(main, layout, dim)):
            return None
    axes = [
        next((layout[number] for layout in layouts if is_spatial(layout[number])), main[number])
        for number in range(len(main))
    ]
    axes[dim] = axis
    return tuple(axes)


def padded(cells: Axis, prefix: int, total: int) -> Axis:
    """An axis with something put before or behind it: padding of rows and columns, else special tokens."""
    if total == size_of(cells):
        return cells
    if len(cells) == 1 and cells[0].label in ("H", "W"):
        return (replace(cells[0], size=total),)
    if len(cells) == 1 and cells[0].label == "tokens":
        return (replace(cells[0], size=total, prefix=cells[0].prefix + prefix),)
    return (Factor("tokens", total, prefix=prefix, cells=cells),)


def cut(axis: Axis, start: int, length: int, step: int) -> Axis | None:
    """What a slice leaves of an axis of rows, columns or tokens; None where what is left is not known."""
    if not is_spatial(axis):
        return other(length)
    if length == size_of(axis):
        return axis
    if len(axis) != 1:
        return None
    factor = axis[0]
    if factor.label != "tokens":
        return side(factor.label, length) if factor.step == 1 else None
    cells = size_of(factor.cells)
    stop = start + length
    first, last = factor.prefix, factor.prefix + cells
    if step != 1:
        return None
    if stop <= first or start >= last:
        return other(length)  # special tokens alone
    if start > first or stop < last:
        return None
    return factor.cells if length == cells else (replace(factor, size=length, prefix=first - start),)


def _pairs_but(a: Layout, b: Layout, dim: int) -> Iterator[tuple[Axis, Axis]]:
    for number, pair in enumerate(zip(a, b, strict=False)):
        if number != dim:
            yield pair


def is_plain(layout: Layout) -> bool:
    """Is every side in one piece?"""
    labels = [factor.label for factor in _factors(layout) if factor.label]
    return all(first != second for first, second in pairwise(sorted(labels)))
