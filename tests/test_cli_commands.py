"""The commands, run in this process on small models: what they write, what they say, what they refuse."""

from __future__ import annotations

import json
import struct
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from PIL import Image
from skimage import data

from saccade.cli import main
from saccade.errors import SaccadeWarning
from saccade.picture import read_metadata
from saccade.results import Attribution

Run = Callable[..., tuple[int, str, str]]


def _autoencoder(trained: bool = True, size: int | None = 32, channels: int = 3) -> keras.Model:
    keras.utils.set_random_seed(1)
    given = keras.Input((size, size, channels))
    x = keras.layers.Conv2D(6, 3, padding="same", activation="elu", name="first")(given)
    x = keras.layers.MaxPooling2D(name="encoded")(x)
    x = keras.layers.UpSampling2D(name="up")(x)
    x = keras.layers.Conv2D(channels, 3, padding="same", activation="sigmoid", name="redrawn")(x)
    model = keras.Model(given, x, name="small")
    if trained:
        model.set_weights([each + 0.01 for each in model.get_weights()])
    return model


COUNTS = ("steps=2", "samples=2", "masks=16", "iterations=2", "probes=2", "repeats=2")
LIGHT = [word for count in COUNTS for word in ("--set", count)]
"""Small counts, so that all methods answer in a moment."""


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("models") / "small.keras"
    _autoencoder().save(path)
    return str(path)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    (folder / "more").mkdir(parents=True)
    Image.fromarray(data.chelsea()[::3, ::3]).save(folder / "cat.jpg")
    Image.fromarray(data.coffee()[::4, ::4]).save(folder / "cup.png")
    Image.fromarray(data.rocket()[::4, ::4]).save(folder / "more" / "rocket.webp")
    return folder


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)

    def go(*words: object) -> tuple[int, str, str]:
        capsys.readouterr()
        status = main([str(each) for each in words])
        shown = capsys.readouterr()
        return status, shown.out, shown.err

    return go


def _refused(answer: tuple[int, str, str], *said: str, status: int = 2) -> None:
    """One plain line on stderr, nothing on stdout but what was opened, and the status."""
    assert answer[0] == status
    assert answer[2].count("\n") == 1, answer[2]
    assert answer[2].startswith("saccade: ")
    assert "Traceback" not in answer[1] + answer[2]
    for each in said:
        assert each.lower() in answer[2].lower(), answer[2]


def _files(folder: Path) -> set[str]:
    return {str(each.relative_to(folder)) for each in folder.rglob("*") if each.is_file()}


def _width(path: Path) -> int:
    with Image.open(path) as image:
        return image.width


# explain


def test_one_photo_makes_one_page(run: Run, model: str, photos: Path, tmp_path: Path) -> None:
    status, out, err = run("explain", model, photos / "cat.jpg", "-o", "out")
    assert (status, err) == (0, "")
    assert "code: encoded (16x16x6), its name is 'encoded'" in out
    assert "the model ends in a sigmoid" in out
    assert "wrote out/cat-occlusion.png" in out
    assert _files(tmp_path / "out") == {"cat-occlusion.png"}
    about = read_metadata(tmp_path / "out" / "cat-occlusion.png")
    assert about["method"] == "occlusion"
    assert about["layer"] == "encoded"


def test_a_folder_makes_pages_and_a_contact_sheet_and_is_resumed(
    run: Run, model: str, photos: Path, tmp_path: Path
) -> None:
    (photos / "empty.png").touch()
    (photos / "cut.jpg").write_bytes((photos / "cat.jpg").read_bytes()[:2000])
    out = tmp_path / "out"
    words = ("explain", model, photos, "-o", out, "-m", "saliency")
    status, said, err = run(*words)
    assert status == 0
    pages = {f"{name}-saliency.png" for name in ("cat", "cup", "rocket")}
    assert {each for each in _files(out) if not each.startswith(".")} == {*pages, "contact-sheet-saliency.png"}
    assert "note: 2 photos could not be used" in err
    assert "empty.png is empty" in err
    assert "cut.jpg is damaged or cut off" in err

    before = {name: (out / name).stat().st_mtime_ns for name in _files(out)}
    (out / "cup-saliency.png").unlink()
    status, said, _ = run(*words)
    assert status == 0
    assert "wrote " + str(out / "cup-saliency.png") in said
    assert "2 photos" in said
    assert "were there already" in said
    after = {name: (out / name).stat().st_mtime_ns for name in _files(out)}
    assert after.keys() == before.keys()
    redone = {name for name in after if after[name] != before[name]}
    assert "cup-saliency.png" in redone
    assert not redone & {"cat-saliency.png", "rocket-saliency.png", "contact-sheet-saliency.png"}

    # Other settings are another picture, and --again makes all anew.
    for more in (["--theme", "dark"], ["--theme", "dark", "--again"]):
        before = {name: (out / name).stat().st_mtime_ns for name in pages}
        assert run(*words, *more)[0] == 0
        assert all((out / name).stat().st_mtime_ns != before[name] for name in pages)
    assert "3 photos" in run(*words, "--theme", "dark")[1]


def test_a_changed_photo_is_made_anew(run: Run, model: str, photos: Path, tmp_path: Path) -> None:
    words = ("explain", model, photos / "cup.png", "-o", "out", "--json")
    assert json.loads(run(*words)[1])["pictures"][0]["already"] is False
    assert json.loads(run(*words)[1])["pictures"][0]["already"] is True
    Image.fromarray(data.coffee()[::5, ::5]).save(photos / "cup.png")
    assert json.loads(run(*words)[1])["pictures"][0]["already"] is False


def test_several_methods_stand_side_by_side_with_numbers(run: Run, model: str, photos: Path, tmp_path: Path) -> None:
    words = ("explain", model, photos, "-m", "all", "--raw", "-o", "out", "--json", "--seed", "3", "--set", "patch=8")
    status, out, err = run(*words, *LIGHT)
    assert status == 0
    # The model ends in ELU, through which slopes cannot be guided.
    assert err.startswith("note: guided_backprop is left out: ")
    assert err.count("\n") == 1
    found = json.loads(out)
    from saccade.methods import available

    names = [each for each in available() if each != "guided_backprop"]
    assert [each["method"] for each in found["pictures"][0]["methods"]] == names
    assert found["pictures"][0]["methods"][names.index("smoothgrad")]["settings"]["seed"] == 3
    assert found["pictures"][0]["methods"][names.index("occlusion")]["settings"]["patch"] == [8, 8]
    written = {each for each in _files(tmp_path / "out") if not each.startswith(".")}
    assert written == {
        "contact-sheet-methods.png",
        *(f"{photo}-methods.png" for photo in ("cat", "cup", "rocket")),
        *(f"{photo}-{name}.npz" for photo in ("cat", "cup", "rocket") for name in names),
    }
    look = Attribution.load(tmp_path / "out" / "cat-saliency.npz")
    assert look.values.max() == pytest.approx(
        found["pictures"][0]["methods"][names.index("saliency")]["highest"], rel=1e-6
    )


def test_the_shape_of_json(run: Run, model: str, photos: Path) -> None:
    status, out, _ = run("explain", model, photos / "cat.jpg", "-t", "cell:3,4", "--json", "-o", "out")
    assert status == 0
    found = json.loads(out)
    assert set(found) == {
        "model", "framework", "layer", "layer_reason", "code_shape", "value_range", "value_range_reason", "reads",
        "notes", "output", "pictures", "sheet", "failed", "refused",
    }  # fmt: skip
    (picture,) = found["pictures"]
    assert set(picture) == {"picture", "size", "methods", "files", "already"}
    assert picture["files"] == ["out/cat-occlusion-cell-3-4.png"]
    assert picture["size"] == [151, 100]
    (finding,) = picture["methods"]
    assert finding["target"] == "cell:3,4"
    assert finding["signed"] is True
    x, y = finding["strongest_at"]
    # The cell stands for pixels 6..8 by 8..10 of the model's 32, seen 4 wide on either side.
    assert 0 < x / 151 < 0.6
    assert 0 < y / 100 < 0.6


def test_one_scale_for_all(run: Run, model: str, photos: Path, tmp_path: Path) -> None:
    words = ("explain", model, photos, "-m", "saliency", "--scale", "all", "-o", "out", "--json")
    first = json.loads(run(*words)[1])
    assert [each["already"] for each in first["pictures"]] == [False] * 3
    assert not [each for each in (tmp_path / "out").iterdir() if each.name.startswith(".") and each.suffix]
    assert [each["already"] for each in json.loads(run(*words)[1])["pictures"]] == [True] * 3
    # One more photo may change the scale of all the others.
    Image.fromarray(data.astronaut()[::4, ::4]).save(photos / "woman.png")
    assert [each["already"] for each in json.loads(run(*words)[1])["pictures"]] == [False] * 4
    _refused(run(*words[:5], "-m", "occlusion", *words[5:]), "one method")


def test_overlays_only_in_other_formats(run: Run, model: str, photos: Path, tmp_path: Path) -> None:
    assert run("explain", model, photos / "cat.jpg", "-m", "saliency,occlusion", "--overlay-only",
               "--format", "webp", "-o", "out")[0] == 0  # fmt: skip
    assert _files(tmp_path / "out") == {"cat-saliency-overlay.webp", "cat-occlusion-overlay.webp"}
    with Image.open(tmp_path / "out" / "cat-occlusion-overlay.webp") as image:
        assert image.width / image.height == pytest.approx(1.51, abs=0.01)


def test_pages_among_the_photos_are_not_explained_again(run: Run, model: str, photos: Path) -> None:
    words = ("explain", model, photos, "-m", "saliency", "-o", photos, "--json")
    first = json.loads(run(*words)[1])
    second = json.loads(run(*words)[1])
    assert [each["picture"] for each in second["pictures"]] == [each["picture"] for each in first["pictures"]]


def test_a_method_that_fails_for_some_photos_is_left_off_the_sheet(
    run: Run, model: str, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from saccade.errors import NotApplicable
    from saccade.methods import available

    real = available()["saliency"]
    asked: list[str] = []

    def once(*given: Any, **settings: Any) -> Any:
        asked.append("saliency")
        if len(asked) > 1:
            raise NotApplicable("not for this one.")
        return real(*given, **settings)

    once.description = real.description  # type: ignore[attr-defined]
    monkeypatch.setitem(available(), "saliency", once)
    status, out, err = run("explain", model, photos, "-m", "all", "-o", "out", "--json", *LIGHT)
    assert status == 0
    assert "note: saliency is left out: not for this one.\n" in err
    answered = [{each["method"] for each in picture["methods"]} for picture in json.loads(out)["pictures"]]
    assert ["saliency" in each for each in answered] == [True, False, False]
    assert read_metadata("out/contact-sheet-methods.png")["method"] == ", ".join(
        each for each in available() if each not in ("guided_backprop", "saliency")
    )


def test_globs_and_photos_of_one_name(run: Run, model: str, photos: Path, tmp_path: Path) -> None:
    Image.fromarray(data.coffee()[::5, ::5]).save(photos / "more" / "cat.jpg")
    assert run("explain", model, f"{photos}/**/*.jpg", "-m", "saliency", "-o", "out")[0] == 0
    pages = {each for each in _files(tmp_path / "out") if not each.startswith(".")}
    assert pages == {"photos-cat-saliency.png", "more-cat-saliency.png", "contact-sheet-saliency.png"}


def test_quiet_says_nothing(run: Run, model: str, photos: Path) -> None:
    assert run("explain", model, photos / "cat.jpg", "-q", "-o", "out") == (0, "", "")


def test_a_method_that_cannot_answer_is_left_out_of_all_but_ends_the_run_when_named(
    run: Run, model: str, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from saccade.errors import NotApplicable
    from saccade.methods import available

    real = available()["saliency"]

    def cannot(*given: Any, **settings: Any) -> Any:
        raise NotApplicable("it cannot be done here.")

    cannot.description = real.description  # type: ignore[attr-defined]
    monkeypatch.setitem(available(), "saliency", cannot)
    for overlays in ([], ["--overlay-only"]):
        words = ("explain", model, photos, "-m", "all", "-o", "out", "--json", *LIGHT, *overlays)
        for already in (False, True):
            status, out, err = run(*words)
            assert status == 0
            assert ("saliency is left out" in err) is not already
            found = json.loads(out)
            assert [each["already"] for each in found["pictures"]] == [already] * 3
            assert "saliency" not in [each["method"] for each in found["pictures"][0]["methods"]]
    _refused(run("explain", model, photos, "-m", "saliency", "-o", "no"), "it cannot be done here")
    assert not Path("no").exists()


# the other commands


def test_layers(run: Run, model: str) -> None:
    status, out, err = run("layers", model)
    assert (status, err) == (0, "")
    lines = {line.split()[0]: line.split() for line in out.splitlines() if line.startswith(("  ", "->"))}
    assert lines["->"][1:] == ["encoded", "MaxPooling2D", "16x16x6", "1,536", "0", "4", "2"]
    assert lines["first"][1:] == ["Conv2D", "32x32x6", "6,144", "168", "3", "1"]
    assert "its name is 'encoded'" in out
    found = json.loads(run("layers", model, "--json", "--layer", "first")[1])
    assert [each["layer"] for each in found["layers"] if each["code"]] == ["first"]
    assert found["layer_reason"] == "as named"
    assert run("layers", model, "-q") == (0, "", "")


def test_layers_of_a_model_of_any_size(run: Run, tmp_path: Path) -> None:
    _autoencoder(size=None).save(tmp_path / "free.keras")
    found = json.loads(run("layers", "free.keras", "--json", "--size", "64,48")[1])
    assert found["size"] == [64, 48]
    assert {each["layer"]: each["shape"] for each in found["layers"]}["encoded"] == [32, 24, 6]
    assert json.loads(run("layers", "free.keras", "--json")[1])["size"] == [256, 256]


def test_methods_are_listed_with_one_line_each_and_described_by_name(run: Run) -> None:
    from saccade.methods import available

    status, out, err = run("methods")
    assert (status, err) == (0, "")
    found = json.loads(run("methods", "--json")[1])["methods"]
    assert [each["name"] for each in found] == list(available())
    for each in found:
        (line,) = [line for line in out.splitlines() if line.split()[:1] == [each["name"]]]
        assert each["plain"] in line
    several = ["occlusion", "smoothgrad"]
    full = run("methods", *several)[1]
    for each in json.loads(run("methods", *several, "--json")[1])["methods"]:
        assert {"name", "title", "plain", "source", "cost", "settings"} == set(each)
        assert each["title"] in full
        for setting in each["settings"]:
            assert f"--set {setting['name']}=" in full
    status, out, err = run("methods", "oclusion")
    assert (status, out) == (2, "")
    assert "the nearest is 'occlusion'" in err


def test_train_writes_a_model_that_explain_opens(run: Run, photos: Path, tmp_path: Path) -> None:
    for index in range(12):
        Image.fromarray(data.astronaut()[index * 20 : index * 20 + 64, :64]).save(photos / f"{index}.png")
    status, out, err = run(
        "train", photos, "-o", "mine.keras", "--size", "16", "--channels", "4", "--code-channels", "2", "--epochs", "1",
        "--batch-size", "4", "--seed", "5", "--preview", "preview.png",
    )  # fmt: skip
    assert (status, err) == (0, "")
    assert "epoch 1/1: loss" in out
    assert "wrote mine.keras" in out
    assert _width(tmp_path / "preview.png") > 16
    assert json.loads((tmp_path / "mine.json").read_text())["settings"]["seed"] == 5
    assert run("explain", "mine.keras", photos / "cat.jpg")[0] == 0
    assert (tmp_path / "saccade-out" / "cat-occlusion.png").exists()
    _refused(run("train", photos, "-o", "mine.h5"), ".keras")
    _refused(run("train", photos, "--epochs", "0"), "at least 1")
    _refused(run("train", photos, "--channels", "a,b"), "--channels")


def test_compare(run: Run, model: str, photos: Path, tmp_path: Path) -> None:
    words = ("compare", model, photos / "cat.jpg", photos / "cup.png", "-o", "why.png")
    status, out, _ = run(*words)
    assert status == 0
    assert "wrote why.png" in out
    assert _width(tmp_path / "why.png") > 500
    found = json.loads(run(*words, "--json")[1])
    assert np.sum(found["shares_a"]) == pytest.approx(found["score"], abs=1e-5)
    assert f"similarity {found['score']:.3f}" in out
    _refused(run(*words, "--matching", "plaice"), "nearest is 'place'")
    _refused(run("compare", model, photos / "cat.jpg", photos / "cupp.png"), "no ", "cup.png")


def test_inside(run: Run, model: str, photos: Path, tmp_path: Path) -> None:
    status, out, err = run("inside", model, photos / "cat.jpg", "-o", "within", "--json")
    assert (status, err) == (0, "")
    found = json.loads(out)
    assert {Path(each).name for each in found["files"]} == _files(tmp_path / "within")
    assert any("encoded" in each for each in found["files"])
    assert run("inside", model, photos / "cat.jpg", "-q", "--theme", "light", "--scale", "each") == (0, "", "")
    _refused(run("inside", model, photos / "cat.jpg", "--theme", "drak"), "nearest is 'dark'")


def test_demo_builds_the_gallery(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys
    import types
    import webbrowser

    seen: list[Path] = []

    def build(folder: Path, *, progress: Callable[[str, int, int], None] | None = None) -> Path:
        assert progress is not None
        progress("drawing", 1, 2)
        seen.append(folder)
        (folder / "index.html").touch()
        return folder / "index.html"

    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", lambda address: not opened.append(address))
    monkeypatch.setitem(sys.modules, "saccade.gallery", types.SimpleNamespace(build=build))
    status, out, err = run("demo", "-o", "shown")
    assert (status, out, err) == (0, "wrote shown/index.html\n", "")
    assert seen == [Path("shown")]
    assert opened == []
    assert run("demo", "-o", "shown", "--open")[0] == 0
    assert opened == [(tmp_path / "shown" / "index.html").as_uri()]


# bad input


def test_models_that_cannot_be_opened(run: Run, photos: Path, tmp_path: Path) -> None:
    cat = photos / "cat.jpg"
    _autoencoder().save(tmp_path / "model.keras")
    _refused(run("explain", "modle.keras", cat), "no file modle.keras", "model.keras")
    (tmp_path / "empty.keras").touch()
    _refused(run("explain", "empty.keras", cat), "empty.keras is empty")
    (tmp_path / "cut.keras").write_bytes((tmp_path / "model.keras").read_bytes()[:3000])
    _refused(run("layers", "cut.keras"), "cut.keras is damaged")
    _refused(run("layers", cat), "is no model")
    (tmp_path / "text.h5").write_text("hello")
    _refused(run("layers", "text.h5"), "damaged or no HDF5 file")
    _refused(run("layers", "no.such.module:make"), "no module 'no.such.module'")
    assert not (tmp_path / "saccade-out").exists()


def test_untrained_models_are_noted_and_nan_refused(run: Run, photos: Path, tmp_path: Path) -> None:
    _autoencoder(trained=False).save(tmp_path / "fresh.keras")
    status, out, _ = run("explain", "fresh.keras", photos / "cat.jpg", "-m", "saliency")
    assert status == 0
    assert "look untrained" in out
    assert "look untrained" in json.loads(run("layers", "fresh.keras", "--json")[1])["notes"][0]
    broken = _autoencoder()
    broken.set_weights([np.full_like(each, np.nan) for each in broken.get_weights()])
    broken.save(tmp_path / "nan.keras")
    _refused(run("explain", "nan.keras", photos / "cat.jpg", "-o", "no"), "not numbers (NaN")
    assert not Path("no").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--layer", "encodedd"), "nearest is 'encoded'"),
        (("-m", "oclusion"), "nearest is 'occlusion'"),
        (("-t", "chanel:3"), "nearest is 'channel:k'"),
        (("-t", "channel:99"), "give 0 to 5"),
        (("-t", "cell:99,0"), "does not exist"),
        (("-t", "like:nobody.jpg"), "no file"),
        (("--set", "pach=3"), "nearest is 'patch'"),
        (("--set", "patch=99"), "does not fit"),
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
def test_options_that_cannot_be(run: Run, model: str, photos: Path, words: tuple[str, ...], said: str) -> None:
    _refused(run("explain", model, photos / "cat.jpg", *words), said)
    assert not Path("saccade-out").exists()


def _header_only(path: Path, side: int) -> Path:
    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b""))
    return path


def test_photos_that_cannot_be_used(run: Run, model: str, photos: Path, tmp_path: Path) -> None:
    def explained(photo: Path, *more: str) -> tuple[int, str, str]:
        return run("explain", model, photo, *more)

    _refused(explained(photos / "dog.jpg"), "no file")
    _refused(explained(photos / "cap.png"), "the nearest there is 'cup.png'")
    (tmp_path / "empty.png").touch()
    _refused(explained(tmp_path / "empty.png"), "is empty")
    (tmp_path / "cut.jpg").write_bytes((photos / "cat.jpg").read_bytes()[:2000])
    _refused(explained(tmp_path / "cut.jpg"), "damaged or cut off")
    Image.new("RGB", (1, 1)).save(tmp_path / "dot.png")
    _refused(explained(tmp_path / "dot.png"), "1x1 pixels")
    huge = _header_only(tmp_path / "huge.png", 20_000)
    _refused(explained(huge), "20,000 x 20,000", "--max-pixels 400000000")
    _refused(explained(huge, "--max-pixels", "400000000"), "damaged or cut off")
    np.save(tmp_path / "five.npy", np.zeros((8, 8, 5), np.float32))
    _refused(explained(tmp_path / "five.npy"), "five.npy", "channels")
    (tmp_path / "nothing").mkdir()
    _refused(explained(tmp_path / "nothing"), "no pictures in the folder")
    assert not (tmp_path / "saccade-out").exists()
    status, out, err = run("explain", model, tmp_path / "empty.png", tmp_path / "cut.jpg", "--json")
    assert (status, out) == (2, "")
    assert "is empty" in err
    assert err.splitlines()[-1] == "saccade: none of the 2 photos could be used."
    assert not (tmp_path / "saccade-out").exists()


def test_an_output_that_cannot_be_written(run: Run, model: str, photos: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    cat = photos / "cat.jpg"
    _refused(run("explain", model, cat, "-o", "file/out"), "cannot be written", "-o")
    _refused(run("explain", model, cat, "-o", "file"), "is a file", "-o")
    _refused(run("inside", model, cat, "-o", "file/out"), "cannot be written")
    _refused(run("compare", model, cat, cat, "-o", "file/why.png"), "cannot be written")
    _refused(run("train", photos, "-o", "file/model.keras"), "cannot be written")


# what cannot be foreseen


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (MemoryError(), 2, "out of memory"),
        (KeyboardInterrupt(), 130, "stopped."),
        (ZeroDivisionError("two\nlines"), 1, "unexpected error: ZeroDivisionError: two lines (run again with --debug"),
        (BrokenPipeError(), 141, ""),
    ],
)
def test_errors_inside(
    run: Run, model: str, photos: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException, status: int, said: str
) -> None:
    def fails(*given: Any, **settings: Any) -> Any:
        raise error

    # A part of a page on disk, and the answer to the second photo never comes.
    monkeypatch.setattr("saccade.results.Attribution.figure", fails)
    words = ("explain", model, photos, "-o", "out")
    if not said:
        assert run(*words)[0] == status
        return
    _refused(run(*words), said, status=status)
    assert not [each for each in _files(Path("out")) if each.endswith(".part")]
    answer = run(*words, "--debug")
    assert answer[0] == status
    assert "Traceback" in answer[2]


def test_our_warnings_become_notes_and_others_stay_out(
    run: Run, model: str, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Attribution.figure

    def warns(self: Attribution, *given: Any, **settings: Any) -> Any:
        warnings.warn("read this\nwith care.", SaccadeWarning, stacklevel=2)
        warnings.warn("a framework's matter", UserWarning, stacklevel=2)
        print("chatter on stdout")
        return real(self, *given, **settings)

    monkeypatch.setattr(Attribution, "figure", warns)
    status, out, err = run("explain", model, photos, "-m", "saliency", "--json")
    assert status == 0
    assert json.loads(out)["layer"] == "encoded"
    assert err.count("note: read this with care.") == 1
    assert "framework" not in err
