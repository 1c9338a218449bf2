"""The kinds of file that hold a catalogue, and which one a name means.

.npz     one file, which numpy alone opens
.lance   a table of Lance, a folder: what LanceDB and other tools of vectors open
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from saccade.atomic_files import check_writable, writable_path
from saccade.collection.catalogue_facts import CatalogueFacts, PhotoEntry
from saccade.collection.lance_file import (
    check_installed,
    check_replaceable,
    folder_bytes,
    read_lance,
    write_lance,
)
from saccade.collection.npz_file import read_npz, write_npz
from saccade.errors import FileError, InputError
from saccade.images.files import expanded
from saccade.typing import Array

_NPZ, _LANCE = ".npz", ".lance"


def is_catalogue_name(path: str | os.PathLike[str]) -> bool:
    """Whether a name is that of a catalogue's file, and not of photos."""
    return Path(path).suffix.lower() in (_NPZ, _LANCE)


def check_catalogue_output(path: str | os.PathLike[str]) -> Path:
    """Refuse before the work a catalogue that could not be written; gives its path.

    Raises:
        InputError: It ends in neither .npz nor .lance.
        FileError: It cannot be written, or would replace something else.
        MissingPackage: pylance is needed, and not installed.
    """
    goal = writable_path(path)
    if not is_catalogue_name(goal):
        raise InputError(f"{goal.name} is no catalogue's file; its name must end in .npz or .lance.")
    if _is_lance(goal):
        check_installed()
        check_replaceable(goal)
    else:
        check_writable(goal)
    return goal


def check_catalogue_there(path: str | os.PathLike[str]) -> None:
    """Refuse a catalogue that is not there, and say what makes it.

    Raises:
        FileError: It is so.
    """
    place = expanded(path)
    if not (place.is_dir() if _is_lance(place) else place.is_file()):
        name = path if is_catalogue_name(place) else "photos.npz"
        raise FileError(f"no file {path}; saccade index MODEL PHOTOS... --output {name} makes it.")
    _check_name(place)


def write_catalogue(
    path: str | os.PathLike[str],
    entries: Sequence[PhotoEntry],
    codes: Iterable[Array],
    shape: tuple[int, ...],
    facts: CatalogueFacts,
) -> Path:
    """Write a catalogue piece by piece, so that its codes never lie in memory all at once.

    Args:
        path: The file.
        entries: The photos.
        codes: Their codes in the same order, some at a time.
        shape: Of one code.
        facts: What else is known.

    Raises:
        InputError: It ends in neither .npz nor .lance.
        FileError: It cannot be written, or would replace something else.
        MissingPackage: pylance is needed, and not installed.
    """
    goal = check_catalogue_output(path)
    (write_lance if _is_lance(goal) else write_npz)(goal, entries, codes, shape, facts)
    return goal


def read_catalogue(path: str | os.PathLike[str]) -> tuple[tuple[PhotoEntry, ...], Array, CatalogueFacts]:
    """The photos, their codes, and what else is known.

    Raises:
        FileError: Missing, damaged, or no catalogue.
        MissingPackage: pylance is needed, and not installed.
    """
    if isinstance(path, (str, os.PathLike)):
        if _is_lance(path):
            return read_lance(expanded(path))
        if Path(path).is_file():
            _check_name(Path(path))
    return read_npz(path)


def catalogue_bytes(path: str | os.PathLike[str]) -> int:
    """How much a catalogue takes on the disk."""
    place = Path(path)
    return folder_bytes(place) if _is_lance(place) else place.stat().st_size


def _is_lance(path: str | os.PathLike[str]) -> bool:
    return Path(path).suffix.lower() == _LANCE


def _check_name(path: Path) -> None:
    if not is_catalogue_name(path):
        raise FileError(
            f"{path.name} is no catalogue, whose name ends in .npz or .lance; saccade index MODEL PHOTOS... --output "
            "photos.npz makes one."
        )
