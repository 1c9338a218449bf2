"""A collection is read image by image; what cannot be used is left out by one policy and named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from saccade.errors import Cancelled, FileError, InputError
from saccade.images import ImageRecipe, Images, collection, read
from saccade.images.collection import Collection, Skipped, skipped_in_words

RECIPE = ImageRecipe(8, 8, 1)


def reader(source: Any) -> Images:
    return read(source, RECIPE)


def photo(path: Path, grey: int, size: tuple[int, int] = (8, 8)) -> Path:
    Image.new("L", size, grey).save(path)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number in range(5):
        photo(tmp_path / f"{number}.png", 51 * number)
    (tmp_path / "1.png").write_bytes(b"nothing")
    (tmp_path / "3.png").write_bytes(b"")
    return tmp_path


def test_what_cannot_be_used_is_left_out_and_named(folder: Path) -> None:
    images = Collection(folder, reader)
    assert len(images) == 5
    assert [index for index, _ in images.images()] == [0, 2, 4]
    assert [(image.name, bool(image.reason)) for image in images.skipped] == [("1.png", True), ("3.png", True)]
    (batch,) = images.batches()
    np.testing.assert_allclose(batch[:, 0, 0, 0], [0, 0.4, 0.8], atol=1e-6)
    assert len(images.skipped) == 2  # of the last reading, not of both


def test_a_file_that_goes_away_is_left_out_and_one_that_never_was_is_refused(folder: Path) -> None:
    images = Collection(folder, reader)
    (folder / "0.png").unlink()
    assert [index for index, _ in images.images()] == [2, 4]
    assert images.skipped[0].name == "0.png"
    for absent in (folder / "absent", [folder / "2.png", folder / "absent.png"]):
        with pytest.raises(FileError, match="no file"):
            Collection(absent, reader)


def test_an_order_reads_no_more_than_it_needs(folder: Path) -> None:
    images = Collection(folder, reader)
    steps = images.images([4, 1, 2, 0])
    assert [next(steps)[0], next(steps)[0]] == [4, 2]
    assert [image.name for image in images.skipped] == ["1.png"]


def test_where_nothing_can_be_used_the_first_reason_is_the_error(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"")
    (tmp_path / "b.png").write_bytes(b"x")
    images = Collection(tmp_path, reader, name="holiday")
    with pytest.raises(InputError, match=r"none of the 2 images of holiday can be used: .*a\.png is empty"):
        list(images.batches())
    with pytest.raises(InputError, match="none of the 0 images of the collection can be used"):
        list(Collection([], reader).images())


def test_batches_are_bounded_and_hold_one_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    free = ImageRecipe(None, None, 1)
    for number, size in enumerate([(8, 8), (8, 8), (9, 8), (8, 8), (8, 8), (8, 8)]):
        photo(tmp_path / f"{number}.png", 0, size)
    monkeypatch.setattr(collection, "BATCH", 2)
    progress: list[tuple[int, int]] = []
    images = Collection(tmp_path, lambda source: read(source, free))
    batches = list(images.batches(progress=lambda done, total: progress.append((done, total))))
    assert [batch.shape[:3] for batch in batches] == [(2, 8, 8), (1, 8, 9), (2, 8, 8), (1, 8, 8)]
    assert progress == [(2, 6), (3, 6), (5, 6), (6, 6)]
    monkeypatch.setattr(collection, "BATCH_BYTES", 8 * 8 * 4)
    assert [len(batch) for batch in images.batches()] == [1] * 6


def test_anything_that_stands_for_images_is_a_collection(folder: Path) -> None:
    grey = np.full((3, 8, 8, 1), 51, np.uint8)
    sources = [folder / "2.png", [grey, Image.new("L", (8, 8), 102)], reader(folder / "4.png"), grey[0]]
    (batch,) = Collection(sources, reader).batches()
    np.testing.assert_allclose(batch[:, 0, 0, 0], [0.4, 0.2, 0.2, 0.2, 0.4, 0.8, 0.2], atol=1e-6)
    (batch,) = Collection((row for row in grey), reader).batches()
    assert batch.shape == (3, 8, 8, 1)


def test_it_stops_between_images(folder: Path) -> None:
    answers = iter([False, False, True])
    images = Collection(folder, reader).images(stop=lambda: next(answers))
    assert next(images)[0] == 0
    with pytest.raises(Cancelled):
        next(images)


def test_what_was_left_out_in_words() -> None:
    few = [Skipped(f"{number}.png", "damaged") for number in range(5)]
    assert skipped_in_words([], "the photos") == ""
    assert skipped_in_words(few[:1], "the photos") == "1 of the photos cannot be used and was left out (0.png)"
    assert skipped_in_words(few, "the photos").endswith(
        "5 of the photos cannot be used and were left out (0.png, 1.png, 2.png, ...)"
    )
