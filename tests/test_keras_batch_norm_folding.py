"""Batch normalisations of Keras models that are computed within a convolution: the same numbers, where possible."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

import saccade
from saccade.models.keras.batch_norm_folding import FoldedBatchNorm
from saccade.models.keras.network import KerasNetwork
from saccade.models.keras.pool_before_activation import PostponedActivation
from saccade.targets import code

pytestmark = pytest.mark.engine

SIDE = 16
IS_FOLDED = keras.backend.backend() == "tensorflow"
"""The others leave it to their compiler, or compute it in one program."""


def model_of(*parts: Any) -> keras.Model:
    inputs = keras.Input((SIDE, SIDE, 3))
    x = inputs
    for part in parts:
        x = part(x)
    return with_statistics(keras.Model(inputs, x))


def with_statistics(model: keras.Model) -> keras.Model:
    """Statistics, scales and shifts as training leaves them, some of them negative or nearly 0."""
    chance = np.random.default_rng(0)
    for weight in model.weights:
        if weight.path.endswith("moving_variance"):
            weight.assign(chance.uniform(1e-4, 4, weight.shape))
        elif len(weight.shape) == 1:
            weight.assign(chance.normal(size=weight.shape))
    return model


def images() -> np.ndarray[Any, Any]:
    return np.random.default_rng(0).normal(size=(2, SIDE, SIDE, 3)).astype(np.float32)


def last() -> keras.layers.Layer:
    return layers.Conv2D(4, 3, padding="same", activation="tanh", name="last")


def check(model: keras.Model, layer: str = "last") -> list[tuple[str, str]]:
    """The code and its gradient are those of the layers one by one; gives what is folded where."""
    encoder = saccade.Encoder(model, layer=layer, value_range=(-5, 5))
    network = encoder.network
    assert isinstance(network, KerasNetwork)
    plain = saccade.Encoder(model, layer=layer, value_range=(-5, 5))
    plain.network.__dict__["_measured"] = (network._measured[0], ())
    np.testing.assert_allclose(encoder.codes(images()), plain.codes(images()), rtol=1e-4, atol=1e-5)
    gradients = [saccade.explain(each, images(), "saliency", code()).raw for each in (encoder, plain)]
    np.testing.assert_allclose(*gradients, rtol=1e-3, atol=1e-4 * np.abs(gradients[1]).max())
    return [(rewrite.layer, rewrite.reader) for rewrite in network._measured[1] if isinstance(rewrite, FoldedBatchNorm)]


@pytest.mark.parametrize(
    "make",
    [
        lambda: layers.Conv2D(6, 3, name="conv"),
        lambda: layers.Conv2D(6, (1, 3), strides=2, padding="same", use_bias=False, name="conv"),
        lambda: layers.Conv2D(6, 3, dilation_rate=2, padding="same", name="conv"),
        lambda: layers.DepthwiseConv2D(3, padding="same", name="conv"),
        lambda: layers.DepthwiseConv2D(3, depth_multiplier=2, strides=2, use_bias=False, name="conv"),
        lambda: layers.SeparableConv2D(6, 3, depth_multiplier=2, padding="same", name="conv"),
    ],
)
@pytest.mark.parametrize("settings", [{}, {"scale": False, "epsilon": 0.1}, {"center": False}])
def test_the_same_values_and_gradients(make: Callable[[], keras.layers.Layer], settings: dict[str, Any]) -> None:
    model = model_of(make(), layers.BatchNormalization(name="norm", **settings), layers.ReLU(), last())
    assert check(model) == ([("conv", "norm")] if IS_FOLDED else [])


def test_convolutions_in_groups() -> None:
    model = model_of(
        layers.Conv2D(6, 1), layers.Conv2D(8, 3, groups=2, name="conv"), layers.BatchNormalization(name="norm"), last()
    )
    assert check(model) == ([("conv", "norm")] if IS_FOLDED else [])


def test_the_normalisation_is_not_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    model = model_of(layers.Conv2D(6, 3, name="conv"), layers.BatchNormalization(name="norm"), last())
    encoder = saccade.Encoder(model, layer="last", value_range=(-5, 5))
    assert encoder.layers  # the runs that measure it are over
    normalised: list[str] = []
    plain = layers.BatchNormalization.call

    def counted(layer: Any, *arguments: Any, **named: Any) -> Any:
        normalised.append(layer.name)
        return plain(layer, *arguments, **named)

    monkeypatch.setattr(layers.BatchNormalization, "call", counted)
    encoder.codes(images())
    assert bool(normalised) is not IS_FOLDED


def test_an_activation_between_normalisation_and_pooling_waits_as_well() -> None:
    model = model_of(
        layers.Conv2D(6, 3, name="conv"), layers.BatchNormalization(name="norm"), layers.ELU(name="curve"),
        layers.MaxPooling2D(name="pool"), last(),
    )  # fmt: skip
    assert check(model) == ([("conv", "norm")] if IS_FOLDED else [])
    network = saccade.Encoder(model, layer="last", value_range=(-5, 5)).network
    kinds = [type(rewrite) for rewrite in network._measured[1]]  # type: ignore[attr-defined]
    assert kinds == [PostponedActivation, FoldedBatchNorm][: 1 + IS_FOLDED]


def test_who_asks_for_either_layer_gets_it() -> None:
    model = model_of(layers.Conv2D(6, 3, name="conv"), layers.BatchNormalization(name="norm"), last())
    for layer in ("conv", "norm"):
        check(model, layer)
    encoder = saccade.Encoder(model, layer="last", value_range=(-5, 5))
    assert np.isfinite(saccade.explain(encoder, images(), "layer_cam", at="conv").raw).all()


@pytest.mark.parametrize(
    "parts",
    [
        lambda: (layers.Conv2D(6, 3, activation="relu", name="conv"), layers.BatchNormalization(name="norm")),
        lambda: (layers.Conv2D(14, 3, padding="same", name="conv"), layers.BatchNormalization(axis=1, name="norm")),
        lambda: (layers.Conv2D(6, 3, name="conv"), layers.GroupNormalization(2, name="norm")),
        lambda: (layers.Conv2D(6, 3, name="conv"), layers.Dropout(0.5), layers.BatchNormalization(name="norm")),
        lambda: (
            layers.Conv2D(32, 3, strides=8, padding="same"), layers.Conv2D(32, 3, padding="same", name="conv"),
            layers.BatchNormalization(name="norm"),
        ),
    ],
)  # fmt: skip
def test_others_are_computed_as_they_are(parts: Callable[[], tuple[keras.layers.Layer, ...]]) -> None:
    assert check(model_of(*parts(), last())) == []


@pytest.mark.parametrize(
    "read",
    [
        lambda first, normalised: layers.Add()([normalised, first]),
        lambda first, normalised: normalised + keras.ops.mean(first, axis=(1, 2, 3), keepdims=True),
    ],
)
def test_what_something_else_reads_is_there(read: Callable[[Any, Any], Any]) -> None:
    inputs = keras.Input((SIDE, SIDE, 3))
    first = layers.Conv2D(6, 3, name="conv")(inputs)
    model = keras.Model(inputs, last()(read(first, layers.BatchNormalization(name="norm")(first))))
    assert check(with_statistics(model)) == []


def test_nested_and_shared_parts() -> None:
    shared = layers.Conv2D(3, 3, padding="same", name="shared")
    inner = keras.Sequential([shared, layers.BatchNormalization(name="norm")], name="inner")
    assert check(model_of(shared, inner, last())) == ([("inner/shared", "inner/norm")] if IS_FOLDED else [])


def test_further_training_is_seen_and_the_layers_are_left_alone() -> None:
    model = model_of(layers.Conv2D(6, 3, name="conv"), layers.BatchNormalization(name="norm"), last())
    encoder = saccade.Encoder(model, layer="last", value_range=(-5, 5))
    config, state = model.get_config(), set(model.get_layer("conv").__dict__)
    encoder.codes(images())
    chance = np.random.default_rng(7)
    for weight in model.weights:
        weight.assign(chance.uniform(0.1, 1, weight.shape))
    expected = keras.ops.convert_to_numpy(model(images()))
    np.testing.assert_allclose(encoder.codes(images()).reshape(expected.shape), expected, rtol=1e-4, atol=1e-5)
    assert model.get_config() == config
    assert set(model.get_layer("conv").__dict__) == state
    assert len(model.weights) == 8
