"""A similarity in plain sentences from its numbers: from where it comes, and what the matches make of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from saccade.picture.colour_names import COLOUR_NAMES, colour_names
from saccade.picture.numerals import number, percent
from saccade.picture.pair import score_text
from saccade.picture.resampling import enlarge, stretch
from saccade.picture.scales import scale_of
from saccade.results.map_sentence import EVERYWHERE, area, inside, main_region, region_box
from saccade.results.matches import Match

_SAME = 1 - 1e-6
"""From this score on, what is missing is rounding."""
_NOTABLE = 0.02
"""What speaks against is worth a word from this share of what speaks for it on."""
_DENSER = 1.25
"""A region is worth naming if it holds this many times what its size would give it."""
_AROUND = "the surroundings of the middle"
_MIDDLE = region_box("the middle")

_COLOURS = ("red", "orange", "yellow", "green", "blue", "purple", "pink")
"""Only clear colours are worth naming as what two photos have in common."""
_MOST, _MORE = 0.4, 1.15
"""A colour is named if it holds this share of what speaks for a similarity, and this many times what its area would."""
_MUCH = 0.15
"""A match is worth a headline from this share of the score on."""
_SIDE = 96
"""Pixels on which colours are counted."""

Shares = NDArray[np.floating]
Photo = NDArray[np.uint8]


@dataclass(frozen=True)
class SharedColour:
    """A colour on which much of a similarity lies.

    Attributes:
        name: What it is called.
        parts: Which share of what speaks for the similarity lies on it, in the first photo and in the second.
        areas: How much of either photo it fills.
        together: Whether it was counted where both photos have it at the same place; the two numbers are the same then.
    """

    name: str
    parts: tuple[float, float]
    areas: tuple[float, float]
    together: bool

    @property
    def phrase(self) -> str:
        """The share, and on what."""
        if self.together:
            return f"{percent(self.parts[0])} of {{of}} lies where both photos are {self.name}"
        first, second = map(percent, self.parts)
        same = first == second
        parts = first if same else f"{first} and {second}"
        return f"{parts} of {{of}} lies on what is {self.name} in the two photos"

    @property
    def sentence(self) -> str:
        """What it is, beside how much of the photos it fills."""
        if self.together:
            return f"Both photos are {self.name} in {percent(self.areas[0])} of their area."
        return f"What is {self.name} fills {percent(self.areas[0])} and {percent(self.areas[1])} of the photos."


def shared_colour(
    photos: tuple[Photo, Photo], shares: tuple[Shares, Shares], *, same_place: bool
) -> SharedColour | None:
    """Does most of what speaks for a similarity lie on one clear colour that both photos have?

    Args:
        photos: uint8 (height, width, 3), as the model sees them.
        shares: What each place adds, (rows, columns) each.
        same_place: Whether places were compared with the same place of the other photo.
    """
    names = [colour_names(enlarge(photo, _SIDE, _SIDE)) for photo in photos]
    raised = [np.maximum(stretch(each, _SIDE, _SIDE, smooth=False), 0).astype(np.float64) for each in shares]
    if not all(each.sum() > 0 for each in raised):
        return None
    best: SharedColour | None = None
    for name in _COLOURS:
        masks = [each == COLOUR_NAMES.index(name) for each in names]
        if same_place:
            masks = [masks[0] & masks[1]] * 2
        parts = [float(each[mask].sum() / each.sum()) for each, mask in zip(raised, masks, strict=True)]
        areas = [float(mask.mean()) for mask in masks]
        enough = all(part >= max(_MOST, _MORE * area) for part, area in zip(parts, areas, strict=True))
        if enough and (best is None or min(parts) > min(best.parts)):
            best = SharedColour(name, (parts[0], parts[1]), (areas[0], areas[1]), same_place)
    return best


def headline(
    score: float,
    shares_a: Shares,
    shares_b: Shares,
    *,
    matches: Sequence[Match] = (),
    colour: SharedColour | None = None,
) -> str:
    """How alike are they, and where does it come from? One line.

    Args:
        score: The similarity.
        shares_a: (rows, columns): what each place of the first photo adds to it.
        shares_b: The same of the second photo.
        matches: Its matches, told where no region stands out.
        colour: The colour on which it lies, if it lies on one.

    Example:
        >>> shares = np.array([[0.0, 0.0], [0.4, 0.4]])
        >>> headline(0.8, shares, shares)
        '0.80 alike: 100 % of it is the lower half of both photos'
    """
    told = f"{score_text(score)} alike"
    if score >= _SAME:
        return f"{told}: to this model they are the same"
    if score == 0:
        return f"{told}: as much speaks against it as for it"
    if score < 0:
        return f"{told}: more speaks against it than for it"
    if scale_of(np.concatenate([shares_a.ravel(), shares_b.ravel()]), signed=True).flat:
        return f"{told}: every place adds the same"
    against = max(_against(shares) for shares in (shares_a, shares_b)) > _NOTABLE
    of = "what speaks for it" if against else "it"
    if colour is not None:
        return f"{told}: {colour.phrase.format(of=of)}"
    (where_a, part_a), (where_b, part_b) = (region(np.maximum(shares, 0)) for shares in (shares_a, shares_b))
    if where_a == where_b == EVERYWHERE:
        best = strongest(matches)
        if best is None or not _MUCH * score <= best.share <= score:
            return f"{told}: it comes from all over both photos"
        return f"{told}: {percent(best.share / score)} of it is {joined_places(best)}"
    if where_a == where_b:
        same = percent(part_a) == percent(part_b)
        parts = percent(part_a) if same else f"{percent(part_a)} and {percent(part_b)}"
        return f"{told}: {parts} of {of} is {where_a} of both photos"
    first = _named(where_a, part_a, of, "the first photo")
    second = _named(where_b, part_b, of, "the second")
    return f"{told}: {first} with {second}"


def match_sentence(score: float, matches: Sequence[Match]) -> str:
    """What does the strongest match join, and how much of the similarity is that? Empty if nothing was matched."""
    first = strongest(matches)
    if first is None or score <= 0:
        return ""
    told = f"The strongest match, {joined_places(first)}, adds {number(first.share)}"
    if first.share > score:
        return f"{told}, more than the whole similarity: other places lowered it again."
    return f"{told}, {percent(first.share / score)} of the similarity."


def strongest(matches: Sequence[Match]) -> Match | None:
    """The match that adds most; None where none adds anything."""
    first = max(matches, key=lambda match: match.share, default=None)
    return first if first is not None and first.share > 0 else None


def joined_places(match: Match) -> str:
    """Which places does it join, in words?"""
    where_a, where_b = (main_region(places.astype(np.float64))[0] for places in (match.places_a, match.places_b))
    if where_a == where_b:
        return "places all over both photos" if where_a == EVERYWHERE else f"{where_a} of both photos"
    first = "places all over" if where_a == EVERYWHERE else f"{where_a} of"
    second = "places all over" if where_b == EVERYWHERE else f"{where_b} of"
    return f"{first} the first photo with {second} the second"


def region(raised: Shares) -> tuple[str, float]:
    """Where does most of it lie, if somewhere clearly denser than elsewhere? The region, and the share it holds.

    Args:
        raised: (rows, columns), none negative.
    """
    where, part = main_region(raised)
    if where != EVERYWHERE and part >= _DENSER * area(region_box(where)):
        return where, part
    total = float(raised.sum())
    around = 1 - inside(raised, _MIDDLE) / total if total > 0 else 0.0
    # The surroundings are three quarters of the photo: the middle must be left with less than its size would give it.
    return (_AROUND, around) if 1 - around <= area(_MIDDLE) / _DENSER**3 else (EVERYWHERE, 1.0)


def _named(where: str, part: float, of: str, photo: str) -> str:
    return f"all of {photo}" if where == EVERYWHERE else f"{where} of {photo} ({percent(part)} of {of})"


def _against(shares: Shares) -> float:
    raised = float(np.maximum(shares, 0).sum())
    return float(-np.minimum(shares, 0).sum()) / raised if raised else 1.0
