"""Maps of untrained networks beside the trained one's: fresh weights, one scale, a model that comes back as it was."""

from __future__ import annotations

from typing import Any

import keras
import nets
import numpy as np
import pytest
from commands import Run

import saccade
from saccade.errors import InputError, NotApplicable
from saccade.models.numpy_network import NumpyNetwork
from saccade.models.randomisation import randomised, weighted_layers

pytestmark = pytest.mark.engine


@pytest.fixture
def encoder() -> saccade.Encoder:
    return saccade.Encoder(nets.autoencoder(), layer="encoded")


def weights(encoder: saccade.Encoder) -> list[Any]:
    return [np.array(values) for values in encoder.network.model.get_weights()]  # type: ignore[attr-defined]


def test_untrained_weights_are_drawn_as_keras_does_and_the_model_comes_back(encoder: saccade.Encoder) -> None:
    before = weights(encoder)
    layers = weighted_layers(encoder.network, encoder.layer)
    kernel = encoder.network.model.get_layer("conv_1").kernel  # type: ignore[attr-defined]
    with randomised(encoder.network, layers, 3, untrained=True):
        drawn = np.array(keras.ops.convert_to_numpy(kernel))
        bias = keras.ops.convert_to_numpy(encoder.network.model.get_layer("conv_1").bias)  # type: ignore[attr-defined]
        limit = np.sqrt(6 / (9 * 1 + 9 * 4))
        assert np.abs(drawn).max() <= limit
        assert np.abs(drawn).max() > 0.8 * limit
        assert (np.asarray(bias) == 0).all()
    with randomised(encoder.network, layers, 3, untrained=True):
        np.testing.assert_array_equal(np.array(keras.ops.convert_to_numpy(kernel)), drawn)
    for one, other in zip(before, weights(encoder), strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_mean_is_that_of_the_single_networks_on_the_trained_maps_scale(encoder: saccade.Encoder) -> None:
    images = nets.pictures(encoder.network.model, 2)  # type: ignore[attr-defined]
    before = weights(encoder)
    both = saccade.explain_beside_untrained(encoder, images, "saliency", networks=2, seed=5)
    for one, other in zip(before, weights(encoder), strict=True):
        np.testing.assert_array_equal(one, other)
    plain = saccade.explain(encoder, images, "saliency")
    np.testing.assert_array_equal(both.values, plain.values)
    assert both.untrained is not None
    layers = weighted_layers(encoder.network, encoder.layer)
    expected = np.zeros(plain.values.shape)
    for seed in (5, 6):
        with randomised(encoder.network, layers, seed, untrained=True):
            fresh = saccade.explain(encoder, images, "saliency").values.astype(np.float64)
        for row in range(2):
            expected[row] += fresh[row] * np.abs(plain.values[row]).sum() / np.abs(fresh[row]).sum() / 2
    np.testing.assert_allclose(both.untrained.mean, expected, rtol=1e-4, atol=1e-6 * np.abs(expected).max())
    assert both.untrained.likeness.shape == (2, 2)
    assert "2 untrained networks of the same shape" in both.untrained.sentence(0)
    assert both[1:].untrained is not None
    assert both.figure(0).width > plain.figure(0).width * 0.9
    assert "untrained_likeness" in both.to_dict()["images"][0]


def test_a_map_without_the_network_is_the_same_for_every_network(encoder: saccade.Encoder) -> None:
    @saccade.method(title="Bright", summary="where it is bright", source="mine", cost="none")
    def bright(run: Any, images: Any, target: Any) -> saccade.Map:
        return saccade.Map(images.mean(-1), images, units="pixel value", signed=False)

    images = nets.pictures(encoder.network.model, 1)  # type: ignore[attr-defined]
    both = saccade.explain_beside_untrained(encoder, images, bright, networks=2)
    assert both.untrained is not None
    np.testing.assert_allclose(both.untrained.likeness, 1.0)
    np.testing.assert_allclose(both.untrained.mean, both.values, rtol=1e-5)
    assert "any network of this shape would say much the same" in both.untrained.sentence(0)


def test_what_has_no_weights_is_refused(encoder: saccade.Encoder) -> None:
    images = nets.pictures(encoder.network.model, 1)  # type: ignore[attr-defined]
    with pytest.raises(InputError, match="networks=0"):
        saccade.explain_beside_untrained(encoder, images, networks=0)
    network = NumpyNetwork(lambda values, _: {"code": values.mean(axis=(1, 2))}, (24, 24, 1))
    with pytest.raises(NotApplicable, match="weights"):
        saccade.explain_beside_untrained(saccade.Encoder(network), images)


def test_the_command_writes_it_on_the_page(run: Run, small_model: str, photos: Any, tmp_path: Any) -> None:
    status, _, err = run(
        "explain", small_model, photos / "cat.jpg", "-m", "saliency", "--beside", "untrained", "-o", "out", "--json"
    )
    assert status == 0, err
    assert (tmp_path / "out" / "cat-saliency-beside-untrained.png").exists()
    status, _, err = run("explain", small_model, photos / "cat.jpg", "--beside", "nobody")
    assert status == 2
    assert "untrained" in err
    status, _, err = run("explain", small_model, photos / "cat.jpg", "-m", "saliency,vargrad", "--beside", "untrained")
    assert status == 2
    assert "one method" in err
