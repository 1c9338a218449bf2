"""Activations of Keras models that wait for a pooling: the same numbers, and only where nobody can tell."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

import saccade
from saccade.models.keras.network import KerasNetwork
from saccade.models.keras.pool_before_activation import PostponedActivation
from saccade.targets import code

pytestmark = pytest.mark.engine

SIDE = 16


def model_of(*parts: Any) -> keras.Model:
    inputs = keras.Input((SIDE, SIDE, 3))
    x = inputs
    for part in parts:
        x = part(x)
    return keras.Model(inputs, x)


def conv(name: str = "conv", **settings: Any) -> keras.layers.Layer:
    return layers.Conv2D(6, 3, padding="same", name=name, **settings)


def encoders(model: keras.Model, layer: str | None) -> list[saccade.Encoder]:
    """One in which activations wait, and one in which none does."""
    keras.utils.set_random_seed(3)
    for weight in model.weights:
        if weight.path.endswith("bias"):
            weight.assign(np.random.default_rng(1).normal(size=weight.shape))
    encoders = [saccade.Encoder(model, layer=layer, value_range=(-5, 5)) for _ in range(2)]
    plain = encoders[1].network
    measured_layers, rewrites = plain._measured  # type: ignore[attr-defined]
    plain.__dict__["_measured"] = (
        measured_layers,
        tuple(rewrite for rewrite in rewrites if not isinstance(rewrite, PostponedActivation)),
    )
    return encoders


def check(model: keras.Model, layer: str | None = None) -> list[tuple[str, str]]:
    """Codes and gradients are the same; gives which activation waits for which pooling."""
    mine, plain = encoders(model, layer)
    images = np.random.default_rng(0).normal(size=(2, SIDE, SIDE, 3)).astype(np.float32)
    np.testing.assert_allclose(mine.codes(images), plain.codes(images), rtol=1e-6, atol=1e-7)
    gradients = [saccade.explain(encoder, images, "saliency", code()).raw for encoder in (mine, plain)]
    np.testing.assert_allclose(*gradients, rtol=1e-5, atol=1e-6 * np.abs(gradients[1]).max())
    assert isinstance(mine.network, KerasNetwork)
    return [
        (rewrite.layer, rewrite.reader)
        for rewrite in mine.network._measured[1]
        if isinstance(rewrite, PostponedActivation)
    ]


@pytest.mark.parametrize(
    "name",
    [
        "celu", "elu", "hard_sigmoid", "hard_tanh", "leaky_relu", "log_sigmoid", "relu", "relu6", "selu", "sigmoid",
        "softplus", "softsign", "tanh",
    ],
)  # fmt: skip
def test_a_curve_that_never_falls_waits(name: str) -> None:
    inside = model_of(conv(activation=name), layers.MaxPooling2D(name="pool"), conv("last"))
    assert check(inside, "last") == [("conv", "pool")]
    own = model_of(conv(), layers.Activation(name, name="curve"), layers.MaxPooling2D(name="pool"), conv("last"))
    assert check(own, "last") == [("curve", "pool")]


@pytest.mark.parametrize("name", ["gelu", "silu", "mish", "hard_silu", "softmax", "exponential", "linear"])
def test_other_curves_do_not(name: str) -> None:
    assert check(model_of(conv(activation=name), layers.MaxPooling2D(), conv("last")), "last") == []


@pytest.mark.parametrize(
    ("make", "waits"),
    [
        (lambda: layers.ELU(name="curve"), True),
        (lambda: layers.LeakyReLU(name="curve"), True),
        (lambda: layers.ReLU(name="curve"), True),
        (lambda: layers.ReLU(max_value=0.5, negative_slope=0.1, name="curve"), True),
        (lambda: layers.ReLU(threshold=0.5, name="curve"), False),
        (lambda: layers.PReLU(name="curve"), False),
        (lambda: layers.Activation(lambda x: -x, name="curve"), False),
    ],
)
def test_layers_that_are_curves(make: Callable[[], keras.layers.Layer], waits: bool) -> None:
    model = model_of(conv(), layers.BatchNormalization(), make(), layers.MaxPooling2D(name="pool"), conv("last"))
    assert check(model, "last") == ([("curve", "pool")] if waits else [])


@pytest.mark.parametrize(
    ("pooling", "waits"),
    [
        (lambda: layers.MaxPooling2D(3, strides=2, padding="same", name="pool"), True),
        (lambda: layers.MaxPooling2D(3, strides=1, padding="same", name="pool"), False),
        (lambda: layers.AveragePooling2D(2, name="pool"), False),
    ],
)
def test_only_for_a_pooling_that_leaves_fewer_numbers(pooling: Callable[[], keras.layers.Layer], waits: bool) -> None:
    postponed = check(model_of(conv(activation="elu"), pooling(), conv("last")), "last")
    assert postponed == ([("conv", "pool")] if waits else [])


def test_who_asks_for_the_curve_itself_gets_it() -> None:
    model = model_of(conv(activation="elu"), layers.MaxPooling2D(name="pool"), conv("last"))
    assert check(model, "conv") == [("conv", "pool")]
    assert check(model, "pool") == [("conv", "pool")]
    mine, plain = encoders(model, "last")
    images = np.random.default_rng(0).normal(size=(1, SIDE, SIDE, 3)).astype(np.float32)
    for layer in ("conv", "pool"):
        maps = [saccade.explain(encoder, images, "layer_cam", at=layer).raw for encoder in (mine, plain)]
        np.testing.assert_allclose(*maps, rtol=1e-5, atol=1e-7)


def test_nested_and_shared_parts() -> None:
    shared = layers.Conv2D(3, 3, padding="same", activation="elu", name="shared")
    inner = keras.Sequential([shared, layers.MaxPooling2D(name="pool")], name="inner")
    outer = model_of(shared, inner, conv("last"))
    assert check(outer, "last") == [("inner/shared", "inner/pool")]


def test_what_a_part_or_the_model_hands_on_does_not_wait() -> None:
    part = keras.Sequential([conv(activation="elu")], name="part")
    assert check(model_of(part, layers.MaxPooling2D(name="pool"), conv("last")), "last") == []
    inputs = keras.Input((SIDE, SIDE, 3))
    bent = conv(activation="elu")(inputs)
    both = keras.Model(inputs, [conv("last")(layers.MaxPooling2D(name="pool")(bent)), bent])
    assert check(both, "last") == []


class Beside(keras.layers.Layer):
    """Takes its second tensor by name."""

    def call(self, inputs: Any, beside: Any = None) -> Any:
        return inputs + keras.ops.mean(beside, axis=(1, 2, 3), keepdims=True)


class Written(keras.Model):
    """A model whose own code may do anything between its layers."""

    def __init__(self) -> None:
        super().__init__()
        self.bend, self.pool = conv(activation="elu"), layers.MaxPooling2D(name="pool")
        self.last = conv("last")

    def call(self, inputs: Any) -> Any:
        bent = self.bend(inputs)
        return self.last(self.pool(bent)) + keras.ops.mean(bent, axis=(1, 2, 3), keepdims=True)


@pytest.mark.parametrize(
    "read",
    [
        lambda bent, pooled: layers.Add()([pooled, layers.AveragePooling2D(2)(bent)]),
        lambda bent, pooled: pooled + keras.ops.mean(bent, axis=(1, 2, 3), keepdims=True),
        lambda bent, pooled: Beside(name="beside")(pooled, beside=bent),
    ],
)
def test_a_curve_that_something_else_reads_does_not_wait(read: Callable[[Any, Any], Any]) -> None:
    inputs = keras.Input((SIDE, SIDE, 3))
    bent = conv(activation="elu")(inputs)
    model = keras.Model(inputs, conv("last")(read(bent, layers.MaxPooling2D(name="pool")(bent))))
    assert check(model, "last") == []


def test_models_with_code_of_their_own_stay_as_they_are() -> None:
    model = Written()
    model(np.zeros((1, SIDE, SIDE, 3), np.float32))
    assert check(model, "last") == []


def test_the_layers_are_left_alone() -> None:
    model = model_of(conv(activation="elu"), layers.MaxPooling2D(name="pool"), conv("last"))
    before = model.get_config()
    state = dict(model.get_layer("conv").__dict__)
    check(model, "last")
    assert model.get_config() == before
    assert model.get_layer("conv").activation is keras.activations.elu
    assert {name for name in model.get_layer("conv").__dict__ if name not in state} == set()


def test_further_training_is_seen() -> None:
    model = model_of(conv(activation="elu"), layers.MaxPooling2D(name="pool"), conv("last"))
    mine, plain = encoders(model, "last")
    images = np.random.default_rng(0).normal(size=(1, SIDE, SIDE, 3)).astype(np.float32)
    mine.codes(images)
    for weight in model.weights:
        weight.assign(weight.value * 0.5)
    np.testing.assert_allclose(mine.codes(images), plain.codes(images), rtol=1e-6, atol=1e-7)
