"""What is wrong with the files and names of a command is said before its model is opened, which takes seconds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from commands import Run, refused
from PIL import Image
from skimage import data

from saccade import loading

MODEL = "model.keras"


@pytest.fixture
def folder(photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with photos, and much that is none; whoever opens the model fails."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken").mkdir()
    whole = (photos / "cat.jpg").read_bytes()
    for name in ("one.jpg", "two.jpg"):
        (tmp_path / "broken" / name).write_bytes(whole[: len(whole) // 3])
    (tmp_path / "words.jpg").write_text("no photo")
    (tmp_path / "none.jpg").touch()
    (tmp_path / MODEL).write_bytes(b"\x89HDF\r\n\x1a\n never read further")

    def load(*_: Any, **__: Any) -> None:
        raise AssertionError("the model was opened")

    monkeypatch.setattr(loading, "load", load)
    return tmp_path


CAT, CUP, BROKEN = "photos/cat.jpg", "photos/cup.png", "broken/one.jpg"
WRONG = [
    (("explain", MODEL, BROKEN), "one.jpg is damaged"),
    (("explain", MODEL, "broken"), "none of the 2 photos can be read; the first: "),
    (("explain", MODEL, "empty"), "no photos in the folder empty"),
    (("explain", MODEL, "words.jpg"), "words.jpg is not a photo"),
    (("explain", MODEL, "photos/cta.jpg"), "the nearest there is 'cat.jpg'"),
    (("explain", MODEL, b"\xff\xfe.jpg".decode("utf-8", "surrogateescape")), "no file"),
    (("explain", MODEL, CAT, "-m", "oclusion"), "the nearest is 'occlusion'"),
    (("explain", MODEL, CAT, "-t", "chanel:3"), "the nearest is 'channel:k'"),
    (("explain", MODEL, CAT, "--max-pixels", "10"), "cat.jpg"),
    (("compare", MODEL, CAT, BROKEN), "one.jpg is damaged"),
    (("compare", MODEL, "none.jpg", CUP), "none.jpg is empty"),
    (("compare", MODEL, CAT, CUP, "--against", BROKEN), "one.jpg is damaged"),
    (("compare", MODEL, CAT, CUP, "--reference", "empty"), "no photos in the folder empty"),
    (("compare", MODEL, CAT, CUP, "--reference", "broken"), "none of the 2 photos"),
    (("compare", MODEL, CAT, CUP, "-o", "why.gif"), "cannot save a result as 'why.gif'"),
    (("compare", MODEL, CAT, CUP, "-o", f"{CAT}/why.png"), "photos/cat.jpg is a file; give a folder for the output"),
    (("cells", MODEL, BROKEN), "one.jpg is damaged"),
    (("feature-maps", MODEL, BROKEN), "one.jpg is damaged"),
    (("explain", CAT, MODEL), "is named like a model, not like a photo; the model comes first, then the photos"),
    (("compare", MODEL, CAT, MODEL), "is named like a model, not like a photo"),
    (("search", MODEL, CAT, CAT), "is no catalogue, whose name ends in .npz or .lance; saccade index"),
    (("explain", MODEL, CAT, "-o", "map.html"), "takes a folder; give one, such as map"),
    (("explain", MODEL, CAT, "-o", "map.png", "--format", "webp"), "ends in .png, and --format says webp"),
    (("explain", MODEL, CAT, "-o", CAT), "is the photo itself; give another file"),
    (
        ("explain", MODEL, CAT, "-m", "saliency,occlusion", "--overlay-only", "-o", "map.png"),
        "one file, and 2 pictures would be drawn; give a folder for them, such as map.",
    ),
    (("cells", MODEL, CAT, "-o", "cells.npz"), "takes a folder; give one, such as cells"),
    (("feature-maps", MODEL, CAT, "-o", "maps.JPG"), "takes a folder; give one, such as maps"),
    (("demo", "-o", "page.html"), "takes a folder; give one, such as page"),
    (("compare", MODEL, CAT, "photos"), "photos is a folder, where one photo is wanted"),
    (("search", MODEL, "photos", CAT), "photos is a folder; make a catalogue of it"),
    (("search", MODEL, "photos.npz", CAT, "-o", "found.html"), "cannot save a result as 'found.html'"),
    (("atlas", MODEL, CAT), "1 photo is no collection"),
    (("report", MODEL, CAT, "--about", "none.json"), "no file none.json"),
    (("evaluate", MODEL, "empty"), "no photos in the folder empty"),
    (("evaluate", MODEL, "broken"), "none of the 2 photos"),
    (("evaluate", MODEL, "photos"), "3 usable photos; an evaluation needs"),
    (("evaluate", MODEL, "photos", "--limit", "2"), "limit=2"),
    (("evaluate", MODEL, "photos", "-m", "oclusion"), "the nearest is 'occlusion'"),
    (("report", MODEL, CAT, BROKEN), "one.jpg is damaged"),
    (("report", MODEL, CAT, "-m", "oclusion"), "the nearest is 'occlusion'"),
    (("report", MODEL, CAT, "--beside", "modle.keras"), "the nearest in that folder is 'model.keras'"),
    (("report", MODEL, CAT, "--beside", "empty"), "empty is a folder, but of no model"),
    (("report", MODEL, CAT, "--beside", MODEL, "--beside-weights", "none.pt"), "no file none.pt"),
    (("report", MODEL, CAT, "-o", "page.gif"), "page.gif is no page"),
    (("serve", MODEL, BROKEN), "one.jpg is damaged"),
]


@pytest.mark.parametrize(("words", "line"), WRONG, ids=[" ".join(map(ascii, words)) for words, _ in WRONG])
def test_it_is_refused_before_the_model_is_opened(run: Run, folder: Path, words: tuple[str, ...], line: str) -> None:
    before = sorted(folder.rglob("*"))
    refused(run(*words), line)
    assert sorted(folder.rglob("*")) == before


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("compare", MODEL, CAT, BROKEN, "-o", "new/deeper/why.png"), "one.jpg is damaged"),
        (("search", MODEL, "none.npz", CAT, "-o", "new/deeper/found.png"), "no file none.npz"),
        (("index", MODEL, BROKEN, "-o", "new/deeper/photos.npz"), "one.jpg is damaged"),
        (("atlas", MODEL, "none.npz", "-o", "new/deeper/atlas.html"), "no file none.npz"),
        (("report", MODEL, BROKEN, "-o", "new/deeper/page.html"), "one.jpg is damaged"),
        (("explain", MODEL, BROKEN, "-o", "new/deeper/map.png"), "one.jpg is damaged"),
        (("train", "none", "-o", "new/deeper/mine.keras"), "none"),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_a_folder_that_is_made_for_nothing_is_gone(run: Run, folder: Path, words: tuple[str, ...], line: str) -> None:
    before = sorted(folder.rglob("*"))
    refused(run(*words), line)
    assert sorted(folder.rglob("*")) == before


def test_masks_that_are_not_there(run: Run, folder: Path) -> None:
    for index in range(8):
        Image.fromarray(data.chelsea()[index::9, ::9]).save(folder / "photos" / f"{index}.png")
    refused(run("evaluate", MODEL, "photos", "--masks", "empty"), "no photos in the folder empty")


def test_what_is_right_reaches_the_model(run: Run, folder: Path) -> None:
    """The check of the check: these words are fit to open it."""
    status, _, err = run("compare", MODEL, CAT, CUP)
    assert status != 0
    assert "the model was opened" in err
