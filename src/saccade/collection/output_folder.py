"""A folder for results: made and tried before the work, removed after it if nothing came of it."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from saccade.errors import FileError


@contextlib.contextmanager
def output_folder(path: Path) -> Iterator[Path]:
    """A folder that exists and can be written; if it was made for this and nothing came of it, it is removed again.

    Raises:
        FileError: It cannot be made or written.
    """
    made: list[Path] = []
    try:
        for folder in (*reversed(path.parents), path):
            if not folder.exists():
                folder.mkdir()
                made.append(folder)
        if not path.is_dir():
            raise FileError(f"{path} is a file; give a folder for the output.")
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as error:
        _remove_empty(made)
        raise FileError(
            f"the folder {path} cannot be written: {error.strerror or error}; choose another for the output."
        ) from error
    try:
        yield path
    finally:
        _remove_empty(made)


def _remove_empty(folders: Sequence[Path]) -> None:
    for folder in reversed(folders):
        with contextlib.suppress(OSError):
            folder.rmdir()
