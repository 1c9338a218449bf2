"""A catalogue as a table of Lance: the same as the `.npz`, and what another tool opens."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import lance
import numpy as np
import pytest
from commands import NUMPY_FACTORY, Run, refused
from PIL import Image
from skimage import data

import saccade
from saccade import atomic_files
from saccade.collection import Catalogue, catalogue_of, indexing, search, write_index
from saccade.collection.catalogue_facts import CatalogueFacts, Origin, PhotoEntry
from saccade.collection.catalogue_file import catalogue_bytes, write_catalogue
from saccade.errors import Cancelled, FileError, InputError, MissingPackage
from saccade.images.collection import Skipped

PHOTOS = 14


@pytest.fixture
def catalogue() -> Catalogue:
    """600 photos, so that they are written and read in several pieces; some names are no text of their own."""
    random = np.random.default_rng(0)
    entries = tuple(
        PhotoEntry(
            f"part {index % 2}/{index}\udcff.png" if index % 50 == 0 else f"ä {index}.png",
            random.bytes(40 + index % 7), 100 + index, 50, (0.0, 0.25, 1.0, 0.75), (index, 10**18 + index),
        )
        for index in range(600)
    )  # fmt: skip
    codes = random.normal(size=(600, 4, 3, 5)).astype(np.float32)
    skipped = (Skipped("broken.jpg", "it is damaged"),)
    return Catalogue(entries, codes, "/photos\udcff", (32, 24), Origin("f", "m", "l", "r", "v"), skipped)


def same(a: Catalogue, b: Catalogue) -> None:
    assert a.entries == b.entries
    np.testing.assert_array_equal(a.codes, b.codes)
    assert (a.folder, a.image_size, a.origin, a.skipped) == (b.folder, b.image_size, b.origin, b.skipped)


def listing(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# The file


@pytest.mark.parametrize("name", ["photos.lance", "odd #%20?é name.LANCE"])
def test_it_gives_back_what_the_npz_gives_back(catalogue: Catalogue, tmp_path: Path, name: str) -> None:
    path = catalogue.save(tmp_path / name)
    opened = Catalogue.load(path)
    same(opened, catalogue)
    same(opened, Catalogue.load(catalogue.save(tmp_path / "photos.npz")))
    assert not opened.codes.flags.writeable
    assert listing(tmp_path) == sorted([name, "photos.npz"])
    assert catalogue_bytes(path) == sum(file.stat().st_size for file in path.rglob("*") if file.is_file())


def test_another_tool_opens_and_searches_it(catalogue: Catalogue, tmp_path: Path) -> None:
    table = lance.dataset(str(catalogue.save(tmp_path / "photos.lance")))
    rows = table.to_table().to_pydict()
    assert list(rows) == ["name", "exact_name", "code", "thumbnail", "width", "height", "box", "state"]
    assert rows["name"][:2] == ["part 0/0\\udcff.png", "ä 1.png"]
    assert rows["thumbnail"] == [entry.thumbnail for entry in catalogue.entries]
    codes = catalogue.codes.reshape(len(catalogue), -1)
    np.testing.assert_array_equal(np.array(rows["code"], np.float32), codes)
    lengths = np.linalg.norm(codes, axis=1)
    for row in (1, 599):
        sought = codes[row] + np.float32(0.1)
        nearest = {"column": "code", "q": sought, "k": 3, "metric": "cosine"}
        names = table.to_table(columns=["name"], nearest=nearest)["name"].to_pylist()
        best = np.argsort(-(codes @ sought) / lengths)[:3]
        assert names == [rows["name"][index] for index in best]


def test_a_table_that_another_tool_has_changed_is_still_one(catalogue: Catalogue, tmp_path: Path) -> None:
    path = catalogue.save(tmp_path / "photos.lance")
    lance.dataset(str(path)).delete("width < 650")
    opened = Catalogue.load(path)
    assert opened.entries == catalogue.entries[550:]
    np.testing.assert_array_equal(opened.codes, catalogue.codes[550:])


@pytest.mark.parametrize("part", ["data/*.lance", "_versions/*.manifest"])
@pytest.mark.parametrize("damage", ["cut", "other", "gone"])
def test_a_damaged_one_is_refused_in_one_line(
    catalogue: Catalogue, tmp_path: Path, capfd: pytest.CaptureFixture[str], part: str, damage: str
) -> None:
    path = catalogue.save(tmp_path / "photos.lance")
    (file,) = path.glob(part)
    content = bytearray(file.read_bytes())
    if damage == "gone":
        file.unlink()
    elif damage == "cut":
        file.write_bytes(content[: len(content) // 2])
    else:
        content[len(content) // 2] ^= 1
        file.write_bytes(content)
    with pytest.raises(FileError, match=r"photos\.lance is damaged, or was not saved by saccade") as raised:
        Catalogue.load(path)
    assert "\n" not in str(raised.value)
    assert capfd.readouterr().err == ""
    same(Catalogue.load(catalogue.save(path)), catalogue)  # it is made again


@pytest.mark.parametrize("part", ["data/*.lance", "_versions/*.manifest", "saccade-sums.json"])
@pytest.mark.parametrize("kind", ["pipe", "link"])
def test_what_could_be_read_for_ever_is_refused(catalogue: Catalogue, tmp_path: Path, part: str, kind: str) -> None:
    (file,) = catalogue.save(tmp_path / "photos.lance").glob(part)
    file.unlink()
    if kind == "pipe":
        os.mkfifo(file)
    else:
        file.symlink_to("/dev/zero")
    with pytest.raises(FileError, match=r"photos\.lance is damaged, or was not saved by saccade"):
        Catalogue.load(tmp_path / "photos.lance")


def test_a_few_bytes_that_say_gigabytes_are_refused_before_they_are_made(catalogue: Catalogue, tmp_path: Path) -> None:
    large = bytes(2**22)
    entries = tuple(replace(entry, thumbnail=large) for entry in catalogue.entries[:256])
    path = replace(catalogue, entries=entries, codes=catalogue.codes[:256]).save(tmp_path / "photos.lance")
    assert catalogue_bytes(path) < 2**23  # equal values are kept once
    tracemalloc.start()
    with pytest.raises(FileError, match=r"photos\.lance is damaged, or was not saved by saccade"):
        Catalogue.load(path)
    assert tracemalloc.get_traced_memory()[1] < 2**22  # no photo became bytes of Python's
    tracemalloc.stop()


def changed(catalogue: Catalogue, path: Path, change: str) -> None:
    """Write a table that is whole, and no catalogue as saccade writes one."""
    table = lance.dataset(str(catalogue.save(path))).to_table()
    about = json.loads(table.schema.metadata[b"saccade"])
    if change == "none":
        table = table.slice(0, 0)
    elif change == "kind":
        about["kind"] = "map"
    elif change == "layout":
        about["layout"] = 2
    elif change == "shape":
        about["shape"] = [4, 3, 4]
    elif change == "column":
        table = table.drop_columns(["thumbnail"])
    elif change == "infinite":
        codes = table["code"].combine_chunks()
        numbers = codes.flatten().to_numpy().copy()
        numbers[7] = np.inf
        table = table.set_column(2, table.schema.field("code"), type(codes).from_arrays(numbers, type=codes.type))
    metadata = None if change == "facts" else {b"saccade": json.dumps(about).encode()}
    shutil.rmtree(path)
    lance.write_dataset(table.replace_schema_metadata(metadata), str(path))


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ("facts", "no catalogue"), ("kind", "no catalogue"), ("layout", "no catalogue"), ("shape", "damaged"),
        ("column", "damaged"), ("infinite", "damaged"), ("none", "damaged"),
    ],
)  # fmt: skip
def test_a_table_of_something_else_is_refused_and_not_replaced(
    catalogue: Catalogue, tmp_path: Path, change: str, text: str
) -> None:
    path = tmp_path / "photos.lance"
    changed(catalogue, path, change)
    with pytest.raises(FileError, match=text) as raised:
        Catalogue.load(path)
    assert "\n" not in str(raised.value)
    before = sorted(path.rglob("*"))
    with pytest.raises(FileError, match="is no catalogue that saccade wrote; remove it"):
        catalogue.save(path)
    assert sorted(path.rglob("*")) == before


def test_the_changes_of_the_test_before_are_what_is_refused(catalogue: Catalogue, tmp_path: Path) -> None:
    changed(catalogue, tmp_path / "photos.lance", "nothing")
    same(Catalogue.load(tmp_path / "photos.lance"), catalogue)


def test_what_is_not_there_or_no_folder_is_refused(catalogue: Catalogue, tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"no file .*photos\.lance"):
        Catalogue.load(tmp_path / "photos.lance")
    (tmp_path / "photos.lance").write_text("text")
    with pytest.raises(FileError, match="is a file"):
        Catalogue.load(tmp_path / "photos.lance")
    with pytest.raises(FileError, match="is no folder"):
        catalogue.save(tmp_path / "photos.lance")
    with pytest.raises(FileError, match="create it first"):
        catalogue.save(tmp_path / "nowhere" / "photos.lance")
    with pytest.raises(InputError, match=r"\.npz or \.lance"):
        catalogue.save(tmp_path / "photos.png")


@pytest.mark.parametrize("error", [FileError("a part is damaged"), Cancelled("stop"), ValueError("ours"), OSError(5)])
@pytest.mark.parametrize("replaces", [False, True])
def test_whatever_ends_the_writing_leaves_what_was_there(
    catalogue: Catalogue, tmp_path: Path, error: Exception, replaces: bool
) -> None:
    path = tmp_path / "photos.lance"
    if replaces:
        catalogue.save(path)

    def pieces() -> Iterator[Any]:
        yield catalogue.codes[:300]
        raise error

    facts = CatalogueFacts(catalogue.folder, catalogue.image_size, catalogue.origin, catalogue.skipped)
    with pytest.raises(type(error)) as raised:
        write_catalogue(path, catalogue.entries, pieces(), catalogue.codes.shape[1:], facts)
    assert raised.value is error or isinstance(error, OSError)
    assert listing(tmp_path) == (["photos.lance"] if replaces else [])
    if replaces:
        same(Catalogue.load(path), catalogue)


class PanicException(BaseException):  # as those of libraries in Rust, by name and base
    pass


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (OSError("LanceError(IO): No space (os error 28), /home/builder/io.rs:1"), "the disk is full; free some space"),
        (OSError(30, "Read-only file system"), "the file system can only be read"),
        (
            ValueError("LanceError(Schema): no such type, /home/builder/io.rs:1"),
            r"written: LanceError\(Schema\): no such type\.$",
        ),
        (PanicException("index out of range"), "cannot be written: index out of range"),
    ],
    ids=["full", "system", "lance", "panic"],
)
def test_what_lance_says_is_said_in_one_line(
    catalogue: Catalogue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException, text: str
) -> None:
    def failing(reader: Any, part: str) -> None:
        Path(part).mkdir()
        raise error

    monkeypatch.setattr(lance, "write_dataset", failing)
    with pytest.raises(FileError, match=text):
        catalogue.save(tmp_path / "photos.lance")
    assert listing(tmp_path) == []


@pytest.mark.parametrize(
    ("error", "text"),
    [(PermissionError(13, "Permission denied"), "cannot be read: Permission denied"), (PanicException(), "is damaged")],
)
def test_a_table_that_cannot_be_read_is_refused(
    catalogue: Catalogue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException, text: str
) -> None:
    def failing(path: str) -> None:
        raise error

    path = catalogue.save(tmp_path / "photos.lance")
    monkeypatch.setattr(lance, "dataset", failing)
    with pytest.raises(FileError, match=text):
        Catalogue.load(path)


def test_without_the_package_it_is_refused_before_the_work(
    catalogue: Catalogue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = catalogue.save(tmp_path / "photos.lance")
    monkeypatch.setitem(sys.modules, "lance", None)
    for work in (lambda: catalogue.save(path), lambda: Catalogue.load(path)):
        with pytest.raises(MissingPackage, match=r"pip install 'saccade\[lance\]'"):
            work()


# With an encoder


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with a module of a network, and photos of which one is broken."""
    (tmp_path / "mine.py").write_text(NUMPY_FACTORY)
    (tmp_path / "photos").mkdir()
    for index in range(PHOTOS):
        cut = (data.chelsea(), data.coffee())[index % 2][10 * index : 10 * index + 90, 12 * index : 12 * index + 120]
        Image.fromarray(cut).save(tmp_path / "photos" / f"{index:02}.png")
    (tmp_path / "photos" / "text.png").write_text("no photo")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "mine", raising=False)
    return tmp_path


@pytest.fixture
def encoder(folder: Path) -> saccade.Encoder:
    return saccade.load("mine:made")


def test_a_search_finds_the_same(encoder: saccade.Encoder, folder: Path) -> None:
    catalogue = catalogue_of(encoder, folder / "photos")
    opened = Catalogue.load(write_index(encoder, folder / "photos", folder / "photos.lance"))
    same(opened, catalogue)
    for sought in ({}, {"region": (10, 10, 60, 60)}):
        one, other = (
            search(encoder, where, folder / "photos" / "03.png", count=5, **sought) for where in (catalogue, opened)
        )
        assert one.to_dict() == other.to_dict()


def test_it_goes_on_after_a_stop_and_encodes_only_what_is_new(
    encoder: saccade.Encoder, folder: Path, monkeypatch: pytest.MonkeyPatch, encoded: list[int]
) -> None:
    monkeypatch.setattr(indexing, "BATCH", 2)
    monkeypatch.setattr(indexing, "PART", 4)
    before = listing(folder)
    with pytest.raises(Cancelled):
        write_index(encoder, folder / "photos", folder / "photos.lance", stop=lambda: sum(encoded) >= 6)
    assert listing(folder) == sorted([".photos.lance.unfinished", *before])
    path = write_index(encoder, folder / "photos", folder / "photos.lance")
    assert sum(encoded) == PHOTOS
    Image.fromarray(data.astronaut()).save(folder / "photos" / "new.png")
    (folder / "photos" / "00.png").unlink()
    write_index(encoder, folder / "photos", path)
    assert sum(encoded) == PHOTOS + 1
    assert listing(folder) == sorted(["photos.lance", *before])
    same(Catalogue.load(path), catalogue_of(encoder, folder / "photos"))


def test_every_command_takes_it(run: Run, folder: Path) -> None:
    for words in (
        ("index", "mine:made", "photos", "-o", "photos.lance"),
        ("search", "mine:made", "photos.lance", "photos/03.png", "-o", "near.png", "--no-why"),
        ("atlas", "mine:made", "photos.lance", "-o", "atlas.png"),
        ("report", "mine:made", "photos/03.png", "--collection", "photos.lance", "-m", "occlusion", "--no-live"),
    ):
        status, _, err = run(*words)
        assert status == 0, err
    assert {"near.png", "atlas.png", "report.html", "photos.lance"} <= set(listing(folder))


@pytest.mark.parametrize("installed", [True, False])
@pytest.mark.parametrize(
    "words",
    [
        ("index", "mine:made", "photos", "-o", "other.lance"),
        ("search", "mine:made", "other.lance", "photos/03.png"),
        ("atlas", "mine:made", "other.lance"),
        ("report", "mine:made", "photos/03.png", "--collection", "other.lance"),
        ("serve", "mine:made", "other.lance"),
    ],
    ids=lambda words: words[0],
)
def test_it_is_refused_before_the_model_is_opened(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], installed: bool
) -> None:
    def load(*_: Any, **__: Any) -> None:
        raise AssertionError("the model was opened")

    monkeypatch.setattr("saccade.loading.load", load)
    (folder / "other.lance").mkdir()
    if installed:
        refused(run(*words), "other.lance")
    else:
        monkeypatch.setitem(sys.modules, "lance", None)
        refused(run(*words), "pylance is not installed", "saccade[lance]")


# Folders that are whole or not there


def test_a_folder_comes_back_after_a_kill_between_the_two_renames(tmp_path: Path) -> None:
    goal = tmp_path / "photos"
    goal.mkdir()
    (goal / "old").touch()
    goal.rename(tmp_path / ".photos.replaced")
    atomic_files.check_folder_writable(goal)
    assert listing(tmp_path) == ["photos"]
    assert listing(goal) == ["old"]


def test_a_folder_that_cannot_take_its_place_leaves_the_earlier_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    goal = tmp_path / "photos"
    goal.mkdir()
    (goal / "old").touch()
    rename = Path.rename

    def failing(path: Path, other: Path) -> Path:
        if path.name == "folder":
            raise OSError(5, "Input/output error")
        return rename(path, other)

    monkeypatch.setattr(Path, "rename", failing)
    with pytest.raises(FileError, match="Input/output error"), atomic_files.atomic_folder(goal) as part:
        part.mkdir()
    assert listing(tmp_path) == ["photos"]
    assert listing(goal) == ["old"]


def test_a_link_is_replaced_and_not_what_it_names(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "old").touch()
    (tmp_path / "photos").symlink_to("there")
    with atomic_files.atomic_folder(tmp_path / "photos") as part:
        part.mkdir()
        (part / "new").touch()
    assert listing(tmp_path) == ["photos", "there"]
    assert listing(tmp_path / "photos") == ["new"]
    assert listing(tmp_path / "there") == ["old"]
