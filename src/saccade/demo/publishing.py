"""Everything appears in the folder when it is complete, the page last; what else lies there is left alone."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator
from pathlib import Path

from saccade.atomic_files import scratch_folder, unwritable
from saccade.collection.output_folder import output_folder

_NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextlib.contextmanager
def published(folder: Path, last: str) -> Iterator[Path]:
    """Hand out a hidden folder to work in; at the end move what was made there into `folder`.

    Args:
        folder: Where everything goes; made if it is not there.
        last: The file that is moved last, since it refers to the others.

    Raises:
        FileError: The folder cannot be made or written, or the disk is full.
    """
    with output_folder(folder), scratch_folder(folder) as work:
        try:
            yield work
        except OSError as error:
            if error.errno in _NO_SPACE:
                raise unwritable(folder, error, folder=folder) from error
            raise
        try:
            _move(work, folder, last)
        except OSError as error:
            raise unwritable(folder, error, folder=folder) from error


def _move(work: Path, folder: Path, last: str) -> None:
    files = sorted(path for path in work.rglob("*") if path.is_file())
    files.sort(key=lambda path: path == work / last)
    for path in files:
        target = folder / path.relative_to(work)
        target.parent.mkdir(parents=True, exist_ok=True)
        path.replace(target)
