"""The codes of a collection: made once, kept in a file, searched exactly, laid out as a map."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from commands import small_autoencoder
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from PIL import Image
from skimage import data
from sklearn.decomposition import PCA
from sklearn.manifold import trustworthiness

import saccade
from saccade.collection import (
    Catalogue,
    CodeSpace,
    catalogue_of,
    duplicates,
    encoded_parts,
    indexing,
    odd_ones_out,
    photo_maps,
    sample,
    write_index,
)  # fmt: skip
from saccade.collection.catalogue_facts import Origin
from saccade.collection.code_space import best
from saccade.collection.encoded_parts import EncodedParts, check_alone
from saccade.collection.thumbnail import opened_thumbnail
from saccade.errors import Cancelled, FileError, InputError, UnknownName
from saccade.report import write_atlas

PHOTOS = 24


@pytest.fixture(scope="module")
def encoder() -> saccade.Encoder:
    return saccade.Encoder(small_autoencoder(), layer="encoded", value_range=(0.0, 1.0))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Cuts of three photographs, a copy, and two files that cannot be used."""
    folder = tmp_path_factory.mktemp("photos")
    photos = data.chelsea(), data.coffee(), data.rocket()
    for index in range(PHOTOS - 1):
        (folder / f"part {index % 2}").mkdir(exist_ok=True)
        cut = photos[index % 3][10 * index : 10 * index + 90, 12 * index : 12 * index + 120]
        Image.fromarray(cut).save(folder / f"part {index % 2}" / f"{index:02}.png")
    Image.open(folder / "part 0" / "04.png").save(folder / "part 1" / "again.jpg", quality=95)
    (folder / "part 0" / "broken.jpg").write_bytes((folder / "part 1" / "again.jpg").read_bytes()[:200])
    (folder / "part 1" / "text.png").write_text("no photo")
    return folder


@pytest.fixture(scope="module")
def catalogue(encoder: saccade.Encoder, folder: Path) -> Catalogue:
    return catalogue_of(encoder, folder)


def cosines(a: NDArray[Any], b: NDArray[Any]) -> NDArray[np.float64]:
    a, b = a.reshape(len(a), -1).astype(float), b.reshape(len(b), -1).astype(float)
    return (a @ b.T) / np.linalg.norm(a, axis=1)[:, None] / np.linalg.norm(b, axis=1)


# Making it


def test_it_holds_what_the_encoder_says(encoder: saccade.Encoder, folder: Path, catalogue: Catalogue) -> None:
    assert len(catalogue) == PHOTOS
    assert {skipped.name for skipped in catalogue.skipped} == {"broken.jpg", "text.png"}
    assert catalogue.names == tuple(sorted(catalogue.names))
    for row in (0, 7, PHOTOS - 1):
        path = catalogue.path(row)
        assert path == folder / catalogue.names[row]
        np.testing.assert_allclose(catalogue.codes[row], encoder.codes([path])[0], atol=1e-6)
        with Image.open(path) as photo, opened_thumbnail(catalogue.entries[row]) as small:
            assert (catalogue.entries[row].width, catalogue.entries[row].height) == photo.size
            assert small.size == photo.size  # it was small already
            difference = np.abs(np.asarray(small, float) - np.asarray(photo.convert("RGB"), float))
        assert difference.mean() < 6


def test_a_large_photo_is_kept_small(encoder: saccade.Encoder, tmp_path: Path) -> None:
    Image.fromarray(data.coffee()).save(tmp_path / "cup.png")
    entry = catalogue_of(encoder, tmp_path / "cup.png").entries[0]
    assert (entry.width, entry.height) == (600, 400)
    assert opened_thumbnail(entry).size == (128, 85)
    assert entry.box == (0, 0, 1, 1)


def test_arrays_are_a_collection_too(encoder: saccade.Encoder, tmp_path: Path) -> None:
    images = np.random.default_rng(0).random((5, 32, 32, 3), np.float32)
    of_arrays = catalogue_of(encoder, images)
    np.testing.assert_allclose(of_arrays.codes, encoder.codes(images), atol=1e-6)
    assert of_arrays.folder == ""
    assert of_arrays.path(0) is None
    with pytest.raises(InputError, match=r"catalogue_of\(\.\.\.\)\.save"):
        write_index(encoder, images, tmp_path / "images.npz")


def test_photos_of_many_sizes_are_refused_where_the_model_takes_any(folder: Path, tmp_path: Path) -> None:
    free = saccade.Encoder(small_autoencoder(size=None), layer="encoded", value_range=(0.0, 1.0))
    shutil.copy(folder / "part 0" / "00.png", tmp_path / "a.png")
    Image.fromarray(data.chelsea()[:64, :64]).save(tmp_path / "b.png")
    with pytest.raises(InputError, match="--size"):
        catalogue_of(free, tmp_path)


# Its file


def same(a: Catalogue, b: Catalogue) -> None:
    assert a.entries == b.entries
    np.testing.assert_array_equal(a.codes, b.codes)
    assert (a.folder, a.image_size, a.origin, a.skipped) == (b.folder, b.image_size, b.origin, b.skipped)


def test_a_file_gives_it_back(encoder: saccade.Encoder, folder: Path, catalogue: Catalogue, tmp_path: Path) -> None:
    same(Catalogue.load(catalogue.save(tmp_path / "saved.npz")), catalogue)
    same(Catalogue.load(write_index(encoder, folder, tmp_path / "index.npz")), catalogue)
    assert {path.name for path in tmp_path.iterdir()} == {"saved.npz", "index.npz"}


def test_another_encoder_is_refused_in_one_line(encoder: saccade.Encoder, catalogue: Catalogue, folder: Path) -> None:
    model = small_autoencoder()
    layer = saccade.Encoder(model, layer="first", value_range=(0.0, 1.0))
    read = saccade.Encoder(model, layer="encoded", value_range=(0.0, 255.0))
    weights = saccade.Encoder(small_autoencoder(trained=False), layer="encoded", value_range=(0.0, 1.0))
    for other, word in ((layer, "layer 'encoded'"), (read, "read as"), (weights, "other weights")):
        with pytest.raises(InputError, match=word) as raised:
            catalogue.space(other)
        assert "\n" not in str(raised.value)
    assert catalogue.space(encoder) is catalogue.space(encoder)


@pytest.mark.parametrize("damage", ["nothing", "cut", "other", "short", "infinite", "bomb"])
def test_a_damaged_file_is_refused_in_one_line(catalogue: Catalogue, tmp_path: Path, damage: str) -> None:
    path = catalogue.save(tmp_path / "saved.npz")
    with np.load(path) as file:
        content = dict(file)
    if damage == "nothing":
        path.write_bytes(b"")
    elif damage == "cut":
        path.write_bytes(path.read_bytes()[:-5000])
    elif damage == "other":
        np.savez(path, **{**content, "metadata": np.array(json.dumps({"kind": "map"}))})
    elif damage == "short":
        np.savez(path, **{**content, "boxes": content["boxes"][1:]})
    elif damage == "infinite":
        np.savez(path, **{**content, "codes": np.full_like(content["codes"], np.inf)})
    else:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
            file.writestr("metadata.npy", bytes(2**26))
    with pytest.raises(FileError) as raised:
        Catalogue.load(path)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("kind", [".npz", ".lance"])
@pytest.mark.parametrize(
    "entry",
    [
        {"width": 0},
        {"box": (1.0, 0.0, 0.0, 1.0)},
        {"name": "../../secret.png"},
        {"name": "/secret.png"},
        {"name": "a\0b.png"},
    ],
    ids=str,
)
def test_what_no_photo_can_be_is_refused_in_one_line(
    catalogue: Catalogue, tmp_path: Path, entry: dict[str, Any], kind: str
) -> None:
    entries = (replace(catalogue.entries[0], **entry), *catalogue.entries[1:])
    path = replace(catalogue, entries=entries).save(tmp_path / f"saved{kind}")
    with pytest.raises(FileError, match="is damaged, or was not saved by saccade"):
        Catalogue.load(path)


def webp(size: tuple[int, int]) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size).save(buffer, "WEBP", method=0)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "thumbnail",
    [
        b"",
        b"<svg/>",
        webp((40, 30))[:-20],
        webp((1, 60)),
        webp((2000, 1500)),
        b"RIFF\xff\xff\xff\0WEBPVP8X" + b"\xff" * 30,
    ],
    ids=["empty", "text", "cut", "other shape", "large", "huge canvas"],
)
def test_a_small_photo_that_is_none_is_refused_in_one_line(
    encoder: saccade.Encoder, catalogue: Catalogue, tmp_path: Path, thumbnail: bytes
) -> None:
    entries = (*catalogue.entries[:-1], replace(catalogue.entries[-1], thumbnail=thumbnail))
    damaged = Catalogue.load(replace(catalogue, entries=entries).save(tmp_path / "saved.npz"))
    for output in ("atlas.html", "atlas.png"):
        with pytest.raises(FileError, match=r"the small photo .* of part 1/again\.jpg") as raised:
            write_atlas(encoder, damaged, tmp_path / output)
        assert "\n" not in str(raised.value)
    assert [path.name for path in tmp_path.iterdir()] == ["saved.npz"]


def test_a_part_in_what_was_added_round_a_photo_is_looked_for_all_the_same(folder: Path, tmp_path: Path) -> None:
    padded = saccade.Encoder(small_autoencoder(), layer="encoded", value_range=(0.0, 1.0), fit="contain")
    neighbours = saccade.collection.search(
        padded, catalogue_of(padded, folder), folder / "part 0" / "00.png", cell=(0, 0)
    )
    assert neighbours.part is not None
    assert neighbours.part[3] <= 0  # the photo is wider than high
    neighbours.save(tmp_path / "neighbours.png")


def test_what_was_encoded_before_a_stop_is_not_encoded_again(
    encoder: saccade.Encoder,
    folder: Path,
    catalogue: Catalogue,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    encoded: list[int],
) -> None:
    monkeypatch.setattr(indexing, "BATCH", 4)
    monkeypatch.setattr(indexing, "PART", 8)
    path = tmp_path / "index.npz"
    with pytest.raises(Cancelled):
        write_index(encoder, folder, path, stop=lambda: sum(encoded) >= 12)
    before = sum(encoded)
    assert not path.exists()
    progress: list[tuple[int, int]] = []
    write_index(encoder, folder, path, progress=lambda done, total: progress.append((done, total)))
    assert sum(encoded) == PHOTOS
    assert progress[0][0] > before
    assert progress[-1] == (PHOTOS + 2, PHOTOS + 2)
    same(Catalogue.load(path), catalogue)
    assert [entry.name for entry in tmp_path.iterdir()] == ["index.npz"]


def test_a_full_disk_leaves_nothing_behind(
    encoder: saccade.Encoder, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise FileError("the disk is full")

    monkeypatch.setattr(encoded_parts, "write_catalogue", full)
    with pytest.raises(FileError, match="full"):
        write_index(encoder, folder, tmp_path / "index.npz")
    assert list(tmp_path.iterdir()) == []


def test_again_only_what_is_new_or_changed_is_encoded(
    encoder: saccade.Encoder, folder: Path, tmp_path: Path, encoded: list[int]
) -> None:
    photos = shutil.copytree(folder, tmp_path / "photos")
    path = write_index(encoder, photos, tmp_path / "index.npz")
    encoded.clear()
    write_index(encoder, photos, path)
    assert sum(encoded) == 0
    (photos / "part 0" / "00.png").unlink()
    shutil.copy(photos / "part 0" / "04.png", photos / "part 0" / "02.png")
    Image.fromarray(data.astronaut()[:100, :100]).save(photos / "new.png")
    write_index(encoder, photos, path)
    assert sum(encoded) == 2
    same(Catalogue.load(path), catalogue_of(encoder, photos))
    write_index(encoder, photos, path, again=True)
    assert sum(encoded) == 2 + 2 * PHOTOS


def test_a_catalogue_that_is_replaced_meanwhile_gives_no_photo_the_code_of_another(
    encoder: saccade.Encoder, folder: Path, tmp_path: Path
) -> None:
    path = write_index(encoder, folder / "part 0", tmp_path / "index.npz")

    other = catalogue_of(encoder, folder / "part 1")
    with pytest.raises(FileError, match="replaced by another program"):
        write_index(encoder, folder, path, progress=lambda _, __: other.save(path))


def test_two_runs_do_not_make_one_catalogue_at_the_same_time(
    encoder: saccade.Encoder, folder: Path, catalogue: Catalogue, tmp_path: Path
) -> None:
    path = tmp_path / "index.npz"

    def second(_: int, __: int) -> None:
        with pytest.raises(FileError, match=r"index.npz is being made by another call of this program; wait"):
            write_index(encoder, folder / "part 1", path)

    same(Catalogue.load(write_index(encoder, folder, path, progress=second)), catalogue)
    assert [entry.name for entry in tmp_path.iterdir()] == ["index.npz"]


def test_the_lock_of_another_process_is_named_and_ends_with_it(tmp_path: Path) -> None:
    goal, lock = tmp_path / "index.npz", tmp_path / ".index.npz.unfinished" / "process"
    lock.parent.mkdir()
    script = (
        "import sys, time; from pathlib import Path; from saccade.collection.lock_file import lock_file\n"
        f"with lock_file(Path({str(lock)!r}), Path('index.npz')):\n    print('locked', flush=True); time.sleep(100)"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "locked\n"
        with pytest.raises(FileError, match=f"index.npz is being made by process {process.pid}; wait until"):
            check_alone(goal)
        process.kill()
    check_alone(goal)
    with EncodedParts(goal, Origin("", "", "", "", "")).alone():
        assert lock.read_text() == str(os.getpid())
    assert list(tmp_path.iterdir()) == []


def test_parts_of_another_model_are_left_alone(encoder: saccade.Encoder, folder: Path, tmp_path: Path) -> None:
    other = saccade.Encoder(small_autoencoder(trained=False), layer="encoded", value_range=(0.0, 1.0))
    write_index(other, folder, tmp_path / "index.npz")
    same(Catalogue.load(write_index(encoder, folder, tmp_path / "index.npz")), catalogue_of(encoder, folder))


@pytest.mark.parametrize("name", ["index.png", "missing/index.npz"])
def test_a_file_that_cannot_be_written_is_refused_before_the_work(
    encoder: saccade.Encoder, folder: Path, tmp_path: Path, name: str
) -> None:
    def refuse() -> bool:
        raise AssertionError("it began")

    with pytest.raises(InputError):
        write_index(encoder, folder, tmp_path / name, stop=refuse)


# Comparing


def test_scores_are_those_of_compare(encoder: saccade.Encoder, catalogue: Catalogue, folder: Path) -> None:
    space = catalogue.space(encoder)
    assert space.centring == "collection"
    mean = saccade.pairs.mean_code(encoder, folder)
    table = space.scores(space.directions)
    for a, b in ((0, 1), (4, 9), (3, 20)):
        why = saccade.compare(encoder, catalogue.path(a), catalogue.path(b), centre=mean.code)
        assert table[a, b] == pytest.approx(why.score, abs=1e-5)


def test_the_mean_that_the_model_knows_is_taken_off_as_compare_does(folder: Path) -> None:
    encoder = saccade.Encoder(small_autoencoder(), layer="encoded", value_range=(0.0, 1.0))
    encoder.reference = saccade.pairs.reference_of(encoder, folder)
    catalogue = catalogue_of(encoder, folder / "part 0")
    space = catalogue.space(encoder)
    assert space.centring == "model"
    why = saccade.compare(encoder, catalogue.path(0), catalogue.path(1))
    assert why.centred
    assert space.scores(space.directions[:1])[0, 1] == pytest.approx(why.score, abs=1e-5)


codes_of_photos = st.tuples(st.integers(3, 30), st.integers(1, 3), st.integers(1, 3), st.integers(1, 4)).flatmap(
    lambda shape: arrays(np.float32, shape, elements=st.floats(-10, 10, width=32))
)


@settings(max_examples=60, deadline=None)
@given(codes_of_photos, st.integers(1, 40))
def test_neighbours_are_those_of_all_pairs(codes: NDArray[np.float32], count: int) -> None:
    space = CodeSpace.around(codes, codes.mean(axis=0, dtype=np.float64), "collection")
    rows, scores = space.neighbours(count)
    centred = (codes - codes.mean(axis=0, dtype=np.float64)).reshape(len(codes), -1)
    living = np.linalg.norm(centred, axis=1) > 1e-6 * (
        np.linalg.norm(centred, axis=1) + np.linalg.norm(codes.mean(axis=0, dtype=np.float64))
    )
    table = np.zeros((len(codes), len(codes)))
    table[np.ix_(living, living)] = np.clip(cosines(centred[living], centred[living]), -1, 1) if living.any() else 0
    assert rows.shape == (len(codes), min(count, len(codes) - 1))
    for row in range(len(codes)):
        expected = np.sort(np.delete(table[row], row))[::-1][: rows.shape[1]]
        np.testing.assert_allclose(scores[row], expected, atol=2e-5)
        np.testing.assert_allclose(table[row, rows[row]], expected, atol=2e-5)
        assert row not in rows[row]
        assert len(set(rows[row].tolist())) == rows.shape[1]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from([0.1, 0.25, 0.5, 0.75, 0.75 + 1e-9]), min_size=1, max_size=30), st.data())
def test_of_equal_scores_the_earlier_comes_first(scores: list[float], draw: st.DataObject) -> None:
    count = draw.draw(st.integers(0, 40))
    leave_out = draw.draw(st.sets(st.integers(0, len(scores) - 1)))
    ranked = sorted(range(len(scores)), key=lambda row: (-round(float(np.float32(scores[row])), 6), row))
    expected = [row for row in ranked if row not in leave_out][:count]
    assert best(np.array(scores, np.float32), count, leave_out=leave_out).tolist() == expected


def test_a_code_that_is_the_mean_itself_is_like_nothing() -> None:
    codes = np.array([[[[1, 2]]], [[[3, 4]]], [[[2, 3]]]], np.float32)
    space = CodeSpace.around(codes, codes.mean(axis=0, dtype=np.float64), "collection")
    assert space.scores(space.directions)[2].tolist() == [0, 0, 0]
    with pytest.raises(InputError, match="nothing is left"):
        space.direction(codes[2])
    with pytest.raises(InputError, match="--size"):
        space.direction(np.zeros((2, 1, 2), np.float32))


# What stands out


def test_copies_are_found(encoder: saccade.Encoder, catalogue: Catalogue) -> None:
    names = [[catalogue.names[row] for row in group] for group in duplicates(catalogue.space(encoder), least=0.995)]
    assert names == [["part 0/04.png", "part 1/again.jpg"]]


@settings(max_examples=40, deadline=None)
@given(codes_of_photos, st.floats(0.3, 1))
def test_groups_of_copies_are_the_connected_parts(codes: NDArray[np.float32], least: float) -> None:
    space = CodeSpace.around(codes, np.zeros(codes.shape[1:]), "none")
    joined = space.scores(space.directions) >= least
    reach = np.linalg.matrix_power((joined | joined.T | np.eye(len(codes), dtype=bool)).astype(float), len(codes)) > 0
    expected = {tuple(np.flatnonzero(row).tolist()) for row in reach if row.sum() > 1}
    assert {tuple(group) for group in duplicates(space, least=least)} == expected


def test_the_odd_ones_are_least_like_their_nearest() -> None:
    directions = np.eye(4, dtype=np.float32)[[0, 0, 0, 1]]
    space = CodeSpace(directions, np.ones(4, np.float32), np.zeros((1, 1, 4)), "none")
    assert odd_ones_out(space.neighbours(2)[1], 1) == [3]


# The map


@pytest.fixture(scope="module")
def crowd() -> CodeSpace:
    """Three clouds of photos."""
    random = np.random.default_rng(0)
    middles = random.normal(size=(3, 40))
    codes = np.concatenate([middle + 0.3 * random.normal(size=(40, 40)) for middle in middles]).astype(np.float32)
    codes = codes.reshape(120, 2, 2, 10)
    return CodeSpace.around(codes, codes.mean(axis=0, dtype=np.float64), "collection")


def test_maps_are_as_trustworthy_as_scikit_learn_says(crowd: CodeSpace) -> None:
    pca, neighbours, grid = photo_maps(crowd)
    for each in (pca, neighbours, grid):
        expected = trustworthiness(crowd.directions, each.positions, n_neighbors=10, metric="cosine")
        assert each.trustworthiness == pytest.approx(expected, abs=1e-3)
        assert each.positions.min() == pytest.approx(0, abs=1e-6)
        assert each.positions.max() == pytest.approx(1, abs=1e-6)
    oracle = PCA(2, svd_solver="full").fit(crowd.directions)
    assert pca.shares == pytest.approx(tuple(oracle.explained_variance_ratio_), rel=1e-3)
    projected = oracle.transform(crowd.directions)
    side = np.ptp(projected, axis=0).max()
    for axis in (0, 1):
        np.testing.assert_allclose(np.abs(np.corrcoef(projected[:, axis], pca.positions[:, axis])[0, 1]), 1, atol=1e-4)
        assert np.ptp(pca.positions[:, axis]) == pytest.approx(np.ptp(projected[:, axis]) / side, rel=1e-2)


def test_neighbours_of_a_cloud_lie_together(crowd: CodeSpace) -> None:
    (neighbours,) = photo_maps(crowd, ("neighbours",))
    distances = np.linalg.norm(neighbours.positions[:, None] - neighbours.positions[None], axis=2)
    np.fill_diagonal(distances, np.inf)
    nearest = distances.argsort(axis=1)[:, :5]
    assert (nearest // 40 == np.arange(120)[:, None] // 40).all()


def test_no_photo_of_a_grid_covers_another(crowd: CodeSpace) -> None:
    (grid,) = photo_maps(crowd, ("grid",), aspect=2)
    cells = np.rint(grid.positions * (grid.columns - 1)).astype(int)
    assert grid.columns == round(np.sqrt(240))
    assert len({tuple(cell) for cell in cells.tolist()}) == 120
    assert cells[:, 1].max() == -(-120 // grid.columns) - 1


def test_the_same_seed_gives_the_same_maps(crowd: CodeSpace) -> None:
    for one, other in zip(photo_maps(crowd, seed=3), photo_maps(crowd, seed=3), strict=True):
        np.testing.assert_array_equal(one.positions, other.positions)


@pytest.mark.parametrize("count", [2, 3, 4, 5, 6])
def test_a_few_photos_have_a_map_too(count: int) -> None:
    codes = np.random.default_rng(1).normal(size=(count, 1, 1, 3)).astype(np.float32)
    for each in photo_maps(CodeSpace.around(codes, np.zeros((1, 1, 3)), "none")):
        assert np.isfinite(each.positions).all()
        assert each.positions.shape == (count, 2)
        assert (each.trustworthiness is None) == (count < 4)


def test_photos_that_are_all_the_same_have_a_map_too() -> None:
    codes = np.ones((30, 1, 1, 3), np.float32)
    for each in photo_maps(CodeSpace.around(codes, np.zeros((1, 1, 3)), "none")):
        assert np.isfinite(each.positions).all()


def test_maps_that_cannot_be_made_are_refused(crowd: CodeSpace) -> None:
    with pytest.raises(UnknownName, match="nearest is 'grid'"):
        photo_maps(crowd, ("grids",))
    with pytest.raises(InputError, match="2 to"):
        photo_maps(CodeSpace(crowd.directions[:1], crowd.lengths[:1], crowd.centre, "none"))


def test_a_sample_is_in_order_and_fixed_by_its_seed() -> None:
    assert sample(5, 9).tolist() == [0, 1, 2, 3, 4]
    rows = sample(1000, 50, 3)
    assert rows.tolist() == sorted(set(rows.tolist()))
    assert len(rows) == 50
    np.testing.assert_array_equal(rows, sample(1000, 50, 3))
