"""Keras models of every kind as networks: names, shapes, data flow, and files that run nothing."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import keras
import nets
import numpy as np
import pytest

import saccade
from saccade.engines.capacity import widths
from saccade.errors import FileError, ModelError, UnknownName
from saccade.models import code_layer, find_layer, open_live, open_model
from saccade.models.feed import feed_of
from saccade.models.keras.network import KerasNetwork
from saccade.models.network import Layer

pytestmark = pytest.mark.engine


@pytest.mark.parametrize("name", [*nets.LOCAL, *nets.MIXING])
def test_layers_hold_what_keras_says(name: str) -> None:
    build, layer = {**nets.LOCAL, **nets.MIXING}[name]
    model = build()
    network = open_live(model)
    images = nets.pictures(model)
    values = network.run(keras.ops.convert_to_tensor(images), [layer])[layer]
    assert tuple(values.shape[1:]) == network.layers[layer].shape
    whole = keras.ops.convert_to_numpy(model(images))
    last = network.run(keras.ops.convert_to_tensor(images), [network.output])[network.output]
    np.testing.assert_allclose(keras.ops.convert_to_numpy(last), whole, rtol=1e-5, atol=1e-6)


def test_a_nested_layer_is_read_by_its_path() -> None:
    model = nets.nested()
    encoder = model.get_layer("encoder")
    images = nets.pictures(model)
    values = open_live(model).run(keras.ops.convert_to_tensor(images), ["encoder/block/deep"])["encoder/block/deep"]
    expected = keras.ops.convert_to_numpy(encoder(images))
    np.testing.assert_allclose(keras.ops.convert_to_numpy(values), expected, rtol=1e-5, atol=1e-6)


def test_what_lies_in_the_memory_of_another_layer_is_known() -> None:
    part = keras.Sequential([keras.layers.Conv2D(2, 3, name="conv"), keras.layers.ReLU(name="curve")], name="part")
    inputs = keras.Input((6, 6, 3))
    layers = open_live(keras.Model(inputs, keras.layers.Conv2D(2, 1, name="last")(part(inputs)))).layers
    assert {path for path, layer in layers.items() if layer.shares_memory} == {"part"}


def test_memory_that_two_layers_share_counts_once() -> None:
    layers = {
        name: Layer(name, "Conv2D", (4, 4, count), 0, shares_memory=name == "block")
        for name, count in (("conv", 3), ("block", 3), ("last", 2))
    }
    counted = widths(layers, (4, 4, 1), ["last"], None, lambda path: None)
    assert counted.counts == (16, 48, 32)
    assert widths(layers, (4, 4, 1), ["last"], "block", lambda path: None).counts == (48, 32)


def test_a_shared_layer_has_two_places() -> None:
    shared = keras.layers.Dense(4, name="shared")
    inputs = keras.Input((6, 6, 4))
    model = keras.Model(inputs, shared(keras.ops.tanh(shared(inputs))))
    network = open_live(model)
    assert [path for path in network.layers if "shared" in path] == ["shared", "shared:2"]
    images = keras.ops.convert_to_tensor(np.random.default_rng(0).random((2, 6, 6, 4), dtype=np.float32))
    values = network.run(images, ["shared", "shared:2"])
    once = shared(images)
    np.testing.assert_allclose(_array(values["shared"]), _array(once), rtol=1e-6)
    np.testing.assert_allclose(_array(values["shared:2"]), _array(shared(keras.ops.tanh(once))), rtol=1e-6)


def test_parts_of_a_layer_with_several_results() -> None:
    inputs = keras.Input((8, 8, 1))
    pooled = keras.layers.Flatten()(inputs)
    encoder = keras.Model(inputs, [keras.layers.Dense(3)(pooled), keras.layers.Dense(3)(pooled)], name="encoder")
    mean, spread = encoder(inputs)
    model = keras.Model(inputs, keras.layers.Add()([mean, spread]))
    network = open_live(model)
    images = np.random.default_rng(0).random((2, 8, 8, 1), dtype=np.float32)
    values = network.run(keras.ops.convert_to_tensor(images), ["encoder.1"])["encoder.1"]
    np.testing.assert_allclose(_array(values), _array(encoder(images)[1]), rtol=1e-5)


@pytest.mark.parametrize("name", list(nets.LOCAL))
def test_a_hole_changes_its_footprint_and_nothing_else(name: str) -> None:
    build, layer = nets.LOCAL[name]
    model = build()
    network = open_live(model)
    images = nets.pictures(model, 1)
    height, width = images.shape[1:3]
    flow = network.dataflow(height, width)
    plain = _array(network.run(keras.ops.convert_to_tensor(images), [layer])[layer])
    random = np.random.default_rng(1)
    for _ in range(8):
        top, left = int(random.integers(0, height - 4)), int(random.integers(0, width - 4))
        rows, columns = (top, top + int(random.integers(1, 5))), (left, left + int(random.integers(1, 5)))
        # Several fillings, so that a maximum does not hide what a cell could have seen.
        changed = np.zeros(plain.shape[1:3], bool)
        for filling in range(6):
            moved = images.copy()
            part = moved[:, rows[0] : rows[1], columns[0] : columns[1]]
            part[...] = random.normal(size=part.shape) * (3.0 if filling % 2 else 1.0)
            after = _array(network.run(keras.ops.convert_to_tensor(moved), [layer])[layer])
            changed |= (np.abs(after - plain) > 1e-6).any(axis=(0, 3))
        (r0, r1), (c0, c1) = flow.footprint(layer, 0, rows), flow.footprint(layer, 1, columns)
        inside = np.zeros_like(changed)
        inside[r0:r1, c0:c1] = True
        assert not (changed & ~inside).any(), "a cell outside the footprint changed"
        if name in ("reference", "strided", "averaging", "odd"):
            assert changed.any(axis=1).sum() >= (r1 - r0) - 1
            assert changed.any(axis=0).sum() >= (c1 - c0) - 1


def test_what_is_not_known_for_certain_mixes_everything() -> None:
    flow = open_live(nets.subclassed()).dataflow(20, 20)
    assert flow.receptive_field("first") == (3, 3)
    assert flow.receptive_field("encoded") is None


def test_free_sizes_are_none_and_fixed_ones_are_numbers() -> None:
    layers = open_live(nets.free_size()).layers
    assert layers["encoded"].shape == (None, None, 3)
    assert open_live(nets.odd()).layers["encoded"].shape == (10, 8, 3)


@pytest.mark.parametrize(
    ("name", "path", "reason"),
    [
        ("reference", "encoded", "its name"),
        ("dense", "latent", "its name"),
        ("pooled", "embedding", "its name"),
    ],
)
def test_the_code_is_found_by_its_name(name: str, path: str, reason: str) -> None:
    chosen = code_layer(open_live({**nets.LOCAL, **nets.MIXING}[name][0]()))
    assert chosen.path == path
    assert reason in chosen.reason


def test_the_code_of_an_unnamed_autoencoder_is_its_narrowest_point() -> None:
    inputs = keras.Input((16, 16, 1))
    x = keras.layers.MaxPooling2D(4)(keras.layers.Conv2D(2, 3, padding="same")(inputs))
    x = keras.layers.Activation("elu", name="after")(keras.layers.Conv2D(2, 3, padding="same", name="narrow")(x))
    x = keras.layers.Conv2D(1, 3, padding="same")(keras.layers.UpSampling2D(4)(x))
    chosen = code_layer(open_live(keras.Model(inputs, x)))
    assert "narrowest" in chosen.reason
    assert chosen.path.startswith("max_pooling2d")


def test_an_encoder_alone_is_explained_at_its_output() -> None:
    inputs = keras.Input((16, 16, 1))
    model = keras.Model(inputs, keras.layers.Dense(3, name="last")(keras.layers.Flatten()(inputs)))
    assert code_layer(open_live(model)).reason == "the model's output"


def test_unknown_layers_are_answered_with_the_nearest() -> None:
    network = open_live(nets.autoencoder())
    with pytest.raises(UnknownName, match="the nearest is 'encoded'"):
        find_layer(network, "encodde")
    assert find_layer(open_live(nets.nested()), "deep") == "encoder/block/deep"


@pytest.mark.parametrize(
    ("last", "rescale", "expected"),
    [("sigmoid", False, (0, 1)), ("tanh", False, (-1, 1)), (None, True, (0, 255)), (None, False, (0, 1))],
)
def test_the_value_range_is_read_off_the_model(last: str | None, rescale: bool, expected: tuple[float, float]) -> None:
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Rescaling(1 / 255)(inputs) if rescale else inputs
    model = keras.Model(inputs, keras.layers.Conv2D(3, 3, padding="same", activation=last)(x))
    feed = feed_of(open_live(model))
    assert feed.value_range == expected
    assert ("assumed" in feed.reason) == feed.is_assumed == (last is None and not rescale)


def test_models_that_take_no_single_picture_are_refused() -> None:
    a, b = keras.Input((8, 8, 3)), keras.Input((8, 8, 3))
    with pytest.raises(ModelError, match="takes 2 inputs"):
        open_live(keras.Model([a, b], keras.layers.Add()([a, b])))
    flat = keras.Input((9,))
    with pytest.raises(ModelError, match="takes rows of 9 numbers, not images"):
        open_live(keras.Model(flat, keras.layers.Dense(2)(flat)))
    with pytest.raises(ModelError, match="never built"):
        open_live(nets.Subclassed())
    with pytest.raises(ModelError, match="no model that saccade knows"):
        open_live("autoencoder")


def test_two_inputs_are_refused_also_where_the_size_is_given() -> None:
    one, other = keras.Input((8, 8, 3)), keras.Input((8, 8, 3))
    model = keras.Model([one, other], keras.layers.Add()([one, other]))
    with pytest.raises(ModelError, match="takes 2 inputs"):
        open_live(model, input_shape=(8, 8, 3))


RECURRENT = {
    "LSTM": lambda: keras.layers.LSTM(3, name="code"),
    "GRU": lambda: keras.layers.GRU(3, return_sequences=True, name="code"),
    "SimpleRNN": lambda: keras.layers.SimpleRNN(3, name="code"),
    "Bidirectional": lambda: keras.layers.Bidirectional(keras.layers.LSTM(3), name="code"),
    "cells": lambda: keras.layers.RNN([keras.layers.LSTMCell(3), keras.layers.GRUCell(2)], name="code"),
    "TimeDistributed": lambda: keras.layers.TimeDistributed(keras.layers.Dense(2), name="code"),
}


@pytest.mark.parametrize("kind", RECURRENT)
def test_a_layer_that_loops_is_one_layer_with_a_gradient(kind: str) -> None:
    image = keras.Input((6, 6, 3))
    rows = keras.layers.Reshape((6, 8))(keras.layers.Conv2D(2, (1, 3), name="conv")(image))
    model = keras.Model(image, RECURRENT[kind]()(rows))
    encoder = saccade.Encoder(model, layer="code")
    assert not [path for path in encoder.layers if path.startswith("code/") and "cell" in path]
    images = np.random.default_rng(0).random((2, 6, 6, 3), np.float32)
    expected = keras.ops.convert_to_numpy(model(images))
    np.testing.assert_allclose(encoder.activations(images, ["code"])["code"], expected, rtol=1e-4, atol=1e-5)
    for method in ("saliency", "occlusion"):
        assert np.isfinite(saccade.explain(encoder, images, method).values).all()
        assert saccade.explain(encoder, images, method).values.any()


def test_an_encoder_inside_that_gives_a_dictionary() -> None:
    inner = keras.Input((8, 8, 3))
    mean, spread = (keras.layers.Conv2D(2, 3, name=name)(inner) for name in ("mean", "spread"))
    encoder = keras.Model(inner, {"mu": mean, "sigma": spread}, name="encoder")
    image = keras.Input((8, 8, 3))
    model = keras.Model(image, keras.layers.Conv2D(1, 3, name="last")(encoder(image)["mu"]))
    network = open_live(model)
    assert set(network.layers) == {"encoder/mean", "encoder/spread", "encoder.mu", "encoder.sigma", "last"}
    images = nets.pictures(model)
    values = network.run(keras.ops.convert_to_tensor(images), ["encoder.mu", "last"])
    np.testing.assert_allclose(_array(values["last"]), _array(model(images)), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(_array(values["encoder.mu"]), _array(encoder(images)["mu"]), rtol=1e-5, atol=1e-6)
    # The results of the inner model are those of its layers, so a hole reaches no further in them.
    assert network.dataflow(8, 8).receptive_field("last") == (5, 5)
    tapped = network.run(keras.ops.convert_to_tensor(images), ["last"], {"encoder.mu": lambda x: x * 0})
    assert not np.allclose(_array(tapped["last"]), _array(values["last"]))


def test_a_flattened_code_of_channels_first_layers() -> None:
    image = keras.Input((3, 6, 6))
    x = keras.layers.AveragePooling2D(2, data_format="channels_first", name="pool")(image)
    network = open_live(keras.Model(image, keras.layers.Flatten(name="code")(x)))
    assert network.input_shape == (6, 6, 3)
    assert network.layers["pool"].shape == (3, 3, 3)
    assert network.layers["code"].shape == (27,)


def test_a_file_whose_input_is_bytes_has_a_gradient(tmp_path: Path) -> None:
    image = keras.Input((8, 8, 3), dtype="uint8")
    model = keras.Model(image, keras.layers.Conv2D(2, 3, name="code")(keras.layers.Rescaling(1 / 255)(image)))
    model.save(tmp_path / "model.keras")
    encoder = saccade.load(tmp_path / "model.keras")
    images = np.random.default_rng(0).integers(0, 256, (2, 8, 8, 3)).astype(np.float32)
    np.testing.assert_allclose(
        encoder.activations(images, ["code"])["code"],
        _array(model(images.astype(np.uint8))),
        rtol=1e-4,
        atol=1e-5,
    )
    assert saccade.explain(encoder, images, "saliency").values.any()


def test_a_layer_far_larger_than_any_memory_is_measured_or_refused(backend: str) -> None:
    image = keras.Input((16, 16, 3))
    network = open_live(keras.Model(image, keras.layers.UpSampling2D(10**5, name="vast")(image)))
    if backend == "torch":
        with pytest.raises(ModelError, match=r"makes [\d,]+ numbers of one image"):
            network.layers  # noqa: B018
    else:
        assert network.layers["vast"].shape == (1_600_000, 1_600_000, 3)


def test_what_a_model_says_when_it_cannot_be_called_is_one_line() -> None:
    class Narrow(keras.layers.Layer):  # type: ignore[misc]
        def call(self, x: Any) -> Any:
            raise RuntimeError("no\nway\x1b[31m here")

    model = keras.Sequential([Narrow()])
    with pytest.raises(ModelError, match=r"cannot compute an image of 8x8: no way here\.") as caught:
        open_live(model, input_shape=(8, 8, 3)).layers  # noqa: B018
    assert str(caught.value).isprintable()


def test_two_recorders_in_two_threads_do_not_record_each_other() -> None:
    from concurrent.futures import ThreadPoolExecutor

    model = nets.autoencoder()
    networks = [KerasNetwork(model) for _ in range(2)]
    images = keras.ops.convert_to_tensor(nets.pictures(model))

    def work(network: KerasNetwork) -> Any:
        return [_array(network.run(images, ["encoded"])["encoded"]) for _ in range(5)]

    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(work, networks))
    for code in results[0] + results[1]:
        np.testing.assert_array_equal(code, results[0][0])


# Files


def test_a_saved_model_opens_and_the_file_is_left_alone(tmp_path: Path) -> None:
    model = nets.nested()
    path = tmp_path / "model.keras"
    model.save(path)
    bytes_before = path.read_bytes()
    network = open_model(path)
    images = keras.ops.convert_to_tensor(nets.pictures(model))
    output = _array(network.run(images, [network.output])[network.output])
    np.testing.assert_allclose(output, _array(model(images)), rtol=1e-5, atol=1e-6)
    assert path.read_bytes() == bytes_before


def test_lambda_layers_and_foreign_classes_need_trust(tmp_path: Path) -> None:
    inputs = keras.Input((8, 8, 1))
    keras.Model(inputs, keras.layers.Lambda(lambda x: x * 2)(inputs)).save(tmp_path / "lambda.keras")
    with pytest.raises(ModelError, match=r"layer 'lambda.*' holds Python code \(a Lambda layer\), .*--trust"):
        open_model(tmp_path / "lambda.keras")
    nets.autoencoder().save(tmp_path / "model.keras")
    with zipfile.ZipFile(tmp_path / "model.keras") as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(parts["config.json"])
    config["config"]["layers"][1]["module"] = "antigravity"
    config["config"]["layers"][1]["class_name"] = "Geohash"
    with zipfile.ZipFile(tmp_path / "foreign.keras", "w") as archive:
        for name, content in {**parts, "config.json": json.dumps(config)}.items():
            archive.writestr(name, content)
    import sys

    with pytest.raises(ModelError, match=r"layer .* needs the class 'antigravity.Geohash'"):
        open_model(tmp_path / "foreign.keras")
    assert "antigravity" not in sys.modules


def test_damaged_files_say_so(tmp_path: Path) -> None:
    nets.autoencoder().save(tmp_path / "model.keras")
    whole = (tmp_path / "model.keras").read_bytes()
    (tmp_path / "short.keras").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "empty.keras").write_bytes(b"")
    (tmp_path / "text.keras").write_text("hello")
    (tmp_path / "note.txt").write_text("hello")
    for name, words in (
        ("short.keras", "damaged"),
        ("empty.keras", "is empty"),
        ("text.keras", "damaged"),
        ("modl.keras", "the nearest in that folder is 'model.keras'"),
    ):
        with pytest.raises(FileError, match=words):
            open_model(tmp_path / name)
    with pytest.raises(ModelError, match="no model that saccade knows"):
        open_model(tmp_path / "note.txt")
    with pytest.raises(ModelError, match="a folder, but of no model"):
        open_model(tmp_path)


def test_an_attention_gate_at_the_deepest_level_is_not_the_code() -> None:
    L = keras.layers
    image = keras.Input((16, 16, 3))
    fine = L.Conv2D(4, 3, padding="same", activation="relu")(image)
    coarse = L.Conv2D(8, 3, padding="same", activation="relu")(L.MaxPooling2D()(fine))
    bottom = L.Add(name="sum")([coarse, L.Conv2D(8, 3, padding="same")(coarse)])
    sides = L.Add()([L.Conv2D(4, 2, strides=2)(fine), L.Conv2D(4, 1)(bottom)])
    gate = L.UpSampling2D()(L.Conv2D(1, 1, activation="sigmoid")(L.ReLU()(sides)))
    joined = L.Concatenate()([L.UpSampling2D()(bottom), L.Multiply()([fine, gate])])
    chosen = code_layer(open_live(keras.Model(image, L.Conv2D(1, 1, activation="sigmoid")(joined))))
    assert (chosen.path, chosen.reason) == ("sum", "the deepest level (8x8x8); skips go round it")


def test_a_factory_of_the_user_is_called(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_factory_module.py").write_text(
        "import keras\n"
        "def build():\n"
        "    i = keras.Input((8, 8, 1)); return keras.Model(i, keras.layers.Conv2D(2, 3, name='code')(i))\n"
        "def nothing():\n    return 3\n"
    )
    monkeypatch.chdir(tmp_path)
    network = open_model("my_factory_module:build")
    assert list(network.layers) == ["code"]
    keras.Model(network.model.inputs, network.model.outputs).save_weights("some.weights.h5")  # type: ignore[attr-defined]
    again = open_model("my_factory_module:build", weights="some.weights.h5")
    for (_, a), (_, b) in zip(network.weights(), again.weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    with pytest.raises(ModelError, match="gave a int"):
        open_model("my_factory_module:nothing")
    with pytest.raises(ModelError, match="has no 'biuld'"):
        open_model("my_factory_module:biuld")
    with pytest.raises(ModelError, match="no module 'my_other_module'"):
        open_model("my_other_module:build")


def _array(tensor: Any) -> np.ndarray:
    return np.array(keras.ops.convert_to_numpy(tensor))
