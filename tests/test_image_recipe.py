"""Fitting a photo to a model: sizes, values, transparency. Oracles: Pillow's conversions."""

from __future__ import annotations

import re
import tracemalloc

import numpy as np
import pytest
from hypothesis import example, given, settings
from pictures import FITS, SIDES, clear_half, values
from PIL import Image

from saccade.errors import ImageError, UnknownName
from saccade.images import ImageRecipe, Placement, read_photo

# --- photos of any shape


def test_very_long_photos_take_no_more_memory_than_they_have_pixels():
    """The sides are resized one after the other; between them there must not be far more than in the photo."""
    wide = np.random.default_rng(0).integers(0, 256, (3, 300_000, 3), np.uint8)
    for photo in (wide, wide.swapaxes(0, 1)):
        tracemalloc.start()
        out = values(photo, ImageRecipe(64, 64, 3))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 12 * photo.size
        if photo is wide:
            reference = out
    np.testing.assert_array_equal(out, reference.swapaxes(0, 1))


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
        ({"value_range": ("a", "b")}, "value_range=('a', 'b'): give the darkest number, then the brightest"),
        ({"value_range": None}, "value_range=None: give the darkest number"),
        ({"value_range": 1.0}, "value_range=1.0: give the darkest number"),
        ({"background": None}, "background=None: give red, green and blue, each 0..255."),
        ({"background": "red"}, "background='red': give red, green and blue, each 0..255."),
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
    resized = Image.fromarray(grey.astype(np.float32))
    resized = resized.resize((100, 300), Image.Resampling.LANCZOS).resize((100, 500), Image.Resampling.BICUBIC)
    out = values(grey, ImageRecipe(500, 100, 1, value_range=(0, 255)))[..., 0]
    np.testing.assert_allclose(out, np.clip(np.asarray(resized), 0, 255), atol=1e-4)


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
    visible = out[..., 3] > 1
    np.testing.assert_allclose(out[visible][:, :2], [[200, 0]] * visible.sum(), atol=0.5)
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
