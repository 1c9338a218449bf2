"""Keras 2 files, written by tf_keras, against tf_keras itself; channels-first ones against PyTorch."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import tf_keras
import torch
from torch.nn import functional

from saccade.errors import FileError, ModelError, SaccadeWarning
from saccade.models.keras.opening import load_weights, open_architecture, open_keras_file

L = tf_keras.layers
# Keras's own saving, under numpy 2.4.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy keyword")


def randomised(model: Any) -> Any:
    """Every weight different from its start; variances positive."""
    rng = np.random.default_rng(0)
    model.set_weights([np.asarray(0.1 + 0.4 * rng.random(w.shape), w.dtype) for w in model.get_weights()])
    return model


def chain() -> Any:
    """One of nearly everything that an image encoder is made of."""
    return tf_keras.Sequential([
        L.Rescaling(1 / 2, offset=0.1, input_shape=(20, 20, 3)),
        L.Normalization(),
        L.RandomFlip("horizontal"),
        L.ZeroPadding2D(((1, 0), (0, 1))),
        L.Conv2D(4, 3, strides=2, padding="same", activation="elu"),
        L.BatchNormalization(),
        L.DepthwiseConv2D(3, padding="same", depth_multiplier=2),
        L.LeakyReLU(alpha=0.2),
        L.SeparableConv2D(6, 3, activation="swish", kernel_regularizer="l2"),
        L.PReLU(shared_axes=[1, 2]),
        L.AveragePooling2D(2, padding="same"),
        L.SpatialDropout2D(0.3),
        L.Conv2DTranspose(4, 3, strides=2, padding="same", output_padding=1, activation="hard_sigmoid"),
        L.UpSampling2D(2, interpolation="bilinear"),
        L.Cropping2D(1),
        L.Conv2D(4, 3, dilation_rate=2, groups=2, use_bias=False),
        L.ReLU(max_value=6.0, negative_slope=0.1, threshold=0.2),
        L.ThresholdedReLU(theta=0.3),
        L.GaussianNoise(0.1),
        L.LayerNormalization(),
        L.MaxPooling2D(2),
        L.Permute((2, 1, 3)),
        L.Flatten(),
        L.Dropout(0.5),
        L.Dense(24, activation="tanh"),
        L.Reshape((2, 3, 4)),
        L.Softmax(axis=-1),
        L.GlobalMaxPooling2D(),
        L.Activation("softplus"),
    ])  # fmt: skip


def branches() -> Any:
    """Shared layers, several outputs, functions of TensorFlow, two uses of one layer."""
    image = L.Input((12, 12, 3), name="image")
    shared = L.Conv2D(3, 3, padding="same", activation="relu", name="block1/conv")
    once = shared(image / 2.0 - 0.5)
    twice = shared(once)
    joined = L.Concatenate()([once, twice])
    gate = L.Dense(6, activation="sigmoid")(L.GlobalAveragePooling2D(keepdims=True)(joined))
    gated = L.Multiply()([joined, gate]) * 1.5
    total = L.Add()([gated, joined])
    attended = L.MultiHeadAttention(2, 3)(L.Reshape((144, 6))(total), L.Reshape((144, 6))(gated))
    return tf_keras.Model(image, [total, attended, L.TimeDistributed(L.Dense(2))(attended)], name="branches")


def nested() -> Any:
    """An autoencoder of two models, with a frozen layer; the encoder is used twice."""
    image = L.Input((16, 16, 3))
    x = L.Conv2D(4, 3, padding="same", activation="elu", trainable=False)(image)
    x = L.BatchNormalization()(x)
    encoder = tf_keras.Model(image, L.MaxPooling2D(name="encoded")(x), name="encoder")
    decoder = tf_keras.Sequential(
        [L.UpSampling2D(2, input_shape=(8, 8, 4)), L.Conv2D(3, 3, padding="same", activation="sigmoid")],
        name="decoder",
    )
    picture = L.Input((16, 16, 3))
    redrawn = decoder(encoder(picture))
    return tf_keras.Model(picture, [redrawn, encoder(redrawn)], name="autoencoder")


MODELS = [chain, branches, nested]


def layer_outputs(model: Any, keras: Any, images: np.ndarray) -> dict[str, np.ndarray]:
    """The first result of every layer's last use, as numbers."""
    layers = [layer for layer in model.layers if "input" not in type(layer).__name__.lower()]
    outputs = {layer.name.replace("/", "_"): _output(layer) for layer in layers}
    layers_only = keras.Model(model.inputs, list(outputs.values()))
    return dict(zip(outputs, _listed(layers_only.predict(images, verbose=0)), strict=True))


def _output(layer: Any) -> Any:
    outputs = layer.get_output_at(0) if hasattr(layer, "get_output_at") else layer._inbound_nodes[0].outputs
    return outputs[0] if isinstance(outputs, (list, tuple)) else outputs


def same_everywhere(ours: Any, theirs: Any) -> None:
    import keras

    images = np.random.default_rng(1).random((2, *theirs.input_shape[1:]), np.float32)
    for mine, expected in zip(
        _listed(ours.predict(images, verbose=0)), _listed(theirs.predict(images, verbose=0)), strict=True
    ):
        np.testing.assert_allclose(mine, expected, atol=1e-5, rtol=1e-5)
    if any(isinstance(layer, tf_keras.Model) for layer in theirs.layers):
        for layer in theirs.layers:
            if isinstance(layer, tf_keras.Model):
                same_everywhere(ours.get_layer(layer.name), layer)
        return
    expected_outputs = layer_outputs(theirs, tf_keras, images)
    our_outputs = layer_outputs(ours, keras, images)
    compared = set(expected_outputs) & set(our_outputs)
    assert len(compared) >= len([layer for layer in theirs.layers if "Op" not in type(layer).__name__]) - 1
    for name in compared:
        np.testing.assert_allclose(our_outputs[name], expected_outputs[name], atol=1e-5, rtol=1e-5, err_msg=name)


def _listed(value: Any) -> list[np.ndarray]:
    return list(value) if isinstance(value, (list, tuple)) else [value]


@pytest.fixture(params=MODELS, ids=lambda make: make.__name__)
def theirs(request: pytest.FixtureRequest) -> Any:
    tf_keras.backend.clear_session()
    return randomised(request.param())


@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")
@pytest.mark.parametrize("suffix", [".h5", ".keras"])
def test_every_layer_computes_what_it_did(theirs: Any, suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"model{suffix}"
    theirs.save(path)
    before = path.read_bytes()
    ours = open_keras_file(path)
    assert path.read_bytes() == before
    same_everywhere(ours, theirs)
    assert [w.trainable for w in ours.trainable_weights] == [True] * len(theirs.trainable_weights)


@pytest.mark.parametrize("name", ["weights.h5", "model.weights.h5"])
def test_architecture_as_json_with_weights(theirs: Any, name: str, tmp_path: Path) -> None:
    (tmp_path / "model.json").write_text(theirs.to_json())
    theirs.save_weights(tmp_path / name)
    same_everywhere(open_architecture(tmp_path / "model.json", tmp_path / name), theirs)


@pytest.mark.parametrize("name", ["weights.h5", "model.weights.h5"])
def test_weights_go_into_a_living_model(theirs: Any, name: str, tmp_path: Path) -> None:
    (tmp_path / "model.json").write_text(theirs.to_json())
    theirs.save_weights(tmp_path / name)
    ours = open_architecture(tmp_path / "model.json", None)
    load_weights(ours, tmp_path / name)
    same_everywhere(ours, theirs)


def test_the_gaps_and_the_old_name_of_the_tree_of_keras_2_12(tmp_path: Path) -> None:
    """Keras 2.12 to 2.15 counted layers with weights twice: `conv2d`, `conv2d_2`, ..."""
    theirs = randomised(tf_keras.Sequential([L.Conv2D(2, 1, input_shape=(4, 4, 2)), L.Conv2D(2, 1), L.Conv2D(2, 1)]))
    theirs.save(tmp_path / "new.keras")
    with zipfile.ZipFile(tmp_path / "new.keras") as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    buffer = BytesIO()
    with h5py.File(BytesIO(files["model.weights.h5"]), "r") as new, h5py.File(buffer, "w") as old:
        for number in range(3):
            place = f"_layer_checkpoint_dependencies/conv2d{f'_{2 * number}' if number else ''}"
            new.copy(new[f"layers/conv2d{f'_{number}' if number else ''}"], old, place)
    files["model.weights.h5"] = buffer.getvalue()
    with zipfile.ZipFile(tmp_path / "old.keras", "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    same_everywhere(open_keras_file(tmp_path / "old.keras"), theirs)


def test_a_keras_file_that_is_hdf5_inside(tmp_path: Path) -> None:
    """Before 2.12 a model saved as `x.keras` was HDF5."""
    theirs = randomised(tf_keras.Sequential([L.Dense(3, input_shape=(4,))]))
    with pytest.warns(UserWarning, match="HDF5"):
        theirs.save(tmp_path / "model.h5")
    (tmp_path / "model.h5").rename(tmp_path / "model.keras")
    same_everywhere(open_keras_file(tmp_path / "model.keras"), theirs)


def test_mixed_precision_becomes_float32(tmp_path: Path) -> None:
    theirs = tf_keras.Sequential([L.Dense(3, input_shape=(4,), dtype=tf_keras.mixed_precision.Policy("mixed_float16"))])
    theirs.save(tmp_path / "model.keras")
    ours = open_keras_file(tmp_path / "model.keras")
    assert ours.layers[-1].compute_dtype == "float32"


def test_theano_turned_its_kernels_by_half_a_turn(tmp_path: Path) -> None:
    """A file of Keras 2 on Theano: kernels lie as in TensorFlow, but convolve; pooling starts before the picture."""
    layers = [L.Conv2D(2, 3, padding="same", input_shape=(6, 6, 3)), L.MaxPooling2D(2, padding="same")]
    theirs = randomised(tf_keras.Sequential(layers))
    with pytest.warns(UserWarning, match="HDF5"):
        theirs.save(tmp_path / "model.h5")
    with h5py.File(tmp_path / "model.h5", "r+") as file:
        file.attrs["backend"] = file["model_weights"].attrs["backend"] = "theano"
    images = np.random.default_rng(5).random((2, 6, 6, 3), np.float32) - 1
    kernel, bias = (torch.tensor(a) for a in theirs.get_weights())
    turned = kernel.permute(3, 2, 0, 1).flip(2, 3)
    x = functional.conv2d(torch.tensor(images).permute(0, 3, 1, 2), turned, bias, padding=1)
    x = functional.pad(x, (1, 0, 1, 0), value=-torch.inf)[:, :, :6, :6]
    expected = functional.max_pool2d(x, 2).permute(0, 2, 3, 1).numpy()
    ours = open_keras_file(tmp_path / "model.h5")
    np.testing.assert_allclose(ours.predict(images, verbose=0), expected, atol=1e-5)


def test_weights_of_a_nested_model_fit_by_order_where_names_do_not_help(tmp_path: Path) -> None:
    """TensorFlow 1 numbered names anew; what is trained then comes before what is frozen."""
    tf_keras.backend.clear_session()
    theirs = randomised(nested())
    with pytest.warns(UserWarning, match="HDF5"):
        theirs.save(tmp_path / "model.h5")
    with h5py.File(tmp_path / "model.h5", "r+") as file:
        group = file["model_weights/encoder"]
        names = [str(name) for name in group.attrs["weight_names"]]
        assert names[0].startswith("batch_normalization")
        for name in names:
            group.move(name, name.replace("/", "_9/"))
        group.attrs["weight_names"] = [name.replace("/", "_9/") for name in names]
    same_everywhere(open_keras_file(tmp_path / "model.h5"), theirs)


# Channels first: TensorFlow cannot compute them on a CPU, PyTorch can


def channels_first(flat: Callable[[], Any]) -> Any:
    image = L.Input((3, 12, 10))
    first = {"data_format": "channels_first"}
    x = L.Conv2D(4, 3, strides=2, padding="valid", name="conv", **first)(image)
    x = L.BatchNormalization(axis=1, name="bn")(x)
    x = L.PReLU(shared_axes=[2], name="gradients")(x)
    y = L.Conv2D(2, 1, name="side", **first)(x)
    x = L.Concatenate(axis=1, name="both")([x, y])
    wide = L.Dense(4, name="columns")(x)
    x = L.Add(name="sum")([x, wide])
    x = L.Activation("softmax", name="soft")(x)
    x = L.Permute((2, 1, 3), name="swap")(x)
    x = L.MaxPooling2D(2, name="pool", **first)(x)
    x = flat()(x)
    return tf_keras.Model(image, L.Dense(5, name="code")(x))


@pytest.mark.parametrize("data_format", ["channels_first", "channels_last"])
def test_channels_first_becomes_channels_last(data_format: str, tmp_path: Path) -> None:
    tf_keras.backend.clear_session()
    theirs = randomised(channels_first(lambda: L.Flatten(data_format=data_format)))
    theirs.save(tmp_path / "model.keras")
    ours = open_keras_file(tmp_path / "model.keras")
    assert ours.input_shape == (None, 12, 10, 3)
    w = {layer.name: [torch.tensor(a) for a in layer.get_weights()] for layer in theirs.layers}
    images = np.random.default_rng(2).random((2, 12, 10, 3), np.float32)

    x = torch.tensor(images).permute(0, 3, 1, 2)
    x = functional.conv2d(x, w["conv"][0].permute(3, 2, 0, 1), w["conv"][1], stride=2)
    gamma, beta, mean, variance = w["bn"]
    x = functional.batch_norm(x, mean, variance, gamma, beta, eps=1e-3)
    x = torch.where(x > 0, x, x * w["gradients"][0])
    x = torch.cat([x, functional.conv2d(x, w["side"][0].permute(3, 2, 0, 1), w["side"][1])], 1)
    x = torch.softmax(x + (x @ w["columns"][0] + w["columns"][1]), -1)
    x = functional.max_pool2d(x.permute(0, 2, 1, 3), 2)
    x = x.permute(0, 2, 3, 1) if data_format == "channels_first" else x
    x = x.reshape(2, -1) @ w["code"][0] + w["code"][1]
    np.testing.assert_allclose(ours.predict(images, verbose=0), x.numpy(), atol=1e-5)


def test_a_model_that_turns_channels_first_by_itself_keeps_its_input(tmp_path: Path) -> None:
    tf_keras.backend.clear_session()
    image = L.Input((6, 5, 3))
    turned = L.Permute((3, 1, 2))(image)
    theirs = randomised(tf_keras.Model(image, L.Conv2D(2, 3, data_format="channels_first")(turned)))
    theirs.save(tmp_path / "model.keras")
    ours = open_keras_file(tmp_path / "model.keras")
    images = np.random.default_rng(3).random((2, 6, 5, 3), np.float32)
    kernel, bias = (torch.tensor(a) for a in theirs.get_weights())
    expected = functional.conv2d(torch.tensor(images).permute(0, 3, 1, 2), kernel.permute(3, 2, 0, 1), bias)
    # Its maps lie channels last here, like those of every model.
    np.testing.assert_allclose(ours.predict(images, verbose=0), expected.permute(0, 2, 3, 1).numpy(), atol=1e-5)


# Trust


def with_lambda(path: Path) -> Any:
    theirs = tf_keras.Sequential([L.Lambda(lambda x: x * 2.0, input_shape=(4, 4, 1), name="twice")])
    theirs.save(path)
    return theirs


@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")
@pytest.mark.parametrize("suffix", [".h5", ".keras"])
def test_code_in_the_file_needs_trust(tmp_path: Path, suffix: str) -> None:
    theirs = with_lambda(tmp_path / f"model{suffix}")
    with pytest.raises(ModelError, match=r"model.* layer 'twice' holds Python code .* add --trust") as caught:
        open_keras_file(tmp_path / f"model{suffix}")
    assert "\n" not in str(caught.value)
    same_everywhere(open_keras_file(tmp_path / f"model{suffix}", trust=True), theirs)


@tf_keras.saving.register_keras_serializable("mine")
class Doubled(L.Layer):  # type: ignore[misc]
    def call(self, x: Any) -> Any:
        return x * 2


def test_a_class_of_ones_own_is_refused_unless_given(tmp_path: Path) -> None:
    import keras

    class Twice(keras.layers.Layer):  # type: ignore[misc]
        def call(self, x: Any) -> Any:
            return x * 2

    with pytest.warns(UserWarning, match="HDF5"):
        tf_keras.Sequential([Doubled(input_shape=(3,), name="mine")]).save(tmp_path / "model.h5")
    with pytest.raises(ModelError, match=r"model.h5: layer 'mine' is a mine>Doubled, which Keras 3 does not have"):
        open_keras_file(tmp_path / "model.h5")
    ours = open_keras_file(tmp_path / "model.h5", custom_objects={"Doubled": Twice})
    np.testing.assert_allclose(ours.predict(np.ones((1, 3)), verbose=0), 2 * np.ones((1, 3)))


def test_a_function_that_is_not_in_the_table_is_refused(tmp_path: Path) -> None:
    import tensorflow as tf

    image = L.Input((4,))
    tf_keras.Model(image, tf.math.bessel_i0(image)).save(tmp_path / "model.keras")
    with pytest.raises(
        ModelError, match=r"is the TensorFlow function tf.math.special.bessel_i0|bessel_i0, which cannot"
    ):
        open_keras_file(tmp_path / "model.keras")


# Damage


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    tf_keras.backend.clear_session()
    theirs = tf_keras.Sequential(
        [L.Conv2D(2, 3, input_shape=(6, 6, 1), name="conv"), L.Flatten(), L.Dense(2, name="code")]
    )
    theirs.compile("adam", "mse")
    theirs.train_on_batch(np.ones((1, 6, 6, 1)), np.ones((1, 2)))
    with pytest.warns(UserWarning, match="HDF5"):
        theirs.save(tmp_path / "model.h5")
    theirs.save_weights(tmp_path / "weights.h5")
    theirs.save_weights(tmp_path / "tree.weights.h5")
    theirs.save(tmp_path / "model.keras")
    return tmp_path / "model.h5"


def test_a_truncated_file_says_so(whole: Path) -> None:
    whole.write_bytes(whole.read_bytes()[:3000])
    with pytest.raises(FileError, match=r"model.h5 is damaged or no HDF5 file"):
        open_keras_file(whole)
    archive = whole.with_suffix(".keras")
    archive.write_bytes(archive.read_bytes()[:-200])
    with pytest.raises(FileError, match=r"model.keras is damaged or no HDF5 file"):
        open_keras_file(archive)


def test_what_is_no_model_is_told_what_it_is(whole: Path, tmp_path: Path) -> None:
    (tmp_path / "text.h5").write_text("hello")
    with pytest.raises(FileError, match=r"text.h5 is damaged or no HDF5 file"):
        open_keras_file(tmp_path / "text.h5")
    for name in ("weights.h5", "tree.weights.h5"):
        with pytest.raises(
            ModelError, match=rf"{name}: it holds weights without .* package.module:factory .* --weights"
        ):
            open_keras_file(tmp_path / name)
    with h5py.File(whole, "r+") as file:
        del file["model_weights"], file.attrs["model_config"]
    with pytest.raises(ModelError, match=r"model.h5: it holds the state of an optimizer, but no model"):
        open_keras_file(whole)
    with pytest.raises(ModelError, match=r"model.h5: it holds the state of an optimizer, but no weights"):
        load_weights(_keras3(2), whole)
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["numbers"] = np.ones(3)
    with pytest.raises(ModelError, match=r"other.h5: it is an HDF5 file, but Keras did not write it"):
        open_keras_file(tmp_path / "other.h5")
    with zipfile.ZipFile(tmp_path / "other.keras", "w") as archive:
        archive.writestr("a.txt", "hello")
    with pytest.raises(FileError, match=r"other.keras is damaged: it lacks config.json"):
        open_keras_file(tmp_path / "other.keras")
    with pytest.raises(FileError, match=r"no file .*missing.h5"):
        open_keras_file(tmp_path / "missing.h5")
    (tmp_path / "broken.json").write_text("{")
    with pytest.raises(FileError, match=r"broken.json is damaged or no JSON"):
        open_architecture(tmp_path / "broken.json", None)
    (tmp_path / "other.json").write_text("[1]")
    with pytest.raises(ModelError, match=r"other.json is JSON, but not the architecture"):
        open_architecture(tmp_path / "other.json", None)


def test_a_weight_that_is_missing_or_elsewhere(whole: Path, tmp_path: Path) -> None:
    with h5py.File(whole, "r+") as file:
        del file["model_weights/conv/conv/kernel:0"]
        file["model_weights/conv/conv/kernel:0"] = h5py.ExternalLink(tmp_path / "weights.h5", "conv/conv/kernel:0")
    with pytest.raises(FileError, match=r"model.h5: .*conv/kernel:0' is a link to another place or file"):
        open_keras_file(whole)
    with h5py.File(whole, "r+") as file:
        del file["model_weights/conv/conv/kernel:0"]
        file["model_weights/conv"].create_dataset("conv/kernel:0", (10**6, 10**6), "f4", chunks=(1000, 1000))
    with pytest.raises(FileError, match=r"claims 4,000,000,000,000 bytes, which are not in the file"):
        open_keras_file(whole)


def _keras3(units: int) -> Any:
    import keras

    return keras.Sequential([
        keras.Input((6, 6, 1)), keras.layers.Conv2D(2, 3, name="conv"), keras.layers.Flatten(),
        keras.layers.Dense(units, name="code"),
    ])  # fmt: skip


@pytest.mark.parametrize("name", ["weights.h5", "tree.weights.h5", "keras3.weights.h5", "model.h5"])
def test_weights_that_do_not_fit_leave_the_model_alone(whole: Path, tmp_path: Path, name: str) -> None:
    _keras3(2).save_weights(tmp_path / "keras3.weights.h5")
    model = _keras3(3)
    before = model.get_weights()
    says = (
        rf"{name}: layer 'code' \(Dense\) expects weights of shape \(32, 3\), \(3,\), the file holds \(32, 2\), \(2,\)"
    )
    with pytest.raises(ModelError, match=says):
        load_weights(model, tmp_path / name)
    for now, then in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, then)
    fitting = _keras3(2)
    load_weights(fitting, tmp_path / name)
    assert not np.array_equal(fitting.get_weights()[0], before[0])


def test_layers_too_many_or_too_few_are_counted(whole: Path, tmp_path: Path) -> None:
    import keras

    small = keras.Sequential([keras.Input((6, 6, 1)), keras.layers.Conv2D(2, 3, name="conv")])
    with pytest.raises(
        ModelError, match=r"the model has 1 layers with weights \(conv\), the file holds 2 \(conv, code\)"
    ):
        load_weights(small, tmp_path / "weights.h5")
    two = keras.Sequential([keras.Input((6, 6, 1)), keras.layers.Conv2D(2, 3), keras.layers.Conv2D(2, 3, name="next")])
    with pytest.raises(ModelError, match=r"layer 'next' \(Conv2D\) has no weights in the file"):
        load_weights(two, tmp_path / "tree.weights.h5")


def test_a_model_written_as_a_class_loads_the_weights_of_keras_3(tmp_path: Path) -> None:
    import keras

    class Own(keras.Model):  # type: ignore[misc]
        def __init__(self, units: int) -> None:
            super().__init__()
            self.code = keras.layers.Dense(units)

        def call(self, x: Any) -> Any:
            return self.code(x)

    saved, fitting, other = Own(2), Own(2), Own(3)
    for model in (saved, fitting, other):
        model(np.ones((1, 4), np.float32))
    saved.save_weights(tmp_path / "own.weights.h5")
    load_weights(fitting, tmp_path / "own.weights.h5")
    np.testing.assert_array_equal(fitting.get_weights()[0], saved.get_weights()[0])
    before = other.get_weights()
    with pytest.raises(
        ModelError, match=r"layer 'dense.*' \(Dense\) expects .* \(4, 3\), \(3,\), the file holds \(4, 2\)"
    ):
        load_weights(other, tmp_path / "own.weights.h5")
    np.testing.assert_array_equal(other.get_weights()[0], before[0])


# Keras 3's own


@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")
def test_files_of_keras_3_are_no_legacy_but_open_all_the_same(tmp_path: Path) -> None:
    model = _keras3(2)
    images = np.random.default_rng(4).random((2, 6, 6, 1), np.float32)
    for name in ("model.h5", "model.keras"):
        model.save(tmp_path / name)
        np.testing.assert_array_equal(
            open_keras_file(tmp_path / name).predict(images, verbose=0), model.predict(images, verbose=0)
        )
    (tmp_path / "model.json").write_text(model.to_json())
    model.save_weights(tmp_path / "model.weights.h5")
    ours = open_architecture(tmp_path / "model.json", tmp_path / "model.weights.h5")
    np.testing.assert_array_equal(ours.predict(images, verbose=0), model.predict(images, verbose=0))


def test_a_json_of_keras_3_from_a_foreign_module_needs_trust(tmp_path: Path) -> None:
    config = json.loads(_keras3(2).to_json())
    config["config"]["layers"][1] |= {"module": "os", "class_name": "system", "registered_name": "os>system"}
    (tmp_path / "model.json").write_text(json.dumps(config))
    with pytest.raises(ModelError, match=r"model.json: layer 'conv' needs the class 'os.system', .* --trust"):
        open_architecture(tmp_path / "model.json", None)


def test_layers_that_are_called_as_in_training_are_said(tmp_path: Path) -> None:
    image = L.Input((8, 8, 3))
    x = L.BatchNormalization(name="norm")(L.Conv2D(4, 3)(image), training=True)
    path = tmp_path / "model.keras"
    tf_keras.Model(image, L.Conv2D(2, 3)(x)).save(path)
    with pytest.warns(SaccadeWarning, match="the file calls 'norm' with training=True"):
        open_keras_file(path)
