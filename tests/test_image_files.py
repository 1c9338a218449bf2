"""Files of every kind become arrays. Oracle: Pillow."""

from __future__ import annotations

import numpy as np
import pytest
from pictures import FREE, clear_half, saved, tiff, values
from PIL import Image, ImageOps

from saccade.errors import ImageError, SaccadeWarning
from saccade.images import ImageRecipe, read, read_photo


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
    for name in ("moving.gif", "moving.png", "moving.webp", "moving.avif", "moving.tif"):
        path = saved(tmp_path, name, frames[0], save_all=True, append_images=frames[1:])
        content = "2 pages; the first one is read" if name.endswith("tif") else "several frames; the first one is read"
        with pytest.warns(SaccadeWarning, match=rf"{name} has {content}"):
            np.testing.assert_allclose(values(path)[4, 4], (1, 0, 0), atol=0.02, err_msg=name)
    phone = saved(tmp_path, "phone.jpg", frames[0], format="MPO", save_all=True, append_images=frames[1:])
    np.testing.assert_allclose(values(phone)[4, 4], (1, 0, 0), atol=0.02)  # its second is the same once more


def test_arrays_in_files(tmp_path, cat):
    np.save(tmp_path / "cat.npy", cat)
    images = read(tmp_path / "cat.npy", ImageRecipe(None, None, 3, value_range=(0, 255)))
    assert (images.array[0] == cat).all()
    assert images.names == ("cat.npy",)
    np.save(tmp_path / "batch.npy", cat[None])
    assert (read(tmp_path / "batch.npy", ImageRecipe(None, None, 3, value_range=(0, 255))).array[0] == cat).all()
    np.save(tmp_path / "two.npy", np.stack([cat, cat]))
    with pytest.raises(ImageError, match=r"two.npy holds 2 images, .* a file of its own"):
        read(tmp_path / "two.npy", ImageRecipe(None, None, 3))
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


def test_pages_and_bands_are_not_left_out_in_silence(tmp_path):
    grey = np.arange(64, dtype=np.uint8).reshape(8, 8)
    pages = [Image.fromarray(grey + step) for step in (0, 50, 100)]
    path = saved(tmp_path, "three.tif", pages[0], save_all=True, append_images=pages[1:])
    with pytest.warns(SaccadeWarning, match=r"three\.tif has 3 pages; the first one is read\. If they are channels"):
        assert (values(path, ImageRecipe(8, 8, 3, value_range=(0, 255))) == grey[:, :, None]).all()
    colours = np.random.default_rng(0).integers(0, 255, (8, 8, 5), np.uint8)
    path = tiff(tmp_path / "five.tif", colours, colours=2, beside_colours=2)
    with pytest.warns(
        SaccadeWarning, match=r"five\.tif is a TIFF of 5 bands; the first 3 are read, the others left out"
    ):
        assert (values(path, ImageRecipe(8, 8, 3, value_range=(0, 255))) == colours[:, :, :3]).all()
    with pytest.raises(
        ImageError, match=r"of 5 bands, of which only the first 3 can be read here; give it as an array"
    ):
        read(path, ImageRecipe(8, 8, 4))


@pytest.mark.parametrize(
    ("shape", "kind", "content"),
    [
        ((8, 8), np.float64, "1 band of 64-bit floats"),
        ((8, 8, 3), np.float32, "3 bands of 32-bit floats"),
        ((8, 8, 5), np.uint8, "5 bands of 8-bit whole numbers"),
        ((8, 8, 5), np.uint16, "5 bands of 16-bit whole numbers"),
        ((8, 8), np.complex64, "1 band of 64-bit complex numbers"),
    ],
)
def test_a_tiff_that_cannot_be_read_is_refused_for_what_it_holds(tmp_path, shape, kind, content):
    path = tiff(tmp_path / "odd.tif", np.zeros(shape, kind))
    with pytest.raises(
        ImageError, match=rf"odd\.tif is a TIFF of {content}, which cannot be read here; give it as an a"
    ):
        read(path, FREE)


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.float32])
def test_a_tiff_whose_zero_is_white(tmp_path, kind):
    top = 1 if kind is np.float32 else np.iinfo(kind).max
    image = (np.random.default_rng(0).random((8, 8)) * top).astype(kind)
    upright, turned = (tiff(tmp_path / f"{colours}.tif", image, colours=colours) for colours in (1, 0))
    recipe = ImageRecipe(8, 8, 1, value_range=(0, top))
    np.testing.assert_allclose(values(turned, recipe), top - values(upright, recipe), rtol=1e-6)


def test_dark_sixteen_bits_are_said(tmp_path):
    """Twelve bits of a camera in sixteen bits of a file are all but black; 12 bits that say so are not."""
    counts = np.linspace(0, 3600, 64).astype(np.uint16).reshape(8, 8)
    for source in (counts, saved(tmp_path, "raw.tif", Image.fromarray(counts))):
        with pytest.warns(SaccadeWarning, match="16-bit numbers up to 3,600 of 65,535 only.*If white is 4,095 in it"):
            assert values(source, ImageRecipe(8, 8, 1)).max() < 0.06
    assert not values(np.zeros((8, 8), np.uint16)).any()


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
