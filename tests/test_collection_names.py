"""Names of pages: different for all photos, short enough for every file system."""

from __future__ import annotations

import os
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from saccade.collection.names import LONGEST_PHOTO, page_names, shorten, slug


def test_photos_of_one_name_are_told_apart(tmp_path: Path) -> None:
    photos = [tmp_path / name for name in ("a/cat.jpg", "b/cat.jpg", "b/Cat.png", "dog.png", "contact-sheet.png")]
    names = page_names(photos, reserved=["contact-sheet"])
    assert len({name.casefold() for name in names.values()} | {"contact-sheet"}) == len(photos) + 1
    assert names[photos[0]] == "a-cat"
    assert names[photos[3]] == "dog"
    assert page_names(photos, reserved=["contact-sheet"]) == names


def test_names_stay_apart_however_many_there_are(tmp_path: Path) -> None:
    photos = [tmp_path / f"{folder}/x{ending}" for folder in ("a", "a/a", "a-a", "b") for ending in (".jpg", ".png")]
    photos += [tmp_path / "a-x.jpg", tmp_path / "x-jpg.jpg"]
    names = page_names(photos)
    assert len(set(names.values())) == len(photos)
    assert not any("/" in name for name in names.values())


def test_long_names_are_shortened_and_stay_apart(tmp_path: Path) -> None:
    stems = ["x" * 251, "x" * 250 + "y", "ж" * 125, "ж" * 124 + "з", "short"]
    names = page_names([tmp_path / f"{stem}.jpg" for stem in stems])
    assert len(set(names.values())) == len(stems)
    assert all(len(os.fsencode(name)) <= LONGEST_PHOTO for name in names.values())
    assert names[tmp_path / "short.jpg"] == "short"
    assert all(name[:20] == stem[:20] for name, stem in zip(names.values(), stems, strict=True))


def test_ten_thousand_photos_are_named_in_a_moment(tmp_path: Path) -> None:
    # Compared pair by pair this would be 10**8 steps: the time limit of the tests is the judge.
    photos = [tmp_path / f"{number % 100}" / f"{number // 2}.jpg" for number in range(10_000)]
    assert len(set(page_names(photos).values())) == len(photos)


@given(st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1), st.integers(20, 60))
def test_a_shortened_name_fits_and_keeps_its_beginning(name: str, longest: int) -> None:
    short = shorten(name, longest)
    assert len(os.fsencode(short)) <= longest
    assert short == name or name.startswith(short[:-9])
    assert shorten(short, longest) == short


def test_a_name_that_is_no_utf8_can_be_shortened() -> None:
    name = os.fsdecode(b"\xff\xfe" * 60)
    assert len(os.fsencode(shorten(name, 40))) <= 40


def test_a_slug_can_stand_in_a_file_name() -> None:
    assert slug("toward:a b.jpg,than=c") == "toward-a-b-jpg-than-c"
    assert slug("///") == "x"
