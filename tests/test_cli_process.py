"""The program as a process of its own: clean streams, a bar for people, streams that are closed or full."""

from __future__ import annotations

import json
import os
import re
import resource
import select
import subprocess
from collections.abc import Callable
from pathlib import Path

import keras
import pytest
from commands import COMMAND, NUMPY_FACTORY, environment, files
from PIL import Image
from skimage import data


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two models, and photos of which one has a name that is not ASCII and one is broken."""
    folder = tmp_path_factory.mktemp("process")
    image = keras.Input((32, 32, 3))
    x = keras.layers.Conv2D(4, 3, padding="same", activation="elu", bias_initializer="ones")(image)
    x = keras.layers.MaxPooling2D(name="encoded")(x)
    x = keras.layers.UpSampling2D()(x)
    x = keras.layers.Conv2D(3, 3, padding="same", activation="sigmoid", bias_initializer="ones")(x)
    keras.Model(image, x, name="small").save(folder / "small.keras")
    (folder / "mine.py").write_text(NUMPY_FACTORY)
    (folder / "photos").mkdir()
    for index in range(3):
        Image.fromarray(data.astronaut()[index * 10 :: 4, ::4]).save(folder / "photos" / f"k\u00e4tzchen-{index}.jpg")
    (folder / "photos" / "broken.jpg").write_bytes(b"\xff\xd8\xff no more")
    return folder


def on_a_terminal(place: Path, words: list[str], **more: str) -> tuple[int, str, str]:
    """Run with stderr on a terminal; give the exit status, stdout, and what the terminal was sent."""
    ours, theirs = os.openpty()
    with subprocess.Popen(
        [*COMMAND, *words], cwd=place, stdout=subprocess.PIPE, stderr=theirs, env=environment(TERM="xterm", **more)
    ) as process:
        os.close(theirs)
        terminal = b""
        while process.poll() is None or select.select([ours], [], [], 0)[0]:
            if select.select([ours], [], [], 0.05)[0]:
                try:
                    terminal += os.read(ours, 65536)
                except OSError:  # how Linux says that nobody holds the other end any more
                    break
        assert process.stdout is not None
        out = process.stdout.read()
    os.close(ours)
    return process.returncode, out.decode(), terminal.decode()


def test_json_is_alone_on_stdout_and_the_bar_is_for_terminals(place: Path) -> None:
    words = ["explain", "small.keras", "photos", "-o", "bar", "-m", "saliency", "--json"]
    status, out, terminal = on_a_terminal(place, words, NO_COLOR="1")
    assert status == 0
    answer = json.loads(out)
    assert len(answer["pages"]) == 3
    assert [Path(failed["photo"]).name for failed in answer["failed"]] == ["broken.jpg"]
    assert "%" in terminal
    assert "left" in terminal
    assert not re.search("\x1b\\[3\\d", terminal), "NO_COLOR was set"
    assert "note: 1 photo could not be used:" in terminal
    for message in ("oneDNN", "absl", "cuda", "tensorflow", "retracing"):
        assert message.lower() not in terminal.lower()


def test_streams_are_clean_when_piped_and_names_may_be_anything(place: Path) -> None:
    done = subprocess.run(
        [*COMMAND, "explain", "mine:make", "photos", "-o", "piped", "-m", "activation_energy"],
        cwd=place, capture_output=True, text=True, env=environment(PYTHONIOENCODING="ascii"), check=True,
    )  # fmt: skip
    assert "wrote piped/k\\xe4tzchen-0-activation_energy.png" in done.stdout
    notes = done.stderr.splitlines()
    assert notes[0] == "note: 1 photo could not be used:"
    assert len(notes) == 2, done.stderr
    assert "\x1b" not in done.stdout + done.stderr


def test_debug_shows_the_traceback(place: Path) -> None:
    quiet, loud = (
        subprocess.run(
            [*COMMAND, "layers", "mine:make", "--layer", "nobody", *more],
            cwd=place, capture_output=True, text=True, env=environment(), check=False,
        )
        for more in ([], ["--debug"])
    )  # fmt: skip
    assert quiet.returncode == loud.returncode == 2
    assert quiet.stderr.count("\n") == 1
    assert quiet.stderr.startswith("saccade: no layer 'nobody'")
    assert "Traceback" in loud.stderr
    assert quiet.stderr in loud.stderr


# Streams that cannot be written

EXPLAIN = ("explain", "mine:make", "photos", "-m", "activation_energy", "-o")
PAGES = {f"k\u00e4tzchen-{index}-activation_energy.png" for index in range(3)} | {"contact-sheet-activation_energy.png"}


def written(folder: Path) -> set[str]:
    return {name for name in files(folder) if not name.startswith(".")}


@pytest.mark.parametrize("closed", [(1,), (2,), (1, 2), (0, 1, 2)])
def test_with_closed_streams_the_work_is_done(place: Path, closed: tuple[int, ...]) -> None:
    def close() -> None:
        for descriptor in closed:
            os.close(descriptor)

    out = f"closed-{len(closed)}-{closed[0]}"
    done = subprocess.run(
        [*COMMAND, *EXPLAIN, out], cwd=place, capture_output=True, text=True, env=environment(), preexec_fn=close,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0
    assert written(place / out) == PAGES
    assert ("wrote" in done.stdout) == (1 not in closed)
    assert done.stderr.startswith("note: 1 photo could not be used") == (2 not in closed)
    # What was opened first must not have become stdout: every page is a whole picture.
    for page in PAGES:
        with Image.open(place / out / page) as image:
            image.load()


def test_a_full_stdout_is_said_and_a_full_stderr_ends_nothing(place: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        for words in (["layers", "mine:make"], ["layers", "mine:make", "--json"], ["--help"], ["methods"]):
            done = subprocess.run(
                [*COMMAND, *words], cwd=place, stdout=full, stderr=subprocess.PIPE, text=True, env=environment(),
                check=False,
            )  # fmt: skip
            assert done.returncode == 2
            assert done.stderr == "saccade: stdout cannot be written: No space left on device.\n"
        done = subprocess.run(
            [*COMMAND, *EXPLAIN, "full"], cwd=place, stdout=subprocess.PIPE, stderr=full, env=environment(), check=False
        )
        assert done.returncode == 0
        assert written(place / "full") == PAGES


@pytest.mark.parametrize("words", [["methods"], ["--help"], ["explain", "--help"], ["layers", "mine:make", "--json"]])
def test_a_reader_that_goes_away_is_no_error(place: Path, words: list[str]) -> None:
    with subprocess.Popen(
        [*COMMAND, *words], cwd=place, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment()
    ) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == b""
    assert process.returncode == 141


def test_a_reader_of_stderr_that_goes_away_ends_nothing(place: Path) -> None:
    with subprocess.Popen(
        [*COMMAND, *EXPLAIN, "unread"], cwd=place, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment()
    ) as process:
        assert process.stderr is not None
        process.stderr.close()
        assert process.stdout is not None
        assert b"wrote" in process.stdout.read()
    assert process.returncode == 0
    assert written(place / "unread") == PAGES


# A disk that is full


def limited(size: int) -> Callable[[], None]:
    """No file can grow beyond so many bytes: what a full disk looks like from inside."""
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


@pytest.mark.parametrize(
    "words",
    [
        [*EXPLAIN, "small-disk"],
        ["feature-maps", "mine:make", "photos/k\u00e4tzchen-0.jpg", "-o", "small-disk"],
        ["demo", "-o", "small-disk", "--no-open"],
        ["compare", "mine:make", "photos/k\u00e4tzchen-0.jpg", "photos/k\u00e4tzchen-1.jpg", "-o", "small-disk.png"],
    ],
)
def test_a_full_disk_is_one_line(place: Path, words: list[str]) -> None:
    done = subprocess.run(
        [*COMMAND, *words], cwd=place, capture_output=True, text=True, env=environment(PYTHONDONTWRITEBYTECODE="1"),
        preexec_fn=limited(4000), check=False,
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith("saccade: ")
    assert done.stderr.count("\n") == 1
    assert "small-disk" in done.stderr
    assert not (place / "small-disk").exists()
    assert not (place / "small-disk.png").exists()
    assert not [name for name in files(place) if name.startswith(".saccade")]
