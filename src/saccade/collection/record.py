"""What is known about every page of a run: typed, and as plain values for JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from saccade.results.plain_values import plain

if TYPE_CHECKING:
    from saccade.results import Attribution


class Record:
    """What every record can do."""

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as JSON has them."""
        values: dict[str, Any] = plain(self)
        return values


@dataclass(frozen=True)
class MapRecord(Record):
    """What one method found in one photo.

    Attributes:
        label: The request's label.
        method: The method's name.
        title: The method's name among people.
        target: The target's name.
        layer: The layer that was read.
        units: What one unit of the map is.
        signed: Whether values below zero are evidence against.
        is_share: Whether the values are shares of a whole, which people read in percent.
        settings: Every setting with the value used.
        notes: What the reader of the map must know.
        scores: Numbers about the photo, by name.
        lowest: The lowest value of the map.
        highest: The highest value of the map.
        view: How it is drawn unless it is asked otherwise.
        strongest_at: Where the map is strongest: x and y in pixels of the photo.
        question: What the map answers.
        key: What light, grey and lines mean where it is drawn without a colour bar.
        sentence: What the map says, as it stands on the page.
    """

    label: str
    method: str
    title: str
    target: str
    layer: str
    units: str
    signed: bool
    is_share: bool
    settings: Mapping[str, Any]
    notes: tuple[str, ...]
    scores: Mapping[str, Any]
    lowest: float
    highest: float
    strongest_at: tuple[float, float]
    view: str = "heatmap"
    question: str = ""
    key: str = ""
    sentence: str = ""

    @classmethod
    def of(cls, label: str, attribution: Attribution) -> MapRecord:
        """Read off a result for one photo."""
        values = attribution.values[0]
        left, top, right, bottom = attribution.images.photos[0].placement.box
        row, column = np.unravel_index(int(np.abs(values).argmax()), values.shape)
        return cls(
            label=label,
            method=attribution.method,
            title=attribution.title,
            target=attribution.target,
            layer=attribution.layer,
            units=attribution.units,
            signed=attribution.signed,
            is_share=attribution.is_share,
            settings=plain(attribution.settings),
            notes=tuple(attribution.notes),
            scores={name: plain(numbers[0]) for name, numbers in attribution.scores.items()},
            lowest=float(values.min()),
            highest=float(values.max()),
            view=attribution.view,
            question=attribution.question,
            key=attribution.key_words(),
            sentence=" ".join(attribution.page_sentences(0)),
            strongest_at=(
                round(float(left + (column + 0.5) / values.shape[1] * (right - left)), 1),
                round(float(top + (row + 0.5) / values.shape[0] * (bottom - top)), 1),
            ),
        )

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> MapRecord:
        """What `to_dict` gave."""
        return cls(**{**values, "notes": tuple(values["notes"]), "strongest_at": tuple(values["strongest_at"])})


@dataclass(frozen=True)
class PageRecord(Record):
    """A finished page: one photo, one target, one or several methods side by side.

    Attributes:
        photo: The photo's file.
        target: The target's name.
        size: Width and height of the photo in pixels.
        maps: What the methods found, in the order of the requests.
        files: Everything that was written about it.
        already: Whether an earlier run had made it, with the same settings, and it was left as it is.
    """

    photo: Path
    target: str
    size: tuple[int, int]
    maps: tuple[MapRecord, ...]
    files: tuple[Path, ...]
    already: bool = False

    def only(self, labels: Sequence[str]) -> PageRecord:
        """The same with the maps of some requests."""
        return replace(self, maps=tuple(entry for entry in self.maps if entry.label in labels))


@dataclass(frozen=True)
class SheetRecord(Record):
    """A finished contact sheet: every photo small, with its maps for one target.

    Attributes:
        target: The target's name.
        file: The picture.
        already: Whether an earlier run had made it, and it was left as it is.
    """

    target: str
    file: Path
    already: bool = False


@dataclass(frozen=True)
class FailedPhoto(Record):
    """A photo that could not be used.

    Attributes:
        photo: The photo's file.
        error: Why, in one line that names it.
    """

    photo: Path
    error: str


@dataclass(frozen=True)
class RefusedRequest(Record):
    """A request that cannot be answered for this model.

    Attributes:
        label: The request's label.
        target: The target's name.
        error: Why, in one line.
    """

    label: str
    target: str
    error: str


@dataclass(frozen=True)
class BatchProgress:
    """How far a run is.

    Attributes:
        done: How many photos' worth of work is done.
        total: How many there are in all.
        photo: The photo under way.
        label: The request under way; empty while a page is drawn.
    """

    done: float
    total: float
    photo: Path
    label: str = ""

    @property
    def share(self) -> float:
        """From 0 to 1."""
        return self.done / self.total if self.total else 1.0
