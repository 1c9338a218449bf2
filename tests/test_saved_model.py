"""SavedModel folders, written by tf_keras, by Keras 3 and by TensorFlow alone."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
import tf_keras
from tensorflow.core.protobuf import saved_model_pb2

import saccade
from saccade.errors import FileError, ModelError
from saccade.models.saved_model.graph import read_graph, refuse_effects
from saccade.models.saved_model.opening import SavedFunction, _messages, open_saved_model, variables_of

L = tf_keras.layers
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy keyword")


def autoencoder() -> Any:
    image = L.Input((8, 8, 3))
    x = L.BatchNormalization()(L.Conv2D(4, 3, padding="same", activation="elu")(image))
    encoder = tf_keras.Model(image, L.MaxPooling2D(name="encoded")(x), name="encoder")
    decoder = tf_keras.Sequential(
        [L.UpSampling2D(2, input_shape=(4, 4, 4)), L.Conv2D(3, 3, padding="same")], name="decoder"
    )
    picture = L.Input((8, 8, 3))
    model = tf_keras.Model(picture, decoder(encoder(picture)), name="autoencoder")
    rng = np.random.default_rng(0)
    model.set_weights([0.1 + 0.4 * rng.random(w.shape) for w in model.get_weights()])
    return model


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Path]:
    tf_keras.backend.clear_session()
    model = autoencoder()
    folder = tmp_path_factory.mktemp("saved") / "model"
    model.save(folder, save_format="tf")
    return model, folder


IMAGES = np.random.default_rng(1).random((2, 8, 8, 3), np.float32)


def test_a_model_of_keras_2_comes_back_with_its_layers(saved: tuple[Any, Path]) -> None:
    theirs, folder = saved
    ours = open_saved_model(folder)
    assert not isinstance(ours, SavedFunction)
    assert [layer.name for layer in ours.get_layer("encoder").layers] == [
        layer.name for layer in theirs.get_layer("encoder").layers
    ]
    np.testing.assert_allclose(ours.predict(IMAGES, verbose=0), theirs.predict(IMAGES, verbose=0), atol=1e-5)
    np.testing.assert_allclose(
        ours.get_layer("encoder").predict(IMAGES, verbose=0),
        theirs.get_layer("encoder").predict(IMAGES, verbose=0),
        atol=1e-5,
    )


def test_the_layout_of_tensorflow_2_4_and_before(saved: tuple[Any, Path], tmp_path: Path) -> None:
    """The same texts, inside saved_model.pb."""
    theirs, folder = saved
    old = tmp_path / "old"
    shutil.copytree(folder, old)
    graph = saved_model_pb2.SavedModel.FromString((old / "saved_model.pb").read_bytes())
    for node in _messages((old / "keras_metadata.pb").read_bytes(), 1):
        number = node[1] if node[0] == 0x10 else 0
        graph.meta_graphs[0].object_graph_def.nodes[number].user_object.metadata = next(_messages(node, 5)).decode()
    (old / "saved_model.pb").write_bytes(graph.SerializeToString())
    (old / "keras_metadata.pb").unlink()
    ours = open_saved_model(old)
    assert not isinstance(ours, SavedFunction)
    np.testing.assert_allclose(ours.predict(IMAGES, verbose=0), theirs.predict(IMAGES, verbose=0), atol=1e-5)


def test_without_a_configuration_it_is_a_differentiable_function(saved: tuple[Any, Path], tmp_path: Path) -> None:
    theirs, folder = saved
    bare = tmp_path / "bare"
    shutil.copytree(folder, bare)
    (bare / "keras_metadata.pb").unlink()
    function = open_saved_model(bare)
    assert isinstance(function, SavedFunction)
    assert function.input_shape == (8, 8, 3)
    assert function.outputs == {"decoder": (8, 8, 3)}
    assert "configuration" in function.reason
    x = tf.constant(IMAGES)
    with tf.GradientTape() as ours:
        ours.watch(x)
        answer = function.call(x)["decoder"]
    with tf.GradientTape() as tape:
        tape.watch(x)
        expected = theirs(x, training=False)
    np.testing.assert_allclose(answer, expected, atol=1e-5)
    np.testing.assert_allclose(ours.gradient(answer, x), tape.gradient(expected, x), atol=1e-5)


def test_a_lambda_layer_is_not_run_but_its_graph_is(tmp_path: Path) -> None:
    model = tf_keras.Sequential([L.Lambda(lambda x: x * 2.0, input_shape=(4, 4, 1), name="twice")])
    model.save(tmp_path / "model", save_format="tf")
    function = open_saved_model(tmp_path / "model")
    assert isinstance(function, SavedFunction)
    assert "'twice' holds Python code" in function.reason
    np.testing.assert_array_equal(function.call(np.ones((1, 4, 4, 1)))["twice"], 2 * np.ones((1, 4, 4, 1)))


class Module(tf.Module):  # type: ignore[misc]
    """A function in a folder, with no Keras anywhere."""

    def save(self, folder: Path, compute: Any, *specs: tf.TensorSpec) -> Path:
        tf.saved_model.save(self, str(folder), signatures=tf.function(compute, input_signature=specs))
        return folder


PICTURE = tf.TensorSpec((None, None, None, 3), tf.float32, name="picture")


def test_a_free_size_stays_free(tmp_path: Path) -> None:
    folder = Module().save(tmp_path / "m", lambda picture: {"code": tf.nn.avg_pool2d(picture, 2, 2, "SAME")}, PICTURE)
    function = open_saved_model(folder)
    assert isinstance(function, SavedFunction)
    assert function.input_shape == (None, None, 3)
    assert function.outputs == {"code": (None, None, 3)}
    assert function.call(np.ones((1, 6, 4, 3)))["code"].shape == (1, 3, 2, 3)


@pytest.mark.parametrize(
    ("compute", "specs", "says"),
    [
        (lambda picture: {"code": picture * 0.0 + 1.0}, (PICTURE,), None),
        (lambda picture: {"code": tf.cast(tf.argmax(picture, -1), tf.float32)}, (PICTURE,), "no gradient"),
        (lambda a, b: {"code": a + b}, (PICTURE, PICTURE), "takes 2 inputs"),
        (lambda flat: {"code": flat}, (tf.TensorSpec((None, 4), tf.float32, name="flat"),), "takes float32 of shape"),
        (
            lambda data: {"code": tf.cast(data, tf.float32)},
            (tf.TensorSpec((None, 4, 4, 3), tf.uint8, name="data"),),
            r"takes uint8 of shape .* re-save it where it was made",
        ),
    ],
    ids=["flat", "argmax", "two inputs", "vector", "bytes"],
)
def test_what_has_no_gradient_says_how_to_convert_it(
    tmp_path: Path, compute: Any, specs: Any, says: str | None
) -> None:
    names = ("a", "b") if len(specs) == 2 else (specs[0].name,)
    specs = tuple(tf.TensorSpec(spec.shape, spec.dtype, name=name) for spec, name in zip(specs, names, strict=True))
    folder = Module().save(tmp_path / "model", compute, *specs)
    if says is None:
        # A gradient of zeros is still a gradient.
        assert isinstance(open_saved_model(folder), SavedFunction)
        return
    with pytest.raises(ModelError, match=f"^model: .*{says}") as caught:
        open_saved_model(folder)
    assert "\n" not in str(caught.value)


def test_a_graph_that_does_not_keep_the_shapes_that_it_claims(tmp_path: Path) -> None:
    spec = tf.TensorSpec((None, 6, 6, 3), tf.float32, name="picture")
    folder = Module().save(tmp_path / "m", lambda picture: {"code": tf.nn.avg_pool2d(picture, 2, 2, "SAME")}, spec)
    graph = saved_model_pb2.SavedModel.FromString((folder / "saved_model.pb").read_bytes())
    for function in graph.meta_graphs[0].object_graph_def.concrete_functions.values():
        function.output_signature.dict_value.fields["code"].tensor_spec_value.shape.dim[1].size = 5
    (folder / "saved_model.pb").write_bytes(graph.SerializeToString())
    with pytest.raises(ModelError, match=r"its graph is damaged: Dimension 1 in both shapes must be equal"):
        saccade.explain(saccade.load(folder), np.ones((1, 6, 6, 3), np.float32), "saliency")


@pytest.mark.parametrize("damage", [None, 5, tf.Module(), ["text", None]])
def test_what_stands_in_the_place_of_variables_is_none(damage: Any) -> None:
    variable = tf.Variable(1.0)
    assert variables_of(SimpleNamespace(variables=[variable])) == [variable]
    assert variables_of(SimpleNamespace(variables=damage)) == []


def test_no_function_at_all(tmp_path: Path) -> None:
    tf.saved_model.save(tf.Module(), str(tmp_path / "model"))
    with pytest.raises(ModelError, match=r"model: it has no serving function, .* re-save it"):
        open_saved_model(tmp_path / "model")


def test_damage(saved: tuple[Any, Path], tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"is no SavedModel: it holds no saved_model.pb"):
        open_saved_model(tmp_path)
    broken = tmp_path / "broken"
    shutil.copytree(saved[1], broken)
    (broken / "keras_metadata.pb").write_bytes((broken / "keras_metadata.pb").read_bytes()[:100])
    with pytest.raises(FileError, match=r"broken.* is damaged"):
        open_saved_model(broken)
    (broken / "saved_model.pb").write_bytes(b"nothing")
    with pytest.raises(FileError, match=r"broken.* is damaged"):
        open_saved_model(broken)


# Graphs that do more than compute


class Convolved(tf.Module):  # type: ignore[misc]
    """A variable, a function of images, and something beside it."""

    def __init__(self) -> None:
        self.kernel = tf.Variable(tf.random.stateless_uniform((3, 3, 3, 4), (0, 1)))

    def save(self, folder: Path, aside: Any = None) -> Path:
        def compute(picture: Any) -> Any:
            with tf.control_dependencies([] if aside is None else [aside(picture)]):
                return {"code": tf.nn.conv2d(tf.identity(picture), self.kernel, 1, "SAME")}

        tf.saved_model.save(self, str(folder), signatures=tf.function(compute, input_signature=[PICTURE]))
        return folder


@pytest.mark.parametrize(
    ("aside", "operation"),
    [
        (lambda folder: lambda _: tf.io.write_file(str(folder / "written"), "x"), "WriteFile"),
        (lambda _: lambda _: tf.io.read_file("/etc/hostname"), "ReadFile"),
        (lambda _: lambda picture: tf.print(tf.reduce_sum(picture)), "StringFormat|PrintV2"),
        (lambda _: lambda picture: tf.numpy_function(lambda v: v, [picture], tf.float32), "PyFunc"),
        (lambda _: lambda picture: tf.while_loop(lambda _: True, lambda x: x, [picture])[0], "While|StatelessWhile"),
        (lambda folder: lambda picture: tf.raw_ops.Save(
            filename=str(folder / "written"), tensor_names=["x"], data=[picture]), "Save"),
    ],
    ids=["writes", "reads", "prints", "python", "loops", "saves"],
)  # fmt: skip
def test_a_graph_that_does_more_than_compute_needs_trust(tmp_path: Path, aside: Any, operation: str) -> None:
    folder = Convolved().save(tmp_path / "model", aside(tmp_path))
    with pytest.raises(ModelError, match=rf"^model: its graph holds the operation '({operation})' .* --trust"):
        open_saved_model(folder)
    assert not (tmp_path / "written").exists()
    if operation == "WriteFile":
        opened = open_saved_model(folder, trust=True)
        assert isinstance(opened, SavedFunction)
        assert (tmp_path / "written").exists()


def test_a_graph_that_writes_when_it_is_loaded_needs_trust(tmp_path: Path) -> None:
    from tensorflow.python.trackable.resource import CapturableResource

    class Table(CapturableResource):  # type: ignore[misc]
        def _create_resource(self) -> Any:
            return tf.raw_ops.VarHandleOp(dtype=tf.float32, shape=(), shared_name="table")

        def _initialize(self) -> Any:
            return tf.io.write_file(str(tmp_path / "written"), "x")

    module = Convolved()
    module.table = Table()
    module.read = tf.function(lambda: tf.raw_ops.VarIsInitializedOp(resource=module.table.resource_handle))
    module.read.get_concrete_function()
    folder = module.save(tmp_path / "model")
    (tmp_path / "written").unlink(missing_ok=True)
    with pytest.raises(ModelError, match=r"its graph holds the operation 'WriteFile'"):
        open_saved_model(folder)
    assert not (tmp_path / "written").exists()


@pytest.fixture
def graph(tmp_path: Path) -> Any:
    """A good graph, with its folder, to be changed."""
    folder = Convolved().save(tmp_path / "model")
    return read_graph(folder), folder


def test_functions_for_saving_are_passed_over_only_where_nothing_else_names_them(graph: Any) -> None:
    good, folder = graph
    refuse_effects(good, folder)
    saving = next(f for f in good.meta_graphs[0].graph_def.library.function if "save" in f.signature.name)
    for name_it in (
        lambda part: part.object_graph_def.concrete_functions[saving.signature.name].SetInParent(),
        lambda part: part.graph_def.library.gradient.add(
            function_name=part.graph_def.library.function[0].signature.name, gradient_func=saving.signature.name
        ),
        lambda part: (
            next(f for f in part.graph_def.library.function if f.signature.name == saving.signature.name)
            .attr["api_implements"]
            .SetInParent()
        ),
    ):
        changed = type(good).FromString(good.SerializeToString())
        name_it(changed.meta_graphs[0])
        with pytest.raises(ModelError, match="its graph holds the operation"):
            refuse_effects(changed, folder)


def test_functions_that_call_themselves_or_ever_more(graph: Any) -> None:
    good, folder = graph
    library = good.meta_graphs[0].graph_def.library
    for level in range(60):
        function = library.function.add()
        function.signature.name = f"level_{level}"
        for place in "ab":
            node = function.node_def.add(name=place, op="PartitionedCall")
            node.attr["f"].func.name = f"level_{level + 1}" if level < 59 else "end"
    with pytest.raises(FileError, match=r"'level_.*' runs more than 1,000,000 operations"):
        refuse_effects(good, folder)
    library.function[-1].node_def[0].attr["f"].func.name = "level_59"
    with pytest.raises(FileError, match="the function 'level_59' calls itself"):
        refuse_effects(good, folder)


def test_sizes_that_are_only_claimed(graph: Any) -> None:
    good, folder = graph
    functions = good.meta_graphs[0].graph_def.library.function
    function = next(f for f in functions if "signature_wrapper" in f.signature.name)
    node = function.node_def.add(name="vast", op="Const")
    constant = node.attr["value"].tensor
    constant.dtype = tf.float32.as_datatype_enum
    for size in (10**6, 10**6):
        constant.tensor_shape.dim.add(size=size)
    with pytest.raises(FileError, match=r"the constant 'vast' has the sizes \[1000000, 1000000\]"):
        refuse_effects(good, folder)
    # As many texts take more room than as many numbers.
    constant.dtype = tf.string.as_datatype_enum
    for dim in constant.tensor_shape.dim:
        dim.size = 10**4
    with pytest.raises(FileError, match=r"the constant 'vast' has the sizes \[10000, 10000\]"):
        refuse_effects(good, folder)
    # Each of two alone would fit.
    constant.dtype = tf.float64.as_datatype_enum
    constant.tensor_shape.dim[1].size = 10**4
    constant.tensor_shape.dim[0].size = 9000
    refuse_effects(good, folder)
    second = function.node_def.add(name="as vast", op="Const")
    second.attr["value"].CopyFrom(node.attr["value"])
    with pytest.raises(FileError, match=r"the constant 'as vast' has the sizes \[9000, 10000\]"):
        refuse_effects(good, folder)
    function.node_def.remove(second)
    function.node_def.remove(node)
    data = next((folder / "variables").glob("variables.data*"))
    data.write_bytes(data.read_bytes()[:100])
    with pytest.raises(FileError, match=r"model: the variables are damaged: they claim [\d,]+ bytes, their files hold"):
        open_saved_model(folder)


def side_of(picture: Any) -> Any:
    return tf.shape(picture)[1]


@tf.function
def outer(values: Any) -> Any:
    """Give each number times each other, in a function of its own."""
    return tf.reshape(values, [-1, 1]) * tf.reshape(values, [1, -1])


@pytest.mark.parametrize(
    "make",
    [
        lambda picture: tf.fill([tf.cast(tf.reduce_max(picture) * 60_000, tf.int32)] * 2, 1.0),
        lambda picture: tf.zeros([60_000, 60_000]) + tf.reduce_max(picture),
        lambda picture: tf.zeros([side_of(picture) * 30_000, side_of(picture) * 30_000]),
        lambda picture: tf.zeros(tf.constant([2, 3]) ** tf.constant([14, 9])),
        lambda picture: tf.broadcast_to(picture[0, 0, 0], [60_000, 60_000, 3]),
        lambda picture: tf.tile(picture, [1, 10_000, 20_000, 1]),
        lambda picture: tf.pad(picture, [[0, 0], [0, 0], [0, 10**9], [0, 0]]),
        lambda picture: tf.one_hot(tf.zeros([10], tf.int32), tf.cast(tf.reduce_max(picture) * 1e9, tf.int32)),
        lambda picture: tf.range(tf.reduce_max(picture) * 1e9),
        lambda picture: tf.range(0.0, 1.0, 1e-10),
        lambda picture: tf.image.resize(picture, tf.cast([60_000, 60_000] * picture[0, 0, 0, 0], tf.int32)),
        lambda picture: tf.random.uniform([60_000, 60_000]),
        lambda picture: tf.ones([60_000, 1]) + tf.ones([1, 60_000]),
        tf.function(lambda picture: tf.linalg.diag(tf.ones([60_000]))),
        lambda picture: outer(outer(picture)),
        lambda picture: tf.cond(tf.reduce_max(picture) > 2, lambda: outer(outer(picture)), lambda: picture),
        lambda picture: tf.boolean_mask(picture, picture > 0)[:, None] * tf.boolean_mask(picture, picture > 0)[None],
        lambda picture: tf.dynamic_stitch([tf.cast(picture[0, 0, :, 0] * 1e9, tf.int32)], [picture[0, 0, :, 0]]),
    ],
)
def test_sizes_that_fill_the_memory_need_trust(tmp_path: Path, make: Any) -> None:
    folder = Convolved().save(tmp_path / "model", make)
    with pytest.raises(ModelError, match=r"^model: its graph makes something (whose size|of more) .* --trust"):
        open_saved_model(folder)


@pytest.mark.parametrize(
    "make",
    [
        tf.zeros_like,
        lambda picture: tf.zeros(tf.shape(picture)) + tf.ones([tf.shape(picture)[0], 1, 1, 1]),
        lambda picture: tf.image.resize(picture, tf.shape(picture)[1:3] * 2),
        lambda picture: tf.image.resize(picture, tf.cast(tf.cast(tf.shape(picture)[1:3], tf.float32) * 1.5, tf.int32)),
        lambda picture: (
            tf.tile(picture, [1, 2, 2, 1]) * tf.reduce_sum(tf.pad(picture, [[0, 0], [0, 8], [8, 0], [0, 0]]))
        ),
        lambda picture: tf.concat([tf.broadcast_to([[1.0]], [tf.shape(picture)[0], 1]), picture[:, 0, :, 0]], 1),
        lambda picture: tf.one_hot(tf.range(side_of(picture)), 16),
        lambda picture: tf.range(side_of(picture))[:, None] - tf.range(side_of(picture))[None],
        lambda picture: tf.boolean_mask(picture, picture > 0) * 2,
        lambda picture: tf.boolean_mask(picture[0], picture[0, :, :, 0] > 0) * [1.0, 2.0, 3.0],
    ],
)
def test_sizes_that_follow_from_shapes_are_plain(tmp_path: Path, make: Any) -> None:
    assert isinstance(open_saved_model(Convolved().save(tmp_path / "model", make)), SavedFunction)


def test_a_graph_of_tensorflow_1(tmp_path: Path) -> None:
    v1 = tf.compat.v1

    def saved(folder: Path, aside: Any) -> Path:
        with v1.Graph().as_default(), v1.Session() as session:
            picture = v1.placeholder(tf.float32, (None, 8, 8, 3), name="picture")
            kernel = v1.get_variable("kernel", (3, 3, 3, 2), use_resource=False)
            with v1.control_dependencies(aside(picture)):
                code = tf.nn.conv2d(tf.identity(picture), kernel, 1, "SAME")
            session.run(v1.global_variables_initializer())
            v1.saved_model.simple_save(session, str(folder), {"picture": picture}, {"code": code})
        return folder

    opened = open_saved_model(saved(tmp_path / "good", lambda _: []))
    assert isinstance(opened, SavedFunction)
    assert opened.call(IMAGES)["code"].shape == (2, 8, 8, 2)
    target = str(tmp_path / "written")
    with pytest.raises(ModelError, match=r"its graph holds the operation 'WriteFile'"):
        open_saved_model(saved(tmp_path / "bad", lambda _: [tf.io.write_file(target, "x")]))
    assert not Path(target).exists()


def _signature(part: Any) -> None:
    part.signature_def["serving_default"].outputs["code"].name = "written:0"


def _at_start(part: Any) -> None:
    part.collection_def["legacy_init_op"].node_list.value.append("written")


def _in_place_of_restoring(part: Any) -> None:
    _needed_for_saving(part, part.saver_def.restore_op_name)
    part.saver_def.restore_op_name = "written"


def _needed_for_saving(part: Any, name: str) -> None:
    saving = part.saver_def.save_tensor_name.partition(":")[0]
    next(node for node in part.graph_def.node if node.name == saving).input.append(f"^{name}")


@pytest.mark.parametrize("name_it", [_signature, _at_start, _in_place_of_restoring])
def test_what_saving_needs_and_something_else_runs_is_looked_at(tmp_path: Path, name_it: Any) -> None:
    v1, target, folder = tf.compat.v1, tmp_path / "written", tmp_path / "model"
    with v1.Graph().as_default(), v1.Session() as session:
        picture = v1.placeholder(tf.float32, (None, 8, 8, 3), name="picture")
        code = tf.nn.conv2d(picture, v1.get_variable("kernel", (3, 3, 3, 2), use_resource=False), 1, "SAME")
        with v1.control_dependencies([tf.io.write_file(str(target), "x")]):
            tf.identity(code, name="written")
        session.run(v1.global_variables_initializer())
        v1.saved_model.simple_save(session, str(folder), {"picture": picture}, {"code": code})
    file = folder / "saved_model.pb"
    graph = saved_model_pb2.SavedModel.FromString(file.read_bytes())
    _needed_for_saving(graph.meta_graphs[0], "written")
    name_it(graph.meta_graphs[0])
    file.write_bytes(graph.SerializeToString())
    with pytest.raises(ModelError, match=r"its graph holds the operation 'WriteFile'"):
        open_saved_model(folder)
    assert not target.exists()
