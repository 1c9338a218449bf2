"""Maps back onto the photo. Oracle: textbook interpolation."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pictures import FITS, SIDES
from PIL import Image

from saccade.errors import ImageError
from saccade.images import ImageRecipe, Placement, read_photo


def textbook(grid, placement, outside):
    """Bilinear by the book, one pixel at a time."""
    height, width = placement.original
    left, top, right, bottom = placement.box
    rows, columns = grid.shape
    result = np.full((height, width), outside, np.float64)
    for y in range(height):
        for x in range(width):
            if not (left <= x + 0.5 <= right and top <= y + 0.5 <= bottom):
                continue
            v = min(max((y + 0.5 - top) / (bottom - top) * rows - 0.5, 0), rows - 1)
            u = min(max((x + 0.5 - left) / (right - left) * columns - 0.5, 0), columns - 1)
            v0, u0 = int(v), int(u)
            v1, u1 = min(v0 + 1, rows - 1), min(u0 + 1, columns - 1)
            upper = grid[v0, u0] * (1 - u + u0) + grid[v0, u1] * (u - u0)
            lower = grid[v1, u0] * (1 - u + u0) + grid[v1, u1] * (u - u0)
            result[y, x] = upper * (1 - v + v0) + lower * (v - v0)
    return result


BOXES = [(0, 0, 23, 17), (3, 0, 20, 17), (2.5, 1.25, 20.1, 16.9), (-4, -7.5, 27, 24.5), (11, 8, 12, 9)]


@pytest.mark.parametrize("box", BOXES)
@pytest.mark.parametrize("cells", [(1, 1), (2, 3), (8, 8)])
def test_onto_original_is_textbook_bilinear(box, cells):
    placement = Placement((17, 23), (64, 64), box)
    if cells[1] > box[2] - box[0]:
        return  # the original is the coarser one: see the next test but one
    grid = np.random.default_rng(0).normal(size=cells).astype(np.float32)
    np.testing.assert_allclose(placement.onto_original(grid, outside=-9.0), textbook(grid, placement, -9.0), atol=2e-6)


@pytest.mark.parametrize("box", BOXES)
def test_the_true_grid_is_one_value_per_cell(box):
    placement = Placement((17, 23), (64, 64), box)
    grid = np.arange(12, dtype=np.float32).reshape(3, 4)
    out = placement.onto_original(grid, smooth=False, outside=np.nan)
    left, top, right, bottom = box
    for y in range(17):
        for x in range(23):
            row, column = (y + 0.5 - top) / (bottom - top) * 3, (x + 0.5 - left) / (right - left) * 4
            if 0 <= row <= 3 and 0 <= column <= 4:
                assert out[y, x] == grid[min(int(row), 2), min(int(column), 3)]
            else:
                assert np.isnan(out[y, x])


def test_a_finer_grid_is_averaged_as_pillow_does():
    grid = np.random.default_rng(1).normal(size=(64, 50)).astype(np.float32)
    out = Placement((16, 23), (64, 50), (0, 0, 23, 16)).onto_original(grid)
    oracle = np.asarray(Image.fromarray(grid).resize((23, 16), Image.Resampling.BILINEAR))
    np.testing.assert_allclose(out, oracle, atol=1e-5)
    spike = np.zeros((64, 64), np.float32)
    spike[21, 42] = 1.0
    assert Placement((8, 8), (64, 64), (0, 0, 8, 8)).onto_original(spike).max() > 0


@settings(max_examples=150, deadline=None)
@given(SIDES, SIDES, SIDES, SIDES, FITS, st.integers(0, 2**31))
def test_the_way_back_invents_nothing(height, width, rows, columns, fit, seed):
    photo = np.zeros((height, width), np.uint8)
    placement = read_photo(photo, ImageRecipe(rows, columns, 1, fit=fit)).photos[0].placement
    rng = np.random.default_rng(seed)
    grid = rng.normal(size=(int(rng.integers(1, rows + 1)), int(rng.integers(1, columns + 1)), 2)).astype(np.float32)
    outside = float(grid.min())
    for smooth in (True, False):
        out = placement.onto_original(grid, smooth=smooth, outside=outside)
        assert out.shape == (height, width, 2)
        assert out.dtype == np.float32
        assert out.min() >= grid.min()
        assert out.max() <= grid.max()
        constant = placement.onto_original(np.full(grid.shape[:2], 0.1, np.float32), smooth=smooth, outside=0.1)
        assert (constant == np.float32(0.1)).all()
        np.testing.assert_allclose(
            out[..., 1], placement.onto_original(grid[..., 1], smooth=smooth, outside=outside), atol=1e-6
        )


@settings(max_examples=150, deadline=None)
@given(st.integers(12, 60), st.integers(12, 60), st.integers(12, 60), st.integers(12, 60), FITS)
def test_a_ramp_survives_the_round_trip(height, width, rows, columns, fit):
    across, down = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    for ramp in (across / width, down / height):
        images = read_photo(ramp, ImageRecipe(rows, columns, 1, fit=fit))
        placement = images.photos[0].placement
        back = placement.onto_original(images.array[0, ..., 0], outside=np.nan)
        left, top, right, bottom = placement.box
        x, y = max(1.0, (right - left) / columns), max(1.0, (bottom - top) / rows)
        # Three cells (or pixels) from the edge of what is seen, filters and held edges have faded.
        inner = (across > max(left, 0) + 3 * x) & (across < min(right, width) - 3 * x)
        inner &= (down > max(top, 0) + 3 * y) & (down < min(bottom, height) - 3 * y)
        assert np.abs(back - ramp)[inner].max(initial=0) < 0.1 * max(x / width, y / height) + 1e-5


def test_the_way_back_finds_the_spot(cat):
    for fit in ("stretch", "cover", "contain"):
        dark = np.zeros((300, 451), np.uint8)
        dark[140:160, 250:270] = 255
        images = read_photo(dark, ImageRecipe(96, 96, 1, fit=fit, background=(0, 0, 0)))
        back = images.photos[0].placement.onto_original(images.array[0, ..., 0])
        weight = back.sum()
        centre = (back.sum(1) @ np.arange(300) / weight, back.sum(0) @ np.arange(451) / weight)
        np.testing.assert_allclose(centre, (149.5, 259.5), atol=0.25)  # a cell has 3 to 5 pixels


def test_the_way_back_is_fast():
    placement = Placement((3000, 4000), (224, 224), (0, 0, 4000, 3000))
    grid = np.random.default_rng(0).random((224, 224)).astype(np.float32)
    seconds = []
    for _ in range(5):
        start = time.perf_counter()
        placement.onto_original(grid)
        seconds.append(time.perf_counter() - start)
    assert min(seconds) < 0.5


@pytest.mark.parametrize("shape", [(4,), (2, 4, 4, 1), (0, 4)])
def test_the_way_back_takes_one_image(shape):
    with pytest.raises(ImageError, match=r"give \(rows, columns\) or \(rows, columns, channels\) of one image"):
        Placement((8, 8), (4, 4), (0, 0, 8, 8)).onto_original(np.zeros(shape, np.float32))
