"""Files: whole or absent, with their settings inside."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from saccade.errors import FileError
from saccade.picture.files import png_bytes, read_metadata, save_picture

PICTURE = Image.fromarray(np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8))
SETTINGS = {
    "method": "occlusion",
    "layer": "encoded",
    "note": "14 \u00d7 14 grid, \u65e5\u672c",
    "patch": "16",
}


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.JPEG", "a.webp"])
def test_settings_survive(tmp_path: Path, name: str) -> None:
    path = save_picture(PICTURE, tmp_path / name, SETTINGS)
    assert read_metadata(path) == SETTINGS
    with Image.open(path) as image:
        assert image.size == PICTURE.size
    assert os.listdir(tmp_path) == [name]  # noqa: PTH208


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(
        st.text(st.characters(min_codepoint=97, max_codepoint=122), min_size=1, max_size=20),
        st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=50),
        max_size=5,
    )
)
def test_any_settings_survive_in_png(tmp_path: Path, metadata: dict[str, str]) -> None:
    assert read_metadata(save_picture(PICTURE, tmp_path / "x.png", metadata)) == metadata


def test_bytes_are_those_of_the_file(tmp_path: Path) -> None:
    assert png_bytes(PICTURE, SETTINGS) == save_picture(PICTURE, tmp_path / "a.png", SETTINGS).read_bytes()


def test_png_pixels_are_exact_and_equal_pictures_give_equal_files(tmp_path: Path) -> None:
    one, two = (save_picture(PICTURE, tmp_path / name, SETTINGS) for name in ("a.png", "b.png"))
    with Image.open(one) as image:
        assert np.array_equal(np.asarray(image), np.asarray(PICTURE))
    assert one.read_bytes() == two.read_bytes()


def test_new_files_get_the_usual_permissions(tmp_path: Path) -> None:
    usual = tmp_path / "usual"
    usual.touch()
    assert save_picture(PICTURE, tmp_path / "a.png").stat().st_mode == usual.stat().st_mode


def test_failure_leaves_no_half_written_file_and_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save_picture(PICTURE, tmp_path / "a.png", SETTINGS)
    before = path.read_bytes()

    def full_disk(self: Path, content: bytes) -> None:
        with self.open("wb") as file:
            file.write(content[:20])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full_disk)
    with pytest.raises(FileError, match=r"a\.png cannot be written: the disk is full; free some space"):
        save_picture(PICTURE, path)
    assert path.read_bytes() == before
    assert [item.name for item in tmp_path.iterdir()] == ["a.png"]


def test_places_that_cannot_be_written_are_named(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"a\.png cannot be written: the folder .*missing does not exist; create it"):
        save_picture(PICTURE, tmp_path / "missing" / "a.png")
    with pytest.raises(FileError, match=r"'a\.gif'; the name must end in \.png, \.jpg, \.jpeg, \.webp"):
        save_picture(PICTURE, tmp_path / "a.gif")
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(FileError, match="is a folder; name a file in it"):
        save_picture(PICTURE, tmp_path / "folder.png")
    with pytest.raises(FileError, match=r"20,000 x 2 pixels, and a WEBP at most 16,383 a side; save it as \.png"):
        save_picture(Image.new("RGB", (20000, 2)), tmp_path / "wide.webp")
    with pytest.raises(FileError, match="short and ASCII"):
        save_picture(PICTURE, tmp_path / "b.png", {"x" * 90: "1"})
    assert [item.name for item in tmp_path.iterdir()] == ["folder.png"]


def test_unreadable_files_are_named_and_foreign_ones_are_empty(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="No such file"):
        read_metadata(tmp_path / "none.png")
    (tmp_path / "text.png").write_text("no picture")
    with pytest.raises(FileError, match="not a complete image"):
        read_metadata(tmp_path / "text.png")
    PICTURE.save(tmp_path / "foreign.png")
    PICTURE.save(tmp_path / "foreign.jpg")
    assert read_metadata(tmp_path / "foreign.png") == read_metadata(tmp_path / "foreign.jpg") == {}
