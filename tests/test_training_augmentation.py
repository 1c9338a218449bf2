"""Variations of photos: the same on every framework, within the values of a photo, and none at strength zero."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, map_coordinates

from saccade.images import ImageRecipe, read
from saccade.training.augmentation import Strengths, numbers_needed, vary

pytestmark = pytest.mark.engine

UNVARIED = Strengths(*[0.0] * len(dataclasses.fields(Strengths)))
"""No variation at all: photos at another size."""


def smooth(count: int, height: int, width: int, channels: int, seed: int = 0) -> np.ndarray:
    noise = np.random.default_rng(seed).random((count, height, width, channels))
    blurred = gaussian_filter(noise, (0, 3, 3, 0))
    low, high = blurred.min(), blurred.max()
    return np.uint8(np.rint((blurred - low) / (high - low) * 255))


def drawn(count: int, channels: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random((count, numbers_needed(channels)), np.float32)


def varied(pool: np.ndarray, indices: Any, numbers: np.ndarray, size: int, strengths: Strengths) -> np.ndarray:
    from keras import ops

    tensors = (ops.convert_to_tensor(values) for values in (pool, np.asarray(indices, np.int32), numbers))
    return ops.convert_to_numpy(vary(*tensors, size, strengths))


def one_by_one(photo: np.ndarray, numbers: np.ndarray, size: int, strengths: Strengths) -> np.ndarray:
    """The textbook form: one photo, one change after the other."""
    height, width, channels = photo.shape
    numbers = list(numbers.astype(np.float64))

    def happens(probability: float) -> bool:
        return numbers.pop(0) < probability

    def signed(count: int) -> np.ndarray:
        return np.array([2 * numbers.pop(0) - 1 for _ in range(count)])

    wide, high = (1 - strengths.crop * (1 - numbers.pop(0) ** 0.7) for _ in range(2))
    if not happens(strengths.stretch):
        high = wide
    mirror, flip = (-1 if happens(share) else 1 for share in (strengths.mirror, strengths.upside_down))
    rotated, turn = happens(strengths.rotate), signed(1)[0]
    angle = strengths.angle * turn if rotated else 0.0
    left, top = signed(1)[0] * (1 - wide), signed(1)[0] * (1 - high)
    line = (np.arange(2 * size) + 0.5) / size - 1
    y, x = np.meshgrid(line, line, indexing="ij")
    across = wide * (mirror * np.cos(angle) * x - flip * np.sin(angle) * y) + left
    down = high * (mirror * np.sin(angle) * x + flip * np.cos(angle) * y) + top
    places = [(down + 1) / 2 * height - 0.5, (across + 1) / 2 * width - 0.5]
    planes = [map_coordinates(photo[..., band] / 255, places, order=1, mode="reflect") for band in range(channels)]
    image = np.stack(planes, -1).reshape(size, 2, size, 2, channels).mean((1, 3))
    swapped, order = happens(strengths.swap), np.argsort([numbers.pop(0) for _ in range(channels)])
    if swapped:
        image = image[..., order]
    if happens(strengths.negative):
        image = 1 - image
    gain = (1 + strengths.gain * signed(1)) * (1 + strengths.channel_gain * signed(channels))
    offset = strengths.offset * signed(1) + strengths.channel_offset * signed(channels)
    image = (image - 0.5) * gain + 0.5 + offset
    if happens(strengths.grey):
        image = np.broadcast_to(image.mean(-1, keepdims=True), image.shape)
    assert not numbers
    return np.clip(image, 0, 1)


@pytest.mark.parametrize(("height", "width", "channels"), [(30, 30, 3), (18, 40, 3), (25, 25, 1)])
def test_variations_are_what_the_textbook_form_gives(height: int, width: int, channels: int) -> None:
    pool = smooth(5, height, width, channels)
    indices = [4, 0, 0, 2, 1, 3] * 4
    # Everything happens often, so that each change is tried with the others.
    often = {"mirror": 0.5, "upside_down": 0.5, "rotate": 0.7, "angle": 0.9, "swap": 0.6, "negative": 0.4, "grey": 0.3}
    strengths = Strengths(**often)
    numbers = drawn(len(indices), channels)
    images = varied(pool, indices, numbers, 16, strengths)
    assert images.dtype == np.float32
    assert images.shape == (len(indices), 16, 16, channels)
    for image, index, row in zip(images, indices, numbers, strict=True):
        np.testing.assert_allclose(image, one_by_one(pool[index], row, 16, strengths), rtol=0, atol=2e-5)


def test_values_stay_those_of_a_photo_whatever_is_drawn() -> None:
    pool = np.random.default_rng(0).integers(0, 256, (3, 20, 20, 3)).astype(np.uint8)
    pool[2] = 255
    almost_one = np.nextafter(np.float32(1), np.float32(0))
    wild = Strengths(*[1.0] * 13)
    numbers = np.random.default_rng(1).choice(np.array([0, 0.5, almost_one], np.float32), (60, numbers_needed(3)))
    for strengths in (Strengths(), wild):
        images = varied(pool, [0, 1, 2] * 20, numbers, 8, strengths)
        assert np.isfinite(images).all()
        assert images.min() >= 0
        assert images.max() <= 1


def test_at_strength_zero_a_variation_is_the_photo_at_another_size() -> None:
    pool = smooth(3, 48, 48, 3)
    images = varied(pool, [2, 0], drawn(2, 3), 32, UNVARIED)
    expected = read([pool[2], pool[0]], ImageRecipe(32, 32, 3)).array
    np.testing.assert_allclose(images, expected, rtol=0, atol=0.012)
    assert np.abs(images[0] - expected[1]).max() > 0.2


def test_each_strength_alone_changes_what_it_says_and_nothing_else() -> None:
    pool = smooth(1, 36, 36, 3)
    plain = varied(pool, [0] * 40, drawn(40, 3), 24, UNVARIED)

    def only(**strength: float) -> np.ndarray:
        return varied(pool, [0] * 40, drawn(40, 3), 24, dataclasses.replace(UNVARIED, **strength))

    same = {"rtol": 0, "atol": 1e-5}
    np.testing.assert_allclose(only(mirror=1.0), plain[:, :, ::-1], **same)
    np.testing.assert_allclose(only(upside_down=1.0), plain[:, ::-1], **same)
    np.testing.assert_allclose(only(negative=1.0), 1 - plain, **same)
    np.testing.assert_allclose(only(grey=1.0), np.broadcast_to(plain.mean(-1, keepdims=True), plain.shape), **same)
    np.testing.assert_allclose(np.sort(only(swap=1.0), -1), np.sort(plain, -1), **same)
    offset = only(offset=0.1)
    inside = (offset > 0) & (offset < 1)
    change = np.where(inside, offset - plain, np.nan)
    assert np.nanmax(np.ptp(np.nan_to_num(change, nan=np.nanmean(change)), axis=0)) > 0.1
    assert np.nanmax(np.nanstd(change, axis=(1, 2, 3))) < 1e-5
    half = only(mirror=0.5)
    mirrored = (np.abs(half - plain).max((1, 2, 3)) > 1e-3).mean()
    assert 0.2 < mirrored < 0.8
