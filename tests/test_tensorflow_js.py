"""Layers models of TensorFlow.js: Keras's JSON and shards of numbers, written here as its converter writes them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from numpy.testing import assert_allclose

import saccade
from saccade.errors import InputError
from saccade.images.normalisation import NAMED
from saccade.models import open_model

IMAGES = np.random.default_rng(0).random((2, 16, 16, 3), np.float32)


@pytest.fixture(scope="module")
def classifier() -> Any:
    """A model of Keras 2 as Teachable Machine nests it: a network cut off before its end, and a head."""
    import tf_keras

    layers = tf_keras.layers
    tf_keras.backend.clear_session()
    tf_keras.utils.set_random_seed(0)
    images = layers.Input((16, 16, 3))
    x = layers.Conv2D(4, 3, strides=2, padding="same", use_bias=False, name="conv1")(images)
    x = layers.ReLU(6.0, name="relu1")(layers.BatchNormalization(name="bn1")(x))
    x = layers.DepthwiseConv2D(3, padding="same", name="depthwise")(x)
    body = tf_keras.Sequential([tf_keras.Model(images, x, name="body"), layers.GlobalAveragePooling2D(name="pooled")])
    head = tf_keras.Sequential([layers.Dense(5, activation="relu", name="hidden"), layers.Dense(2, name="scores")])
    model = tf_keras.Sequential([body, head])
    model.build((None, 16, 16, 3))
    rng = np.random.default_rng(1)
    model.set_weights([rng.random(values.shape).astype(np.float32) for values in model.get_weights()])
    return model


def written(folder: Path, model: Any, *, by: str = "converter", quantised: str | None = None, shards: int = 3) -> Path:
    """The files, as the converter of Python writes them, or `model.save()` in JavaScript."""
    folder.mkdir(exist_ok=True)
    entries, parts = [], []
    for variable in model.weights:
        values = np.asarray(variable, np.float32)
        entry: dict[str, Any] = {
            "name": variable.name.removesuffix(":0"),
            "shape": list(values.shape),
            "dtype": "float32",
        }
        if quantised == "float16":
            entry["quantization"] = {"dtype": "float16", "original_dtype": "float32"}
            values = values.astype(np.float16)
        elif quantised is not None:
            least, scale = float(values.min()), float(np.ptp(values) or 1) / np.iinfo(quantised).max
            entry["quantization"] = {"dtype": quantised, "min": least, "scale": scale, "original_dtype": "float32"}
            values = np.round((values - least) / scale).astype(quantised)
        entries.append(entry)
        parts.append(values.tobytes())
    content = b"".join(parts)
    step = -(-len(content) // shards)
    names = [f"group1-shard{k + 1}of{shards}.bin" for k in range(shards)]
    for k, name in enumerate(names):
        (folder / name).write_bytes(content[k * step : (k + 1) * step])
    described = json.loads(model.to_json())
    if by == "converter":
        topology = {"keras_version": described["keras_version"], "backend": "tensorflow", "model_config": described}
    else:
        topology = {**described, "keras_version": "tfjs-layers 1.3.1", "backend": "tensor_flow.js"}
    manifest = [{"paths": names, "weights": entries}]
    description = {"format": "layers-model", "modelTopology": topology, "weightsManifest": manifest}
    (folder / "model.json").write_text(json.dumps(description))
    return folder / "model.json"


def output(path: Path) -> np.ndarray:
    network: Any = open_model(path)
    return np.asarray(keras.ops.convert_to_numpy(network.model(IMAGES)))


@pytest.mark.parametrize("by", ["converter", "javascript"])
@pytest.mark.parametrize(
    ("quantised", "tolerance"), [(None, 1e-5), ("float16", 1e-2), ("uint16", 1e-3), ("uint8", 5e-2)]
)
def test_layers_models_give_what_keras_gives(
    classifier: Any, tmp_path: Path, by: str, quantised: str | None, tolerance: float
) -> None:
    path = written(tmp_path / "js", classifier, by=by, quantised=quantised)
    expected = np.asarray(classifier(IMAGES))
    assert_allclose(output(path), expected, rtol=tolerance)
    assert_allclose(output(path.parent), expected, rtol=tolerance)  # the folder is enough


def test_models_of_teachable_machine_are_fed_as_it_feeds_them(classifier: Any, tmp_path: Path) -> None:
    path = written(tmp_path / "tm", classifier, by="javascript")
    metadata = {"packageName": "@teachablemachine/image", "imageSize": 16, "labels": ["cat", "dog"]}
    (tmp_path / "tm" / "metadata.json").write_text(json.dumps(metadata))
    encoder = saccade.load(path)
    assert encoder.recipe.normalisation == NAMED["half"]
    assert (encoder.recipe.height, encoder.recipe.fit) == (16, "cover")
    assert "metadata.json beside it: Teachable Machine feeds -1..1" in encoder.describe()


def changed(path: Path, change: Callable[[dict[str, Any]], Any]) -> Path:
    description = json.loads(path.read_text())
    change(description)
    path.write_text(json.dumps(description))
    return path


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            lambda d: d.update(format="graph-model", modelTopology={"node": []}),
            "is a graph model, whose layers are gone",
        ),
        (lambda d: d.update(modelTopology=[1]), "modelTopology describes no model of Keras"),
        (lambda d: d.pop("weightsManifest"), "has no list of weights"),
        (lambda d: d["weightsManifest"][0].pop("paths"), "a group of its weights names no files"),
        (lambda d: d["weightsManifest"][0].update(paths=["../../etc/passwd"]), "which is no file beside it"),
        (lambda d: d["weightsManifest"][0].update(paths=["/etc/passwd"]), "which is no file beside it"),
        (lambda d: d["weightsManifest"][0].update(paths=["https://a.b/c.bin"]), "which is no file beside it"),
        (lambda d: d["weightsManifest"][0].update(paths=["other.bin"]), r"no file .*other\.bin"),
        (lambda d: d["weightsManifest"][0]["paths"].pop(), "its weights take .* bytes, and their files hold"),
        (lambda d: d["weightsManifest"][0]["weights"].pop(), "its weights take .* bytes, and their files hold"),
        (lambda d: d["weightsManifest"][0]["weights"][0].update(shape=[-1]), r"has the shape \[-1\]"),
        (lambda d: d["weightsManifest"][0]["weights"][0].update(shape=[2**60] * 9), "has the shape"),
        (lambda d: d["weightsManifest"][0]["weights"][0].update(dtype="string"), "holds 'string', which is no number"),
        (
            lambda d: d["weightsManifest"][0]["weights"][0].update(name="x/kernel"),
            "do not fit its architecture: layer 'conv1'",
        ),
        (
            lambda d: d["weightsManifest"][0]["weights"][0].update(quantization={"dtype": "uint8", "scale": "a"}),
            "is quantised by no number",
        ),
    ],
)
def test_damaged_ones_get_one_line(
    classifier: Any, tmp_path: Path, change: Callable[[dict[str, Any]], Any], says: str
) -> None:
    path = changed(written(tmp_path / "js", classifier), change)
    with pytest.raises(InputError, match=says) as caught:
        open_model(path)
    assert str(caught.value).isprintable()


def test_two_layers_of_one_name_cannot_be_told_apart(classifier: Any, tmp_path: Path) -> None:
    path = written(tmp_path / "js", classifier)
    path.write_text(path.read_text().replace('"hidden', '"depthwise'))
    with pytest.raises(
        InputError, match="two of its layers are called 'depthwise', so their weights cannot be told apart"
    ):
        open_model(path)


def test_its_own_weights_stand_in_it(classifier: Any, tmp_path: Path) -> None:
    path = written(tmp_path / "js", classifier)
    with pytest.raises(
        InputError, match=r"model\.json of TensorFlow\.js names the files of its weights; leave --weights out"
    ):
        open_model(path, weights=path)
