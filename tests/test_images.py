"""Several photos at once, images as a value, and the module itself."""

from __future__ import annotations

import doctest
import importlib
import io
import os
import pickle
import re
import subprocess
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from pictures import FREE, saved, values
from PIL import Image, PngImagePlugin

from saccade.errors import ImageError
from saccade.images import ImageRecipe, Images, Photo, Placement, read, read_photo

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
    import torch

    assert (values(torch.from_numpy(cat)) == values(cat)).all()
    learned = (torch.from_numpy(cat) / 255).requires_grad_()
    np.testing.assert_allclose(values(learned), values(cat), atol=1e-6)
    assert learned.requires_grad
    for tensor in (learned.bfloat16(), torch.eye(20).to_sparse(), torch.empty(9, 9, 3, device="meta")):
        with pytest.raises(
            ImageError, match=r"image 1 is a Tensor of torch\.\w+, whose numbers numpy cannot take over"
        ):
            read(tensor, FREE)


def test_sizes_must_agree(cat):
    with pytest.raises(
        ImageError,
        match=r"different sizes \(image 1 451 wide x 300 high x 3, image 2 64 wide x 64 high x 3\)",
    ):
        read([cat, cat[:64, :64]], FREE)
    with pytest.raises(ImageError, match="read them one at a time, or give one size for all"):
        read([cat, cat[:64, :64]], FREE)


def test_one_photo_means_one(cat):
    with pytest.raises(ImageError, match="2 images were given where one is wanted"):
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
        (np.zeros((2, 4, 4, 3)), {"names": ["a"]}, "1 names for 2 images; give one name each."),
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
    """Pillow refuses a photo with a great deal of compressed text beside it; that must stay our error, in words."""
    stream, text = io.BytesIO(), PngImagePlugin.PngInfo()
    text.add_text("comment", "a" * 3_000_000, zip=True)
    Image.fromarray(cat[:8, :8]).save(stream, "PNG", pnginfo=text)
    with pytest.raises(
        ImageError, match="image 1 carries more text beside its pixels than is read; save it again without"
    ):
        read(stream.getvalue(), FREE)


def test_arrays_taken_over_begin_where_frameworks_read_them_without_a_copy():
    for shape in ((1, 5, 7, 3), (3, 2, 2, 1), (1, 224, 224, 3)):
        array = Images.from_array(np.ones(shape), (0, 1)).array
        assert array.ctypes.data % 64 == 0
        assert array.flags.c_contiguous
        assert (array == 1).all()
