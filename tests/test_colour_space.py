"""Photos whose numbers are those of another colour space are read as sRGB, and damaged profiles do no harm."""

from __future__ import annotations

import io
import struct
import warnings

import numpy as np
import pytest
from pictures import FREE
from PIL import Image, ImageCms

from saccade.errors import ImageError, SaccadeWarning
from saccade.images import read_photo
from saccade.images.grey_profile import GREY_SRGB

# --- profiles, written by the ICC's own rules (ICC.1:2010)

_D50 = (0.9642, 1.0, 0.8249)


def _fixed(*numbers: float) -> bytes:
    return b"".join(struct.pack(">i", round(65536 * number)) for number in numbers)


def _xyz(*numbers: float) -> bytes:
    return b"XYZ \0\0\0\0" + _fixed(*numbers)


def _gamma(exponent: float) -> bytes:
    return b"para\0\0\0\0" + struct.pack(">HH", 0, 0) + _fixed(exponent)


_SRGB_CURVE = b"para\0\0\0\0" + struct.pack(">HH", 3, 0) + _fixed(2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)


def _profile(space: bytes, tags: dict[bytes, bytes], *, kind: bytes = b"mntr", connection: bytes = b"XYZ ") -> bytes:
    text = "made for a test".encode("utf-16-be")
    name = b"mluc\0\0\0\0" + struct.pack(">II2s2sII", 1, 12, b"en", b"US", len(text), 28) + text
    tags = {b"desc": name, b"cprt": name, b"wtpt": _xyz(*_D50), **tags}
    table, content = struct.pack(">I", len(tags)), b""
    for signature, tag in tags.items():
        table += struct.pack(">4sII", signature, 132 + 12 * len(tags) + len(content), len(tag))
        content += tag + b"\0" * (-len(tag) % 4)
    body = table + content
    head = struct.pack(">I4sI4s4s4s", 128 + len(body), b"\0" * 4, 0x04300000, kind, space, connection)
    head += struct.pack(">6H4s", 2026, 1, 1, 0, 0, 0, b"acsp") + b"\0" * 28 + _fixed(*_D50)
    return head.ljust(128, b"\0") + body


def _rgb(red: tuple[float, ...], green: tuple[float, ...], blue: tuple[float, ...], curve: bytes) -> bytes:
    columns = {b"rXYZ": _xyz(*red), b"gXYZ": _xyz(*green), b"bXYZ": _xyz(*blue)}
    return _profile(b"RGB ", {**columns, **dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve)})


# The primaries seen under D50, by Bradford, as the profiles of Apple and of the ICC have them.
DISPLAY_P3 = _rgb((0.51512, 0.2412, -0.00105), (0.29198, 0.69225, 0.04189), (0.1571, 0.06657, 0.78407), _SRGB_CURVE)
SRGB = _rgb((0.43607, 0.22249, 0.01392), (0.38515, 0.71687, 0.09708), (0.14307, 0.06061, 0.7141), _SRGB_CURVE)


def _lightness_of_inks() -> bytes:
    """A printer whose four inks all are greys: each takes L* down by a quarter of 100."""
    corners = [255 - round(255 * bin(corner).count("1") / 4) for corner in range(16)]
    table = bytes(value for lightness in corners for value in (lightness, 128, 128))
    head = struct.pack(">4sIBBBB", b"mft1", 0, 4, 3, 2, 0) + _fixed(1, 0, 0, 0, 1, 0, 0, 0, 1)
    lut = head + bytes(range(256)) * 4 + table + bytes(range(256)) * 3
    return _profile(b"CMYK", {b"A2B0": lut, b"A2B1": lut}, kind=b"prtr", connection=b"Lab ")


# --- what the numbers should become, by the published formulas


def _linear(encoded: np.ndarray) -> np.ndarray:
    return np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)


def _encoded(linear: np.ndarray) -> np.ndarray:
    linear = np.clip(linear, 0, 1)
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


_P3_TO_SRGB = np.array(
    [[1.2249401763, -0.2249401763, 0.0], [-0.0420569547, 1.0420569547, 0.0], [-0.0196375546, -0.0786360456, 1.0982736]]
)
"""Of linear numbers: CSS Color 4, from the chromaticities of SMPTE EG 432-1 and ITU-R BT.709, both under D65."""


def _from_p3(pixels: np.ndarray) -> np.ndarray:
    return 255 * _encoded(_linear(pixels / 255) @ _P3_TO_SRGB.T)


def _file(image: Image.Image, kind: str, profile: bytes | None) -> bytes:
    content = io.BytesIO()
    settings = {"JPEG": {"quality": 100, "subsampling": 0}, "WEBP": {"lossless": True, "exact": True}}.get(kind, {})
    image.save(content, kind, icc_profile=profile, **settings)
    return content.getvalue()


def _shown(content: bytes | Image.Image) -> np.ndarray:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return read_photo(content, FREE).photos[0].original.astype(float)


@pytest.fixture(scope="module")
def colours() -> np.ndarray:
    steps = np.array([0, 1, 20, 90, 128, 200, 254, 255], np.uint8)
    return np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1).reshape(16, 32, 3)


# --- reading


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
def test_display_p3_becomes_srgb(colours, kind):
    shown = _shown(_file(Image.fromarray(colours), kind, DISPLAY_P3))
    assert np.abs(shown - _from_p3(colours)).max() <= 1.5
    assert np.abs(shown - colours).max() > 20  # there is something to see


def test_the_model_and_the_person_see_the_same(cat):
    content = _file(Image.fromarray(cat), "JPEG", DISPLAY_P3)
    with Image.open(io.BytesIO(content)) as image:
        before = np.asarray(image)
        images = read_photo(image, FREE)
        assert (np.asarray(image) == before).all()  # what was given is left alone
    assert np.abs(images.photos[0].original - _from_p3(before)).max() <= 1.5
    assert np.abs(255 * images.array[0] - images.photos[0].original).max() < 0.01


def test_a_high_photo_is_converted_whole(colours):
    high = np.tile(colours, (40, 40, 1))  # several bands of rows
    shown = _shown(_file(Image.fromarray(high), "PNG", DISPLAY_P3))
    assert (shown == np.tile(_shown(_file(Image.fromarray(colours), "PNG", DISPLAY_P3)), (40, 40, 1))).all()


@pytest.mark.parametrize("profile", [None, SRGB, ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()])
def test_srgb_is_read_as_it_stands(colours, profile):
    assert (_shown(_file(Image.fromarray(colours), "PNG", profile)) == colours).all()


def test_transparency_stays(colours):
    alpha = np.arange(512, dtype=np.uint8).reshape(16, 32, 1)
    layered = Image.fromarray(np.concatenate([colours, alpha], axis=2))
    shown = _shown(_file(layered, "PNG", DISPLAY_P3))
    share = alpha / 255
    ground = np.array(FREE.background)
    assert np.abs(shown - (share * _from_p3(colours) + (1 - share) * ground)).max() <= 2


def test_a_palette_has_a_profile_too(colours):
    image = Image.fromarray(colours).quantize(64)
    expected = _from_p3(np.asarray(image.convert("RGB")))
    assert np.abs(_shown(_file(image, "PNG", DISPLAY_P3)) - expected).max() <= 1.5


@pytest.mark.parametrize("mode", ["L", "LA"])
def test_grey_has_a_curve(mode):
    ramp = np.arange(256, dtype=np.uint8).reshape(16, 16)
    grey = Image.fromarray(ramp).convert(mode)
    shown = _shown(_file(grey, "PNG", _profile(b"GRAY", {b"kTRC": _gamma(1.8)})))
    expected = 255 * _encoded((ramp / 255) ** 1.8)
    assert np.abs(shown - expected[:, :, None]).max() <= 1.5


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_grey_of_16_bits_has_a_curve_and_keeps_its_fine_steps(kind):
    ramp = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for exponent in (1.8, 2.2):
            profile = _profile(b"GRAY", {b"kTRC": _gamma(exponent)})
            read = read_photo(_file(Image.fromarray(ramp), kind, profile), FREE).array[0, :, :, 0]
            assert np.abs(read - _encoded((ramp / 65535) ** exponent)).max() <= 2 / 65535
        as_it_stands = read_photo(_file(Image.fromarray(ramp), kind, GREY_SRGB), FREE).array[0, :, :, 0]
    assert np.abs(as_it_stands - ramp / 65535).max() <= 1e-6


def test_grey_of_16_bits_is_converted_upright_and_its_clear_colour_stays_clear():
    ramp = np.arange(0, 65536, 64, dtype=np.uint16).reshape(32, 32)
    content = io.BytesIO()
    profile = _profile(b"GRAY", {b"kTRC": _gamma(1.8)})
    Image.fromarray(ramp).save(content, "PNG", icc_profile=profile, transparency=int(ramp[3, 5]))
    with Image.open(io.BytesIO(content.getvalue())) as image:
        read = read_photo(image, FREE)
        assert (np.asarray(image) == ramp).all()  # what was given is left alone
    expected = _encoded((ramp / 65535) ** 1.8)
    expected[3, 5] = read.array[0, 3, 5, 0]
    assert np.abs(read.array[0, :, :, 0] - expected).max() <= 2 / 65535
    assert abs(read.array[0, 3, 5, 0] - _encoded((ramp[3, 5] / 65535) ** 1.8)) > 0.01, "the background shows"


def test_a_useless_profile_of_16_bits_is_said_and_left_aside():
    ramp = np.arange(0, 65536, 64, dtype=np.uint16).reshape(32, 32)
    for profile, reason in ((DISPLAY_P3, "is of RGB numbers, and the photo holds L"), (b"none", "is damaged")):
        with pytest.warns(SaccadeWarning, match=f"its colour profile {reason}; its colours are read as they stand"):
            read = read_photo(_file(Image.fromarray(ramp), "TIFF", profile), FREE)
        assert np.abs(read.array[0, :, :, 0] - ramp / 65535).max() <= 1e-6


@pytest.mark.parametrize("kind", ["TIFF", "JPEG"])
def test_inks_are_read_by_their_printer(kind):
    amounts = np.zeros((32, 32, 4), np.uint8)
    amounts[:16, 16:, 3] = amounts[16:, :16, 0] = amounts[16:, :16, 1] = amounts[16:, 16:] = 255
    shown = _shown(_file(Image.fromarray(amounts, "CMYK"), kind, _lightness_of_inks()))
    lightness = np.array([[100, 75], [50, 0]])
    cubed = (lightness + 16) / 116
    expected = 255 * _encoded(np.where(lightness > 8, cubed**3, lightness / 903.3))
    assert np.abs(shown[8::16, 8::16] - expected[:, :, None]).max() <= 2


def test_lab_is_read_with_and_without_a_profile():
    lightness = np.full((8, 8, 3), (round(2.55 * 50), 0, 0), np.uint8)
    image = Image.fromarray(lightness, "LAB")
    for profile in (None, ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()):
        assert np.abs(_shown(_file(image, "TIFF", profile)) - 118.9).max() <= 2  # L* of 50, neutral


# --- profiles that are of no use


_ONE_COLOUR = _rgb((0, 0, 0), (0, 0, 0), (0, 0, 0), _SRGB_CURVE)


@pytest.mark.parametrize(
    ("profile", "reason"),
    [
        (b"no profile at all", "is damaged"),
        (DISPLAY_P3[:200], "is damaged"),
        (DISPLAY_P3[:16] + b"XXXX" + DISPLAY_P3[20:], "is of XXXX numbers, and the photo holds RGB"),
        (_lightness_of_inks(), "is of CMYK numbers, and the photo holds RGB"),
        (_ONE_COLOUR, "is damaged: it makes all colours one"),
        (b"\0" * (9 * 2**20), "has 9,437,184 bytes, of which at most 8,388,608 are read"),
    ],
)
def test_useless_profiles_are_said_and_left_aside(colours, profile, reason):
    with pytest.warns(SaccadeWarning) as warned:
        shown = read_photo(_file(Image.fromarray(colours), "TIFF", profile), FREE).photos[0].original
    assert (shown == colours).all()
    assert [str(one.message) for one in warned] == [
        f"image 1: its colour profile {reason}; its colours are read as they stand."
    ]


def test_no_byte_of_a_profile_does_harm(colours):
    """Whatever is changed, the photo is read, or refused as damaged in one line."""
    image = Image.fromarray(colours)
    rng = np.random.default_rng(0)
    for original in (DISPLAY_P3, _lightness_of_inks()):
        for _ in range(150):
            profile = bytearray(original)
            for place in rng.integers(0, min(len(profile), 700), 3):
                profile[place] = rng.integers(0, 256)
            image.info["icc_profile"] = bytes(profile)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", SaccadeWarning)
                try:
                    assert read_photo(image, FREE).photos[0].original.shape == (16, 32, 3)
                except ImageError as error:
                    raise AssertionError(bytes(profile)) from error
