"""What differs between two networks that were shown the same photos, in sentences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from saccade.picture.numerals import percent
from saccade.picture.pair import score_text
from saccade.report.map_overlap import STRONGEST
from saccade.typing import Array

_DIFFERENT, _SAME = 0.5, 0.75
"""Below the one most of what counts for either does not count for the other; from the other on nearly all does."""
_CLEAR = 0.02
"""Similarities that differ by less are not told apart."""


@dataclass(frozen=True)
class ComparedMaps:
    """Where two networks look in one photo, compared.

    Attributes:
        shared: Which share of the places that count most for the one also counts most for the other.
        rank_correlation: Of both maps.
        spots: Into how many separate spots the places fall that count most, of each map.
        on_subject: Which share of each map lies on the photo's subject; None where that is not known.
    """

    shared: float
    rank_correlation: float
    spots: tuple[int, int]
    on_subject: tuple[float, float] | None


@dataclass(frozen=True, eq=False)
class TwoNetworks:
    """Two networks by what each finds alike.

    Attributes:
        names: What they are called.
        tables: (photos, photos) similarities by each.
    """

    names: tuple[str, str]
    tables: tuple[Array, Array]

    def look(self, maps: ComparedMaps) -> str:
        """Where do both look in this photo?"""
        text = (
            f"Here {spots_in_words(maps.spots, self.names)}; {percent(maps.shared)} of what counts most is the same, "
            f"where chance would give {percent(STRONGEST)}."
        )
        if maps.on_subject is None:
            return text
        first, second = map(percent, maps.on_subject)
        return f"{text} On the subject lie {first} of the one map and {second} of the other."

    def nearest(self, index: int, photos: Sequence[str]) -> str:
        """Which photo is most like this one, by either network? Empty where there is no choice."""
        if len(photos) < 3:
            return ""
        nearest_photos = [_nearest(table, index) for table in self.tables]
        if nearest_photos[0] == nearest_photos[1]:
            return f"Both find {photos[nearest_photos[0]]} most like {photos[index]}."
        first, second = (
            f"{photos[which]} ({score_text(float(table[index, which]))})"
            for which, table in zip(nearest_photos, self.tables, strict=True)
        )
        close = "" if self._differ(index) else "; the two are nearly equal"
        return f"{self.names[0]} finds {first} most like {photos[index]}, {self.names[1]} {second}{close}."

    def headline(self, maps: Sequence[ComparedMaps]) -> str:
        """What differs, in one sentence?"""
        shared = _mean_shared(maps)
        places = "different" if shared < _DIFFERENT else "partly different" if shared < _SAME else "the same"
        text = f"They look at {places} places"
        if len(maps) < 3:
            return f"{text}."
        differ = self._count_of_different(len(maps))
        if differ == 0:
            return f"{text}, and find the same photos alike."
        return f"{text}, and find {'different' if differ >= len(maps) / 2 else 'mostly the same'} photos alike."

    def detail(self, maps: Sequence[ComparedMaps]) -> str:
        """The numbers behind the headline."""
        spots = spots_in_words(np.mean([photo.spots for photo in maps], axis=0).tolist(), self.names)
        text = (
            f"{'On average' if len(maps) > 1 else 'Here'} {spots}. Of the fifth that counts most for each, "
            f"{percent(_mean_shared(maps))} is the same, where chance would give {percent(STRONGEST)}."
        )
        if len(maps) < 3:
            return text
        differ = self._count_of_different(len(maps))
        if differ == 0:
            return f"{text} For no photo do they clearly differ in which other one is most alike."
        every = f"all {len(maps)}" if differ == len(maps) else f"{differ} of the {len(maps)}"
        return f"{text} For {every} photos they clearly differ in which other one is most alike."

    def _count_of_different(self, photos: int) -> int:
        return sum(self._differ(index) for index in range(photos))

    def _differ(self, index: int) -> bool:
        """Does each network clearly prefer its own choice to the other's?"""
        first, second = (_nearest(table, index) for table in self.tables)
        first_table, second_table = self.tables
        ahead = (
            first_table[index, first] - first_table[index, second],
            second_table[index, second] - second_table[index, first],
        )
        return bool(min(ahead) >= _CLEAR)


def spots_in_words(counts: Sequence[float], names: tuple[str, str]) -> str:
    """How many spots does each pick out, in whole numbers?"""
    numbers = [max(1, round(count)) for count in counts]
    spots_of_first = "a single spot" if numbers[0] == 1 else f"{numbers[0]} separate spots"
    if numbers[0] == numbers[1]:
        return f"both pick out {spots_of_first}"
    spots_of_second = "a single one" if numbers[1] == 1 else f"{numbers[1]} of them"
    return f"{names[0]} picks out {spots_of_first}, {names[1]} {spots_of_second}"


def _nearest(table: Array, index: int) -> int:
    """The other photo that is most alike."""
    row = table[index].copy()
    row[index] = -np.inf
    return int(row.argmax())


def _mean_shared(maps: Sequence[ComparedMaps]) -> float:
    return float(np.mean([photo.shared for photo in maps]))
