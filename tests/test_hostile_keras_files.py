"""Keras files that carry code, ask for too much, or are damaged: nothing runs, and one line says what is wrong."""

from __future__ import annotations

import copy
import importlib
import json
import zipfile
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import h5py
import keras
import nets
import numpy as np
import pytest
import tensorflow as tf

import saccade
from saccade.errors import FileError, InputError, ModelError
from saccade.models import open_model
from saccade.models.keras.allowed_parts import ACTIVATIONS, LAYERS, OPERATIONS, only_listed
from saccade.models.keras.opening import load_weights, open_architecture, open_keras_file
from saccade.models.training_state import looks_untrained

L = keras.layers
Config = dict[str, Any]


def residual() -> keras.Model:
    """Layers, an activation as a layer, and an operator between layers."""
    image = keras.Input((16, 16, 3), name="image")
    x = L.Conv2D(4, 3, padding="same", activation="relu", name="conv")(image)
    y = L.Conv2D(4, 3, padding="same", activation=L.LeakyReLU(0.1), name="again")(x)
    return keras.Model(image, L.MaxPooling2D(2, name="encoded")(x * 0.5 + y), name="net")


@pytest.fixture
def parts(tmp_path: Path) -> dict[str, bytes]:
    """The members of a good file."""
    residual().save(tmp_path / "good.keras")
    with zipfile.ZipFile(tmp_path / "good.keras") as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def written(path: Path, parts: dict[str, bytes], **changed: bytes | str) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, changed.get(name.partition(".")[0], content))
    return path


def layers_of(config: Config) -> list[Config]:
    return config["config"]["layers"]


def by_name(config: Config, name: str) -> Config:
    return next(layer for layer in layers_of(config) if layer["name"] == name)


# What opens


def sequential() -> keras.Model:
    return keras.Sequential([keras.Input((12, 12, 3)), L.Conv2D(4, 3), L.BatchNormalization(), L.Flatten(), L.Dense(2)])


def unbuilt_sequential() -> keras.Model:
    model = keras.Sequential([L.Conv2D(4, 3), L.PReLU(), L.GlobalAveragePooling2D()])
    model.build((None, 12, 12, 3))
    return model


def recurrent() -> keras.Model:
    image = keras.Input((8, 8, 3))
    x = L.Reshape((8, 24))(image)
    x = L.Bidirectional(L.LSTM(3, return_sequences=True))(x)
    x = L.TimeDistributed(L.Dense(4, activation="tanh"))(x)
    x = L.RNN(L.StackedRNNCells([L.GRUCell(3), L.SimpleRNNCell(2)]), return_sequences=True)(x)
    return keras.Model(image, L.GRU(2)(x))


def attention() -> keras.Model:
    image = keras.Input((8, 8, 3))
    tokens = L.Reshape((16, 8))(L.Conv2D(8, 2, strides=2)(image))
    tokens = tokens + L.Embedding(16, 8)(keras.ops.cast(keras.ops.mean(tokens, axis=-1) * 0.0, "int32"))
    x = L.LayerNormalization()(tokens)
    x = tokens + L.MultiHeadAttention(2, 4)(x, x)
    x = L.EinsumDense("abc,cd->abd", output_shape=(None, 5), bias_axes="d")(x)
    return keras.Model(image, keras.ops.mean(keras.ops.gelu(x), axis=1))


def structured() -> keras.Model:
    """A nested encoder used twice that gives a dictionary, and outputs in one."""
    inner = keras.Input((8, 8, 3))
    x = L.SeparableConv2D(4, 3, padding="same", activation="swish")(inner)
    encoder = keras.Model(inner, {"mean": L.Conv2D(3, 1)(x), "spread": L.DepthwiseConv2D(3)(x)}, name="encoder")
    image = keras.Input((8, 8, 3))
    once = encoder(image)
    twice = encoder(once["mean"])
    return keras.Model(image, {"code": twice["spread"], "sum": L.Add()([once["mean"], twice["mean"]])})


def mixed_precision() -> keras.Model:
    policy = keras.DTypePolicy("mixed_float16")
    image = keras.Input((8, 8, 3))
    x = L.Conv2DTranspose(4, 3, strides=2, dtype=policy)(image)
    x = L.Normalization(mean=[0.1, 0.2, 0.3, 0.4], variance=[1.0, 2.0, 3.0, 4.0])(x)
    x = L.SpectralNormalization(L.Conv2D(2, 3, dtype="bfloat16"))(x)
    return keras.Model(image, L.Dropout(0.5)(L.RandomFlip()(L.Rescaling(2.0)(x))))


MODELS: list[Callable[[], keras.Model]] = [
    residual, sequential, unbuilt_sequential, recurrent, attention, structured, mixed_precision, nets.nested,
]  # fmt: skip


def drawn(model: keras.Model) -> keras.Model:
    rng = np.random.default_rng(3)
    model.set_weights([(0.1 + rng.random(w.shape)).astype(w.dtype) for w in model.get_weights()])
    return model


def same(ours: keras.Model, theirs: keras.Model) -> None:
    images = np.random.default_rng(1).random((2, *theirs.input_shape[1:])).astype(np.float32)
    mine, expected = (keras.tree.flatten(model(images, training=False)) for model in (ours, theirs))
    assert len(mine) == len(expected)
    for a, b in zip(mine, expected, strict=True):
        np.testing.assert_allclose(keras.ops.convert_to_numpy(a), keras.ops.convert_to_numpy(b), rtol=1e-5, atol=1e-6)


@pytest.mark.engine
@pytest.mark.parametrize("make", MODELS, ids=lambda make: make.__name__)
def test_what_keras_saved_comes_back_as_keras_itself_brings_it_back(
    make: Callable[[], keras.Model], tmp_path: Path
) -> None:
    model = drawn(make())
    model.save(tmp_path / "model.keras")
    ours, theirs = open_keras_file(tmp_path / "model.keras"), keras.models.load_model(tmp_path / "model.keras")
    same(ours, theirs)
    for mine, expected in zip(ours.weights, theirs.weights, strict=True):
        np.testing.assert_array_equal(
            keras.ops.convert_to_numpy(mine.value), keras.ops.convert_to_numpy(expected.value), mine.path
        )
    assert ours.name == theirs.name
    assert [layer.name for layer in ours.layers] == [layer.name for layer in theirs.layers]
    (tmp_path / "model.json").write_text(model.to_json())
    model.save_weights(tmp_path / "model.weights.h5")
    same(open_architecture(tmp_path / "model.json", tmp_path / "model.weights.h5"), theirs)
    # A whole model is a file of weights, too.
    same(open_architecture(tmp_path / "model.json", tmp_path / "model.keras"), theirs)


@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")
@pytest.mark.parametrize(
    "make", [sequential, unbuilt_sequential, recurrent, nets.nested], ids=lambda make: make.__name__
)
def test_the_hdf5_files_of_keras_3(make: Callable[[], keras.Model], tmp_path: Path) -> None:
    model = drawn(make())
    model.save(tmp_path / "model.h5")
    same(open_keras_file(tmp_path / "model.h5"), model)


@pytest.mark.filterwarnings("ignore:Layer .* does not have a `quantize` method")
def test_eight_bit_weights(tmp_path: Path) -> None:
    model = drawn(sequential())
    model.quantize("int8")
    model.save(tmp_path / "model.keras")
    same(open_keras_file(tmp_path / "model.keras"), model)


def test_what_is_listed_are_layers_activations_and_operations_of_keras() -> None:
    assert all(issubclass(getattr(L, name, L.Layer), L.Layer) for name in LAYERS)
    assert {"Conv2D", "MultiHeadAttention", "LSTM"} <= {name for name in LAYERS if hasattr(L, name)}
    dangerous = {"Lambda", "TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer", "StringLookup", "Layer"}
    assert not dangerous & LAYERS
    assert (
        not {"Map", "Switch", "Cond", "Scan", "WhileLoop", "ForiLoop", "VectorizedMap", "Full", "Arange"} & OPERATIONS
    )
    assert {name for name in ACTIVATIONS if hasattr(keras.activations, name)} >= {"relu", "elu", "sigmoid", "gelu"}


# What would run


def function(module: str, name: str) -> Config:
    return {"class_name": "function", "module": module, "config": name, "registered_name": "function"}


def entry(module: str | None, kind: str, config: Config, nodes: Any = ()) -> Config:
    return {"module": module, "class_name": kind, "config": {"name": "evil", **config}, "registered_name": None,
            "name": "evil", "inbound_nodes": list(nodes)}  # fmt: skip


def operation(kind: str, *args: Any) -> Config:
    return entry("keras.src.ops.core", kind, {}, [{"args": list(args), "kwargs": {}}])


CODE = {"class_name": "__lambda__", "config": {"value": ["4wEAAAA=", None, None]}}
EXTRA: dict[str, tuple[Config, str]] = {
    "Lambda": (entry("keras.layers", "Lambda", {"function": CODE}), "holds Python code"),
    "Lambda by its module": (entry("keras.src.layers.core.lambda_layer", "Lambda", {"function": CODE}), "Python code"),
    "Lambda inside": (
        entry("keras.layers", "TimeDistributed", {"layer": entry("keras.layers", "Lambda", {"function": CODE})}),
        "holds Python code",
    ),
    "system": (entry("os", "system", {"command": "touch here"}), "needs the class 'os.system'"),
    "exec": (entry("builtins", "exec", {}), "needs the class 'builtins.exec'"),
    "a module of Keras": (entry("keras.src.utils.python_utils", "func_load", {}), r"python_utils.func_load'"),
    "graph": (entry("keras.layers", "TFSMLayer", {"filepath": "here"}), "needs the class 'keras.layers.TFSMLayer'"),
    "pickle": (entry("keras.layers", "TorchModuleWrapper", {"module": "gA=="}), "TorchModuleWrapper"),
    "words of a file": (entry("keras.layers", "StringLookup", {"vocabulary": "/etc/passwd"}), "StringLookup"),
    "set_floatx": (
        operation("Switch", 0, [function("keras.config", "set_floatx")], "float64"),
        "needs the class 'keras.src.ops.core.Switch'",
    ),
    "mnist": (operation("Switch", 0, [function("keras.datasets.mnist", "load_data")], "x.npz"), "core.Switch"),
    "map": (operation("Map", function("keras.utils", "get_file"), ["a"]), "needs the class 'keras.src.ops.core.Map'"),
    "array": (entry("keras.src.ops.numpy", "Full", {"shape": [10**6, 10**6]}), "needs the class '.*ops.numpy.Full'"),
    "at once": (
        entry("keras.src.ops.numpy", "Tile", {"repeats": [10**12]}, [{"args": [[1.0]], "kwargs": {}}]),
        "does not say on what it is called",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", EXTRA)
@pytest.mark.parametrize("form", ["keras", "json", "keras 2"])
def test_nothing_runs_that_is_not_listed(
    name: str, form: str, parts: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    before = sorted(tmp_path.rglob("*"))
    config = json.loads(parts["config.json"])
    extra, says = EXTRA[name]
    layers_of(config).append(copy.deepcopy(extra))
    version = {"keras_version": "3.10.0" if form == "keras" else "2.15.0"}
    path = written(tmp_path / "model.keras", parts, config=json.dumps(config), metadata=json.dumps(version))
    (tmp_path / "model.json").write_text(json.dumps(config))
    attempts: dict[str, tuple[Callable[..., object], tuple[Any, ...]]] = {
        "json": (open_architecture, (tmp_path / "model.json", None)),
        "keras": (open_keras_file, (path,)),
        "keras 2": (open_keras_file, (path,)),
    }
    opened, arguments = attempts[form]
    with pytest.raises(InputError, match=rf"^model.*{'' if form == 'keras 2' else says}") as caught:
        opened(*arguments)
    assert "\n" not in str(caught.value)
    assert [path for path in sorted(tmp_path.rglob("*")) if path.name not in ("model.keras", "model.json")] == before
    assert keras.config.floatx() == "float32"


@pytest.mark.parametrize("key", ["activation", "kernel_initializer", "dtype", "name", "padding", "kernel_regularizer"])
@pytest.mark.parametrize(
    "value",
    [CODE, function("os", "system"), function("keras.config", "set_floatx"), function("builtins", "exec"),
     entry("os", "system", {})],
    ids=["code", "system", "floatx", "exec", "class"],
)  # fmt: skip
def test_no_setting_is_a_way_in(key: str, value: Config, parts: dict[str, bytes], tmp_path: Path) -> None:
    config = json.loads(parts["config.json"])
    layers_of(config)[1]["config"][key] = value
    path = written(tmp_path / "model.keras", parts, config=json.dumps(config))
    if key.endswith(("initializer", "regularizer")):
        open_keras_file(path)  # what only matters for training never reaches Keras
    else:
        with pytest.raises(InputError, match=r"^model.keras: layer .* (needs|holds|is damaged)"):
            open_keras_file(path)
    assert keras.config.floatx() == "float32"


def test_what_compiles_a_model_never_reaches_keras(parts: dict[str, bytes], tmp_path: Path) -> None:
    config = json.loads(parts["config.json"]) | {"compile_config": {"optimizer": entry("os", "system", {})}}
    layers_of(config)[1]["build_config"] = entry("os", "system", {})
    open_keras_file(written(tmp_path / "model.keras", parts, config=json.dumps(config)))


def test_a_class_that_this_process_registered_is_taken(tmp_path: Path) -> None:
    class Half(L.Layer):  # type: ignore[misc]
        def call(self, x: Any) -> Any:
            return x / 2

    with keras.saving.custom_object_scope({"mine>Half": Half}):
        keras.saving.register_keras_serializable("mine")(Half)
        model = keras.Sequential([keras.Input((4, 4, 1)), Half(name="half")])
        model.save(tmp_path / "model.keras")
        same(open_keras_file(tmp_path / "model.keras"), model)
    del keras.saving.get_custom_objects()["mine>Half"]
    with pytest.raises(
        ModelError, match=r"model.keras: layer 'half' needs the class '.*Half', registered as 'mine>Half'"
    ):
        open_keras_file(tmp_path / "model.keras")


def test_trust_imports_the_class_from_the_module_that_the_file_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "my_own_layers.py").write_text(
        "import keras\n@keras.saving.register_keras_serializable('own')\nclass Third(keras.layers.Layer):\n"
        "    def call(self, x):\n        return x / 3\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    module = importlib.import_module("my_own_layers")
    model = keras.Sequential([keras.Input((4, 4, 1)), L.Conv2D(2, 1), module.Third()])
    model.save(tmp_path / "model.keras")
    del keras.saving.get_custom_objects()["own>Third"]
    same(open_keras_file(tmp_path / "model.keras", trust=True), model)
    # The same file brings the weights for a model built in code.
    fresh = keras.Sequential([keras.Input((4, 4, 1)), L.Conv2D(2, 1), module.Third()])
    load_weights(fresh, tmp_path / "model.keras")
    same(fresh, model)


# What asks for too much


def test_a_layer_wider_than_its_weights(parts: dict[str, bytes], tmp_path: Path) -> None:
    config = json.loads(parts["config.json"])
    layers_of(config)[1]["config"]["filters"] = 10**9
    path = written(tmp_path / "model.keras", parts, config=json.dumps(config))
    says = r"layer 'conv' \(Conv2D\) wants weights of shape \(3, 3, 3, 1000000000\): 27,000,000,000 numbers, more than"
    with pytest.raises(ModelError, match=rf"model.keras: {says} the [\d,]+ that are left for it in the file"):
        open_keras_file(path)
    (tmp_path / "model.json").write_text(json.dumps(config))
    with pytest.raises(ModelError, match=rf"model.json: {says} .* drawn without a file of weights"):
        open_architecture(tmp_path / "model.json", None)


@pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file")
def test_an_older_layer_wider_than_its_weights(tmp_path: Path) -> None:
    import tf_keras

    tf_keras.Sequential([tf_keras.layers.Dense(3, input_shape=(4, 4, 2), name="wide")]).save(tmp_path / "model.h5")
    with h5py.File(tmp_path / "model.h5", "r+") as file:
        config = json.loads(file.attrs["model_config"])
        layers_of(config)[1]["config"]["units"] = 10**9
        file.attrs["model_config"] = json.dumps(config)
    with pytest.raises(ModelError, match=r"model.h5: layer 'wide' \(Dense\) wants weights of shape \(2, 1000000000\)"):
        open_keras_file(tmp_path / "model.h5")


def test_a_layer_inside_another_that_would_get_its_weights_later(parts: dict[str, bytes], tmp_path: Path) -> None:
    config = json.loads(parts["config.json"])
    by_name(config, "conv")["config"]["activation"] = entry("keras.layers", "Dense", {"units": 10**9, "name": "wide"})
    path = written(tmp_path / "model.keras", parts, config=json.dumps(config))
    with pytest.raises(ModelError, match=r"model.keras: layer 'wide' \(Dense\) lies inside another layer"):
        open_keras_file(path)


@pytest.mark.parametrize(
    ("layers", "says"),
    [
        (
            [L.UpSampling2D(10**5, name="vast")],
            r"'vast' \(UpSampling2D\) gives 2,560,000,000,000 numbers for one image",
        ),
        (
            [L.Conv2D(1, 1), L.ZeroPadding2D(((0, 10**7), (0, 0)), name="vast")],
            r"'vast' .* 10,000,016 places along one",
        ),
        ([L.Flatten(), L.RepeatVector(20_000), L.TimeDistributed(L.Dense(1), name="vast")], r"'vast' .* 20,000 times"),
        (
            [L.Conv2D(1, 3, padding="same", dilation_rate=10**9, name="vast")],
            r"'vast' .* looks at [\d,]+ places at once",
        ),
    ],
    ids=["numbers", "places", "steps", "dilation"],
)
def test_a_layer_that_gives_far_too_much(layers: list[Any], says: str, tmp_path: Path) -> None:
    keras.Sequential([keras.Input((16, 16, 1)), *layers]).save(tmp_path / "model.keras")
    with pytest.raises(ModelError, match=rf"model.keras: layer {says}"):
        open_keras_file(tmp_path / "model.keras")


@pytest.mark.parametrize("shape", [[None, 10**6, 10**6, 3], [10**9, 16, 16, 3], [0, 16, 16, 3]])
def test_a_batch_of_no_images(shape: list[int | None], parts: dict[str, bytes], tmp_path: Path) -> None:
    config = json.loads(parts["config.json"])
    layers_of(config)[0]["config"]["batch_shape"] = shape
    path = written(tmp_path / "model.keras", parts, config=json.dumps(config))
    with pytest.raises(InputError, match=r"which is no batch of images|cannot be|numbers for one image"):
        open_model(path)


def test_models_inside_models_that_double_at_each_level(parts: dict[str, bytes], tmp_path: Path) -> None:
    def tensor(name: str, call: int) -> Config:
        return {"class_name": "__keras_tensor__",
                "config": {"shape": [None, 4, 4, 1], "dtype": "float32", "keras_history": [name, call, 0]}}  # fmt: skip

    model = json.loads(keras.Sequential([keras.Input((4, 4, 1)), L.ReLU()], name="level_0").to_json())
    for level in range(1, 40):
        first = {"module": "keras.layers", "class_name": "InputLayer", "registered_name": None, "name": "in",
                 "config": {"batch_shape": [None, 4, 4, 1], "name": "in"}, "inbound_nodes": []}  # fmt: skip
        nodes = [{"args": [tensor("in", 0)], "kwargs": {}}, {"args": [tensor("inner", 0)], "kwargs": {}}]
        inner = {**model, "name": "inner", "inbound_nodes": nodes}
        settings = {"name": f"level_{level}", "layers": [first, inner], "input_layers": [["in", 0, 0]],
                    "output_layers": [["inner", 2, 0]]}  # fmt: skip
        model = {"module": "keras", "class_name": "Functional", "config": settings, "registered_name": None}
    (tmp_path / "model.json").write_text(json.dumps(model))
    with pytest.raises(FileError, match=r"model.json: its models inside models call \d+ layers, more than 10,000"):
        open_architecture(tmp_path / "model.json", None)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"[" * 200_000, "nested more than 150 levels deep"),
        (b"[" * 500 + b"]" * 500, "nested more than 150 levels deep"),
        ('{"class_name": "é"}'.encode("latin-1"), "is no UTF-8 text"),
        (b'{"class_name": "\\ud800", "config": {}}', "that cannot be read"),
        (b'{"a": ' + b"9" * 5000 + b"}", "that cannot be read"),
        (b"{}{}", "is damaged or no JSON"),
        (b"", "is damaged or no JSON"),
        (b"[]", "is JSON, but not the architecture of a Keras model"),
        (b'{"class_name": 5, "config": {}}', "is JSON, but not the architecture of a Keras model"),
    ],
    ids=["open", "deep", "latin", "surrogate", "digits", "twice", "empty", "list", "number"],
)
def test_text_that_is_no_architecture(text: bytes, says: str, parts: dict[str, bytes], tmp_path: Path) -> None:
    (tmp_path / "model.json").write_bytes(text)
    with pytest.raises(InputError, match=rf"model.json .*{says}"):
        open_architecture(tmp_path / "model.json", None)
    with pytest.raises(InputError, match=rf"config.json in .*model.keras .*{says}"):
        open_keras_file(written(tmp_path / "model.keras", parts, config=text))


# What is damaged


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"filters": 0}, "'filters' cannot be 0"),
        ({"filters": "4"}, "'filters' cannot be '4'"),
        ({"kernel_size": [3, 3, 3]}, r"'kernel_size' cannot be \[3, 3, 3\]"),
        ({"padding": None}, "'padding' cannot be None"),
        ({"padding": "nonsense"}, "'padding' cannot be 'nonsense'"),
        ({"strides": [-1, 1]}, r"'strides' cannot be \[-1, 1\]"),
        ({"data_format": {"a": 1}}, "'data_format' cannot be {'a': 1}"),
        ({"activation": "nonsense"}, "'activation' cannot be 'nonsense'"),
        ({"groups": 3, "dilation_rate": [1, 1]}, "'groups' cannot be 3"),
        ({"dtype": "\x1b[31m"}, r"'dtype' cannot be '\\x1b\[31m'"),
        ({"dtype": "string"}, "'dtype' cannot be 'string'"),
        ({"dtype": {"class_name": "DTypePolicy", "config": {"name": "complex64"}}}, "'dtype' cannot be 'complex64'"),
        ({"unknown": 1}, "'unknown' cannot be 1"),
    ],
    ids=str,
)
def test_the_setting_at_fault_is_named(settings: Config, says: str, parts: dict[str, bytes], tmp_path: Path) -> None:
    config = json.loads(parts["config.json"])
    by_name(config, "again")["config"].update(settings)
    path = written(tmp_path / "model.keras", parts, config=json.dumps(config))
    with pytest.raises(FileError, match=rf"^model.keras: layer 'again'.* is damaged: its setting {says}\.$"):
        open_keras_file(path)


def _history(config: Config) -> list[Any]:
    return by_name(config, "again")["inbound_nodes"][0]["args"][0]["config"]["keras_history"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda c: _history(c).__setitem__(0, "nobody"), r"layer 'again' \(Conv2D\) .* 'nobody', which is no layer of"),
        (lambda c: _history(c).__setitem__(0, "again"), "the layers 'add.*', 'again', 'encoded' wait for results"),
        (lambda c: _history(c).__setitem__(1, -1), r"layer 'again' \(Conv2D\) .* is called on \['conv', -1, 0\]"),
        (lambda c: _history(c).__setitem__(2, 7), "layer 'conv' has no result number 7"),
        (lambda c: layers_of(c).append(by_name(c, "conv")), "has two layers 'conv'"),
        (lambda c: layers_of(c).clear(), "it has no list of layers"),
        (lambda c: by_name(c, "conv")["config"].pop("filters"), "it lacks its setting 'filters'"),
        (lambda c: by_name(c, "conv")["inbound_nodes"][0].clear(), "does not say on what it is called"),
        (lambda c: by_name(c, "conv")["inbound_nodes"][0]["kwargs"].update(mask=False), "'conv' .* its mask is False"),
        (lambda c: c["config"].update(output_layers=[["nobody", 0, 0]]), "'nobody', which is no layer of the model"),
        (lambda c: c["config"].update(output_layers=[["conv", 5, 0]]), "its output layers are not computed by it"),
        (lambda c: c["config"].update(input_layers=5), "its input layers are 5"),
        (lambda c: c["config"].update(name=None), "its name is None"),
        (lambda c: by_name(c, "conv").update(class_name=5), "layer .*is damaged|the name of a class is 5"),
    ],
)  # fmt: skip
def test_the_call_at_fault_is_named(
    change: Callable[[Config], object], says: str, parts: dict[str, bytes], tmp_path: Path
) -> None:
    config = json.loads(parts["config.json"])
    change(config)
    with pytest.raises(FileError, match=rf"^model.keras: .*{says}") as caught:
        open_keras_file(written(tmp_path / "model.keras", parts, config=json.dumps(config)))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (np.nan, "that are not numbers"),
        (-np.inf, "that are not numbers"),
        (1e30, "as large as"),
        (-1e38, "as large as"),
    ],
    ids=str,
)
def test_weights_that_are_no_numbers_or_far_too_large(value: float, says: str, tmp_path: Path) -> None:
    model = residual()
    weights = model.get_weights()
    weights[0][0, 0, 0, 0] = value
    model.set_weights(weights)
    model.save(tmp_path / "model.keras")
    with pytest.raises(ModelError, match=f"'net' holds weights {says}.* in 'conv/kernel'"):
        list(looks_untrained(open_model(tmp_path / "model.keras")))


def test_a_mask_of_minus_infinity_is_no_damage() -> None:
    class Masked:
        name = "masked"

        def weights(self) -> list[tuple[str, np.ndarray]]:
            return [("mask", np.triu(np.full((4, 4), -np.inf, np.float32), 1)), ("bias", np.ones(3, np.float32))]

    assert list(looks_untrained(Masked())) == []  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "value", "is_damage"),
    [
        ("proj.input_max", np.float32(np.inf), False),
        ("proj.input_min", np.float32(-np.inf), False),
        ("proj.input_max", np.float32(np.nan), True),
        ("proj.scale", np.float32(np.inf), True),
        ("proj.max", np.full(3, np.inf, np.float32), True),
    ],
)
def test_a_bound_may_be_infinite(name: str, value: np.ndarray, is_damage: bool) -> None:
    class Bounded:
        name = "bounded"

        def weights(self) -> list[tuple[str, np.ndarray]]:
            return [(name, np.asarray(value)), ("bias", np.ones(3, np.float32))]

    with pytest.raises(ModelError, match="not numbers") if is_damage else nullcontext():
        assert list(looks_untrained(Bounded())) == []  # type: ignore[arg-type]


def test_only_listed_leaves_the_description_as_it_was(parts: dict[str, bytes]) -> None:
    config = json.loads(parts["config.json"])
    before = copy.deepcopy(config)
    listed = only_listed(config, {}, start="zeros")
    assert config == before
    assert only_listed(listed, {}, start="zeros") == listed


def test_a_failure_that_only_computing_shows_is_one_clear_line() -> None:
    class Dark(keras.layers.Layer):  # type: ignore[misc]
        def call(self, images: Any) -> Any:
            with tf.control_dependencies([tf.debugging.assert_less(images, -1.0, message="too bright")]):
                return tf.identity(images)

    image = keras.Input((16, 16, 3))
    code = keras.layers.Conv2D(4, 3, name="encoded")(Dark()(image))
    encoder = saccade.Encoder(keras.Model(image, code), layer="encoded")
    with pytest.raises(ModelError, match=r"cannot compute an image of 16x16: .*too bright") as caught:
        saccade.explain(encoder, np.ones((1, 16, 16, 3), np.float32), "saliency")
    assert "\n" not in str(caught.value)
