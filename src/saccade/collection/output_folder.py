"""A folder for results: made and tried before the work, removed after it if nothing came of it."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

from saccade.atomic_files import unwritable
from saccade.errors import FileError

_created: list[Path] = []
"""Folders that were made for work that goes on."""


@contextlib.contextmanager
def output_folder(path: Path) -> Iterator[Path]:
    """A folder that exists and can be written; if it was made for this and nothing came of it, it is removed again.

    Raises:
        FileError: It cannot be made or written.
    """
    created: list[Path] = []
    try:
        _make(path, created)
        yield path
    finally:
        for folder in reversed(created):
            _created.remove(folder)
            remove_if_empty(folder)


def _make(path: Path, created: list[Path]) -> None:
    folder = path
    try:
        for folder in (*reversed(path.parents), path):
            if not folder.exists():
                folder.mkdir(exist_ok=True)
                created.append(folder)
                _created.append(folder)
    except OSError as error:
        raise unwritable(folder, error) from error
    if not path.is_dir():
        raise FileError(f"{path} is a file; give a folder for the output.")
    try:
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as error:
        raise unwritable(path, error, folder=path) from error


def remove_unfinished() -> None:
    """Remove the folders that were made and are empty; for a process that ends in the middle of its work."""
    for folder in reversed(_created):
        remove_if_empty(folder)


def remove_if_empty(folder: Path) -> None:
    """Remove a folder unless something lies in it."""
    with contextlib.suppress(OSError):
        folder.rmdir()
