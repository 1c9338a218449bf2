"""A catalogue: the codes of a collection of photos, with the photos themselves small, in one file."""

from __future__ import annotations

import copy
import json
import os
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from saccade.atomic_files import atomic_file
from saccade.collection.code_space import CodeSpace
from saccade.encoder import Encoder
from saccade.errors import FileError, InputError
from saccade.fingerprint import encoder_fingerprint
from saccade.images.collection import Skipped
from saccade.models.places import Places
from saccade.results.arrays import numbers, opened_arrays
from saccade.typing import Array

KIND = "saccade catalogue"
_LAYOUT = 1
"""Of the file; another one is another number."""


@dataclass(frozen=True)
class Origin:
    """Which encoder made the codes.

    Attributes:
        fingerprint: Tells the model, its layer and how it reads photos from others; empty where the network is a
            function of the user's own, which nothing tells from another.
        model: Its name.
        layer: The layer whose numbers are the codes.
        reads: How photos became images, in words.
        version: Of saccade.
    """

    fingerprint: str
    model: str
    layer: str
    reads: str
    version: str

    @classmethod
    def of(cls, encoder: Encoder) -> Origin:
        """That of an encoder."""
        same = copy.copy(encoder)
        same.recipe = replace(encoder.recipe, max_pixels=1)  # how large a photo may be changes no code
        mark = encoder_fingerprint(same) if encoder.network.weights() else ""
        return cls(mark, encoder.name, encoder.layer, encoder.recipe.describe(), version("saccade"))

    def difference(self, other: Origin) -> str:
        """In which way codes of the other one cannot be compared with these; empty where they can."""
        if self.layer != other.layer:
            return f"its codes are those of layer {self.layer!r}, and the layer that was opened is {other.layer!r}"
        if self.reads != other.reads:
            return f"its photos were read as {self.reads}, and now they are read as {other.reads}"
        if self.version != other.version and self.fingerprint != other.fingerprint:
            return f"it was made by saccade {self.version}, and this is {other.version}"
        if self.fingerprint != other.fingerprint:
            return (
                f"its codes are those of {self.model!r} with other weights or settings"
                if self.model == other.model
                else (f"its codes are those of the model {self.model!r}, and this is {other.model!r}")
            )
        return ""


@dataclass(frozen=True)
class PhotoEntry:
    """What a catalogue knows of a photo beside its code.

    Attributes:
        name: Its path below the catalogue's folder, or "image 3" for the third of several arrays.
        thumbnail: The photo small, the bytes of a WebP file.
        width: Of the photo itself, in pixels.
        height: Likewise.
        box: Where the model's image lies on the photo: left, top, right, bottom, in shares of its width and height.
        state: Size and time of the file, by which a changed one is recognised; zeros where there is no file.
    """

    name: str
    thumbnail: bytes
    width: int
    height: int
    box: tuple[float, float, float, float]
    state: tuple[int, int] = (0, 0)


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

    @cached_property
    def rows(self) -> dict[Path, int]:
        """The rows of the photos that are files, by their paths."""
        paths = ((self.path(row), row) for row in range(len(self)))
        return {path.resolve(): row for path, row in paths if path is not None}

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

    def places(self, encoder: Encoder) -> Places | None:
        """Where the places of the codes lie; None for vectors."""
        return encoder.places(encoder.layer, *self.image_size)

    # On disk

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write it as one `.npz`, whole or not at all.

        Raises:
            FileError: It cannot be written.
        """
        return write_catalogue(path, self.entries, [self.codes], self.codes.shape[1:], self)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Catalogue:
        """Open a saved one.

        Raises:
            FileError: Missing, damaged, or no catalogue.
        """
        if isinstance(path, str | os.PathLike) and Path(path).is_dir():
            raise FileError(
                f"{path} is a folder; make a catalogue of it with saccade index MODEL {path} --output photos.npz."
            )
        try:
            most = 4 * Path(path).stat().st_size + 2**24  # what is in it was never compressed
        except (OSError, TypeError, ValueError):
            most = None  # which is said in one line below
        with opened_arrays(path, most=most) as (made, file):
            if made.get("kind") != KIND or made.get("layout") != _LAYOUT:
                raise FileError(f"{path} is no catalogue; make one with saccade index MODEL PHOTOS... --output {path}.")
            codes = numbers(file, "codes", 4).astype(np.float32, copy=False)
            table = {name: file[name] for name in ("sizes", "boxes", "states", "thumbnail_ends")}
            if any(len(array) != len(codes) for array in (*table.values(), made["photos"])):
                raise ValueError("its parts differ in length")
            if not np.isfinite(codes).all() or not np.isfinite(table["boxes"]).all():
                raise ValueError("numbers that are not finite")
            thumbnails = file["thumbnails"].astype(np.uint8, copy=False).tobytes()
            starts = [0, *table["thumbnail_ends"].tolist()]
            columns = made["photos"], starts[:-1], starts[1:], table["sizes"], table["boxes"], table["states"]
            entries = tuple(
                PhotoEntry(str(name), thumbnails[start:end], int(size[1]), int(size[0]), _four(box), _two(state))
                for name, start, end, size, box, state in zip(*columns, strict=True)
            )
            height, width = map(int, made["image_size"])
            origin = Origin(**{name: str(text) for name, text in made["origin"].items()})
            skipped = tuple(Skipped(str(name), str(reason)) for name, reason in made["skipped"])
            return cls(entries, codes, str(made["folder"]), (height, width), origin, skipped)


def write_catalogue(
    path: str | os.PathLike[str],
    entries: Sequence[PhotoEntry],
    codes: Iterable[Array],
    shape: tuple[int, ...],
    about: Catalogue | CatalogueFacts,
) -> Path:
    """Write a catalogue piece by piece, so that its codes never lie in memory all at once.

    Args:
        path: The file.
        entries: The photos.
        codes: Their codes in the same order, some at a time.
        shape: Of one code.
        about: What else is known.
    """
    ends = np.cumsum([len(entry.thumbnail) for entry in entries], dtype=np.int64)
    made = {
        "kind": KIND,
        "layout": _LAYOUT,
        "photos": [entry.name for entry in entries],
        "folder": about.folder,
        "image_size": about.image_size,
        "origin": vars(about.origin),
        "skipped": [[skipped.name, skipped.reason] for skipped in about.skipped],
    }
    small: dict[str, NDArray[Any]] = {
        "metadata": np.array(json.dumps(made)),
        "sizes": np.array([(entry.height, entry.width) for entry in entries], np.int64),
        "boxes": np.array([entry.box for entry in entries], np.float32),
        "states": np.array([entry.state for entry in entries], np.int64),
        "thumbnail_ends": ends,
        "thumbnails": np.frombuffer(b"".join(entry.thumbnail for entry in entries), np.uint8),
    }
    # Numbers hardly get smaller by compression, and open much slower.
    with atomic_file(path) as part, zipfile.ZipFile(part, "w", zipfile.ZIP_STORED, allowZip64=True) as file:
        for name, array in small.items():
            with file.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)
        with file.open("codes.npy", "w", force_zip64=True) as member:
            header = {"descr": "<f4", "fortran_order": False, "shape": (len(entries), *shape)}
            np.lib.format.write_array_header_2_0(member, header)
            for piece in codes:
                member.write(np.ascontiguousarray(piece, "<f4").tobytes())
    return Path(path)


@dataclass(frozen=True)
class CatalogueFacts:
    """What a catalogue knows beside its photos and their codes; see `Catalogue`."""

    folder: str
    image_size: tuple[int, int]
    origin: Origin
    skipped: tuple[Skipped, ...]


def _four(box: NDArray[Any]) -> tuple[float, float, float, float]:
    left, top, right, bottom = map(float, box)
    return left, top, right, bottom


def _two(state: NDArray[Any]) -> tuple[int, int]:
    size, time = map(int, state)
    return size, time
