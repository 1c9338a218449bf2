"""What is no photo is refused, in one line that says what to do."""

from __future__ import annotations

import contextlib
import io
import os
import re
import struct
import warnings
from pathlib import Path

import numpy as np
import pillow_heif
import pytest
from pictures import FREE, clear_half, saved, values
from PIL import Image
from skimage import data

from saccade.errors import FileError, ImageError, InputError, SaccadeWarning
from saccade.images import ImageRecipe, find, read


def test_a_missing_file_names_the_nearest(tmp_path, cat):
    saved(tmp_path, "Kitten.JPG", Image.fromarray(cat))
    with pytest.raises(FileError, match=r"no file .*kiten\.jpg; the nearest there is 'Kitten\.JPG'\."):
        read(tmp_path / "kiten.jpg", FREE)
    with pytest.raises(FileError, match=r"no file .*zzz\.$"):
        read(str(tmp_path / "zzz"), FREE)
    with pytest.raises(FileError, match=r"there is no folder .*nowhere\."):
        read(tmp_path / "nowhere" / "cat.jpg", FREE)
    with pytest.raises(FileError, match="is an address on the web; download the photo"):
        read("https://example.org/cat.jpg", FREE)
    (tmp_path / "gone.jpg").symlink_to("nowhere.jpg")
    with pytest.raises(FileError, match=r"gone\.jpg is a link to nowhere\.jpg, which is not there\."):
        read(tmp_path / "gone.jpg", FREE)
    for verb in (lambda source: read(source, FREE), find):
        with pytest.raises(FileError, match=r"a\.jpg cannot be read: File name too long\."):
            verb("a" * 5000 + ".jpg")
        with pytest.raises(FileError, match=r"no file ~nosuchuser/cat\.jpg"):
            verb("~nosuchuser/cat.jpg")
        with pytest.raises(FileError, match=r"a\\x00b"):
            verb("a\0b.jpg")


def test_names_that_look_like_something_else(tmp_path, cat, monkeypatch):
    """Also the message about a name with line breaks, colour codes or half a sign is one printable line."""
    monkeypatch.chdir(tmp_path)
    for name in (
        "~.png",
        "~root.png",
        "-rf.png",
        "[a].png",
        "new\nline.png",
        "\x1b[31mred.png",
        "\u202egnp.jpg",
        "\udcff.png",
    ):
        path = saved(tmp_path, name, Image.fromarray(cat[:8, :8]), format="PNG")
        assert (values(name) == values(cat[:8, :8])).all()
        assert find([name]) == [Path(name)]
        path.write_bytes(b"nothing")
        with pytest.raises(ImageError, match="is not a photo") as caught:
            read(name, FREE)
        assert str(caught.value).isprintable()


def test_what_is_no_plain_file_is_not_read(tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")
    for path in (tmp_path / "pipe.jpg", Path("/dev/zero")):
        with pytest.raises(FileError, match="is a device or a pipe, not a file"):
            read(path, FREE)


def test_a_folder_is_not_a_photo(tmp_path):
    with pytest.raises(FileError, match=r"is a folder, where one photo is wanted; name a photo in it"):
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
        ("text.jpg", b"hello, this is text" * 20, "is not a photo that can be opened; give JPEG, PNG"),
        ("photo.heic", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" * 9, "is a HEIC photo"),
        (
            "drawing.eps",
            b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
            "is a PostScript drawing, which cannot be opened here; save it as JPEG or PNG.",
        ),
        ("paper.jpg", b"%PDF-1.7\n", "is a PDF document, which cannot be opened here; save its page as JPEG or PNG."),
        ("cat.png", b"<!DOCTYPE html><html>", "is a web page, which cannot be opened here; download the photo itself."),
        ("wide.png", b"\x89PNG\r\n\x1a\n", "begins as PNG files do, but is damaged, or of a rare kind"),
        ("array.jpg", b"\x93NUMPY\x01\0", "holds an array of numpy's; give it a name that ends in .npy."),
        ("text.npy", b"hello, this is text" * 20, "is damaged or cut off, or does not hold one plain array of numbers"),
        ("zip.npy", b"PK\x05\x06" + bytes(18), "does not hold one plain array of numbers"),
    ],
)
def test_files_that_hold_no_photo(tmp_path, name, content, text):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ImageError, match=re.escape(text)) as caught:
        read(tmp_path / name, FREE)
    assert str(caught.value).startswith(str(tmp_path / name))
    assert "\n" not in str(caught.value)


def test_heic_photos_are_read_where_their_package_is_installed(tmp_path):
    pillow_heif.register_heif_opener()
    photo = data.chelsea()[:200, :300]
    Image.fromarray(photo).save(tmp_path / "cat.heic", quality=95)
    images = read(tmp_path / "cat.heic", FREE)
    assert images.shape[1:3] == (200, 300)
    assert np.abs(images.array[0] * 255 - photo).mean() < 4
    assert [path.name for path in find(tmp_path)] == ["cat.heic"]
    content = (tmp_path / "cat.heic").read_bytes()
    for cut in (40, 300, len(content) // 2):
        (tmp_path / "cut.heic").write_bytes(content[:cut])
        with pytest.raises(ImageError, match=r"cut\.heic"):
            read(tmp_path / "cut.heic", FREE)


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


@pytest.mark.parametrize("ending", ["jpg", "png", "webp", "tif", "bmp", "gif", "avif", "npy"])
def test_truncated_files_are_refused_in_one_line(tmp_path, cat, ending):
    content = encoded(Image.fromarray(cat[:64, :64]), ending)
    for share in (0.3, 0.6, 0.9):
        path = tmp_path / f"cut.{ending}"
        path.write_bytes(content[: int(len(content) * share)])
        with pytest.raises(ImageError) as caught:
            read(path, FREE)
        assert "\n" not in str(caught.value)
        assert "cut off" in str(caught.value) or "damaged" in str(caught.value) or "not a photo" in str(caught.value)


@pytest.mark.parametrize("ending", ["jpg", "png", "webp", "tif", "bmp", "gif", "avif", "npy"])
def test_damaged_bytes_give_an_image_or_our_error(tmp_path, cat, ending):
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
                if ending == "npy":
                    path = tmp_path / "spoiled.npy"
                    path.write_bytes(spoiled.tobytes())
                    read(path, ImageRecipe(8, 8, 3, max_pixels=10**6))
                else:
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
    path.write_bytes(bomb(7_000_000, 14))
    with pytest.raises(ImageError, match="is 7,000,000x14 pixels; at most 6,250,000 a side are read"):
        read(path, FREE)
    np.lib.format.open_memmap(tmp_path / "huge.npy", "w+", np.uint8, (20_000, 20_000)).flush()
    with pytest.raises(ImageError, match="400,000,000 pixels"):
        read(tmp_path / "huge.npy", FREE)


@pytest.mark.parametrize("side", [40, 60])  # over a limit of 1,000 Pillow warns, over twice that it refuses
@pytest.mark.parametrize("ending", ["png", "tif", "gif", "webp"])
def test_pillows_own_limit_is_not_ours(tmp_path, monkeypatch, side, ending):
    path = saved(tmp_path, f"large.{ending}", Image.new("RGB", (side, side), "white"))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    with pytest.raises((Image.DecompressionBombError, Image.DecompressionBombWarning)):
        Image.open(path)
    assert (read(path, ImageRecipe(8, 8, 1)).array == 1).all()
    assert Image.MAX_IMAGE_PIXELS == 1000
    with pytest.raises(ImageError, match="at most 1,000 are read"):
        read(path, ImageRecipe(8, 8, 1, max_pixels=1000))


def header_only(shape, kind="|u1"):
    header = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(header)) + header


@pytest.mark.parametrize(
    ("shape", "kind", "text"),
    [
        ("(1000, 1000, 4000)", "|u1", "has 4000 channels; the model wants 3 channels"),
        ("(6000, 6000, 3)", "<f8", "holds 864 MB of float64 values; at most 600 MB are read"),
        ("(9999999999999999999999, 3)", "<f4", "does not hold one plain array of numbers"),
        ("(True, True)", "|u1", "does not hold one plain array of numbers"),
        ("(-3, 3)", "|u1", "does not hold one plain array of numbers"),
    ],
)
def test_arrays_are_measured_before_they_are_read(tmp_path, shape, kind, text):
    path = tmp_path / "huge.npy"
    path.write_bytes(header_only(shape, kind))
    os.truncate(path, 4 << 30)  # a hole: nothing on the disk, and nothing that may be read
    with pytest.raises(ImageError, match=text):
        read(path, ImageRecipe(8, 8, 3, max_pixels=50_000_000))


@pytest.mark.parametrize(("ending", "most"), [("webp", "40 MB"), ("avif", "40 MB"), ("png", "80 MB"), ("jpg", "80 MB")])
def test_a_file_far_larger_than_its_photo_is_refused(tmp_path, cat, ending, most):
    path = saved(tmp_path, f"tail.{ending}", Image.fromarray(cat))
    os.truncate(path, 3 << 30)
    with pytest.raises(
        ImageError, match=rf"is a file of 3\.2 GB; photos in at most {most} are read\..*--max-pixels \d+"
    ):
        read(path, ImageRecipe(8, 8, 3, max_pixels=10_000_000))


def test_a_webp_is_measured_before_its_canvas_is_made(cat):
    for options in ({"lossless": True}, {}):
        stream = io.BytesIO()
        Image.fromarray(cat).save(stream, "WEBP", **options)
        with pytest.raises(
            ImageError, match=r"451 x 300 = 135,300 pixels; of a WebP.* at most 87,500 are read.*216480 "
        ):
            read(stream.getvalue(), ImageRecipe(8, 8, 3, max_pixels=140_000))
        assert read(stream.getvalue(), ImageRecipe(8, 8, 3, max_pixels=216_480)).shape == (1, 8, 8, 3)


def test_a_jpeg_of_thousands_of_passes_is_refused(cat):
    """Each costs a few bytes, and the decoder the whole photo."""
    stream = io.BytesIO()
    Image.fromarray(cat).save(stream, "JPEG", progressive=True)
    content = stream.getvalue()
    first = content.index(b"\xff\xda")
    second = content.index(b"\xff\xda", first + 2)
    many = content[:second] + content[first:second] * 3000 + content[second:]
    recipe = ImageRecipe(8, 8, 3, max_pixels=451 * 300)
    with pytest.raises(ImageError, match=r"progressive JPEG of more than 30 passes over 135,300 pixels"):
        read(many, recipe)
    assert read(content, recipe).shape == (1, 8, 8, 3)


def test_a_jpeg_with_too_much_beside_its_pixels_is_refused(cat):
    stream = io.BytesIO()
    Image.fromarray(cat).save(stream, "JPEG")
    content = stream.getvalue()
    note = b"\xff\xe1\xff\xffExif\0\0" + bytes(0xFFFF - 8)
    with pytest.raises(ImageError, match="carries 34 MB of something other than pixels"):
        read(content[:2] + note * 520 + content[2:], FREE)
    with pytest.raises(ImageError, match="it begins as JPEG files do, but then comes nothing of one"):
        read(b"\xff\xd8" + b"\xff" * 100_000, FREE)


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
        ([], "no images were given."),
    ],
)
def test_arrays_that_are_no_image(array, text):
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
