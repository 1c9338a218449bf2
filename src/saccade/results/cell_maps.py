"""What every cell of a code sees: one map for each."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from saccade.arguments import check_arguments, checks_arguments
from saccade.errors import InputError
from saccade.images import Images, Photo
from saccade.picture import overlay, scale_of
from saccade.picture.eyes import many_eyes
from saccade.picture.fields import field_page
from saccade.picture.receptive_field import ReceptiveField, softened
from saccade.picture.seen_part import frame_seen_part
from saccade.results.arrays import numbers, opened_arrays
from saccade.results.effective_fields import Axes, EffectiveFields
from saccade.results.framing import framed
from saccade.results.plain_values import plain
from saccade.results.result import Result, read_only
from saccade.typing import Array

_SMALLEST_DRAWN = 900


@dataclass(frozen=True, eq=False)
class CellMaps(Result):
    """What does each cell of the code see? Its gradient at every pixel, kept for its field alone.

    Attributes:
        windows: float32 (images, rows, columns, window height, window width, channels): the signed gradient of the
            cell's energy, from the upper left corner of its field on; zero beyond the field.
        fields: For every row of cells the rows of the image that it sees, for every column the columns; half open.
        unclipped_fields: The same, also where they reach beyond the image's edges; without bounds where all places
            mix.
        images: The images.
        passes: Backward passes per image that all the maps took.
        model: The model's name.
        layer: The layer whose cells these are.
        notes: What the reader must know.
    """

    windows: Array
    fields: Axes
    unclipped_fields: Axes
    images: Images
    passes: int
    model: str
    layer: str
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        read_only(self.windows)

    def __len__(self) -> int:
        return len(self.windows)

    def __repr__(self) -> str:
        rows, columns = self.grid
        return f"CellMaps({rows}x{columns} cells of {self.layer} on {len(self)} image(s), {self.passes} passes)"

    # Numbers

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns of cells."""
        return self.windows.shape[1], self.windows.shape[2]

    @property
    def units(self) -> str:
        """What one unit of a map is."""
        return "change of the inner product with the cell's own values per unit of pixel value"

    def __getitem__(self, cell: tuple[int, int]) -> Array:
        """How far does a small change of each pixel move this cell? Length over channels, (images, height, width).

        Raises:
            InputError: No such cell.
        """
        gradient = self.gradient(*cell).astype(np.float64)
        return np.asarray(np.sqrt((gradient * gradient).sum(axis=-1)), np.float32)

    def gradient(self, row: int, column: int) -> Array:
        """The signed gradient of one cell at every pixel, float32 (images, height, width, channels).

        Raises:
            InputError: No such cell.
        """
        (top, bottom), (left, right) = self._field(row, column)
        full = np.zeros(self.images.shape, np.float32)
        full[:, top:bottom, left:right] = self.windows[:, row, column, : bottom - top, : right - left]
        return full

    @cached_property
    def effective(self) -> EffectiveFields:
        """Where in its field each cell really looks: shares, sizes, the mean profile."""
        energy = np.einsum("...c,...c->...", self.windows, self.windows, dtype=np.float64)
        return EffectiveFields(energy, self.fields, self.unclipped_fields, (self.images.shape[1], self.images.shape[2]))

    @property
    def receptive_field(self) -> tuple[int, int] | None:
        """Height and width that a cell can see, in pixels; None: all of the image."""
        return self.effective.theoretical

    def size(self, share: float) -> float:
        """How large is the square that holds this share of the gradient energy? Mean of inner cells, side in pixels.

        Args:
            share: Above 0 and up to 1: 0.5 for the half, 0.9 for nearly all.

        Returns:
            NaN when no pixel moves any cell.
        """
        return self.effective.size(share)

    # Pages

    def overlay(self, row: int, column: int, index: int = 0) -> Image.Image:
        """One cell's map over the photo at the photo's own size, low-passed for the view, without any text.

        Raises:
            InputError: No such cell or image.
        """
        photo = self._photo(index)
        values = softened(self[row, column][index], self.blur)
        placed = photo.placement.onto_original(values)
        drawn = overlay(photo.original, placed, scale_of(placed, signed=False), least=_SMALLEST_DRAWN)
        return frame_seen_part(drawn, photo.placement.shares)

    @checks_arguments
    def figure(self, index: int = 0, *, cell: tuple[int, int] | None = None, theme: str = "dark") -> Image.Image:
        """A page: where one cell looks, and how much of their field the cells use on average.

        Args:
            index: Which image.
            cell: Row and column; by default the inner cell that pixels move most.
            theme: `"light"` or `"dark"`.

        Raises:
            InputError: No such image or cell.
        """
        frame = framed(self._photo(index))
        row, column = cell or self.strongest(index)
        field, effective = self._receptive_field(index, row, column), self.effective
        height, width = effective.profile.shape
        sizes = effective.size(0.5), effective.size(0.9)
        alone = self.grid == (1, 1)
        mean = field if alone else ReceptiveField(effective.profile, (0, 0), (height / 2, width / 2), sizes)
        fields = "1 field" if effective.averaged == 1 else f"{effective.averaged} fields"
        notes = [
            self._where(index) if alone else f"cell {row},{column} of {self._where(index)}",
            *([] if alone else [f"the mean and the sizes are those of {fields} that lie inside the image"]),
            self._small_print(),
        ]
        return field_page(
            frame, self.images.shape[1:3], field, mean, sees=effective.theoretical,
            curve=(effective.sides, effective.curve), blur=self.blur, notes=notes, theme=theme, alone=alone,
        )  # fmt: skip

    @checks_arguments
    def sheet(self, index: int = 0, *, theme: str = "dark") -> Image.Image:
        """The photo as all cells see it: at each cell's place its own field, bright where its gradient is.

        Args:
            index: Which image.
            theme: `"light"` or `"dark"`.

        Raises:
            InputError: No such image.
        """
        frame = framed(self._photo(index))
        rows, columns = self.grid
        fields = [[self._receptive_field(index, row, column) for column in range(columns)] for row in range(rows)]
        scales = "" if self.grid == (1, 1) else "; every cell has its own scale"
        notes = [f"{self._where(index)}{scales}", self._small_print()]
        return many_eyes(
            frame, self.images.shape[1:3], fields, sees=self.receptive_field, sizes=(self.size(0.5), self.size(0.9)),
            blur=self.blur, notes=notes, theme=theme,
        )  # fmt: skip

    def strongest(self, index: int = 0) -> tuple[int, int]:
        """Row and column of the inner cell that pixels move most, in one image."""
        self._photo(index)
        moved = np.where(self.effective.inner, self.effective.energy[index].sum(axis=(-1, -2)), -1)
        row, column = divmod(int(moved.argmax()), self.grid[1])
        return row, column

    @property
    def blur(self) -> float:
        """Pixels by which maps are smoothed for the view: an eighth of a cell, because pooling scatters gradients."""
        return min(side / count for side, count in zip(self.images.shape[1:3], self.grid, strict=True)) / 8

    def page(self, **drawing: Any) -> Image.Image:
        """`figure`, which says what it takes."""
        return self.figure(**drawing)

    # Numbers on disk

    def arrays(self) -> dict[str, NDArray[Any]]:
        """`windows`, the fields, the model's `images`, and the `shares` of squares of different `sides`."""
        return {
            "windows": self.windows,
            "images": self.images.array,
            "sides": np.array(self.effective.sides),
            "shares": self.effective.shares,
            **_by_axis("fields", self.fields),
            **_by_axis("unclipped_fields", self.unclipped_fields),
        }

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> CellMaps:
        """Open a saved `.npz`; the photos are then the model's own images.

        Raises:
            FileError: Missing, damaged, or not saved by `save`.
        """
        with opened_arrays(path) as (metadata, file):

            def axes(kind: str) -> Axes:
                rows, columns = (
                    tuple((int(first), int(last)) for first, last in file[f"{kind}.{axis}"])
                    for axis in ("rows", "columns")
                )
                return rows, columns

            about = {name: metadata[name] for name in ("passes", "model", "layer", "notes")}
            check_arguments("the file", cls, about)
            windows, fields = numbers(file, "windows", 6), axes("fields")
            images = Images.from_array(file["images"], tuple(metadata["value_range"]), metadata["names"])
            if windows.shape[:3] != (len(images), len(fields[0]), len(fields[1])):
                raise ValueError(f"windows of {windows.shape} for {len(fields[0])}x{len(fields[1])} cells")
            return cls(
                windows=windows,
                fields=fields,
                unclipped_fields=axes("unclipped_fields"),
                images=images,
                **{**about, "notes": tuple(about["notes"])},
            )

    def provenance(self) -> dict[str, Any]:
        """Model, layer, units, backward passes and notes."""
        return {
            "names": self.images.names,
            "model": self.model,
            "layer": self.layer,
            "units": self.units,
            "passes": self.passes,
            "notes": self.notes,
            "value_range": self.images.value_range,
        }

    def to_dict(self) -> dict[str, Any]:
        """How it was made, and the sizes of the fields: what a cell can see, and what half and most of it lie within.

        `effective_size` is the mean of inner cells, `effective_sizes` that of each cell on each image, in pixels; the
        keys are percentages of the gradient energy.
        """
        sizes: dict[str, Any] = plain(
            {
                "grid": self.grid,
                "receptive_field": self.receptive_field,
                "effective_size": {"50": self.size(0.5), "90": self.size(0.9)},
                "effective_sizes": {"50": self.effective.sizes(0.5), "90": self.effective.sizes(0.9)},
                "strongest_cells": [self.strongest(index) for index in range(len(self))],
            }
        )
        return {**super().to_dict(), **sizes}

    # Parts

    def _where(self, index: int) -> str:
        rows, columns = self.grid
        cells = "one vector" if rows * columns == 1 else f"{rows}x{columns} cells"
        return f"{cells}, layer {self.layer} of {self.model}, photo {self.images.names[index]}"

    def _small_print(self) -> str:
        alone = self.passes == self.grid[0] * self.grid[1]
        ways = f"{self.passes} backward pass{'es' * (self.passes != 1)}"
        ways += "" if alone else ", cells that share no pixel in one"
        smoothed = f"shown smoothed with {self.blur:g} px, measured without"
        return "; ".join((ways, smoothed, *self.notes))

    def _photo(self, index: int) -> Photo:
        if not 0 <= index < len(self):
            raise InputError(f"image {index} does not exist; there are {len(self)}, counted from 0.")
        return self.images.photos[index]

    def _field(self, row: int, column: int) -> tuple[tuple[int, int], tuple[int, int]]:
        rows, columns = self.grid
        if not (0 <= row < rows and 0 <= column < columns):
            raise InputError(f"the code has {rows}x{columns} cells, so cell {row},{column} does not exist.")
        return self.fields[0][row], self.fields[1][column]

    def _receptive_field(self, index: int, row: int, column: int) -> ReceptiveField:
        (top, bottom), (left, right) = self._field(row, column)
        effective = self.effective
        energy = effective.energy[index, row, column, : bottom - top, : right - left]
        down, across = effective.centre(index, row, column)
        squares = effective.size_of(0.5, index, row, column), effective.size_of(0.9, index, row, column)
        return ReceptiveField(energy, (top, left), (top + down, left + across), squares)


def _by_axis(name: str, axes: Axes) -> dict[str, NDArray[Any]]:
    return {f"{name}.rows": np.array(axes[0]), f"{name}.columns": np.array(axes[1])}
