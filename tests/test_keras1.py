"""Keras 1 files, written by hand in the layout of Keras 1.2.2, against a forward pass in numpy and scipy."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import numpy as np
import pytest
from scipy.signal import convolve2d, correlate2d

from saccade.errors import ModelError
from saccade.models.keras.opening import load_weights, open_architecture, open_keras_file

SIDES = {"convolution2d": ("W", "b"), "dense": ("W", "b"), "deconvolution2d": ("W", "b"), "prelu": ("alphas",)}
NORMALS = ("gamma", "beta", "running_mean", "running_std")


def write(
    path: Path, kind: str, config: object, weights: dict[str, list[np.ndarray]], *, backend: str = "tensorflow"
) -> Path:
    """A whole model as `keras.models.save_model` of 1.2.2 wrote it."""
    with h5py.File(path, "w") as file:
        file.attrs["keras_version"] = b"1.2.2"
        file.attrs["model_config"] = json.dumps({"class_name": kind, "config": config}).encode("utf8")
        write_weights(file.create_group("model_weights"), weights, backend=backend)
        file.attrs["training_config"] = json.dumps({"loss": "binary_crossentropy"}).encode("utf8")
    return path


def write_weights(group: h5py.Group, weights: dict[str, list[np.ndarray]], *, backend: str) -> None:
    group.attrs["layer_names"] = [name.encode("utf8") for name in weights]
    for layer, arrays in weights.items():
        inside = group.create_group(layer)
        sides = NORMALS if layer.startswith("batchnorm") else SIDES.get(layer.rpartition("_")[0], ())
        # TensorFlow numbers the results of its operations, Theano does not.
        names = [f"{layer}_{side}" + (":0" if backend == "tensorflow" else "") for side in sides][: len(arrays)]
        inside.attrs["weight_names"] = [name.encode("utf8") for name in names]
        for name, array in zip(names, arrays, strict=True):
            inside.create_dataset(name, data=array.astype(np.float32))


def convolution(name: str, filters: int, size: int, ordering: str, **more: object) -> dict[str, object]:
    settings = {
        "name": name, "trainable": True, "nb_filter": filters, "nb_row": size, "nb_col": size,
        "init": "glorot_uniform", "activation": "elu", "border_mode": "same", "subsample": [1, 1],
        "dim_ordering": ordering, "W_regularizer": None, "b_regularizer": None, "activity_regularizer": None,
        "W_constraint": None, "b_constraint": None, "bias": True,
    }  # fmt: skip
    return settings | more


def pooling(name: str, size: int, ordering: str, **more: object) -> dict[str, object]:
    settings = {
        "name": name, "trainable": True, "pool_size": [size, size], "border_mode": "same", "strides": [size, size],
        "dim_ordering": ordering,
    }  # fmt: skip
    return settings | more


def dense(name: str, units: int, activation: str = "linear") -> dict[str, object]:
    return {
        "name": name, "trainable": True, "output_dim": units, "init": "glorot_uniform", "activation": activation,
        "W_regularizer": None, "b_regularizer": None, "activity_regularizer": None, "W_constraint": None,
        "b_constraint": None, "bias": True, "input_dim": None,
    }  # fmt: skip


def normal(name: str, axis: int, mode: int = 0) -> dict[str, object]:
    return {
        "name": name, "trainable": True, "epsilon": 0.001, "mode": mode, "axis": axis, "gamma_regularizer": None,
        "beta_regularizer": None, "momentum": 0.99,
    }  # fmt: skip


def functional(layers: list[tuple[str, dict[str, object]]], shape: list[int | None]) -> dict[str, object]:
    """A chain as `Model(input=..., output=...)`."""
    start = {"batch_input_shape": shape, "input_dtype": "float32", "sparse": False, "name": "input_1"}
    listed = [{"name": "input_1", "class_name": "InputLayer", "config": start, "inbound_nodes": []}]
    for kind, settings in layers:
        nodes = [[[listed[-1]["name"], 0, 0]]]
        listed.append({"name": settings["name"], "class_name": kind, "config": settings, "inbound_nodes": nodes})
    ends = {"input_layers": [["input_1", 0, 0]], "output_layers": [[listed[-1]["name"], 0, 0]]}
    return {"name": "model_1", "layers": listed, **ends}


# The forward pass: maps (channels, rows, columns), kernels (out, in, rows, columns)


def elu(x: np.ndarray) -> np.ndarray:
    return np.where(x > 0, x, np.expm1(np.minimum(x, 0)))


def conv_theano(x: np.ndarray, kernel: np.ndarray, bias: np.ndarray, stride: int = 1) -> np.ndarray:
    """`T.nnet.conv2d(border_mode="half")`, cut to size: a true convolution of the padded picture."""
    size, half = kernel.shape[2], kernel.shape[2] // 2
    padded = np.pad(x, ((0, 0), (half, half), (half, half)))
    full = np.array([sum(convolve2d(p, k, "valid") for p, k in zip(padded, ks, strict=True)) for ks in kernel])
    rows, columns = (-(-n // stride) for n in x.shape[1:])
    assert size == kernel.shape[3]
    return full[:, ::stride, ::stride][:, :rows, :columns] + bias[:, None, None]


def conv_tensorflow(x: np.ndarray, kernel: np.ndarray, bias: np.ndarray, stride: int = 1) -> np.ndarray:
    sides = []
    for n in x.shape[1:]:
        total = max((-(-n // stride) - 1) * stride + kernel.shape[2] - n, 0)
        sides.append((total // 2, total - total // 2))
    padded = np.pad(x, ((0, 0), *sides))
    full = np.array([sum(correlate2d(p, k, "valid") for p, k in zip(padded, ks, strict=True)) for ks in kernel])
    return full[:, ::stride, ::stride] + bias[:, None, None]


def pool(x: np.ndarray, size: int, before: int) -> np.ndarray:
    rows, columns = (-(-n // size) for n in x.shape[1:])
    padded = np.pad(x, ((0, 0), (before, 2 * size), (before, 2 * size)), constant_values=-np.inf)
    windows = padded[:, : rows * size, : columns * size].reshape(len(x), rows, size, columns, size)
    return windows.max((2, 4))


def upsample(x: np.ndarray) -> np.ndarray:
    return x.repeat(2, 1).repeat(2, 2)


WIDTHS = (5, 4, 6, 3)


def autoencoder(ordering: str, side: int) -> tuple[dict[str, object], dict[str, list[np.ndarray]]]:
    """The autoencoder of 2017: four times convolution and pooling, and the way back."""
    rng = np.random.default_rng(0)
    layers: list[tuple[str, dict[str, object]]] = []
    weights: dict[str, list[np.ndarray]] = {"input_1": []}
    channels = 3
    plan = [*WIDTHS, *reversed(WIDTHS), 3]
    for number, filters in enumerate(plan, 1):
        name = f"convolution2d_{number}"
        last = number == len(plan)
        layers.append(
            ("Convolution2D", convolution(name, filters, 3, ordering, activation="sigmoid" if last else "elu"))
        )
        weights[name] = [rng.normal(0, 0.3, (filters, channels, 3, 3)), rng.normal(0, 0.1, filters)]
        channels = filters
        if number <= 4:
            at = f"maxpooling2d_{number}" if number < 4 else "encoded"
            layers.append(("MaxPooling2D", pooling(at, 2, ordering)))
            weights[at] = []
        elif not last:
            layers.append(("UpSampling2D", {"name": f"upsampling2d_{number}", "trainable": True, "size": [2, 2]}))
            weights[f"upsampling2d_{number}"] = []
    shape = [None, side, side, 3] if ordering == "tf" else [None, 3, side, side]
    return functional(layers, shape), weights


def stored(weights: dict[str, list[np.ndarray]], ordering: str) -> dict[str, list[np.ndarray]]:
    """Kernels as the file has them for this ordering."""
    turn = (2, 3, 1, 0) if ordering == "tf" else (0, 1, 2, 3)
    return {n: [a.transpose(turn) if a.ndim == 4 else a for a in arrays] for n, arrays in weights.items()}


@pytest.mark.parametrize("ordering", ["tf", "th"])
@pytest.mark.parametrize("backend", ["tensorflow", "theano"])
@pytest.mark.parametrize("side", [32, 24])
def test_the_autoencoder_of_2017_computes_every_layer_as_it_did(
    tmp_path: Path, ordering: str, backend: str, side: int
) -> None:
    import keras

    config, weights = autoencoder(ordering, side)
    path = write(tmp_path / "model.h5", "Model", config, stored(weights, ordering), backend=backend)
    before = path.read_bytes()
    model = open_keras_file(path)
    assert path.read_bytes() == before
    assert model.input_shape == (None, side, side, 3)
    image = np.random.default_rng(1).random((side, side, 3), np.float32)
    names = [layer.name for layer in model.layers if layer.name in weights]
    layers = keras.Model(model.inputs, [model.get_layer(name).output for name in names])
    answers = dict(zip(names, layers.predict(image[None], verbose=0), strict=True))

    x = image.transpose(2, 0, 1).astype(np.float64)
    for name in list(weights)[1:]:
        if name.startswith("convolution"):
            conv = conv_theano if backend == "theano" else conv_tensorflow
            x = conv(x, *weights[name])
            x = 1 / (1 + np.exp(-x)) if name == "convolution2d_9" else elu(x)
        elif name.startswith("upsampling"):
            x = upsample(x)
        else:
            x = pool(x, 2, 1 if backend == "theano" else 0)
        assert np.abs(answers[name][0].transpose(2, 0, 1) - x).max() < 1e-5, name


@pytest.mark.parametrize("ordering", ["tf", "th"])
@pytest.mark.parametrize("backend", ["tensorflow", "theano"])
@pytest.mark.parametrize(("size", "side"), [(2, 8), (3, 8), (3, 7), (5, 9), (4, 9)])
def test_strides_normalisation_and_a_flat_code(
    tmp_path: Path, ordering: str, backend: str, size: int, side: int
) -> None:
    rng = np.random.default_rng(2)
    shape = [None, side, side, 2] if ordering == "tf" else [None, 2, side, side]
    first = convolution("convolution2d_1", 3, size, ordering, subsample=[2, 2], activation="linear")
    config = [
        {"class_name": "Convolution2D", "config": {"batch_input_shape": shape, "input_dtype": "float32", **first}},
        {"class_name": "BatchNormalization", "config": normal("batchnormalization_1", 3 if ordering == "tf" else 1)},
        {"class_name": "ELU", "config": {"name": "elu_1", "trainable": True, "alpha": 0.7}},
        {"class_name": "LeakyReLU", "config": {"name": "leakyrelu_1", "trainable": True, "alpha": 0.2}},
        {"class_name": "Dropout", "config": {"name": "dropout_1", "trainable": True, "p": 0.5}},
        {"class_name": "Flatten", "config": {"name": "flatten_1", "trainable": True}},
        {"class_name": "Dense", "config": dense("dense_1", 4, "hard_sigmoid")},
    ]
    places = (-(-side // 2)) ** 2 * 3
    weights = {
        "convolution2d_1": [rng.normal(0, 0.4, (3, 2, size, size)), rng.normal(0, 0.1, 3)],
        "batchnormalization_1": [rng.random(3), rng.random(3), rng.random(3), rng.random(3)],
        "elu_1": [], "leakyrelu_1": [], "dropout_1": [], "flatten_1": [],
        "dense_1": [rng.normal(0, 0.4, (places, 4)), rng.normal(0, 0.1, 4)],
    }  # fmt: skip
    path = write(tmp_path / "model.h5", "Sequential", config, stored(weights, ordering), backend=backend)
    model = open_keras_file(path)
    image = rng.random((side, side, 2)).astype(np.float32)

    conv = conv_theano if backend == "theano" else conv_tensorflow
    x = conv(image.transpose(2, 0, 1).astype(np.float64), *weights["convolution2d_1"], 2)
    gamma, beta, mean, variance = (a[:, None, None] for a in weights["batchnormalization_1"])
    x = (x - mean) / np.sqrt(variance + 0.001) * gamma + beta
    x = np.where(x > 0, x, 0.7 * np.expm1(np.minimum(x, 0)))
    x = np.where(x > 0, x, 0.2 * x)
    x = (x if ordering == "th" else x.transpose(1, 2, 0)).reshape(-1) @ weights["dense_1"][0] + weights["dense_1"][1]
    expected = np.clip(0.2 * x + 0.5, 0, 1)
    assert np.abs(model.predict(image[None], verbose=0)[0] - expected).max() < 1e-5


def test_merges_paddings_slopes_and_reshapes(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    config = functional(
        [
            ("ZeroPadding2D", {"name": "zeropadding2d_1", "trainable": True, "padding": [1, 2, 0, 1]}),
            ("Convolution2D", convolution("convolution2d_1", 3, 2, "th", border_mode="valid", activation="linear")),
            ("PReLU", {"name": "prelu_1", "trainable": True, "init": "zero"}),
        ],
        [None, 2, 5, 4],
    )
    merge = {
        "name": "merge_1", "mode": "concat", "mode_type": "raw", "concat_axis": 1, "dot_axes": -1, "output_shape": None,
        "output_shape_type": "raw", "output_mask": None, "output_mask_type": "raw", "arguments": {},
    }  # fmt: skip
    two = [[["convolution2d_1", 0, 0], ["prelu_1", 0, 0]]]
    flat = {"name": "reshape_1", "trainable": True, "target_shape": [6 * 7 * 4]}
    back = {"name": "reshape_2", "trainable": True, "target_shape": [4, 7, 6]}
    config["layers"] += [
        {"name": "merge_1", "class_name": "Merge", "config": merge, "inbound_nodes": two},
        {"name": "reshape_1", "class_name": "Reshape", "config": flat, "inbound_nodes": [[["merge_1", 0, 0]]]},
        {"name": "reshape_2", "class_name": "Reshape", "config": back, "inbound_nodes": [[["reshape_1", 0, 0]]]},
        {
            "name": "globalaveragepooling2d_1", "class_name": "GlobalAveragePooling2D",
            "config": {"name": "globalaveragepooling2d_1", "trainable": True, "dim_ordering": "th"},
            "inbound_nodes": [[["reshape_2", 0, 0]]],
        },
    ]  # fmt: skip
    config["output_layers"] = [["merge_1", 0, 0], ["globalaveragepooling2d_1", 0, 0]]
    weights = {
        "convolution2d_1": [rng.normal(0, 1, (3, 2, 2, 2)), rng.normal(0, 1, 3)],
        "prelu_1": [rng.random((3, 1, 1))],
    }
    path = write(tmp_path / "model.h5", "Model", config, weights)
    model = open_keras_file(path)
    image = rng.random((5, 4, 2)).astype(np.float32)
    x = np.pad(image.transpose(2, 0, 1), ((0, 0), (1, 2), (0, 1)))
    x = np.array(
        [sum(correlate2d(p, k, "valid") for p, k in zip(x, ks, strict=True)) for ks in weights["convolution2d_1"][0]]
    )
    x = x + weights["convolution2d_1"][1][:, None, None]
    both = np.concatenate([x, np.where(x > 0, x, x * weights["prelu_1"][0])])
    # Two plus two channels would not fit the shape: three and three do.
    assert both.shape == (6, 7, 4)
    merged, pooled = model.predict(image[None], verbose=0)
    assert np.abs(merged[0].transpose(2, 0, 1) - both).max() < 1e-5
    assert np.abs(pooled[0] - both.reshape(4, 7, 6).mean((1, 2))).max() < 1e-5


@pytest.mark.parametrize("ordering", ["tf", "th"])
def test_a_transposed_convolution_writes_what_its_kernel_says(tmp_path: Path, ordering: str) -> None:
    rng = np.random.default_rng(4)
    shape = [None, 4, 4, 2] if ordering == "tf" else [None, 2, 4, 4]
    size = [None, 9, 9, 3] if ordering == "tf" else [None, 3, 9, 9]
    settings = convolution(
        "deconvolution2d_1", 3, 3, ordering, activation="linear", border_mode="valid", subsample=[2, 2]
    )
    config = functional([("Deconvolution2D", settings | {"output_shape": size})], shape)
    kernel, bias = rng.normal(0, 1, (3, 2, 3, 3)), rng.normal(0, 1, 3)
    path = write(tmp_path / "m.h5", "Model", config, stored({"deconvolution2d_1": [kernel, bias]}, ordering))
    image = rng.random((4, 4, 2)).astype(np.float32)
    expected = np.zeros((3, 9, 9)) + bias[:, None, None]
    for row, column in np.ndindex(4, 4):
        spread = np.einsum("oirc,i->orc", kernel, image[row, column])
        expected[:, 2 * row : 2 * row + 3, 2 * column : 2 * column + 3] += spread
    answer = open_keras_file(path).predict(image[None], verbose=0)[0].transpose(2, 0, 1)
    assert np.abs(answer - expected).max() < 1e-5
    config["layers"][1]["config"]["output_shape"] = [None, 3, 10, 10] if ordering == "th" else [None, 10, 10, 3]
    write(path, "Model", config, stored({"deconvolution2d_1": [kernel, bias]}, ordering))
    with pytest.raises(ModelError, match=r"'deconvolution2d_1' writes 10x10 places where Keras 3 would write 9x9"):
        open_keras_file(path)


def test_architecture_and_weights_from_two_files(tmp_path: Path) -> None:
    config, weights = autoencoder("th", 16)
    whole = open_keras_file(write(tmp_path / "whole.h5", "Model", config, stored(weights, "th"), backend="theano"))
    architecture = tmp_path / "model.json"
    architecture.write_text(json.dumps({"class_name": "Model", "config": config, "keras_version": "1.2.2"}))
    with h5py.File(tmp_path / "weights.h5", "w") as file:
        write_weights(file, stored(weights, "th"), backend="theano")
    model = open_architecture(architecture, tmp_path / "weights.h5")
    image = np.random.default_rng(5).random((1, 16, 16, 3), np.float32)
    np.testing.assert_array_equal(model.predict(image, verbose=0), whole.predict(image, verbose=0))
    assert open_architecture(architecture, None).input_shape == (None, 16, 16, 3)


@pytest.mark.parametrize("ordering", ["tf", "th"])
@pytest.mark.parametrize("backend", ["tensorflow", "theano"])
def test_weights_alone_go_into_a_living_model(tmp_path: Path, ordering: str, backend: str) -> None:
    """The shapes of the kernels say which ordering they have."""
    import keras

    config, weights = autoencoder(ordering, 16)
    whole = open_keras_file(write(tmp_path / "m.h5", "Model", config, stored(weights, ordering), backend=backend))
    live = keras.models.clone_model(whole)
    with h5py.File(tmp_path / "weights.h5", "w") as file:
        write_weights(file, stored(weights, ordering), backend=backend)
    load_weights(live, tmp_path / "weights.h5")
    for ours, theirs in zip(live.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_weights_by_number_from_before_keras_1(tmp_path: Path) -> None:
    import keras

    rng = np.random.default_rng(6)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3), keras.layers.ReLU(), keras.layers.Dense(2)])
    arrays = [[rng.random((4, 3)), rng.random(3)], [], [rng.random((3, 2)), rng.random(2)]]
    with h5py.File(tmp_path / "old.h5", "w") as file:
        file.attrs["nb_layers"] = 3
        for number, weights in enumerate(arrays):
            group = file.create_group(f"layer_{number}")
            group.attrs["nb_params"] = len(weights)
            for place, array in enumerate(weights):
                group.create_dataset(f"param_{place}", data=array)
    load_weights(model, tmp_path / "old.h5")
    for array, expected in zip(model.get_weights(), [*arrays[0], *arrays[2]], strict=True):
        np.testing.assert_allclose(array, expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("layer", "settings", "says"),
    [
        ("BatchNormalization", normal("bn", 1, mode=1), "'bn' normalises in mode 1 of Keras 1"),
        ("Highway", {"name": "highway_1"}, "'highway_1' is a Highway, which Keras 3 does not have"),
        ("Merge", {"name": "m", "mode": "cos", "mode_type": "raw"}, "'m' merges by 'cos'"),
        ("AveragePooling2D", pooling("avg", 2, "th"), "'avg' .AveragePooling2D. was computed by Theano"),
        ("Activation", {"name": "act", "activation": "mine"}, "activation 'mine', which Keras does not know"),
    ],
)  # fmt: skip
def test_what_cannot_be_converted_is_refused_by_name(
    tmp_path: Path, layer: str, settings: dict[str, object], says: str
) -> None:
    conv = ("Convolution2D", convolution("convolution2d_1", 2, 3, "th"))
    config = functional([conv, (layer, settings)], [None, 3, 8, 8])
    weights = {"convolution2d_1": [np.ones((2, 3, 3, 3)), np.ones(2)]}
    path = write(tmp_path / "model.h5", "Model", config, weights, backend="theano")
    with pytest.raises(ModelError, match=says):
        open_keras_file(path)


def test_weights_of_unknown_origin_are_not_guessed(tmp_path: Path) -> None:
    config = functional([("Convolution2D", convolution("convolution2d_1", 2, 3, "th"))], [None, 3, 8, 8])
    (tmp_path / "model.json").write_text(json.dumps({"class_name": "Model", "config": config}))
    with h5py.File(tmp_path / "old.h5", "w") as file:
        file.attrs["nb_layers"] = 1
        group = file.create_group("layer_0")
        group.attrs["nb_params"] = 2
        group["param_0"], group["param_1"] = np.ones((2, 3, 3, 3)), np.ones(2)
    says = r"'convolution2d_1' \(Conv2D\) was computed by Theano or TensorFlow, the file does not say which"
    with pytest.raises(ModelError, match=says):
        open_architecture(tmp_path / "model.json", tmp_path / "old.h5")
    with pytest.raises(ModelError, match=r"older than Keras 1.0 and does not say whether Theano or TensorFlow"):
        load_weights(open_architecture(tmp_path / "model.json", None), tmp_path / "old.h5")


def test_a_kernel_that_fits_both_ways_is_not_guessed(tmp_path: Path) -> None:
    import keras

    model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(3, 3)])
    with h5py.File(tmp_path / "weights.h5", "w") as file:
        write_weights(file, {"convolution2d_1": [np.ones((3, 3, 3, 3)), np.ones(3)]}, backend="theano")
    with pytest.raises(
        ModelError, match=r"fit channels-first as well as channels-last; give the architecture as .json"
    ):
        load_weights(model, tmp_path / "weights.h5")


def test_the_standard_deviation_that_keras_1_0_kept(tmp_path: Path) -> None:
    """Up to 1.0.5 `running_std` was one, and epsilon was added to it."""
    config = functional([("BatchNormalization", normal("batchnormalization_1", -1))], [None, 4])
    weights = {"batchnormalization_1": list(np.random.default_rng(7).random((4, 4)) + 0.1)}
    with h5py.File(tmp_path / "weights.h5", "w") as file:
        write_weights(file, weights, backend="tensorflow")
    architecture = {"class_name": "Model", "config": config, "keras_version": "1.0.4"}
    (tmp_path / "model.json").write_text(json.dumps(architecture))
    model = open_architecture(tmp_path / "model.json", tmp_path / "weights.h5")
    gamma, beta, mean, deviation = weights["batchnormalization_1"]
    x = np.random.default_rng(8).random((2, 4))
    expected = (x - mean) / (deviation + 0.001) * gamma + beta
    np.testing.assert_allclose(model.predict(x, verbose=0), expected, rtol=1e-4, atol=1e-6)


def test_mixed_orderings_leave_an_upsampling_uncertain(tmp_path: Path) -> None:
    layers = [
        ("Convolution2D", convolution("convolution2d_1", 2, 3, "th")),
        ("MaxPooling2D", pooling("maxpooling2d_1", 2, "tf")),
        ("UpSampling2D", {"name": "upsampling2d_1", "size": [2, 2]}),
    ]
    weights = {"convolution2d_1": [np.ones((2, 3, 3, 3)), np.ones(2)]}
    path = write(tmp_path / "model.h5", "Model", functional(layers, [None, 3, 8, 8]), weights)
    with pytest.raises(ModelError, match=r"model.h5: layer 'upsampling2d_1' .* does not say whether channels come"):
        open_keras_file(path)


def test_yaml_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.yaml").write_text("class_name: Model")
    with pytest.raises(ModelError, match=r"model.yaml is YAML, .* save model.to_json\(\) instead"):
        open_architecture(tmp_path / "model.yaml", None)
