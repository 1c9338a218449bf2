"""How the model sees a whole collection: where its photos lie, whose neighbours they are, what stands out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from saccade.collection import Catalogue, CodeSpace, catalogue_of, duplicates, odd_ones_out, photo_maps, sample
from saccade.collection.catalogue_facts import PhotoEntry
from saccade.collection.catalogue_file import check_catalogue_there, is_catalogue_name
from saccade.collection.outliers import COPIES_FROM
from saccade.collection.photo_map import check_installed
from saccade.encoder import Encoder
from saccade.errors import InputError
from saccade.images import find
from saccade.report.array_spec import array_spec
from saccade.report.photo_atlas import photo_atlas
from saccade.typing import Array

MOST = 2000
"""A page shows at most so many photos of a collection, so that it can be mailed."""
FEWEST = 12
"""Fewer photos are no collection."""
NEIGHBOURS = 10
_JUDGED = 10
"""A photo is odd where it is little like so many of its nearest."""
_ODD = 8
_COPIES = 8
"""Groups of copies that are shown."""
_ASPECT = 1.6
"""Width to height of the map on a wide screen."""
_TYPICAL = 4000
"""So many pairs, drawn at random, tell what is typical."""


def check_collection(collection: str | Path) -> Catalogue | None:
    """Refuse before the work a collection that is not there, and a machine that could not lay it out.

    Returns:
        The catalogue; None where the collection is a folder of photos.

    Raises:
        FileError: No such file or folder, a folder without photos, or a file that is no catalogue.
        InputError: Too few photos.
        MissingPackage: scikit-learn is not installed, or what opens the collection.
    """
    check_installed()
    if not is_catalogue_name(collection):
        _check_count(len(find([collection])))
        return None
    check_catalogue_there(collection)
    catalogue = Catalogue.load(collection)
    _check_count(len(catalogue))
    return catalogue


def _check_count(count: int) -> None:
    if count < FEWEST:
        photos = "1 photo is" if count == 1 else f"{count} photos are"
        raise InputError(f"{photos} no collection: a map of them would say nothing; give {FEWEST} or more.")


def catalogue_for(
    encoder: Encoder,
    collection: Any,
    *,
    progress: Callable[[int, int], None] | None = None,
    stop: Callable[[], bool] | None = None,
) -> Catalogue:
    """The catalogue of what was given: a catalogue, its file, or photos, which are then encoded.

    Raises:
        InputError: A catalogue of another encoder, or too few photos; and as for `catalogue_of`.
        FileError: As for `catalogue_of`, or for `Catalogue.load`.
        MissingPackage: scikit-learn is not installed, or what opens the collection.
    """
    check_installed()
    if isinstance(collection, (str, Path)) and is_catalogue_name(collection):
        collection = Catalogue.load(collection)
    if isinstance(collection, Catalogue):
        collection.check_fits(encoder)
        catalogue = collection
    else:
        catalogue = catalogue_of(encoder, collection, progress=progress, stop=stop)
    _check_count(len(catalogue))
    return catalogue


class ShownCollection:
    """As much of a collection as a page shows: all of it, or a sample.

    Args:
        encoder: The model.
        catalogue: The collection.
        seed: Of the sample, where there are too many, and of the maps.

    Attributes:
        space: The codes of the photos that are shown.
    """

    def __init__(self, encoder: Encoder, catalogue: Catalogue, *, seed: int = 0) -> None:
        whole = catalogue.space(encoder)
        rows = sample(len(catalogue), MOST, seed)
        self._catalogue, self._seed = catalogue, seed
        self.entries: list[PhotoEntry] = [catalogue.entries[row] for row in rows]
        self.space = CodeSpace(whole.directions[rows], whole.lengths[rows], whole.centre, whole.centring)
        self._numbers = {row: number for number, row in enumerate(rows.tolist())}

    @property
    def aspect(self) -> float:
        """Columns to rows of a grid that has the shape of a wide screen, by the shape of the photo in the middle."""
        return _ASPECT / float(np.median([entry.width / entry.height for entry in self.entries]))

    def query(self, source: Path | None, code: Array) -> dict[str, Any]:
        """The nearest of a photo, and its own place where it is one of those shown.

        Args:
            source: Its file, if there is one.
            code: (rows, columns, channels).
        """
        rows = [] if source is None else self._catalogue.rows_of(source)
        own = [self._numbers[row] for row in rows if row in self._numbers]
        nearest, scores = self.space.nearest(self.space.direction(code), NEIGHBOURS, leave_out=own)
        return {
            "own": own[0] if own else None,
            "neighbours": nearest.tolist(),
            "scores": [float(score) for score in scores],
        }

    def data(self, queries: Sequence[tuple[Path | None, Array]] = ()) -> dict[str, Any]:
        """Everything that the page shows of it.

        Args:
            queries: Files and codes of the photos of the page, whose nearest are found.
        """
        neighbours, scores = self.space.neighbours(NEIGHBOURS)
        copies = duplicates(self.space)
        return {
            "count": len(self._catalogue),
            "skipped": len(self._catalogue.skipped),
            # Only names: the page may be mailed, and must not tell where files lie on the disk.
            "names": [entry.name.rpartition("/")[2] for entry in self.entries],
            "atlas": photo_atlas(self.entries),
            "maps": [
                {
                    "layout": each.layout,
                    "positions": array_spec(each.positions),
                    "trustworthiness": each.trustworthiness,
                    "shares": each.shares,
                    "columns": each.columns,
                }
                for each in photo_maps(self.space, aspect=self.aspect, seed=self._seed)
            ],
            "neighbours": array_spec(neighbours),
            "scores": array_spec(scores),
            "queries": [self.query(source, code) for source, code in queries],
            "odd": odd_ones_out(scores[:, :_JUDGED], _ODD),
            "copies": copies[:_COPIES],
            "copy_groups": len(copies),
            "copies_from": COPIES_FROM,
            "centring": self.space.centring,
            "layer": self._catalogue.origin.layer,
            "numbers": int(np.prod(self._catalogue.codes.shape[1:])),
            "typical": _typical(self.space, self._seed),
        }


def _typical(space: CodeSpace, seed: int) -> list[float]:
    """What a typical pair scores, and what 5 % of the pairs exceed."""
    generator = np.random.default_rng(seed)
    first = generator.integers(len(space), size=_TYPICAL)
    second = (first + generator.integers(1, len(space), size=_TYPICAL)) % len(space)
    pieces = np.array_split(np.stack([first, second]), 16, axis=1)
    scores = np.concatenate([np.einsum("pk,pk->p", space.directions[a], space.directions[b]) for a, b in pieces])
    return [float(np.median(scores)), float(np.quantile(scores, 0.95))]
