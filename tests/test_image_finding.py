"""Finding photos in folders and by globs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from commands import small_autoencoder
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from skimage import data

import saccade
from saccade.errors import FileError, SaccadeWarning
from saccade.images import EXTENSIONS, find, heif
from saccade.images.own_pages import is_own_page
from saccade.picture import save_picture


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
    with pytest.warns(SaccadeWarning, match=r"sub/\.\./b\.jpg: named more than once, and taken once"):
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
    with pytest.raises(FileError, match=r"no file .*c\.jpg\."):  # one letter that is another is no slip
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


def test_find_follows_the_way_to_a_folder_once(tmp_path, monkeypatch):
    """In a folder of a hundred thousand files every look at the disk counts."""
    (tmp_path / "inside").mkdir()
    for number in range(50):
        (tmp_path / "inside" / f"{number}.png").write_bytes(b"x")
    (tmp_path / "linked.png").symlink_to("inside/7.png")
    followed = []
    resolve = Path.resolve
    monkeypatch.setattr(Path, "resolve", lambda path: followed.append(path) or resolve(path))
    assert len(find([tmp_path])) == 50
    assert len(followed) <= 6


def test_find_says_which_photos_are_left_out(album, monkeypatch):
    monkeypatch.setattr(heif, "is_readable", lambda: False)
    for name in ("x.heic", "sub/y.HEIC", "z.cr2"):
        (album / name).write_bytes(b"x")
    with pytest.warns(
        SaccadeWarning,
        match=r"left out \(1 \.cr2, 2 \.heic\); save them as .*saccade\[heic\]",
    ):
        assert len(find(album)) == 4


@pytest.mark.parametrize("ending", ["png", "jpg", "webp"])
def test_find_leaves_out_the_pages_that_saccade_wrote(tmp_path, ending):
    photo = Image.fromarray(data.chelsea()[::4, ::4])
    # As cameras and other programs write them, with texts and Exif of their own.
    exif = Image.Exif()
    exif[0x010E] = "my cat, saccade: no"
    info = PngInfo()
    info.add_text("Comment", "saccade: the jump of an eye")
    photo.save(tmp_path / f"photo.{ending}", exif=exif, **({"pnginfo": info} if ending == "png" else {}))
    (tmp_path / "sub").mkdir()
    page = save_picture(photo, tmp_path / "sub" / f"page.{ending}", {"method": "saliency", "notes": "x" * 10_000})
    assert is_own_page(page)
    assert not is_own_page(tmp_path / f"photo.{ending}")
    for patterns in ([tmp_path], [f"{tmp_path}/**/*.{ending}"], [tmp_path / f"photo.{ending}", page]):
        with pytest.warns(SaccadeWarning, match=r"^1 page that saccade wrote is left out; it is no photo\.$"):
            assert find(patterns) == [tmp_path / f"photo.{ending}"]
    # Who names only pages means them; a folder of pages is a mistake.
    assert find([page]) == [page]
    with pytest.raises(FileError, match="only pages that saccade wrote, and no photos"):
        find([page.parent])


def test_every_kind_of_page_is_known(tmp_path):
    encoder = saccade.Encoder(small_autoencoder())
    cat, cup = (encoder.read(photo) for photo in (data.chelsea(), data.coffee()))
    saccade.explain(encoder, cat, "saliency").save(tmp_path / "a.png")
    saccade.compare(encoder, cat, cup).save(tmp_path / "b.jpg")
    saccade.feature_maps(encoder, cat).save_sheets(tmp_path / "c")
    saccade.cells(encoder, cat).save(tmp_path / "d.png")
    pages = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(pages) > 5
    assert [path.name for path in pages if not is_own_page(path)] == []


@settings(max_examples=200)
@given(st.sampled_from([b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe1", b"RIFF\0\0\0\0WEBP"]), st.binary(max_size=200))
def test_damaged_files_are_no_pages_and_no_error(tmp_path_factory, start, rest):
    path = tmp_path_factory.getbasetemp() / "damaged.png"
    path.write_bytes(start + rest)
    assert not is_own_page(path)


def test_find_says_that_a_folder_may_not_be_read(album, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(FileError, match=r"cannot be read: Permission denied\."):
        find(album)


def test_extensions_are_lower_case_with_a_dot():
    assert {".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp", ".gif", ".npy"} <= EXTENSIONS
    assert all(ending == ending.lower() and ending.startswith(".") for ending in EXTENSIONS)


def test_patterns_that_overlap_are_no_photo_named_twice(album):
    assert names(find([album / "*.jpg", album / "b*"]), album) == ["b.jpg"]
    with pytest.warns(SaccadeWarning, match="named more than once"):
        assert names(find([album / "b.jpg", album / "b.jpg"]), album) == ["b.jpg"]
