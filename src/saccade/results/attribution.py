"""What a method found about some images: raw numbers, units, how they were made."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from saccade.arguments import check_arguments, checks_arguments
from saccade.errors import InputError, UnknownName
from saccade.images import Images
from saccade.picture import Bar, Panel, Scale, figure, overlay, scale_of, spotlight, stretch
from saccade.picture.contours import legible
from saccade.picture.seen_part import frame_seen_part, seen_part_in_words
from saccade.results.arrays import numbers, opened_arrays
from saccade.results.map_sentence import map_sentence
from saccade.results.model_image import model_image
from saccade.results.plain import plain
from saccade.results.result import Result, capitalised, read_only
from saccade.results.untrained_maps import UntrainedMaps
from saccade.typing import Array

VIEWS = ("heatmap", "spotlight", "contours")
"""How a map is drawn on its photo; see `Attribution.drawn`."""

VIEW_REMARKS = {
    "spotlight": "in its own colours where the map is high, grey and dark elsewhere",
    "contours": "lines at 1/4, 1/2 and 3/4 of the strongest place",
}
"""What light, grey and lines mean in views that have no colour bar."""
_WIDE = 1.5
"""Pages of a wider aspect set four pictures in a row."""
_COUNTED = 250_000
"""So many places of a photo, evenly spaced, are enough for the numbers of a sentence."""
_KEPT = "the darker and greyer, the less of the detail is kept: full colour at 100 %, dark at none"
_SMALLEST_DRAWN = 900
"""Photos are enlarged to this many pixels on their longer side before anything is drawn on them."""


@dataclass(frozen=True, eq=False)
class Attribution(Result):
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

    def __getitem__(self, which: int | slice) -> Attribution:
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

    def __repr__(self) -> str:
        return f"Attribution({self.method} of {self.target} on {len(self)} image(s), {self.units})"

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

    # Pages

    @checks_arguments
    def scale(self, index: int | None = None, *, clip: float = 0.0) -> Scale:
        """The scale of one map, or of all of them together."""
        if index is None:
            return scale_of(self.values, signed=self.signed, clip=clip, shared="all photos")
        return scale_of(self.values[index], signed=self.signed, clip=clip, shared="this photo")

    @checks_arguments
    def overlay(
        self,
        *,
        scale: str | Scale = "each",
        clip: float = 0.0,
        opacity: float = 0.85,
        contours: bool | None = None,
        smooth: bool = True,
        least: int = _SMALLEST_DRAWN,
    ) -> list[Image.Image]:
        """The map over each photo at the photo's own size, without any text.

        Args:
            scale: `"each"` map for itself, one scale for `"all"`, or a scale shared with further maps.
            clip: Percentage of the strongest values that share the last colour.
            opacity: Opacity of the strongest colour.
            contours: Draw lines at fixed fractions of the scale; None leaves them out on very noisy maps.
            smooth: Interpolate between the method's own cells.
            least: Smaller photos are enlarged to this many pixels first.
        """
        return [
            self._framed(
                overlay(
                    photo.original,
                    self.on_photo(index, smooth=smooth),
                    self._scale(scale, index, clip),
                    opacity=opacity,
                    contours=contours,
                    least=least,
                ),
                index,
            )
            for index, photo in enumerate(self.images.photos)
        ]

    @checks_arguments
    def spotlight(self, *, least: int = _SMALLEST_DRAWN) -> list[Image.Image]:
        """Each photo in its own colours where the map is high, dark and grey elsewhere."""
        return [
            self._framed(spotlight(photo.original, self.on_photo(index), self.scale(index), least=least), index)
            for index, photo in enumerate(self.images.photos)
        ]

    @checks_arguments
    def drawn(
        self, index: int = 0, *, view: str = "auto", scale: str | Scale = "each", least: int = _SMALLEST_DRAWN
    ) -> Image.Image:
        """One photo with its map, without any text.

        Args:
            index: Which image.
            view: `"heatmap"` paints the map over the greyed photo, `"spotlight"` keeps the photo's colours where the
                map is high, `"contours"` draws lines at 1/4, 1/2 and 3/4 of the scale on the photo in its own colours;
                `"auto"` is the method's own choice.
            scale: As for `overlay`.
            least: Smaller photos are enlarged to this many pixels first.

        Raises:
            UnknownName: No such view.
        """
        view = self._view(view)
        photo, placed = self.images.photos[index].original, self.on_photo(index)
        colours = self._scale(scale, index, 0.0)
        if view == "spotlight":
            image = spotlight(photo, placed, colours, full=1.0 if self._is_kept else 0.6, least=least)
        elif view == "contours":
            image = overlay(photo, placed, colours, opacity=0.0, contours=True, photo_style="colour", least=least)
        else:
            image = overlay(photo, placed, colours, least=least)
        return self._framed(image, index)

    def redrawn_photo(self, index: int = 0) -> Image.Image:
        """One image as the model redraws it, put back onto the shape of its photo.

        Raises:
            InputError: The map is not about redrawn images.
        """
        if self.redrawn is None:
            raise InputError(f"{self.method} does not redraw images; method='detail_kept' does.")
        return model_image(self.redrawn[index], self.images.photos[index].placement, self.images.value_range)

    def bar(self, index: int = 0, *, view: str = "auto") -> Bar | None:
        """The key to the colours of one map, without the words that all maps of a sheet share; None without colours.

        Args:
            index: Which image.
            view: As for `drawn`.
        """
        if self._view(view) != "heatmap":
            return None
        return Bar(self.scale(index), percent=self.is_share, contours=False, scale_named=False)

    def key_words(self, *, view: str = "auto") -> str:
        """What light, grey and lines mean where no colour bar says it; empty where one does.

        Args:
            view: As for `drawn`.
        """
        chosen = self._view(view)
        if chosen == "heatmap":
            return ""
        return _KEPT if self._is_kept and chosen == "spotlight" else VIEW_REMARKS[chosen]

    def page(self, **drawing: Any) -> Image.Image:
        """`figure` of a single image, `sheet` of several; they say what they take."""
        return self.figure(0, **drawing) if len(self) == 1 else self.sheet(**drawing)

    @checks_arguments
    def figure(
        self,
        index: int = 0,
        *,
        view: str = "auto",
        theme: str = "light",
        scale: str | Scale = "each",
        clip: float = 0.0,
        opacity: float = 0.85,
        smooth: bool = True,
        width: int | None = None,
        aspect: tuple[int, int] | None = None,
    ) -> Image.Image:
        """A page: the question, the answer in a sentence, the photo, the map on it, its colour bar, how it was made.

        Args:
            index: Which image.
            view: As for `drawn`.
            theme: `"light"` or `"dark"`.
            scale: As for `overlay`.
            clip: Percentage of the strongest values that share the last colour.
            opacity: Opacity of the strongest colour.
            smooth: Interpolate between the method's own cells.
            width: Outer width in pixels.
            aspect: Width and height of the page to each other, such as (16, 9): paper is added round it.
        """
        photo, view = self.images.photos[index], self._view(view)
        colours = self._scale(scale, index, clip)
        if self.untrained is not None and scale == "each":
            both = [self.values[index], self.untrained.mean[index]]
            colours = scale_of(np.stack(both), signed=self.signed, clip=clip, shared="both maps")
        if view == "heatmap":
            placed = self.on_photo(index, smooth=smooth)
            lines = legible(placed, colours)
            drawn = overlay(photo.original, placed, colours, opacity=opacity, contours=lines, least=_SMALLEST_DRAWN)
            drawn = self._framed(drawn, index)
            bar = self._bar(colours, opacity, lines)
        else:
            drawn, bar = self.drawn(index, view=view, scale=colours), None
        others = [images.photos[index if len(images) > 1 else 0] for images in self.compared]
        remark = self.key_words(view=view)
        panels = [
            Panel(Image.fromarray(np.asarray(photo.original)), title=photo.name),
            Panel(drawn, title=self.title, subtitle=remark),
        ]
        if self.untrained is not None:
            placed = photo.placement.onto_original(self.untrained.mean[index], smooth=smooth)
            mean = self._framed(overlay(photo.original, placed, colours, opacity=opacity, least=_SMALLEST_DRAWN), index)
            networks = len(self.untrained.likeness)
            panels.append(
                Panel(mean, title="Untrained", subtitle=f"the mean of {networks} networks, scaled to the same total")
            )
        if self.redrawn is not None:
            panels.insert(1, Panel(self.redrawn_photo(index), title="Redrawn"))
        panels += [Panel(Image.fromarray(np.asarray(other.original)), title=other.name) for other in others]
        is_wide = aspect is not None and aspect[0] / aspect[1] > _WIDE
        return figure(
            panels,
            columns=2 if len(panels) == 4 and not is_wide else len(panels),
            title=capitalised(self.question),
            caption=[*self.page_sentences(index), f"{self.title}: {self.summary}."],
            notes=self._small_print(smooth),
            bar=bar,
            theme=theme,
            width=width,
            aspect=aspect,
        )

    @checks_arguments
    def sheet(
        self,
        *,
        view: str = "auto",
        theme: str = "light",
        scale: str = "each",
        clip: float = 0.0,
        columns: int = 3,
    ) -> Image.Image:
        """A contact sheet: every photo in its own colours, and beside it the photo with its map.

        Args:
            view: As for `drawn`.
            theme: `"light"` or `"dark"`.
            scale: `"each"` map for itself, or one scale for `"all"`, with its bar.
            clip: Percentage of the strongest values that share the last colour.
            columns: Photos in a row.
        """
        shared = self.scale(clip=clip) if scale == "all" else scale
        panels: list[Panel] = []
        for index, photo in enumerate(self.images.photos):
            limits = self._scale(shared, index, clip)
            most = (
                "" if scale == "all" or limits.flat else f"colours up to {self._bar(limits, 0.85, True).ticks[-1][1]}"
            )
            panels.append(Panel(Image.fromarray(np.asarray(photo.original)), title=photo.name))
            panels.append(Panel(self.drawn(index, view=view, scale=limits, least=480), subtitle=most))
        return figure(
            panels,
            columns=2 * min(columns, len(self)),
            title=capitalised(self.question),
            caption=[f"{self.title}: {self.summary}.", *filter(None, [capitalised(self.key_words(view=view))])],
            notes=[f"colours: {self.units}", *self._small_print(True)],
            bar=self._bar(self.scale(clip=clip), 0.85, True)
            if scale == "all" and self._view(view) == "heatmap"
            else None,
            theme=theme,
        )

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
    def load(cls, path: str | os.PathLike[str]) -> Attribution:
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

    # Parts

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

    def _framed(self, image: Image.Image, index: int) -> Image.Image:
        """One photo with a frame round what the model was given of it."""
        return frame_seen_part(image, self.images.photos[index].placement.shares)

    def _scale(self, scale: str | Scale, index: int, clip: float) -> Scale:
        if isinstance(scale, Scale):
            return scale
        if scale not in ("each", "all"):
            raise InputError(f"scale={scale!r}: give 'each' or 'all'.")
        return self.scale(index if scale == "each" else None, clip=clip)

    @property
    def _is_kept(self) -> bool:
        """Is the map about what is kept, so that what is missing must be seen?"""
        return self.redrawn is not None

    def _view(self, view: str) -> str:
        if view not in ("auto", *VIEWS):
            raise UnknownName.of("view", view, ("auto", *VIEWS))
        return self.view if view == "auto" else view

    def _bar(self, scale: Scale, opacity: float, lines: bool) -> Bar:
        return Bar(scale=scale, unit=self.units, percent=self.is_share, opacity=opacity, contours=lines)

    def _small_print(self, smooth: bool) -> list[str]:
        rows, columns = self.grid
        height, width = self.images.shape[1:3]
        grid = f"real grid {columns}x{rows}" + ("" if smooth else ", shown as it is")
        return [
            f"{self.method} of {self.target}, layer {self.layer} of {self.model}, which was given {width}x{height} px"
            + (f", {self.fed}" if self.fed else ""),
            "; ".join((grid, *self._seen_parts(), *self.notes)),
        ]

    def _seen_parts(self) -> list[str]:
        """How much of the photos the model is given."""
        parts = list(dict.fromkeys(seen_part_in_words(photo.placement.shares) for photo in self.images.photos))
        if len(parts) == 1:
            return [*filter(None, parts)]
        return ["of some photos the model is given the middle alone, which is framed"]
