"""Jacobian energy: against a closed form, full Jacobians by finite differences, and the error that probes promise."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import lru_cache

import keras
import nets
import numpy as np
import pytest
from numpy.typing import NDArray

import saccade
from saccade import targets
from saccade.encoder import Encoder
from saccade.errors import InputError, NotApplicable, SaccadeWarning
from saccade.methods import find
from saccade.models.dataflow import POINTWISE, Dataflow, Operation
from saccade.run import Run

pytestmark = pytest.mark.engine

Array = NDArray[np.float32]


@lru_cache
def encoder_of(name: str) -> Encoder:
    build, layer = {**nets.LOCAL, **nets.MIXING}[name]
    return Encoder(build(), layer=layer)


def pictures(encoder: Encoder, count: int = 1) -> Array:
    return nets.pictures(encoder.network.model, count)  # type: ignore[attr-defined]


def jacobian(function: Callable[[NDArray[np.float64]], NDArray[np.float64]], image: Array) -> NDArray[np.float64]:
    """Central differences, one pixel at a time: (height, width, channels, rows, columns, code channels)."""
    step, columns = 1e-5, []
    for place in np.ndindex(image.shape):
        above, below = image.astype(np.float64), image.astype(np.float64)
        above[place] += step
        below[place] -= step
        columns.append((function(above[None])[0] - function(below[None])[0]) / (2 * step))
    return np.stack(columns).reshape(*image.shape, *columns[0].shape)


def test_finite_differences_of_the_whole_jacobian() -> None:
    model = nets.autoencoder(12, 2)
    encoder = Encoder(model, layer="encoded")
    image = nets.pictures(model, 1)
    run = nets.numpy_autoencoder(nets.weights_of(model))
    full = jacobian(lambda x: run(x, {})["encoded"], image[0])
    assert full.shape[3:] == (3, 3, 3)
    for target, picked in (
        (targets.code(), np.s_[...]),
        (targets.channel(1), np.s_[..., 1]),
        (targets.channel(-1), np.s_[..., 2]),
        (targets.cell(1, 2), np.s_[..., 1, 2, :]),
    ):
        squares = (full[picked] ** 2).reshape(*image.shape[1:], -1).sum(axis=-1)
        attribution = find("jacobian_energy")(encoder, image, target, low_pass=0)
        np.testing.assert_allclose(attribution.raw[0], squares, rtol=2e-4, atol=1e-5 * squares.max())
        np.testing.assert_allclose(attribution.values[0], squares.sum(axis=-1), rtol=2e-4, atol=1e-5 * squares.max())
        assert "distance" in attribution.units
        assert not attribution.signed


def test_a_linear_net_has_the_energy_of_its_kernel_everywhere() -> None:
    rng = np.random.default_rng(1)
    inputs = keras.Input((15, 18, 2))
    model = keras.Model(inputs, keras.layers.Conv2D(5, 3, strides=3, use_bias=False, name="encoded")(inputs))
    kernel = rng.normal(size=(3, 3, 2, 5)).astype(np.float32)
    model.set_weights([kernel])
    encoder = Encoder(model, value_range=(0, 1))
    images = rng.random((2, 15, 18, 2), dtype=np.float32)
    attribution = find("jacobian_energy")(encoder, images, targets.code(), low_pass=0)
    # Windows of 3 px every 3 px tile the picture: each pixel is read once, with one place of the kernel.
    tiled = np.tile((kernel.astype(np.float64) ** 2).sum(axis=-1), (5, 6, 1))
    np.testing.assert_allclose(attribution.raw, np.stack([tiled, tiled]), rtol=1e-5)
    np.testing.assert_allclose(attribution.values[0], tiled.sum(axis=-1), rtol=1e-5)
    assert attribution.settings["passes"] == 5  # one colour, five channels


@pytest.mark.parametrize("name", ["reference", "odd", "upsampling", "dense", "pooled"])
def test_exact_energy_is_the_sum_over_lone_numbers(name: str) -> None:
    encoder = encoder_of(name)
    image = pictures(encoder)
    codes = encoder.codes(image)
    own = encoder.activations(image, [encoder.layer])[encoder.layer].shape[1:]
    naive = np.zeros(image.shape)
    numbers = np.zeros((-(-codes.size // 16) * 16, codes.size), np.float32)  # sixteen at once, as compiled already
    np.fill_diagonal(numbers, 1)
    for group in numbers.reshape(-1, 16, 1, *own):
        gradients = Run(encoder).vjp(image, encoder.layer, group)
        naive += (gradients.astype(np.float64) ** 2).sum(axis=0)
    attribution = find("jacobian_energy")(encoder, image, targets.code(), low_pass=0)
    np.testing.assert_allclose(attribution.raw, naive, rtol=1e-4, atol=1e-6 * naive.max())
    assert any("exact" in note for note in attribution.notes)
    assert "relative_error" not in attribution.scores
    shared = codes.shape[1] * codes.shape[2] > 1
    assert (attribution.settings["passes"] < codes.size) == shared


def test_probes_have_the_error_that_they_tell() -> None:
    encoder = encoder_of("reference")
    images = pictures(encoder, 2)
    exact = find("jacobian_energy")(encoder, images, targets.code(), low_pass=0).raw.sum(axis=-1, dtype=np.float64)
    size = np.sqrt((exact**2).sum(axis=(1, 2)))
    stated, true = [], []
    for seed in range(6):
        attribution = find("jacobian_energy")(encoder, images, targets.code(), probes=32, low_pass=0, seed=seed)
        stated.append(attribution.scores["relative_error"])
        true.append(np.sqrt(((attribution.raw.sum(axis=-1) - exact) ** 2).sum(axis=(1, 2))) / size)
        assert f"relative error about {100 * stated[-1].max():.2g} %" in attribution.notes[0]
    # The spread of six runs round their own mean leaves about 12 % of chance here.
    np.testing.assert_allclose(np.mean(stated, axis=0), np.sqrt(np.mean(np.square(true), axis=0)), rtol=0.35)
    many = find("jacobian_energy")(encoder, images, targets.code(), probes=512, low_pass=0)
    assert np.mean(stated) / many.scores["relative_error"].mean() == pytest.approx(4, rel=0.25)
    closer = np.sqrt(((many.raw.sum(axis=-1) - exact) ** 2).sum(axis=(1, 2))) / size
    assert (closer < 2 * many.scores["relative_error"]).all()
    assert closer.mean() < 0.5 * np.mean(true)


def test_probes_are_unbiased_repeatable_and_only_touch_what_is_meant() -> None:
    encoder = encoder_of("reference")
    image = pictures(encoder)
    ask = find("jacobian_energy")
    first, again = (ask(encoder, image, targets.cell(2, 2), probes=16, seed=4) for _ in range(2))
    np.testing.assert_array_equal(first.raw, again.raw)
    assert np.abs(first.raw - ask(encoder, image, targets.cell(2, 2), probes=16, seed=5).raw).max() > 0
    flow = encoder.dataflow(24, 24)
    (top, bottom), (left, right) = (flow.field("encoded", axis, (2, 3)) for axis in (0, 1))
    outside = np.ones((24, 24), bool)
    outside[top:bottom, left:right] = False
    assert not first.raw[0, outside].any()
    assert first.raw[0, ~outside].any()
    exact = ask(encoder, image, targets.cell(2, 2), probes=0).raw
    mean = np.mean([ask(encoder, image, targets.cell(2, 2), probes=16, seed=k).raw for k in range(12)], axis=0)
    assert mean.sum() == pytest.approx(exact.sum(), rel=0.12)


def test_the_default_is_exact_as_far_as_that_is_affordable(monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = encoder_of("reference")
    image = pictures(encoder)
    exact = find("jacobian_energy")(encoder, image, targets.code())
    assert exact.settings["probes"] == 0
    home = importlib.import_module("saccade.methods.jacobian_energy")
    monkeypatch.setattr(home, "EXACT_PASSES", exact.settings["passes"] - 1)
    monkeypatch.setattr(home, "PROBES", 8)
    attribution = find("jacobian_energy")(encoder, image, targets.code())
    assert attribution.settings["probes"] == attribution.settings["passes"] == 8
    assert find("jacobian_energy")(encoder, image, targets.code(), probes=0).settings == exact.settings


def test_smoothing_keeps_the_energy() -> None:
    encoder = encoder_of("reference")
    image = pictures(encoder)
    plain, soft = (find("jacobian_energy")(encoder, image, targets.code(), low_pass=each) for each in (0, 1.5))
    np.testing.assert_array_equal(plain.raw, soft.raw)
    assert soft.values.sum(dtype=np.float64) == pytest.approx(plain.raw.sum(dtype=np.float64), rel=1e-4)
    assert any("1.5 px" in note for note in soft.notes)


def test_a_wrong_geometry_is_noticed_and_mended(monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = encoder_of("reference")
    image = pictures(encoder)
    true = find("jacobian_energy")(encoder, image, targets.channel(0))
    flow = encoder.dataflow(24, 24)
    lie = {
        name: Operation(each.inputs, POINTWISE if each.grid == (24, 24) else each.windows, each.grid)
        for name, each in flow.operations.items()
    }
    monkeypatch.setattr(encoder, "dataflow", lambda height, width: Dataflow((height, width), lie))
    with pytest.warns(SaccadeWarning, match="colouring does not hold"):
        mended = find("jacobian_energy")(encoder, image, targets.channel(0))
    assert mended.settings["passes"] == 36
    np.testing.assert_allclose(mended.raw, true.raw, rtol=1e-4, atol=1e-6 * true.raw.max())


def test_what_it_cannot_answer_is_refused_before_computing() -> None:
    encoder = encoder_of("reference")
    image = pictures(encoder)
    before = encoder.engine.traces
    for target in (targets.like(image), targets.reconstruction_error()):
        with pytest.raises(NotApplicable, match="use saliency"):
            find("jacobian_energy")(encoder, image, target)
    assert encoder.engine.traces == before
    for probes in (-1, 1):
        with pytest.raises(InputError, match="2 or more"):
            find("jacobian_energy")(encoder, image, targets.code(), probes=probes)
    with pytest.raises(InputError, match="3 channels"):
        find("jacobian_energy")(encoder, image, targets.channel(3))


def test_it_is_reached_by_name_and_says_what_it_counts() -> None:
    encoder = encoder_of("reference")
    image = pictures(encoder)
    look = saccade.explain(encoder, image, method="jacobian_energy", target="channel:2", low_pass=0)
    assert look.settings["passes"] == 9  # one channel, nine groups of cells that share no pixel
    assert look.units.startswith("squared distance")
    parts = [find("jacobian_energy")(encoder, image, targets.channel(k), low_pass=0).raw for k in range(3)]
    whole = find("jacobian_energy")(encoder, image, targets.code(), low_pass=0).raw
    np.testing.assert_allclose(sum(parts), whole, rtol=1e-5, atol=1e-7 * whole.max())
