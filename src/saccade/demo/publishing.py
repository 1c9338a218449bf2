"""Everything appears in the folder when it is complete, the page last; what else lies there is left alone."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from saccade.atomic_files import scratch_folder, unwritable


@contextlib.contextmanager
def published(folder: Path, last: str) -> Iterator[Path]:
    """Hand out a hidden folder to work in; at the end move what was made there into `folder`.

    Args:
        folder: Where everything goes; made if it is not there.
        last: The file that is moved last, since it refers to the others.

    Raises:
        FileError: The folder cannot be made or written.
    """
    created: list[Path] = []
    try:
        with _refusing(folder):
            for parent in (*reversed(folder.parents), folder):
                if not parent.exists():
                    parent.mkdir()
                    created.append(parent)
        with scratch_folder(folder) as work:
            yield work
            with _refusing(folder):
                _move(work, folder, last)
    except BaseException:
        for empty in reversed(created):
            with contextlib.suppress(OSError):  # it holds something by now
                empty.rmdir()
        raise


def _move(work: Path, folder: Path, last: str) -> None:
    files = sorted(path for path in work.rglob("*") if path.is_file())
    files.sort(key=lambda path: path == work / last)
    for path in files:
        target = folder / path.relative_to(work)
        target.parent.mkdir(parents=True, exist_ok=True)
        path.replace(target)


@contextlib.contextmanager
def _refusing(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise unwritable(folder, error, folder=folder) from error
