"""The nearest photos of a collection: by the whole code, by a part of it, on a page, by the commands."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from commands import Run, files, refused, small_autoencoder
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from PIL import Image
from skimage import data

import saccade
from saccade.collection import Catalogue, catalogue_of, search
from saccade.collection.patches import best_places, mean_cell
from saccade.errors import InputError, NotApplicable
from saccade.models.places import Places


@pytest.fixture(scope="module")
def encoder() -> saccade.Encoder:
    return saccade.Encoder(small_autoencoder(), layer="encoded", value_range=(0.0, 1.0))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("search")
    photos = data.chelsea(), data.coffee(), data.rocket()
    for index in range(15):
        cut = photos[index % 3][10 * index : 10 * index + 96, 12 * index : 12 * index + 128]
        Image.fromarray(cut).save(folder / f"{index:02}.png")
    return folder


@pytest.fixture(scope="module")
def catalogue(encoder: saccade.Encoder, folder: Path) -> Catalogue:
    return catalogue_of(encoder, folder)


# The whole code


def test_the_nearest_are_those_of_compare(encoder: saccade.Encoder, folder: Path, catalogue: Catalogue) -> None:
    neighbours = search(encoder, catalogue, data.astronaut(), count=15, why=True)
    mean = saccade.pairs.mean_code(encoder, folder)
    scores = {
        path.name: saccade.compare(encoder, data.astronaut(), path, centre=mean.code).score
        for path in sorted(folder.iterdir())
    }
    assert [other.name for other in neighbours.neighbours] == sorted(scores, key=lambda name: -scores[name])
    for other in neighbours.neighbours:
        assert other.score == pytest.approx(scores[other.name], abs=1e-5)
    assert neighbours.why is not None
    assert neighbours.why.score == pytest.approx(neighbours.neighbours[0].score, abs=1e-5)
    assert neighbours.why.names[1] == neighbours.neighbours[0].name


def test_a_photo_of_the_collection_does_not_find_itself(
    encoder: saccade.Encoder, folder: Path, catalogue: Catalogue, tmp_path: Path
) -> None:
    assert "04.png" not in {other.name for other in search(encoder, catalogue, folder / "04.png", count=99).neighbours}
    shutil.copy(folder / "04.png", tmp_path / "elsewhere.png")
    copies = search(encoder, catalogue, tmp_path / "elsewhere.png", count=1)
    assert (copies.neighbours[0].name, round(copies.neighbours[0].score, 5)) == ("04.png", 1)
    assert copies.compared == 15
    assert search(encoder, catalogue, folder / "04.png", count=1).compared == 14
    alone = catalogue_of(encoder, folder / "04.png")
    nothing = search(encoder, alone, folder / "04.png")
    assert (nothing.neighbours, nothing.compared) == ((), 0)
    assert nothing.figure().width == 1500


@pytest.mark.parametrize("way", ["copied", "linked", "moved", "symbolic"])
def test_a_photo_of_the_collection_is_left_out_wherever_it_lies_now(
    encoder: saccade.Encoder, folder: Path, tmp_path: Path, way: str
) -> None:
    photos = shutil.copytree(folder, tmp_path / "photos")
    catalogue = catalogue_of(encoder, photos)
    name = "04.png" if way in ("copied", "moved") else "another name.png"
    elsewhere = tmp_path / "elsewhere" / name
    elsewhere.parent.mkdir()
    if way == "copied":
        shutil.copyfile(photos / "04.png", elsewhere)
    elif way == "linked":
        elsewhere.hardlink_to(photos / "04.png")
    elif way == "symbolic":
        elsewhere.symlink_to(photos / "04.png")
    else:
        photos.rename(tmp_path / "moved")
        elsewhere = tmp_path / "moved" / name
    neighbours = search(encoder, catalogue, elsewhere, count=99)
    assert "04.png" not in {neighbour.name for neighbour in neighbours.neighbours}
    assert (neighbours.left_out, neighbours.compared) == (("04.png",), 14)
    assert neighbours.to_dict()["left_out"] == ["04.png"]
    (note,) = neighbours.notes
    under = "" if name == "04.png" else " (there 04.png)"
    assert note == f"{name} is one of the collection{under}, and is left out"


def test_the_codes_at_hand_tell_what_a_typical_pair_scores(
    encoder: saccade.Encoder, folder: Path, catalogue: Catalogue
) -> None:
    why = search(encoder, catalogue, folder / "04.png", why=True).why
    assert why is not None
    flat = catalogue.codes.reshape(15, -1).astype(float)
    flat -= flat.mean(axis=0)
    flat /= np.linalg.norm(flat, axis=1, keepdims=True)
    pairs = (flat @ flat.T)[np.triu_indices(15, 1)]
    assert why.median_score == pytest.approx(np.median(pairs), abs=0.02)
    assert why.high_score == pytest.approx(np.quantile(pairs, 0.95), abs=0.05)
    assert why.typical.startswith("a typical pair of the collection (15 photos) scores ")
    assert (why.centred, why.references) == (True, 15)
    assert not any("nothing tells" in note for note in why.notes)


def test_what_the_model_knows_itself_goes_before_the_collection(folder: Path, catalogue: Catalogue) -> None:
    encoder = saccade.Encoder(small_autoencoder(), layer="encoded", value_range=(0.0, 1.0))
    assert catalogue.known_to(encoder).reference is catalogue.reference
    assert encoder.reference is None
    encoder.reference = saccade.pairs.reference_of(encoder, [folder / f"0{number}.png" for number in range(5)])
    assert catalogue.known_to(encoder) is encoder
    why = search(encoder, catalogue, folder / "04.png", why=True).why
    assert why is not None
    assert why.typical.startswith("a typical pair of the collection that the model knows (5 photos) scores ")


def test_two_photos_tell_nothing_of_typical_pairs(encoder: saccade.Encoder, folder: Path) -> None:
    catalogue = catalogue_of(encoder, [folder / "00.png", folder / "01.png"])
    assert catalogue.reference is None
    assert catalogue.known_to(encoder) is encoder


def test_another_photo_of_the_same_name_is_another_photo(
    encoder: saccade.Encoder, folder: Path, catalogue: Catalogue, tmp_path: Path
) -> None:
    shutil.copy(folder / "05.png", tmp_path / "04.png")
    neighbours = search(encoder, catalogue, tmp_path / "04.png", count=99)
    assert (neighbours.left_out, neighbours.compared) == ((), 15)


def test_a_copy_is_found_and_why_is_asked_of_the_next(
    encoder: saccade.Encoder, folder: Path, catalogue: Catalogue, tmp_path: Path
) -> None:
    copy = shutil.copy(folder / "04.png", tmp_path / "elsewhere.png")
    neighbours = search(encoder, catalogue, copy, count=3, why=True)
    first, second, _ = neighbours.neighbours
    assert first.name == "04.png"
    assert neighbours.why is not None
    assert neighbours.why.names == ("elsewhere.png", second.name)
    assert neighbours.why.score == pytest.approx(second.score, abs=1e-5)
    assert neighbours.notes == (f"04.png has exactly the same code; why the next is alike is shown, {second.name}",)
    assert search(encoder, catalogue, copy, count=1, why=True).why is None


def test_it_is_found_though_its_file_is_gone(encoder: saccade.Encoder, folder: Path, tmp_path: Path) -> None:
    photos = shutil.copytree(folder, tmp_path / "photos", copy_function=shutil.copy)
    catalogue = catalogue_of(encoder, photos)
    shutil.rmtree(photos)
    neighbours = search(encoder, catalogue, folder / "04.png", count=2, why=True)
    assert neighbours.neighbours[0].name == "04.png"
    assert neighbours.neighbours[0].picture.shape == (96, 128, 3)
    assert neighbours.why is None
    neighbours.figure()


def test_what_is_asked_wrongly_is_refused(encoder: saccade.Encoder, folder: Path, catalogue: Catalogue) -> None:
    photo = folder / "00.png"
    for settings_, word in (
        ({"count": 0}, "at least one"), ({"cell": (16, 0)}, "16x16 cells"), ({"cell": (1,)}, "cell"),
        ({"cell": (0, 0), "region": (0, 0, 9, 9)}, "one of them"), ({"region": (9, 0, 9, 9)}, "no part"),
        ({"region": (200, 0, 300, 9)}, "outside"),
    ):  # fmt: skip
        with pytest.raises(InputError, match=word):
            search(encoder, catalogue, photo, **settings_)
    with pytest.raises(InputError, match="one at a time"):
        search(encoder, catalogue, [photo, photo])


def test_a_vector_has_no_part_to_look_for(folder: Path) -> None:
    image = keras.Input((16, 16, 3))
    model = keras.Model(image, keras.layers.Dense(4, name="code")(keras.layers.Flatten()(image)))
    encoder = saccade.Encoder(model, layer="code", value_range=(0.0, 1.0))
    catalogue = catalogue_of(encoder, folder)
    assert len(search(encoder, catalogue, folder / "00.png").neighbours) == 12
    with pytest.raises(NotApplicable, match="no places"):
        search(encoder, catalogue, folder / "00.png", cell=(0, 0))


# A part of it


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_the_best_place_is_the_best_of_all(draw: st.DataObject) -> None:
    count, rows, columns, channels = draw.draw(
        st.tuples(st.integers(1, 4), st.integers(1, 4), st.integers(1, 4), st.integers(1, 3))
    )
    high, wide = draw.draw(st.integers(1, rows)), draw.draw(st.integers(1, columns))
    numbers = st.floats(-8, 8, width=16)
    codes = draw.draw(arrays(np.float32, (count, rows, columns, channels), elements=numbers))
    part = draw.draw(arrays(np.float32, (high, wide, channels), elements=numbers))
    places = Places(rows, columns)
    centre = mean_cell(codes, places)
    np.testing.assert_allclose(centre, codes.mean(axis=(0, 1, 2), dtype=float), atol=1e-5)
    scores, firsts, lefts = best_places(codes, places, part, centre)
    for photo in range(count):
        table = np.array(
            [
                [cosine(codes[photo, r : r + high, c : c + wide] - centre, part - centre)
                 for c in range(columns - wide + 1)]
                for r in range(rows - high + 1)
            ]
        )  # fmt: skip
        assert scores[photo] == pytest.approx(table.max(), abs=1e-3)
        assert table[firsts[photo], lefts[photo]] == pytest.approx(table.max(), abs=1e-3)


def cosine(a: NDArray[Any], b: NDArray[Any]) -> float:
    a, b = a.ravel().astype(float), b.ravel().astype(float)
    lengths = np.linalg.norm(a) * np.linalg.norm(b)
    return float(a @ b / lengths) if lengths else 0.0


def test_a_part_is_found_where_it_was_moved_to(encoder: saccade.Encoder, folder: Path, tmp_path: Path) -> None:
    """A piece of one photo, laid elsewhere into another, is found there."""
    shutil.copytree(folder, tmp_path / "photos")
    cat = data.chelsea()[100:164, 100:164]
    Image.fromarray(cat).resize((32, 32)).save(tmp_path / "cat.png")
    piece = np.asarray(Image.open(tmp_path / "cat.png"))[8:24, 8:24]
    other = np.array(Image.open(folder / "01.png").resize((32, 32)))
    other[14:30, 2:18] = piece
    Image.fromarray(other).save(tmp_path / "photos" / "with the piece.png")
    catalogue = catalogue_of(encoder, tmp_path / "photos")
    neighbours = search(encoder, catalogue, tmp_path / "cat.png", region=(10, 10, 22, 22), count=3)
    first = neighbours.neighbours[0]
    assert first.name == "with the piece.png"
    assert first.score > 0.99
    np.testing.assert_allclose(np.array(first.box) * 32, (4, 16, 16, 28))
    np.testing.assert_allclose(np.array(neighbours.part) * 32, (10, 10, 22, 22))


# The page and the commands


def test_a_result_shows_and_saves_itself(
    encoder: saccade.Encoder, folder: Path, catalogue: Catalogue, tmp_path: Path
) -> None:
    neighbours = search(encoder, catalogue, folder / "00.png", cell=(3, 4), count=4)
    for name in ("page.png", "numbers.npz", "numbers.json"):
        neighbours.save(tmp_path / name)
    saved = json.loads((tmp_path / "numbers.json").read_text())
    assert [other["score"] for other in saved["neighbours"]] == [other.score for other in neighbours.neighbours]
    with np.load(tmp_path / "numbers.npz") as file:
        assert file["boxes"].shape == (4, 4)
    with Image.open(tmp_path / "page.png") as page:
        assert page.width == 1500


def test_index_and_search_by_the_commands(run: Run, small_model: str, folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "photos")
    (tmp_path / "photos" / "broken.png").write_bytes(b"no photo")
    status, out, err = run("index", small_model, "photos", "--json")
    assert status == 0, err
    summary = json.loads(out)
    assert (summary["photos"], summary["output"], summary["bytes"]) == (
        15,
        "photos.npz",
        Path("photos.npz").stat().st_size,
    )
    assert [skipped["photo"] for skipped in summary["skipped"]] == ["broken.png"]
    assert "1 of the photos" in err
    status, out, err = run("search", small_model, "photos.npz", folder / "00.png", "--count", 3, "--json")
    assert status == 0, err
    encoder = saccade.load(small_model)
    neighbours = search(encoder, Catalogue.load("photos.npz"), folder / "00.png", count=3)
    summary = json.loads(out)
    assert [other["name"] for other in summary["neighbours"]] == [other.name for other in neighbours.neighbours]
    assert [other["score"] for other in summary["neighbours"]] == [other.score for other in neighbours.neighbours]
    assert summary["left_out"] == ["00.png"]
    assert "note: 00.png is one of the collection, and is left out" in err
    status, out, err = run(
        "search", small_model, "photos.npz", "photos/00.png", "--region", "20,20,60,60", "--output", "part.webp"
    )
    assert status == 0, err
    assert out.splitlines()[-1] == "wrote part.webp"
    assert {"photos.npz", "neighbours.png", "part.webp"} <= files(tmp_path)


def test_the_commands_refuse_in_one_line(run: Run, small_model: str, folder: Path, tmp_path: Path) -> None:
    photo = folder / "00.png"
    refused(run("index", small_model, folder, "--output", "photos.png"), "must end in .npz")
    refused(run("index", small_model, tmp_path / "gone"), "gone")
    refused(run("search", small_model, "gone.npz", photo), "no file")
    refused(run("search", small_model, folder, photo), "is a folder; make a catalogue of it", "saccade index")
    refused(run("search", "gone.keras", "gone.npz", photo, "--output", "page.html"), "must end in .png")
    np.savez(tmp_path / "other.npz", a=np.zeros(3))
    refused(run("search", small_model, "other.npz", photo), "not saved by saccade")
    refused(run("search", small_model, "other.npz", photo, "--cell", "1,2,3"), "ROW,COLUMN")
    refused(run("search", small_model, "other.npz", photo, "--region", "a"), "LEFT,TOP,RIGHT,BOTTOM")
    assert files(tmp_path) == {"other.npz"}
