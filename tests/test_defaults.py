"""Which method makes the first picture of which kind of code, and what the page says about it."""

from __future__ import annotations

import json
from typing import Any

import keras
import nets
import numpy as np
import pytest
import torch

import saccade
from saccade.attribution.defaults import DEFAULT_METHOD, KINDS, default_method
from saccade.encoder import Encoder
from saccade.methods import available
from saccade.models.numpy_network import NumpyNetwork
from saccade.targets import code, parse

pytestmark = pytest.mark.engine

EVALUATE = "an edge detector without a network scored"


def test_the_default_is_occlusion_where_a_network_or_its_code_allows_no_gradient() -> None:
    network = NumpyNetwork(lambda values, _: {"code": values.mean(axis=(1, 2))}, (16, 16, 1))
    images = np.random.default_rng(0).random((1, 16, 16, 1)).astype(np.float32)
    look = saccade.explain(saccade.Encoder(network, value_range=(0.0, 1.0)), images)
    assert look.method == "occlusion"
    assert any("no gradients, so occlusion stands in for blur_integrated_gradients" in note for note in look.notes)
    inputs = keras.Input((16, 16, 1))
    flat = keras.layers.Dense(4)(keras.layers.Flatten()(inputs))
    unit = keras.Model(inputs, keras.layers.UnitNormalization(name="code")(flat))
    encoder = saccade.Encoder(unit, layer="code", value_range=(0.0, 1.0))
    look = saccade.explain(encoder, images)
    assert look.method == "occlusion"
    assert any("codes of one length" in note for note in look.notes)
    assert saccade.explain(encoder, images, target="channel:1").method == "blur_integrated_gradients"
    assert default_method(encoder)[0] == "occlusion"


def vector_of(keepdims: bool) -> Encoder:
    """Convolutions and their mean: a network that names things, without its last layer."""
    inputs = keras.Input((16, 16, 3))
    cells = keras.layers.Conv2D(6, 3, activation="relu")(inputs)
    pooled = keras.layers.GlobalAveragePooling2D(keepdims=keepdims, name="pooled")(cells)
    return Encoder(keras.Model(inputs, pooled), value_range=(0.0, 1.0))


@pytest.mark.parametrize("keepdims", [False, True])
def test_a_vector_of_a_model_that_redraws_nothing_is_covered_first_and_the_page_says_why(keepdims: bool) -> None:
    encoder = vector_of(keepdims)
    image = np.random.default_rng(0).random((1, 16, 16, 3)).astype(np.float32)
    look = saccade.explain(encoder, image)
    assert look.method == "occlusion"
    assert "one vector and nothing is redrawn, so occlusion makes the picture" in look.notes[0]
    assert EVALUATE in look.notes[1]
    assert EVALUATE in " ".join(look._small_print(smooth=True))
    assert EVALUATE in json.dumps(look.to_dict(), default=str)


def test_the_caution_stands_on_every_such_map_whoever_chose_the_method() -> None:
    encoder, image = vector_of(keepdims=False), np.random.default_rng(0).random((1, 16, 16, 3)).astype(np.float32)
    for method, words in (("occlusion", "as high as this map"), (DEFAULT_METHOD, "far higher than this map")):
        (caution,) = (note for note in saccade.explain(encoder, image, method).notes if EVALUATE in note)
        assert words in caution
        assert not any(EVALUATE in note for note in saccade.explain(encoder, image, method, "channel:1").notes)
    assert not any(EVALUATE in note for note in saccade.explain(encoder, image, "saliency").notes)


def test_so_it_is_in_pytorch() -> None:
    network = torch.nn.Sequential(
        torch.nn.Conv2d(3, 6, 3), torch.nn.ReLU(), torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten()
    )
    encoder = Encoder(network.eval(), input_shape=(16, 16, 3), value_range=(0.0, 1.0))
    assert default_method(encoder)[0] == "occlusion"
    cells = Encoder(network.eval(), layer="1", input_shape=(16, 16, 3), value_range=(0.0, 1.0))
    assert default_method(cells) == (DEFAULT_METHOD, ())


@pytest.mark.parametrize("target", ["channel:1", "channel:1 + channel:2"])
def test_targets_with_signs_keep_the_usual_method(target: str) -> None:
    assert default_method(vector_of(keepdims=False), [parse(target)]) == (DEFAULT_METHOD, ())
    assert default_method(vector_of(keepdims=False), [code(), parse(target)]) == (DEFAULT_METHOD, ())


@pytest.mark.parametrize(("build", "layer"), [(nets.autoencoder, "encoded"), (nets.dense_code, "latent")])
def test_a_code_that_redraws_keeps_the_usual_method(build: Any, layer: str) -> None:
    assert default_method(Encoder(build(), layer=layer)) == (DEFAULT_METHOD, ())


def test_every_method_that_is_taken_exists() -> None:
    assert {DEFAULT_METHOD, *(kind.method for kind in KINDS)} <= set(available())
