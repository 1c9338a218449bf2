"""The numbers of an attribution: maps of some images, their units, how they were made, how they lie on disk."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from saccade.arguments import check_arguments, checks_arguments
from saccade.images import Images
from saccade.picture import Scale, scale_of, stretch
from saccade.results.arrays import numbers, opened_arrays
from saccade.results.map_sentence import map_sentence
from saccade.results.plain_values import plain
from saccade.results.result import Result, read_only
from saccade.results.untrained_maps import UntrainedMaps
from saccade.typing import Array

_COUNTED = 250_000
"""So many places of a photo, evenly spaced, are enough for the numbers of a sentence."""


@dataclass(frozen=True, eq=False)
class AttributionNumbers(Result):
    """Which places of these images matter to the target, and by how much?

    Attributes:
        values: float32 (images, rows, columns): the map on the method's own grid, which spans the model's image.
        raw: What the map was made from, before channels were joined or anything was smoothed.
        units: What one unit of `values` is.
        signed: Whether negative values are evidence against; or less than the mean, where zero is the mean.
        zero_is_mean: Whether zero is each map's own mean, so that as much lies below zero as above, whatever is shown.
        is_share: Whether the values are shares of a whole, which people read in percent.
        compared: The images that the target compares with: one for all, or one for each.
        view: How it is drawn unless it is asked otherwise.
        sentences: What each map says, where the method says it itself.
        redrawn: The images as the model redraws them, in its value range, where the map is about them.
        untrained: The same of networks with fresh weights, if that was asked (`explain_beside_untrained`).
        grid: Rows and columns at which the map was really computed.
        images: The images, with the photos they came from.
        method: The method's name.
        title: The method's name for people.
        summary: What the method does, in plain words.
        target: The target's name.
        question: What the map answers, in plain words.
        model: The model's name.
        layer: The layer that was read.
        settings: Every setting with the value used.
        notes: What the reader of the map must know.
        scores: Numbers per image, by name.
        fed: The numbers that the model was fed: their range, and the mean and spread of its channels.
    """

    values: Array
    raw: Array
    units: str
    signed: bool
    images: Images
    method: str
    title: str
    summary: str
    target: str
    question: str
    model: str
    layer: str
    grid: tuple[int, int]
    settings: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    scores: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    is_share: bool = False
    compared: tuple[Images, ...] = ()
    view: str = "heatmap"
    sentences: tuple[str, ...] = ()
    redrawn: Array | None = None
    untrained: UntrainedMaps | None = None
    fed: str = ""
    zero_is_mean: bool = False

    def __post_init__(self) -> None:
        read_only(self.values, self.raw)

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, which: int | slice) -> Self:
        """The same for one image, or for some."""
        rows = slice(which, which + 1 or None) if isinstance(which, int) else which
        scores = {name: numbers[rows] for name, numbers in self.scores.items()}
        return replace(
            self,
            values=self.values[rows],
            raw=self.raw[rows],
            images=self.images[rows],
            scores=scores,
            compared=tuple(images if len(images) == 1 else images[rows] for images in self.compared),
            sentences=self.sentences[rows],
            redrawn=None if self.redrawn is None else self.redrawn[rows],
            untrained=None if self.untrained is None else self.untrained[rows],
        )

    # Numbers

    @property
    def heatmap(self) -> Array:
        """The map at the size of the model's image, float32 (images, height, width), raw and signed, in `units`."""
        height, width = self.images.shape[1:3]
        if self.values.shape[1:] == (height, width):
            return self.values
        return np.stack([stretch(values, height, width) for values in self.values])

    def on_photo(self, index: int = 0, *, smooth: bool = True) -> Array:
        """One map laid onto its original photo, float32 (height, width) of the photo.

        Args:
            index: Which image.
            smooth: Interpolate between the method's own cells; False shows them as they are.
        """
        return self.images.photos[index].placement.onto_original(self.values[index], smooth=smooth)

    def sentence(self, index: int = 0) -> str:
        """What one map says, in one plain sentence from its numbers; `results.map_sentence` says how."""
        if self.sentences:
            return self.sentences[index]
        placed = self.on_photo(index)
        every = max(1, round(math.sqrt(placed.size / _COUNTED)))
        sampled = placed[every // 2 :: every, every // 2 :: every]
        return map_sentence(sampled, signed=self.signed, zero_is_mean=self.zero_is_mean)

    def page_sentences(self, index: int = 0) -> list[str]:
        """What stands under one map on its page: what the map says, and what it has to do with untrained networks."""
        return [self.sentence(index), *([] if self.untrained is None else [self.untrained.sentence(index)])]

    @checks_arguments
    def scale(self, index: int | None = None, *, clip: float = 0.0) -> Scale:
        """The scale of one map, or of all of them together."""
        if index is None:
            return scale_of(self.values, signed=self.signed, clip=clip, shared="all photos")
        return scale_of(self.values[index], signed=self.signed, clip=clip, shared="this photo")

    # Numbers on disk

    def arrays(self) -> dict[str, NDArray[Any]]:
        """`values`, `raw`, `heatmap`, the model's `images`, and each score as `score.NAME`."""
        return {
            "values": self.values,
            "raw": self.raw,
            "heatmap": self.heatmap,
            "images": self.images.array,
            **{f"score.{name}": numbers for name, numbers in self.scores.items()},
        }

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Open a saved `.npz`; the photos are then the model's own images.

        Raises:
            FileError: Missing, damaged, or not saved by `save`.
        """
        with opened_arrays(path) as (metadata, file):
            scores = {name.removeprefix("score."): file[name] for name in file.files if name.startswith("score.")}
            names = metadata.pop("names")
            images = Images.from_array(file["images"], tuple(metadata.pop("value_range")), names)
            metadata["notes"], metadata["grid"] = tuple(metadata["notes"]), tuple(metadata["grid"])
            values, raw = numbers(file, "values", 3), numbers(file, "raw", file["raw"].ndim)
            if not len(values) == len(raw) == len(images):
                raise ValueError(f"{len(values)} maps of {len(images)} images")
            check_arguments("the file", cls, metadata)
            return cls(values=values, raw=raw, images=images, scores=scores, **metadata)

    def provenance(self) -> dict[str, Any]:
        """Method, target, units, model, layer, settings and notes."""
        return {
            "names": self.images.names,
            "method": self.method,
            "title": self.title,
            "summary": self.summary,
            "target": self.target,
            "question": self.question,
            "units": self.units,
            "signed": self.signed,
            "zero_is_mean": self.zero_is_mean,
            "is_share": self.is_share,
            "model": self.model,
            "layer": self.layer,
            "grid": self.grid,
            "settings": self.settings,
            "notes": self.notes,
            "value_range": self.images.value_range,
            "fed": self.fed,
        }

    def to_dict(self) -> dict[str, Any]:
        """How it was made, and for each image its map, its scores, and where on the photo the strongest value lies."""
        return {**super().to_dict(), "images": [self._image(index) for index in range(len(self))]}

    def _image(self, index: int) -> dict[str, Any]:
        values, photo = self.values[index], self.images.photos[index]
        left, top, right, bottom = photo.placement.box
        row, column = np.unravel_index(int(np.abs(values).argmax()), values.shape)
        across, down = (column + 0.5) / values.shape[1], (row + 0.5) / values.shape[0]
        strongest = [float(left + across * (right - left)), float(top + down * (bottom - top))]
        content: dict[str, Any] = plain(
            {
                "name": photo.name,
                "size": photo.original.shape[1::-1],
                "scores": {name: numbers[index] for name, numbers in self.scores.items()},
                "lowest": values.min(),
                "highest": values.max(),
                "strongest_at": [round(coordinate, 1) for coordinate in strongest],
                "sentence": self.sentence(index),
                **({} if self.untrained is None else {"untrained_likeness": self.untrained.likeness[:, index]}),
                "values": values,
            }
        )
        return content
