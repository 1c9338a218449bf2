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
    made: list[Path] = []
    try:
        with _said(folder):
            for each in (*reversed(folder.parents), folder):
                if not each.exists():
                    each.mkdir()
                    made.append(each)
        with scratch_folder(folder) as work:
            yield work
            with _said(folder):
                _move(work, folder, last)
    except BaseException:
        for each in reversed(made):  # only those that stayed empty
            with contextlib.suppress(OSError):
                each.rmdir()
        raise


def _move(work: Path, folder: Path, last: str) -> None:
    files = sorted(each for each in work.rglob("*") if each.is_file())
    files.sort(key=lambda each: each == work / last)
    for each in files:
        target = folder / each.relative_to(work)
        target.parent.mkdir(parents=True, exist_ok=True)
        each.replace(target)


@contextlib.contextmanager
def _said(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise unwritable(folder, error, folder=folder) from error
