"""A catalogue: the codes of a collection of photos, with the photos themselves small, in one file."""

from __future__ import annotations

import contextlib
import copy
import filecmp
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePath
from weakref import WeakKeyDictionary

from saccade.collection.catalogue_facts import CatalogueFacts, Origin, PhotoEntry
from saccade.collection.catalogue_file import read_catalogue, write_catalogue
from saccade.collection.code_space import FEWEST_CENTRED, CodeSpace
from saccade.encoder import Encoder
from saccade.errors import InputError
from saccade.images.collection import Skipped
from saccade.models.places import Places
from saccade.pairs.reference import reference_of_codes
from saccade.reference import Reference
from saccade.typing import Array


@dataclass(frozen=True, eq=False)
class Catalogue:
    """The codes of a collection of photos: made once, searched often.

    Attributes:
        entries: The photos, in the order of the rows of `codes`.
        codes: float32 (photos, rows, columns, channels); a vector is one cell.
        folder: The folder that holds all of them; empty where they are no files.
        image_size: Height and width of the model's images.
        origin: Which encoder made the codes.
        skipped: Photos that could not be used, and why.

    Example:
        >>> from saccade.collection import Catalogue, catalogue_of
        >>> path = catalogue_of(encoder, "holiday/").save("holiday.npz")
        >>> Catalogue.load(path)
        Catalogue(2 photos, codes 8x8x64 of layer 'encoded')
    """

    entries: tuple[PhotoEntry, ...]
    codes: Array
    folder: str
    image_size: tuple[int, int]
    origin: Origin
    skipped: tuple[Skipped, ...] = ()
    _spaces: WeakKeyDictionary[Encoder, CodeSpace] = field(default_factory=WeakKeyDictionary, init=False, repr=False)

    def __post_init__(self) -> None:
        self.codes.setflags(write=False)

    def __len__(self) -> int:
        """How many photos it holds."""
        return len(self.entries)

    def __repr__(self) -> str:
        shape = "x".join(map(str, self.codes.shape[1:]))
        return f"Catalogue({len(self)} photos, codes {shape} of layer {self.origin.layer!r})"

    @property
    def names(self) -> tuple[str, ...]:
        """The photos' paths below `folder`."""
        return tuple(entry.name for entry in self.entries)

    def path(self, row: int) -> Path | None:
        """The file of a photo; None where it was none."""
        entry = self.entries[row]
        return Path(self.folder, entry.name) if self.folder and any(entry.state) else None

    def file(self, row: int) -> Path | None:
        """The file of a photo that is still there; None where it is gone, cannot be reached, or was none."""
        path = self.path(row)
        try:
            return path if path is not None and path.is_file() else None
        except OSError:
            return None

    @cached_property
    def rows(self) -> dict[Path, int]:
        """The rows of the photos that are files, by their paths."""
        rows = {}
        for row in range(len(self)):
            path = self.path(row)
            if path is not None:
                with contextlib.suppress(OSError, RuntimeError):  # a circle of links has taken its place
                    rows[path.resolve()] = row
        return rows

    def rows_of(self, photo: Path) -> list[int]:
        """The rows of a photo: of its file, by whatever path; else of the same file by name and content.

        A photo is known again where its folder or the collection was copied or moved. A copy under another name is
        another photo.

        Args:
            photo: A file.
        """
        try:
            path = photo.resolve()
            if path in self.rows:
                return [self.rows[path]]
            status = photo.stat()
        except (OSError, RuntimeError):
            return []
        state = (status.st_size, status.st_mtime_ns)
        same_size = [row for row, entry in enumerate(self.entries) if entry.state[0] == state[0] > 0]
        linked = [row for row in same_size if self._is(row, path, os.path.samefile)]
        if linked:
            return linked
        return [
            row
            for row in same_size
            if PurePath(self.entries[row].name).name == photo.name
            and (self._is(row, path, _have_same_bytes) or (self.file(row) is None and self.entries[row].state == state))
        ]

    def _is(self, row: int, path: Path, same: Callable[[Path, Path], bool]) -> bool:
        """Whether the file of a row is this one; not where it is gone or cannot be read."""
        file = self.file(row)
        try:
            return file is not None and same(file, path)
        except OSError:
            return False

    def check_fits(self, encoder: Encoder) -> None:
        """Refuse another encoder than the one that made the codes: its codes cannot be compared with these.

        Raises:
            InputError: It is another one; the line says in what.
        """
        difference = self.origin.difference(Origin.of(encoder))
        if difference:
            raise InputError(f"the catalogue is of another encoder: {difference}; index the photos with this one.")

    def space(self, encoder: Encoder) -> CodeSpace:
        """The codes made ready for comparisons, the same that `saccade.compare` makes; once for each encoder.

        Raises:
            InputError: The catalogue is of another encoder.
        """
        space = self._spaces.get(encoder)
        if space is None:
            self.check_fits(encoder)
            space = self._spaces[encoder] = CodeSpace.of(encoder, self.codes)
        return space

    @cached_property
    def reference(self) -> Reference | None:
        """What is typical of the collection, by its codes; None for fewer than three photos.

        Two codes less their mean are opposite whatever they show.
        """
        return reference_of_codes(self.codes, name="the collection") if len(self) >= FEWEST_CENTRED else None

    def known_to(self, encoder: Encoder) -> Encoder:
        """The encoder that compares photos less the mean code of this collection, unless it knows one of its own.

        Raises:
            InputError: The catalogue is of another encoder.
        """
        self.check_fits(encoder)
        own = encoder.reference
        if self.reference is None or (own is not None and own.mean_code.shape == self.codes.shape[1:]):
            return encoder
        knowing = copy.copy(encoder)
        knowing.reference = self.reference
        return knowing

    def places(self, encoder: Encoder) -> Places | None:
        """Where the places of the codes lie; None for vectors."""
        return encoder.places(encoder.layer, *self.image_size)

    # On disk

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write it, whole or not at all: as one `.npz`, or as a table of Lance where the name ends in .lance.

        Raises:
            FileError: It cannot be written.
            InputError: It ends in neither.
            MissingPackage: pylance is needed, and not installed.
        """
        facts = CatalogueFacts(self.folder, self.image_size, self.origin, self.skipped)
        return write_catalogue(path, self.entries, [self.codes], self.codes.shape[1:], facts)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Catalogue:
        """Open a saved one.

        Raises:
            FileError: Missing, damaged, or no catalogue.
            MissingPackage: pylance is needed, and not installed.
        """
        entries, codes, facts = read_catalogue(path)
        return cls(entries, codes, facts.folder, facts.image_size, facts.origin, facts.skipped)


def _have_same_bytes(a: Path, b: Path) -> bool:
    return filecmp.cmp(a, b, shallow=False)
