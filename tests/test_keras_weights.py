"""Files of Keras as the weights of a factory: whole models and weights alone, also for models never called."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from numpy.testing import assert_array_equal

import saccade
from saccade.errors import ModelError

FACTORIES = """
import keras
from keras import layers

@keras.saving.register_keras_serializable(package="Mine")
class Sampling(layers.Layer):
    def call(self, parts):
        mean, spread = parts
        return mean + keras.ops.exp(spread / 2) * keras.random.normal(keras.ops.shape(mean))

def encoder():
    images = keras.Input((16, 16, 1))
    x = layers.Flatten()(layers.Conv2D(4, 3, 2, activation="relu")(images))
    mean, spread = layers.Dense(2, name="z_mean")(x), layers.Dense(2, name="z_log_var")(x)
    return keras.Model(images, [mean, spread, Sampling(name="z")([mean, spread])], name="encoder")

class Net(keras.Model):
    def __init__(self):
        super().__init__()
        self.first = layers.Conv2D(4, 3, 2, activation="relu")
        self.pooled, self.last = layers.GlobalAveragePooling2D(), layers.Dense(3)

    def call(self, images):
        return self.last(self.pooled(self.first(images)))

def net():
    return Net()
"""


@pytest.fixture
def factories(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    (tmp_path / "keras_factories_here.py").write_text(FACTORIES)
    monkeypatch.syspath_prepend(str(tmp_path))
    import importlib
    import sys

    sys.modules.pop("keras_factories_here", None)
    yield importlib.import_module("keras_factories_here")
    keras.saving.get_custom_objects().pop("Mine>Sampling", None)


def trained(model: Any) -> Any:
    rng = np.random.default_rng(0)
    model.set_weights([rng.normal(size=values.shape).astype(np.float32) for values in model.get_weights()])
    return model


@pytest.mark.parametrize("name", ["net.keras", "net.h5", "net.weights.h5"])
@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5")
def test_a_file_with_a_class_of_its_own_gives_a_factory_its_weights(factories: Any, tmp_path: Path, name: str) -> None:
    model = trained(factories.encoder())
    (model.save_weights if ".weights" in name else model.save)(tmp_path / name)
    network: Any = saccade.load("keras_factories_here:encoder", weights=tmp_path / name).network
    for own, expected in zip(network.model.get_weights(), model.get_weights(), strict=True):
        assert_array_equal(own, expected)


@pytest.mark.parametrize("name", ["net.keras", "net.weights.h5"])
def test_a_model_that_was_never_called_is_built_first(factories: Any, tmp_path: Path, name: str) -> None:
    model = factories.net()
    model(np.zeros((1, 16, 16, 3), np.float32))
    trained(model)
    (model.save_weights if ".weights" in name else model.save)(tmp_path / name)
    if ".weights" in name:  # it does not say for which images
        with pytest.raises(ModelError, match=r"was never called, so it has no weights.*--input-shape H,W,C"):
            saccade.load("keras_factories_here:net", weights=tmp_path / name)
    shape = (16, 16, 3) if ".weights" in name else None
    encoder = saccade.load("keras_factories_here:net", weights=tmp_path / name, input_shape=shape)
    assert encoder.network.input_shape == (16, 16, 3)
    network: Any = encoder.network
    for own, expected in zip(network.model.get_weights(), model.get_weights(), strict=True):
        assert_array_equal(own, expected)


def test_images_that_the_model_cannot_take_are_one_line(factories: Any, tmp_path: Path) -> None:
    model = factories.net()
    model(np.zeros((1, 16, 16, 3), np.float32))
    model.save_weights(tmp_path / "net.weights.h5")
    with pytest.raises(ModelError, match=r"cannot be called on images of \(1, 1, 3\): "):
        saccade.load("keras_factories_here:net", weights=tmp_path / "net.weights.h5", input_shape=(1, 1, 3))
