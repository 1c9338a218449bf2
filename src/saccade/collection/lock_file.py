"""A file that one process at a time locks, so that two do not make the same thing."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from saccade.atomic_files import unwritable
from saccade.errors import FileError


@contextlib.contextmanager
def lock_file(path: Path, goal: Path) -> Iterator[None]:
    """Hold a lock, which also ends with the process, however it ends; the file goes with it.

    Where the system or the file system has no such locks, nothing is locked.

    Args:
        path: The file that is locked; it holds the number of the process.
        goal: What is made, for messages.

    Raises:
        FileError: Another process, or another call of this one, holds it; or it cannot be written.
    """
    try:
        descriptor = _locked(path, goal)
    except OSError as error:
        raise unwritable(path, error) from error
    try:
        yield
    finally:
        if descriptor is not None:
            with contextlib.suppress(OSError):  # its folder may be gone
                path.unlink(missing_ok=True)
            os.close(descriptor)


def check_unlocked(path: Path, goal: Path) -> None:
    """Refuse before the work what another process makes; see `lock_file`.

    Raises:
        FileError: It is so.
    """
    if not path.is_file():
        return
    with contextlib.suppress(OSError):  # it went in between, or cannot be written, which the work itself says
        descriptor = _locked(path, goal)
        if descriptor is not None:
            os.close(descriptor)


def _locked(path: Path, goal: Path) -> int | None:
    try:
        import fcntl
    except ImportError:  # Windows
        return None
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            process = os.read(descriptor, 32).decode("ascii", "replace")
            os.close(descriptor)
            holder = "another call of this program" if process == str(os.getpid()) else f"process {process}"
            raise FileError(
                f"{goal} is being made by {holder}; wait until it is finished, or choose another file."
            ) from None
        except OSError:  # a file system without locks
            os.close(descriptor)
            return None
        with contextlib.suppress(FileNotFoundError):
            # Whoever held it may have removed it in between, and then this is the lock of a file that nobody else sees.
            if os.fstat(descriptor).st_ino == path.stat().st_ino:
                os.truncate(descriptor, 0)
                os.write(descriptor, str(os.getpid()).encode())
                return descriptor
        os.close(descriptor)
