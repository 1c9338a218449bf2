"""What a method found about some pictures: raw numbers, units, how they were made; it draws and saves itself."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from saccade.errors import InputError
from saccade.images import Images
from saccade.picture import Bar, Panel, Scale, comparison, figure, overlay, save_picture, scale_of, spotlight, stretch
from saccade.picture.contours import legible
from saccade.results.arrays import opened_arrays, save_arrays
from saccade.typing import Array

_SMALLEST_DRAWN = 900
"""Pictures are enlarged to this many pixels on their longer side before anything is drawn on them."""


@dataclass(frozen=True, eq=False)
class Attribution:
    """Which places of these pictures matter to the target, and by how much?

    Attributes:
        values: float32 (images, rows, columns): the map on the method's own grid, which spans the model's picture.
        raw: What the map was made from, before channels were joined or anything was smoothed.
        units: What one unit of `values` is.
        signed: Whether negative values are evidence against.
        is_share: Whether the values are shares of a whole, which people read in percent.
        images: The pictures, with the photos they came from.
        method: The method's name.
        title: The method's name among people.
        plain: What the method does, in plain words.
        target: The target's name.
        question: What the map answers, in plain words.
        model: The model's name.
        layer: The layer that was read.
        settings: Every setting with the value used.
        notes: What the reader of the picture must know.
        scores: Numbers per picture, by name.
    """

    values: Array
    raw: Array
    units: str
    signed: bool
    images: Images
    method: str
    title: str
    plain: str
    target: str
    question: str
    model: str
    layer: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    scores: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    is_share: bool = False

    def __post_init__(self) -> None:
        for array in (self.values, self.raw):
            array.setflags(write=False)

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, which: int | slice) -> Attribution:
        """The same for one picture, or for some."""
        kept = slice(which, which + 1 or None) if isinstance(which, int) else which
        scores = {name: each[kept] for name, each in self.scores.items()}
        return _replaced(self, values=self.values[kept], raw=self.raw[kept], images=self.images[kept], scores=scores)

    def __repr__(self) -> str:
        return f"Attribution({self.method} of {self.target} on {len(self)} picture(s), {self.units})"

    # Numbers

    @property
    def heatmap(self) -> Array:
        """The map at the size of the model's picture, float32 (images, height, width), raw and signed, in `units`."""
        height, width = self.images.shape[1:3]
        if self.values.shape[1:] == (height, width):
            return self.values
        return np.stack([stretch(each, height, width) for each in self.values])

    def on_photo(self, index: int = 0, *, smooth: bool = True) -> Array:
        """The map of one picture laid onto its original photo, float32 (height, width) of the photo.

        Args:
            index: Which picture.
            smooth: Interpolate between the method's own cells; False shows them as they are.
        """
        return self.images.photos[index].placement.onto_original(self.values[index], smooth=smooth)

    # Pictures

    def scale(self, index: int | None = None, *, clip: float = 0.0) -> Scale:
        """The scale of one picture, or of all of them together."""
        if index is None:
            return scale_of(self.values, signed=self.signed, clip=clip, shared="all pictures")
        return scale_of(self.values[index], signed=self.signed, clip=clip, shared="this picture")

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
            scale: `"each"` picture for itself, one scale for `"all"`, or a scale shared with further pictures.
            clip: Percentage of the strongest values that share the last colour.
            opacity: Opacity of the strongest colour.
            contours: Draw lines at fixed fractions of the scale; None leaves them out on very noisy maps.
            smooth: Interpolate between the method's own cells.
            least: Smaller photos are enlarged to this many pixels first.
        """
        return [
            overlay(
                self.images.photos[index].original,
                self.on_photo(index, smooth=smooth),
                self._scale(scale, index, clip),
                opacity=opacity,
                contours=contours,
                least=least,
            )
            for index in range(len(self))
        ]

    def spotlight(self, *, least: int = _SMALLEST_DRAWN) -> list[Image.Image]:
        """Each photo in its own colours where the map is high, dark and grey elsewhere."""
        return [
            spotlight(self.images.photos[index].original, self.on_photo(index), self.scale(index), least=least)
            for index in range(len(self))
        ]

    def figure(
        self,
        index: int = 0,
        *,
        theme: str = "light",
        scale: str | Scale = "each",
        clip: float = 0.0,
        opacity: float = 0.85,
        smooth: bool = True,
        width: int | None = None,
    ) -> Image.Image:
        """A page: the photo, the map on it, the colour bar with its unit, and how it was made."""
        photo = self.images.photos[index]
        chosen = self._scale(scale, index, clip)
        placed = self.on_photo(index, smooth=smooth)
        lines = legible(placed, chosen)
        picture = overlay(photo.original, placed, chosen, opacity=opacity, contours=lines, least=_SMALLEST_DRAWN)
        return figure(
            [Panel(Image.fromarray(np.asarray(photo.original)), title=photo.name), Panel(picture, title=self.title)],
            columns=2,
            title=f"{self.title}: {self.question}",
            caption=[_sentence(self.plain)],
            notes=self._small_print(smooth),
            bar=self._bar(chosen, opacity, lines),
            theme=theme,
            width=width,
        )

    def sheet(self, *, theme: str = "light", scale: str = "each", clip: float = 0.0, columns: int = 3) -> Image.Image:
        """A contact sheet: every photo with its map."""
        pictures = self.overlay(scale=scale, clip=clip, least=480)
        panels = [Panel(picture, title=photo.name) for picture, photo in zip(pictures, self.images.photos, strict=True)]
        return figure(
            panels,
            columns=min(columns, len(panels)),
            title=f"{self.title}: {self.question}",
            caption=[_sentence(self.plain)],
            notes=self._small_print(True),
            bar=self._bar(self.scale(clip=clip), 0.85, True) if scale == "all" else None,
            theme=theme,
        )

    def _repr_png_(self) -> bytes:
        """Shown by notebooks."""
        page = self.figure(0) if len(self) == 1 else self.sheet()
        page.thumbnail((1400, 1400 * 8))
        buffer = io.BytesIO()
        page.save(buffer, "PNG")
        return buffer.getvalue()

    # Files

    def save(self, path: str | os.PathLike[str], **drawing: Any) -> Path:
        """Save the numbers (`.npz`) or a page (`.png`, `.jpg`, `.webp`), with the settings inside.

        Args:
            path: The ending chooses; nothing half-written is left behind.
            **drawing: For pages, what `figure` (one picture) or `sheet` (several) takes.

        Raises:
            FileError: The folder is missing or cannot be written.
        """
        target = Path(path)
        if target.suffix.lower() != ".npz":
            page = self.figure(0, **drawing) if len(self) == 1 else self.sheet(**drawing)
            return save_picture(page, target, self.metadata())
        arrays: dict[str, NDArray[Any]] = {
            "values": self.values,
            "raw": self.raw,
            "heatmap": self.heatmap,
            "pictures": self.images.array,
            **{f"score.{name}": each for name, each in self.scores.items()},
        }
        return save_arrays(target, arrays, {**self._made(), "names": list(self.images.names)})

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Attribution:
        """Open a saved `.npz`; the photos are then the model's own pictures.

        Raises:
            FileError: Missing, damaged, or not saved by `save`.
        """
        with opened_arrays(path) as (made, file):
            scores = {name.removeprefix("score."): file[name] for name in file.files if name.startswith("score.")}
            names = made.pop("names")
            images = Images.from_array(file["pictures"], tuple(made.pop("value_range")), names)
            made["notes"] = tuple(made["notes"])
            return cls(values=file["values"], raw=file["raw"], images=images, scores=scores, **made)

    def metadata(self) -> dict[str, str]:
        """How this was made, as text by name; it travels inside the pictures."""
        made = self._made()
        settings = ", ".join(f"{name}={value}" for name, value in made.pop("settings").items())
        texts = {name: "; ".join(value) if isinstance(value, tuple) else str(value) for name, value in made.items()}
        from importlib.metadata import version

        return {"Software": f"saccade {version('saccade')}", **texts, "settings": settings}

    # Parts

    def _made(self) -> dict[str, Any]:
        settings = {name: _plain(value) for name, value in self.settings.items()}
        return {
            "method": self.method,
            "title": self.title,
            "plain": self.plain,
            "target": self.target,
            "question": self.question,
            "units": self.units,
            "signed": self.signed,
            "is_share": self.is_share,
            "model": self.model,
            "layer": self.layer,
            "settings": settings,
            "notes": self.notes,
            "value_range": list(self.images.value_range),
        }

    def _scale(self, scale: str | Scale, index: int, clip: float) -> Scale:
        if isinstance(scale, Scale):
            return scale
        if scale not in ("each", "all"):
            raise InputError(f"scale={scale!r}: give 'each' or 'all'.")
        return self.scale(index if scale == "each" else None, clip=clip)

    def _bar(self, scale: Scale, opacity: float, lines: bool) -> Bar:
        return Bar(scale=scale, unit=self.units, percent=self.is_share, opacity=opacity, contours=lines)

    def _small_print(self, smooth: bool) -> list[str]:
        rows, columns = self.raw.shape[1:3]
        grid = f"real grid {columns}x{rows}" + ("" if smooth else ", shown as it is")
        return [
            f"{self.method} of {self.target}, layer {self.layer} of {self.model}",
            "; ".join((grid, *self.notes)),
        ]


def methods_sheet(found: Sequence[Attribution], *, theme: str = "light", photos: int = 12) -> Image.Image:
    """A contact sheet of several methods side by side, laid out so that every picture can be read.

    Args:
        found: One result per method, all of the same pictures.
        theme: `"light"` or `"dark"`.
        photos: At most this many photos; how many were left out is said.

    Raises:
        InputError: The results are of different pictures.
    """
    first = found[0]
    if any(each.images.names != first.images.names for each in found):
        raise InputError("the results are of different pictures, so they cannot stand side by side.")
    shown = range(min(len(first), photos))
    left_out = len(first) - len(shown)
    return comparison(
        [
            [
                Image.fromarray(np.asarray(first.images.photos[k].original)),
                *(each[k].overlay(least=480)[0] for each in found),
            ]
            for k in shown
        ],
        [first.images.names[k] for k in shown],
        [each.title for each in found],
        title=f"{first.question[:1].upper()}{first.question[1:]}",
        notes=[
            "; ".join(f"{each.title}: {each.units}" for each in found) + ". Every picture has its own scale.",
            *([f"{left_out} more pictures are not shown."] if left_out else []),
        ],
        theme=theme,
    )


def _plain(value: Any) -> Any:
    if isinstance(value, (str, int, float, bool, type(None))):
        return value
    return [_plain(each) for each in value] if isinstance(value, (list, tuple)) else str(value)


def _replaced(result: Attribution, **changes: Any) -> Attribution:
    from dataclasses import replace

    return replace(result, **changes)


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith('?') else '.'}"
