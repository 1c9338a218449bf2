"""ONNX files: what is computed, where places lie, what is refused."""

from __future__ import annotations

import contextlib
import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

import saccade
from saccade.cli import main
from saccade.engines import Questions
from saccade.errors import FileError, InputError, ModelError, NotApplicable
from saccade.models import open_model
from saccade.models.onnx.files import bytes_told

SIDE = 32


def node(operator: str, reads: str, gives: str, **settings: Any) -> Any:
    return helper.make_node(operator, reads.split(), gives.split(), **settings)


def model_of(
    nodes: list[Any],
    weights: dict[str, np.ndarray],
    output: str,
    *,
    image: tuple[Any, ...] = ("batch", 3, SIDE, SIDE),
    number_type: int = TensorProto.FLOAT,
    version: int = 18,
    domains: tuple[str, ...] = (),
) -> Any:
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info("photo", number_type, image)],
        [onnx.ValueInfoProto(name=output, type=helper.make_tensor_type_proto(number_type, None))],
        [numpy_helper.from_array(values, name) for name, values in weights.items()],
    )
    opsets = [helper.make_opsetid(domain, own) for domain, own in (("", version), *((d, 1) for d in domains))]
    return onnx.shape_inference.infer_shapes(helper.make_model(graph, opset_imports=opsets, ir_version=9))


def numbers(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def encoder_graph(**settings: Any) -> Any:
    """Convolution, ELU, pooling, twice, with a branch that joins again."""
    nodes = [
        node("Conv", "photo k1 b1", "c1", pads=[1, 1, 1, 1]),
        node("Elu", "c1", "e1"),
        node("MaxPool", "e1", "p1", kernel_shape=[2, 2], strides=[2, 2]),
        node("Conv", "p1 k2", "c2", pads=[1, 1, 1, 1]),
        node("Add", "c2 p1", "sum"),
        node("Tanh", "sum", "t"),
        node("AveragePool", "t", "encoded", kernel_shape=[2, 2], strides=[2, 2]),
    ]
    weights = {"k1": numbers(4, 3, 3, 3) / 3, "b1": numbers(4), "k2": numbers(4, 4, 3, 3, seed=1) / 4}
    return model_of(nodes, weights, "encoded", **settings)


@pytest.fixture
def saved(tmp_path: Path) -> Callable[[Any], Path]:
    def save(model: Any, name: str = "model.onnx") -> Path:
        (tmp_path / name).write_bytes(model.SerializeToString())
        return tmp_path / name

    return save


def alone(model: Any, images: np.ndarray) -> np.ndarray:
    """The output as onnxruntime alone gives it, channels first."""
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {"photo": np.ascontiguousarray(images.transpose(0, 3, 1, 2))})[0]


def images(count: int = 1, side: int = SIDE, channels: int = 3) -> np.ndarray:
    return np.random.default_rng(5).uniform(size=(count, side, side, channels)).astype(np.float32)


# What is computed


def test_every_layer_is_what_the_graph_computes(saved):
    encoder = saccade.Encoder(open_model(saved(encoder_graph())))
    assert list(encoder.layers) == ["c1", "e1", "p1", "c2", "sum", "t", "encoded"]
    assert (encoder.layer, encoder.layers["encoded"].shape) == ("encoded", (8, 8, 4))
    values = Questions(encoder.engine).activations(images(2), ["c1", "e1", "encoded"])
    np.testing.assert_allclose(values["encoded"], alone(encoder_graph(), images(2)).transpose(0, 2, 3, 1), atol=1e-6)
    padded = np.pad(images(2), ((0, 0), (1, 1), (1, 1), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(1, 2))
    formula = np.einsum("nhwcij,ocij->nhwo", windows, numbers(4, 3, 3, 3) / 3) + numbers(4)
    np.testing.assert_allclose(values["c1"], formula, atol=1e-5)
    np.testing.assert_allclose(values["e1"], np.where(formula > 0, formula, np.expm1(formula)), atol=1e-5)


def exported(folder: Path, net: Any, side: int = SIDE, **settings: Any) -> Path:
    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's own
        torch.onnx.export(net, (torch.zeros(2, 3, side, side),), folder / "net.onnx", verbose=False, **settings)
    return folder / "net.onnx"


def test_a_net_exported_by_torch_gives_its_layers_and_its_places(tmp_path):
    import torch

    torch.manual_seed(0)
    net = torch.nn.Sequential(
        torch.nn.Conv2d(3, 6, 3, stride=2, padding=1),
        torch.nn.BatchNorm2d(6),
        torch.nn.SiLU(),
        torch.nn.Upsample(scale_factor=2, mode="bilinear"),
        torch.nn.MaxPool2d(3, 2, 1),
        torch.nn.Conv2d(6, 5, 1),
        torch.nn.Hardswish(),
        torch.nn.AdaptiveAvgPool2d(1),
        torch.nn.Flatten(),
        torch.nn.Linear(5, 4),
    ).eval()
    path = exported(tmp_path, net, dynamic_shapes=({0: torch.export.Dim("batch")},))
    assert (tmp_path / "net.onnx.data").is_file()  # its weights lie beside it
    encoder, live = saccade.load(path), saccade.Encoder(net, input_shape=(SIDE, SIDE, 3))
    assert (encoder.layer_reason, encoder.layers[encoder.layer].shape) == ("the model's output", (4,))
    np.testing.assert_allclose(encoder.codes(images(3)), live.codes(images(3)), atol=1e-5)
    pairs = {"MaxPool": "4", "HardSwish": "6"}
    kinds = {layer.kind: path for path, layer in encoder.layers.items()}
    flow, own = encoder.dataflow(SIDE, SIDE), live.dataflow(SIDE, SIDE)
    for kind, name in pairs.items():
        values = Questions(encoder.engine).activations(images(2), [kinds[kind]])[kinds[kind]]
        np.testing.assert_allclose(values, Questions(live.engine).activations(images(2), [name])[name], atol=1e-5)
        for start in range(0, SIDE, 3):
            hole = (start, start + 4)
            assert flow.footprint(kinds[kind], 0, hole) == own.footprint(name, 0, hole)


def test_tokens_of_a_transformer_have_the_places_of_their_patches(tmp_path):
    import torch

    class Tokens(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.patches = torch.nn.Conv2d(3, 8, 8, stride=8)
            self.token = torch.nn.Parameter(torch.randn(1, 1, 8))
            self.block = torch.nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)

        def forward(self, images):
            tokens = self.patches(images).flatten(2).transpose(1, 2)
            return self.block(torch.cat([self.token.expand(len(tokens), -1, -1), tokens], 1))

    torch.manual_seed(0)
    path = exported(tmp_path, Tokens().eval(), dynamic_shapes=({0: torch.export.Dim("batch")},))
    encoder = saccade.load(path)
    assert encoder.layers[encoder.layer].shape == (17, 8)
    places = encoder.places(encoder.layer, SIDE, SIDE)
    assert (places.rows, places.columns, places.prefix) == (4, 4, 1)
    # Heads, queries and keys have four axes, and are no map.
    assert [layer.kind for layer in encoder.layers.values() if len(layer.shape) == 3] == ["Conv"]


# Places


def _bare(operator: str, reads: str = "c", **settings: Any) -> list[Any]:
    return [node("Conv", "photo k", "c", pads=[1, 1, 1, 1]), node(operator, reads, "out", **settings)]


K = {"k": numbers(4, 3, 3, 3) / 3}


def _ints(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


def _resize(mode: str, factor: float, version: int = 18, **settings: Any) -> Any:
    weights = {**K, "scales": np.array([1, 1, factor, factor], np.float32)}
    reads = "c scales" if version < 11 else "c  scales"
    own = helper.make_node("Resize", reads.split(" "), ["out"], mode=mode, **settings)
    return model_of([_bare("Relu")[0], own], weights, "out", version=version)


LOCAL: dict[str, Any] = {
    "strided": model_of([node("Conv", "photo k", "out", strides=[3, 2], pads=[2, 1, 0, 1])], K, "out"),
    "dilated": model_of([node("Conv", "photo k", "out", dilations=[2, 3], pads=[2, 3, 2, 3])], K, "out"),
    "same upper": model_of([node("Conv", "photo k", "out", strides=[2, 2], auto_pad="SAME_UPPER")], K, "out"),
    "same lower": model_of([node("Conv", "photo k", "out", strides=[2, 2], auto_pad="SAME_LOWER")], K, "out"),
    "transposed": model_of(
        _bare("ConvTranspose", "c w", strides=[2, 2], pads=[1, 1, 0, 0]), {**K, "w": numbers(4, 2, 3, 3)}, "out"
    ),
    "transposed to a shape": model_of(
        _bare("ConvTranspose", "c w", strides=[2, 2], output_shape=[63, 63]), {**K, "w": numbers(4, 2, 3, 3)}, "out"
    ),
    "max pooling": model_of(
        _bare("MaxPool", kernel_shape=[3, 2], strides=[2, 3], pads=[1, 0, 1, 1], ceil_mode=1), K, "out"
    ),
    "max pooling without strides": model_of(_bare("MaxPool", kernel_shape=[3, 3]), K, "out"),
    "average pooling": model_of(_bare("AveragePool", kernel_shape=[4, 4], strides=[4, 4]), K, "out"),
    "batch normalisation": model_of(
        _bare("BatchNormalization", "c s s s s"), {**K, "s": np.full(4, 0.5, np.float32)}, "out"
    ),
    "to depth": model_of(_bare("SpaceToDepth", blocksize=4), K, "out"),
    "from depth": model_of(_bare("DepthToSpace", blocksize=2), K, "out"),
    "sliced": model_of(
        _bare("Slice", "c starts ends axes steps"),
        {**K, "starts": _ints(3, 1), "ends": _ints(30, 10**9), "axes": _ints(2, 3), "steps": _ints(2, 3)},
        "out",
    ),
    "padded": model_of(_bare("Pad", "c pads"), {**K, "pads": _ints(0, 0, 3, 1, 0, 0, 0, 2)}, "out"),
    "mirrored": model_of(_bare("Pad", "c pads", mode="reflect"), {**K, "pads": _ints(0, 0, 3, 1, 0, 0, 0, 2)}, "out"),
    "edge": model_of(_bare("Pad", "c pads", mode="edge"), {**K, "pads": _ints(0, 0, 3, 1, 0, 0, 0, 2)}, "out"),
    "dense along channels": model_of(
        [
            *_bare("Transpose", perm=[0, 2, 3, 1]),
            node("MatMul", "out w", "m"),
            node("Softmax", "m", "s", axis=-1),
            node("Transpose", "s", "back", perm=[0, 3, 1, 2]),
        ],
        {**K, "w": numbers(4, 5)},
        "back",
    ),
    "joined and split": model_of(
        [
            *_bare("Split", num_outputs=2)[:1],
            helper.make_node("Split", ["c"], ["one", "two"], axis=1, num_outputs=2),
            node("MaxPool", "two", "pooled", kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
            node("Concat", "one pooled", "out", axis=1),
        ],
        K,
        "out",
    ),
    "nearest": _resize("nearest", 2, coordinate_transformation_mode="asymmetric", nearest_mode="floor"),
    "nearest, half a pixel": _resize("nearest", 3),
    "nearest, broken": _resize("nearest", 1.7),
    "nearest, ceiling": _resize("nearest", 0.4, coordinate_transformation_mode="asymmetric", nearest_mode="ceil"),
    "nearest, align corners": _resize("nearest", 2, coordinate_transformation_mode="align_corners"),
    "linear": _resize("linear", 2),
    "linear, smaller": _resize("linear", 0.6),
    "linear, align corners": _resize("linear", 2, coordinate_transformation_mode="align_corners"),
    "cubic": _resize("cubic", 2),
    "old resize": _resize("linear", 2, version=10),
}
GLOBAL = {
    "global pooling": model_of(_bare("GlobalAveragePool"), K, "out"),
    "instance normalisation": model_of(
        _bare("InstanceNormalization", "c s s"), {**K, "s": np.ones(4, np.float32)}, "out"
    ),
    "softmax over rows": model_of(_bare("Softmax", axis=2), K, "out"),
    "gate": model_of(
        [*_bare("GlobalAveragePool"), node("Sigmoid", "out", "gate"), node("Mul", "c gate", "gated")], K, "gated"
    ),
    "reversed": model_of(
        _bare("Slice", "c starts ends axes steps"),
        {**K, "starts": _ints(-1), "ends": _ints(-(2**62)), "axes": _ints(2), "steps": _ints(-1)},
        "out",
    ),
}


def changes(model: Any, axis: int) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """For holes over whole rows (columns): the hole, and the rows (columns) of the result that change."""
    before = images()
    plain, moves = alone(model, before), []
    for start in range(SIDE - 2):
        hole = before.copy()
        np.moveaxis(hole, 1 + axis, 0)[start : start + 3] += 3 + np.arange(3)[:, None, None, None]
        changed = np.abs(alone(model, hole) - plain).max(axis=(0, 1, 3 - axis)) > 1e-5
        places = np.flatnonzero(changed)
        if len(places):
            moves.append(((start, start + 3), (int(places[0]), int(places[-1]) + 1)))
    return moves


@pytest.mark.parametrize("name", [*LOCAL, *GLOBAL])
def test_a_hole_reaches_the_cells_that_it_is_said_to_reach(name, saved):
    model = {**LOCAL, **GLOBAL}[name]
    network = open_model(saved(model))
    flow = network.dataflow(SIDE, SIDE)
    for axis in (0, 1):
        spare = []
        for hole, (first, last) in changes(model, axis):
            low, high = flow.footprint(network.output, axis, hole)
            assert low <= first
            assert high >= last
            spare.append((first - low) + (high - last))
        # A maximum may hide a change, and a mirrored edge is followed as an interval.
        if name in LOCAL and name != "transposed to a shape":
            assert np.median(spare) <= 1, spare


def turned_round(model: Any, batch: Any) -> Any:
    """The same model for images that have their channels last."""
    turned = onnx.ModelProto()
    turned.CopyFrom(model)
    del turned.graph.node[:]
    turned.graph.node.extend([node("Transpose", "photo", "turned", perm=[0, 3, 1, 2]), *model.graph.node])
    turned.graph.node[1].input[0] = "turned"
    turned.graph.input[0].CopyFrom(helper.make_tensor_value_info("photo", TensorProto.FLOAT, (batch, SIDE, SIDE, 3)))
    return turned


@pytest.mark.parametrize("batch", ["batch", 1])
@pytest.mark.parametrize("layout", ["channels first", "channels last"])
def test_occlusion_is_what_single_holes_give(saved, batch, layout):
    model = encoder_graph(image=(batch, 3, SIDE, SIDE))
    path = saved(model if layout == "channels first" else turned_round(model, batch))
    encoder = saccade.load(path, value_range=(0, 1))
    assert encoder.network.input_shape == (SIDE, SIDE, 3)
    assert encoder.network.fixed_batch == (None if batch == "batch" else 1)
    photo = images()
    attribution = saccade.explain(encoder, photo, method="occlusion", patch=8, stride=8, filler="grey", low_pass=0)
    assert attribution.settings["passes"] < attribution.settings["holes"]
    code = alone(model, photo)
    shares = np.zeros((4, 4))
    for row in range(4):
        for column in range(4):
            hole = photo.copy()
            hole[:, row * 8 : row * 8 + 8, column * 8 : column * 8 + 8] = 0.5
            shares[row, column] = ((alone(model, hole) - code) ** 2).sum()
    np.testing.assert_allclose(attribution.raw[0], shares / (code**2).sum(), rtol=1e-4)


# What it is fed with


def test_sizes_that_are_free_stay_free_and_sides_that_are_not_are_found(saved):
    free = open_model(saved(encoder_graph(image=("batch", 3, "height", "width"))))
    assert free.input_shape == (None, None, 3)
    assert free.layers["encoded"].shape == (None, None, 4)
    encoder = saccade.Encoder(free, value_range=(0, 1))
    assert encoder.codes(images(1, 48)).shape == (1, 12, 12, 4)
    nodes = [*encoder_graph().graph.node, node("Flatten", "encoded", "flat"), node("Gemm", "flat w", "code")]
    weights = {tensor.name: numpy_helper.to_array(tensor) for tensor in encoder_graph().graph.initializer}
    weights["w"] = numbers(16 * 16 * 4, 5)
    fixed = open_model(saved(model_of(nodes, weights, "code", image=("batch", 3, "height", "width"))))
    assert fixed.input_shape == (64, 64, 3)


def test_a_batch_that_is_fixed_inside_is_found(saved):
    nodes = [*encoder_graph().graph.node, node("Reshape", "encoded one", "code")]
    weights = {tensor.name: numpy_helper.to_array(tensor) for tensor in encoder_graph().graph.initializer}
    weights["one"] = np.array([1, 256], np.int64)
    network = open_model(saved(model_of(nodes, weights, "code")))
    assert network.fixed_batch == 1
    assert network.layers["code"].shape == (256,)


def test_half_precision_is_computed(saved):
    weights = {"k": numbers(4, 3, 3, 3).astype(np.float16)}
    encoder = saccade.load(
        saved(model_of([node("Conv", "photo k", "out")], weights, "out", number_type=TensorProto.FLOAT16)),
        value_range=(0, 1),
    )
    full = model_of([node("Conv", "photo k", "out")], {"k": weights["k"].astype(np.float32)}, "out")
    codes = encoder.codes(images(2))
    assert codes.dtype == np.float32
    np.testing.assert_allclose(codes, alone(full, images(2)).transpose(0, 2, 3, 1), atol=0.02)


def test_what_the_graph_does_with_brightness_is_measured(saved):
    nodes = [
        node("Div", "photo scale", "scaled"),
        node("Sub", "scaled half", "centred"),
        node("Conv", "centred k", "out"),
    ]
    weights = {"scale": np.float32(127.5) * np.ones(1, np.float32), "half": np.ones(1, np.float32), "k": K["k"]}
    assert saccade.load(saved(model_of(nodes, weights, "out"))).value_range == (0.0, 255.0)


def test_mean_and_spread_come_before_the_graph(saved):
    encoder = saccade.load(saved(encoder_graph()), normalize="imagenet")
    mean, spread = np.float32([0.485, 0.456, 0.406]), np.float32([0.229, 0.224, 0.225])
    codes = alone(encoder_graph(), (images() - mean) / spread).transpose(0, 2, 3, 1)
    np.testing.assert_allclose(encoder.codes(images()), codes, atol=1e-5)


# What it cannot do, and what is refused


def test_questions_for_gradients_are_refused_before_anything_is_computed(saved, monkeypatch):
    encoder = saccade.load(saved(encoder_graph()), value_range=(0, 1))
    monkeypatch.setattr(encoder.network, "run", lambda *_: pytest.fail("computed"))
    for name in ("saliency", "grad_cam", "integrated_gradients"):
        with pytest.raises(NotApplicable, match="occlusion") as refusal:
            saccade.explain(encoder, images(), method=name)
        assert name in str(refusal.value)


@pytest.mark.parametrize("method", ["activation_energy", "eigen_cam", "relax", "sobol"])
def test_methods_that_need_no_gradients_answer(saved, method):
    encoder = saccade.load(saved(encoder_graph()), value_range=(0, 1))
    settings = {"masks": 16} if method == "relax" else {}
    heatmap = saccade.explain(encoder, images(), method=method, **settings).heatmap
    assert heatmap.shape == (1, SIDE, SIDE)
    assert np.ptp(heatmap) > 0


def test_the_weights_of_a_graph_cannot_be_changed_by_mistake(saved):
    network = open_model(saved(encoder_graph()))
    assert [name for name, _ in network.weights()] == ["k1", "b1", "k2"]
    with pytest.raises(ValueError, match="read-only"):
        network.weights()[0][1][:] = 0


def refused(path: Path, kind: type[Exception], *parts: str) -> None:
    with pytest.raises(kind) as refusal:
        open_model(path)
    text = str(refusal.value)
    assert path.name in text
    assert len(text) < 400
    assert "\n" not in text
    for part in parts:
        assert part in text, text


def test_damaged_files_are_refused_in_one_line(saved, tmp_path):
    whole = encoder_graph().SerializeToString()
    path = tmp_path / "model.onnx"
    for cut in (1, 2, 7, 40, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:cut])
        refused(path, FileError, "damaged")
    for name in (b"net", b"encoded", b"photo", b"k1"):
        path.write_bytes(whole.replace(name, b"\xd5" * len(name)))
        refused(path, FileError, "damaged")
    generator = np.random.default_rng(0)
    for _ in range(60):
        noisy = bytearray(whole)
        for place in generator.integers(0, len(whole), 4):
            noisy[place] = generator.integers(256)
        path.write_bytes(bytes(noisy))
        with contextlib.suppress(InputError):  # anything else fails the test
            assert open_model(path).layers


def test_a_file_is_known_by_what_it_holds(saved):
    path = saved(encoder_graph(), "model.bin")
    assert open_model(path).output == "encoded"
    path.write_bytes(b"no model at all")
    with pytest.raises(InputError):
        open_model(path)


def test_operators_of_others_are_refused_also_inside_graphs_and_functions(saved):
    own = node("Magic", "photo", "out", domain="com.example")
    refused(saved(model_of([own], {}, "out", domains=("com.example",))), ModelError, "com.example.Magic", "export")
    inner = helper.make_graph(
        [node("Magic", "", "x", domain="com.example")], "inner", [], [onnx.ValueInfoProto(name="x")]
    )
    branch = node("If", "yes", "out", then_branch=inner, else_branch=inner)
    weights = {"yes": np.array(True)}
    refused(saved(model_of([branch], weights, "out", domains=("com.example",))), ModelError, "com.example.Magic")


def function(name: str, nodes: list[Any]) -> Any:
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("own", 1)]
    return helper.make_function("own", name, ["x"], ["y"], nodes, opsets)


def with_functions(*functions: Any) -> Any:
    model = model_of(
        [node("Conv", "photo k", "c"), node("first", "c", "out", domain="own")], K, "out", domains=("own",)
    )
    model.functions.extend(functions)
    return model


def test_functions_of_the_file_are_written_out(saved):
    network = open_model(saved(with_functions(function("first", [node("Relu", "x", "y")]))))
    assert network.layers[network.output].kind == "ReLU"


def test_functions_without_end_are_refused(saved):
    own = with_functions(function("first", [node("first", "x", "y", domain="own")]))
    refused(saved(own), FileError, "calls itself")
    doubling = [
        function(name, [node(after, "x", "m", domain="own"), node(after, "m", "y", domain="own")])
        for name, after in zip(["first", *map(str, range(29))], map(str, range(30)), strict=True)
    ]
    refused(saved(with_functions(*doubling, function("29", [node("Relu", "x", "y")]))), FileError, "operators")


@pytest.mark.parametrize(
    ("turns", "says"),
    [(2**62, "its loop 'out' may never end"), (10_000, "more than 10,000,000 operators"), (3, "")],
)
def test_loops_without_end_are_refused(saved, turns, says):
    def looped(reads: str, gives: str, inner: Callable[[str], list[Any]]) -> Any:
        own = [(f"{gives} {name}", kind, shape) for name, kind, shape in _CARRIED]
        results = [
            helper.make_tensor_value_info(f"{gives} {name}", kind, None) for name, kind in (("on", 9), ("new", 1))
        ]
        nodes = [helper.make_node("Identity", [own[1][0]], [f"{gives} on"]), *inner(own[2][0])]
        body = helper.make_graph(nodes, "body", [helper.make_tensor_value_info(*each) for each in own], results)
        return helper.make_node("Loop", ["turns", "yes", reads], [gives], body=body)

    def twice(before: str) -> list[Any]:
        return [looped(before, "out new", lambda inner: [helper.make_node("Relu", [inner], ["out new new"])])]

    weights = {**K, "turns": np.array(turns), "yes": np.array(True)}
    path = saved(model_of([node("Conv", "photo k", "c"), looped("c", "out", twice)], weights, "out"))
    if says:
        refused(path, ModelError, says)
    else:
        assert open_model(path).output == "out"


_CARRIED = (("turn", TensorProto.INT64, []), ("going", TensorProto.BOOL, []), ("before", TensorProto.FLOAT, None))


def test_what_onnxruntime_says_is_said_plainly(saved):
    nodes = [
        node("Conv", "photo k", "c"),
        node("Shape", "c", "s"),
        node("Sub", "s s", "zero"),
        node("Mod", "s zero", "q"),
        node("Cast", "q", "f", to=TensorProto.FLOAT),
        node("ReduceSum", "f", "z", keepdims=0),
        node("Add", "c z", "out"),
    ]
    refused(saved(model_of(nodes, K, "out")), ModelError, "its Mod fails. Integer modulo by zero")


def outside(location: str, **entries: str) -> Any:
    model = encoder_graph()
    tensor = model.graph.initializer[0]
    onnx.external_data_helper.set_external_data(tensor, location)
    for key, value in entries.items():
        tensor.external_data.add(key=key, value=value)
    tensor.ClearField("raw_data")
    return model


def test_weights_are_read_from_the_models_own_folder_only(saved, tmp_path):
    data = (numbers(4, 3, 3, 3) / 3).tobytes()
    (tmp_path / "inside").mkdir()
    (tmp_path / "secret.bin").write_bytes(data)
    (tmp_path / "inside" / "link.bin").symlink_to(tmp_path / "secret.bin")
    places = (
        "../secret.bin",
        str(tmp_path / "secret.bin"),
        "a/../../secret.bin",
        "C:\\secret.bin",
        "..\\secret.bin",
        "link.bin",
        "",
    )
    for location in places:
        refused(saved(outside(location), "inside/model.onnx"), FileError, "folder")
    refused(saved(outside("weights.bin")), FileError, "missing", "weights.bin")
    (tmp_path / "weights.bin").write_bytes(data[:-1])
    refused(saved(outside("weights.bin")), FileError, "cut off")
    (tmp_path / "weights.bin").write_bytes(data)
    for entries in ({"offset": "-4"}, {"offset": "x"}, {"length": "99999999999"}):
        refused(saved(outside("weights.bin", **entries)), FileError, "makes no sense")
    refused(saved(outside("weights.bin", offset="99999999999")), FileError, "cut off")
    np.testing.assert_array_equal(
        dict(open_model(saved(outside("weights.bin"))).weights())["k1"], numbers(4, 3, 3, 3) / 3
    )


def test_what_takes_no_images_is_refused(saved):
    flat = model_of([node("Relu", "photo", "out")], {}, "out", image=("batch", 10))
    refused(saved(flat), ModelError, "four axes")
    whole = model_of([node("Relu", "photo", "out")], {}, "out", number_type=TensorProto.INT32)
    refused(saved(whole), ModelError, "INT32")
    two = encoder_graph()
    two.graph.input.append(helper.make_tensor_value_info("more", TensorProto.FLOAT, (1, 3)))
    refused(saved(two), ModelError, "2 inputs", "more")


def test_results_that_fill_the_memory_are_refused(saved):
    nodes = [node("ConstantOfShape", "huge", "zeros"), node("Add", "photo zeros", "out")]
    model = model_of(nodes, {"huge": np.array([1, 3, 2**20, 2**20], np.int64)}, "photo")
    model.graph.output[0].name = "out"
    refused(saved(model), ModelError, "numbers")


def square_of_zeros(side: str) -> list[Any]:
    """Zeros of a size that only shows when it runs, whose mean is added to the photo."""
    return [
        node("Concat", f"{side} {side}", "sides", axis=0),
        node("ConstantOfShape", "sides", "zeros"),
        node("ReduceMean", "zeros", "mean", keepdims=0),
        node("Add", "photo mean", "out"),
    ]


def test_a_size_that_depends_on_pixels_is_bounded(saved):
    nodes = [
        node("ReduceMax", "photo", "whitest", keepdims=1),
        node("Reshape", "whitest one", "single"),
        node("Mul", "single side", "scaled"),
        node("Cast", "scaled", "whole", to=TensorProto.INT64),
        *square_of_zeros("whole"),
    ]
    weights = {"one": np.array([1], np.int64), "side": np.array([40_000], np.float32)}
    network = open_model(saved(model_of(nodes, weights, "out")))
    assert network.run(images(1, SIDE) * 0, ["out"])["out"].shape == (1, SIDE, SIDE, 3)
    for count in (1, 2):
        with pytest.raises(ModelError, match="more memory than there is"):  # 6.4 GB
            network.run(images(count, SIDE) * 0 + 1, ["out"])


def test_onnxruntime_is_quoted_without_its_own_source(saved):
    pooled = model_of([node("MaxPool", "photo", "out", kernel_shape=[10**6, 10**6])], {}, "out")
    refused(saved(pooled), ModelError, "its MaxPool fails. out_size >= 0 was false. Calculated output dimension is")


def test_a_size_that_is_computed_is_bounded(saved):
    nodes = [node("ReduceProd", "factors", "side", keepdims=1), *square_of_zeros("side")]
    path = saved(model_of(nodes, {"factors": np.array([200, 200], np.int64)}, "out"))
    refused(path, ModelError, "more memory than there is")


def test_a_size_that_the_file_only_claims_is_bounded(saved):
    nodes = [node("ReduceProd", "factors", "side", keepdims=1), *square_of_zeros("side")]
    model = model_of(nodes, {"factors": np.array([200, 200], np.int64)}, "out")
    for name, shape in (("side", [1]), ("sides", [2]), ("zeros", [3, 3]), ("mean", [])):
        kind = TensorProto.INT64 if name.startswith("side") else TensorProto.FLOAT
        model.graph.value_info.append(helper.make_tensor_value_info(name, kind, shape))
    refused(saved(model), ModelError, "more memory than there is")


def test_sizes_that_can_be_told_are_no_less_than_what_is_there_at_once():
    nodes = [node("Relu", "photo", "a"), node("Concat", "a a", "b", axis=1), node("ReduceMean", "b", "out", keepdims=0)]
    assert bytes_told(model_of(nodes, {}, "out")) >= (3 + 6) * SIDE * SIDE * 4
    nodes[2] = node("NonZero", "b", "out")
    assert bytes_told(model_of(nodes, {}, "out")) is None


@pytest.mark.parametrize("divisor", [-1, None])
def test_whole_numbers_are_not_divided_by_what_may_end_the_process(saved, divisor):
    # The smallest whole number by -1.
    nodes = [
        node("Cast", "photo", "whole", to=TensorProto.INT64),
        node("Div", "smallest whole" if divisor is None else "whole divisor", "ratio"),
        node("Cast", "ratio", "out", to=TensorProto.FLOAT),
    ]
    weights = {"smallest": np.array([-(2**63)], np.int64), "divisor": np.array([divisor or 2], np.int64)}
    refused(saved(model_of(nodes, weights, "out")), ModelError, "divides whole numbers by")


def test_other_divisions_are_computed(saved):
    nodes = [
        node("Cast", "photo", "whole", to=TensorProto.INT64),
        node("Div", "whole two", "half"),
        node("Cast", "half", "halved", to=TensorProto.FLOAT),
        node("Div", "photo photo", "ones"),
        node("Add", "halved ones", "out"),
    ]
    network = open_model(saved(model_of(nodes, {"two": np.array([2], np.int64)}, "out")))
    photo = images(1, SIDE) * 10 + 1
    np.testing.assert_array_equal(network.run(photo, ["out"])["out"], photo.astype(int) // 2 + 1)


def test_another_device_is_refused(saved):
    path = saved(encoder_graph())
    assert open_model(path, device="cpu").output == "encoded"
    with pytest.raises(InputError, match="processor"):
        open_model(path, device="cuda")


# The command line


def test_from_the_command_line(saved, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    saved(encoder_graph())
    Image.fromarray((images(1, 40)[0] * 255).astype(np.uint8)).save("photo.png")
    assert main(["explain", "model.onnx", "photo.png", "--value-range", "0,1", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert "occlusion" in json.dumps(answer)
    assert list(tmp_path.rglob("*.png")) != [tmp_path / "photo.png"]
    assert main(["layers", "model.onnx"]) == 0
    assert "encoded" in capsys.readouterr().out
    assert main(["explain", "model.onnx", "photo.png", "--method", "saliency"]) == 2
    assert "occlusion" in capsys.readouterr().err
