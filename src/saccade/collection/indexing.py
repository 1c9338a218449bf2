"""Encoding a collection once: continued where it was stopped, and only what is new when it is done again."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from saccade.arguments import checks_arguments
from saccade.collection.catalogue import Catalogue
from saccade.collection.catalogue_facts import CatalogueFacts, Origin, PhotoEntry
from saccade.collection.catalogue_file import check_catalogue_output, write_catalogue
from saccade.collection.encoded_parts import EncodedParts, differing_sizes
from saccade.collection.kept_work import kept_if_stopped
from saccade.collection.thumbnail import photo_entry
from saccade.encoder import Encoder, as_encoder
from saccade.errors import InputError
from saccade.fingerprint import FileState, file_state
from saccade.images import Images
from saccade.images.collection import BATCH, Collection
from saccade.run import Run
from saccade.typing import Array

PART = 256
PART_BYTES = 64 * 2**20
PART_SECONDS = 20.0
"""A part on the way ends at so many photos, so many bytes of codes, or after so long: a kill costs no more work."""


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
        self._collection_codes = _CollectionCodes(as_encoder(encoder), photos)
        self._entries: list[PhotoEntry] = []
        self._codes: list[Array] = []

    def steps(self, stop: Callable[[], bool] | None = None) -> Iterator[tuple[int, int]]:
        """Encode some more at every step; gives the photos done and the photos in all.

        Raises:
            InputError: Not one of them can be used, or their codes differ in shape.
            Cancelled: `stop` said so.
        """
        total = len(self._collection_codes.collection)
        for entries, codes in self._collection_codes.encoded(range(total), None, stop):
            self._entries += entries
            self._codes.append(codes)
            yield len(self._entries) + len(self._collection_codes.collection.skipped), total

    def catalogue(self) -> Catalogue:
        """All of them, when every step is done."""
        facts = self._collection_codes.facts()
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
    collection_codes = _CollectionCodes(encoder, photos)
    if not collection_codes.is_of_files:
        raise InputError("a catalogue's file is made of files; of other photos take catalogue_of(...).save(PATH).")
    parts = EncodedParts(path, collection_codes.origin)

    def kept_in_words() -> str:
        count, total = len(_encoded(collection_codes, parts)), len(collection_codes.collection)
        command = "the same command without --again" if again else "the same command"
        return f"{count:,} of {total:,} photos are encoded; {command} goes on from there" if count else ""

    with parts.alone(), kept_if_stopped(kept_in_words):
        if not again:
            parts.take(path)
            parts.take_unfinished()
        encoded = set(_encoded(collection_codes, parts))
        unencoded = [index for index in range(len(collection_codes.collection)) if index not in encoded]
        _encode_into(parts, collection_codes, unencoded, progress, stop)
        rows = _encoded(collection_codes, parts)
        named = [replace(entry, name=collection_codes.name(index)) for index, (_, _, entry) in rows.items()]
        codes = parts.codes((file, row) for file, row, _ in rows.values())
        write_catalogue(path, named, codes, parts.shape, collection_codes.facts(parts.image_size))
        parts.remove()
    return path


def _encoded(collection_codes: _CollectionCodes, parts: EncodedParts) -> dict[int, tuple[Path, int, PhotoEntry]]:
    """Which photos are encoded, by their indices, and where their codes lie."""
    states = map(collection_codes.state, range(len(collection_codes.collection)))
    return {index: parts.rows[state] for index, state in enumerate(states) if state in parts.rows}


def _encode_into(
    parts: EncodedParts,
    collection_codes: _CollectionCodes,
    unencoded: Sequence[int],
    progress: Callable[[int, int], None] | None,
    stop: Callable[[], bool] | None,
) -> None:
    """Encode the rest, and keep it part by part."""
    encoded_before = len(collection_codes.collection) - len(unencoded)
    waiting: list[tuple[list[PhotoEntry], Array]] = []
    last_part = time.monotonic()

    def store() -> None:
        nonlocal last_part
        last_part = time.monotonic()
        if waiting:
            entries = [entry for group, _ in waiting for entry in group]
            parts.add(entries, np.concatenate([codes for _, codes in waiting]), collection_codes.facts())
            waiting.clear()

    def report_progress(done: int, total: int) -> None:
        if progress is not None:
            progress(encoded_before + done, encoded_before + total)

    try:
        for entries, codes in collection_codes.encoded(unencoded, report_progress, stop):
            waiting.append((entries, codes))
            photos = sum(len(group) for _, group in waiting)
            size = sum(group.nbytes for _, group in waiting)
            if photos >= PART or size >= PART_BYTES or time.monotonic() - last_part >= PART_SECONDS:
                store()
    except InputError:
        if not encoded_before or len(collection_codes.collection.skipped) < len(unencoded):
            raise  # else all that is new cannot be used, which is no reason to lose what is known
    finally:
        store()


class _CollectionCodes:
    """The codes of a collection: reading and encoding its photos, in one call."""

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

    def state(self, index: int) -> FileState:
        """What tells a photo's file from a changed one; zeros where it is no file."""
        source = self.collection.sources[index]
        return file_state(source) if isinstance(source, Path) else FileState("", 0, 0)

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
                raise differing_sizes(shape, codes.shape[1:])
            shape = codes.shape[1:]
            entries = [
                photo_entry(image.photos[0], self.name(index, image.names[0]), self.state(index)[1:])
                for index, image in waiting
            ]
            return entries, codes

        position = {index: place for place, index in enumerate(order)}
        for index, image in self.collection.images(order, stop=stop):
            size = (image.shape[1], image.shape[2])
            if self._image_size is not None and size != self._image_size:
                raise differing_sizes(self._image_size, size)
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
