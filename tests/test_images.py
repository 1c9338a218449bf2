"""Files to arrays, and maps back onto the photo. Oracles: Pillow's conversions, textbook interpolation."""

from __future__ import annotations

import contextlib
import doctest
import importlib
import io
import os
import pickle
import re
import subprocess
import sys
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps, PngImagePlugin
from skimage import data

from saccade.errors import FileError, ImageError, InputError, SaccadeWarning, UnknownName
from saccade.images import EXTENSIONS, ImageRecipe, Images, Photo, Placement, find, read, read_photo

FREE = ImageRecipe(None, None, 3)


@pytest.fixture(scope="module")
def cat():
    return data.chelsea()  # (300, 451, 3) uint8


def values(source, recipe=FREE):
    return read_photo(source, recipe).array[0]


def saved(folder, name, image, **options):
    path = folder / name
    image.save(path, **options)
    return path


# --- what a recipe says and refuses


@pytest.mark.parametrize(
    ("recipe", "text"),
    [
        (ImageRecipe(128, 128, 3), "128x128 RGB, stretched, values 0..1"),
        (
            ImageRecipe(96, 128, 1, fit="cover", value_range=(-1, 1)),
            "128 wide x 96 high grey, cropped to fill, values -1..1",
        ),
        (ImageRecipe(64, 64, 4, fit="contain"), "64x64 RGBA, padded to fit, values 0..1"),
        (
            ImageRecipe(None, None, 3, multiple=16),
            "any size up to 1024 px in steps of 16, RGB, values 0..1",
        ),
        (ImageRecipe(None, 64, 7), "64 wide, any height up to 1024 px, 7 channels, values 0..1"),
        (ImageRecipe(64, None, 3), "64 high, any width up to 1024 px, RGB, values 0..1"),
    ],
)
def test_a_recipe_describes_itself(recipe, text):
    assert recipe.describe() == text


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"height": 0}, "height=0: give a whole number, 1 or more."),
        ({"width": 2.5}, "width=2.5: give a whole number, 1 or more."),
        ({"channels": None}, "channels=None: give a whole number, 1 or more."),
        ({"multiple": -1}, "multiple=-1: give a whole number, 1 or more."),
        ({"value_range": (1, 0)}, "value_range=(1, 0): give the darkest number, then the brightest"),
        ({"value_range": (0, float("nan"))}, "give the darkest number, then the brightest"),
        ({"value_range": (0, 1, 2)}, "give the darkest number, then the brightest"),
        ({"background": (0, 0, 256)}, "background=(0, 0, 256): give red, green and blue, each 0..255."),
    ],
)
def test_a_recipe_refuses_nonsense(settings, text):
    with pytest.raises(ImageError, match=re.escape(text)):
        ImageRecipe(**{"height": 8, "width": 8, "channels": 3, **settings})


def test_a_recipe_names_the_nearest_fit():
    with pytest.raises(UnknownName, match="no fit 'stretched'; the nearest is 'stretch'"):
        ImageRecipe(8, 8, 3, fit="stretched")


def test_a_recipe_is_the_same_however_its_range_was_written():
    assert ImageRecipe(8, 8, 3, value_range=[0, 1]) == ImageRecipe(8, 8, 3)
    assert hash(ImageRecipe(8, 8, 3, value_range=[0, 1], background=[255] * 3)) == hash(ImageRecipe(8, 8, 3))


# --- values


@pytest.mark.parametrize("value_range", [(0, 1), (-1, 1), (0, 255), (0.1, 0.3), (-2.1179, 2.64), (-0.7, 1e-3)])
@pytest.mark.parametrize("size", [4, 7])
def test_black_and_white_are_exactly_the_ends_of_the_range(value_range, size):
    for channels in (1, 3):
        recipe = ImageRecipe(size, size, channels, value_range=value_range)
        for kind, top in ((np.uint8, 255), (np.uint16, 65535), (np.bool_, True), (np.float64, 1.0)):
            for shape in ((4, 4), (4, 4, 3)):
                dark, bright = np.zeros(shape, kind), np.full(shape, top, kind)
                assert (values(dark, recipe) == np.float32(value_range[0])).all()
                assert (values(bright, recipe) == np.float32(value_range[1])).all()


def test_values_keep_their_steps():
    ramp = np.arange(256, dtype=np.uint8).reshape(16, 16)
    recipe = ImageRecipe(16, 16, 1, value_range=(0, 255))
    assert (values(ramp, recipe)[..., 0] == ramp).all()
    deep = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    recipe = ImageRecipe(256, 256, 1, value_range=(0, 65535))
    assert (values(deep, recipe)[..., 0] == deep).all()
    assert (values(deep.astype(">u2"), recipe)[..., 0] == deep).all()
    light = np.linspace(0, 1, 64).reshape(8, 8)
    assert (values(light, ImageRecipe(8, 8, 1))[..., 0] == light.astype(np.float32)).all()


def test_a_photo_of_the_right_size_is_not_touched(cat):
    for fit in ("stretch", "cover", "contain"):
        out = values(cat, ImageRecipe(300, 451, 3, fit=fit, value_range=(0, 255)))
        assert (out == cat).all()


def test_cutting_alone_moves_no_pixel(cat):
    out = read_photo(cat, ImageRecipe(300, 200, 3, fit="cover", value_range=(0, 255)))
    assert (out.array[0] == cat[:, 125:325]).all()
    assert out.photos[0].placement.box == (125, 0, 325, 300)


@pytest.mark.parametrize("size", [(64, 64), (128, 50), (600, 902)])
def test_resizing_is_pillows_to_within_its_rounding(cat, size):
    filtering = Image.Resampling.BICUBIC if size[0] > 300 else Image.Resampling.LANCZOS
    oracle = np.asarray(Image.fromarray(cat).resize(size[::-1], filtering))
    out = values(cat, ImageRecipe(*size, 3, value_range=(0, 255)))
    # Pillow rounds, and clips, to 8 bits twice
    assert np.abs(out - oracle).max() <= 2.5
    assert np.abs(out - oracle).mean() <= 0.4
    assert out.min() >= 0
    assert out.max() <= 255


def test_each_side_gets_the_filter_it_needs(cat):
    grey = cat[..., 0]
    picture = Image.fromarray(grey.astype(np.float32))
    picture = picture.resize((100, 300), Image.Resampling.LANCZOS).resize((100, 500), Image.Resampling.BICUBIC)
    out = values(grey, ImageRecipe(500, 100, 1, value_range=(0, 255)))[..., 0]
    np.testing.assert_allclose(out, np.clip(np.asarray(picture), 0, 255), atol=1e-4)


def test_shrinking_does_not_alias():
    stripes = np.zeros((64, 64), np.uint8)
    stripes[:, ::2] = 255
    inner = values(stripes, ImageRecipe(16, 16, 1))[2:-2, 2:-2]
    np.testing.assert_allclose(inner, 0.5, atol=0.02)


def test_sixteen_bits_survive_resizing():
    deep = np.full((32, 32), 20001, np.uint16)
    deep[:, 16:] = 20003
    out = values(deep, ImageRecipe(8, 8, 1, value_range=(0, 65535)))[..., 0]
    np.testing.assert_allclose(out[:, 0], 20001, atol=0.5)
    np.testing.assert_allclose(out[:, -1], 20003, atol=0.5)


def test_grey_is_pillows_grey(cat):
    oracle = np.asarray(Image.fromarray(cat).convert("L"), dtype=np.float32)
    out = values(cat, ImageRecipe(300, 451, 1, value_range=(0, 255)))[..., 0]
    assert np.abs(out - oracle).max() <= 0.51
    even = np.repeat(np.arange(256, dtype=np.uint8).reshape(16, 16, 1), 3, axis=2)
    assert (values(even, ImageRecipe(16, 16, 1, value_range=(0, 255)))[..., 0] == even[..., 0]).all()


def test_a_grey_photo_fills_three_channels():
    grey = np.arange(64, dtype=np.uint8).reshape(8, 8)
    out = values(grey, ImageRecipe(8, 8, 3, value_range=(0, 255)))
    assert (out == grey[..., None]).all()


# --- transparency


def clear_half():
    image = np.zeros((8, 8, 4), np.uint8)
    image[..., 0] = 200
    image[:, :4, 3] = 255
    image[:, 4:, 3] = 51  # one fifth
    return image


def test_transparency_shows_the_background():
    recipe = ImageRecipe(8, 8, 3, value_range=(0, 255), background=(0, 100, 250))
    images = read_photo(clear_half(), recipe)
    np.testing.assert_allclose(images.array[0, 0, 0], [200, 0, 0])
    np.testing.assert_allclose(images.array[0, 0, 7], [40, 80, 200], atol=1e-4)
    assert images.photos[0].original[0, 7].tolist() == [40, 80, 200]
    grey = values(clear_half(), ImageRecipe(8, 8, 1, value_range=(0, 255), background=(0, 100, 250)))
    np.testing.assert_allclose(grey[0, 7, 0], 0.299 * 40 + 0.587 * 80 + 0.114 * 200, atol=1e-3)


def test_four_channels_keep_transparency():
    image = clear_half()
    assert (values(image, ImageRecipe(8, 8, 4, value_range=(0, 255))) == image).all()
    opaque = values(image[..., :3], ImageRecipe(8, 8, 4, value_range=(0, 255)))
    assert (opaque[..., 3] == 255).all()
    assert (opaque[..., :3] == image[..., :3]).all()


@pytest.mark.parametrize("size", [5, 16])
def test_the_colour_of_clear_pixels_does_not_bleed(size):
    image = np.zeros((8, 8, 4), np.uint8)
    image[:, :4] = (200, 0, 0, 255)
    image[:, 4:] = (0, 255, 0, 0)  # green, but nobody can see it
    out = values(image, ImageRecipe(size, size, 4, value_range=(0, 255)))
    seen = out[..., 3] > 1
    np.testing.assert_allclose(out[seen][:, :2], [[200, 0]] * seen.sum(), atol=0.5)
    assert values(image, ImageRecipe(size, size, 3, background=(0, 0, 0)))[..., 1].max() < 1e-6


# --- fitting


def test_a_contained_photo_is_whole_and_padded():
    photo = np.zeros((20, 40, 3), np.uint8)
    images = read_photo(photo, ImageRecipe(16, 16, 3, fit="contain", value_range=(0, 255), background=(9, 8, 7)))
    out = images.array[0]
    assert (out[4:12] == 0).all()
    np.testing.assert_allclose(out[:4], np.broadcast_to([9, 8, 7], (4, 16, 3)), rtol=1e-6)
    np.testing.assert_allclose(out[12:], np.broadcast_to([9, 8, 7], (4, 16, 3)), rtol=1e-6)
    assert images.photos[0].placement.box == (0, -10, 40, 30)
    four = values(photo, ImageRecipe(16, 16, 4, fit="contain", background=(255, 0, 0)))
    assert four[0, 0].tolist() == [1, 0, 0, 0]
    assert four[8, 0].tolist() == [0, 0, 0, 1]


def test_a_covering_photo_loses_its_sides():
    photo = np.zeros((20, 40), np.uint8)
    photo[:, 10:30] = 255
    images = read_photo(photo, ImageRecipe(10, 10, 1, fit="cover"))
    assert images.photos[0].placement.box == (10, 0, 30, 20)
    assert (images.array[0, :, 0:10] > 0.5).all()


@pytest.mark.parametrize(
    ("given_size", "settings", "expected"),
    [
        ((300, 451), {}, (300, 451)),
        ((300, 451), {"multiple": 16}, (288, 448)),
        ((3000, 4000), {}, (768, 1024)),
        ((4000, 3000), {"multiple": 16, "longest_side": 500}, (496, 368)),
        ((5, 300), {"multiple": 16}, (16, 288)),
        ((300, 450), {"width": 90}, (60, 90)),
        ((300, 450), {"height": 60, "multiple": 8}, (60, 88)),
        ((10, 4000), {"height": 100}, (100, 1024)),
        ((1023, 1025), {}, (1022, 1024)),
    ],
)
def test_free_sizes(given_size, settings, expected):
    recipe = ImageRecipe(**{"height": None, "width": None, "channels": 1, **settings})
    images = read_photo(np.zeros(given_size, np.uint8), recipe)
    assert images.shape == (1, *expected, 1)
    assert images.photos[0].placement == Placement(given_size, expected, (0, 0, given_size[1], given_size[0]))
    assert images.photos[0].original.shape == (*given_size, 3)


SIDES = st.integers(2, 60)
FITS = st.sampled_from(["stretch", "cover", "contain"])


@settings(max_examples=150, deadline=None)
@given(SIDES, SIDES, SIDES, SIDES, FITS)
@example(2, 60, 60, 2, "cover")
@example(2, 60, 60, 2, "contain")
def test_reading_fits_any_photo_into_any_size(height, width, rows, columns, fit):
    photo = np.full((height, width, 3), 77, np.uint8)
    images = read_photo(photo, ImageRecipe(rows, columns, 3, fit=fit, value_range=(0, 255), background=(77,) * 3))
    np.testing.assert_allclose(images.array, 77, atol=1e-3)
    left, top, right, bottom = images.photos[0].placement.box
    assert left < right
    assert top < bottom
    whole = left <= 0 and top <= 0 and right >= width and bottom >= height
    assert whole if fit in ("stretch", "contain") else (left >= 0 and top >= 0 and right <= width)
    if fit == "cover":  # shapes are kept
        np.testing.assert_allclose((right - left) * rows, (bottom - top) * columns, rtol=1e-9)


# --- the way back


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
def test_the_way_back_takes_one_picture(shape):
    with pytest.raises(ImageError, match=r"give \(rows, columns\) or \(rows, columns, channels\) of one picture"):
        Placement((8, 8), (4, 4), (0, 0, 8, 8)).onto_original(np.zeros(shape, np.float32))


# --- files of every kind


def grey16(image):
    return Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 257)


def with_palette(image):
    return image.quantize(64)


MODES = {
    "1": lambda image: image.convert("1"),
    "L": lambda image: image.convert("L"),
    "LA": lambda image: image.convert("LA"),
    "P": with_palette,
    "RGB": lambda image: image,
    "RGBA": lambda image: image.convert("RGBA"),
    "CMYK": lambda image: image.convert("CMYK"),
    "YCbCr": lambda image: image.convert("YCbCr"),
    "I;16": grey16,
    "I": lambda image: Image.fromarray(np.asarray(image.convert("L")).astype(np.int32) * 257),
    "F": lambda image: Image.fromarray(np.asarray(image.convert("L")).astype(np.float32) / np.float32(255)),
    "HSV": lambda image: image.convert("HSV"),
    "LAB": lambda image: image.convert("LAB"),
    "PA": lambda image: image.convert("LA").convert("PA"),
    "La": lambda image: image.convert("LA").convert("La"),
    "RGBa": lambda image: image.convert("RGBA").convert("RGBa"),
    "RGBX": lambda image: image.convert("RGBX"),
}
FILES = [
    ("jpg", ("L", "RGB", "CMYK")),
    ("png", ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")),
    ("webp", ("RGB", "RGBA")),
    ("tif", ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "I;16", "I", "F")),
    ("bmp", ("1", "L", "P", "RGB")),
    ("gif", ("1", "L", "P", "RGB")),
]
KEPT = {
    ".jpg": 12.0,
    ".webp": 0.51,
    ".gif": 40.0,
}  # how far these formats may stray; 0.51 is Pillow's rounding


@pytest.mark.parametrize(("ending", "mode"), [(ending, mode) for ending, modes in FILES for mode in modes])
def test_every_format_and_mode(tmp_path, cat, ending, mode):
    image = MODES[mode](Image.fromarray(cat).crop((100, 50, 164, 98)))
    options = {"jpg": {"quality": 95}, "webp": {"lossless": True}}.get(ending, {})
    path = saved(tmp_path, f"photo.{ending}", image, **options)
    deep = mode in ("I;16", "I", "F")
    oracle = np.asarray((Image.fromarray(cat).crop((100, 50, 164, 98)).convert("L") if deep else image).convert("RGB"))
    tolerance = KEPT.get(path.suffix, 0.51) if mode != "YCbCr" else 3.0
    images = read_photo(path, ImageRecipe(None, None, 3, value_range=(0, 255)))
    assert images.shape == (1, 48, 64, 3)
    assert np.abs(images.array[0] - oracle).mean() <= tolerance / 4 + 0.01
    assert np.abs(images.array[0] - oracle).max() <= tolerance * 3
    photo = images.photos[0]
    assert (photo.name, photo.source) == (f"photo.{ending}", path)
    assert np.abs(photo.original - images.array[0]).max() <= 0.51
    if ending not in ("jpg", "gif", "webp") and mode != "YCbCr":
        assert np.abs(images.array[0] - oracle).max() <= 0.51
        if image.mode != "F":  # as a Pillow image, without the file
            assert (values(image, ImageRecipe(None, None, 3, value_range=(0, 255))) == images.array[0]).all()


@pytest.mark.parametrize("mode", MODES)
def test_every_pillow_image(cat, mode):
    image = MODES[mode](Image.fromarray(cat))
    for channels in (1, 3, 4):
        assert read_photo(image, ImageRecipe(32, 32, channels)).shape == (1, 32, 32, channels)


def test_sixteen_bit_files_are_scaled_not_clipped(tmp_path):
    deep = np.linspace(0, 65535, 64).astype(np.uint16).reshape(8, 8)
    recipe = ImageRecipe(8, 8, 1, value_range=(0, 65535))
    for name in ("deep.png", "deep.tif"):
        path = saved(tmp_path, name, Image.fromarray(deep))
        assert (values(path, recipe)[..., 0] == deep).all()
        original = read_photo(path, recipe).photos[0].original
        assert (original[..., 0] == np.rint(deep / 257)).all()
    big_endian = Image.frombytes("I;16B", (8, 8), deep.astype(">u2").tobytes())
    assert (values(big_endian, recipe)[..., 0] == deep).all()


def test_wide_whole_numbers_are_refused():
    with pytest.raises(
        ImageError, match=r"image 1 holds 32-bit values from 0 to 70000; whole numbers are read as 0..65535"
    ):
        read(Image.fromarray(np.array([[0, 1], [2, 70000]], np.int32)), FREE)


def test_transparent_colours_in_files(tmp_path):
    """One colour, or one entry of the palette, declared transparent."""
    recipe = ImageRecipe(4, 4, 3, value_range=(0, 255), background=(10, 20, 30))
    grey = np.full((4, 4), 7, np.uint8)
    grey[0, 0] = 99
    colour = np.stack([grey, grey, grey], axis=2)
    palette = Image.fromarray(colour).quantize(4)
    cases = {
        "grey.png": (Image.fromarray(grey), 7),
        "deep.png": (Image.fromarray(grey.astype(np.uint16) * 257), 7 * 257),
        "colour.png": (Image.fromarray(colour), (7, 7, 7)),
        "palette.png": (palette, palette.getpixel((3, 3))),
        "palette.gif": (palette, palette.getpixel((3, 3))),
        "bits.png": (Image.fromarray(grey > 50), 0),
    }
    for name, (image, clear) in cases.items():
        out = values(saved(tmp_path, name, image, transparency=clear), recipe)
        np.testing.assert_allclose(out[3, 3], (10, 20, 30), rtol=1e-5, err_msg=name)
        np.testing.assert_allclose(out[0, 0], 255 if name == "bits.png" else 99, rtol=1e-5, err_msg=name)


def test_the_first_frame_of_an_animation_counts(tmp_path):
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    for name in ("moving.gif", "moving.png", "moving.webp", "moving.tif"):
        path = saved(tmp_path, name, frames[0], save_all=True, append_images=frames[1:])
        np.testing.assert_allclose(values(path)[4, 4], (1, 0, 0), atol=0.01, err_msg=name)


def test_arrays_in_files(tmp_path, cat):
    np.save(tmp_path / "cat.npy", cat)
    images = read(tmp_path / "cat.npy", ImageRecipe(None, None, 3, value_range=(0, 255)))
    assert (images.array[0] == cat).all()
    assert images.names == ("cat.npy",)
    np.save(tmp_path / "bands.npy", np.zeros((8, 9, 7), np.float32))
    assert read(tmp_path / "bands.npy", ImageRecipe(8, 9, 7)).shape == (1, 8, 9, 7)


def test_tiff_pages_are_channels(tmp_path):
    bands = np.random.default_rng(0).integers(0, 65535, (5, 8, 8)).astype(np.uint16)
    pages = [Image.fromarray(band) for band in bands]
    path = saved(tmp_path, "bands.tif", pages[0], save_all=True, append_images=pages[1:])
    images = read(path, ImageRecipe(8, 8, 5, value_range=(0, 65535)))
    assert (images.array[0] == np.moveaxis(bands, 0, 2)).all()
    assert (images.photos[0].original[..., 0] == np.rint(bands.mean(axis=0) / 257)).all()
    mixed = saved(tmp_path, "mixed.tif", pages[0], save_all=True, append_images=[Image.new("RGB", (8, 8))])
    with pytest.raises(ImageError, match="page 2 of 2 differs from the first or is not grey"):
        read(mixed, ImageRecipe(8, 8, 2))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("ending", ["jpg", "png", "webp", "tif"])
def test_photos_are_turned_upright(tmp_path, cat, orientation, ending):
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"jpg": {"quality": 100, "subsampling": 0}, "webp": {"lossless": True}}.get(ending, {})
    path = saved(tmp_path, f"turned.{ending}", Image.fromarray(cat[:90, :61]), exif=exif, **options)
    with Image.open(path) as image:
        oracle = np.asarray(ImageOps.exif_transpose(image))
    images = read_photo(path, ImageRecipe(None, None, 3, value_range=(0, 255)))
    assert oracle.shape[:2] == ((90, 61) if orientation < 5 else (61, 90))
    assert (images.array[0] == oracle).all()
    assert (images.photos[0].original == oracle).all()
    assert images.photos[0].placement.original == oracle.shape[:2]
    with Image.open(path) as image:
        assert (values(image, ImageRecipe(None, None, 3, value_range=(0, 255))) == oracle).all()


def test_transparency_turns_with_the_photo(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    path = saved(tmp_path, "turned.png", Image.fromarray(clear_half()), exif=exif)
    out = values(path, ImageRecipe(8, 8, 4, value_range=(0, 255)))
    assert (out == np.rot90(clear_half(), -1)).all()


def test_damaged_exif_is_said_not_fatal(tmp_path, cat):
    orientation_as_text = b"\x12\x01\x02\x00\x01\x00\x00\x00abc\x00"
    exif = b"Exif\x00\x00II*\x00\x08\x00\x00\x00\x01\x00" + orientation_as_text + bytes(4)
    path = saved(tmp_path, "odd.jpg", Image.fromarray(cat), exif=exif)
    with pytest.warns(SaccadeWarning, match="its EXIF data is damaged, so it is shown as it is stored"):
        assert read_photo(path, FREE).shape == (1, 300, 451, 3)
    nonsense = saved(tmp_path, "nonsense.jpg", Image.fromarray(cat), exif=b"Exif\x00\x00nonsense")
    assert read_photo(nonsense, FREE).shape == (1, 300, 451, 3)  # says nothing of orientation: quietly read


# --- what is refused, and how


def test_a_missing_file_names_the_nearest(tmp_path, cat):
    saved(tmp_path, "Kitten.JPG", Image.fromarray(cat))
    with pytest.raises(FileError, match=r"no file .*kiten\.jpg; the nearest there is 'Kitten\.JPG'\."):
        read(tmp_path / "kiten.jpg", FREE)
    with pytest.raises(FileError, match=r"no file .*zzz\.$"):
        read(str(tmp_path / "zzz"), FREE)
    with pytest.raises(FileError, match=r"there is no folder .*nowhere\."):
        read(tmp_path / "nowhere" / "cat.jpg", FREE)
    with pytest.raises(FileError, match="is an address on the web; download the picture"):
        read("https://example.org/cat.jpg", FREE)
    for verb in (lambda source: read(source, FREE), find):
        with pytest.raises(FileError, match=r"a\.jpg cannot be read: File name too long\."):
            verb("a" * 5000 + ".jpg")


def test_a_folder_is_not_a_picture(tmp_path):
    with pytest.raises(FileError, match=r"is a folder; give the pictures in it: saccade\.images\.find\("):
        read(tmp_path, FREE)


def test_an_unreadable_file(tmp_path, cat, monkeypatch):
    path = saved(tmp_path, "cat.png", Image.fromarray(cat))

    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(FileError, match=r"cat\.png cannot be read: Permission denied\."):
        read(path, FREE)


@pytest.mark.parametrize(
    ("name", "content", "text"),
    [
        ("empty.jpg", b"", "is empty (0 bytes)"),
        ("empty.npy", b"", "is empty (0 bytes)"),
        ("text.jpg", b"hello, this is text" * 20, "is not a picture that can be opened; give JPEG, PNG"),
        ("photo.heic", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" * 9, "is a HEIC photo"),
        (
            "drawing.eps",
            b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
            "is not a picture that can be opened",
        ),
        ("text.npy", b"hello, this is text" * 20, "is damaged, or does not hold one plain array of numbers"),
    ],
)
def test_files_that_hold_no_picture(tmp_path, name, content, text):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ImageError, match=re.escape(text)) as caught:
        read(tmp_path / name, FREE)
    assert str(caught.value).startswith(str(tmp_path / name))
    assert "\n" not in str(caught.value)


def test_pickles_are_never_opened(tmp_path):
    np.save(tmp_path / "trap.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(ImageError, match="does not hold one plain array of numbers"):
        read(tmp_path / "trap.npy", FREE)


def encoded(image, ending):
    stream = io.BytesIO()
    if ending == "npy":
        np.save(stream, np.asarray(image))
    else:
        image.save(stream, {"jpg": "JPEG", "tif": "TIFF"}.get(ending, ending.upper()))
    return stream.getvalue()


@pytest.mark.parametrize("ending", ["jpg", "png", "webp", "tif", "bmp", "gif", "npy"])
def test_truncated_files_are_refused_in_one_line(tmp_path, cat, ending):
    content = encoded(Image.fromarray(cat[:64, :64]), ending)
    for share in (0.3, 0.6, 0.9):
        path = tmp_path / f"cut.{ending}"
        path.write_bytes(content[: int(len(content) * share)])
        with pytest.raises(ImageError) as caught:
            read(path, FREE)
        assert "\n" not in str(caught.value)
        assert "cut off" in str(caught.value) or "damaged" in str(caught.value) or "not a picture" in str(caught.value)


@pytest.mark.parametrize("ending", ["jpg", "png", "webp", "tif", "bmp", "gif"])
def test_damaged_bytes_give_a_picture_or_our_error(cat, ending):
    content = encoded(Image.fromarray(cat[:24, :24]), ending)
    rng = np.random.default_rng(0)
    for _ in range(150):
        spoiled = np.frombuffer(content, np.uint8).copy()
        where = rng.integers(0, min(len(spoiled), 400), 3)
        spoiled[where] = rng.integers(0, 256, 3)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            warnings.simplefilter("ignore", SaccadeWarning)
            with contextlib.suppress(InputError):
                read(spoiled.tobytes(), ImageRecipe(8, 8, 3, max_pixels=10**6))


def bomb(width, height):
    """A PNG that promises width x height and holds nothing of it."""
    stream = io.BytesIO()
    Image.new("1", (2, 2)).save(stream, "PNG")
    content = bytearray(stream.getvalue())
    content[16:24] = width.to_bytes(4, "big") + height.to_bytes(4, "big")
    content[29:33] = (__import__("zlib").crc32(bytes(content[12:29]))).to_bytes(4, "big")
    return bytes(content)


def test_huge_photos_are_refused_before_decoding(tmp_path):
    path = tmp_path / "huge.png"
    path.write_bytes(bomb(20_000, 20_000))
    limit = Image.MAX_IMAGE_PIXELS
    text = "huge.png has 20,000 x 20,000 = 400,000,000 pixels; at most 100,000,000 are read."
    for channels in (1, 3, 5):
        with pytest.raises(ImageError, match=re.escape(text)) as caught:
            read(path, ImageRecipe(8, 8, channels))
    assert "--max-pixels 400000000 (max_pixels= in Python)" in str(caught.value)
    assert limit == Image.MAX_IMAGE_PIXELS
    np.lib.format.open_memmap(tmp_path / "huge.npy", "w+", np.uint8, (20_000, 20_000)).flush()
    with pytest.raises(ImageError, match="400,000,000 pixels"):
        read(tmp_path / "huge.npy", FREE)


@pytest.mark.parametrize("side", [40, 60])  # over a limit of 1,000 Pillow warns, over twice that it refuses
@pytest.mark.parametrize("ending", ["png", "tif", "gif", "webp"])
def test_pillows_own_limit_is_not_ours(tmp_path, monkeypatch, side, ending):
    frames = [Image.new("RGB", (side, side), colour) for colour in ("white", "black")]
    path = saved(tmp_path, f"large.{ending}", frames[0], save_all=True, append_images=frames[1:])
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    with pytest.raises((Image.DecompressionBombError, Image.DecompressionBombWarning)):
        Image.open(path)
    assert (read(path, ImageRecipe(8, 8, 1)).array == 1).all()
    assert Image.MAX_IMAGE_PIXELS == 1000
    with pytest.raises(ImageError, match="at most 1,000 are read"):
        read(path, ImageRecipe(8, 8, 1, max_pixels=1000))


@pytest.mark.parametrize("shape", [(1, 1), (1, 50), (50, 1, 3)])
def test_there_must_be_something_to_look_at(shape):
    with pytest.raises(ImageError, match=f"is {shape[1]}x{shape[0]} pixels: nothing to look at"):
        read(np.zeros(shape, np.uint8), FREE)


@pytest.mark.parametrize(
    ("array", "text"),
    [
        (
            np.zeros((8, 8), np.int64),
            "image 1 holds int64 values; give uint8 (0..255), uint16 (0..65535), bool",
        ),
        (np.full((8, 8), 255.0), "image 1 holds floats from 255 to 255; floats must lie in 0..1."),
        (np.full((8, 8), -0.5), "image 1 holds floats from -0.5 to -0.5; floats must lie in 0..1."),
        (np.full((8, 8), np.nan), "image 1 holds values that are not numbers (NaN or infinite)."),
        (np.full((8, 8), np.inf), "image 1 holds values that are not numbers (NaN or infinite)."),
        (
            np.zeros((3, 64, 64), np.uint8),
            "looks like channels first; put the channels last: array.transpose(1, 2, 0).",
        ),
        (np.zeros((8,), np.uint8), "image 1 has the shape (8,); give (height, width) or"),
        (np.zeros((0, 8), np.uint8), "image 1 has the shape (0, 8); give (height, width) or"),
        (
            np.zeros((8, 8, 5), np.uint8),
            "image 1 has 5 channels; the model wants 3 channels (RGB). Give an array",
        ),
        (np.array(["a"]), "image 1 has the shape (1,)"),
        (3, "image 1 is a int; give a path, a Pillow image, or an array"),
        ([[1, 2]], "image 1 is a list; give a path"),
        ([], "no pictures were given."),
    ],
)
def test_arrays_that_are_no_picture(array, text):
    with pytest.raises(ImageError, match=re.escape(text)):
        read(array, FREE)


def test_the_float_message_names_both_ways_out():
    with pytest.raises(ImageError, match=r"\.astype\('uint8'\).*Images\.from_array\(array, value_range\)"):
        read(np.full((8, 8), 3.0), FREE)


def test_floats_may_be_a_hair_over_the_edge():
    out = values(np.full((4, 4), 1.0000001), ImageRecipe(4, 4, 1))
    assert (out == 1).all()


def test_wrong_channel_counts_say_what_was_given():
    text = (
        "image 1 has 3 channels (RGB); the model wants 7 channels. "
        "Give an array or .npy file of shape (height, width, 7)."
    )
    with pytest.raises(ImageError, match=re.escape(text)):
        read(Image.new("RGB", (8, 8)), ImageRecipe(8, 8, 7))
    with pytest.raises(
        ImageError, match=re.escape("has 3 channels (RGB with transparency); the model wants 2 channels.")
    ):
        read(clear_half(), ImageRecipe(8, 8, 2))
    with pytest.raises(ImageError, match=re.escape("has 1 channel (grey); the model wants 2 channels.")):
        read(np.zeros((8, 8), np.uint8), ImageRecipe(8, 8, 2))


# --- several at once


def test_any_mixture_is_read_in_order(tmp_path, cat):
    path = saved(tmp_path, "cat.png", Image.fromarray(cat))
    recipe = ImageRecipe(32, 32, 3)
    images = read([path, str(path), Image.fromarray(cat), cat, path.read_bytes(), np.stack([cat, cat])], recipe)
    assert images.names == ("cat.png", "cat.png", "image 3", "image 4", "image 5", "image 6", "image 7")
    assert images.shape == (7, 32, 32, 3)
    assert (images.array == images.array[0]).all()
    assert [photo.source for photo in images.photos] == [path, path, None, None, None, None, None]
    again = read([images, cat], recipe)
    assert len(again) == 8
    assert again.photos[0] is images.photos[0]
    assert read(iter([path]), recipe).names == ("cat.png",)
    with Image.open(path) as opened:
        assert read(opened, recipe).photos[0].source == path


def test_tensors_are_arrays(cat):
    torch = pytest.importorskip("torch")
    assert (values(torch.from_numpy(cat)) == values(cat)).all()


def test_sizes_must_agree(cat):
    with pytest.raises(
        ImageError,
        match=r"different sizes \(image 1 451 wide x 300 high x 3, image 2 64 wide x 64 high x 3\)",
    ):
        read([cat, cat[:64, :64]], FREE)
    with pytest.raises(ImageError, match="read them one at a time, or give one size for all"):
        read([cat, cat[:64, :64]], FREE)


def test_one_photo_means_one(cat):
    with pytest.raises(ImageError, match="2 pictures were given where one is wanted"):
        read_photo([cat, cat], FREE)


def test_images_read_for_another_model_are_refused(cat):
    images = read(cat, ImageRecipe(32, 32, 3))
    with pytest.raises(ImageError, match="was read for another model; this one wants 32x32 grey"):
        read(images, ImageRecipe(32, 32, 1))
    with pytest.raises(ImageError, match="was read for another model"):
        read(images, ImageRecipe(32, 32, 3, value_range=(-1, 1)))


def test_what_was_given_is_left_alone(cat):
    mine = cat.copy()
    images = read(mine, FREE)
    mine[:] = 0
    assert (images.photos[0].original == cat).all()
    assert mine.flags.writeable
    image = Image.fromarray(cat).convert("P")
    before = (image.mode, image.size, image.tobytes())
    read(image, ImageRecipe(8, 8, 3))
    assert before == (image.mode, image.size, image.tobytes())


def test_threads_read_alike(tmp_path, cat):
    recipe = ImageRecipe(32, 32, 3)
    paths = [saved(tmp_path, f"{i}.{end}", Image.fromarray(cat)) for i in range(8) for end in ("jpg", "tif", "png")]
    limit, filters = Image.MAX_IMAGE_PIXELS, list(warnings.filters)
    alone = [read(path, recipe).array for path in paths]
    with ThreadPoolExecutor(6) as pool:
        together = list(pool.map(lambda path: read(path, recipe).array, paths))
    np.testing.assert_array_equal(alone, together)
    assert limit == Image.MAX_IMAGE_PIXELS
    assert filters == list(warnings.filters)


# --- Images as a value


def test_images_behave_as_an_array(cat):
    images = Images.join([read(cat, ImageRecipe(8, 9, 3)) for _ in range(3)])
    assert len(images) == 3
    assert np.asarray(images) is images.array
    assert np.array(images, dtype=np.float64).dtype == np.float64
    assert np.array(images, copy=True).flags.writeable
    with pytest.raises(ValueError, match="needs a copy"):
        np.asarray(images, dtype=np.float64, copy=False)
    assert images[1].shape == (1, 8, 9, 3)
    assert images[-1].photos == images.photos[2:]
    assert images[np.int64(0)].photos == images.photos[:1]
    assert images[1:].names == images.names[1:]
    assert [one.names for one in images] == [(name,) for name in images.names]
    with pytest.raises(IndexError):
        images[3]
    assert repr(images) == "Images(3 of 9 wide x 8 high, 3 channels, values 0..1)"
    assert repr(images.photos[0]) == "Photo('image 1', 451 wide x 300 high)"
    assert np.shares_memory(images[1].array, images.array)
    assert pickle.loads(pickle.dumps(images)).names == images.names


def test_what_is_handed_out_is_read_only(cat):
    for images in (read(cat, ImageRecipe(8, 8, 3)), Images.from_array(np.zeros((1, 4, 4, 3)), (0, 1))):
        with pytest.raises(ValueError, match="read-only"):
            images.array[0, 0, 0, 0] = 1
        with pytest.raises(ValueError, match="read-only"):
            images.photos[0].original[0, 0, 0] = 1


def test_from_array_draws_what_the_model_sees():
    ramp = np.linspace(-1, 1, 16, dtype=np.float32).reshape(1, 4, 4, 1)
    for channels in (1, 2, 3, 5):
        images = Images.from_array(np.repeat(ramp, channels, axis=3), (-1, 1), names=["ramp"])
        shown = np.rint((ramp[0] + 1) / 2 * 255)
        assert np.abs(images.photos[0].original - shown).max() <= 1
        assert images.photos[0].placement == Placement((4, 4), (4, 4), (0, 0, 4, 4))
    clear = np.zeros((1, 2, 2, 4))
    assert (Images.from_array(clear, (0, 1)).photos[0].original == 255).all()
    assert Images.from_array(np.zeros((4, 4, 3)), (0, 1)).names == ("image 1",)
    source = np.zeros((1, 4, 4, 1), np.float32)
    images = Images.from_array(source, (0, 1))
    source[:] = 1
    assert (images.array == 0).all()


@pytest.mark.parametrize(
    ("array", "settings", "text"),
    [
        (
            np.zeros((4, 4)),
            {},
            "an array of shape (4, 4) and type float64: give numbers, (images, height, width, channels)",
        ),
        (np.zeros((0, 4, 4, 3)), {}, "an array of shape (0, 4, 4, 3)"),
        (np.array("x"), {}, "give numbers"),
        (np.full((1, 4, 4, 3), np.nan), {}, "not numbers (NaN or infinite)"),
        (np.full((1, 4, 4, 3), 255), {}, "the array runs from 255 to 255, far outside value_range 0..1"),
        (np.full((1, 4, 4, 3), 1e300), {}, "far outside value_range 0..1"),
        (np.zeros((2, 4, 4, 3)), {"names": ["a"]}, "1 names for 2 pictures; give one name each."),
    ],
)
def test_from_array_refuses(array, settings, text):
    with pytest.raises(ImageError, match=re.escape(text)):
        Images.from_array(array, (0, 1), **settings)


def test_images_and_photos_must_match():
    photo = Photo("a", None, np.zeros((4, 4, 3), np.uint8), Placement((4, 4), (4, 4), (0, 0, 4, 4)))
    with pytest.raises(ImageError, match=re.escape("an array of shape (2, 4, 4, 3) for 1 photos")):
        Images(np.zeros((2, 4, 4, 3), np.float32), (photo,), (0, 1))
    low, high = (Images.from_array(np.zeros((4, 4, 3)), value_range) for value_range in ((0, 1), (-1, 1)))
    with pytest.raises(ImageError, match="different value ranges"):
        Images.join([low, high])


# --- finding files


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
    found = find([album / "b.jpg", str(album), album / "sub" / ".." / "b.jpg"])
    assert names(found, album) == ["b.jpg", "a.PNG", "sub/c.webp", "sub/deep/e.npy"]
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
    with pytest.raises(FileError, match=r"no pictures match .*\*\.tif; looked for JPEG"):
        find([str(album / "*.tif")])
    empty = album / "empty" / "deeper"
    empty.mkdir(parents=True)
    (empty / "f.png").write_bytes(b"x")
    with pytest.raises(
        FileError, match=r"no pictures in the folder .*empty, not looking into the folders in it; looked"
    ):
        find([album / "empty"], recursive=False)


def test_extensions_are_lower_case_with_a_dot():
    assert {".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp", ".gif", ".npy"} <= EXTENSIONS
    assert all(ending == ending.lower() and ending.startswith(".") for ending in EXTENSIONS)


# --- the module itself


def loaded_by(statement):
    code = f"import sys; {statement}; print(' '.join(sys.modules))"
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1] / "src")}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    return {name.partition(".")[0] for name in done.stdout.split()}


def test_no_framework_is_loaded():
    frameworks = {"keras", "tensorflow", "torch", "jax", "h5py", "skimage", "scipy", "matplotlib"}
    loaded = loaded_by(
        "import numpy as np, saccade.images as i; i.read(np.zeros((4, 4), 'uint8'), i.ImageRecipe(4, 4, 1))"
    )
    assert "numpy" in loaded
    assert not loaded & frameworks
    assert "skimage" in loaded_by("import skimage")  # the check can fail


@pytest.mark.parametrize("name", ["recipe", "placement", "photos", "reading"])
def test_the_examples_run(name):
    failed, tried = doctest.testmod(importlib.import_module(f"saccade.images.{name}"))
    assert tried
    assert not failed


def test_png_text_is_no_way_in(cat):
    """Pillow refuses a picture with a great deal of compressed text beside it; that must stay our error."""
    stream, text = io.BytesIO(), PngImagePlugin.PngInfo()
    text.add_text("comment", "a" * 3_000_000, zip=True)
    Image.fromarray(cat[:8, :8]).save(stream, "PNG", pnginfo=text)
    with pytest.raises(ImageError, match="image 1 is damaged or cut off: Decompressed data too large"):
        read(stream.getvalue(), FREE)
