"""Ctrl-C and kills at any moment: one plain line and status 130, nothing half-written, and the next run goes on."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest
from commands import COMMAND, NUMPY_FACTORY, environment, files
from PIL import Image
from skimage import data

READY = """
import pathlib
def ready():
    pathlib.Path("ready").touch()
"""
SWALLOWING = """
import time
ready()
for _ in range(1000):
    try:
        time.sleep(0.1)
    except:
        pass
"""
COMPUTING = """
import hashlib
ready()
# One call out of C that takes many minutes, in which no handler of Python is called.
hashlib.pbkdf2_hmac("sha256", b"", b"", 2**31 - 1)
"""
CALLED_BACK = """
import time
class Dying:
    def __del__(self):
        ready()
        for _ in range(1000):
            time.sleep(0.1)
dying = Dying()
del dying
"""
AT_THE_END = f"""
{NUMPY_FACTORY}
import atexit, time
@atexit.register
def end():
    ready()
    for _ in range(1000):
        time.sleep(0.1)
"""


def start(folder: Path, *words: str) -> subprocess.Popen[str]:
    # A shell that runs tests in the background may have set Ctrl-C aside for its children.
    return subprocess.Popen(
        [*COMMAND, *words], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(),
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip


def wait_for(process: subprocess.Popen[str], folder: Path, pattern: str) -> None:
    """Until such a file is there, or the process has ended."""
    until = time.monotonic() + 300
    while process.poll() is None and time.monotonic() < until and not any(folder.glob(pattern)):
        time.sleep(0.002)


def stopped(process: subprocess.Popen[str], presses: int = 1) -> None:
    """Press Ctrl-C: the process ends with one line and status 130, in a moment."""
    for press in range(presses):
        if press:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    assert (process.returncode, stderr) == (130, "saccade: stopped.\n")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the user's own model and photos."""
    (tmp_path / "mine.py").write_text(NUMPY_FACTORY)
    (tmp_path / "photos").mkdir()
    for index in range(8):
        Image.fromarray(data.astronaut()[index * 10 :: 4, ::4]).save(tmp_path / "photos" / f"{index}.jpg")
    return tmp_path


@pytest.mark.parametrize("presses", [1, 2])
@pytest.mark.parametrize("module", [SWALLOWING, COMPUTING, CALLED_BACK, AT_THE_END])
def test_ctrl_c_in_code_that_would_swallow_it(tmp_path: Path, module: str, presses: int) -> None:
    (tmp_path / "hostile.py").write_text(READY + module)
    process = start(tmp_path, "layers", "hostile:make")
    wait_for(process, tmp_path, "ready")
    stopped(process, presses)


@pytest.mark.parametrize("delay", [0.25, 0.6, 1.2, 2.0, 3.0])
def test_ctrl_c_at_any_time_after_the_start(small_model: str, folder: Path, delay: float) -> None:
    # Most of these seconds the framework is being imported.
    process = start(
        folder,
        "explain",
        small_model,
        "photos",
        "-o",
        "out",
        "-m",
        "occlusion",
        "--set",
        "patch=2",
        "--set",
        "stride=1",
    )
    time.sleep(delay)
    stopped(process)
    assert not [name for name in files(folder) if "part" in name]


def test_ctrl_c_leaves_nothing_half_written_and_the_same_command_goes_on(folder: Path) -> None:
    words = ("explain", "mine:make", "photos", "-o", "out", "-m", "activation_energy", "--raw")
    process = start(folder, *words)
    wait_for(process, folder, "out/[!.]*.png")
    stopped(process)
    pages = sorted((folder / "out").glob("[!.]*.png"))
    assert 1 <= len(pages) < 8
    assert not [name for name in files(folder / "out") if "part" in name]
    for page in (*pages, *(folder / "out" / ".thumbnails").glob("*.png")):
        with Image.open(page) as image:
            image.load()
    done = subprocess.run(
        [*COMMAND, *words, "--json"], cwd=folder, capture_output=True, text=True, env=environment(), check=True
    )
    records = json.loads(done.stdout)["pages"]
    assert len(records) == 8
    assert sum(record["already"] for record in records) == len(pages)


def test_ctrl_c_clears_the_bar_and_shows_the_cursor_again(folder: Path) -> None:
    ours, theirs = os.openpty()
    words = ("explain", "mine:make", "photos", "-o", "out", "-m", "activation_energy")
    with subprocess.Popen(
        [*COMMAND, *words], cwd=folder, stdout=subprocess.DEVNULL, stderr=theirs, env=environment(TERM="xterm"),
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:  # fmt: skip
        os.close(theirs)
        output = b""
        while b"%" not in output:
            output += os.read(ours, 65536)
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(OSError):  # how Linux says that nobody holds the other end any more
            while more := os.read(ours, 65536):
                output += more
    os.close(ours)
    assert process.returncode == 130
    hidden, shown = output.rfind(b"\x1b[?25l"), output.rfind(b"\x1b[?25h")
    assert 0 <= hidden < shown
    assert output[shown:] == b"\x1b[?25hsaccade: stopped.\r\n"


def test_ctrl_c_before_anything_is_written_leaves_no_folder(folder: Path) -> None:
    (folder / "slow.py").write_text(READY + SWALLOWING)
    process = start(folder, "explain", "slow:make", "photos", "-o", "new/out")
    wait_for(process, folder, "ready")
    assert (folder / "new" / "out").exists()
    stopped(process)
    assert not (folder / "new").exists()


def test_ctrl_c_keeps_what_is_encoded_and_says_that_the_same_command_goes_on(folder: Path) -> None:
    (folder / "slow.py").write_text(
        f"{NUMPY_FACTORY}\nimport time\nfrom saccade.collection import indexing\nindexing.BATCH, indexing.PART = 1, 2\n"
        "def slowly(images, taps):\n    time.sleep(0.3)\n    return encode(images, taps)\n"
        "def make_slow():\n    return Mine(slowly, (16, 16, 3), name='mine')\n"
    )
    words = ("index", "slow:make_slow", "photos", "-o", "photos.npz")
    process = start(folder, *words)
    wait_for(process, folder, ".photos.npz.unfinished/[!.]*.npz")
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert re.fullmatch(
        r"saccade: stopped; [246] of 8 photos are encoded; the same command goes on from there.\n", stderr
    )
    assert {path.suffix for path in (folder / ".photos.npz.unfinished").iterdir()} == {".npz"}
    done = subprocess.run([*COMMAND, *words], cwd=folder, capture_output=True, text=True, env=environment(), check=True)
    assert "8 photos in" in done.stdout
    assert not (folder / ".photos.npz.unfinished").exists()


def test_ctrl_c_before_anything_is_encoded_leaves_nothing(folder: Path) -> None:
    (folder / "slow.py").write_text(
        f"{NUMPY_FACTORY}{READY}\ndef slowly(images, taps):\n    if len(images) == 8:\n        ready()\n"
        "        import time; time.sleep(100)\n    return encode(images, taps)\n"
        "def make_slow():\n    return Mine(slowly, (16, 16, 3), name='mine')\n"
    )
    process = start(folder, "index", "slow:make_slow", "photos", "-o", "photos.npz")
    wait_for(process, folder, "ready")
    assert (folder / ".photos.npz.unfinished").is_dir()
    stopped(process)
    assert not (folder / ".photos.npz.unfinished").exists()


def test_what_a_killed_run_leaves_is_swept_by_the_next(folder: Path) -> None:
    photos = ("photos/0.jpg", "photos/1.jpg")
    words = ("explain", "mine:make", *photos, "-o", "out", "-m", "activation_energy", "--scale", "all")
    process = start(folder, *words)
    wait_for(process, folder, "out/.saccade-*/*.npz")
    process.kill()
    process.communicate()
    left = {path.name for path in (folder / "out").iterdir() if path.name.startswith(".saccade-")}
    assert left
    subprocess.run([*COMMAND, *words], cwd=folder, capture_output=True, env=environment(), check=True)
    assert not [path for path in (folder / "out").rglob("*") if "part" in path.name]
