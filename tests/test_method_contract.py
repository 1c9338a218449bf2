"""What every method promises, whatever it computes; a new method is held to it because its file lies there."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from functools import cache
from typing import Any

import keras
import nets
import numpy as np
import pytest

import saccade
from saccade import methods, targets
from saccade.attribution.method import Map, settings_of
from saccade.encoder import Encoder
from saccade.errors import NotApplicable
from saccade.methods import available, find

pytestmark = pytest.mark.engine

METHODS = sorted(available())
# Nets that attend to something are asked in test_attention_methods.py.
ANSWERING = [name for name in METHODS if not {"attention", "linearised"} & set(find(name).description.needs)]
FEW = {"samples": 4, "masks": 24, "steps": 6, "iterations": 4, "probes": 6, "repeats": 2, "designs": 4}
"""Small counts: what is promised does not depend on them."""


def small_settings(name: str) -> dict[str, Any]:
    """The settings that make a method quick."""
    return {setting: count for setting, count in FEW.items() if setting in settings_of(find(name))}


def every_target(other: Any) -> dict[str, targets.Target]:
    """One of each kind of target."""
    return {
        "code": targets.code(),
        "channel": targets.channel(1),
        "cell": targets.cell(1, 2),
        "region": targets.region((0, 2), (1, 3)),
        "direction": targets.direction([1.0, -0.5, 0.25]),
        "component": targets.component(0, other),
        "like": targets.like(other),
        "unlike": targets.unlike(other),
        "toward": targets.toward(other, than=other[::-1]),
        "reconstruction_error": targets.reconstruction_error(),
        "sum": targets.code() - 0.5 * targets.like(other),
        "function": targets.of(lambda code: keras.ops.sum(code**2, axis=(1, 2, 3))),
    }


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return Encoder(nets.rectified(), layer="encoded")


@pytest.fixture(scope="module")
def earlier(encoder: Encoder) -> Encoder:
    """The same network, of which an earlier layer is the code."""
    return Encoder(encoder.network.model, layer="pool_1")  # type: ignore[attr-defined]


@pytest.fixture(scope="module")
def dead() -> Encoder:
    """An encoder whose code is zero for every image."""
    inputs = keras.Input((8, 8, 1))
    x = keras.layers.MaxPooling2D(2)(keras.layers.Conv2D(2, 3, padding="same", activation="relu")(inputs))
    code = keras.layers.Conv2D(2, 3, padding="same", kernel_initializer="zeros", name="code")(x)
    return Encoder(keras.Model(inputs, code), layer="code")


@cache
def encoder_of(net: str) -> Encoder:
    """One for all methods: what they share is compiled once."""
    build, layer = {**nets.LOCAL, **nets.MIXING}[net]
    return Encoder(build(), layer=layer)


@pytest.fixture(scope="module")
def images(encoder: Encoder) -> Any:
    return nets.pictures(encoder.network.model, 2)  # type: ignore[attr-defined]


@pytest.fixture(scope="module")
def other(encoder: Encoder) -> Any:
    return nets.pictures(encoder.network.model, 2, seed=9)  # type: ignore[attr-defined]


def test_every_method_lies_in_a_file_of_its_name() -> None:
    modules = {each.name for each in pkgutil.iter_modules(methods.__path__)}
    assert set(METHODS) <= modules
    assert {"activation_energy", "integrated_gradients", "occlusion", "saliency", "smoothgrad"} <= set(METHODS)
    for name in modules - set(METHODS):
        # A file without a method is something that methods share; it marks nothing.
        module = importlib.import_module(f"saccade.methods.{name}")
        assert not any(
            hasattr(each, "description") and each.__module__ == module.__name__ for each in vars(module).values()
        )


@pytest.mark.parametrize("name", METHODS)
def test_a_method_says_what_it_is(name: str) -> None:
    function = find(name)
    names = list(inspect.signature(function).parameters)
    assert names[:2] == ["run", "images"]
    assert names[2] in ("target", "targets")
    assert all(each.default is not inspect.Parameter.empty for each in settings_of(function).values())
    about = function.description
    for text in (about.title, about.summary, about.source, about.cost):
        assert text
        assert "\n" not in text
    document = inspect.getdoc(function) or ""
    assert document.count("Args:") == 1
    assert "Settings:" not in document
    arguments = document.partition("\nArgs:\n")[2].partition("\nReturns:\n")[0]
    assert re.findall(r"^    (\w+): ", arguments, re.M) == names


@pytest.mark.parametrize("name", ANSWERING)
def test_every_target_gets_a_sound_map_or_a_refusal_that_helps(
    name: str, encoder: Encoder, images: Any, other: Any
) -> None:
    answered = 0
    for target in every_target(other).values():
        try:
            attribution = find(name)(encoder, images, target, **small_settings(name))
        except NotApplicable as refusal:
            helps(refusal)
            continue
        answered += 1
        sound(attribution, name, len(images))
    assert answered >= 1


def helps(refusal: NotApplicable) -> None:
    """The way out of a refusal is another method, target or layer."""
    assert any(word in str(refusal) for word in [*METHODS, "target", "layer"]), str(refusal)


def sound(attribution: Map, name: str, count: int) -> None:
    """Hold one map to what a map is."""
    assert attribution.values.dtype == np.float32
    assert attribution.values.ndim == 3
    assert len(attribution.values) == count
    assert np.isfinite(attribution.values).all()
    assert attribution.units
    assert attribution.signed or attribution.values.min() >= 0
    assert set(settings_of(find(name))) <= set(attribution.settings)
    assert all(isinstance(note, str) and "\n" not in note for note in attribution.notes)
    assert all(len(np.asarray(score)) == count for score in attribution.scores.values())


@pytest.mark.parametrize("name", ANSWERING)
def test_several_targets_at_once_give_what_each_gives_alone(
    name: str, encoder: Encoder, images: Any, other: Any
) -> None:
    several = [every_target(other)[each] for each in ("code", "channel", "like")]
    applicable = []
    for target in several:
        try:
            applicable.append((target, find(name)(encoder, images, target, **small_settings(name))))
        except NotApplicable:
            continue
    together = find(name)(encoder, images, [target for target, _ in applicable], **small_settings(name))
    for attribution, (_, alone) in zip(together, applicable, strict=True):
        np.testing.assert_allclose(attribution.values, alone.values, rtol=0, atol=1e-4 * np.abs(alone.values).max())
        assert attribution.units == alone.units


@pytest.mark.parametrize("name", ANSWERING)
def test_a_batch_equals_a_loop_and_the_size_of_the_pieces_changes_nothing(
    name: str, encoder: Encoder, images: Any
) -> None:
    batch = find(name)(encoder, images, targets.code(), **small_settings(name)).values
    loop = [
        find(name)(encoder, images[k : k + 1], targets.code(), **small_settings(name)).values
        for k in range(len(images))
    ]
    np.testing.assert_allclose(batch, np.concatenate(loop), rtol=0, atol=2e-4 * np.abs(batch).max())
    memory = encoder.engine.memory
    try:
        encoder.engine.memory = memory // 8192
        small = find(name)(encoder, images, targets.code(), **small_settings(name)).values
    finally:
        encoder.engine.memory = memory
    np.testing.assert_allclose(small, batch, rtol=0, atol=2e-4 * np.abs(batch).max())


@pytest.mark.parametrize("name", ANSWERING)
def test_naming_another_layer_changes_the_map(name: str, encoder: Encoder, earlier: Encoder, images: Any) -> None:
    first, second = (
        find(name)(each, images[:1], targets.code(), **small_settings(name)).values for each in (earlier, encoder)
    )
    assert first.shape != second.shape or np.abs(first - second).max() > 1e-3 * np.abs(first).max()


@pytest.mark.parametrize("name", ANSWERING)
@pytest.mark.parametrize("net", ["dense", "pooled", "odd", "averaging"])
def test_codes_and_pictures_of_every_shape(name: str, net: str) -> None:
    encoder = encoder_of(net)
    images = nets.pictures(encoder.network.model)  # type: ignore[attr-defined]
    try:
        attribution = saccade.explain(encoder, images, name, **small_settings(name))
    except NotApplicable as refusal:
        helps(refusal)
        return
    assert attribution.heatmap.shape == images.shape[:3]
    assert np.isfinite(attribution.heatmap).all()
    # A network with random weights may well keep no detail at all.
    assert np.abs(attribution.heatmap).max() > 0 or find(name).description.question


@pytest.mark.parametrize("name", ANSWERING)
def test_a_dead_code_gives_a_flat_map_not_noise(name: str, dead: Encoder) -> None:
    images = nets.pictures(dead.network.model)  # type: ignore[attr-defined]
    try:
        attribution = saccade.explain(
            dead, images, name, **small_settings(name)
        )  # a warning would be an error, as in every test
    except NotApplicable:
        return
    if "energy" in attribution.units or attribution.method == "eigen_cam":
        return
    # Even is flat: a mask of one height says that no place matters more than another.
    assert np.ptp(attribution.heatmap) < 1e-6
