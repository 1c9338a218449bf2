"""Why an image is closer to these than to those: a difference of two scores, and what each place makes of it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from saccade.arguments import check_arguments, checks_arguments
from saccade.images import Images
from saccade.picture import Bar, Panel, figure, overlay, scale_of, stretch
from saccade.picture.numerals import number
from saccade.picture.scales import Scale
from saccade.results.arrays import numbers, opened_arrays
from saccade.results.framing import framed
from saccade.results.map_sentence import EVERYWHERE, main_region
from saccade.results.plain_values import plain
from saccade.results.result import Result, read_only, sentence

_UNIT = "what this place adds to the difference"
_LITTLE = 0.25
"""A difference says little below this part of that between a typical pair and one of the 5 % most alike."""
_SEEN = 0.005
"""What is no place is worth a word from this part of the difference on."""
_MEANING = (
    "Orange: this part makes the photo more like {nearer}. Blue: this part makes it more like {further}. {together}"
)


@dataclass(frozen=True, eq=False)
class Contrast(Result):
    """Why is this image closer to these than to those?

    Attributes:
        shares: float64 (rows, columns) of the image: what each place adds to the difference; with `special` they sum to
            it.
        scores_nearer: Its similarity to each of the ones.
        scores_further: Its similarity to each of the others.
        image: The image, one of its kind.
        nearer: The ones.
        further: The others.
        model: The model's name.
        layer: The layer whose numbers are the code.
        special: What is no place adds.
        centred: Whether a mean code was taken off first.
        error: Standard errors of `shares` where they are estimated, were those of the comparisons independent; None
            where exact.
        median_score: The score of a typical pair of a known collection; None if none is known.
        high_score: The score that 5 % of its pairs exceed.
        notes: What the reader must know.
    """

    shares: NDArray[np.float64]
    scores_nearer: tuple[float, ...]
    scores_further: tuple[float, ...]
    image: Images
    nearer: tuple[Images, ...]
    further: tuple[Images, ...]
    model: str
    layer: str
    special: float = 0.0
    centred: bool = False
    error: NDArray[np.float64] | None = None
    median_score: float | None = None
    high_score: float | None = None
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        read_only(self.shares, *([] if self.error is None else [self.error]))

    def __repr__(self) -> str:
        sides = f"{_names(self.nearer)} over {_names(self.further)}"
        return f"Contrast({self.difference:+.3f} of {self.image.names[0]}: {sides})"

    @property
    def difference(self) -> float:
        """The mean similarity to the ones less that to the others."""
        first, second = self._means
        return first - second

    @property
    def says_little(self) -> bool:
        """Is the difference next to nothing, beside those between pairs of a known collection, or as it is written?"""
        if self.median_score is None or self.high_score is None:
            first, second = self._means
            return number(first) == number(second)
        return abs(self.difference) < _LITTLE * (self.high_score - self.median_score)

    @property
    def headline(self) -> str:
        """To which is it closer, and by how much?"""
        nearer, further = _names(self.nearer), _names(self.further)
        by = number(abs(self.difference))
        if self.says_little:
            more = "" if self.difference == 0 else f": {by} {'more' if self.difference > 0 else 'less'}"
            return f"About as much like {nearer} as like {further}{more}"
        return f"{'More' if self.difference >= 0 else 'Less'} like {nearer} than {further}, by {by}"

    @property
    def size_in_words(self) -> str:
        """Is that much? By what pairs of a known collection score; where none is known, how to get to know it."""
        by = number(abs(self.difference))
        if self.median_score is None or self.high_score is None:
            little = "That is next to nothing as scores are written. " if self.says_little else ""
            return (
                f"{little}What two photos typically score is not known here, so neither is whether {by} is much; a "
                "folder of photos as reference tells (--reference FOLDER)."
            )
        typical = f"a typical pair scores {number(self.median_score)}, and 5 % score over {number(self.high_score)}"
        return f"A difference of {by} says little: {typical}." if self.says_little else f"For comparison, {typical}."

    @property
    def _together(self) -> str:
        """What the places make, and what no place makes."""
        if abs(self.special) < _SEEN * abs(self.difference) or not self.special:
            return "All places together make the difference."
        places = f"All places together make {number(self.difference - self.special)} of it"
        return f"{places}; {number(self.special)} comes from no place of the photo."

    @property
    def _means(self) -> tuple[float, float]:
        return float(np.mean(self.scores_nearer)), float(np.mean(self.scores_further))

    @property
    def sentence(self) -> str:
        """In plain words."""
        nearer, further = _names(self.nearer), _names(self.further)
        means = [number(mean) for mean in self._means]
        likenesses = f"{self.image.names[0]} is {means[0]} alike to {nearer} and {means[1]} to {further}"
        if self.centred:
            likenesses = f"Beyond what all photos share, {likenesses}"
        # The side that it is more like is the one to be explained.
        side, speaking = (nearer, self.shares) if self.difference >= 0 else (further, -self.shares)
        if not (speaking > 0).any():
            return f"{likenesses}; no place makes it more like {side}."
        where, part = main_region(np.maximum(speaking, 0))
        if where == EVERYWHERE:
            return f"{likenesses}; what speaks for {side} lies all over the photo."
        return f"{likenesses}; {100 * part:.0f} % of what speaks for {side} lies in {where}."

    def scale(self) -> Scale:
        """A signed scale."""
        return scale_of(self.shares, signed=True)

    @checks_arguments
    def figure(
        self, *, theme: str = "light", smooth: bool = True, opacity: float = 0.85, width: int = 1500
    ) -> Image.Image:
        """A page: the photo with what each place adds to the difference, and all photos in their own colours.

        Args:
            theme: `"light"` or `"dark"`.
            smooth: Interpolate between places; False shows them as they are.
            opacity: Opacity of the strongest colour.
            width: Outer width in pixels.
        """
        photo, scale = framed(self.image.photos[0]), self.scale()
        drawn = overlay(
            photo, stretch(self.shares, photo.shape[0], photo.shape[1], smooth=smooth), scale, opacity=opacity
        )
        panels = [Panel(Image.fromarray(photo), self.image.names[0]), Panel(drawn, "where the difference lies")]
        for images, scores in ((self.nearer, self.scores_nearer), (self.further, self.scores_further)):
            panels += [
                Panel(Image.fromarray(framed(each.photos[0])), each.names[0], f"{number(score)} alike")
                for each, score in zip(images, scores, strict=True)
            ]
        measure = f"Difference of cosine similarities, layer {self.layer} of {self.model}"
        measure += ", after taking off the mean code." if self.centred else "."
        rows, columns = self.shares.shape
        measure += f" Real grid {columns}x{rows}{', smoothed for display' if smooth else ''}."
        return figure(
            panels,
            columns=ceil(len(panels) / ceil(len(panels) / 4)),
            title=self.headline,
            caption=[
                self.sentence,
                self.size_in_words,
                _MEANING.format(nearer=_names(self.nearer), further=_names(self.further), together=self._together),
            ],
            notes=[measure, *map(sentence, self.notes)],
            bar=Bar(scale, _UNIT),
            theme=theme,
            width=width,
        )

    def page(self, **drawing: Any) -> Image.Image:
        """`figure`, which says what it takes."""
        return self.figure(**drawing)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """`shares`, `error` where they are estimated, and the model's images: `image`, `nearer_0`, `further_0`, ..."""
        arrays: dict[str, NDArray[Any]] = {"shares": self.shares, "image": self.image.array}
        if self.error is not None:
            arrays["error"] = self.error
        for side in ("nearer", "further"):
            arrays |= {f"{side}_{index}": each.array for index, each in enumerate(getattr(self, side))}
        return arrays

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Contrast:
        """Open a saved `.npz`; the photos are then the model's own images.

        Raises:
            FileError: Missing, damaged, or not saved by `save`.
        """
        with opened_arrays(path) as (metadata, file):
            value_range, names = tuple(metadata["value_range"]), metadata["names"]

            def images(array: str, name: str) -> Images:
                return Images.from_array(file[array], value_range, [name])

            about = {name: metadata[name] for name in ("model", "layer", "special", "centred")}
            about |= {name: metadata.get(name) for name in ("median_score", "high_score")}
            check_arguments("the file", cls, about)
            nearer, further = (
                tuple(images(f"{side}_{index}", name) for index, name in enumerate(metadata[f"names_{side}"]))
                for side in ("nearer", "further")
            )
            first, second = (tuple(map(float, metadata[f"scores_{side}"])) for side in ("nearer", "further"))
            if len(first) != len(nearer) or len(second) != len(further) or not first or not second:
                raise ValueError("scores that do not fit the photos")
            return cls(
                shares=numbers(file, "shares", 2),
                scores_nearer=first,
                scores_further=second,
                image=images("image", names[0]),
                nearer=nearer,
                further=further,
                error=numbers(file, "error", 2) if "error" in file.files else None,
                notes=tuple(metadata["notes"]),
                **about,
            )

    def provenance(self) -> dict[str, Any]:
        """The scores, model, layer and notes."""
        return {
            "names": self.image.names,
            "names_nearer": [each.names[0] for each in self.nearer],
            "names_further": [each.names[0] for each in self.further],
            "difference": self.difference,
            "scores_nearer": self.scores_nearer,
            "scores_further": self.scores_further,
            "special": self.special,
            "centred": self.centred,
            "median_score": self.median_score,
            "high_score": self.high_score,
            "model": self.model,
            "layer": self.layer,
            "notes": self.notes,
            "value_range": self.image.value_range,
        }

    def to_dict(self) -> dict[str, Any]:
        """How it was made, and the shares of all places."""
        error = {} if self.error is None else {"error": plain(self.error)}
        return {**super().to_dict(), "shares": plain(self.shares), **error}


def _names(images: Sequence[Images]) -> str:
    return images[0].names[0] if len(images) == 1 else f"these {len(images)} photos" if images else "nothing"
