"""Files that are whole or not there at all, whatever ends the writing: an error, a full disk, Ctrl-C, a kill.

A file is written under a hidden name beside its goal and takes the goal's name when it is whole. The hidden name says
which process on which machine writes it, so that what a killed run left behind can be distinguished from what another
run is writing at this moment, and from the user's own files; the next run that writes into the folder removes it.

    .saccade-MACHINE-PROCESS-START-NUMBER.part.png     a file being written; the goal's ending stays last
    .saccade-MACHINE-PROCESS-START-NUMBER.part         a folder to work in, or being written
    .NAME.replaced                                     the folder that one takes the place of, for that moment
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import itertools
import os
import platform
import re
import shutil
import stat
import tempfile
import threading
import time
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from saccade.errors import FileError
from saccade.utf8 import utf8_bytes

_PART = re.compile(r"\.saccade-(?P<machine>[0-9a-f]{8})-(?P<process>\d+)-(?P<start>\d+)-\d+\.part(\.[^.]*)?")
_NUMBERS = itertools.count()
_LONGEST_ENDING = 16
_FORGOTTEN = 24 * 3600.0
"""Seconds after which a part of another machine, whose processes cannot be looked up, counts as left behind."""

_swept: set[Path] = set()
_sweeping = threading.Lock()


@contextlib.contextmanager
def atomic_file(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Hand out a path to write to, and move what was written there to `path`; if anything fails, remove it.

    A file that was there before stays until then.

    Raises:
        FileError: It cannot be written; the line says why, and what to do.

    Example:
        >>> with atomic_file("numbers.txt") as part:  # doctest: +SKIP
        ...     part.write_text("1 2 3")
    """
    goal = writable_path(path)
    # Whoever writes may choose the format by the ending.
    ending = goal.suffix if len(os.fsencode(goal.suffix)) <= _LONGEST_ENDING else ""
    part = goal.with_name(_part_name() + ending)
    try:
        _refuse(goal)
        _sweep(goal.parent)
        yield part
        part.replace(goal)
    except OSError as error:
        raise unwritable(goal, error) from error
    finally:
        with contextlib.suppress(OSError):  # the folder itself may be gone, or have become unwritable
            part.unlink(missing_ok=True)


@contextlib.contextmanager
def atomic_folder(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Hand out a folder to write to, and move it to `path`; if anything fails, remove it.

    A folder that was there before stays until then: whoever calls has seen that it may be replaced. Two folders cannot
    change places in one step, so the earlier one waits beside it for that moment; `check_folder_writable` brings it
    back after a kill in between.

    Raises:
        FileError: It cannot be written; the line says why, and what to do.
    """
    goal = writable_path(path)
    check_folder_writable(goal)
    earlier = _replaced(goal)
    with scratch_folder(goal.parent) as scratch:
        part = scratch / "folder"
        yield part
        try:
            _remove(earlier)
            try:
                with contextlib.suppress(FileNotFoundError):
                    goal.rename(earlier)
                part.rename(goal)
            finally:
                _bring_back(goal)
        except OSError as error:
            raise unwritable(goal, error) from error
    _remove(earlier)


def check_folder_writable(path: str | os.PathLike[str]) -> None:
    """Try whether a folder can be written, so that a run fails before its work and not after it.

    Raises:
        FileError: It cannot be written.
    """
    goal = writable_path(path)
    try:
        _bring_back(goal)
        if goal.exists() and not goal.is_dir():
            raise FileError(f"{goal} is there, and is no folder; choose another name.")
        with tempfile.TemporaryFile(dir=goal.parent):
            pass
    except OSError as error:
        raise unwritable(goal, error) from error


def writable_path(path: str | os.PathLike[str]) -> Path:
    """The path of a file that is to be written.

    Raises:
        FileError: It is no path, or no file can have such a name.
    """
    try:
        goal = Path(path)
    except TypeError as error:
        raise FileError(f"{path!r:.60} is no path of a file to write; give one as text, such as 'map.png'.") from error
    if "\0" in str(goal):
        raise FileError(f"{str(goal)!r} cannot be the name of a file.")
    return goal


def write_bytes(path: str | os.PathLike[str], content: bytes) -> Path:
    """Write a file of these bytes; give its path.

    Raises:
        FileError: It cannot be written.
    """
    with atomic_file(path) as part:
        part.write_bytes(content)
    return Path(path)


def write_text(path: str | os.PathLike[str], text: str) -> Path:
    """Write a file of this text, as `utf8_bytes` has it; give its path.

    Raises:
        FileError: It cannot be written.
    """
    return write_bytes(path, utf8_bytes(text))


@contextlib.contextmanager
def scratch_folder(folder: str | os.PathLike[str]) -> Iterator[Path]:
    """Hand out a hidden folder inside `folder` to work in; it is removed at the end.

    Raises:
        FileError: It cannot be made.
    """
    scratch = Path(folder) / _part_name()
    try:
        _sweep(scratch.parent)
        scratch.mkdir()
    except OSError as error:
        raise unwritable(Path(folder), error, folder=Path(folder)) from error
    try:
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def remove_unfinished() -> None:
    """Remove what this process is writing; for a process that ends in the middle of its work."""
    for folder in list(_swept):
        with contextlib.suppress(OSError):
            for entry in list(os.scandir(folder)):
                match = _PART.fullmatch(entry.name)
                if match and (match["machine"], match["process"]) == (_machine(), str(os.getpid())):
                    _remove(Path(entry.path))


def check_writable(path: str | os.PathLike[str]) -> None:
    """Try whether a file can be written, so that a run fails before its work and not after it.

    Raises:
        FileError: It cannot be written.
    """
    goal = writable_path(path)
    try:
        _refuse(goal)
        with tempfile.TemporaryFile(dir=goal.parent):
            pass
    except OSError as error:
        raise unwritable(goal, error) from error


def unwritable(path: Path, error: OSError, *, folder: Path | None = None) -> FileError:
    """The error for a file or folder that cannot be written: why, and what to do.

    Args:
        path: What cannot be written.
        error: What the system says.
        folder: Where it should be written; the folder that it lies in by default.
    """
    folder = path.parent if folder is None else folder
    why = f"{error.strerror or error}; choose another place"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        why = "the disk is full; free some space, or choose another place"
    elif error.errno == errno.ENAMETOOLONG:
        why = f"its name is too long for this file system ({len(os.fsencode(path.name))} bytes); choose a shorter one"
    elif error.errno == errno.EROFS:
        why = "the file system can only be read; choose another place"
    elif error.errno in (errno.EACCES, errno.EPERM):
        why = f"permission to write into {folder} is denied; choose another place"
    elif error.errno == errno.ENOTDIR:
        why = f"{folder} is not a folder; choose another place"
    elif error.errno == errno.ENOENT and not folder.exists():
        why = f"the folder {folder} does not exist; create it first"
    return FileError(f"{path} cannot be written: {why}.")


def _refuse(goal: Path) -> None:
    """Raise for a goal that no file can replace, before anything is written.

    Raises:
        FileError: It is a folder, or a device.
        OSError: Its name is too long, or its folder may not be entered.
    """
    try:
        mode = goal.stat().st_mode
    except FileNotFoundError:
        if not goal.parent.exists():
            raise
        return
    if stat.S_ISDIR(mode):
        raise FileError(f"{goal} is a folder; name a file in it.")
    if not stat.S_ISREG(mode):  # moving a file to its place would remove it
        raise FileError(f"{goal} is a device or a pipe, not a file; name a file.")


def _replaced(goal: Path) -> Path:
    return goal.with_name(f".{goal.name}.replaced")


def _bring_back(goal: Path) -> None:
    """Undo the first half of a replacement that came to no second."""
    if not goal.exists():
        with contextlib.suppress(FileNotFoundError):
            _replaced(goal).rename(goal)


def _part_name() -> str:
    process = os.getpid()
    return f".saccade-{_machine()}-{process}-{_start_of(process)}-{next(_NUMBERS)}.part"


def _sweep(folder: Path) -> None:
    """Remove what killed runs left behind in a folder; once in a process, since a run may write thousands of files."""
    with _sweeping:
        folder = folder.resolve()
        if folder in _swept:
            return
        _swept.add(folder)
    # What cannot be listed or removed now is left to another run: it does no harm.
    with contextlib.suppress(OSError):
        for entry in list(os.scandir(folder)):
            match = _PART.fullmatch(entry.name)
            if match and not _alive(match["machine"], int(match["process"]), match["start"], Path(entry.path)):
                _remove(Path(entry.path))


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            path.unlink()


def _alive(machine: str, process: int, start: str, part: Path) -> bool:
    """Whether what writes a part may still be at work."""
    if machine != _machine() or os.name != "posix":
        return time.time() - part.lstat().st_mtime < _FORGOTTEN
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # of another user: it exists
        pass
    except OverflowError:  # no process has such a number
        return False
    now = _start_of(process)
    return now == start or "0" in (now, start)


def _start_of(process: int) -> str:
    """When a process started, in ticks of this machine; 0 where the system does not say.

    Numbers of processes are given out again: a part of process 7 need not be of the process 7 that runs now.
    """
    try:
        # The name of the program stands in brackets, and may itself hold spaces and brackets.
        return Path(f"/proc/{process}/stat").read_text(errors="replace").rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return "0"


@lru_cache(maxsize=1)
def _machine() -> str:
    """This machine, or this container on it: wherever the numbers of processes mean the same."""
    processes = ""
    with contextlib.suppress(OSError):  # Linux only
        processes = os.readlink("/proc/self/ns/pid")  # noqa: PTH115 - no file has this name
    return hashlib.sha256(f"{platform.node()} {processes}".encode()).hexdigest()[:8]
