"""Attributions: raw numbers, their way onto the photo, pictures that say how they were made, files that come back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nets
import numpy as np
import pytest
from PIL import Image

import saccade
from saccade.errors import FileError, InputError
from saccade.picture import read_metadata
from saccade.results import Attribution, methods_sheets


@pytest.fixture(scope="module")
def encoder() -> saccade.Encoder:
    return saccade.Encoder(nets.free_size(), size=(32, 48))


@pytest.fixture(scope="module")
def photos() -> list[Any]:
    random = np.random.default_rng(0)
    return [random.integers(0, 255, (120, 200, 3), dtype=np.uint8) for _ in range(3)]


@pytest.fixture(scope="module")
def look(encoder: saccade.Encoder, photos: list[Any]) -> Attribution:
    return saccade.explain(encoder, photos, "occlusion", "code")


def test_maps_are_raw_floats_with_units(look: Attribution) -> None:
    assert look.heatmap.dtype == np.float32
    assert look.heatmap.shape == (3, 32, 48)
    assert look.units == "squared change of the code (share of its square) when this is covered"
    assert look.heatmap.min() >= 0
    with pytest.raises(ValueError, match="read-only"):
        look.values[0] = 0


def test_a_map_lands_on_the_original_photo(look: Attribution) -> None:
    placed = look.on_photo(1)
    assert placed.shape == (120, 200)
    assert placed.min() >= look.values[1].min() - 1e-7
    assert placed.max() <= look.values[1].max() + 1e-7
    row, column = np.unravel_index(look.heatmap[1].argmax(), (32, 48))
    peak = np.unravel_index(placed.argmax(), placed.shape)
    assert abs(peak[0] / 120 - (row + 0.5) / 32) < 0.05
    assert abs(peak[1] / 200 - (column + 0.5) / 48) < 0.05


def test_overlays_are_as_large_as_the_photo(look: Attribution) -> None:
    assert [picture.size for picture in look.overlay(least=0)] == [(200, 120)] * 3
    assert look.overlay()[0].size[0] == 900
    with pytest.raises(InputError, match="scale='most'"):
        look.overlay(scale="most")


def test_one_scale_for_all_makes_pictures_comparable(look: Attribution) -> None:
    assert look.scale().high == pytest.approx(look.values.max())
    assert look.scale(2).high == pytest.approx(look.values[2].max())
    assert look.scale().shared == "all photos"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_pages_are_drawn_and_shown_by_notebooks(look: Attribution, theme: str) -> None:
    assert min(look.figure(1, theme=theme).size) > 400
    assert min(look.sheet(theme=theme, scale="all").size) > 400
    assert look._repr_png_().startswith(b"\x89PNG")
    assert look[0]._repr_png_().startswith(b"\x89PNG")


def test_settings_travel_in_the_picture(look: Attribution, tmp_path: Path) -> None:
    written = read_metadata(look[0].save(tmp_path / "one.png"))
    assert written["method"] == "occlusion"
    assert written["layer"] == "encoded"
    assert "patch=[4, 4]" in written["settings"]
    assert "filled with the image's own blur" in written["notes"]


def test_numbers_come_back_from_a_file(look: Attribution, tmp_path: Path) -> None:
    again = Attribution.load(look.save(tmp_path / "look.npz"))
    np.testing.assert_array_equal(again.values, look.values)
    np.testing.assert_array_equal(again.raw, look.raw)
    np.testing.assert_array_equal(again.images.array, look.images.array)
    assert again.metadata() == look.metadata()
    assert again.images.names == look.images.names
    np.testing.assert_array_equal(again.scores["score"], look.scores["score"])
    (tmp_path / "broken.npz").write_bytes(b"nothing")
    with pytest.raises(FileError, match="not saved by saccade"):
        Attribution.load(tmp_path / "broken.npz")


@pytest.mark.parametrize(
    ("method", "settings", "grid"),
    [
        ("occlusion", {"patch": 8, "stride": 8}, (4, 6)),
        ("sobol", {"designs": 4, "cells": 4}, (4, 6)),
        ("relax", {"masks": 16, "repeats": 2}, (32, 48)),
        ("extremal_perturbation", {"iterations": 1, "areas": (0.1, 0.2, 0.3)}, (32, 48)),
        ("activation_energy", {}, (8, 12)),
    ],
)
def test_a_page_names_the_grid_that_was_computed(
    encoder: saccade.Encoder, photos: list[Any], method: str, settings: dict[str, Any], grid: tuple[int, int]
) -> None:
    look = saccade.explain(encoder, photos[0], method, **settings)
    assert look.grid == grid
    assert f"real grid {grid[1]}x{grid[0]}" in look._small_print(True)[1]


def test_nothing_is_left_where_saving_failed(look: Attribution, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for ending in ("png", "npz"):
        with pytest.raises(FileError):
            look.save(tmp_path / "file" / f"look.{ending}")
        with pytest.raises(FileError):
            look.save(tmp_path / "missing" / f"look.{ending}")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_part_of_a_result_is_a_result(look: Attribution) -> None:
    part = look[1:]
    assert len(part) == 2
    assert part.images.names == look.images.names[1:]
    np.testing.assert_array_equal(part.scores["score"], look.scores["score"][1:])
    assert len(look[-1]) == 1
    np.testing.assert_array_equal(look[-1].values[0], look.values[2])


def test_methods_side_by_side_need_the_same_images(encoder: saccade.Encoder, photos: list[Any]) -> None:
    attributions = [saccade.explain(encoder, photos, method) for method in ("occlusion", "saliency")]
    (sheet,) = methods_sheets(attributions)
    assert isinstance(sheet, Image.Image)
    with pytest.raises(InputError, match="different images"):
        methods_sheets([attributions[0], attributions[1][:1]])


def test_progress_and_stop_belong_to_the_call(encoder: saccade.Encoder, photos: list[Any]) -> None:
    progress: list[tuple[int, int]] = []
    saccade.explain(encoder, photos, progress=lambda done, total: progress.append((done, total)))
    assert progress
    assert progress[-1][0] == progress[-1][1]
    with pytest.raises(saccade.errors.Cancelled):
        saccade.explain(encoder, photos, stop=lambda: True)
