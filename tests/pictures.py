"""What the tests that read images share."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
from hypothesis import strategies as st
from PIL import Image

from saccade.images import ImageRecipe, read_photo

FREE = ImageRecipe(None, None, 3)
SIDES = st.integers(2, 60)
FITS = st.sampled_from(["stretch", "cover", "contain"])


def values(source, recipe=FREE):
    """What a model would get, (height, width, channels)."""
    return read_photo(source, recipe).array[0]


def saved(folder, name, image, **options):
    """Save a PIL image and give its path."""
    path = folder / name
    image.save(path, **options)
    return path


def tiff(path, array, *, colours=1, beside_colours=0):
    """Write an array as an uncompressed TIFF, whatever its numbers and bands.

    `colours` is the photometric interpretation (0: grey, white is zero; 1: grey; 2: RGB); the last `beside_colours`
    bands are neither colour nor transparency.
    """
    height, width, bands = array[..., None].shape[:3] if array.ndim == 2 else array.shape
    kind = {"u": 1, "i": 2, "f": 3, "c": 6}[array.dtype.kind]
    size = array.dtype.itemsize * 8
    longs = {256: [width], 257: [height], 273: [0], 278: [height], 279: [array.nbytes]}
    shorts = {258: [size] * bands, 259: [1], 262: [colours], 277: [bands], 284: [1], 339: [kind] * bands}
    if beside_colours:
        shorts[338] = [0] * beside_colours
    tags = sorted([(tag, "I", numbers) for tag, numbers in longs.items()] + [(t, "H", n) for t, n in shorts.items()])
    place = 8 + 2 + 12 * len(tags) + 4
    table, beside = b"", b""
    pixels = place + sum(2 * len(numbers) for _, letter, numbers in tags if letter == "H" and len(numbers) > 2)
    for tag, letter, numbers in tags:
        values = struct.pack(f"<{len(numbers)}{letter}", *([pixels] if tag == 273 else numbers))
        if len(values) > 4:
            values, beside = struct.pack("<I", place + len(beside)), beside + values
        table += struct.pack("<HHI", tag, 3 if letter == "H" else 4, len(numbers)) + values.ljust(4, b"\0")
    path.write_bytes(b"II*\0" + struct.pack("<IH", 8, len(tags)) + table + bytes(4) + beside + array.tobytes())
    return path


def clear_half():
    """An image whose right half is transparent."""
    image = np.zeros((8, 8, 4), np.uint8)
    image[..., 0] = 200
    image[:, :4, 3] = 255
    image[:, 4:, 3] = 51  # one fifth
    return image


def discs(root: Path) -> Path:
    """Make twenty photographs of a coloured disc on another colour, in two folders."""
    generator = np.random.default_rng(0)
    rows, columns = np.mgrid[:40, :48]
    for index in range(20):
        centre, radius = generator.uniform(12, 30, 2), generator.uniform(6, 14)
        disc = (rows - centre[0]) ** 2 + (columns - centre[1]) ** 2 < radius**2
        ground, colour = generator.integers(0, 256, (2, 3))
        pixels = np.where(disc[..., None], colour, ground).astype(np.uint8)
        path = root / ("even", "odd")[index % 2] / f"disc_{index:02}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)
    return root
