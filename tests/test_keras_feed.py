"""Keras models: what they compute at the entrance, which layer is the code, and codes that are drawn."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose

import saccade
from saccade.errors import ModelError, NotApplicable
from saccade.images.normalisation import NAMED
from saccade.models import code_layer, open_live
from saccade.models.feed import feed_of

pytestmark = pytest.mark.engine

L = keras.layers
GREY = np.full((16, 16, 3), 128, np.uint8)


def behind(arithmetic: Callable[[Any], Any]) -> keras.Model:
    inputs = keras.Input((16, 16, 3))
    return keras.Model(inputs, L.Flatten()(L.Conv2D(4, 4, 4)(arithmetic(inputs))))


class InCall(keras.Model):
    """The same in a line of Python."""

    def __init__(self, arithmetic: Callable[[Any], Any] = lambda image: image) -> None:
        super().__init__()
        self.arithmetic = arithmetic
        self.conv, self.flatten, self.project = L.Conv2D(4, 4, 4), L.Flatten(), L.Dense(8)
        self(np.zeros((1, 16, 16, 3), np.float32))

    def call(self, image: Any) -> Any:
        return self.project(self.flatten(self.conv(self.arithmetic(image))))


@pytest.mark.parametrize(
    ("arithmetic", "expected"),
    [
        (lambda x: L.Normalization(mean=[120.0] * 3, variance=[4000.0] * 3)(x), (0, 255)),
        (lambda x: L.Rescaling(1 / 127.5, offset=-1)(x), (0, 255)),
        (lambda x: L.Rescaling(2.0, offset=-1)(x), (0, 1)),
        (lambda x: L.ZeroPadding2D(2)(L.Rescaling(1 / 255)(x)), (0, 255)),
        (lambda x: x / 255.0, (0, 255)),
        (lambda x: keras.applications.mobilenet_v2.preprocess_input(x), (0, 255)),
        (lambda x: keras.applications.resnet50.preprocess_input(x), (0, 255)),
    ],
)
def test_arithmetic_at_the_entrance_says_the_range(arithmetic: Any, expected: tuple[float, float]) -> None:
    feed = feed_of(open_live(behind(arithmetic)))
    assert feed.value_range == expected
    assert feed.reason.startswith("the model itself computes value *")


def test_arithmetic_in_call_says_the_range_too() -> None:
    assert feed_of(open_live(InCall(lambda image: image / 127.5 - 1))).value_range == (0, 255)
    assert feed_of(open_live(InCall())).is_assumed


def test_normalised_codes_are_the_models_own() -> None:
    model = behind(lambda x: x)
    images = np.random.default_rng(0).random((2, 16, 16, 3), np.float32)
    encoder = saccade.Encoder(model, normalize="imagenet")
    expected = model.predict((images - NAMED["imagenet"].mean) / NAMED["imagenet"].std, verbose=0)
    assert_allclose(encoder.codes(images).reshape(2, -1), expected, rtol=1e-4, atol=1e-5)
    backwards = saccade.Encoder(model, normalize="caffe")
    expected = model.predict((255 * images)[..., ::-1] - np.float32(NAMED["caffe"].mean), verbose=0)
    assert_allclose(backwards.codes(255 * images).reshape(2, -1), expected, rtol=1e-4, atol=1e-2)


def test_architectures_of_keras_say_what_they_were_trained_on() -> None:
    model = keras.applications.MobileNetV2(weights=None, include_top=False, input_shape=(32, 32, 3), alpha=0.35)
    feed = feed_of(open_live(model))
    assert feed.normalisation == NAMED["half"]
    assert "keras.applications" in feed.reason
    # The preprocessing that stands before it in the model counts for more than its name.
    inputs = keras.Input((32, 32, 3))
    whole = keras.Model(inputs, model(L.Rescaling(1 / 127.5, offset=-1)(inputs)))
    assert feed_of(open_live(whole)).value_range == (0, 255)
    assert feed_of(open_live(whole)).normalisation is None


# --- which layer is the code


class Sampling(L.Layer):
    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.seed = keras.random.SeedGenerator(1)

    def call(self, moments: Any) -> Any:
        mean, spread = moments
        return mean + keras.ops.exp(spread / 2) * keras.random.normal(keras.ops.shape(mean), seed=self.seed)


def variational_encoder() -> keras.Model:
    inputs = keras.Input((16, 16, 3))
    hidden = L.Flatten()(L.Conv2D(4, 4, 4, activation="relu")(inputs))
    mean, spread = L.Dense(2, name="z_mean")(hidden), L.Dense(2, name="z_log_var")(hidden)
    return keras.Model(inputs, [mean, spread, Sampling(name="draw")([mean, spread])], name="encoder")


class Variational(keras.Model):
    def __init__(self) -> None:
        super().__init__()
        self.encoder = variational_encoder()
        self.decoder = keras.Sequential([keras.Input((2,)), L.Dense(768, activation="sigmoid"), L.Reshape((16, 16, 3))])
        self(np.zeros((1, 16, 16, 3), np.float32))

    def call(self, image: Any) -> Any:
        return self.decoder(self.encoder(image)[2])


class Converter:
    """What keras-hub's tasks carry: value * scale + offset, of values 0..255."""

    def __init__(self, scale: Any, offset: Any) -> None:
        self.scale, self.offset = scale, offset
        self.image_size, self.crop_to_aspect_ratio, self.interpolation = (16, 16), True, "lanczos3"


IMAGENET = NAMED["imagenet"]


IMAGENET_SCALE = [1 / 255 / std for std in IMAGENET.std]
IMAGENET_OFFSET = [-mean / std for mean, std in zip(IMAGENET.mean, IMAGENET.std, strict=True)]


@pytest.mark.parametrize(
    ("scale", "offset", "value_range"),
    [
        (1.0, 0.0, (0, 255)),
        (1 / 255, 0.0, (0, 1)),
        (1 / 127.5, -1.0, (0, 1)),
        (IMAGENET_SCALE, IMAGENET_OFFSET, (0, 1)),
    ],
)
def test_a_preprocessor_beside_the_model_is_read(scale: Any, offset: Any, value_range: tuple[float, float]) -> None:
    model = behind(lambda image: image)
    model.preprocessor = type("Preprocessor", (), {"image_converter": Converter(scale, offset)})()
    encoder = saccade.Encoder(model)
    assert (encoder.value_range, encoder.recipe.fit, encoder.recipe.interpolation) == (value_range, "cover", "lanczos")
    assert "its preprocessor" in encoder.value_range_reason
    photo = np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8)
    converted = (photo * np.float32(scale) + np.float32(offset))[None].astype(np.float32)
    expected = keras.ops.convert_to_numpy(model(converted))
    assert_allclose(encoder.codes(photo).reshape(expected.shape), expected, rtol=1e-4, atol=1e-4)


def test_of_a_variational_autoencoder_the_mean_is_the_code() -> None:
    assert code_layer(open_live(variational_encoder())).path == "z_mean"
    encoder = saccade.Encoder(Variational())
    assert encoder.layer == "encoder/z_mean"
    assert saccade.explain(encoder, GREY, "occlusion", patch=8, stride=8).values.max() < 1e-9
    drawn = saccade.Encoder(Variational(), layer="encoder/draw")
    with pytest.raises(ModelError, match=r"is drawn at random: .* Name its mean: --layer encoder/z_mean"):
        saccade.explain(drawn, GREY, "occlusion")


def test_a_batch_normalisation_that_trains_is_noticed() -> None:
    class Training(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.norm, self.head = (
                L.Conv2D(4, 4, 4, name="conv"),
                L.BatchNormalization(name="norm"),
                L.Conv2D(4, 1),
            )
            self(np.zeros((1, 16, 16, 3), np.float32))

        def call(self, image: Any) -> Any:
            return self.head(self.norm(self.conv(image), training=True))

    model = Training()
    with pytest.raises(ModelError, match="depends on the other images of its batch, from layer 'norm' on"):
        saccade.Encoder(model).codes(GREY)
    assert saccade.Encoder(model, layer="conv").codes(GREY).shape == (1, 4, 4, 4)
    before = [keras.ops.convert_to_numpy(weight).copy() for weight in model.weights]
    with pytest.raises(ModelError):
        saccade.Encoder(model).codes(GREY)
    for weight, value in zip(model.weights, before, strict=True):
        assert_allclose(keras.ops.convert_to_numpy(weight), value)


def test_of_a_code_of_unit_length_what_is_normalised_is_explained() -> None:
    inputs = keras.Input((16, 16, 3))
    projected = L.Dense(8, name="project")(L.Flatten()(L.Conv2D(4, 4, 4)(inputs)))
    model = keras.Model(inputs, L.UnitNormalization(name="unit")(projected))
    assert saccade.Encoder(model).layer == "project"
    image = np.random.default_rng(1).integers(0, 256, (16, 16, 3), np.uint8)
    with pytest.raises(NotApplicable, match="explain what is normalised, layer 'project'"):
        saccade.explain(saccade.Encoder(model, layer="unit"), image, "saliency")

    class Normalised(InCall):
        def call(self, image: Any) -> Any:
            return keras.ops.normalize(super().call(image))

    encoder = saccade.Encoder(Normalised())
    assert encoder.layer_reason == "what 'output' brings to unit length"
    assert encoder.layer.startswith("dense")


def test_what_call_itself_computes_is_a_layer() -> None:
    class Twice(InCall):
        def call(self, image: Any) -> Any:
            return 2 * super().call(image)

    model = Twice()
    encoder = saccade.Encoder(model)
    assert encoder.layer == "output"
    images = np.random.default_rng(0).random((2, 16, 16, 3), np.float32)
    assert_allclose(encoder.codes(images).reshape(2, 8), model.predict(images, verbose=0), rtol=1e-4, atol=1e-5)
    assert np.abs(saccade.explain(encoder, GREY, "saliency").values).max() > 0


def test_a_table_of_positions_is_no_layer_and_the_entrance_no_code() -> None:
    class Positions(L.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.project, self.table = L.Dense(8, name="embeddings"), L.Embedding(16, 8, name="position_embedding")

        def call(self, patches: Any) -> Any:
            return self.project(patches) + self.table(keras.ops.arange(16))

    inputs = keras.Input((16, 16, 3))
    x = Positions()(L.Reshape((16, 12 * 4))(inputs))
    for _ in range(2):
        x = L.Add()([x, L.Dense(8, activation="gelu")(L.LayerNormalization()(x))])
    model = keras.Model(inputs, L.GlobalAveragePooling1D(name="pooled")(x))
    encoder = saccade.Encoder(model)
    assert encoder.layer == "pooled"
    assert not any("position_embedding" in path for path in encoder.layers)


def test_flat_redrawings_and_u_nets() -> None:
    inputs = keras.Input((8, 8, 1))
    dense = L.Dense(64, activation="sigmoid")(L.Dense(6, name="narrow", activation="relu")(L.Flatten()(inputs)))
    assert code_layer(open_live(keras.Model(inputs, dense))).path == "narrow"
    inputs = keras.Input((None, None, 3))
    fine = L.Conv2D(4, 3, padding="same")(inputs)
    deep = L.Conv2D(8, 3, padding="same", name="deep")(L.MaxPooling2D()(fine))
    up = L.Concatenate()([L.UpSampling2D()(deep), fine])
    for channels in (1, 3, 5):
        chosen = code_layer(open_live(keras.Model(inputs, L.Conv2D(channels, 1)(up))))
        assert chosen.path == "deep"
        assert "skips go round it" in chosen.reason
