"""A catalogue as one `.npz`: what numpy alone opens."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from saccade.atomic_files import atomic_file
from saccade.collection.catalogue_facts import (
    CatalogueFacts,
    PhotoEntry,
    check_entries,
    from_json,
    is_catalogue,
    no_catalogue,
    to_json,
)
from saccade.errors import FileError
from saccade.results.arrays import numbers, opened_arrays
from saccade.typing import Array


def write_npz(
    path: Path, entries: Sequence[PhotoEntry], codes: Iterable[Array], shape: tuple[int, ...], facts: CatalogueFacts
) -> None:
    """Write it piece by piece, whole or not at all; see `catalogue_file.write_catalogue`."""
    small: dict[str, NDArray[Any]] = {
        "metadata": np.array(to_json(facts, photos=[entry.name for entry in entries])),
        "sizes": np.array([(entry.height, entry.width) for entry in entries], np.int64),
        "boxes": np.array([entry.box for entry in entries], np.float32),
        "states": np.array([entry.state for entry in entries], np.int64),
        "thumbnail_ends": np.cumsum([len(entry.thumbnail) for entry in entries], dtype=np.int64),
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


def read_npz(path: str | os.PathLike[str]) -> tuple[tuple[PhotoEntry, ...], Array, CatalogueFacts]:
    """The photos, their codes, and what else is known.

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
    with opened_arrays(path, most=most) as (metadata, file):
        if not is_catalogue(metadata):
            raise no_catalogue(path)
        codes = numbers(file, "codes", 4).astype(np.float32, copy=False)
        table = {name: file[name] for name in ("sizes", "boxes", "states", "thumbnail_ends")}
        if any(len(array) != len(codes) for array in (*table.values(), metadata["photos"])):
            raise ValueError("its parts differ in length")
        if not np.isfinite(codes).all() or not np.isfinite(table["boxes"]).all():
            raise ValueError("numbers that are not finite")
        thumbnails = file["thumbnails"].astype(np.uint8, copy=False).tobytes()
        starts = [0, *table["thumbnail_ends"].tolist()]
        if sorted(starts) != starts or starts[-1] != len(thumbnails):
            raise ValueError("small photos that end before they begin")
        columns = metadata["photos"], starts[:-1], starts[1:], table["sizes"], table["boxes"], table["states"]
        entries = tuple(
            PhotoEntry(str(name), thumbnails[start:end], int(size[1]), int(size[0]), _four(box), _two(state))
            for name, start, end, size, box, state in zip(*columns, strict=True)
        )
        facts = from_json(metadata)
        check_entries(entries, facts.folder)
        return entries, codes, facts


def _four(box: NDArray[Any]) -> tuple[float, float, float, float]:
    left, top, right, bottom = map(float, box)
    return left, top, right, bottom


def _two(state: NDArray[Any]) -> tuple[int, int]:
    size, time = map(int, state)
    return size, time
