"""What is done on an accelerator in place of the host, computed here on the processor: the same numbers come out."""

from __future__ import annotations

from typing import Any

import nets
import numpy as np
import pytest
from reference_engine import ReferenceBackend

import saccade
from saccade.attribution.masks import RandomMasks
from saccade.encoder import Encoder
from saccade.engines import joined_maps
from saccade.engines.capacity import FASTEST_BATCH
from saccade.models.numpy_network import NumpyNetwork
from saccade.occlusion import stages
from saccade.occlusion.stages import Pasted
from saccade.occlusion.tiling import Tiling, apart, holes
from saccade.targets.noise import NormalPoints, draw_normal, normal_quantiles, pattern_keys

pytestmark = pytest.mark.engine


def encoder_of(monkeypatch: pytest.MonkeyPatch, *, accelerator: bool) -> Encoder:
    encoder = Encoder(nets.deep_autoencoder(), layer="encoded")
    if accelerator:
        monkeypatch.setattr(type(encoder.engine.backend), "is_accelerator", True)
        encoder = Encoder(encoder.network.model, layer="encoded")  # type: ignore[attr-defined]
    return encoder


@pytest.fixture
def both(monkeypatch: pytest.MonkeyPatch) -> tuple[Any, Any]:
    """The same model as it is computed on a processor, and as on an accelerator; and two images."""
    plain = encoder_of(monkeypatch, accelerator=False)
    images = nets.pictures(plain.network.model, 2)  # type: ignore[attr-defined]

    def explain(name: str, **settings: Any) -> tuple[Any, Any]:
        expected = saccade.explain(plain, images, name, **settings)
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(type(plain.engine.backend), "is_accelerator", True)
            other = Encoder(plain.network.model, layer="encoded")  # type: ignore[attr-defined]
            other.engine.batch = FASTEST_BATCH
            return expected, saccade.explain(other, images, name, **settings)

    return explain, images


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("saliency", {}),
        ("saliency", {"low_pass": 0}),
        ("integrated_gradients", {"steps": 5}),
        ("input_x_gradient", {}),
        ("smoothgrad", {"samples": 9}),
        ("vargrad", {"samples": 9}),
        ("relax", {"masks": 48, "cells": 4}),
        ("occlusion", {"patch": 5, "stride": 4}),
        ("sobol", {"cells": 3, "designs": 4}),
    ],
)
def test_maps_are_those_of_a_processor(both: Any, name: str, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stages, "WORTH_A_PICTURE", 1)
    monkeypatch.setattr(stages, "WORTH_ON_ACCELERATOR", 1)
    monkeypatch.setattr(stages, "WORTH_IN_ALL", 1)
    monkeypatch.setattr(joined_maps, "_MAPS", 1)
    expected, attribution = both[0](name, **settings)
    np.testing.assert_allclose(attribution.values, expected.values, rtol=0, atol=2e-5 * np.abs(expected.values).max())
    if name == "occlusion":
        assert attribution.settings["stages"] == expected.settings["stages"] != {}


def test_gradients_whose_squares_are_no_float32_are_joined_on_the_host(both: Any) -> None:
    tiny = saccade.targets.of(lambda code: code[:, 0, 0, 0] * 1e-25, name="tiny")
    expected, attribution = both[0]("saliency", target=tiny)
    assert 0 < np.abs(expected.values).max() < 1e-20
    np.testing.assert_allclose(attribution.values, expected.values, rtol=0, atol=2e-5 * np.abs(expected.values).max())


def test_noise_is_the_same_to_the_last_bit() -> None:
    encoder = Encoder(nets.autoencoder(24), layer="encoded")
    backend = encoder.engine.backend
    keys = pattern_keys(7, 3, 9)
    for count in (1, 2, 301):
        expected = np.empty((6, count), np.float32)
        for key, row in zip(keys, expected, strict=True):
            draw_normal(key, row)
        with backend.context():
            np.testing.assert_array_equal(backend.array(backend.normal(keys, count)), expected)
    reference = ReferenceBackend(NumpyNetwork(lambda images, taps: {"code": images}, (4, 4, 1)))
    np.testing.assert_array_equal(reference.array(reference.normal(keys, 301)), expected)


@pytest.mark.parametrize("paired", [True, False])
@pytest.mark.parametrize(("start", "stop"), [(0, 7), (1, 2), (3, 7)])
def test_points_made_on_the_device_are_those_taken_on_the_host(paired: bool, start: int, stop: int) -> None:
    encoder = Encoder(nets.autoencoder(24), layer="encoded")
    backend = encoder.engine.backend
    drawn = RandomMasks(2, 9, (24, 20), (4, 3))
    for points in (NormalPoints(5, 7, (6, 5, 3), paired), drawn):
        expected = points.take(start, stop)
        with backend.context():
            on_device = {name: backend.array(tensor) for name, tensor in points.make(backend, start, stop).items()}
        assert on_device.keys() == expected.keys()
        for name in on_device:
            np.testing.assert_array_equal(on_device[name], expected[name])


def test_footprints_pasted_on_the_device_are_those_pasted_on_the_host() -> None:
    encoder = Encoder(nets.deep_autoencoder(), layer="encoded")
    backend = encoder.engine.backend
    where = holes((48, 48), (5, 5), (4, 4))
    flow = encoder.dataflow(48, 48)

    def plan(layer: str) -> Tiling:
        rows, columns = (
            tuple(flow.footprint(layer, axis, (start, start + 5)) for start in starts)
            for axis, starts in ((0, where.rows), (1, where.columns))
        )
        return Tiling(where, apart(rows), apart(columns), rows, columns)

    before, after = plan("pool_2"), plan("encoded")
    grid = flow.grid("pool_2")
    assert grid is not None
    values = np.random.default_rng(0).random((1 + before.passes, *grid, 3), np.float32)
    expected = Pasted(values, before, after).take(0, 1 + after.passes)["values"]
    with backend.context():
        on_device = Pasted(backend.tensor(values), before, after).make(backend, 0, 1 + after.passes)["values"]
    np.testing.assert_array_equal(backend.array(on_device), expected)


def test_how_many_images_are_computed_together_is_measured_once(monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = encoder_of(monkeypatch, accelerator=True)
    engine = encoder.engine
    assert engine.batch is None
    images = nets.pictures(encoder.network.model, 1)  # type: ignore[attr-defined]
    sizes: list[int] = []

    def seconds(rows: Any, layers: Any) -> float:
        assert layers
        sizes.append(len(rows))
        return 1.0 if len(rows) <= 128 else len(rows) / 128 * 1.05  # up to 128 at once cost the time of one

    monkeypatch.setattr(engine, "_seconds", seconds)
    saccade.explain(encoder, images, "saliency")
    assert engine.batch is None
    saccade.explain(encoder, images, "smoothgrad", samples=200)
    saccade.explain(encoder, images, "smoothgrad", samples=200)
    assert sizes == [32, 64, 128, 256]
    assert engine.batch == 128


def test_the_speed_of_an_engine_can_be_measured() -> None:
    encoder = Encoder(nets.autoencoder(24), layer="encoded")
    engine = encoder.engine
    with engine.backend.context():
        engine.measure_batch(nets.pictures(encoder.network.model, 1), ["encoded"])  # type: ignore[attr-defined]
    assert engine.batch is not None
    assert engine.batch >= FASTEST_BATCH


def test_quantiles_are_standard_normal() -> None:
    quantiles = normal_quantiles().astype(np.float64)
    assert abs(quantiles.mean()) < 1e-6
    np.testing.assert_allclose((quantiles**2).mean(), 1, rtol=1e-6)
    np.testing.assert_array_equal(quantiles, np.sort(quantiles))
