"""The numbers of a similarity: a score, what each place adds to it, and how they lie on disk."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from saccade.arguments import check_arguments
from saccade.errors import InputError, NotApplicable
from saccade.images import Images, Photo
from saccade.picture import Scale, scale_of
from saccade.results.arrays import numbers, opened_arrays
from saccade.results.matches import CoverTest, Match, errors_to_array, links_to_array, matches_from_array
from saccade.results.plain_values import plain
from saccade.results.result import Result, read_only

Shares = NDArray[np.float64]
Table = NDArray[np.float64]


class Cell(NamedTuple):
    """One cell of a code, and what it adds.

    Attributes:
        row: From the top, counted from 0.
        column: From the left, counted from 0.
        share: What it adds to the score; negative when it speaks against.
        box: Left, top, right, bottom on the original photo, in pixels.
    """

    row: int
    column: int
    share: float
    box: tuple[float, float, float, float]


@dataclass(frozen=True, eq=False)
class SimilarityNumbers(Result):
    """How alike are two images, and which places make it?

    Attributes:
        score: The cosine of the two codes, -1 to 1.
        shares_a: float64 (rows, columns): what each cell of the first image adds; with `special` they sum to the score.
        shares_b: The same for the second image; equal to `shares_a` when places are compared.
        images: The two images, one `Images` of one each; their sizes may differ.
        model: The model's name.
        layer: The layer whose numbers are the code.
        matching: `"place"`: each cell was compared with the cell at the same place; `"anywhere"`: with all cells.
        kind: What the score is: `"cosine"`.
        centred: Whether a mean code was taken off first.
        references: How many images that mean was taken of; 0 when it was given as numbers.
        places: Whether the cells are places of the image; a plain vector has none.
        special: What is no place adds to the score beside the cells: special tokens of a transformer, the constant of
            a linear head, what is left with everything hidden where the split is estimated.
        special_kind: Which of them that is, a name of `results.no_place`; empty if there is none.
        typical: What two photos of a known collection typically score, in words; empty if none is known.
        median_score: The score of a typical pair of that collection; None if none is known.
        high_score: The score that 5 % of its pairs exceed.
        split: `"exact"`, or `"estimated"` from masked images.
        cells: The layer whose cells the shares are of, where the code is made of them and has no places itself; else
            empty.
        interactions: float64 (rows of a, columns of a, rows of b, columns of b): what every pair of places adds; with
            `special` they sum to the score. None where places are compared, since there it is the diagonal
            (`links_of`), where the code has no places, and where it would be too large.
        within: For each photo the same table of its places among themselves, (rows, columns, rows, columns), which sums
            to 1: where in this photo is the same stuff. None as `interactions`.
        error: Standard errors of `shares_a` and `shares_b` where they are estimated; None where exact.
        matches: The strongest matches, those that add most first; signed.
        rest: The score minus the matches' shares.
        cover_test: What the score really becomes when the matches are covered on one photo; None if it was not tried.
        notes: What the reader must know.
    """

    score: float
    shares_a: Shares
    shares_b: Shares
    images: tuple[Images, Images]
    model: str
    layer: str
    matching: str = "place"
    kind: str = "cosine"
    centred: bool = False
    references: int = 0
    places: bool = True
    special: float = 0.0
    special_kind: str = ""
    typical: str = ""
    median_score: float | None = None
    high_score: float | None = None
    split: str = "exact"
    cells: str = ""
    interactions: Table | None = None
    within: tuple[Table, Table] | None = None
    error: tuple[Shares, Shares] | None = None
    matches: tuple[Match, ...] = ()
    rest: float = 0.0
    cover_test: CoverTest | None = None
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        tables = [] if self.interactions is None else [self.interactions]
        read_only(self.shares_a, self.shares_b, *tables, *(self.within or ()), *(self.error or ()))

    # Numbers

    @property
    def shares(self) -> Shares:
        """The shares of the first image; with `special` they sum to the score."""
        return self.shares_a

    @property
    def photos(self) -> tuple[Photo, Photo]:
        """The two photos."""
        return self.images[0].photos[0], self.images[1].photos[0]

    @property
    def names(self) -> tuple[str, str]:
        """The photos' names."""
        return self.photos[0].name, self.photos[1].name

    def on_photo(self, which: int = 0, *, smooth: bool = True) -> NDArray[np.float32]:
        """The shares laid onto one original photo, float32 (height, width): of each pixel the share of its cell.

        Args:
            which: 0 for the first image, 1 for the second.
            smooth: Interpolate between cells; False shows them as they are.
        """
        shares = (self.shares_a, self.shares_b)[which].astype(np.float32)
        return self.photos[which].placement.onto_original(shares, smooth=smooth)

    def top_cells(self, n: int = 5, which: int = 0) -> list[Cell]:
        """Which cells count most, for or against? The largest shares first, whatever their sign.

        Args:
            n: How many.
            which: 0 for the first image, 1 for the second.
        """
        shares = (self.shares_a, self.shares_b)[which]
        left, top, right, bottom = self.photos[which].placement.box
        high, wide = (bottom - top) / shares.shape[0], (right - left) / shares.shape[1]
        cells = []
        for index in np.argsort(-np.abs(shares), axis=None, kind="stable")[:n]:
            row, column = divmod(int(index), shares.shape[1])
            x, y = left + column * wide, top + row * high
            cells.append(Cell(row, column, float(shares[row, column]), (x, y, x + wide, y + high)))
        return cells

    def links_of(self, row: int, column: int, which: int = 0) -> Shares:
        """What does one place add to the score, together with each place of the other photo?

        Args:
            row: From the top, counted from 0.
            column: From the left, counted from 0.
            which: The photo of this place: 0 for the first, 1 for the second.

        Returns:
            float64 (rows, columns) of the other photo; it sums to the share of this place.

        Raises:
            InputError: No such place.
            NotApplicable: The code has no places, or too many for a table of all pairs.
        """
        shares, other = (self.shares_a, self.shares_b) if which == 0 else (self.shares_b, self.shares_a)
        if not self.places:
            raise NotApplicable(f"the code ({self.layer}) has no places, so no place of the photos can be touched.")
        if not (0 <= row < shares.shape[0] and 0 <= column < shares.shape[1]):
            rows, columns = shares.shape
            raise InputError(f"the photo has {rows}x{columns} places, so place {row},{column} does not exist.")
        if self.interactions is not None:
            table = self.interactions if which == 0 else self.interactions.transpose(2, 3, 0, 1)
            return np.array(table[row, column])
        if self.matching != "place":
            raise NotApplicable(
                f"{self.shares_a.size} places with {self.shares_b.size} are too many for a table of all pairs; take a "
                "layer of fewer cells, or a smaller image."
            )
        links = np.zeros(other.shape)
        links[row, column] = shares[row, column]
        return links

    def scale(self) -> Scale:
        """One signed scale for both images."""
        both = np.concatenate([self.shares_a.ravel(), self.shares_b.ravel()])
        return scale_of(both, signed=True, shared="both photos")

    # Numbers on disk

    def arrays(self) -> dict[str, NDArray[Any]]:
        """`shares_a`, `shares_b`, the model's images `image_a` and `image_b`, and what else there is.

        `interactions`, `within_a`, `within_b`, `error_a`, `error_b`; and `links` (links, 7): the number of its match,
        row and column in a, row and column in b, share, standard error (NaN where exact); `match_errors` (matches,).
        """
        images_a, images_b = self.images
        arrays: dict[str, NDArray[Any]] = {
            "shares_a": self.shares_a,
            "shares_b": self.shares_b,
            "image_a": images_a.array,
            "image_b": images_b.array,
            "links": links_to_array(self.matches),
            "match_errors": errors_to_array(self.matches),
        }
        if self.interactions is not None:
            arrays["interactions"] = self.interactions
        for name, both in (("within", self.within), ("error", self.error)):
            if both is not None:
                arrays[f"{name}_a"], arrays[f"{name}_b"] = both
        return arrays

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Open a saved `.npz`; the photos are then the model's own images.

        Raises:
            FileError: Missing, damaged, or not saved by `save`.
        """
        with opened_arrays(path) as (metadata, file):
            value_range, names = tuple(metadata.pop("value_range")), metadata.pop("names")
            first, second = (
                Images.from_array(file[f"image_{side}"], value_range, [name])
                for side, name in zip("ab", names, strict=True)
            )
            metadata["notes"] = tuple(metadata["notes"])
            shares_a, shares_b = numbers(file, "shares_a", 2), numbers(file, "shares_b", 2)
            grids = shares_a.shape, shares_b.shape
            cover_test = metadata.pop("cover_test")
            check_arguments("the file", cls, metadata)
            return cls(
                shares_a=shares_a,
                shares_b=shares_b,
                images=(first, second),
                interactions=_shaped(file, "interactions", (*grids[0], *grids[1])),
                within=_pair_of_tables(file, "within", (grids[0] * 2, grids[1] * 2)),
                error=_pair_of_tables(file, "error", grids),
                matches=matches_from_array(file["links"], file["match_errors"], *grids),
                cover_test=None if cover_test is None else _cover_test(cover_test),
                **metadata,
            )

    def provenance(self) -> dict[str, Any]:
        """The score, what it is, model, layer and notes."""
        return {
            "names": self.names,
            "score": self.score,
            "kind": self.kind,
            "matching": self.matching,
            "centred": self.centred,
            "references": self.references,
            "places": self.places,
            "special": self.special,
            "special_kind": self.special_kind,
            "typical": self.typical,
            "median_score": self.median_score,
            "high_score": self.high_score,
            "split": self.split,
            "cells": self.cells,
            "rest": self.rest,
            "cover_test": self.cover_test,
            "model": self.model,
            "layer": self.layer,
            "notes": self.notes,
            "value_range": self.images[0].value_range,
        }

    def to_dict(self) -> dict[str, Any]:
        """The score, how it was made, the shares of all cells and of all pairs of cells, and the matches.

        `matches` holds for each its `share`, `error` and `links`: `a` and `b` (row and column), `share`, `error`.
        """
        images = ("image_a", "image_b", "links", "match_errors")
        tables = {name: plain(array) for name, array in self.arrays().items() if name not in images}
        matches = [
            {
                "share": match.share,
                "error": match.error,
                "links": [plain(link._asdict()) for link in match.links],
            }
            for match in self.matches
        ]
        return {**super().to_dict(), **tables, "matches": matches}


def _shaped(file: Any, name: str, shape: tuple[int, ...]) -> Table | None:
    """An array of a saved file, if it holds it."""
    if name not in file.files:
        return None
    table = numbers(file, name, len(shape))
    if table.shape != shape:
        raise ValueError(f"{name} is {table.shape}, not {shape}")
    return table


def _pair_of_tables(
    file: Any, name: str, shapes: tuple[tuple[int, ...], tuple[int, ...]]
) -> tuple[Table, Table] | None:
    first, second = (_shaped(file, f"{name}_{side}", shape) for side, shape in zip("ab", shapes, strict=True))
    return None if first is None or second is None else (first, second)


def _cover_test(saved: dict[str, Any]) -> CoverTest:
    test = CoverTest(
        float(saved["score"]), tuple(map(float, saved["predicted"])), tuple(map(float, saved["measured"])),
        str(saved["filler"]),
    )  # fmt: skip
    if len(test.predicted) != len(test.measured):
        raise ValueError(f"{len(test.predicted)} predictions of {len(test.measured)} measurements")
    return test
