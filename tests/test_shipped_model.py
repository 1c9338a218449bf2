"""The model that ships, on every engine, against numpy in float64; and the maps it gives."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

import asking
import keras
import nets
import numpy as np
import pytest
from skimage import data

import saccade
from saccade import targets
from saccade.methods import find
from saccade.targets import COSINE
from saccade.targets.paths import ONCE, STAY

pytestmark = pytest.mark.engine

SHIPPED = files("saccade") / "shipped"


@pytest.fixture(scope="module")
def encoder() -> saccade.Encoder:
    return saccade.load(str(SHIPPED / "clothing-autoencoder.keras"))


@pytest.fixture(scope="module")
def images(encoder: saccade.Encoder) -> Any:
    return encoder.read([data.chelsea(), data.coffee()])


def in_numpy(model: keras.Model, pictures: Any) -> Any:
    """The code, written out in float64 from the weights alone."""
    x = np.asarray(pictures, np.float64)
    for layer in model.layers:
        if isinstance(layer, keras.layers.Conv2D):
            kernel, bias = (keras.ops.convert_to_numpy(each) for each in (layer.kernel, layer.bias))
            assert layer.activation.__name__ == "elu"
            x = nets._elu(nets._conv(x, kernel, bias))
        elif isinstance(layer, keras.layers.MaxPooling2D):
            x = nets._pool(x)
        if layer.name == "encoded":
            return x
    raise AssertionError("no layer named encoded")


def test_it_is_small_and_says_how_it_was_made() -> None:
    assert len((SHIPPED / "clothing-autoencoder.keras").read_bytes()) <= 3 * 2**20
    record = json.loads((SHIPPED / "clothing-autoencoder.json").read_text())
    text = json.dumps(record)
    for word in ("seed", "steps", "loss", "made_by", "CC0"):
        assert word in text


def test_codes_agree_with_numpy(encoder: saccade.Encoder, images: Any) -> None:
    expected = in_numpy(encoder.network.model, images.array)  # type: ignore[attr-defined]
    assert expected.shape == (2, 8, 8, 64)
    np.testing.assert_allclose(encoder.codes(images), expected, rtol=0, atol=1e-4 * np.abs(expected).max())


def test_slopes_agree_with_differences_in_float64(encoder: saccade.Encoder, images: Any) -> None:
    model = encoder.network.model  # type: ignore[attr-defined]
    # A little noise: where neighbouring pixels are equal, max-pooling has a kink and no gradient to agree on.
    random = np.random.default_rng(1)
    copies = np.repeat(images.array, 4, axis=0)
    pictures = (copies + 0.02 * random.normal(size=copies.shape)).astype(np.float32)
    other = in_numpy(model, pictures[::-1])
    gradient = asking.gradient(encoder, pictures, targets.like(pictures[::-1].copy()), STAY, ONCE).astype(np.float64)

    def score(moved: Any) -> Any:
        values = in_numpy(model, moved)
        axes = (1, 2, 3)
        sums = tuple((a * b).sum(axis=axes) for a, b in ((values, other), (values, values), (other, other)))
        return COSINE.number(sums, 4096)

    way = random.normal(size=pictures.shape)
    step = 4e-9  # small enough that no maximum changes hands on the way, with 1e-8 one still does
    change = (score(pictures + step * way) - score(pictures - step * way)) / (2 * step)
    off = np.abs((gradient * way).sum(axis=(1, 2, 3)) - change) / np.sqrt((gradient**2).sum(axis=(1, 2, 3)))
    # Of the 60,000 maxima of a picture float32 may decide one otherwise than float64; that costs a little.
    assert np.median(off) <= 1e-5, off
    assert off.max() <= 1e-2, off


def test_tiling_is_exact_and_the_steps_add_up(encoder: saccade.Encoder, images: Any) -> None:
    tiled = find("occlusion")(encoder, images.array, targets.code())
    plain = find("occlusion")(encoder, images.array, targets.code(), tiled=False)
    assert tiled.settings["passes"] < tiled.settings["holes"]
    np.testing.assert_allclose(tiled.raw, plain.raw, rtol=0, atol=1e-5 * np.abs(plain.raw).max())
    attribution = find("integrated_gradients")(encoder, images.array, targets.code(), steps=64)
    change = attribution.scores["score"] - attribution.scores["score_at_baseline"]
    assert (np.abs(attribution.scores["completeness_gap"]) <= 0.01 * np.abs(change)).all()


def test_it_looks_at_the_eyes_and_the_nose_of_the_cat(encoder: saccade.Encoder) -> None:
    # Boxes drawn by hand on the photograph (300 high, 451 wide): the two eyes and the nose.
    look = saccade.explain(encoder, data.chelsea())
    placed = look.on_photo(0)
    boxes = [(80, 170, 120, 240), (80, 170, 265, 385), (215, 280, 215, 305)]
    share = sum(placed[t:b, left:right].sum() for t, b, left, right in boxes) / placed.sum()
    area = sum((b - t) * (right - left) for t, b, left, right in boxes) / placed.size
    assert share > 1.5 * area
