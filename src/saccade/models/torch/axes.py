"""Where the rows and columns of the picture lie in a torch tensor, through permutations and reshapes.

Each dimension of a tensor is a product of *atoms*: rows ("H"), columns ("W"), or anything else (""). A feature map
(N, C, H, W) has them in dimensions of their own; flattened to (N, C, H*W) the last dimension holds both; tokens
(N, H*W, C) hold them in the middle. Reshaping regroups the atoms, as long as it cuts none of the rows or columns apart.
"""

from __future__ import annotations

from collections.abc import Sequence

from saccade.models.dataflow import Windows

Atom = tuple[str, int]
Dimension = tuple[Atom, ...]
Places = tuple[Dimension, ...]
"""One entry for each dimension; every tensor with places holds exactly one "H" and one "W"."""


def other(size: int) -> Dimension:
    """A dimension that is neither rows nor columns."""
    return () if size == 1 else (("", size),)


def channels_first(shape: Sequence[int]) -> Places | None:
    """The places of an ordinary feature map (N, C, H, W), or None if it is none."""
    if len(shape) != 4:
        return None
    batch, channels, height, width = shape
    return other(batch), other(channels), (("H", height),), (("W", width),)


def channels_last(shape: Sequence[int]) -> Places | None:
    """The places of a feature map (N, H, W, C), or None if it is none."""
    if len(shape) != 4:
        return None
    batch, height, width, channels = shape
    return other(batch), (("H", height),), (("W", width),), other(channels)


def grid_of(places: Places) -> tuple[int, int]:
    """Height and width."""
    sizes = {label: size for dimension in places for label, size in dimension if label}
    return sizes["H"], sizes["W"]


def sizes_of(places: Places) -> tuple[int, ...]:
    """The shape of the tensor."""
    return tuple(_size(dimension) for dimension in places)


def holds_places(dimension: Dimension) -> bool:
    """Do rows or columns lie in this dimension?"""
    return any(label for label, _ in dimension)


def with_size(places: Places, dim: int, size: int) -> Places | None:
    """Another size of a dimension that holds no places."""
    return None if holds_places(places[dim]) else _set(places, dim, other(size))


def reshaped(places: Places, shape: Sequence[int]) -> Places | None:
    """The places after `view(shape)`; None where rows or columns were cut apart."""
    atoms = [atom for dimension in places for atom in dimension]
    if any(label and size == 1 for label, size in atoms):
        # A row of size one leaves no trace in a shape, so where it went cannot be told.
        return places if sizes_of(places) == tuple(shape) else None
    atoms.reverse()
    dimensions: list[Dimension] = []
    for size in shape:
        taken: list[Atom] = []
        missing = size
        while missing > 1:
            if not atoms:
                return None
            label, length = atoms.pop()
            if missing % length == 0:
                taken.append((label, length))
                missing //= length
            elif not label and length % missing == 0:
                taken.append((label, missing))
                atoms.append((label, length // missing))
                missing = 1
            else:
                return None
        dimensions.append(_merged(taken))
    return None if atoms else tuple(dimensions)


def broadcast(all_places: Sequence[Places], shape: Sequence[int]) -> Places | None:
    """The places of an elementwise result; None unless every operand's places lie on each other."""
    result: list[Dimension] = [other(size) for size in shape]
    for places in all_places:
        offset = len(shape) - len(places)
        for dim, dimension in enumerate(places, start=offset):
            if holds_places(dimension):
                result[dim] = dimension
    for places in all_places:
        offset = len(shape) - len(places)
        for dim, size in enumerate(shape):
            own = places[dim - offset] if dim >= offset else ()
            if own != result[dim] and (own or holds_places(result[dim])):
                return None
            if _size(result[dim]) != size:
                return None
    return tuple(result)


def spatial_order(places: Places) -> tuple[int, int] | None:
    """The dimensions of rows and columns when they are the last two and each is whole; None otherwise."""
    if len(places) < 3 or len(places[-1]) != 1 or len(places[-2]) != 1:
        return None
    labels = places[-2][0][0], places[-1][0][0]
    if labels == ("H", "W"):
        return len(places) - 2, len(places) - 1
    return (len(places) - 1, len(places) - 2) if labels == ("W", "H") else None


def moved(places: Places, windows: Windows, shape: Sequence[int]) -> tuple[Windows, Places] | None:
    """The result of an operation on the last two dimensions, whose windows are given in the order of dimensions."""
    if spatial_order(places) is None or len(shape) != len(places):
        return None
    (first, _), (second, _) = places[-2][0], places[-1][0]
    result = (*(other(size) for size in shape[:-2]), ((first, shape[-2]),), ((second, shape[-1]),))
    return (windows if first == "H" else (windows[1], windows[0])), result


def _set(places: Places, dim: int, dimension: Dimension) -> Places:
    changed = list(places)
    changed[dim] = dimension
    return tuple(changed)


def _size(dimension: Dimension) -> int:
    size = 1
    for _, length in dimension:
        size *= length
    return size


def _merged(atoms: Sequence[Atom]) -> Dimension:
    merged: list[Atom] = []
    for label, size in atoms:
        if merged and not label and not merged[-1][0]:
            merged[-1] = ("", merged[-1][1] * size)
        else:
            merged.append((label, size))
    return tuple(merged)
