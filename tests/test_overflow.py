"""Numbers beyond what floating point holds end in one clear line, never in a warning of numpy or a map of nothing."""

from __future__ import annotations

import nets
import numpy as np
import pytest

import saccade
from saccade.attribution.method import settings_of
from saccade.errors import ModelError, NotApplicable
from saccade.methods import available

FAST = {"samples": 8, "steps": 8, "iterations": 4}


def scaled(factor: float, *, biases: float = 1) -> saccade.Encoder:
    """The same weights, all of them so many times."""
    model = nets.autoencoder(16)
    model.set_weights(
        [weights * np.float32(factor * (biases if weights.ndim == 1 else 1)) for weights in model.get_weights()]
    )
    return saccade.Encoder(model, layer="encoded")


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    return nets.pictures(nets.autoencoder(16), 1)


@pytest.fixture(scope="module")
def large() -> saccade.Encoder:
    return scaled(1e10)


@pytest.mark.filterwarnings("ignore::saccade.errors.SaccadeWarning")  # shared holes that do not hold here
@pytest.mark.parametrize("name", sorted(available()))
def test_maps(large: saccade.Encoder, images: np.ndarray, name: str) -> None:
    settings = {key: FAST[key] for key in settings_of(available()[name]) if key in FAST}
    try:
        attribution = saccade.explain(large, images, name, **settings)
    except (ModelError, NotApplicable) as error:
        assert any(words in str(error) for words in ("overflow", "not numbers", "guided", "needs attention"))  # noqa: PT017 - a map is as good
    else:
        assert np.isfinite(attribution.values).all()


def test_cells_and_feature_maps(large: saccade.Encoder, images: np.ndarray) -> None:
    with pytest.raises(ModelError, match=r"overflow|not numbers"):
        saccade.cells(large, images)
    with pytest.raises(ModelError, match=r"not numbers \(NaN or infinite\) at layer"):
        saccade.feature_maps(scaled(1e14), images)


def test_a_map_whose_parts_overflow_is_refused_though_it_looks_like_a_finding(
    large: saccade.Encoder, images: np.ndarray
) -> None:
    with pytest.raises(ModelError, match="so large that the numbers computed with them overflow"):
        saccade.explain(large, images, "layer_cam")


@pytest.mark.parametrize("name", ["eigen_cam", "grad_cam_plus_plus"])
def test_what_needs_no_squares_beyond_float32_is_answered(images: np.ndarray, name: str) -> None:
    maps = [saccade.explain(scaled(factor), images, name).values for factor in (1e8, 1e10)]
    assert all(values.any() for values in maps)
    first, second = (values / np.abs(values).max() for values in maps)
    np.testing.assert_allclose(first, second, atol=1e-3)


@pytest.mark.parametrize("factor", [1e-10, 1e-19])
def test_the_first_component_of_very_small_numbers(images: np.ndarray, factor: float) -> None:
    attribution = saccade.explain(scaled(factor, biases=0), images, "eigen_cam")
    assert np.isfinite(attribution.values).all()
    assert np.isfinite(attribution.scores["explained"]).all()
