"""Codes on the way to a catalogue: small catalogues in a hidden folder beside it, which outlive a stop or a kill.

.NAME.unfinished/PROCESS-TIME.npz    a part
.NAME.unfinished/process             locked by the process that makes the catalogue, and holds its number
"""

from __future__ import annotations

import contextlib
import itertools
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from saccade.atomic_files import unwritable
from saccade.collection.catalogue import Catalogue
from saccade.collection.catalogue_facts import CatalogueFacts, Origin, PhotoEntry
from saccade.collection.catalogue_file import write_catalogue
from saccade.collection.lock_file import check_unlocked, lock_file
from saccade.collection.output_folder import remove_if_empty
from saccade.errors import FileError, InputError
from saccade.fingerprint import FileState
from saccade.typing import Array

_LOCK = "process"
_ROWS = 256
"""So many codes are read from a part at once."""
_in_use: list[Path] = []
"""Folders of parts of this process."""


class EncodedParts:
    """What is encoded already: files that are catalogues of some photos, looked up by the state of the photos' files.

    Args:
        goal: The catalogue that is made of them.
        origin: Which encoder makes the codes.

    Attributes:
        rows: Of every photo the file, the row in it, and what is known of it beside its code.
        shape: Of a code.
        image_size: Height and width of the model's images.
    """

    def __init__(self, goal: Path, origin: Origin) -> None:
        self._goal, self._origin = goal, origin
        self._folder = _folder_of(goal)
        self._files: list[Path] = []
        self._contents: dict[Path, list[FileState]] = {}
        self._loaded = lru_cache(maxsize=3)(self._codes_of)
        self.rows: dict[FileState, tuple[Path, int, PhotoEntry]] = {}
        self.shape: tuple[int, ...] = ()
        self.image_size: tuple[int, int] | None = None

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Keep others from making the same catalogue at the same time: each would write over the other's.

        Raises:
            FileError: Another process, or another call of this one, makes it.
        """
        try:
            self._folder.mkdir(exist_ok=True)
        except OSError as error:
            raise unwritable(self._folder, error) from error
        _in_use.append(self._folder)
        try:
            with lock_file(self._folder / _LOCK, self._goal):
                yield
        finally:
            _in_use.remove(self._folder)
            remove_if_empty(self._folder)

    def take(self, path: Path) -> bool:
        """Know what a file holds, if it is of the same encoder."""
        try:
            catalogue = Catalogue.load(path)
        except FileError:  # there is none, or it is of another layout or damaged, and made again
            return False
        if not self._origin.fingerprint or self._origin.difference(catalogue.origin):
            return False
        self._know(path, catalogue.folder, catalogue.entries)
        self.shape, self.image_size = catalogue.codes.shape[1:], catalogue.image_size
        return True

    def take_unfinished(self) -> None:
        """Know what an earlier run has left."""
        self._files += [path for path in sorted(self._folder.glob("*.npz")) if self.take(path)]

    def add(self, entries: Sequence[PhotoEntry], codes: Array, facts: CatalogueFacts) -> None:
        """Keep these, on disk.

        Raises:
            InputError: The photos come out at another size than those that are known.
            FileError: They cannot be written.
        """
        if self.image_size is not None and (facts.image_size, codes.shape[1:]) != (self.image_size, self.shape):
            raise differing_sizes(self.image_size, facts.image_size)
        path = self._folder / f"{os.getpid()}-{time.time_ns()}.npz"
        write_catalogue(path, entries, [codes], codes.shape[1:], replace(facts, skipped=()))
        self._files.append(path)
        self._know(path, facts.folder, entries)
        self.shape, self.image_size = codes.shape[1:], facts.image_size

    def codes(self, rows: Iterable[tuple[Path, int]]) -> Iterator[Array]:
        """The codes of these rows of files, some at a time.

        Raises:
            FileError: A file was replaced meanwhile.
        """
        for path, group in itertools.groupby(rows, key=lambda where: where[0]):
            numbers = [row for _, row in group]
            for start in range(0, len(numbers), _ROWS):
                yield self._loaded(path)[numbers[start : start + _ROWS]]

    def remove(self) -> None:
        """Nothing of it is needed any more."""
        for path in self._files:
            path.unlink(missing_ok=True)

    def _know(self, path: Path, folder: str, entries: Sequence[PhotoEntry]) -> None:
        self._contents[path] = _states(folder, entries)
        for row, (state, entry) in enumerate(zip(self._contents[path], entries, strict=True)):
            self.rows[state] = (path, row, entry)

    def _codes_of(self, path: Path) -> Array:
        catalogue = Catalogue.load(path)
        # Another program may have put another one in its place, whose rows are those of other photos.
        if _states(catalogue.folder, catalogue.entries) != self._contents[path]:
            raise FileError(f"{path} was replaced by another program while this one encoded; start it once more.")
        return catalogue.codes


def check_alone(goal: Path) -> None:
    """Refuse before the work a catalogue that another process makes.

    Raises:
        FileError: It is so.
    """
    check_unlocked(_folder_of(goal) / _LOCK, goal)


def remove_unfinished() -> None:
    """Remove locks and empty folders; for a process that ends in the middle of its work. What is encoded stays."""
    for folder in _in_use:
        with contextlib.suppress(OSError):
            (folder / _LOCK).unlink(missing_ok=True)
        remove_if_empty(folder)


def differing_sizes(first: tuple[int, ...], other: tuple[int, ...]) -> InputError:
    """The error for photos whose codes cannot be compared."""
    shapes = ["x".join(map(str, shape)) for shape in (first, other)]
    return InputError(
        f"the photos come out at different sizes ({shapes[0]} and {shapes[1]}), so their codes cannot be compared; "
        "load the model with one size for all (size=(height, width), --size H,W)."
    )


def _folder_of(goal: Path) -> Path:
    return goal.with_name(f".{goal.name}.unfinished")


def _states(folder: str, entries: Iterable[PhotoEntry]) -> list[FileState]:
    return [FileState(str(Path(folder, entry.name)), *entry.state) for entry in entries]
