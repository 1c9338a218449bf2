"""A map in one plain sentence from its numbers: where most of it lies, how concentrated it is, how high its top is."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from saccade.picture.numerals import number, percent
from saccade.picture.scales import scale_of
from saccade.results.place_words import place_in_words
from saccade.typing import Box

_REGIONS: tuple[tuple[str, Box], ...] = (
    ("the upper left quarter", (0, 0, 0.5, 0.5)),
    ("the upper right quarter", (0.5, 0, 1, 0.5)),
    ("the lower left quarter", (0, 0.5, 0.5, 1)),
    ("the lower right quarter", (0.5, 0.5, 1, 1)),
    ("the middle", (0.25, 0.25, 0.75, 0.75)),
    ("the top quarter", (0, 0, 1, 0.25)),
    ("the bottom quarter", (0, 0.75, 1, 1)),
    ("the left quarter", (0, 0, 0.25, 1)),
    ("the right quarter", (0.75, 0, 1, 1)),
    ("the upper half", (0, 0, 1, 0.5)),
    ("the lower half", (0, 0.5, 1, 1)),
    ("the left half", (0, 0, 0.5, 1)),
    ("the right half", (0.5, 0, 1, 1)),
)
EVERYWHERE = "the whole photo"
_MOST = 0.6
"""A region must hold this share to be named."""
_AS_LARGE, _ONE_PLACE = 0.999, 0.1
"""Values that are nearly the largest are one place if none is further from their middle, as a share of a side."""
_NOTABLE = 0.02
"""Values below zero are worth a word from this share of the values above it on."""


def map_sentence(values: NDArray[np.floating], *, signed: bool, zero_is_mean: bool = False) -> str:
    """What does this map say, in one sentence?

    The weight of a map is the sum of its values above zero, or of those below where they weigh more. The sentence tells
    the smallest part of the photo that holds half of the weight, the region that holds most of it (`main_region`),
    where the largest value lies and how many times the mean over all places it is, and what speaks against that.

    Args:
        values: (height, width), the map of one image.
        signed: Whether values below zero mean evidence against.
        zero_is_mean: Whether zero is the map's own mean: then as much lies below it as above, and that says nothing.

    Example:
        >>> map_sentence(np.eye(4, dtype=np.float32), signed=False)
        "Half of it lies in 12 % of the photo's area; its strongest place counts 4.0 times as much as an average one."
    """
    if scale_of(values, signed=signed).flat:
        return "Nothing stands out: the map is flat."
    exact = np.asarray(values, np.float64)
    above, below = np.maximum(exact, 0), np.maximum(-exact, 0)
    if zero_is_mean:
        strongest = _strongest(above)
        top = f"; its strongest place is {strongest}" if strongest else ""
        half = _half("what exceeds the map's mean", above)
        return f"{half}{top}."
    weight, against = float(above.sum()), float(below.sum())
    if weight <= _NOTABLE * against:
        return _concentration("what lies below zero", below)
    if not signed or against <= _NOTABLE * weight:
        return _concentration("it", above)
    if against > weight:
        return (
            f"More speaks against it than for it. {_concentration('what speaks against it', below)} "
            f"What speaks for it weighs {percent(weight / against)} of that{_mostly(above)}."
        )
    return (
        f"{_concentration('what speaks for it', above)} "
        f"What speaks against it weighs {percent(against / weight)} of that{_mostly(below)}."
    )


def _concentration(what: str, raised: NDArray[np.float64]) -> str:
    """In how little of the photo half of it lies, where most of it lies, and how high its top is."""
    times = number(float(raised.max()) * raised.size / float(raised.sum()))
    strongest = _strongest(raised)
    place = f", {strongest}," if strongest else ""
    return f"{_half(what, raised)}; its strongest place{place} counts {times} times as much as an average one."


def _half(what: str, raised: NDArray[np.float64]) -> str:
    """In how little of the photo half of it lies, and where most of it lies."""
    descending = np.sort(raised, axis=None)[::-1].cumsum()
    half = (int(np.searchsorted(descending, float(raised.sum()) / 2)) + 1) / raised.size
    return f"Half of {what} lies in {percent(half)} of the photo's area{_mostly(raised)}"


def _mostly(raised: NDArray[np.float64]) -> str:
    """Where most of it lies, behind a comma; empty where it lies all over."""
    where, share = main_region(raised)
    return "" if where == EVERYWHERE else f", most of it ({percent(share)}) in {where}"


def _strongest(raised: NDArray[np.float64]) -> str:
    """Where the largest value lies; empty where it occurs at several places."""
    largest = np.argwhere(raised >= _AS_LARGE * raised.max()) + 0.5
    down, across = (largest / raised.shape).mean(axis=0)
    apart = np.abs(largest / raised.shape - (down, across)).max()
    return "" if apart > _ONE_PLACE else place_in_words(float(across), float(down))


def main_region(shares: NDArray[np.floating]) -> tuple[str, float]:
    """Where does most of it lie? The smallest region that holds the better part, and the share it holds.

    Args:
        shares: (rows, columns), none negative.

    Returns:
        The region's name, or `"the whole photo"` with 1.0 where no smaller one holds enough.
    """
    total = float(shares.sum())
    regions = [(name, inside(shares, box) / max(total, 1e-12), area(box)) for name, box in _REGIONS]
    enough = [region for region in regions if region[1] >= _MOST]
    if not enough:
        return EVERYWHERE, 1.0
    name, share, _ = min(enough, key=lambda region: (region[2], -region[1]))
    return name, share


def region_box(name: str) -> Box:
    """Where does a region of this name lie?"""
    return (0.0, 0.0, 1.0, 1.0) if name == EVERYWHERE else dict(_REGIONS)[name]


def inside(shares: NDArray[np.floating], box: Box) -> float:
    """How much lies in a box? Cells that the box cuts count by the part inside."""
    rows = _covered(shares.shape[0], box[1], box[3])
    columns = _covered(shares.shape[1], box[0], box[2])
    return float(rows @ np.asarray(shares, np.float64) @ columns)


def area(box: Box) -> float:
    """Which share of the photo does a box take up?"""
    return (box[2] - box[0]) * (box[3] - box[1])


def _covered(cells: int, start: float, stop: float) -> NDArray[np.float64]:
    edges = np.arange(cells + 1) / cells
    covered: NDArray[np.float64] = np.clip(np.minimum(edges[1:], stop) - np.maximum(edges[:-1], start), 0, None) * cells
    return covered
