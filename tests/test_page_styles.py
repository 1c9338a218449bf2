"""Views, shapes and sentences of pages, wherever pages are made; what does not go together is refused in a line."""

from __future__ import annotations

import importlib
import json
from pathlib import Path

import numpy as np
import pytest
from commands import Run, refused
from PIL import Image

METHODS = ("-m", "saliency,activation_energy")


def pixels(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path).convert("RGB"), np.int16)


def explained(run: Run, model: str, photo: Path, folder: str, *words: str) -> list[Path]:
    status, stdout, stderr = run("explain", model, photo, "-o", folder, "--json", *words)
    assert status == 0, stderr
    return [Path(file) for page in json.loads(stdout)["pages"] for file in page["files"]]


@pytest.mark.parametrize("words", [("--overlay-only", "-m", "saliency"), ("-m", "saliency"), METHODS])
def test_the_view_is_drawn_on_every_kind_of_page(
    run: Run, small_model: str, photos: Path, words: tuple[str, ...]
) -> None:
    views = [
        pixels(explained(run, small_model, photos / "cat.jpg", view, "--view", view, *words)[0])
        for view in ("heatmap", "spotlight", "contours")
    ]
    for one, other in ((0, 1), (1, 2), (0, 2)):
        assert views[one].shape != views[other].shape or np.abs(views[one] - views[other]).max() > 40


@pytest.mark.parametrize("words", [("-m", "saliency"), METHODS])
def test_the_aspect_is_the_shape_of_every_kind_of_page_and_sheet(
    run: Run, small_model: str, photos: Path, words: tuple[str, ...], tmp_path: Path
) -> None:
    run("explain", small_model, photos, "-o", "out", "--aspect", "16:9", *words)
    pages = list((tmp_path / "out").glob("*.png"))
    assert len(pages) == 4
    for page in pages:
        with Image.open(page) as image:
            assert image.width / image.height == pytest.approx(16 / 9, rel=0.01), page


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (("--aspect", "16:9"), ("--overlay-only", "--aspect", "leave one")),
        (("--beside", "untrained", "-m", "saliency"), ("untrained", "--overlay-only", "leave one")),
    ],
)
def test_what_overlays_cannot_have_is_refused(
    run: Run, small_model: str, photos: Path, words: tuple[str, ...], parts: tuple[str, ...]
) -> None:
    refused(run("explain", small_model, photos / "cat.jpg", "--overlay-only", *words), *parts)


def test_a_page_of_several_methods_says_a_sentence_for_each(
    monkeypatch: pytest.MonkeyPatch, run: Run, small_model: str, photos: Path
) -> None:
    module = importlib.import_module("saccade.results.method_sheets")

    captions: list[tuple[str, ...]] = []
    drawn = module.comparison

    def listening(*arguments: object, **settings: object) -> object:
        captions.append(tuple(settings["caption"]))  # type: ignore[arg-type]
        return drawn(*arguments, **settings)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "comparison", listening)
    explained(run, small_model, photos / "cat.jpg", "two", *METHODS)
    names = "saliency,activation_energy,smoothgrad,vargrad,integrated_gradients,input_x_gradient,occlusion"
    explained(run, small_model, photos / "cat.jpg", "seven", "-m", names)
    assert [len(caption) for caption in captions] == [2, 1]
    assert [line.partition(":")[0] for line in captions[0]] == ["Saliency", "Activation energy"]
    assert all(line.endswith(".") and len(line) > 30 for caption in captions for line in caption)
