"""Which places ONNX's Resize reads, place by place."""

from __future__ import annotations

import math
from collections.abc import Callable

from saccade.models.dataflow import Window
from saccade.models.torch.lookup import Lookup

_ROUNDING = 1e-4
"""Where a place lies this near to where the choice of its neighbour changes, it may be either."""


def resized(
    before: int,
    after: int,
    *,
    scale: float | None,
    mode: str,
    coordinates: str,
    rounding: str,
    antialias: bool = False,
) -> Window | None:
    """Resizing `before` places to `after`; None where what it reads is not known.

    Args:
        before: Places read.
        after: Places written.
        scale: The factor that was asked for; None: after / before.
        mode: `"nearest"`, `"linear"` or `"cubic"`.
        coordinates: Where a place of the result lies in what is read, in ONNX's words.
        rounding: Which neighbour is the nearest, in ONNX's words; `"either"`: not known.
        antialias: Shrinking reads more than the neighbours.
    """
    factor = after / before if scale is None else float(scale)
    if not factor > 0 or not math.isfinite(factor):
        return None
    centre = _centre(coordinates, before, after, factor)
    reach = {"nearest": 0, "linear": 0, "cubic": 1}.get(mode)
    if centre is None or reach is None or (antialias and factor < 1):
        return None
    # Only these are whole numbers in float32 where they are in theory.
    is_plain = coordinates in ("asymmetric", "half_pixel", "pytorch_half_pixel")
    is_exact = is_plain and (factor.is_integer() or 1 / factor in (2, 4, 8, 16, 32))
    tolerance = 0.0 if is_exact else _ROUNDING
    reads = []
    for output in range(after):
        place = centre(output)
        if mode == "nearest":
            first, last = _nearest(place, rounding, tolerance)
        elif is_exact and place == round(place):
            first = last = round(place)
        else:
            first, last = math.floor(place - tolerance) - reach, math.floor(place + tolerance) + 1 + reach
        reads.append((min(max(first, 0), before - 1), min(max(last, 0), before - 1)))
    ratio = max(after // before, 1)
    if after == before * ratio and reads == [(o // ratio, o // ratio) for o in range(after)]:
        return Window(ratio, ratio, transposed=True)
    return Lookup(first=tuple(first for first, _ in reads), last=tuple(last for _, last in reads))


def _centre(coordinates: str, before: int, after: int, factor: float) -> Callable[[int], float] | None:
    if coordinates == "half_pixel" or (coordinates == "pytorch_half_pixel" and after > 1):
        return lambda output: (output + 0.5) / factor - 0.5
    if coordinates == "pytorch_half_pixel":
        return lambda output: 0.0 * output
    if coordinates == "asymmetric":
        return lambda output: output / factor
    if coordinates == "tf_half_pixel_for_nn":
        return lambda output: (output + 0.5) / factor
    if coordinates == "align_corners":
        return lambda output: output * (before - 1) / (after - 1) if after > 1 else 0.0
    return None


def _nearest(place: float, rounding: str, tolerance: float) -> tuple[int, int]:
    if rounding.startswith("round_prefer"):
        return math.ceil(place - 0.5 - _ROUNDING), math.floor(place + 0.5 + _ROUNDING)
    if rounding == "floor":
        return math.floor(place - tolerance), math.floor(place + tolerance)
    if rounding == "ceil":
        return math.ceil(place - tolerance), math.ceil(place + tolerance)
    return math.floor(place - tolerance), math.ceil(place + tolerance)
