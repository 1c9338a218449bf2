"""Asking for the photos of a collection that are most like one: the only place where `Neighbours` are made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from saccade.arguments import checks_arguments
from saccade.collection.catalogue import Catalogue
from saccade.collection.code_space import CodeSpace, best
from saccade.collection.patches import best_places, mean_cell
from saccade.collection.thumbnail import opened_thumbnail
from saccade.encoder import Encoder, as_encoder
from saccade.errors import FileError, ImageError, InputError, NotApplicable
from saccade.images import Images
from saccade.models.places import Places
from saccade.pairs import compare
from saccade.results import Neighbour, Neighbours, Similarity
from saccade.run import Run
from saccade.typing import Array, Box

_SIDE = 400
"""Pixels of the longer side of a neighbour, as it is drawn."""


@checks_arguments
def search(
    encoder: Encoder | Any,
    catalogue: Catalogue,
    photo: Any,
    *,
    count: int = 12,
    cell: Sequence[int] | None = None,
    region: Sequence[float] | None = None,
    why: bool = False,
) -> Neighbours:
    """Which photos of the collection are most like this one, or hold something like a part of it?

    All photos are compared, by the number that `saccade.compare` gives: the cosine of the whole codes, less the mean
    code that the model knows of its collection, else less that of this one. Of a part, the cells of the code are
    compared with those of every place of every photo, less the mean cell.

    Args:
        encoder: The encoder that made the catalogue.
        catalogue: The collection.
        photo: Anything that `encoder.read` takes, one photo. If it is one of the collection, by its file or by name
            and content, it is left out (`Neighbours.left_out`); a copy under another name is not.
        count: How many are wanted.
        cell: Row and column of the one cell that is looked for, counted from 0.
        region: The part that is looked for, in pixels of the photo: left, top, right, bottom.
        why: Also say why the first that has another code is alike (`Neighbours.why`), if its file is there.

    Raises:
        InputError: A catalogue of another encoder, more or less than one photo, no such cell, or a region outside.
        NotApplicable: A part is looked for, and the code has no places.

    Example:
        >>> from saccade.collection import catalogue_of, search
        >>> catalogue = catalogue_of(encoder, "photos/")
        >>> len(search(encoder, catalogue, "cat.jpg", count=3).neighbours)
        3
    """
    encoder = as_encoder(encoder)
    if count < 1:
        raise InputError(f"count={count}: at least one neighbour must be wanted.")
    if cell is not None and region is not None:
        raise InputError("both cell and region were given, and they say the same; give one of them.")
    space = catalogue.space(encoder)
    image = encoder.images(photo)
    if len(image) != 1:
        raise InputError(f"{len(image)} photos were given; search for one at a time.")
    code = Run(encoder).codes(image, remember=False)[0]
    direction = space.direction(code)
    source = image.photos[0].source
    query = _Query(encoder, catalogue, image, count, [] if source is None else catalogue.rows_of(source))
    if cell is not None or region is not None:
        return query.of_part(code, cell, region)
    neighbours = query.of_whole(space, direction)
    first = neighbours.first_unequal if why else None
    path = None if first is None else first.path
    if path is None:
        return neighbours
    return replace(neighbours, why=_why(catalogue.known_to(encoder), image, path))


@dataclass(frozen=True)
class _Query:
    """What is searched for, and where.

    Attributes:
        rows: Of the photo itself in the catalogue, which is left out; empty where it is none of the collection.
    """

    encoder: Encoder
    catalogue: Catalogue
    image: Images
    count: int
    rows: list[int]

    def of_whole(self, space: CodeSpace, direction: Array) -> Neighbours:
        """By the whole codes."""
        rows, scores = space.nearest(direction, self.count, leave_out=self.rows)
        pairs = zip(rows.tolist(), scores.tolist(), strict=True)
        return self._result([self._neighbour(row, score, None) for row, score in pairs], space.centring, None)

    def of_part(self, code: Array, cell: Sequence[int] | None, region: Sequence[float] | None) -> Neighbours:
        """By some cells of the code, wherever they lie in the other photos."""
        codes = self.catalogue.codes
        places = self.catalogue.places(self.encoder)
        if places is None:
            raise NotApplicable(
                f"the code ({self.encoder.layer}) has no places, so no part of a photo can be looked for; index the "
                "photos with a layer that has cells (--layer)."
            )
        cells, _ = places.split(code[None])
        top, left, bottom, right = _part(self.image, places, cell, region)
        part = cells[0, top:bottom, left:right]
        scores, first_rows, first_columns = best_places(codes, places, part, mean_cell(codes, places))
        high, wide = part.shape[:2]
        neighbours = []
        for row in best(scores, self.count, leave_out=self.rows).tolist():
            first_row, first_column = int(first_rows[row]), int(first_columns[row])
            covered = (first_row, first_column, first_row + high, first_column + wide)
            box = _on_photo(self.catalogue.entries[row].box, places, covered)
            neighbours.append(self._neighbour(row, float(scores[row]), box))
        own_box = _on_photo(self.image.photos[0].placement.shares, places, (top, left, bottom, right))
        return self._result(neighbours, "cell", own_box)

    def _neighbour(self, row: int, score: float, box: Box | None) -> Neighbour:
        picture = _picture(self.catalogue, self.encoder, row)
        return Neighbour(self.catalogue.entries[row].name, self.catalogue.path(row), score, picture, box)

    def _result(self, neighbours: list[Neighbour], centring: str, part: Box | None) -> Neighbours:
        return Neighbours(
            tuple(neighbours),
            self.image,
            self.encoder.name,
            self.encoder.layer,
            len(self.catalogue) - len(self.rows),
            centring,
            part,
            left_out=tuple(self.catalogue.entries[row].name for row in self.rows),
        )


def _picture(catalogue: Catalogue, encoder: Encoder, row: int) -> NDArray[np.uint8]:
    """As it is drawn: of the file, where it is still there."""
    path = catalogue.file(row)
    image = None
    if path is not None:
        try:
            image = Image.fromarray(np.asarray(encoder.read(path).photos[0].original))
        except (ImageError, FileError):  # it has changed since; what was kept is shown
            image = None
    image = opened_thumbnail(catalogue.entries[row]) if image is None else image
    image.thumbnail((_SIDE, _SIDE), Image.Resampling.LANCZOS)
    return np.asarray(image)


def _why(encoder: Encoder, image: Images, first: Path) -> Similarity | None:
    try:
        return compare(encoder, image, first)
    except (FileError, ImageError):  # its file is gone, or another one
        return None


def _part(
    image: Images, places: Places, cell: Sequence[int] | None, region: Sequence[float] | None
) -> tuple[int, int, int, int]:
    """The cells that are looked for: from row, from column, to row, to column."""
    if cell is not None:
        row, column = (int(number) for number in cell) if len(cell) == 2 else (-1, -1)
        if not (0 <= row < places.rows and 0 <= column < places.columns):
            raise InputError(
                f"the code has {places.rows}x{places.columns} cells, so there is no cell {tuple(cell)}; rows and "
                "columns are counted from 0."
            )
        return row, column, row + 1, column + 1
    assert region is not None
    if len(region) != 4 or not (region[0] < region[2] and region[1] < region[3]):
        raise InputError(f"region={tuple(region)} is no part of a photo; give left, top, right, bottom in pixels.")
    left, top, right, bottom = image.photos[0].placement.box
    edges = []
    for low, high, start, stop, cells in (
        (region[1], region[3], top, bottom, places.rows),
        (region[0], region[2], left, right, places.columns),
    ):
        first, last = ((edge - start) / (stop - start) * cells for edge in (low, high))
        if last <= 0 or first >= cells:
            height, width = image.photos[0].original.shape[:2]
            raise InputError(
                f"region={tuple(region)} lies outside what the model sees of {image.names[0]}, {width} wide x {height} "
                "high."
            )
        # Cells of which more than half lies in it, or the one in its middle.
        begin, end = max(0, round(first)), min(cells, round(last))
        if end <= begin:
            begin = min(cells - 1, max(0, int((first + last) / 2)))
            end = begin + 1
        edges.append((begin, end))
    (top_row, bottom_row), (left_column, right_column) = edges
    return top_row, left_column, bottom_row, right_column


def _on_photo(box: Box, places: Places, part: tuple[int, int, int, int]) -> Box:
    """Where cells lie on a photo, in shares of its width and height.

    Args:
        box: Where the model's image lies on it.
        places: The grid.
        part: From row, from column, to row, to column.
    """
    wide, high = (box[2] - box[0]) / places.columns, (box[3] - box[1]) / places.rows
    top, left, bottom, right = part
    return box[0] + left * wide, box[1] + top * high, box[0] + right * wide, box[1] + bottom * high
