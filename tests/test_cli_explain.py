"""`saccade explain` on a small model: what it writes and says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from commands import LIGHT, Run, files, refused
from PIL import Image
from skimage import data

from saccade.picture import read_metadata
from saccade.results import Attribution


def test_one_photo_makes_one_page(run: Run, small_model: str, photos: Path, tmp_path: Path) -> None:
    status, out, err = run("explain", small_model, photos / "cat.jpg", "-o", "out")
    assert (status, err) == (0, "")
    assert "code: encoded (16x16x6), its name is 'encoded'" in out
    assert "the model ends in a sigmoid" in out
    assert "wrote out/cat-occlusion.png" in out
    assert files(tmp_path / "out") == {"cat-occlusion.png"}
    about = read_metadata(tmp_path / "out" / "cat-occlusion.png")
    assert about["method"] == "occlusion"
    assert about["layer"] == "encoded"


def test_a_folder_makes_pages_and_a_contact_sheet_and_is_resumed(
    run: Run, small_model: str, photos: Path, tmp_path: Path
) -> None:
    (photos / "empty.png").touch()
    (photos / "cut.jpg").write_bytes((photos / "cat.jpg").read_bytes()[:2000])
    out = tmp_path / "out"
    words = ("explain", small_model, photos, "-o", out, "-m", "saliency")
    status, said, err = run(*words)
    assert status == 0
    pages = {f"{name}-saliency.png" for name in ("cat", "cup", "rocket")}
    assert {each for each in files(out) if not each.startswith(".")} == {*pages, "contact-sheet-saliency.png"}
    assert "note: 2 photos could not be used" in err
    assert "empty.png is empty" in err
    assert "cut.jpg is damaged or cut off" in err

    before = {name: (out / name).stat().st_mtime_ns for name in files(out)}
    (out / "cup-saliency.png").unlink()
    status, said, _ = run(*words)
    assert status == 0
    assert "wrote " + str(out / "cup-saliency.png") in said
    assert "2 photos" in said
    assert "were there already" in said
    after = {name: (out / name).stat().st_mtime_ns for name in files(out)}
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


def test_a_changed_photo_is_made_anew(run: Run, small_model: str, photos: Path, tmp_path: Path) -> None:
    words = ("explain", small_model, photos / "cup.png", "-o", "out", "--json")
    assert json.loads(run(*words)[1])["pictures"][0]["already"] is False
    assert json.loads(run(*words)[1])["pictures"][0]["already"] is True
    Image.fromarray(data.coffee()[::5, ::5]).save(photos / "cup.png")
    assert json.loads(run(*words)[1])["pictures"][0]["already"] is False


def test_several_methods_stand_side_by_side_with_numbers(
    run: Run, small_model: str, photos: Path, tmp_path: Path
) -> None:
    words = (
        "explain",
        small_model,
        photos,
        "-m",
        "all",
        "--raw",
        "-o",
        "out",
        "--json",
        "--seed",
        "3",
        "--set",
        "patch=8",
    )
    status, out, err = run(*words, *LIGHT)
    assert status == 0
    # The model ends in ELU, through which gradients cannot be guided.
    assert err.startswith("note: guided_backprop is left out: ")
    assert err.count("\n") == 1
    found = json.loads(out)
    from saccade.methods import available

    names = [each for each in available() if each != "guided_backprop"]
    assert [each["method"] for each in found["pictures"][0]["methods"]] == names
    assert found["pictures"][0]["methods"][names.index("smoothgrad")]["settings"]["seed"] == 3
    assert found["pictures"][0]["methods"][names.index("occlusion")]["settings"]["patch"] == [8, 8]
    written = {each for each in files(tmp_path / "out") if not each.startswith(".")}
    assert written == {
        "contact-sheet-methods.png",
        *(f"{photo}-methods.png" for photo in ("cat", "cup", "rocket")),
        *(f"{photo}-{name}.npz" for photo in ("cat", "cup", "rocket") for name in names),
    }
    look = Attribution.load(tmp_path / "out" / "cat-saliency.npz")
    assert look.values.max() == pytest.approx(
        found["pictures"][0]["methods"][names.index("saliency")]["highest"], rel=1e-6
    )


def test_the_shape_of_json(run: Run, small_model: str, photos: Path) -> None:
    status, out, _ = run("explain", small_model, photos / "cat.jpg", "-t", "cell:3,4", "--json", "-o", "out")
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


def test_one_scale_for_all(run: Run, small_model: str, photos: Path, tmp_path: Path) -> None:
    words = ("explain", small_model, photos, "-m", "saliency", "--scale", "all", "-o", "out", "--json")
    first = json.loads(run(*words)[1])
    assert [each["already"] for each in first["pictures"]] == [False] * 3
    assert not [each for each in (tmp_path / "out").iterdir() if each.name.startswith(".") and each.suffix]
    assert [each["already"] for each in json.loads(run(*words)[1])["pictures"]] == [True] * 3
    # One more photo may change the scale of all the others.
    Image.fromarray(data.astronaut()[::4, ::4]).save(photos / "woman.png")
    assert [each["already"] for each in json.loads(run(*words)[1])["pictures"]] == [False] * 4
    refused(run(*words[:5], "-m", "occlusion", *words[5:]), "one method")


def test_overlays_only_in_other_formats(run: Run, small_model: str, photos: Path, tmp_path: Path) -> None:
    assert run("explain", small_model, photos / "cat.jpg", "-m", "saliency,occlusion", "--overlay-only",
               "--format", "webp", "-o", "out")[0] == 0  # fmt: skip
    assert files(tmp_path / "out") == {"cat-saliency-overlay.webp", "cat-occlusion-overlay.webp"}
    with Image.open(tmp_path / "out" / "cat-occlusion-overlay.webp") as image:
        assert image.width / image.height == pytest.approx(1.51, abs=0.01)


def test_pages_among_the_photos_are_not_explained_again(run: Run, small_model: str, photos: Path) -> None:
    words = ("explain", small_model, photos, "-m", "saliency", "-o", photos, "--json")
    first = json.loads(run(*words)[1])
    second = json.loads(run(*words)[1])
    assert [each["picture"] for each in second["pictures"]] == [each["picture"] for each in first["pictures"]]


def test_a_method_that_fails_for_some_photos_is_left_off_the_sheet(
    run: Run, small_model: str, photos: Path, monkeypatch: pytest.MonkeyPatch
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
    status, out, err = run("explain", small_model, photos, "-m", "all", "-o", "out", "--json", *LIGHT)
    assert status == 0
    assert "note: saliency is left out: not for this one.\n" in err
    answered = [{each["method"] for each in picture["methods"]} for picture in json.loads(out)["pictures"]]
    assert ["saliency" in each for each in answered] == [True, False, False]
    assert read_metadata("out/contact-sheet-methods.png")["method"] == ", ".join(
        each for each in available() if each not in ("guided_backprop", "saliency")
    )


def test_globs_and_photos_of_one_name(run: Run, small_model: str, photos: Path, tmp_path: Path) -> None:
    Image.fromarray(data.coffee()[::5, ::5]).save(photos / "more" / "cat.jpg")
    assert run("explain", small_model, f"{photos}/**/*.jpg", "-m", "saliency", "-o", "out")[0] == 0
    pages = {each for each in files(tmp_path / "out") if not each.startswith(".")}
    assert pages == {"photos-cat-saliency.png", "more-cat-saliency.png", "contact-sheet-saliency.png"}


def test_quiet_says_nothing(run: Run, small_model: str, photos: Path) -> None:
    assert run("explain", small_model, photos / "cat.jpg", "-q", "-o", "out") == (0, "", "")


def test_a_method_that_cannot_answer_is_left_out_of_all_but_ends_the_run_when_named(
    run: Run, small_model: str, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from saccade.errors import NotApplicable
    from saccade.methods import available

    real = available()["saliency"]

    def cannot(*given: Any, **settings: Any) -> Any:
        raise NotApplicable("it cannot be done here.")

    cannot.description = real.description  # type: ignore[attr-defined]
    monkeypatch.setitem(available(), "saliency", cannot)
    for overlays in ([], ["--overlay-only"]):
        words = ("explain", small_model, photos, "-m", "all", "-o", "out", "--json", *LIGHT, *overlays)
        for already in (False, True):
            status, out, err = run(*words)
            assert status == 0
            assert ("saliency is left out" in err) is not already
            found = json.loads(out)
            assert [each["already"] for each in found["pictures"]] == [already] * 3
            assert "saliency" not in [each["method"] for each in found["pictures"][0]["methods"]]
    refused(run("explain", small_model, photos, "-m", "saliency", "-o", "no"), "it cannot be done here")
    assert not Path("no").exists()
