"""How large may be what the graph of a SavedModel makes?

A few operations give as many numbers as one of their inputs says. Without trust that must follow from constants and
from the shapes of tensors: what depends on pixels or on variables could ask for all the memory that there is. Others
grow by combining what they are given (a column with a row): the shapes that they have for an image of one size are
looked at before it is computed, and what TensorFlow cannot infer of them must not be able to grow.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from itertools import combinations
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from saccade.errors import ModelError
from saccade.models.messages import plain_sentence, shortened

_Value = TypeVar("_Value")

_MOST_NUMBERS = 2**27
"""What an operation may give; every side of a tensor counts as"""
_USUAL_SIDE = 16.0
_LARGEST_CONSTANT = 4096
"""Numbers of a constant that says a size."""
_MOST_STEPS = 200
"""How many operations may lead to a size."""


def _each(names: str, value: _Value) -> dict[str, _Value]:
    return dict.fromkeys(names.split(), value)


_SIZE_INPUTS: Mapping[str, tuple[int, ...]] = {
    **_each(
        "Fill RandomStandardNormal RandomUniform RandomUniformInt TruncatedNormal RandomGamma "
        "StatelessRandomNormal StatelessRandomNormalV2 StatelessRandomUniform StatelessRandomUniformV2 "
        "StatelessRandomUniformInt StatelessRandomUniformIntV2 StatelessRandomUniformFullInt "
        "StatelessRandomUniformFullIntV2 StatelessTruncatedNormal StatelessTruncatedNormalV2 "
        "Conv2DBackpropInput Conv2DBackpropInputV2 Conv3DBackpropInput Conv3DBackpropInputV2 "
        "DepthwiseConv2dNativeBackpropInput StridedSliceGrad",
        (0,),
    ),
    **_each(
        "BroadcastTo Tile OneHot Pad PadV2 MirrorPad SparseToDense ResizeArea ResizeBicubic "
        "ResizeBilinear ResizeNearestNeighbor ScaleAndTranslate Conv2DBackpropFilter "
        "Conv3DBackpropFilterV2 Bincount DenseBincount DepthwiseConv2dNativeBackpropFilter Multinomial "
        "StatelessMultinomial RFFT RFFT2D IRFFT IRFFT2D SpaceToBatch",
        (1,),
    ),
    **_each(
        "LinSpace ScatterNd UnsortedSegmentMax UnsortedSegmentMin UnsortedSegmentProd UnsortedSegmentSum "
        "HistogramFixedWidth SpaceToBatchND ImageProjectiveTransformV2 ImageProjectiveTransformV3 "
        "StatefulStandardNormalV2 StatefulTruncatedNormal StatefulUniform StatefulUniformInt "
        "StatefulRandomBinomial",
        (2,),
    ),
    "Range": (0, 1, 2),
    "CropAndResize": (3,),
    **_each("MatrixDiagV2 MatrixDiagV3", (2, 3)),
}
"""Which inputs of an operation say how large its result is."""
_HALF = ("DynamicStitch", "ParallelDynamicStitch")
"""Of these it is the first half of the inputs."""

_BROADCASTING = frozenset({
    "Add", "AddV2", "ApproximateEqual", "Atan2", "BatchMatMulV2", "BatchMatMulV3", "BitwiseAnd", "BitwiseOr",
    "BitwiseXor", "Div", "DivNoNan", "Equal", "FloorDiv", "FloorMod", "Greater", "GreaterEqual", "LeftShift", "Less",
    "LessEqual", "LogicalAnd", "LogicalOr", "Maximum", "Minimum", "Mod", "Mul", "MulNoNan", "NotEqual", "Pow",
    "RealDiv", "RightShift", "SelectV2", "SquaredDifference", "Sub", "TruncateDiv", "TruncateMod", "Xdivy", "Xlog1py",
    "Xlogy",
})  # fmt: skip
"""Operations whose result has the longest side of all inputs along each axis."""

_Numbers = NDArray[np.float64]


class _Untold(Exception):
    """A size depends on something that is not known before the graph runs."""


def refuse_unbounded_sizes(graphs: Iterable[Iterable[Any]], functions: Container[str]) -> None:
    """Look at every size in these graphs.

    Args:
        graphs: Their nodes.
        functions: The names of all functions, which nodes may call by their own name.

    Raises:
        ModelError: A size cannot be told, or is larger than any layer.
    """
    for nodes in graphs:
        by_name = {node.name: node for node in nodes}
        reader = _SizeReader(by_name, functions)
        for node in by_name.values():
            inputs = [name for name in node.input if not name.startswith("^")]
            places = range(len(inputs) // 2) if node.op in _HALF else _SIZE_INPUTS.get(node.op, ())
            try:
                sizes = [reader.value(inputs[place], 0) for place in places if place < len(inputs)]
            except _Untold:
                raise _wants_trust(node, "makes something whose size only shows when it runs") from None
            if _is_large(node.op, sizes):
                raise _wants_trust(node, f"makes something of more than {_MOST_NUMBERS:,} numbers")


def refuse_large_results(function: Any, shape: Sequence[int]) -> None:
    """Look at the shapes of all results for an image of this size, before anything is computed.

    Args:
        function: As it was loaded, with one input.
        shape: Of the images: (1, height, width, channels).

    Raises:
        ModelError: A result is larger than any layer, and than everything that it is made of, or could be.
    """
    for operation in _with_shapes(function, shape):
        before = max(map(_numbers_in, operation.inputs), default=0)
        if max(map(_numbers_in, operation.outputs), default=0) > max(before, _MOST_NUMBERS):
            raise _wants_trust(operation.node_def, f"makes something of more than {_MOST_NUMBERS:,} numbers")
        if operation.type in _BROADCASTING and _may_grow([tensor.shape for tensor in operation.inputs]):
            raise _wants_trust(operation.node_def, "makes something whose size only shows when it runs")


def _with_shapes(function: Any, shape: Sequence[int]) -> list[Any]:
    """The operations of a function, those of the functions that it calls among them, with shapes for this image.

    TensorFlow infers no shapes through a call, and has no public way to write the calls out.
    """
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import _run_inline_graph_optimization
    from tensorflow.python.ops import handle_data_util

    try:
        graph = _run_inline_graph_optimization(function, True, True)
        with tf.Graph().as_default() as inferred:
            inputs = {}
            for tensor in function.graph.inputs:
                is_image = tensor.dtype != tf.resource and tensor.shape.rank == 4
                inputs[tensor.name] = tf.compat.v1.placeholder(tensor.dtype, shape if is_image else tensor.shape)
                handle_data_util.copy_handle_data(tensor, inputs[tensor.name])
            tf.graph_util.import_graph_def(graph, input_map=inputs)
            return list(inferred.get_operations())
    except (ValueError, TypeError, KeyError, LookupError, tf.errors.OpError) as error:
        raise ModelError(
            f"its graph cannot compute an image of {shape[1]}x{shape[2]}: {plain_sentence(error)}."
        ) from error


def _may_grow(shapes: Sequence[Any]) -> bool:
    """Could these make something that is larger than each of them, for all that is known of their sides?"""
    if all(shape.is_fully_defined() for shape in shapes):
        return False
    if any(shape.rank is None for shape in shapes):
        return [shape.num_elements() == 1 for shape in shapes].count(False) > 1
    rank = max(shape.rank for shape in shapes)
    sides = [[1] * (rank - shape.rank) + shape.as_list() for shape in shapes]
    for first, second in combinations(sides, 2):
        stretched = {
            (number, is_first)
            for number, pair in enumerate(zip(first, second, strict=True))
            for is_first, (side, other) in ((True, pair), (False, pair[::-1]))
            if side in (1, None) and other != 1
        }
        if any(a != b and is_first and not is_other for a, is_first in stretched for b, is_other in stretched):
            return True
    return False


def _numbers_in(tensor: Any) -> int:
    """How many numbers one image needs in a tensor; what is not known counts as one."""
    return 0 if tensor.shape.rank is None else math.prod(size or 1 for size in tensor.shape.as_list())


def _is_large(operation: str, sizes: Sequence[_Numbers]) -> bool:
    if operation == "Range" and len(sizes) == 3:
        start, limit, step = (float(size.max(initial=0)) for size in sizes)
        return start + limit > _MOST_NUMBERS * step
    is_sum = operation in _HALF or "Pad" in operation
    return any((size.sum() if is_sum else size.prod()) > _MOST_NUMBERS for size in sizes)


def _wants_trust(node: Any, what: str) -> ModelError:
    return ModelError(
        f"its graph {what} ({node.op} at {shortened(node.name)}), which could fill the memory, so it is not loaded. If "
        "you trust where it comes from, say --trust (trust=True)."
    )


class _SizeReader:
    """Estimates sizes from above, with every number as its absolute value.

    Args:
        nodes: Those of one graph, by name.
        functions: As above.
    """

    def __init__(self, nodes: Mapping[str, Any], functions: Container[str]) -> None:
        self._nodes = nodes
        self._functions = functions
        self._values: dict[str, _Numbers] = {}

    def value(self, tensor: str, depth: int) -> _Numbers:
        """What a tensor may hold.

        Raises:
            _Untold: It depends on an argument, a variable, chance, or what a function gives.
        """
        name = tensor.partition(":")[0]
        if name not in self._values:
            node = self._nodes.get(name)
            if node is None or node.op in self._functions or depth > _MOST_STEPS:
                raise _Untold
            self._values[name] = self._value_of(node, depth + 1)
        return self._values[name]

    def _value_of(self, node: Any, depth: int) -> _Numbers:
        if node.op == "Const":
            return _constant(node)
        if node.op in ("Shape", "ShapeN", "Size", "VariableShape"):
            return np.array(_USUAL_SIDE)
        if node.op == "Rank":
            return np.array(4.0)
        rule = _RULES.get(node.op)
        if rule is None:
            raise _Untold
        values = [self.value(name, depth) for name in node.input if not name.startswith("^")]
        try:
            with np.errstate(all="ignore"):
                result = np.nan_to_num(np.abs(np.asarray(rule(values), np.float64)), nan=np.inf, posinf=np.inf)
        except (IndexError, ValueError) as error:  # of inputs that are missing or do not fit
            raise _Untold from error
        if result.size > _LARGEST_CONSTANT:
            raise _Untold
        return result


def _constant(node: Any) -> _Numbers:
    import tensorflow as tf

    tensor = node.attr["value"].tensor
    if math.prod(size.size for size in tensor.tensor_shape.dim) > _LARGEST_CONSTANT:
        raise _Untold
    try:
        values: NDArray[Any] = tf.make_ndarray(tensor)
    except (TypeError, ValueError) as error:
        raise _Untold from error
    if values.dtype.kind not in "iufb":
        raise _Untold
    numbers: _Numbers = np.abs(values.astype(np.float64))
    return numbers


def _fitting(first: _Numbers, second: _Numbers) -> tuple[_Numbers, _Numbers]:
    """Two arrays that can be combined; the largest number of each where their shapes say that they cannot."""
    try:
        np.broadcast_shapes(first.shape, second.shape)
    except ValueError:
        return first.max(initial=0), second.max(initial=0)
    return first, second


def _pairwise(combine: Callable[[Any, Any], Any]) -> Callable[[Sequence[_Numbers]], Any]:
    return lambda values: combine(*_fitting(values[0], values[1]))


def _largest_of(values: Sequence[_Numbers]) -> Any:
    return max(value.max(initial=0) for value in values)


def _divided(first: Any, second: Any) -> Any:
    return np.where(second == 0, first, first / second)


_Rule = Callable[[Sequence[_Numbers]], Any]
_RULES: Mapping[str, _Rule] = {
    # What takes a part of its input may take any.
    **_each(
        "Identity Cast Snapshot StopGradient PreventGradient CheckNumerics CheckNumericsV2 EnsureShape "
        "StridedSlice Slice Gather GatherV2 GatherNd Squeeze ExpandDims Reshape ReverseV2 Transpose "
        "Unpack SplitV Switch Neg Abs ConcatOffset GuaranteeConst",
        lambda values: values[0],
    ),
    "Split": lambda values: values[1],
    "Pack": lambda values: np.array([value.max(initial=0) for value in values]),
    "ConcatV2": lambda values: np.concatenate([np.atleast_1d(value) for value in values[:-1]]),
    "Concat": lambda values: np.concatenate([np.atleast_1d(value) for value in values[1:]]),
    **_each("Add AddV2 Sub BiasAdd", _pairwise(np.add)),
    "Mul": _pairwise(np.multiply),
    **_each("Div RealDiv FloorDiv TruncateDiv DivNoNan", _pairwise(_divided)),
    **_each("Mod FloorMod TruncateMod", lambda values: values[1]),
    "Pow": _pairwise(np.power),
    "Square": lambda values: values[0] ** 2,
    "LeftShift": _pairwise(lambda first, second: first * 2.0**second),
    "RightShift": lambda values: values[0],
    "Maximum": _pairwise(np.maximum),
    "Minimum": _pairwise(np.minimum),
    **_each("Floor Ceil Round Rint", lambda values: np.ceil(values[0])),
    "Sqrt": lambda values: np.maximum(values[0], 1),
    "Prod": lambda values: values[0].prod(),
    "Sum": lambda values: values[0].sum(),
    **_each("Max Min Mean", lambda values: values[0].max(initial=0)),
    **_each("Select SelectV2", lambda values: _largest_of(values[1:])),
    **_each("Merge BroadcastArgs BroadcastGradientArgs Range", _largest_of),
    **_each(
        "Equal NotEqual Less LessEqual Greater GreaterEqual LogicalAnd LogicalOr LogicalNot Any All",
        lambda _: 1,
    ),
}
"""Operations through which a size is followed."""
