"""The folder that pictures go to: made and tried before the work, tidied after it; and a name for every photo."""

from __future__ import annotations

import contextlib
import re
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from saccade.errors import FileError


@contextlib.contextmanager
def folder(path: Path) -> Iterator[Path]:
    """A folder that exists and can be written; if it was made for this and nothing came of it, it goes again.

    Raises:
        FileError: It cannot be made or written.
    """
    made: list[Path] = []
    try:
        for each in (*reversed(path.parents), path):
            if not each.exists():
                each.mkdir()
                made.append(each)
        if not path.is_dir():
            raise FileError(f"{path} is a file; give a folder with -o.")
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as error:
        _tidy(made)
        raise FileError(
            f"the folder {path} cannot be written: {error.strerror or error}; choose another with -o."
        ) from error
    try:
        yield path
    finally:
        _tidy(made)


def _tidy(made: Sequence[Path]) -> None:
    """Remove the folders that were made and are empty."""
    for each in reversed(made):
        with contextlib.suppress(OSError):
            each.rmdir()


def writable(path: Path) -> Path:
    """A file that can be written, tried before the work.

    Raises:
        FileError: It cannot.
    """
    if path.is_dir():
        raise FileError(f"{path} is a folder; name a file in it.")
    try:
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise FileError(f"{path} cannot be written: {error.strerror or error}; choose another with -o.") from error
    return path


def names(photos: Sequence[Path], reserved: Sequence[str] = ()) -> dict[Path, str]:
    """A name for each photo, without its ending; photos of one name are told apart by their folders and endings.

    Names differ by more than capitals, since many file systems do not tell those apart.
    """
    taken = {each.casefold() for each in reserved}
    result: dict[Path, str] = {}
    for photo in photos:
        ways = [photo.stem]
        for depth in range(1, len(photo.resolve().parts) - 1):
            folders = photo.resolve().parts[-1 - depth : -1]
            ways.append("-".join([*(slug(each) for each in folders), photo.stem]))
            if depth == 1:
                ways.append(f"{photo.stem}-{photo.suffix[1:].lower()}")
        alike = [other for other in photos if other != photo and other.stem.casefold() == photo.stem.casefold()]
        start = 0
        if alike:
            # All of them get the longer name, so that none looks like the only one.
            same_folder = any(other.resolve().parent == photo.resolve().parent for other in alike)
            start = 2 if same_folder and len(ways) > 2 else 1
        numbered = (f"{photo.stem}-{number}" for number in range(2, len(photos) + len(taken) + 3))
        name = next(each for each in (*ways[start:], *numbered) if each.casefold() not in taken)
        taken.add(name.casefold())
        result[photo] = name
    return result


def slug(text: str) -> str:
    """A text as part of a file name."""
    return re.sub(r"[^\w]+", "-", text).strip("-") or "x"
