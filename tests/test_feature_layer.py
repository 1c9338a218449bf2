"""Which layer the CAM methods weigh, and which they refuse; the same on every engine."""

from __future__ import annotations

from typing import Any

import keras
import nets
import pytest

from saccade import targets
from saccade.attribution.feature_layer import feature_layer
from saccade.encoder import Encoder
from saccade.errors import NotApplicable, UnknownName
from saccade.methods import find
from saccade.run import Run

L = keras.layers
FAMILY = ["ablation_cam", "eigen_cam", "grad_cam", "grad_cam_plus_plus", "layer_cam", "score_cam"]


def encoder_of(name: str) -> tuple[Encoder, Any]:
    build, layer = {**nets.LOCAL, **nets.MIXING}[name]
    model = build()
    return Encoder(model, layer=layer), nets.pictures(model)


@pytest.mark.parametrize(
    ("name", "kind", "grid"),
    [
        ("reference", "Conv2D", (12, 12)),
        ("odd", "Conv2D", (19, 15)),
        ("valid", "MaxPooling2D", (14, 12)),
        ("residual", "Multiply", (32, 32)),
        ("concatenating", "SeparableConv2D", (16, 18)),
        ("nested", "Conv2D", (20, 20)),
        ("upsampling", "DepthwiseConv2D", (32, 32)),
        ("dense", "MaxPooling2D", (8, 8)),
        ("pooled", "MaxPooling2D", (12, 10)),
        ("subclassed", "Conv2D", (20, 20)),
    ],
)
def test_by_default_the_last_layer_before_the_code_with_a_finer_grid(
    name: str, kind: str, grid: tuple[int, int]
) -> None:
    encoder, images = encoder_of(name)
    layer = feature_layer(Run(encoder), images, [targets.code()], None)
    assert encoder.layers[layer.path].kind == kind
    assert layer.grid == grid
    attribution = find("grad_cam")(encoder, images, targets.code())
    assert attribution.values.shape == (len(images), *grid)
    assert attribution.settings["at"] == layer.path
    assert attribution.notes[0] == layer.note
    assert ("the code itself" in layer.note) == (layer.path == encoder.layer)


def test_a_layer_that_only_rescales_or_pads_the_picture_is_not_chosen() -> None:
    inputs = keras.Input((8, 8, 2))
    x = L.ZeroPadding2D(2)(L.Rescaling(2.0)(inputs))
    model = nets._model(inputs, L.Conv2D(3, 3, strides=2, name="code")(x))
    layer = feature_layer(Run(Encoder(model)), nets.pictures(model), [targets.code()], None)
    assert layer.path == "code"


@pytest.mark.parametrize("edge", [L.ZeroPadding2D(((0, 1), (0, 1))), L.Cropping2D(1)])
def test_a_layer_that_only_pads_or_crops_is_passed_over_for_the_one_before(edge: Any) -> None:
    inputs = keras.Input((16, 16, 2))
    x = L.Activation("relu", name="bent")(L.Conv2D(4, 3, padding="same")(inputs))
    model = nets._model(inputs, L.Conv2D(3, 3, strides=2, name="code")(edge(x)))
    layer = feature_layer(Run(Encoder(model)), nets.pictures(model), [targets.code()], None)
    assert (layer.path, layer.grid) == ("bent", (16, 16))


def forked() -> keras.Model:
    inputs = keras.Input((16, 16, 2))
    x = L.Conv2D(4, 3, padding="same", name="trunk")(inputs)
    aside = L.Conv2D(2, 3, padding="same", name="aside")(x)
    for _ in range(9):  # Keras computes longer branches first
        aside = L.Activation("linear")(aside)
    x = L.MaxPooling2D(2, name="pool")(x)
    code = L.Dense(5, name="code")(L.Flatten(name="flat")(x))
    x = L.Reshape((8, 8, 1), name="unflat")(L.Dense(64, name="wide")(code))
    x = L.UpSampling2D(2, name="up")(x)
    return nets._model(inputs, L.Add(name="redrawn")([x, aside]))


@pytest.mark.parametrize("method", FAMILY)
def test_a_layer_that_cannot_be_weighted_is_refused_in_one_line(method: str) -> None:
    encoder = Encoder(forked(), layer="code")
    images = nets.pictures(encoder.network.model)  # type: ignore[attr-defined]
    for at, error, words in (
        ("trnk", UnknownName, "no layer 'trnk'; the nearest is 'trunk'"),
        ("up", NotApplicable, "'up' is computed after 'code', which is explained; give one of trunk, pool"),
        ("flat", NotApplicable, "'flat' has no places .* give one of trunk, pool"),
        ("code", NotApplicable, "'code' has no places"),
        ("aside", NotApplicable, "'code', which is explained, is not computed from layer 'aside'"),
    ):
        with pytest.raises(error, match=words) as caught:
            find(method)(encoder, images, targets.code(), at=at)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("method", FAMILY)
def test_a_model_without_feature_maps_is_refused(method: str) -> None:
    inputs = keras.Input((6, 6, 2))
    model = nets._model(inputs, L.Dense(5, name="code")(L.Flatten()(inputs)))
    with pytest.raises(NotApplicable, match="use occlusion"):
        find(method)(Encoder(model), nets.pictures(model), targets.code())


def test_what_is_read_at_the_output_may_be_explained_by_the_decoder_too() -> None:
    encoder, images = encoder_of("reference")
    attribution = find("layer_cam")(encoder, images, targets.reconstruction_error(), at="conv_4")
    assert attribution.values.shape == (2, 12, 12)
    with pytest.raises(NotApplicable, match="computed after"):
        find("layer_cam")(encoder, images, targets.code(), at="conv_4")


def test_a_code_of_two_towers_names_the_last_layer_of_each() -> None:
    inputs = keras.Input((16, 16, 3))
    towers = []
    for name, size in (("fine", 2), ("coarse", 4)):
        x = L.Conv2D(4, size, strides=size, name=f"{name}_stem")(inputs)
        x = L.Add(name=f"{name}_sum")([x, L.Conv2D(4, 3, padding="same", name=f"{name}_branch")(x)])
        towers.append(L.GlobalAveragePooling2D(name=f"{name}_pooled")(x))
    encoder = Encoder(nets._model(inputs, L.Concatenate(name="code")(towers)), layer="code")
    images = nets.pictures(encoder.network.model)
    message = (
        r"beside each other.*name one.*\(at=\): 'coarse_sum' \(4x4 cells\) or 'fine_sum' \(8x8 cells\); or use occ"
    )
    for name in FAMILY:
        with pytest.raises(NotApplicable, match=message):
            find(name)(encoder, images, targets.code())
    part = find("grad_cam")(encoder, images, targets.code(), at="fine_sum")
    assert part.values.shape == (len(images), 8, 8)
