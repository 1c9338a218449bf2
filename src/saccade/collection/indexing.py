"""Encoding a collection once: continued where it was stopped, and only what is new when it is done again."""

from __future__ import annotations

import contextlib
import itertools
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from saccade.arguments import checks_arguments
from saccade.atomic_files import unwritable
from saccade.collection.catalogue import Catalogue
from saccade.collection.catalogue_facts import CatalogueFacts, Origin, PhotoEntry
from saccade.collection.catalogue_file import check_catalogue_output, write_catalogue
from saccade.collection.thumbnail import photo_entry
from saccade.encoder import Encoder, as_encoder
from saccade.errors import FileError, InputError
from saccade.images import Images
from saccade.images.collection import BATCH, Collection
from saccade.run import Run
from saccade.typing import Array

PART = 256
PART_BYTES = 64 * 2**20
"""A part on the way ends at so many photos, or at so many bytes of codes: this much work a stop can cost."""
PhotoKey = tuple[str, int, int]
"""The path, the size and the time of a file."""


@checks_arguments
def catalogue_of(
    encoder: Encoder | Any,
    photos: Any,
    *,
    progress: Callable[[int, int], None] | None = None,
    stop: Callable[[], bool] | None = None,
) -> Catalogue:
    """What are the codes of all these photos? Encoded once, in memory; `write_index` makes a file of any size.

    Args:
        encoder: The model and its code; a live model is made an `Encoder` with its defaults.
        photos: A folder, a glob, `Images`, an array of images, or a list of anything that can be read. What cannot be
            used is left out, named and counted (`Catalogue.skipped`).
        progress: Called with the photos done and the photos in all.
        stop: Asked between photos; True ends the work with `Cancelled`.

    Raises:
        FileError: A file or folder does not exist, or holds no photo.
        InputError: Not one of them can be used, or their codes differ in shape.
        Cancelled: `stop` said so.

    Example:
        >>> from saccade.collection import catalogue_of
        >>> catalogue_of(encoder, "holiday/").names
        ('one.png', 'two.png')
    """
    indexing = Indexing(encoder, photos)
    for done, total in indexing.steps(stop):
        if progress is not None:
            progress(done, total)
    return indexing.catalogue()


class Indexing:
    """Encoding a collection some photos at a time, so that others may have their turn in between.

    Args:
        encoder: As for `catalogue_of`.
        photos: Likewise.
    """

    def __init__(self, encoder: Encoder | Any, photos: Any) -> None:
        self._work = _Work(as_encoder(encoder), photos)
        self._entries: list[PhotoEntry] = []
        self._codes: list[Array] = []

    def steps(self, stop: Callable[[], bool] | None = None) -> Iterator[tuple[int, int]]:
        """Encode some more at every step; gives the photos done and the photos in all.

        Raises:
            InputError: Not one of them can be used, or their codes differ in shape.
            Cancelled: `stop` said so.
        """
        total = len(self._work.collection)
        for entries, codes in self._work.encoded(range(total), None, stop):
            self._entries += entries
            self._codes.append(codes)
            yield len(self._entries) + len(self._work.collection.skipped), total

    def catalogue(self) -> Catalogue:
        """All of them, when every step is done."""
        facts = self._work.facts()
        codes = np.concatenate(self._codes)
        return Catalogue(tuple(self._entries), codes, facts.folder, facts.image_size, facts.origin, facts.skipped)


@checks_arguments
def write_index(
    encoder: Encoder | Any,
    photos: Any,
    output: str | Path,
    *,
    again: bool = False,
    progress: Callable[[int, int], None] | None = None,
    stop: Callable[[], bool] | None = None,
) -> Path:
    """Encode a collection into a catalogue's file; the codes never lie in memory all at once.

    What was encoded before a stop, or a kill, is kept beside the file (`.NAME.unfinished`) and taken by the next run
    with the same model; and of a file that is there already, all photos that have not changed.

    Args:
        encoder: As for `catalogue_of`.
        photos: Likewise.
        output: The file to write, ending in .npz or .lance.
        again: Encode also what is known.
        progress: As for `catalogue_of`.
        stop: Likewise.

    Returns:
        The path.

    Raises:
        FileError: The file cannot be written; and as for `catalogue_of`.
        InputError: It ends in neither; and as for `catalogue_of`.
        MissingPackage: pylance is needed, and not installed.
        Cancelled: `stop` said so; what is encoded so far is kept.
    """
    encoder = as_encoder(encoder)
    path = check_catalogue_output(output)
    work = _Work(encoder, photos)
    if not work.is_of_files:
        raise InputError("a catalogue's file is made of files; of other photos take catalogue_of(...).save(PATH).")
    parts = _Parts(path.with_name(f".{path.name}.unfinished"), work)
    if not again:
        parts.take(path)
        parts.take_unfinished()
    unencoded = [index for index in range(len(work.collection)) if work.key(index) not in parts.rows]
    known = len(work.collection) - len(unencoded)
    waiting: list[tuple[list[PhotoEntry], Array]] = []

    def store() -> None:
        if waiting:
            parts.add(
                [entry for entries, _ in waiting for entry in entries], np.concatenate([part for _, part in waiting])
            )
            waiting.clear()

    def report_progress(done: int, total: int) -> None:
        if progress is not None:
            progress(known + done, known + total)

    try:
        for entries, codes in work.encoded(unencoded, report_progress, stop):
            waiting.append((entries, codes))
            count = sum(len(part) for part, _ in waiting)
            if count >= PART or sum(part.nbytes for _, part in waiting) >= PART_BYTES:
                store()
    except InputError:
        if not known or len(work.collection.skipped) < len(unencoded):
            raise  # else all that is new cannot be used, which is no reason to lose what is known
    finally:
        store()
    keys = [work.key(index) for index in range(len(work.collection))]
    rows = [(work.name(index), *parts.rows[key]) for index, key in enumerate(keys) if key in parts.rows]
    named = [replace(entry, name=name) for name, _, _, entry in rows]
    in_order = parts.codes([(part, row) for _, part, row, _ in rows])
    write_catalogue(path, named, in_order, parts.shape, work.facts(parts.image_size))
    parts.remove()
    return path


class _Work:
    """Reading and encoding the photos of one call."""

    def __init__(self, encoder: Encoder, photos: Any) -> None:
        encoder.check_code()
        self.encoder = encoder
        self.origin = Origin.of(encoder)
        self.collection = Collection(photos, self._read, name="the collection")
        files = [source for source in self.collection.sources if isinstance(source, Path)]
        self.folder = ""
        self.is_of_files = len(files) == len(self.collection.sources)
        if self.is_of_files:
            parents = [str(source.resolve().parent) for source in files]
            with contextlib.suppress(ValueError):  # on several drives
                self.folder = os.path.commonpath(parents)
        self._image_size: tuple[int, int] | None = None

    def _read(self, source: Any) -> Images:
        if isinstance(source, np.ndarray) and source.ndim == 4 and source.dtype.kind == "f":
            return self.encoder.images(source)  # numbers in the model's own range
        return self.encoder.read(source)

    def name(self, index: int, photo_name: str = "") -> str:
        """What a photo is called: its path below the folder of all."""
        source = self.collection.sources[index]
        if not isinstance(source, Path):
            return photo_name
        path = source.resolve()
        return path.relative_to(self.folder).as_posix() if self.folder else path.as_posix()

    def key(self, index: int) -> PhotoKey:
        """What tells a file from a changed one."""
        source = self.collection.sources[index]
        return (str(source.resolve()), *_state(source))

    def facts(self, image_size: tuple[int, int] | None = None) -> CatalogueFacts:
        """What is known when all is encoded."""
        size = self._image_size or image_size
        assert size is not None
        return CatalogueFacts(self.folder, size, self.origin, tuple(self.collection.skipped))

    def encoded(
        self,
        order: Sequence[int],
        progress: Callable[[int, int], None] | None,
        stop: Callable[[], bool] | None,
    ) -> Iterator[tuple[list[PhotoEntry], Array]]:
        """Some photos at a time with their codes, in this order."""
        if not order:
            return
        run = Run(self.encoder, stop=stop)
        waiting: list[tuple[int, Images]] = []
        shape: tuple[int, ...] | None = None

        def codes_of() -> tuple[list[PhotoEntry], Array]:
            nonlocal shape
            codes = run.codes(Images.join([image for _, image in waiting]), remember=False)
            if shape is not None and codes.shape[1:] != shape:
                raise _differing_sizes(shape, codes.shape[1:])
            shape = codes.shape[1:]
            entries = [
                photo_entry(image.photos[0], self.name(index, image.names[0]), _state(self.collection.sources[index]))
                for index, image in waiting
            ]
            return entries, codes

        position = {index: place for place, index in enumerate(order)}
        for index, image in self.collection.images(order, stop=stop):
            size = (image.shape[1], image.shape[2])
            if self._image_size is not None and size != self._image_size:
                raise _differing_sizes(self._image_size, size)
            self._image_size = size
            waiting.append((index, image))
            if len(waiting) == BATCH:
                yield codes_of()
                waiting.clear()
                if progress is not None:
                    progress(position[index] + 1, len(order))
        if waiting:
            yield codes_of()
        if progress is not None:
            progress(len(order), len(order))


def _differing_sizes(first: tuple[int, ...], other: tuple[int, ...]) -> InputError:
    shapes = ["x".join(map(str, shape)) for shape in (first, other)]
    return InputError(
        f"the photos come out at different sizes ({shapes[0]} and {shapes[1]}), so their codes cannot be compared; "
        "load the model with one size for all (size=(height, width), --size H,W)."
    )


def _state(source: Any) -> tuple[int, int]:
    """Size and time of a file."""
    if not isinstance(source, Path):
        return (0, 0)
    try:
        status = source.stat()
    except OSError:
        return (0, 0)
    return status.st_size, status.st_mtime_ns


def _keys(folder: str, entries: Iterable[PhotoEntry]) -> list[PhotoKey]:
    return [(str(Path(folder, entry.name)), *entry.state) for entry in entries]


class _Parts:
    """What is encoded already: files that are catalogues of some photos, which are looked up by their keys.

    Attributes:
        rows: Of every photo the file, the row in it, and what is known of it beside its code.
        shape: Of a code.
        image_size: Height and width of the model's images.
    """

    def __init__(self, folder: Path, work: _Work) -> None:
        self._folder, self._work = folder, work
        self._files: list[Path] = []
        self._contents: dict[Path, list[PhotoKey]] = {}
        self._loaded = lru_cache(maxsize=3)(self._codes_of)
        self.rows: dict[PhotoKey, tuple[Path, int, PhotoEntry]] = {}
        self.shape: tuple[int, ...] = ()
        self.image_size: tuple[int, int] | None = None

    def take(self, path: Path) -> bool:
        """Know what a file holds, if it is of the same encoder."""
        try:
            catalogue = Catalogue.load(path)
        except FileError:  # there is none, or it is of another layout or damaged, and made again
            return False
        origin = self._work.origin
        if not origin.fingerprint or origin.difference(catalogue.origin):
            return False
        self._know(path, catalogue.folder, catalogue.entries)
        self.shape, self.image_size = catalogue.codes.shape[1:], catalogue.image_size
        return True

    def _know(self, path: Path, folder: str, entries: Sequence[PhotoEntry]) -> None:
        self._contents[path] = _keys(folder, entries)
        for row, (key, entry) in enumerate(zip(self._contents[path], entries, strict=True)):
            self.rows[key] = (path, row, entry)

    def _codes_of(self, path: Path) -> Array:
        catalogue = Catalogue.load(path)
        # Another run may have put another one in its place, whose rows are those of other photos.
        if _keys(catalogue.folder, catalogue.entries) != self._contents[path]:
            raise FileError(f"{path} was replaced by another program while this one encoded; start it once more.")
        return catalogue.codes

    def take_unfinished(self) -> None:
        """Know what an earlier run has left."""
        self._files += [path for path in sorted(self._folder.glob("*.npz")) if self.take(path)]

    def add(self, entries: Sequence[PhotoEntry], codes: Array) -> None:
        """Keep these, on disk."""
        facts = self._work.facts()
        if self.image_size is not None and (facts.image_size, codes.shape[1:]) != (self.image_size, self.shape):
            raise _differing_sizes(self.image_size, facts.image_size)
        path = self._folder / f"{os.getpid()}-{time.time_ns()}.npz"
        try:
            self._folder.mkdir(exist_ok=True)
        except OSError as error:
            raise unwritable(self._folder, error, folder=self._folder) from error
        try:
            write_catalogue(path, entries, [codes], codes.shape[1:], replace(facts, skipped=()))
        except FileError:
            with contextlib.suppress(OSError):  # earlier parts may lie in it
                self._folder.rmdir()
            raise
        self._files.append(path)
        self._know(path, facts.folder, entries)
        self.shape, self.image_size = codes.shape[1:], facts.image_size

    def codes(self, rows: Iterable[tuple[Path, int]]) -> Iterator[Array]:
        """The codes of these rows of files, some at a time."""
        for path, group in itertools.groupby(rows, key=lambda where: where[0]):
            numbers = [row for _, row in group]
            for start in range(0, len(numbers), PART):
                yield self._loaded(path)[numbers[start : start + PART]]

    def remove(self) -> None:
        """Nothing of it is needed any more."""
        for path in self._files:
            path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # another run may have left something in it
            self._folder.rmdir()
