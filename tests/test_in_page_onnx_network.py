"""ONNX graphs in a page: their data compute what onnxruntime computes, by a naive interpreter."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from plain_networks import interpreted

import saccade
from saccade.errors import NotApplicable
from saccade.report.in_page_network import in_page_network

DRAW = np.random.default_rng(0)


def node(operator: str, reads: str, gives: str, **settings: Any) -> Any:
    return helper.make_node(operator, ["" if name == "-" else name for name in reads.split()], [gives], **settings)


def weights(*shape: int) -> np.ndarray:
    return (DRAW.normal(size=shape) / np.sqrt(max(np.prod(shape[1:]), 1))).astype(np.float32)


def saved(path: Path, nodes: list[Any], output: str, stored: dict[str, np.ndarray], sides: tuple[int, int]) -> Path:
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info("photo", TensorProto.FLOAT, ("n", 3, *sides))],
        [onnx.ValueInfoProto(name=output, type=helper.make_tensor_type_proto(TensorProto.FLOAT, None))],
        [numpy_helper.from_array(values, name) for name, values in stored.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)
    onnx.save(onnx.shape_inference.infer_shapes(model), path)
    return path


def processing(path: Path) -> Path:
    nodes = [
        node("Sub", "photo mean", "less"),
        node("Div", "less spread", "even"),
        node("Pad", "even pads", "framed"),
        node("Conv", "framed w1", "c1", strides=[2, 1], pads=[1, 2, 0, 1]),
        node("BatchNormalization", "c1 gain offset centre variance", "b1"),
        node("LeakyRelu", "b1", "r1", alpha=0.2),
        node("Conv", "r1 w2 bias8", "c2", group=8, dilations=[2, 2], pads=[2, 2, 2, 2]),
        node("Clip", "c2 zero six", "r2"),
        node("Conv", "r2 w3", "c3", group=4),
        node("Elu", "c3", "r3", alpha=0.7),
        node("MaxPool", "r3", "p1", kernel_shape=[3, 3], strides=[2, 2], auto_pad="SAME_UPPER"),
        node("AveragePool", "p1", "p2", kernel_shape=[2, 2], pads=[1, 1, 0, 0], count_include_pad=1),
        node("ConvTranspose", "p2 w4 bias6", "t1", strides=[2, 2], pads=[1, 1, 1, 1], output_padding=[1, 1]),
        node("HardSigmoid", "t1", "r4", alpha=0.3, beta=0.4),
        node("Resize", "r4 - factors", "u1", coordinate_transformation_mode="asymmetric", nearest_mode="floor"),
        node("Conv", "u1 w5", "c5", auto_pad="SAME_UPPER"),
        node("Selu", "c5", "r5"),
        node("Resize", "r5 - factors", "u2", mode="linear"),
        node("Gelu", "u2", "code"),
    ]  # fmt: skip
    stored = {
        "mean": np.float32([0.5, 0.4, 0.3]).reshape(3, 1, 1), "spread": np.float32([0.2, 0.3, 0.4]).reshape(1, 3, 1, 1),
        "pads": np.int64([0, 0, 1, 0, 0, 0, 0, 2]), "w1": weights(8, 3, 3, 3), "gain": weights(8), "offset": weights(8),
        "centre": weights(8), "variance": DRAW.uniform(0.5, 1.5, 8).astype(np.float32), "w2": weights(8, 1, 3, 3),
        "bias8": weights(8), "zero": np.float32(0), "six": np.float32(6), "w3": weights(8, 2, 1, 1),
        "w4": weights(8, 6, 3, 3), "bias6": weights(6), "factors": np.float32([1, 1, 2, 3]), "w5": weights(4, 6, 3, 3),
    }  # fmt: skip
    return saved(path, nodes, "code", stored, (18, 15))


def branching(path: Path) -> Path:
    nodes = [
        node("Conv", "photo w1", "c1", auto_pad="SAME_UPPER"),
        node("Softplus", "c1", "r1"),
        node("Add", "c1 r1", "sum"),
        node("GlobalAveragePool", "sum", "g1"),
        node("Conv", "g1 w2", "g2"),
        node("Sigmoid", "g2", "gate"),
        node("Mul", "sum gate", "gated"),
        node("Sub", "two gated", "turned"),
        node("Max", "gated turned", "most"),
        node("Concat", "most sum", "both", axis=1),
        node("ReduceMean", "both axes", "mean", keepdims=0),
        node("MaxPool", "both", "p1", kernel_shape=[4, 4], strides=[4, 4]),
        node("Flatten", "p1", "flat"),
        node("Gemm", "flat w3 bias", "dense", transB=1, alpha=0.5, beta=2.0),
        node("Tanh", "dense", "r2"),
        node("Concat", "r2 mean", "joined", axis=1),
        node("MatMul", "joined w4", "m1"),
        node("Reshape", "m1 shape", "grid"),
        node("HardSwish", "grid", "r3"),
        node("Conv", "r3 w5", "c5"),
        node("Squeeze", "c5 axes", "line"),
        node("Softmax", "line", "code", axis=-1),
    ]
    stored = {
        "w1": weights(4, 3, 3, 3), "w2": weights(4, 4, 1, 1), "two": np.float32([2]), "axes": np.int64([2, 3]),
        "w3": weights(5, 72), "bias": weights(5), "w4": weights(13, 18), "shape": np.int64([-1, 2, 3, 3]),
        "w5": weights(6, 2, 3, 3),
    }  # fmt: skip
    return saved(path, nodes, "code", stored, (12, 12))


def redrawing(path: Path) -> Path:
    nodes = [
        node("Conv", "photo w1", "c1", auto_pad="SAME_UPPER"),
        node("Relu", "c1", "r1"),
        node("MaxPool", "r1", "code", kernel_shape=[2, 2], strides=[2, 2]),
        node("Resize", "code - factors", "u1", mode="nearest"),
        node("Conv", "u1 w2", "redrawn", auto_pad="SAME_UPPER"),
    ]
    stored = {"w1": weights(4, 3, 3, 3), "w2": weights(3, 4, 3, 3), "factors": np.float32([1, 1, 2, 2])}
    return saved(path, nodes, "redrawn", stored, (8, 8))


@pytest.mark.parametrize(
    ("make", "sides", "normalize"),
    [
        (processing, (18, 15), "none"),
        (branching, (12, 12), "none"),
        (redrawing, (8, 8), "none"),
        (redrawing, (8, 8), "imagenet"),
    ],
)
def test_the_data_compute_what_onnxruntime_computes(
    make: Any, sides: tuple[int, int], normalize: str, tmp_path: Path
) -> None:
    encoder = saccade.load(make(tmp_path / "net.onnx"), layer="code", value_range=(0.0, 1.0), normalize=normalize)
    images = np.random.default_rng(7).random((1, *sides, 3), np.float32)
    network = json.loads(json.dumps(in_page_network(encoder, *sides)))
    values = interpreted(network, images[0])
    paths = {"code": encoder.layer} | ({"redrawn": encoder.network.output} if encoder.is_autoencoder else {})
    for part, path in paths.items():
        expected = encoder.activations(images, [path])[path].ravel()
        assert np.abs(values[network[part]].ravel() - expected).max() < 2e-3 * np.abs(expected).max(), part
    assert ("redrawn" in paths) == (network["redrawn"] is not None)


@pytest.mark.parametrize(
    ("operator", "reason"),
    [
        (node("Sin", "c1", "x"), "'x' is a Sin, which a page cannot compute"),
        (node("DepthToSpace", "c1", "x", blocksize=2), "'x' is a DepthToSpace"),
        (node("Resize", "c1 - factors", "x", mode="cubic"), "a factor that is not whole, or between other places"),
        (node("Softmax", "c1", "x", axis=3), "over other axes than the channels"),
        (node("Add", "c1 places", "x"), "a constant that differs from place to place"),
    ],
)
def test_an_operator_that_a_page_cannot_compute_is_named(operator: Any, reason: str, tmp_path: Path) -> None:
    nodes = [node("Conv", "photo w1", "c1", auto_pad="SAME_UPPER"), operator, node("Relu", "x", "code")]
    stored = {"w1": weights(4, 3, 3, 3), "factors": np.float32([1, 1, 2, 2]), "places": weights(8, 8)}
    path = saved(tmp_path / "net.onnx", nodes, "code", stored, (8, 8))
    encoder = saccade.load(path, layer="code", value_range=(0.0, 1.0), normalize="none")
    with pytest.raises(NotApplicable, match=reason):
        in_page_network(encoder, 8, 8)
