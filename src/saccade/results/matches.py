"""What a similarity is made of: links between places, the matches they form, and what covering them really does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from saccade.picture.pair import score_text
from saccade.results.result import read_only

Place = tuple[int, int]
"""Row and column of a place."""

TOLERANCE = 0.25
"""A prediction is met where it misses what was measured by at most this part of the larger of the two changes."""
_NOTICEABLE = 0.02
"""Smaller misses, in units of the score, are not worth a word."""
TRIED = 3
"""So many of the strongest matches are covered, one after the other."""
_NUMBERS = 7
"""match, row and column of a, row and column of b, share, error"""


class Link(NamedTuple):
    """A pair of places, one of each photo, and what it adds to the score.

    Attributes:
        a: Row and column among the places of the first photo.
        b: The same of the second photo.
        share: What this pair of places adds to the score; negative when it speaks against.
        error: Its standard error; None where it is exact.
    """

    a: Place
    b: Place
    share: float
    error: float | None = None


@dataclass(frozen=True, eq=False)
class Match:
    """Neighbouring links that lead to neighbours: one part of the first photo with one part of the second.

    Attributes:
        links: The links, the strongest first.
        share: The sum of their shares; negative for parts that speak against the similarity.
        places_a: bool (rows, columns): the places of the first photo that take part.
        places_b: The same of the second photo.
        error: The standard error of the share; None where it is exact. Links of one match share their masked copies, so
            that it does not follow from the errors of the links.
    """

    links: tuple[Link, ...]
    share: float
    places_a: NDArray[np.bool_]
    places_b: NDArray[np.bool_]
    error: float | None = None

    def __post_init__(self) -> None:
        read_only(self.places_a, self.places_b)

    @classmethod
    def of(cls, links: Sequence[Link], grid_a: Place, grid_b: Place, error: float | None = None) -> Match:
        """Make one of its links.

        Args:
            links: One or more.
            grid_a: Rows and columns of the first photo's places.
            grid_b: The same of the second photo.
            error: The standard error of their sum.
        """
        ordered = tuple(sorted(links, key=lambda link: -abs(link.share)))
        places_a, places_b = np.zeros(grid_a, bool), np.zeros(grid_b, bool)
        for link in ordered:
            places_a[link.a] = places_b[link.b] = True
        return cls(ordered, float(sum(link.share for link in ordered)), places_a, places_b, error)


@dataclass(frozen=True, eq=False)
class CoverTest:
    """What the score really becomes when the strongest matches are covered.

    They are covered on one photo while the other stays whole, then the other way round, and the two scores are
    averaged. Were both covered at once, the covers would be alike.

    Attributes:
        score: The score of the whole photos.
        predicted: What the shares of the covered places say it becomes when matches 1 to k are covered, for k = 1, 2,
            ..., the mean of both photos.
        measured: What it really became, the mean of both photos.
        filler: What was laid over the places, in words.
    """

    score: float
    predicted: tuple[float, ...]
    measured: tuple[float, ...]
    filler: str

    @property
    def agrees(self) -> bool:
        """Are all predictions met, within a quarter of the larger change?"""
        for predicted, measured in zip(self.predicted, self.measured, strict=True):
            largest = max(abs(predicted - self.score), abs(measured - self.score))
            if abs(predicted - measured) > max(TOLERANCE * largest, _NOTICEABLE):
                return False
        return True

    @property
    def sentence(self) -> str:
        """What was found, in plain words; where the shares and the covers disagree, why."""
        if not self.measured:
            return ""
        count = len(self.measured)
        parts = "the strongest match" if count == 1 else f"the {count} strongest matches"
        parts += f" that {'lower' if self.score < 0 else 'raise'}{'s' * (count == 1)} it"
        result = (
            f"With {parts} covered on one photo, the other whole, the similarity is {score_text(self.measured[-1])} "
            f"instead of {score_text(self.score)} (the mean of both ways, {self.filler})"
        )
        if abs(self.predicted[-1]) > 1:
            reason = "What the shares predict is no similarity at all: here the parts mostly cancel each other."
            return f"{result}. {reason}"
        result += f"; the shares predict {score_text(self.predicted[-1])}"
        return f"{result}." if self.agrees else f"{result}. {self._disagreement}"

    @property
    def _disagreement(self) -> str:
        """How the covers disagree with the shares, and what may be the reason."""
        change, predicted = self.measured[-1] - self.score, self.predicted[-1] - self.score
        stands_in = "other places can stand in for what is covered, and what is plain hardly changes under a blur"
        if change * predicted <= 0:
            verdict, reason = "The cover contradicts the shares", stands_in
        elif abs(change) < abs(predicted):
            verdict, reason = "The cover changes it less", stands_in
        else:
            verdict, reason = "The cover changes it more", "other places can count for less without what is covered"
        return f"{verdict}: a share says what is there, a cover what would be missed, and {reason}."


def tried_matches(matches: Sequence[Match], score: float) -> list[int]:
    """Which matches does a test by covering try, the strongest first? Those that made the score what it is.

    Args:
        matches: All of them.
        score: What raised it is covered; if it is negative, what lowered it.

    Returns:
        Their numbers among all matches, from 0.
    """
    sign = -1.0 if score < 0 else 1.0
    towards_score = [index for index, match in enumerate(matches) if sign * match.share > 0]
    return sorted(towards_score, key=lambda index: -abs(matches[index].share))[:TRIED]


def links_to_array(matches: Sequence[Match]) -> NDArray[np.float64]:
    """All links as rows of numbers, (links, 7): match, places, share, error (NaN where exact)."""
    rows = [
        (number, *link.a, *link.b, link.share, np.nan if link.error is None else link.error)
        for number, match in enumerate(matches)
        for link in match.links
    ]
    return np.array(rows, np.float64).reshape(-1, _NUMBERS)


def errors_to_array(matches: Sequence[Match]) -> NDArray[np.float64]:
    """The standard errors of all matches, (matches,); NaN where exact."""
    return np.array([np.nan if match.error is None else match.error for match in matches], np.float64)


def matches_from_array(rows: NDArray[Any], errors: NDArray[Any], grid_a: Place, grid_b: Place) -> tuple[Match, ...]:
    """The matches that `links_to_array` and `errors_to_array` wrote.

    Raises:
        ValueError: Not such numbers, or places outside of the photos.
    """
    if rows.dtype.kind != "f" or rows.ndim != 2 or rows.shape[1] != _NUMBERS or not np.isfinite(rows[:, :-1]).all():
        raise ValueError(f"links of {rows.dtype} {rows.shape}")
    places = rows[:, 1:5].astype(np.int64)
    if (places < 0).any() or (places >= (*grid_a, *grid_b)).any():
        raise ValueError("links outside of the photos")
    matches: dict[int, list[Link]] = {}
    for row, (a_row, a_column, b_row, b_column) in zip(rows, places.tolist(), strict=True):
        error = None if np.isnan(row[6]) else float(row[6])
        matches.setdefault(int(row[0]), []).append(Link((a_row, a_column), (b_row, b_column), float(row[5]), error))
    if errors.dtype.kind != "f" or errors.shape != (len(matches),):
        raise ValueError(f"{errors.dtype} {errors.shape} errors of {len(matches)} matches")
    return tuple(
        Match.of(links, grid_a, grid_b, None if np.isnan(error) else float(error))
        for links, error in zip(matches.values(), errors, strict=True)
    )
