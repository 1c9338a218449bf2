"""Files are whole or not there at all; what killed runs leave behind goes, what others are writing stays."""

from __future__ import annotations

import errno
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from saccade import atomic_files
from saccade.atomic_files import atomic_file, check_writable, scratch_folder, write_bytes, write_text
from saccade.errors import FileError


@pytest.fixture(autouse=True)
def next_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every folder counts as not yet swept."""
    monkeypatch.setattr(atomic_files, "_swept", set())


def names(folder: Path) -> list[str]:
    return sorted(os.listdir(folder))  # noqa: PTH208


def test_a_file_appears_when_it_is_whole(tmp_path: Path) -> None:
    goal = write_text(tmp_path / "a.keras", "old")
    with atomic_file(goal) as part:
        assert part.suffix == ".keras"
        assert part.name.startswith(".")
        part.write_text("new, ä")
        assert goal.read_text() == "old"
    assert goal.read_text() == "new, ä"
    assert names(tmp_path) == ["a.keras"]
    assert write_bytes(str(tmp_path / "b"), b"\0").read_bytes() == b"\0"


def half_written(goal: Path, error: BaseException) -> None:
    with atomic_file(goal) as part:
        part.write_text("half")
        raise error


def half_done(folder: Path, error: BaseException) -> None:
    with scratch_folder(folder) as scratch:
        (scratch / "x").mkdir()
        raise error


@pytest.mark.parametrize("error", [ValueError("x"), KeyboardInterrupt(), SystemExit(3), OSError(errno.EIO, "no")])
def test_whatever_ends_the_writing_leaves_what_was_there(tmp_path: Path, error: BaseException) -> None:
    goal = write_text(tmp_path / "a.txt", "old")
    with pytest.raises(FileError if isinstance(error, OSError) else type(error)):
        half_written(goal, error)
    with pytest.raises(type(error)):
        half_done(tmp_path, error)
    assert goal.read_text() == "old"
    assert names(tmp_path) == ["a.txt"]


def test_several_write_the_same_file_at_once(tmp_path: Path) -> None:
    goal = tmp_path / "a.txt"
    with atomic_file(goal) as one, atomic_file(goal) as other:
        assert one != other
        one.write_text("1")
        other.write_text("2")
    assert goal.read_text() == "1"


KILLED = """
import sys, time
from saccade.atomic_files import atomic_file, scratch_folder
with scratch_folder(sys.argv[1]) as scratch, atomic_file(sys.argv[1] + "/cat.png") as part:
    (scratch / "half").write_text("x")
    part.write_text("x")
    print("writing", flush=True)
    time.sleep(60)
"""


def test_the_next_run_removes_what_a_killed_one_left_and_nothing_else(tmp_path: Path) -> None:
    users = [".cat.png.part", "cat.png.part", ".saccade-notes.part", ".saccade-0-0-0-0.part.d"]
    for name in users:
        (tmp_path / name).write_text("mine")
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1] / "src")}
    run = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(tmp_path)], stdout=subprocess.PIPE, text=True, env=environment
    )
    try:
        assert run.stdout is not None
        assert run.stdout.readline() == "writing\n"
        writing = names(tmp_path)
        assert len(writing) == len(users) + 2
        write_text(tmp_path / "dog.txt", "x")
        assert names(tmp_path) == sorted([*writing, "dog.txt"])  # it lives, and goes on writing
    finally:
        run.send_signal(signal.SIGKILL)
        run.wait()
        run.stdout.close()
    write_text(tmp_path / "dog.txt", "x")
    assert names(tmp_path) == sorted([*writing, "dog.txt"])  # looked for once in a process
    atomic_files._swept.clear()
    write_text(tmp_path / "dog.txt", "x")
    assert names(tmp_path) == sorted([*users, "dog.txt"])


def test_a_number_of_a_process_that_was_given_out_again(tmp_path: Path) -> None:
    """As in a container, where every run has the same small number."""
    mine = re.compile(r"\.saccade-(\w+)-(\d+)-(\d+)-\d+\.part").fullmatch(atomic_files._part_name())
    assert mine is not None
    machine, process, start = mine.groups()
    if start == "0":
        pytest.skip("this system does not say when a process started")
    (tmp_path / f".saccade-{machine}-{process}-{start}-999.part.png").touch()
    (tmp_path / f".saccade-{machine}-{process}-{int(start) + 1}-0.part.png").touch()
    write_text(tmp_path / "a", "x")
    assert names(tmp_path) == [f".saccade-{machine}-{process}-{start}-999.part.png", "a"]


def test_parts_of_another_machine_are_given_a_day(tmp_path: Path) -> None:
    for name, age in (("fresh", 3600), ("old", 3 * 24 * 3600)):
        path = tmp_path / f".saccade-00000000-1-1-{len(name)}.part"
        path.mkdir()
        os.utime(path, (time.time() - age,) * 2)
    write_text(tmp_path / "a", "x")
    assert names(tmp_path) == [".saccade-00000000-1-1-5.part", "a"]


def test_names_up_to_the_limit_of_the_file_system(tmp_path: Path) -> None:
    most = os.pathconf(tmp_path, "PC_NAME_MAX")
    for name in ("a" * (most - 4) + ".png", "ä" * ((most - 4) // 2) + ".png", "a." + "b" * (most - 2)):
        assert write_text(tmp_path / name, "x").read_text() == "x"
    for write in (lambda path: write_text(path, "x"), check_writable):
        with pytest.raises(FileError, match=rf"name is too long for this file system \({most + 1} bytes\); choose a"):
            write(tmp_path / ("a" * (most + 1)))
    assert len(names(tmp_path)) == 3


def test_goals_that_cannot_be_written_are_refused_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    os.mkfifo(tmp_path / "pipe")
    refusals = {
        tmp_path / "folder": "folder is a folder; name a file in it.",
        tmp_path / "none" / "a": f"cannot be written: the folder {tmp_path / 'none'} does not exist; create it first.",
        tmp_path / "file" / "a": f"cannot be written: {tmp_path / 'file'} is not a folder; choose another place.",
        tmp_path / "pipe": "is a device or a pipe, not a file; name a file.",
        Path("/dev/null"): "is a device or a pipe, not a file; name a file.",
    }
    for path, text in refusals.items():
        with pytest.raises(FileError, match=re.escape(text)), atomic_file(path):
            raise AssertionError("the work has begun")
        with pytest.raises(FileError, match=re.escape(text)):
            check_writable(path)
    with pytest.raises(FileError, match="is not a folder"), scratch_folder(tmp_path / "file"):
        pass
    check_writable(tmp_path / "file")
    assert names(tmp_path) == ["file", "folder", "pipe"]


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (errno.ENOSPC, "the disk is full; free some space, or choose another place."),
        (errno.EDQUOT, "the disk is full; free some space, or choose another place."),
        (errno.EROFS, "the file system can only be read; choose another place."),
        (errno.EACCES, "permission to write into .* is denied; choose another place."),
        (errno.EIO, "Input/output error; choose another place."),
    ],
)
def test_what_the_system_says_becomes_what_to_do(tmp_path: Path, number: int, text: str) -> None:
    with pytest.raises(FileError, match=f"a.txt cannot be written: {text}$"):
        half_written(tmp_path / "a.txt", OSError(number, os.strerror(number)))
    assert names(tmp_path) == []


def test_the_usual_permissions(tmp_path: Path) -> None:
    (tmp_path / "usual").touch()
    assert write_text(tmp_path / "a", "x").stat().st_mode == (tmp_path / "usual").stat().st_mode
