"""Models in half precision are asked like any other, and answer about as they would in single precision."""

from __future__ import annotations

from typing import Any

import keras
import nets
import numpy as np
import pytest

import saccade
from saccade.encoder import Encoder

pytestmark = pytest.mark.engine

ONE_OF_EACH_KIND = (
    "ablation_cam", "activation_energy", "blur_integrated_gradients", "grad_cam", "integrated_gradients",
    "jacobian_energy", "occlusion", "relax", "vargrad",
)  # fmt: skip
FEW: dict[str, dict[str, Any]] = {
    "relax": {"masks": 32, "cells": 3},
    "vargrad": {"samples": 4},
    "integrated_gradients": {"steps": 4},
    "blur_integrated_gradients": {"steps": 4},
}


@pytest.fixture(scope="module", params=["mixed_float16", "bfloat16"])
def half(request: pytest.FixtureRequest) -> tuple[Encoder, Encoder, Any]:
    """The same weights in half and in single precision, and two images."""
    single = nets.autoencoder(24)
    keras.config.set_dtype_policy(request.param)
    try:
        other = nets.autoencoder(24)
    finally:
        keras.config.set_dtype_policy("float32")
    other.set_weights(single.get_weights())
    return Encoder(other, layer="encoded"), Encoder(single, layer="encoded"), nets.pictures(single, 2)


def test_codes_are_those_of_single_precision(half: tuple[Encoder, Encoder, Any]) -> None:
    low, single, images = half
    codes = low.codes(images)
    assert codes.dtype == np.float32
    np.testing.assert_allclose(codes, single.codes(images), rtol=0, atol=0.03 * np.abs(codes).max())


@pytest.mark.parametrize("name", ONE_OF_EACH_KIND)
def test_methods_answer(half: tuple[Encoder, Encoder, Any], name: str) -> None:
    low, single, images = half
    attribution = saccade.explain(low, images, name, **FEW.get(name, {}))
    assert attribution.values.dtype == np.float32
    assert np.isfinite(attribution.values).all()
    if name in ("jacobian_energy", "relax", "activation_energy", "integrated_gradients"):
        expected = saccade.explain(single, images, name, **FEW.get(name, {}))
        agreement = np.corrcoef(attribution.values.ravel(), expected.values.ravel())[0, 1]
        assert agreement > 0.9


def test_every_cell_answers(half: tuple[Encoder, Encoder, Any]) -> None:
    low, single, images = half
    half_cells, single_cells = saccade.cells(low, images), saccade.cells(single, images)
    agreement = np.corrcoef(half_cells.windows.ravel(), single_cells.windows.ravel())[0, 1]
    assert agreement > 0.9


def test_maps_can_be_evaluated(half: tuple[Encoder, Encoder, Any]) -> None:
    low, _, _ = half
    images = nets.pictures(low.network.model, 8)  # type: ignore[attr-defined]
    evaluation = saccade.evaluate(low, images, ["saliency"], steps=6, resamples=100, stages=1)
    assert all(np.isfinite(score.score).all() for score in evaluation.method_scores)
    assert not evaluation.refused
