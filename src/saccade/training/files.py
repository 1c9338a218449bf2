"""Files that appear under their names only when they are complete."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from saccade.errors import FileError


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Hand out a place to write to, and move what was written there to `path`; on any failure remove it.

    Raises:
        FileError: It cannot be written.
    """
    # The ending stays last: Keras chooses the format by it.
    part = path.with_name(f".{path.stem}.{os.getpid()}.part{path.suffix}")
    try:
        yield part
        part.replace(path)
    except OSError as error:
        raise _unwritable(path, error) from error
    finally:
        part.unlink(missing_ok=True)


def check_writable(path: Path) -> None:
    """Try whether a file can be written, so that a run fails before its first epoch and not after its last.

    Raises:
        FileError: It cannot be written.
    """
    if path.is_dir():
        raise FileError(f"{path} is a folder; name a file in it.")
    try:
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise _unwritable(path, error) from error


def _unwritable(path: Path, error: OSError) -> FileError:
    return FileError(f"{path} cannot be written: {error.strerror or error}; choose another place.")
