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
from saccade.results.matches import CoverTest, Match
from saccade.results.no_place import source_of
from saccade.results.place_words import place_in_words

_SAME = 1 - 1e-6
"""From this score on, what is missing is rounding."""
_NOTABLE = 0.02
"""What speaks against is worth a word from this share of what speaks for it on."""
_DENSER = 1.25
"""A region is worth naming if it holds this many times what its size would give it."""
_OUTSIDE = "outside the middle"
_MIDDLE = region_box("the middle")
_SPOT, _NEAR = 0.125, 0.2
"""A part of at most so much of the photo is a spot, if all of it lies so near to its centre of gravity on both axes."""
_NEARLY_ALL = 0.9
"""A part of so much of the photo is as good as the whole, and one of which so much lies in a region lies in it."""
_MOSTLY = 0.75
"""With less of it in a region, a part lies mostly there."""
_FILLED = 0.6
"""A part is called by the name of a region that it fills to this share."""
_HARDLY = 0.25
"""Covering hardly changes a similarity if it changes by less than this part of what the shares predict."""

_MAINLY = 0.5
"""What is no place is said first if it makes this part of a similarity."""
_REST = "what their places add"
"""What is left of a similarity without what is no place."""

_COLOURS = ("red", "orange", "yellow", "green", "blue", "purple", "pink")
"""Only clear colours are worth naming as what two photos have in common."""
_MOST, _MORE = 0.4, 1.15
"""A colour is named if it holds this share of what speaks for a similarity, and this many times what its area would."""
_MUCH = 0.15
"""A match is worth a headline from this share of the score on."""
_EXPLAINED = 1 / 3
"""Matches that make less of a similarity leave most of it without a word; then the rest is shown first."""
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

    def phrase(self, of: str) -> str:
        """How much of it lies on which colour.

        Args:
            of: What it is a share of.
        """
        if self.together:
            return f"{percent(self.parts[0])} of {of} lies where both photos are {self.name}"
        first, second = map(percent, self.parts)
        parts = first if first == second else f"{first} and {second}"
        return f"{parts} of {of} lies on what is {self.name} in the two photos"

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
    special: float = 0.0,
    special_kind: str = "",
) -> str:
    """How alike are they, and where does it come from? One line.

    Args:
        score: The similarity.
        shares_a: (rows, columns): what each place of the first photo adds to it.
        shares_b: The same of the second photo.
        matches: Its matches, told where no region stands out.
        colour: The colour on which it lies, if it lies on one.
        special: What is no place adds to it.
        special_kind: What that is, one of `no_place`.

    Example:
        >>> shares = np.array([[0.0, 0.0], [0.4, 0.4]])
        >>> headline(0.8, shares, shares)
        '0.80 alike: 100 % of it lies in the lower half of both photos'
    """
    where = where_from(
        score, shares_a, shares_b, matches=matches, colour=colour, special=special, special_kind=special_kind
    )
    return f"{score_text(score)} alike: {where}"


def cover_doubt(cover: CoverTest) -> str:
    """What must be said beside the headline if a cover does less than the shares predict; empty if it does as much.

    Args:
        cover: What covering them really did.
    """
    if cover.agrees or not cover.measured:
        return ""
    now = cover.measured[-1]
    change, predicted = now - cover.score, cover.predicted[-1] - cover.score
    if change * predicted > 0 and abs(change) >= abs(predicted):
        return ""
    does, not_does = ("lowers", "lower") if predicted < 0 else ("raises", "raise")
    if cover.score < 0:
        parts = "what sets them apart"
    else:
        parts = "the part that matches" if len(cover.measured) == 1 else "the parts that match"
    if change * predicted <= 0:
        return f"covering {parts} does not {not_does} it ({score_text(now)})"
    if abs(change) < _HARDLY * abs(predicted):
        return f"covering {parts} hardly {does} it ({score_text(now)})"
    return f"covering {parts} {does} it less than the shares predict ({score_text(now)})"


def where_from(
    score: float,
    shares_a: Shares,
    shares_b: Shares,
    *,
    matches: Sequence[Match] = (),
    colour: SharedColour | None = None,
    special: float = 0.0,
    special_kind: str = "",
) -> str:
    """Where does a similarity come from, by its shares? The end of a sentence; `headline` says what it takes."""
    mainly_special = special / score >= _MAINLY if score else False
    if score >= _SAME:
        return "to this model they are the same"
    if score == 0:
        return "as much sets them apart as makes them alike"
    if score < 0:
        if mainly_special:
            against = f"{_part_of(special, score)} of that {source_of(special_kind)}"
        else:
            against = _located(np.maximum(-shares_a, 0), np.maximum(-shares_b, 0), "what sets them apart")
        return f"more sets them apart than makes them alike{f'; {against}' * bool(against)}"
    if abs(special) <= _NOTABLE * score:
        return _from_places(score, (shares_a, shares_b), matches=matches, colour=colour)
    first = f"{_part_of(special, score)} of it {source_of(special_kind)}; " if mainly_special else ""
    if score <= special:
        return f"{first}what the photos show lowers it"
    rest = _from_places(score - special, (shares_a, shares_b), _REST, matches=matches, colour=colour)
    return f"{first}{rest}"


def _part_of(part: float, score: float) -> str:
    return percent(part / score) if part / score <= 1 else "more than all"


def _from_places(
    score: float,
    shares: tuple[Shares, Shares],
    whole: str = "it",
    *,
    matches: Sequence[Match],
    colour: SharedColour | None,
) -> str:
    """Where does what the places add come from?

    Args:
        score: The sum of it.
        shares: What each place of either photo adds.
        whole: What that sum is called.
        matches: As for `headline`.
        colour: As for `headline`.
    """
    shares_a, shares_b = shares
    if scale_of(np.concatenate([shares_a.ravel(), shares_b.ravel()]), signed=True).flat:
        return "every place adds the same"
    against_it = max(_against(each) for each in shares) > _NOTABLE
    of = ("what makes them alike" if whole == "it" else "what makes their places alike") if against_it else whole
    if colour is not None:
        return colour.phrase(of)
    located = _located(np.maximum(shares_a, 0), np.maximum(shares_b, 0), of)
    if located:
        return located
    best = strongest(matches)
    if best is None or not _MUCH * score <= best.share <= score:
        return f"{whole} comes from all over both photos"
    return f"{percent(best.share / score)} of {whole} is one match: {joined_places(best)}"


def _located(raised_a: Shares, raised_b: Shares, of: str) -> str:
    """In which parts of the two photos does most of it lie? Empty where no part stands out in either."""
    (where_a, part_a), (where_b, part_b) = region(raised_a), region(raised_b)
    if where_a == where_b == EVERYWHERE:
        return ""
    first, second = (where if where == _OUTSIDE else f"in {where}" for where in (where_a, where_b))
    if where_a == where_b:
        if percent(part_a) == percent(part_b):
            return f"{percent(part_a)} of {of} lies {first} of both photos"
        return f"{percent(part_a)} of {of} lies {first} of the first photo, and {percent(part_b)} of the second"
    if where_b == EVERYWHERE:
        return f"{percent(part_a)} of {of} lies {first} of the first photo; in the second it lies all over"
    if where_a == EVERYWHERE:
        return f"{percent(part_b)} of {of} lies {second} of the second photo; in the first it lies all over"
    return f"{percent(part_a)} of {of} lies {first} of the first photo, and {percent(part_b)} {second} of the second"


def match_sentence(score: float, matches: Sequence[Match]) -> str:
    """What does the strongest match join, and how much of the similarity is that? Empty if nothing was matched."""
    first = strongest(matches)
    if first is None or score <= 0:
        return ""
    match = f"The strongest match, {joined_places(first)}, adds {number(first.share)}"
    if first.share > score:
        return f"{match}, more than the whole similarity: other places lowered it again."
    return f"{match}, {percent(first.share / score)} of the similarity."


def rest_sentence(score: float, matches: Sequence[Match], special: float = 0.0) -> str:
    """What carries a similarity of which the matches make only a small part? Empty where they make a third or more.

    Args:
        score: The similarity.
        matches: Its matches.
        special: What is no place adds to it.
    """
    whole, together = score - special, sum(match.share for match in matches)
    if not matches or score <= 0 or whole <= 0 or together >= _EXPLAINED * whole:
        return ""
    if together <= 0:
        first, rest = "The parts that go together make none of it, all told", "What makes it"
    else:
        first = f"The parts that go together make only {percent(together / whole)} of it"
        rest = f"The other {percent(1 - together / whole)}"
    where = "it is spread over both photos, most of it where the maps are orange"
    return f"{first}. {rest} belongs to no two parts alone: {where}."


def strongest(matches: Sequence[Match]) -> Match | None:
    """The match that adds most; None where none adds anything."""
    first = max(matches, key=lambda match: match.share, default=None)
    return first if first is not None and first.share > 0 else None


def joined_places(match: Match) -> str:
    """Which places does it join, in words?"""
    first, second = part_in_words(match.places_a), part_in_words(match.places_b)
    if first == second:
        return f"{first} both photos"
    return f"{first} the first photo with {second} the second"


def part_in_words(places: NDArray[np.bool_]) -> str:
    """Which part of a photo is this? A phrase that "the first photo" can follow.

    Args:
        places: (rows, columns), those that belong to the part.
    """
    share = float(places.mean())
    if share >= _NEARLY_ALL:
        return "all of"
    rows, columns = places.shape
    down, across = np.nonzero(places)
    middle_down, middle_across = (down.mean() + 0.5) / rows, (across.mean() + 0.5) / columns
    apart = max(
        np.abs((down + 0.5) / rows - middle_down).max(initial=0),
        np.abs((across + 0.5) / columns - middle_across).max(initial=0),
    )
    if share <= _SPOT and apart <= _NEAR:
        return f"a spot {place_in_words(middle_across, middle_down)} of"
    where, part = main_region(places.astype(np.float64))
    if where == EVERYWHERE:
        return "places all over"
    # A region of which the part fills little is where it lies, not what it is.
    if part * share / area(region_box(where)) < _FILLED:
        return f"places in {where} of" if part >= _NEARLY_ALL else f"places mostly in {where} of"
    return f"{where} of" if part >= _MOSTLY else f"mostly {where} of"


def region(raised: Shares) -> tuple[str, float]:
    """Where does most of it lie, if somewhere clearly denser than elsewhere? The region, and the share it holds.

    Beside the regions of `main_region` there is all that lies "outside the middle".

    Args:
        raised: (rows, columns), none negative.
    """
    where, part = main_region(raised)
    if where != EVERYWHERE and part >= _DENSER * area(region_box(where)):
        return where, part
    total = float(raised.sum())
    around = 1 - inside(raised, _MIDDLE) / total if total > 0 else 0.0
    # The surroundings are three quarters of the photo: the middle must be left with less than its size would give it.
    return (_OUTSIDE, around) if 1 - around <= area(_MIDDLE) / _DENSER**3 else (EVERYWHERE, 1.0)


def _against(shares: Shares) -> float:
    raised = float(np.maximum(shares, 0).sum())
    return float(-np.minimum(shares, 0).sum()) / raised if raised else 1.0
