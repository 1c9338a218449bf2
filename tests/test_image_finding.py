"""Finding photos in folders and by globs."""

from __future__ import annotations

import os

import pytest

from saccade.errors import FileError, SaccadeWarning
from saccade.images import EXTENSIONS, find


@pytest.fixture
def album(tmp_path):
    for name in (
        "b.jpg",
        "a.PNG",
        "notes.txt",
        ".hidden.jpg",
        "sub/c.webp",
        ".secret/d.jpg",
        "sub/deep/e.npy",
    ):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_bytes(b"x")
    return tmp_path


def names(paths, folder):
    return [path.relative_to(folder).as_posix() for path in paths]


def test_find_looks_into_folders(album):
    assert names(find([album]), album) == ["a.PNG", "b.jpg", "sub/c.webp", "sub/deep/e.npy"]
    assert names(find(album, recursive=False), album) == ["a.PNG", "b.jpg"]
    assert names(find(str(album / "sub")), album) == ["sub/c.webp", "sub/deep/e.npy"]


def test_find_keeps_the_order_given_and_each_file_once(album):
    paths = find([album / "b.jpg", str(album), album / "sub" / ".." / "b.jpg"])
    assert names(paths, album) == ["b.jpg", "a.PNG", "sub/c.webp", "sub/deep/e.npy"]
    assert find([]) == []


def test_find_takes_a_named_file_whatever_it_is_called(album):
    assert names(find([album / "notes.txt", album / ".hidden.jpg"]), album) == ["notes.txt", ".hidden.jpg"]


def test_find_understands_globs(album):
    assert names(find([str(album / "*")]), album) == ["a.PNG", "b.jpg"]
    assert names(find([str(album / "**" / "*.webp")]), album) == ["sub/c.webp"]
    odd = album / "x[1].jpg"
    odd.write_bytes(b"x")
    assert find([odd]) == [odd]


def test_find_says_what_matched_nothing(album):
    with pytest.raises(FileError, match=r"no file .*c\.jpg; the nearest there is 'b\.jpg'\."):
        find([album, album / "c.jpg"])
    with pytest.raises(FileError, match=r"no photos match .*\*\.tif; looked for JPEG"):
        find([str(album / "*.tif")])
    empty = album / "empty" / "deeper"
    empty.mkdir(parents=True)
    (empty / "f.png").write_bytes(b"x")
    with pytest.raises(FileError, match=r"no photos in the folder .*empty, not looking into the folders in it; looked"):
        find([album / "empty"], recursive=False)


def test_find_follows_links_and_does_not_walk_in_circles(album):
    (album / "sub" / "up").symlink_to("..")
    elsewhere = album.with_name("elsewhere")
    elsewhere.mkdir()
    (elsewhere / "z.png").write_bytes(b"x")
    (album / "linked").symlink_to(elsewhere)
    assert names(find([album]), album) == ["a.PNG", "b.jpg", "linked/z.png", "sub/c.webp", "sub/deep/e.npy"]


def test_find_says_which_photos_are_left_out(album):
    for name in ("x.heic", "sub/y.HEIC", "z.cr2"):
        (album / name).write_bytes(b"x")
    with pytest.warns(
        SaccadeWarning, match=r"that cannot be read here are left out \(1 \.cr2, 2 \.heic\); save them as"
    ):
        assert len(find(album)) == 4


def test_find_says_that_a_folder_may_not_be_read(album, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(FileError, match=r"cannot be read: Permission denied\."):
        find(album)


def test_extensions_are_lower_case_with_a_dot():
    assert {".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp", ".gif", ".npy"} <= EXTENSIONS
    assert all(ending == ending.lower() and ending.startswith(".") for ending in EXTENSIONS)
