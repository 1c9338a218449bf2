"""Places of Keras models: flattened maps by the layers, tokens by measurement."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

import saccade
from saccade.models.keras.network import KerasNetwork
from saccade.models.places import Places

pytestmark = pytest.mark.engine
SIZE = (32, 48)


class ClassToken(keras.layers.Layer):
    """Puts a learned token before the others."""

    def build(self, shape: tuple[int | None, ...]) -> None:
        self.token = self.add_weight(shape=(1, 1, shape[-1]), initializer="random_normal")

    def call(self, tokens: keras.KerasTensor) -> keras.KerasTensor:
        token = keras.ops.broadcast_to(self.token, (keras.ops.shape(tokens)[0], 1, self.token.shape[-1]))
        return keras.ops.concatenate([token, tokens], axis=1)


def transformer(*, pooled: str | None = None) -> keras.Model:
    keras.utils.set_random_seed(0)
    image = keras.Input((*SIZE, 3))
    tokens = keras.layers.Reshape((24, 16), name="tokens")(keras.layers.Conv2D(16, 8, 8, name="patches")(image))
    tokens = ClassToken(name="class")(tokens)
    for number in range(2):
        normal = keras.layers.LayerNormalization()(tokens)
        tokens = tokens + keras.layers.MultiHeadAttention(2, 8)(normal, normal)
        normal = keras.layers.LayerNormalization()(tokens)
        tokens = keras.layers.Add(name=f"block{number}")([tokens, keras.layers.Dense(16, "gelu")(normal)])
    code = keras.layers.LayerNormalization(gamma_initializer=keras.initializers.RandomUniform(0.5, 1.5), name="last")(
        tokens
    )
    if pooled == "class":
        code = keras.layers.Lambda(lambda tokens: tokens[:, 0], name="pooled")(code)
    return keras.Model(image, code)


@pytest.fixture
def images() -> np.ndarray:
    return np.random.default_rng(0).random((2, *SIZE, 3), np.float32)


def test_flattened_maps_keep_their_places(images: np.ndarray) -> None:
    image = keras.Input((*SIZE, 3))
    maps = keras.layers.Conv2D(5, 4, 4, name="maps")(image)
    flat = keras.layers.Flatten(name="flat")(maps)
    model = keras.Model(image, keras.layers.Dense(7, name="code")(flat))
    network = KerasNetwork(model)
    flow = network.dataflow(*SIZE)
    assert flow.places("maps") == flow.places("flat") == Places(8, 12)
    assert flow.places("code") is None
    flat_code, map_code = (saccade.Encoder(model, layer=layer) for layer in ("flat", "maps"))
    for ask in (
        lambda encoder: saccade.explain(encoder, images, "activation_energy").values,
        lambda encoder: saccade.explain(encoder, images, target="cell:2,3").values,
        lambda encoder: saccade.compare(encoder, images[:1], images[1:]).shares_a,
        lambda encoder: saccade.cells(encoder, images[:1]).gradient(1, 2),
    ):
        expected = ask(map_code)
        assert np.abs(expected).max() > 0
        np.testing.assert_allclose(ask(flat_code), expected, atol=1e-5 * np.abs(expected).max())


def test_tokens_are_followed_or_measured(images: np.ndarray) -> None:
    encoder = saccade.Encoder(transformer(), layer="last")
    assert encoder.places("tokens", *SIZE) == Places(4, 6)
    for layer in ("class", "block0", "last"):
        assert encoder.places(layer, *SIZE) == Places(4, 6, prefix=1)
    # Also for codes that all have one length, and so no gradient.
    attribution = saccade.explain(encoder, images, "activation_energy")
    code = encoder.activations(images, ["last"])["last"].astype(float)
    energy = (code**2).sum(-1)
    np.testing.assert_allclose(
        attribution.values, energy[:, 1:].reshape(2, 4, 6) / energy.sum(1)[:, None, None], rtol=1e-4
    )


def test_cams_weigh_the_last_block_that_is_read(images: np.ndarray) -> None:
    encoder = saccade.Encoder(transformer(pooled="class"), layer="pooled")
    for method in ("grad_cam", "ablation_cam", "score_cam"):
        attribution = saccade.explain(encoder, images, method)
        assert attribution.settings["at"] == "block0"
        assert attribution.values.shape == (2, 4, 6)
        assert np.abs(attribution.values).max() > 0


class MidAttention(keras.layers.Layer):
    """Attention among all places of a map of any size, as the autoencoders of diffusion models have it."""

    def __init__(self) -> None:
        super().__init__()
        self.softmax = keras.layers.Softmax(name="softmax")

    def call(self, maps: Any) -> Any:
        count, rows, columns, width = keras.ops.shape(maps)
        tokens = keras.ops.reshape(maps, (count, rows * columns, width))
        weights = self.softmax(keras.ops.matmul(tokens, keras.ops.swapaxes(tokens, 1, 2)))
        return maps + keras.ops.reshape(keras.ops.matmul(weights, tokens), (count, rows, columns, width))


def test_what_has_as_many_rows_as_there_are_places_is_no_obstacle(images: np.ndarray) -> None:
    image = keras.Input((None, None, 3))
    maps = keras.layers.Conv2D(5, 4, 4)(image)
    model = keras.Model(image, keras.layers.Conv2D(2, 1, name="code")(MidAttention()(maps)))
    encoder = saccade.Encoder(model)
    (weights,) = (path for path in encoder.network.layers if path.endswith("/softmax"))
    assert encoder.engine.layer_shape(images, weights) == (96, 96)
    assert saccade.explain(encoder, images, "occlusion").values.shape == (2, *SIZE)
