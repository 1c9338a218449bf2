"""`saccade explain` on a small model: what it writes and says. The run itself is tested in test_collection_run.py."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from commands import LIGHT, Run, files, refused
from PIL import Image
from skimage import data

import saccade
from saccade.attribution.defaults import DEFAULT_METHOD
from saccade.errors import NotApplicable
from saccade.methods import available
from saccade.picture import read_metadata
from saccade.results import Attribution


def test_one_photo_makes_one_page(run: Run, small_model: str, photos: Path, tmp_path: Path) -> None:
    status, out, err = run("explain", small_model, photos / "cat.jpg", "-o", "out")
    assert (status, err) == (0, "")
    assert "code: encoded (16x16x6), its name is 'encoded'" in out
    assert "the model ends in a sigmoid" in out
    assert "wrote out/cat-blur_integrated_gradients.png" in out
    assert files(tmp_path / "out") == {"cat-blur_integrated_gradients.png"}
    metadata = read_metadata(tmp_path / "out" / "cat-blur_integrated_gradients.png")
    assert metadata["method"] == "blur_integrated_gradients"
    assert metadata["layer"] == "encoded"


@pytest.mark.parametrize(("name", "kind"), [("my map.png", "PNG"), ("map.JPEG", "JPEG"), ("map.webp", "WEBP")])
def test_one_photo_may_have_a_file_of_its_own(
    run: Run, small_model: str, photos: Path, tmp_path: Path, name: str, kind: str
) -> None:
    words = ("explain", small_model, photos / "cat.jpg", "-m", "saliency", "--raw", "-o", tmp_path / "new" / name)
    status, out, err = run(*words)
    assert (status, err) == (0, "")
    page = tmp_path / "new" / name
    assert f"wrote {page}" in out
    assert files(tmp_path / "new") == {name, page.with_suffix(".npz").name}
    with Image.open(page) as image:
        assert image.format == kind
    assert "was there already" in run(*words)[1]
    assert Attribution.load(page.with_suffix(".npz")).method == "saliency"


def test_what_the_maps_say_is_said_in_the_terminal_too(run: Run, small_model: str, photos: Path) -> None:
    encoder = saccade.load(small_model)
    names = ["cat.jpg", "cup.png"]
    says = {name: saccade.explain(encoder, photos / name, "saliency").sentence()[1:] for name in names}
    words = ("explain", small_model, photos / "cat.jpg", "-m", "saliency")
    for _ in range(2):  # also where the page is there already
        assert f"What the code is made of: h{says['cat.jpg']}" in run(*words)[1].splitlines()
    lines = run("explain", small_model, *(photos / name for name in names), "-m", "saliency,activation_energy")[1]
    energy = saccade.explain(encoder, photos / "cup.png", "activation_energy")
    for line in (f"cat.jpg, Saliency): h{says['cat.jpg']}", f"cup.png, {energy.title}): h{energy.sentence()[1:]}"):
        assert f"What the code is made of ({line}" in lines.splitlines()
    many = run("explain", small_model, photos / "cat.jpg", "-m", "all", *LIGHT)[1]
    assert "of the photo's area" not in many  # too many to be read
    assert says["cat.jpg"] in json.loads(run(*words, "--json")[1])["pages"][0]["maps"][0]["sentence"]


def test_one_file_holds_no_folder_of_photos(run: Run, small_model: str, photos: Path, tmp_path: Path) -> None:
    refused(run("explain", small_model, photos, "-o", tmp_path / "map.png"), "one file, and 3 pictures would be drawn")
    assert not (tmp_path / "map.png").exists()


def test_a_folder_is_gone_through_and_the_same_command_goes_on(
    run: Run, small_model: str, photos: Path, tmp_path: Path
) -> None:
    (photos / "empty.png").touch()
    (photos / "cut.jpg").write_bytes((photos / "cat.jpg").read_bytes()[:2000])
    out = tmp_path / "out"
    words = ("explain", small_model, photos, "-o", out, "-m", "saliency")
    status, stdout, stderr = run(*words)
    assert status == 0
    pages = [f"{name}-saliency.png" for name in ("cat", "cup", "rocket")]
    assert {name for name in files(out) if not name.startswith(".")} == {*pages, "contact-sheet-saliency.png"}
    assert [line for line in stdout.splitlines() if line.startswith("wrote")] == [
        f"wrote {out / name}" for name in (*pages, "contact-sheet-saliency.png")
    ]
    notes = stderr.splitlines()
    assert notes[0] == "note: 2 photos could not be used:"
    assert "cut.jpg is damaged or cut off" in notes[1]
    assert "empty.png is empty" in notes[2]

    (out / "cup-saliency.png").unlink()
    status, stdout, _ = run(*words)
    assert status == 0
    assert [line for line in stdout.splitlines() if line.startswith("wrote")] == [f"wrote {out / 'cup-saliency.png'}"]
    assert f"2 photos in {out} were there already with the same settings; --again makes them again" in stdout
    assert "already" not in run(*words, "--again")[1]


def test_all_methods_stand_side_by_side_with_numbers(run: Run, small_model: str, photos: Path, tmp_path: Path) -> None:
    words = ("explain", small_model, photos / "cat.jpg", photos / "cup.png", "-m", "all", "--raw", "-o", "out")
    status, out, err = run(*words, "--json", "--seed", "3", "--set", "patch=8", *LIGHT)
    assert status == 0
    # The model ends in ELU, through which gradients cannot be guided, and it attends to nothing.
    refused = ["attention_rollout", "guided_backprop"]
    notes = [line for line in err.splitlines() if line.startswith("note:")]  # a slow machine also hears how far it is
    assert [line.split()[:4] for line in notes] == [["note:", "left", "out:", name] for name in refused]
    assert all(line.count(name) == 1 for line, name in zip(notes, refused, strict=True))
    answer = json.loads(out)
    # The default comes first: of so many maps the page reads out the first one only.
    names = [DEFAULT_METHOD, *(name for name in available() if name not in (DEFAULT_METHOD, *refused))]
    maps = {entry["method"]: entry for entry in answer["pages"][0]["maps"]}
    assert list(maps) == names
    assert [entry["label"] for entry in answer["refused"]] == refused
    assert maps["smoothgrad"]["settings"]["seed"] == 3
    assert maps["occlusion"]["settings"]["patch"] == [8, 8]
    assert {name for name in files(tmp_path / "out") if not name.startswith(".")} == {
        "contact-sheet-methods.png",
        *(f"contact-sheet-methods-{number}.png" for number in (2, 3, 4)),
        *(f"{photo}-methods.png" for photo in ("cat", "cup")),
        *(f"{photo}-{name}.npz" for photo in ("cat", "cup") for name in names),
    }
    numbers = Attribution.load(tmp_path / "out" / "cat-saliency.npz")
    assert numbers.values.max() == pytest.approx(maps["saliency"]["highest"], rel=1e-6)


def test_the_shape_of_json(run: Run, small_model: str, photos: Path) -> None:
    status, out, _ = run("explain", small_model, photos / "cat.jpg", "-t", "cell:3,4", "--json", "-o", "out")
    assert status == 0
    answer = json.loads(out)
    assert set(answer) == {
        "model", "framework", "layer", "layer_reason", "layer_runner_up", "code_shape", "value_range",
        "value_range_reason", "reads", "normalize", "notes", "output", "pages", "sheets", "failed", "refused",
    }  # fmt: skip
    (page,) = answer["pages"]
    assert set(page) == {"photo", "target", "size", "maps", "files", "already"}
    assert page["files"] == ["out/cat-blur_integrated_gradients-cell-3-4.png"]
    assert page["size"] == [151, 100]
    (entry,) = page["maps"]
    assert entry["target"] == "cell:3,4"
    assert entry["signed"] is True
    x, y = entry["strongest_at"]
    # The cell stands for pixels 6..8 by 8..10 of the model's 32, seen 4 wide on either side.
    assert 0 < x / 151 < 0.6
    assert 0 < y / 100 < 0.6


def test_one_scale_for_all(run: Run, small_model: str, photos: Path) -> None:
    words = ("explain", small_model, photos, "-m", "saliency", "--scale", "all", "-o", "out", "--json")
    assert [page["already"] for page in json.loads(run(*words)[1])["pages"]] == [False] * 3
    assert [page["already"] for page in json.loads(run(*words)[1])["pages"]] == [True] * 3
    refused(run(*words[:5], "-m", "occlusion", *words[5:]), "one method")


def test_overlays_only_in_other_formats(run: Run, small_model: str, photos: Path, tmp_path: Path) -> None:
    assert run("explain", small_model, photos / "cat.jpg", "-m", "saliency,occlusion", "--overlay-only",
               "--format", "webp", "-o", "out")[0] == 0  # fmt: skip
    assert files(tmp_path / "out") == {"cat-saliency-overlay.webp", "cat-occlusion-overlay.webp"}
    with Image.open(tmp_path / "out" / "cat-occlusion-overlay.webp") as image:
        assert image.width / image.height == pytest.approx(1.51, abs=0.01)


def test_pages_among_the_photos_are_no_photos(
    run: Run, small_model: str, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for index in range(8):
        Image.fromarray(data.astronaut()[index * 20 :: 6, ::6]).save(photos / f"{index}.png")
    monkeypatch.chdir(photos)
    words = ("explain", small_model, "0.png", "1.png", "-m", "saliency", "-o", ".", "--json")
    assert len(json.loads(run(*words)[1])["pages"]) == 2
    assert len(json.loads(run("explain", small_model, *words[2:], "0-saliency.png")[1])["pages"]) == 2
    status, out, err = run("evaluate", small_model, ".", "-m", "saliency", "--steps", "6", "--checked", "2", "--json")
    assert status == 0, err
    assert err.startswith("note: 3 pages that saccade wrote are left out")
    assert len(json.loads(out)["photos"]) == 11
    assert not [name for name in json.loads(out)["photos"] if "saliency" in name or "sheet" in name]


def test_globs_and_photos_of_one_name(run: Run, small_model: str, photos: Path, tmp_path: Path) -> None:
    Image.fromarray(data.coffee()[::5, ::5]).save(photos / "more" / "cat.jpg")
    assert run("explain", small_model, f"{photos}/**/*.jpg", "-m", "saliency", "-o", "out")[0] == 0
    pages = {name for name in files(tmp_path / "out") if not name.startswith(".")}
    assert pages == {"photos-cat-saliency.png", "more-cat-saliency.png", "contact-sheet-saliency.png"}


def test_quiet_says_nothing(run: Run, small_model: str, photos: Path) -> None:
    assert run("explain", small_model, photos / "cat.jpg", "-q", "-o", "out") == (0, "", "")


def test_a_method_that_cannot_answer_ends_the_run_when_named(
    run: Run, small_model: str, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = available()["saliency"]

    def refuses(*arguments: Any, **settings: Any) -> Any:
        raise NotApplicable("it cannot be done here.")

    refuses.description = real.description  # type: ignore[attr-defined]
    monkeypatch.setitem(available(), "saliency", refuses)
    refused(run("explain", small_model, photos, "-m", "saliency", "-o", "no"), "it cannot be done here")
    assert not Path("no").exists()


def test_methods_come_in_the_order_of_an_evaluation_with_its_verdict(
    run: Run, small_model: str, photos: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "trust"
    folder.mkdir()
    methods = [{"method": "saliency", "grade": "prefer"}, {"method": "edges", "grade": "control"},
               {"method": "activation_energy", "grade": "unspecific"}]  # fmt: skip
    encoder = saccade.load(small_model)
    about = {"model": encoder.name, "layer": encoder.layer, "methods": methods}
    (folder / "evaluation.json").write_text(json.dumps(about))
    words = ("explain", small_model, photos / "cat.jpg", "-m", "vargrad,activation_energy,saliency", "--json")
    status, out, err = run(*words, "--evaluation", folder)
    assert status == 0, err
    titles = [entry["title"] for entry in json.loads(out)["pages"][0]["maps"]]
    assert titles == [
        "Saliency: prefer", "Activation energy: true, but any network of this shape would say so", "VarGrad"
    ]  # fmt: skip
    (folder / "evaluation.json").write_text(json.dumps({**about, "model": "another"}))
    refused(run(*words, "--evaluation", folder), "not about")
    for content in (b"{", b"[]", b'{"methods": [1]}', b'{"methods": [{"method": "saliency", "grade": "best"}]}'):
        (folder / "evaluation.json").write_bytes(content)
        refused(run(*words, "--evaluation", folder), "saccade evaluate")
    refused(run(*words, "--evaluation", tmp_path / "none"), "no file", "saccade evaluate")
