"""What the commands refuse: one plain line each, and nothing half-written."""

from __future__ import annotations

import json
import struct
import warnings
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from commands import Run, files, refused, small_autoencoder
from PIL import Image

from saccade.errors import SaccadeWarning
from saccade.results import Attribution


def test_models_that_cannot_be_opened(run: Run, photos: Path, tmp_path: Path) -> None:
    cat = photos / "cat.jpg"
    small_autoencoder().save(tmp_path / "model.keras")
    refused(run("explain", "modle.keras", cat), "no file modle.keras", "model.keras")
    (tmp_path / "empty.keras").touch()
    refused(run("explain", "empty.keras", cat), "empty.keras is empty")
    (tmp_path / "cut.keras").write_bytes((tmp_path / "model.keras").read_bytes()[:3000])
    refused(run("layers", "cut.keras"), "cut.keras is damaged")
    refused(run("layers", cat), "is no model")
    (tmp_path / "text.h5").write_text("hello")
    refused(run("layers", "text.h5"), "damaged or no HDF5 file")
    refused(run("layers", "no.such.module:make"), "no module 'no.such.module'")
    assert not (tmp_path / "saccade-out").exists()


def test_untrained_models_are_noted_and_nan_refused(run: Run, photos: Path, tmp_path: Path) -> None:
    small_autoencoder(trained=False).save(tmp_path / "fresh.keras")
    status, out, _ = run("explain", "fresh.keras", photos / "cat.jpg", "-m", "saliency")
    assert status == 0
    assert "look untrained" in out
    assert "look untrained" in json.loads(run("layers", "fresh.keras", "--json")[1])["notes"][0]
    broken = small_autoencoder()
    broken.set_weights([np.full_like(weight, np.nan) for weight in broken.get_weights()])
    broken.save(tmp_path / "nan.keras")
    refused(run("explain", "nan.keras", photos / "cat.jpg", "-o", "no"), "not numbers (NaN")
    assert not Path("no").exists()


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("--layer", "encodedd"), "nearest is 'encoded'"),
        (("-m", "oclusion"), "nearest is 'occlusion'"),
        (("-t", "chanel:3"), "nearest is 'channel:k'"),
        (("-t", "channel:99"), "give 0 to 5"),
        (("-t", "cell:99,0"), "does not exist"),
        (("-t", "like:nobody.jpg"), "no file"),
        (("-m", "occlusion", "--set", "pach=3"), "nearest is 'patch'"),
        (("--set", "stps=3"), "nearest is 'steps'"),
        (("--set", "patch=3"), "occlusion has it; name a method with -m"),
        (("-m", "occlusion", "--set", "patch=99"), "does not fit"),
        (("--theme", "drak"), "nearest is 'dark'"),
        (("--fit", "strech"), "nearest is 'stretch'"),
        (("--format", "gif"), "allowed: png, jpg, webp"),
        (("--backend", "tensorflo"), "nearest is 'tensorflow'"),
        (("--memory", "lots"), "500MB or 2GiB"),
        (("--memory", "1kB"), "raise the limit (--memory"),
        (("--value-range", "1,0"), "darkest"),
        (("--size", "64,64"), "cannot be had"),
    ],
)
def test_options_that_cannot_be(run: Run, small_model: str, photos: Path, words: tuple[str, ...], line: str) -> None:
    refused(run("explain", small_model, photos / "cat.jpg", *words), line)
    assert not Path("saccade-out").exists()


def _header_only(path: Path, side: int) -> Path:
    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b""))
    return path


def test_photos_that_cannot_be_used(run: Run, small_model: str, photos: Path, tmp_path: Path) -> None:
    def explained(photo: Path, *more: str) -> tuple[int, str, str]:
        return run("explain", small_model, photo, *more)

    refused(explained(photos / "dog.jpg"), "no file")
    refused(explained(photos / "cap.png"), "the nearest there is 'cup.png'")
    (tmp_path / "empty.png").touch()
    refused(explained(tmp_path / "empty.png"), "is empty")
    (tmp_path / "cut.jpg").write_bytes((photos / "cat.jpg").read_bytes()[:2000])
    refused(explained(tmp_path / "cut.jpg"), "damaged or cut off")
    Image.new("RGB", (1, 1)).save(tmp_path / "dot.png")
    refused(explained(tmp_path / "dot.png"), "1x1 pixels")
    huge = _header_only(tmp_path / "huge.png", 20_000)
    refused(explained(huge), "20,000 x 20,000", "--max-pixels 400000000")
    refused(explained(huge, "--max-pixels", "400000000"), "damaged or cut off")
    np.save(tmp_path / "five.npy", np.zeros((8, 8, 5), np.float32))
    refused(explained(tmp_path / "five.npy"), "five.npy", "channels")
    (tmp_path / "nothing").mkdir()
    refused(explained(tmp_path / "nothing"), "no photos in the folder")
    assert not (tmp_path / "saccade-out").exists()
    status, out, err = run("explain", small_model, tmp_path / "empty.png", tmp_path / "cut.jpg", "--json")
    assert (status, out) == (2, "")
    assert err.startswith("saccade: none of the 2 photos can be read; the first: ")
    assert "is empty" in err
    assert not (tmp_path / "saccade-out").exists()


def test_an_output_that_cannot_be_written(run: Run, small_model: str, photos: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    cat = photos / "cat.jpg"
    refused(
        run("explain", small_model, cat, "-o", "file/out"),
        "file/out cannot be written: file is not a folder; choose another place",
    )
    refused(run("explain", small_model, cat, "-o", "file"), "is a file", "output")
    refused(run("feature-maps", small_model, cat, "-o", "file/out"), "cannot be written")
    refused(run("compare", small_model, cat, cat, "-o", "file/why.png"), "file is a file; give a folder")
    refused(run("train", photos, "-o", "file/model.keras"), "file is a file; give a folder")


LONG = "x" * 300


@pytest.mark.parametrize(
    "words",
    [
        ("layers", LONG),
        ("explain", "MODEL", LONG),
        ("explain", "MODEL", "PHOTO", "-o", LONG),
        ("explain", "MODEL", "PHOTO", "-o", f"{LONG}/out"),
        ("explain", "MODEL", "PHOTO", "-t", f"like:{LONG}"),
        ("inside", "MODEL", LONG),
        ("cells", "MODEL", "PHOTO", "-o", LONG),
        ("compare", "MODEL", "PHOTO", "PHOTO", "-o", f"{LONG}.png"),
        ("compare", "MODEL", "PHOTO", "PHOTO", "--reference", LONG),
        ("evaluate", "MODEL", LONG),
        ("train", LONG),
        ("train", ".", "-o", f"{LONG}.keras"),
        ("train", ".", "--start-from", LONG),
        ("demo", "-o", LONG),
    ],
)
def test_a_path_that_is_too_long_is_one_line(run: Run, small_model: str, photos: Path, words: tuple[str, ...]) -> None:
    files_by_word = {"MODEL": small_model, "PHOTO": str(photos / "cat.jpg")}
    answer = run(*(files_by_word.get(word, word) for word in words))
    refused(answer, "xxxx")


# what cannot be foreseen


@pytest.mark.parametrize(
    ("error", "status", "line"),
    [
        (MemoryError(), 2, "out of memory"),
        (KeyboardInterrupt(), 130, "stopped."),
        (ZeroDivisionError("two\nlines"), 1, "unexpected error: ZeroDivisionError: two lines (run again with --debug"),
        (BrokenPipeError(), 141, ""),
    ],
)
def test_errors_inside(
    run: Run,
    small_model: str,
    photos: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: BaseException,
    status: int,
    line: str,
) -> None:
    def fails(*arguments: Any, **settings: Any) -> Any:
        raise error

    # A part of a page on disk, and the answer to the second photo never comes.
    monkeypatch.setattr("saccade.results.Attribution.figure", fails)
    words = ("explain", small_model, photos, "-o", "out")
    if not line:
        assert run(*words)[0] == status
        return
    refused(run(*words), line, status=status)
    assert not [name for name in files(Path("out")) if ".part" in name]
    answer = run(*words, "--debug")
    assert answer[0] == status
    assert "Traceback" in answer[2]


def test_our_warnings_become_notes_and_others_stay_out(
    run: Run, small_model: str, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Attribution.figure

    def warns(self: Attribution, *arguments: Any, **settings: Any) -> Any:
        warnings.warn("read this\nwith care.", SaccadeWarning, stacklevel=2)
        warnings.warn("a framework's matter", UserWarning, stacklevel=2)
        print("a message on stdout")
        return real(self, *arguments, **settings)

    monkeypatch.setattr(Attribution, "figure", warns)
    status, out, err = run("explain", small_model, photos, "-m", "saliency", "--json")
    assert status == 0
    assert json.loads(out)["layer"] == "encoded"
    assert err.count("note: read this with care.") == 1
    assert "framework" not in err
