"""The report's file: what it carries, and what is refused."""

from __future__ import annotations

import json
import os
import re
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from commands import small_autoencoder
from page_data import PHOTOS, carried_by, decoded, write_photos
from PIL import Image
from skimage import data

import saccade
from saccade.collection import catalogue_of
from saccade.errors import InputError
from saccade.pairs.reference import reference_of_codes
from saccade.report import write_report, writing


@pytest.fixture(scope="module")
def encoder() -> saccade.Encoder:
    return saccade.Encoder(small_autoencoder(), layer="encoded", value_range=(0.0, 1.0))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    write_photos(folder)
    return folder


@pytest.fixture(scope="module")
def page(encoder: saccade.Encoder, folder: Path) -> Path:
    return write_report(encoder, [folder / name for name in PHOTOS], folder / "report.html")


@pytest.fixture(scope="module")
def carried(page: Path) -> dict[str, Any]:
    return carried_by(page)


def test_codes_are_carried_without_loss_and_maps_to_five_digits(
    encoder: saccade.Encoder, folder: Path, carried: dict[str, Any]
) -> None:
    images = encoder.read([folder / name for name in PHOTOS])
    codes = encoder.codes(images)
    occlusion = saccade.explain(encoder, images, "occlusion")
    for index, photo in enumerate(carried["photos"]):
        assert photo["name"] == PHOTOS[index]
        np.testing.assert_array_equal(decoded(photo["code"]), codes[index])
        (shown,) = [entry for entry in photo["maps"] if entry["method"] == "occlusion"]
        np.testing.assert_allclose(decoded(shown["values"]), occlusion.values[index], rtol=1 / 65_000, atol=0)
        assert shown["unit"] == occlusion.units
        assert shown["sentence"] == occlusion.sentence(index)


def test_a_layer_that_is_the_code_is_carried_once(encoder: saccade.Encoder, carried: dict[str, Any]) -> None:
    assert carried["cells"][0]["layer"] == encoder.layer
    assert [[spec is None for spec in photo["cells"]] for photo in carried["photos"]] == [[True, False]] * len(PHOTOS)


def test_pairs_are_those_of_compare(encoder: saccade.Encoder, folder: Path, carried: dict[str, Any]) -> None:
    assert [(pair["a"], pair["b"]) for pair in carried["pairs"]] == list(combinations(range(4), 2))
    for pair in carried["pairs"]:
        why = saccade.compare(encoder, folder / PHOTOS[pair["a"]], folder / PHOTOS[pair["b"]])
        assert pair["score"] == pytest.approx(why.score, abs=1e-9)
        np.testing.assert_allclose(decoded(pair["shares_a"]), why.shares_a, atol=1e-7)
        together = sum(match["share"] for match in pair["matches"]) + pair["rest"] + pair["special"]
        assert together == pytest.approx(pair["score"], abs=1e-5)
        assert carried["table"][pair["a"]][pair["b"]] == pytest.approx(why.score, abs=1e-6)


def test_the_file_is_small_and_names_no_folder(page: Path, folder: Path, carried: dict[str, Any]) -> None:
    text = page.read_text()
    assert len(text) < 8_000_000
    assert str(folder) not in text
    assert str(Path.home()) not in text or str(Path.home()) == "/"


def test_a_page_without_the_network_is_small(encoder: saccade.Encoder, folder: Path, tmp_path: Path) -> None:
    page = write_report(encoder, [folder / PHOTOS[0]], tmp_path / "report.html", live=False)
    content = carried_by(page)
    assert "network" not in content
    assert len(page.read_text()) - len(json.dumps(content, ensure_ascii=False)) < 150_000, "the page without its data"
    assert page.stat().st_size < 3_000_000


def test_a_file_that_could_not_be_mailed_goes_without_the_network(
    encoder: saccade.Encoder, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "MOST_BYTES", 50_000)
    content = carried_by(write_report(encoder, [folder / PHOTOS[0]], tmp_path / "report.html"))
    assert "network" not in content
    (reason,) = [value for name, value in content["recipe"]["facts"] if name == "left out"]
    assert "name fewer photos" in reason


def test_the_policy_allows_only_the_pages_own_script_and_style(page: Path) -> None:
    text = page.read_text()
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)
    assert policy is not None
    assert "default-src &#x27;none&#x27;" in policy[1]
    assert "unsafe-inline" not in policy[1]
    assert "unsafe-eval" not in policy[1].replace("wasm-unsafe-eval", "")
    assert "http" not in policy[1]


@pytest.mark.parametrize("suffix", [".html", ".png", ".json", ".npz"])
def test_a_photo_whose_name_is_no_text_is_told_all_the_same(
    encoder: saccade.Encoder, tmp_path: Path, suffix: str
) -> None:
    photo = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.png"))
    Image.fromarray(data.chelsea()[::8, ::8]).save(photo)
    path = tmp_path / f"told{suffix}"
    if suffix == ".html":
        write_report(encoder, [photo], path, live=False)
        assert carried_by(path)["photos"][0]["name"] == photo.name
        assert r"see in caf\udce9.png?</title>" in path.read_text()
    else:
        saccade.explain(encoder, photo, "occlusion", patch=16, stride=16).save(path)
        assert path.stat().st_size > 0


def test_bad_input_is_one_plain_line(encoder: saccade.Encoder, folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"report\.pdf is no page; a report ends in \.html"):
        write_report(encoder, [folder / PHOTOS[0]], tmp_path / "report.pdf")
    with pytest.raises(InputError, match="13 photos: a report shows 1 to 12"):
        write_report(encoder, [folder / PHOTOS[0]] * 13, tmp_path / "report.html")
    assert list(tmp_path.iterdir()) == []


def test_reference_photos_are_taken_off_and_tell_what_is_typical(
    encoder: saccade.Encoder, folder: Path, tmp_path: Path
) -> None:
    generator = np.random.default_rng(3)
    others = tmp_path / "others"
    others.mkdir()
    for index in range(5):
        Image.fromarray(generator.integers(0, 255, (40, 40, 3), np.uint8)).save(others / f"{index}.png")
    (others / "broken.png").write_bytes(b"no photo")
    photos = [folder / name for name in PHOTOS[:2]]
    notes: list[str] = []
    page = write_report(encoder, photos, tmp_path / "page.html", live=False, reference=others, on_note=notes.append)
    why = saccade.compare(encoder, *photos, reference=others)
    assert any(note.startswith("1 of the reference photos") for note in notes)
    catalogue = catalogue_of(encoder, others)
    again = write_report(encoder, photos, tmp_path / "again.html", live=False, reference=catalogue)
    for written in (page, again):
        (pair,) = carried_by(written)["pairs"]
        assert pair["score"] == pytest.approx(why.score, abs=1e-5)
        assert (pair["centred"], pair["mean_of"]) == (True, "the reference")
        assert pair["typical"]["sentence"].startswith("A typical pair of the reference (5 photos) scores ")
        assert [photo["trust"]["mean_of"] for photo in carried_by(written)["photos"]] == ["the reference"] * 2
    assert encoder.reference is None
    few = [others / "0.png", others / "1.png"]
    with pytest.raises(InputError, match="2 reference photos"):
        write_report(encoder, photos, tmp_path / "few.html", reference=few)
    of_another = reference_of_codes(np.ones((4, 2, 2, 3), np.float32), name="others")
    with pytest.raises(InputError, match="codes are 2x2x3"):
        write_report(encoder, photos, tmp_path / "few.html", reference=of_another)


def test_a_stop_writes_nothing(encoder: saccade.Encoder, folder: Path, tmp_path: Path) -> None:
    with pytest.raises(saccade.errors.Cancelled):
        write_report(encoder, [folder / PHOTOS[0]], tmp_path / "report.html", stop=lambda: True)
    assert list(tmp_path.iterdir()) == []
