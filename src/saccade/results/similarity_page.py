"""The page of a similarity: what is drawn of it, and the words around that."""

from __future__ import annotations

import re

from PIL import Image

from saccade.picture.cover_bars import Covering
from saccade.picture.links import Parts
from saccade.picture.numerals import MINUS, number, percent
from saccade.picture.pair import pair, score_text
from saccade.picture.ruler import Typical
from saccade.results.framing import framed
from saccade.results.matches import Match, tried_matches
from saccade.results.no_place import is_seen, name_of
from saccade.results.result import sentence
from saccade.results.similarity_numbers import SimilarityNumbers
from saccade.results.similarity_words import (
    SharedColour,
    cover_doubt,
    headline,
    match_sentence,
    rest_sentence,
    shared_colour,
)

_UNIT = "what this place adds to the similarity"
_MEANING = {
    "place": (
        "Orange: here both photos hold much the same at the same place, and that raised the similarity. "
        "Blue: here they speak against each other, and that lowered it."
    ),
    "anywhere": (
        "Orange: this part is like something in the other photo, wherever it lies there. "
        "Blue: this part is unlike the other photo."
    ),
}
_LINES = {
    "place": "Outlined in one colour: the same place in both photos.",
    "anywhere": "Outlined in one colour: parts that the model finds alike, wherever they lie.",
}
_LINES_BOTH = (
    "Outlined in one colour: parts that the model finds alike, or, with a striped outline, unlike, wherever they lie."
)
_WIDTHS = "The wider the line, the more it counts"
_NOT_CENTRED = "Any two photos have much in common: a reference collection would take off what all of them share."


def similarity_page(
    why: SimilarityNumbers, *, theme: str, smooth: bool, opacity: float, width: int, maps: bool = True
) -> Image.Image:
    """Draw a similarity; `Similarity.figure` says what it takes. `maps=False` leaves out what stands below the sum."""
    photos = [framed(photo) for photo in why.photos]
    title, colour = headline_of(why)
    rest = rest_of(why) if maps else ""
    return pair(
        photos[0],
        photos[1],
        why.shares_a if why.places and maps else None,
        why.shares_b if why.places and maps else None,
        why.scale() if why.places and maps else None,
        score=why.score,
        score_name=_score_name(why),
        typical=_typical(why),
        matches=[_parts(match) for match in why.matches],
        apart=_apart(why),
        covering=_covering(why),
        names=why.names,
        unit=_UNIT,
        title=title,
        caption=_caption(why, colour, rest),
        maps_first=bool(rest),
        joined_words=[_outlined(why)] if rest else [],
        matches_words=_sum_words(why),
        map_words=[_MEANING[why.matching], _all_places(why)],
        notes=_small_print(why, smooth and maps),
        smooth=smooth,
        opacity=opacity,
        theme=theme,
        width=width,
    )


def headline_of(why: SimilarityNumbers) -> tuple[str, SharedColour | None]:
    """The headline, and the colour on which the similarity lies, if it lies on one."""
    if not why.places:
        return f"{score_text(why.score)} alike", None
    first, second = (framed(photo) for photo in why.photos)
    colour = shared_colour((first, second), (why.shares_a, why.shares_b), same_place=why.matching == "place")
    title = headline(
        why.score, why.shares_a, why.shares_b,
        matches=why.matches, colour=colour, special=why.special, special_kind=why.special_kind,
    )  # fmt: skip
    return title, colour


def _parts(match: Match) -> Parts:
    return Parts(match.share, match.places_a, match.places_b, match.error)


def _typical(why: SimilarityNumbers) -> Typical | None:
    if why.median_score is None or why.high_score is None:
        return None
    return Typical(why.median_score, why.high_score)


def _apart(why: SimilarityNumbers) -> tuple[str, float] | None:
    """What adds to the score and is no place, if it would be seen."""
    if not is_seen(why.special) or not why.places:
        return None
    return (name_of(why.special_kind), why.special)


def _covering(why: SimilarityNumbers) -> Covering | None:
    test = why.cover_test
    if test is None or not test.measured:
        return None
    numbers = [index + 1 for index in tried_matches(why.matches, test.score)]
    words = re.sub(r"(?<![\w-])-(?=\d)", MINUS, test.sentence)
    return Covering(test.score, numbers, test.predicted, test.measured, words)


def rest_of(why: SimilarityNumbers) -> str:
    """What carries it where the matches do not; empty where they do."""
    return rest_sentence(why.score, why.matches, why.special) if why.places else ""


def _caption(why: SimilarityNumbers, colour: SharedColour | None, rest: str) -> list[str]:
    doubt = cover_doubt(why.cover_test) if why.cover_test is not None and why.places else ""
    # Where the matches make little of it, a cover over them is expected to change little.
    lines = [rest] if rest else [f"But {doubt}: what the cover found is at the end."] if doubt else []
    lines += [colour.sentence] if colour is not None and 0 < why.score < 1 else []
    lines += [sentence(why.typical)] if why.typical else []
    if why.matches and not rest:
        lines.append(_outlined(why))
    elif why.places and not why.matches:
        lines.append("No part of one photo stands out as the match of a part of the other.")
    return lines


def _outlined(why: SimilarityNumbers) -> str:
    """What outlines and lines mean."""
    lowering = any(match.share < 0 for match in why.matches)
    outlined = _LINES[why.matching] if why.matching == "place" or not lowering else _LINES_BOTH
    return f"{outlined} {_WIDTHS}{'; what is striped or broken lowered it' * lowering}."


def _sum_words(why: SimilarityNumbers) -> list[str]:
    together = sum(match.share for match in why.matches)
    words = [match_sentence(why.score, why.matches)]
    of = "match" if len(why.matches) == 1 else f"{len(why.matches)} matches together"
    part = f", {percent(together / why.score)}" if 0 < together < why.score else ""
    words.append(f"The {of} make{'s' * (len(why.matches) == 1)} {number(together)} of {score_text(why.score)}{part}.")
    if why.split == "estimated":
        words.append("Thin lines: give or take one standard error, since the parts were estimated from masked copies.")
    return [" ".join(filter(None, words))]


def _all_places(why: SimilarityNumbers) -> str:
    """With special tokens the places alone do not make the score."""
    each = " in each photo" if why.matching == "anywhere" else ""
    if _apart(why) is None:
        return f"All places together make {score_text(why.score)}{each}."
    return (
        f"All places together make {number(why.score - why.special)}{each}; with what is {name_of(why.special_kind)}, "
        f"{number(why.special)}, that is {score_text(why.score)}."
    )


def _score_name(why: SimilarityNumbers) -> str:
    if not why.centred:
        return "similarity"
    return (
        f"similarity beyond the mean of {why.references:,} photos" if why.references else "similarity beyond the mean"
    )


def _small_print(why: SimilarityNumbers, smooth: bool) -> list[str]:
    measure = "Cosine similarity of the codes"
    if why.matching == "anywhere" and why.split == "exact" and not why.cells:
        measure = "Cosine similarity of the mean cells of the codes"
    if why.centred:
        of = f" of {why.references:,} photos" if why.references else ", as given"
        measure += f", after taking off the mean code{of}"
    lines = [f"{measure}, layer {why.layer} of {why.model}."]
    if why.places:
        grids = {f"{shares.shape[1]}x{shares.shape[0]}" for shares in (why.shares_a, why.shares_b)}
        lines[0] += f" Real grid {' and '.join(sorted(grids))}{', the maps smoothed for display' if smooth else ''}."
    lines += [] if why.centred else [_NOT_CENTRED]
    return lines + [sentence(note) for note in why.notes]
