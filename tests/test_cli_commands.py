"""The other commands on a small model: what they write and say."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from commands import NUMPY_FACTORY, Run, files, refused, small_autoencoder, width
from PIL import Image
from skimage import data


def test_layers(run: Run, small_model: str) -> None:
    status, out, err = run("layers", small_model)
    assert (status, err) == (0, "")
    lines = {line.split()[0]: line.split() for line in out.splitlines() if line.startswith(("  ", "->"))}
    assert lines["->"][1:] == ["encoded", "MaxPooling2D", "16x16x6", "16x16", "1,536", "0", "4", "2"]
    assert lines["first"][1:] == ["Conv2D", "32x32x6", "32x32", "6,144", "168", "3", "1"]
    assert "its name is 'encoded'" in out
    answer = json.loads(run("layers", small_model, "--json", "--layer", "first")[1])
    assert [layer["layer"] for layer in answer["layers"] if layer["code"]] == ["first"]
    assert answer["layer_reason"] == "as named"
    assert answer["layers"][-1]["places"] == {"rows": 32, "columns": 32, "special_tokens": 0}
    assert run("layers", small_model, "-q") == (0, "", "")


def test_layers_of_a_model_of_any_size(run: Run, tmp_path: Path) -> None:
    small_autoencoder(size=None).save(tmp_path / "free.keras")
    answer = json.loads(run("layers", "free.keras", "--json", "--size", "64,48")[1])
    assert answer["size"] == [64, 48]
    assert {layer["layer"]: layer["shape"] for layer in answer["layers"]}["encoded"] == [32, 24, 6]
    assert json.loads(run("layers", "free.keras", "--json")[1])["size"] == [256, 256]


@pytest.mark.parametrize("factory", ["mine:make", "mine:made"])
def test_a_network_of_the_users_own_is_taken_where_the_library_takes_it(
    run: Run, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, factory: str
) -> None:
    (tmp_path / "mine.py").write_text(NUMPY_FACTORY)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "mine", raising=False)
    answer = json.loads(run("layers", factory, "--json")[1])
    assert [layer["layer"] for layer in answer["layers"]] == ["small"]
    assert answer["framework"] == "numpy"
    words = ("explain", factory, photos / "cat.jpg", "-m", "activation_energy", "--json")
    for already in (False, True):
        assert [page["already"] for page in json.loads(run(*words)[1])["pages"]] == [already]


def test_methods_are_listed_with_one_line_each_and_described_by_name(run: Run) -> None:
    from saccade.methods import available

    status, out, err = run("methods")
    assert (status, err) == (0, "")
    described = json.loads(run("methods", "--json")[1])["methods"]
    assert [about["name"] for about in described] == list(available())
    for about in described:
        (line,) = [line for line in out.splitlines() if line.split()[:1] == [about["name"]]]
        assert about["plain"] in line
    several = ["occlusion", "smoothgrad"]
    full = run("methods", *several)[1]
    for about in json.loads(run("methods", *several, "--json")[1])["methods"]:
        assert {"name", "title", "plain", "source", "cost", "settings"} == set(about)
        assert about["title"] in full
        for setting in about["settings"]:
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
    assert status == 0
    assert [line for line in err.splitlines() if "% done" not in line] == []  # a slow machine is told how far it is
    assert "epoch 1/1: loss" in out
    assert "wrote mine.keras" in out
    assert width(tmp_path / "preview.png") > 16
    assert json.loads((tmp_path / "mine.json").read_text())["settings"]["seed"] == 5
    before = (tmp_path / "mine.keras").read_bytes()
    # Refused before a folder is looked at: that of the photos does not exist.
    refused(run("train", "nowhere", "-o", "mine.keras"), "mine.keras is there already", "--force")
    assert (tmp_path / "mine.keras").read_bytes() == before
    refused(run("train", "nowhere", "-o", "mine.keras", "--force"), "nowhere")
    assert run("explain", "mine.keras", photos / "cat.jpg")[0] == 0
    assert (tmp_path / "saccade-out" / "cat-blur_integrated_gradients.png").exists()
    refused(run("train", photos, "-o", "mine.h5"), ".keras")
    refused(run("train", photos, "--epochs", "0"), "at least 1")
    refused(run("train", photos, "--epochs", "2", "--minutes", "3"), "give one of them")
    refused(run("train", photos, "--minutes", "1", "--device", "gpu:9"), "there are")
    refused(run("train", photos, "--channels", "a,b"), "--channels")


def test_compare(run: Run, small_model: str, photos: Path, tmp_path: Path) -> None:
    words = ("compare", small_model, photos / "cat.jpg", photos / "cup.png", "-o", "new/folder/why.png")
    status, out, _ = run(*words)
    assert status == 0
    assert "wrote new/folder/why.png" in out
    assert width(tmp_path / "new" / "folder" / "why.png") > 500
    answer = json.loads(run(*words, "--json")[1])
    assert np.sum(answer["shares_a"]) == pytest.approx(answer["score"], abs=1e-5)
    assert f"similarity {answer['score']:.3f}" in out
    refused(run(*words, "--matching", "plaice"), "nearest is 'place'")
    checked = run(*words, "--matching", "anywhere", "--check", "--no-cover", "--json")
    answer = json.loads(checked[1])
    assert answer["cover_test"] is None
    assert len(answer["check"]["links"]) == len(answer["check"]["counts"])
    assert np.sum(answer["interactions"]) == pytest.approx(answer["score"], abs=1e-5)
    refused(run(*words, "--split", "masked", "--masks", "5"), "masks=5 are too few")
    refused(run(*words, "--centred"), "centred=True needs to know")
    answer = json.loads(run(*words, "--against", photos / "cat.jpg", "--json")[1])
    assert answer["difference"] == pytest.approx(np.sum(answer["shares"]), abs=1e-5)
    assert answer["scores_further"] == pytest.approx([1], abs=1e-5)
    refused(run("compare", small_model, photos / "cat.jpg", photos / "cupp.png"), "no ", "cup.png")


def test_feature_maps(run: Run, small_model: str, photos: Path, tmp_path: Path) -> None:
    status, out, err = run("feature-maps", small_model, photos / "cat.jpg", "-o", "within", "--json")
    assert (status, err) == (0, "")
    names = {Path(file).name for file in json.loads(out)["files"]}
    assert names == files(tmp_path / "within")
    assert any("encoded" in name for name in names)
    assert run("feature-maps", small_model, photos / "cat.jpg", "-q", "--theme", "light", "--scale", "each") == (
        0,
        "",
        "",
    )
    refused(run("feature-maps", small_model, photos / "cat.jpg", "--theme", "drak"), "nearest is 'dark'")


def test_demo_writes_its_page(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import types
    import webbrowser

    folders: list[Path] = []

    def build(
        folder: Path,
        *,
        progress: Callable[[str, int, int], None] | None = None,
        on_note: Callable[[str], None] | None = None,
    ) -> Path:
        assert progress is not None
        assert on_note is not None
        progress("asking", 1, 2)
        folders.append(folder)
        (folder / "index.html").touch()
        return folder / "index.html"

    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", lambda address: not opened.append(address))
    monkeypatch.setitem(sys.modules, "saccade.demo", types.SimpleNamespace(build=build))
    status, out, err = run("demo", "-o", "shown")
    assert (status, out, err) == (0, "wrote shown/index.html\n", "")
    assert folders == [Path("shown")]
    assert opened == []
    assert run("demo", "-o", "shown", "--open")[0] == 0
    assert opened == [(tmp_path / "shown" / "index.html").as_uri()]
