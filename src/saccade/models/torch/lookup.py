"""Local operations whose windows are not the same everywhere, listed place by place.

Interpolation to any size, pooling to a fixed size, and padding that repeats or mirrors the edge read different
neighbourhoods at different places. For each output place a `Lookup` holds the first and the last input place read.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from saccade.models.dataflow import NOWHERE, Interval, Window

_ROUNDING = 1e-5
"""Interpolation weights below this are rounding errors of the framework's float32 positions."""


@dataclass(frozen=True)
class Lookup(Window):
    """One local operation along one axis, with a reading interval for every output.

    Attributes:
        first: The first input that each output reads.
        last: The last input that each output reads.
    """

    first: tuple[int, ...] = ()
    last: tuple[int, ...] = ()

    def forward(self, places: Interval) -> Interval:
        """Which outputs can change when these inputs change?"""
        start, stop = places
        touched = [
            output for output in range(len(self.first)) if self.first[output] < stop and self.last[output] >= start
        ]
        return (touched[0], touched[-1] + 1) if touched and stop > start else NOWHERE

    def backward(self, places: Interval) -> Interval:
        """Which inputs can these outputs see?"""
        start, stop = max(places[0], 0), min(places[1], len(self.first))
        if stop <= start:
            return NOWHERE
        return min(self.first[start:stop]), max(self.last[start:stop]) + 1


def adaptive(before: int, after: int) -> Window:
    """Pooling `before` places to `after`: output o covers floor(o b / a) up to ceil((o + 1) b / a)."""
    if before % after == 0:
        return Window(before // after, before // after)
    return _lookup([(o * before // after, -(-(o + 1) * before // after) - 1) for o in range(after)])


def mirrored(size: int, before: int, after: int) -> Window:
    """Padding that mirrors at the edge, which itself is not repeated."""
    sources = [abs(o - before) for o in range(before + size + after)]
    return _lookup([(min(s, 2 * (size - 1) - s),) * 2 for s in sources])


def repeated(size: int, before: int, after: int) -> Window:
    """Padding that repeats the edge."""
    return _lookup([(min(max(o - before, 0), size - 1),) * 2 for o in range(before + size + after)])


def interpolated(
    kind: str, before: int, after: int, *, scale: float | None = None, align_corners: bool = False
) -> Window | None:
    """Enlarging or shrinking `before` places to `after`.

    Args:
        kind: `"nearest"`, `"nearest_exact"`, `"bilinear"` or `"bicubic"`.
        before: Places read.
        after: Places written.
        scale: The factor that was asked for, where it is used in place of after / before.
        align_corners: The corner pixels keep their centres.
    """
    if kind in ("nearest", "nearest_exact"):
        return _nearest(before, after, scale, 0.5 if kind == "nearest_exact" else 0.0)
    if kind not in ("bilinear", "bicubic"):
        return None
    ratio = 1 / scale if scale else before / after
    if align_corners:
        ratio = (before - 1) / (after - 1) if after > 1 else 0.0
        centres = [o * ratio for o in range(after)]
    else:
        centres = [(o + 0.5) * ratio - 0.5 for o in range(after)]
    reach = 0 if kind == "bilinear" else 1
    if reach == 0 and not align_corners:
        centres = [max(centre, 0.0) for centre in centres]
    reads = []
    for centre in centres:
        nearest = round(centre)
        if abs(centre - nearest) < _ROUNDING:
            reads.append(_within(nearest, nearest, before))
        else:
            reads.append(_within(math.floor(centre) - reach, math.floor(centre) + 1 + reach, before))
    return _lookup(reads)


def _nearest(before: int, after: int, scale: float | None, shift: float) -> Window:
    # Which of two neighbours is nearer can hang on the last bit, so it is computed in float32 as torch does.
    ratio = np.float32(1 / scale) if scale else np.float32(before) / np.float32(after)
    reads = [min(int((np.float32(o) + np.float32(shift)) * ratio), before - 1) for o in range(after)]
    factor, step = max(after // before, 1), max(before // after, 1)
    if reads == [o // factor for o in range(after)] and after == before * factor:
        return Window(factor, factor, transposed=True)
    if reads == [reads[0] + o * step for o in range(after)]:
        return Window(stride=step, before=-reads[0])
    return _lookup([(place, place) for place in reads])


def _within(first: float, last: float, size: int) -> tuple[int, int]:
    return min(max(math.floor(first), 0), size - 1), min(max(math.floor(last), 0), size - 1)


def _lookup(reads: Sequence[tuple[int, int]]) -> Lookup:
    return Lookup(first=tuple(first for first, _ in reads), last=tuple(last for _, last in reads))
