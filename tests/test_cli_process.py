"""The program as a process of its own: clean streams, a bar for people, Ctrl-C, readers that go away."""

from __future__ import annotations

import json
import os
import re
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import keras
import pytest
from PIL import Image
from skimage import data

COMMAND = [sys.executable, "-m", "saccade"]
LISTENING = """
import signal, sys
# A shell that runs tests in the background may have set Ctrl-C aside for its children.
signal.signal(signal.SIGINT, signal.default_int_handler)
from saccade.cli import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model, and photos of which one has a name that is not ASCII and one is broken."""
    folder = tmp_path_factory.mktemp("process")
    given = keras.Input((32, 32, 3))
    x = keras.layers.Conv2D(4, 3, padding="same", activation="elu", bias_initializer="ones")(given)
    x = keras.layers.MaxPooling2D(name="encoded")(x)
    x = keras.layers.UpSampling2D()(x)
    x = keras.layers.Conv2D(3, 3, padding="same", activation="sigmoid", bias_initializer="ones")(x)
    keras.Model(given, x, name="small").save(folder / "small.keras")
    (folder / "photos").mkdir()
    for index in range(8):
        Image.fromarray(data.astronaut()[index * 10 :: 4, ::4]).save(folder / "photos" / f"k\u00e4tzchen-{index}.jpg")
    (folder / "photos" / "broken.jpg").write_bytes(b"\xff\xd8\xff no more")
    return folder


def _environment(**more: str) -> dict[str, str]:
    # As on a user's machine: nothing set that would keep TensorFlow quiet.
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TF_CPP")}
    return {**kept, **more}


def _on_a_terminal(place: Path, words: list[str], **environment: str) -> tuple[int, str, str]:
    """Run with stderr on a terminal; give the exit status, stdout, and what the terminal was sent."""
    ours, theirs = os.openpty()
    with subprocess.Popen(
        [*COMMAND, *words],
        cwd=place,
        stdout=subprocess.PIPE,
        stderr=theirs,
        env=_environment(TERM="xterm", **environment),
    ) as process:
        os.close(theirs)
        seen = b""
        while process.poll() is None or select.select([ours], [], [], 0)[0]:
            if select.select([ours], [], [], 0.05)[0]:
                try:
                    seen += os.read(ours, 65536)
                except OSError:  # how Linux says that nobody holds the other end any more
                    break
        assert process.stdout is not None
        out = process.stdout.read()
    os.close(ours)
    return process.returncode, out.decode(), seen.decode()


def test_json_is_alone_on_stdout_and_the_bar_is_for_terminals(place: Path) -> None:
    words = ["explain", "small.keras", "photos", "-o", "bar", "-m", "saliency", "--json"]
    status, out, seen = _on_a_terminal(place, words, NO_COLOR="1")
    assert status == 0
    found = json.loads(out)
    assert len(found["pages"]) == 8
    assert [Path(each["photo"]).name for each in found["failed"]] == ["broken.jpg"]
    assert "%" in seen
    assert "left" in seen
    assert not re.search("\x1b\\[3\\d", seen), "NO_COLOR was set"
    assert "note: 1 photo could not be used:" in seen
    for chatter in ("oneDNN", "absl", "cuda", "tensorflow", "retracing"):
        assert chatter.lower() not in seen.lower()


def test_streams_are_clean_when_piped_and_names_may_be_anything(place: Path) -> None:
    done = subprocess.run(
        [*COMMAND, "explain", "small.keras", "photos", "-o", "piped", "-m", "saliency"],
        cwd=place, capture_output=True, text=True, env=_environment(PYTHONIOENCODING="ascii"), check=True,
    )  # fmt: skip
    assert "wrote piped/k\\xe4tzchen-0-saliency.png" in done.stdout
    notes = done.stderr.splitlines()
    assert notes[0] == "note: 1 photo could not be used:"
    assert len(notes) == 2, done.stderr
    assert "\x1b" not in done.stdout + done.stderr


def test_ctrl_c_leaves_nothing_half_written_and_the_same_command_continues(place: Path) -> None:
    out = place / "stopped"
    words = ["explain", "small.keras", "photos", "-o", "stopped", "--raw"]
    with subprocess.Popen(
        [sys.executable, "-c", LISTENING, *words],
        cwd=place, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=_environment(),
    ) as process:  # fmt: skip
        until = time.monotonic() + 120
        while not list(out.glob("*.png")) and process.poll() is None and time.monotonic() < until:
            time.sleep(0.005)
        process.send_signal(signal.SIGINT)
        said, complaint = process.communicate(timeout=60)
    assert process.returncode == 130, complaint
    assert complaint == "saccade: stopped.\n"
    assert "wrote" not in said
    pages = sorted(out.glob("*.png"))
    assert 1 <= len(pages) < 8
    assert not [each for each in out.rglob("*") if "part" in each.name]
    for page in (*pages, *out.glob(".thumbnails/*.png")):
        with Image.open(page) as image:
            image.load()

    done = subprocess.run(
        [*COMMAND, *words, "--json"], cwd=place, capture_output=True, text=True, env=_environment(), check=True
    )
    records = json.loads(done.stdout)["pages"]
    assert len(records) == 8
    assert sum(record["already"] for record in records) == len(pages)


def test_a_reader_that_goes_away_is_no_error() -> None:
    for words in (["methods"], ["--help"]):
        with subprocess.Popen([*COMMAND, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            assert process.stdout is not None
            process.stdout.close()
            assert process.stderr is not None
            assert process.stderr.read() == b""
        assert process.returncode in (1, 141)


def test_debug_lets_the_frameworks_speak_and_shows_the_traceback(place: Path) -> None:
    quiet, loud = (
        subprocess.run(
            [*COMMAND, "layers", "small.keras", "--layer", "nobody", *more],
            cwd=place, capture_output=True, text=True, env=_environment(), check=False,
        )
        for more in ([], ["--debug"])
    )  # fmt: skip
    assert quiet.returncode == loud.returncode == 2
    assert quiet.stderr.count("\n") == 1
    assert quiet.stderr.startswith("saccade: no layer 'nobody'")
    assert "Traceback" in loud.stderr
    assert quiet.stderr in loud.stderr
