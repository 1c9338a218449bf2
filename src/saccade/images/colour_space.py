"""The colours that a photo's numbers mean: numbers of another colour space (ICC profile) become those of sRGB.

Phones save photos in Display P3, whose numbers look paler when they are taken for sRGB, as models and drawings take
them. Printers' CMYK needs its profile more still. A profile that is damaged or of another kind of image is left aside
with a warning, and the numbers are read as they stand.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from saccade.images.grey_profile import GREY_SRGB

if TYPE_CHECKING:
    from PIL import ImageCms

Conversion = Callable[[Image.Image], Image.Image]

_LARGEST = 8 * 2**20
"""Profiles of printers have up to some 3 MB; more is not handed to the library that reads them."""
_SPACES = {"RGB": "RGB ", "L": "GRAY", "CMYK": "CMYK", "LAB": "Lab "}
"""Pillow's modes that a conversion starts from, and what a profile of such images calls its colour space."""
_SAME = 1
"""Profiles that change no colour by more steps of 255 than this are sRGB under one of its many names."""
_FLAT = 128
"""A profile under which black and white are no more steps of 255 apart is damaged."""


class UnusableProfile(Exception):
    """Why a profile is left aside, as the end of a sentence about the photo."""


def conversion(profile: object, mode: str) -> Conversion | None:
    """What makes sRGB of images in this mode: RGB, L, CMYK or LAB, each with or without transparency.

    Args:
        profile: The content of the ICC profile.
        mode: Pillow's mode without transparency.

    Returns:
        A function from images in this mode to RGB images, or to L from L. None: the profile is that of sRGB.

    Raises:
        UnusableProfile: It is damaged, too large, or of another kind of image.
    """
    return _conversion(_content(profile), mode)


def grey_curve(profile: object) -> NDArray[np.uint16] | None:
    """What becomes of each of the 65,536 greys of 16 bits in sRGB; None: the profile is that of sRGB.

    Args:
        profile: The content of the ICC profile.

    Raises:
        UnusableProfile: As for `conversion`.
    """
    return _grey_curve(_content(profile))


def _content(profile: object) -> bytes:
    if not isinstance(profile, bytes):
        raise UnusableProfile("is no profile")
    if len(profile) > _LARGEST:
        raise UnusableProfile(f"has {len(profile):,} bytes, of which at most {_LARGEST:,} are read")
    return profile


def _opened(profile: bytes, mode: str) -> ImageCms.ImageCmsProfile:
    """The profile of images in this mode."""
    from PIL import ImageCms

    try:
        opened = ImageCms.ImageCmsProfile(BytesIO(profile))
        space = opened.profile.xcolor_space
    except ImportError as error:
        raise UnusableProfile("cannot be read, since this build of Pillow lacks LittleCMS") from error
    except Exception as error:  # whatever may be wrong with a note beside the pixels
        raise UnusableProfile("is damaged") from error
    if space != _SPACES.get(mode):
        raise UnusableProfile(f"is of {space.strip() or 'unknown'} numbers, and the photo holds {mode}")
    return opened


@lru_cache(maxsize=4)
def _grey_curve(profile: bytes) -> NDArray[np.uint16] | None:
    from PIL import ImageCms

    opened = _opened(profile, "L")
    greys = np.arange(65536, dtype=np.uint16)[None]
    try:
        transform = ImageCms.buildTransform(
            opened,
            ImageCms.ImageCmsProfile(BytesIO(GREY_SRGB)),
            "I;16",
            "I;16",
            ImageCms.Intent.RELATIVE_COLORIMETRIC,
            # Tables that are made to be quick are off by more than a step of 8 bits in the dark.
            ImageCms.Flags.BLACKPOINTCOMPENSATION | ImageCms.Flags.NOOPTIMIZE,
        )
        curve = np.array(transform.apply(Image.fromarray(greys)), np.uint16)[0]
    except Exception as error:
        raise UnusableProfile("is damaged") from error
    if np.ptp(curve) < _FLAT * 257:
        raise UnusableProfile("is damaged: it makes all colours one")
    curve.setflags(write=False)
    return None if np.abs(curve.astype(np.int32) - greys[0]).max() <= _SAME * 257 else curve


@lru_cache(maxsize=4)  # a folder's photos mostly come from one camera
def _conversion(profile: bytes, mode: str) -> Conversion | None:
    from PIL import ImageCms

    opened = _opened(profile, mode)
    try:
        transform = ImageCms.buildTransform(
            opened,
            ImageCms.createProfile("sRGB"),
            mode,
            "RGB",
            ImageCms.Intent.RELATIVE_COLORIMETRIC,
            ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
        before, after = _trial(mode, transform)
    except Exception as error:
        raise UnusableProfile("is damaged") from error
    if np.ptp(after) < _FLAT:
        raise UnusableProfile("is damaged: it makes all colours one")
    if mode in ("RGB", "L"):
        if np.abs(before - after).max() <= _SAME:
            return None
        if mode == "L":
            curve = after[:, 1].tolist()
            return lambda image: image.point(curve)
    return transform.apply


def _trial(mode: str, transform: ImageCms.ImageCmsTransform) -> tuple[NDArray[np.int16], NDArray[np.int16]]:
    """Colours spread over the whole space, before and after, int16 (colours, bands)."""
    steps = np.arange(256, dtype=np.uint8) if mode == "L" else np.array([0, 36, 73, 109, 146, 182, 219, 255], np.uint8)
    bands = len(Image.new(mode, (1, 1)).getbands())
    grid = np.stack(np.meshgrid(*[steps] * bands, indexing="ij"), axis=-1).reshape(-1, bands)
    image = Image.frombytes(mode, (len(grid), 1), grid.tobytes())
    return grid.astype(np.int16), np.asarray(transform.apply(image))[0].astype(np.int16)
