"""What the graph of a SavedModel would do: only computing, or more.

TensorFlow's operations write files, call programs, print and loop for ever, and a graph may name any of them, to be run
when it is called or already when it is loaded. Without trust a graph is loaded only if every operation that can come to
run stands in the list below. Saving and restoring are in every SavedModel: the functions for saving are never run here,
and the variables are read by the loader itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from saccade.errors import FileError, ModelError
from saccade.models.messages import shortened
from saccade.models.saved_model.sizes import refuse_unbounded_sizes

OPERATIONS = frozenset({
    # arithmetic
    "Abs", "AccumulateNV2", "Acos", "Acosh", "Add", "AddN", "AddV2", "Angle", "ApproximateEqual", "Asin", "Asinh",
    "Atan", "Atan2", "Atanh", "BesselI0", "BesselI0e", "BesselI1", "BesselI1e", "BitwiseAnd", "BitwiseOr", "BitwiseXor",
    "Cast", "Ceil", "ClipByValue", "Complex", "ComplexAbs", "Conj", "Cos", "Cosh", "Digamma", "Div", "DivNoNan",
    "Equal", "Erf", "Erfc", "Erfinv", "Exp", "Expm1", "Floor", "FloorDiv", "FloorMod", "Greater", "GreaterEqual",
    "Imag", "Inv", "Invert", "IsFinite", "IsInf", "IsNan", "LeftShift", "Less", "LessEqual", "Lgamma", "Log", "Log1p",
    "LogicalAnd", "LogicalNot", "LogicalOr", "Maximum", "Minimum", "Mod", "Mul", "MulNoNan", "Ndtri", "Neg", "NotEqual",
    "Pow", "Real", "RealDiv", "Reciprocal", "RightShift", "Rint", "Round", "Rsqrt", "Sign", "Sin", "Sinh", "Sqrt",
    "Square", "SquaredDifference", "Sub", "Tan", "Tanh", "TruncateDiv", "TruncateMod", "Xdivy", "Xlog1py", "Xlogy",
    # over many numbers
    "All", "Any", "ArgMax", "ArgMin", "Bincount", "Bucketize", "Cumprod", "Cumsum", "CumulativeLogsumexp",
    "DenseBincount", "EuclideanNorm", "HistogramFixedWidth", "InTopKV2", "L2Loss", "Max", "Mean", "Min", "Prod",
    "SegmentMax", "SegmentMean", "SegmentMin", "SegmentProd", "SegmentSum", "Sum", "TopK", "TopKV2",
    "UnsortedSegmentMax", "UnsortedSegmentMin", "UnsortedSegmentProd", "UnsortedSegmentSum",
    # matrices
    "BatchMatMul", "BatchMatMulV2", "BatchMatMulV3", "Cholesky", "Cross", "Einsum", "LogMatrixDeterminant", "MatMul",
    "MatrixBandPart", "MatrixDeterminant", "MatrixDiag", "MatrixDiagPart", "MatrixDiagPartV2", "MatrixDiagPartV3",
    "MatrixDiagV2", "MatrixDiagV3", "MatrixInverse", "MatrixSetDiag", "MatrixSetDiagV2", "MatrixSetDiagV3",
    "MatrixSolve", "MatrixTriangularSolve", "Qr", "SelfAdjointEigV2", "Svd",
    # layers
    "AvgPool", "AvgPool3D", "BatchNormWithGlobalNormalization", "BiasAdd", "BiasAddV1", "BlockLSTM", "BlockLSTMV2",
    "Conv", "Conv2D", "Conv2DBackpropInput", "Conv2DBackpropInputV2", "Conv3D", "Conv3DBackpropInput",
    "Conv3DBackpropInputV2", "CudnnRNN", "CudnnRNNV2", "CudnnRNNV3", "DepthwiseConv2dNative",
    "DepthwiseConv2dNativeBackpropInput", "Dilation2D", "Elu", "FractionalAvgPool", "FractionalMaxPool",
    "FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3", "FusedPadConv2D", "FusedResizeAndPadConv2D",
    "GRUBlockCell", "LRN", "LSTMBlockCell", "LeakyRelu", "LogSoftmax", "MaxPool", "MaxPool3D", "MaxPoolV2",
    "MaxPoolWithArgmax", "Relu", "Relu6", "Selu", "Sigmoid", "Softmax", "Softplus", "Softsign",
    # their gradients, which a graph may hold as functions
    "AvgPool3DGrad", "AvgPoolGrad", "BiasAddGrad", "BroadcastGradientArgs", "Conv2DBackpropFilter",
    "Conv3DBackpropFilterV2", "CudnnRNNBackprop", "CudnnRNNBackpropV2", "CudnnRNNBackpropV3",
    "DepthwiseConv2dNativeBackpropFilter", "EluGrad", "FusedBatchNormGrad", "FusedBatchNormGradV2",
    "FusedBatchNormGradV3", "InvGrad", "LRNGrad", "LeakyReluGrad", "MaxPool3DGrad", "MaxPoolGrad", "MaxPoolGradV2",
    "MaxPoolGradWithArgmax", "MirrorPadGrad", "ReciprocalGrad", "Relu6Grad", "ReluGrad", "ResizeBicubicGrad",
    "ResizeBilinearGrad", "ResizeNearestNeighborGrad", "RsqrtGrad", "ScaleAndTranslateGrad", "SeluGrad", "SigmoidGrad",
    "SoftplusGrad", "SoftsignGrad", "SqrtGrad", "StridedSliceGrad", "TanhGrad",
    # pictures
    "AdjustContrastv2", "AdjustHue", "AdjustSaturation", "CropAndResize", "DrawBoundingBoxesV2", "ExtractImagePatches",
    "ExtractVolumePatches", "HSVToRGB", "ImageProjectiveTransformV2", "ImageProjectiveTransformV3",
    "NonMaxSuppressionV3", "RGBToHSV", "ResizeArea", "ResizeBicubic", "ResizeBilinear", "ResizeNearestNeighbor",
    "ScaleAndTranslate",
    # frequencies
    "FFT", "FFT2D", "IFFT", "IFFT2D", "IRFFT", "IRFFT2D", "RFFT", "RFFT2D",
    # shapes
    "BatchToSpace", "BatchToSpaceND", "Bitcast", "BroadcastArgs", "BroadcastTo", "Concat", "ConcatOffset", "ConcatV2",
    "ConjugateTranspose", "DataFormatDimMap", "DataFormatVecPermute", "DepthToSpace", "Diag", "DiagPart",
    "DynamicPartition", "DynamicStitch", "EnsureShape", "ExpandDims", "Fill", "Gather", "GatherNd", "GatherV2",
    "InvertPermutation", "LinSpace", "ListDiff", "LowerBound", "MirrorPad", "OneHot", "OnesLike", "Pack", "Pad",
    "PadV2", "ParallelDynamicStitch", "Range", "Rank", "Reshape", "ReverseSequence", "ReverseV2", "Roll", "ScatterNd",
    "Select", "SelectV2", "Shape", "ShapeN", "Size", "Slice", "SpaceToBatch", "SpaceToBatchND", "SpaceToDepth",
    "SparseToDense", "Split", "SplitV", "Squeeze", "StridedSlice", "TensorScatterAdd", "TensorScatterMax",
    "TensorScatterMin", "TensorScatterSub", "TensorScatterUpdate", "TensorStridedSliceUpdate", "Tile", "Transpose",
    "Unique", "UniqueV2", "Unpack", "UnravelIndex", "UpperBound", "Where", "ZerosLike",
    # quantised numbers
    "Dequantize", "FakeQuantWithMinMaxArgs", "FakeQuantWithMinMaxVars", "FakeQuantWithMinMaxVarsPerChannel",
    "QuantizeAndDequantize", "QuantizeAndDequantizeV2", "QuantizeAndDequantizeV3", "QuantizeAndDequantizeV4",
    "QuantizeV2",
    # random numbers, which dropout and augmentation draw while a model is trained
    "Multinomial", "RandomGamma", "RandomShuffle", "RandomStandardNormal", "RandomUniform", "RandomUniformInt",
    "StatelessMultinomial", "StatelessRandomGetAlg", "StatelessRandomGetKeyCounter", "StatelessRandomGetKeyCounterAlg",
    "StatelessRandomNormal", "StatelessRandomNormalV2", "StatelessRandomUniform", "StatelessRandomUniformFullInt",
    "StatelessRandomUniformFullIntV2", "StatelessRandomUniformInt", "StatelessRandomUniformIntV2",
    "StatelessRandomUniformV2", "StatelessShuffle", "StatelessTruncatedNormal", "StatelessTruncatedNormalV2",
    "TruncatedNormal",
    # variables, in memory only
    "Assign", "AssignAdd", "AssignAddVariableOp", "AssignSub", "AssignSubVariableOp", "AssignVariableOp",
    "IsVariableInitialized", "ReadVariableOp", "ResourceGather", "ResourceGatherNd", "RngReadAndSkip", "RngSkip",
    "StatefulRandomBinomial", "StatefulStandardNormalV2", "StatefulTruncatedNormal", "StatefulUniform",
    "StatefulUniformInt", "VarHandleOp", "VarIsInitializedOp", "Variable", "VariableShape", "VariableV2",
    # the graph itself; nothing that loops
    "Assert", "Case", "CheckNumerics", "CheckNumericsV2", "Const", "ControlTrigger", "FakeParam", "GuaranteeConst",
    "Identity", "IdentityN", "If", "LoopCond", "Merge", "NoOp", "PartitionedCall", "Placeholder", "PlaceholderV2",
    "PlaceholderWithDefault", "PreventGradient", "RefIdentity", "RefSwitch", "RefMerge", "Snapshot",
    "StatefulPartitionedCall", "StatelessCase", "StatelessIf", "StopGradient", "Switch", "_Arg", "_Retval",
})  # fmt: skip
"""Operations that compute from what they are given, and touch nothing but the variables of the model."""

_RESTORES = frozenset({"Restore", "RestoreV2"})
_MOST_BYTES = 2**30
_MOST_OPERATIONS = 10**6
_MOST_CONSTANTS = 2**30
"""Bytes of all constants together."""
_TEXT_BYTES = 24
"""What TensorFlow keeps of a text, however short."""


def read_graph(folder: Path) -> Any:
    """The graph of a SavedModel, as TensorFlow describes it.

    Raises:
        FileError: It is missing, damaged or too large.
    """
    from tensorflow.core.protobuf import saved_model_pb2

    path = folder / "saved_model.pb"
    if not path.is_file():
        raise FileError(f"{folder} is no SavedModel: it holds no saved_model.pb.")
    if path.stat().st_size > _MOST_BYTES:
        raise FileError(f"{path} is damaged: {path.stat().st_size:,} bytes, more than {_MOST_BYTES:,}.")
    try:
        graph = saved_model_pb2.SavedModel.FromString(path.read_bytes())
    except Exception as error:  # an error of protobuf, which has no types to import
        raise FileError(f"{path} is damaged: it cannot be read as a graph of TensorFlow.") from error
    if not graph.meta_graphs:
        raise FileError(f"{path} is damaged: it holds no graph.")
    return graph


def refuse_effects(graph: Any, folder: Path) -> None:
    """Would loading or calling this graph do more than compute?

    Args:
        graph: From `read_graph`.
        folder: Where it lies.

    Raises:
        FileError: Its sizes are out of all proportion, or it calls itself.
        ModelError: It names an operation that is not listed, or makes something of a size that cannot be told.
    """
    if (folder / "saved_model.cpb").exists():
        raise _wants_trust("a second graph, saved_model.cpb")
    for part in graph.meta_graphs:
        functions = {function.signature.name: function for function in part.graph_def.library.function}
        # TensorFlow loads a graph of objects by its functions, and an older one by its nodes.
        by_functions = len(graph.meta_graphs) == 1 and part.HasField("object_graph_def")
        nodes = {node.name: node for node in part.graph_def.node}
        saving, restoring = (
            _before(nodes, [name]) if name else set()
            for name in (_node(part.saver_def.save_tensor_name), _node(part.saver_def.restore_op_name))
        )
        saver_functions = _reached(functions, _functions_in(nodes[name] for name in saving | restoring))
        run = _reached(functions, (set(functions) - saver_functions) | _named_elsewhere(part))
        if not by_functions:
            remaining = _before(nodes, (set(nodes) - saving) | restoring | _named_to_run(part, saving))
            run |= _reached(functions, _functions_in(nodes[name] for name in remaining))
            for name in remaining:
                _check(nodes[name], functions, restores=name in restoring)
        for name in run:
            for node in functions[name].node_def:
                _check(node, functions)
        _refuse_endless(functions, run)
        graphs = [part.graph_def.node, *(functions[name].node_def for name in run)]
        _refuse_large_constants(graphs)
        refuse_unbounded_sizes(graphs, functions)


def _named_elsewhere(part: Any) -> set[str]:
    """The functions that can come to run without a node that names them."""
    library = part.graph_def.library
    return {
        *part.object_graph_def.concrete_functions,
        *(gradient.gradient_func for gradient in library.gradient),
        *(gradient.gradient_func for gradient in library.registered_gradients),
        # TensorFlow may put one implementation of a function in the place of another.
        *(function.signature.name for function in library.function if "api_implements" in function.attr),
    }


def _named_to_run(part: Any, names: Iterable[str]) -> set[str]:
    """Those of these nodes that can come to run because something outside the graph names them.

    A signature or a collection may name what only saving seems to need. A name is looked for wherever it may stand: a
    node that is taken for named is only looked at more closely. What is said of other savers is never run.
    """
    texts = b"\n".join(
        message.SerializeToString()
        for message in (
            *part.signature_def.values(),
            *(collection for name, collection in part.collection_def.items() if name != "savers"),
            *part.asset_file_def,
        )
    )
    return {name for name in names if name.encode() in texts}


def _check(node: Any, functions: Mapping[str, Any], *, restores: bool = False) -> None:
    if node.op in OPERATIONS or node.op in functions or (restores and node.op in _RESTORES):
        return
    raise _wants_trust(f"the operation {shortened(node.op)} (at {shortened(node.name)})")


def _wants_trust(what: str) -> ModelError:
    return ModelError(
        f"its graph holds {what}, which could do more than compute, so it is not loaded. If you trust where it comes "
        "from, say --trust (trust=True)."
    )


def _node(tensor: str) -> str:
    """The node that gives a tensor, or that an input names."""
    return tensor.removeprefix("^").partition(":")[0]


def _before(nodes: Mapping[str, Any], names: Iterable[str]) -> set[str]:
    """These nodes, and all that they depend on."""
    return _closure(nodes, names, lambda node: map(_node, node.input))


def _closure(items: Mapping[str, Any], names: Iterable[str], named_in: Callable[[Any], Iterable[str]]) -> set[str]:
    """Of these names those that there are, and all that their items name, however far."""
    waiting, visited = [name for name in names if name in items], set()
    while waiting:
        name = waiting.pop()
        if name not in visited:
            visited.add(name)
            waiting.extend(other for other in named_in(items[name]) if other in items)
    return visited


def _functions_in(nodes: Iterable[Any]) -> set[str]:
    return {name for node in nodes for name in _callees(node)}


def _callees(node: Any) -> Iterator[str]:
    """The functions that a node names; a node may be a call of one by its very name."""
    yield node.op
    waiting = list(node.attr.values())
    while waiting:
        value = waiting.pop()
        for function in [value.func, *value.list.func]:
            if function.name:
                yield function.name
                waiting.extend(function.attr.values())


def _reached(functions: Mapping[str, Any], names: Iterable[str]) -> set[str]:
    """These functions, and all that they call."""
    return _closure(functions, names, lambda function: _functions_in(function.node_def))


def _refuse_endless(functions: Mapping[str, Any], names: Iterable[str]) -> None:
    """Functions may call one another, but neither themselves nor ever more of them."""
    counts: dict[str, int] = {}
    for start in names:
        waiting: list[tuple[str, bool]] = [(start, False)]
        open_calls: set[str] = set()
        while waiting:
            name, done = waiting.pop()
            if name in counts:
                continue
            inner = [callee for node in functions[name].node_def for callee in _callees(node) if callee in functions]
            if done:
                open_calls.discard(name)
                counts[name] = len(functions[name].node_def) + sum(counts[callee] for callee in inner)
                if counts[name] > _MOST_OPERATIONS:
                    raise FileError(
                        f"its graph is damaged: {shortened(name)} runs more than {_MOST_OPERATIONS:,} operations."
                    )
                continue
            if name in open_calls:
                raise FileError(f"its graph is damaged: the function {shortened(name)} calls itself.")
            open_calls.add(name)
            waiting.append((name, True))
            waiting.extend((callee, False) for callee in inner)


def _refuse_large_constants(graphs: Iterable[Iterable[Any]]) -> None:
    """A few bytes can claim a constant of any shape."""
    import tensorflow as tf

    left = _MOST_CONSTANTS
    for nodes in graphs:
        for node in nodes:
            if node.op == "Const":
                tensor = node.attr["value"].tensor
                sizes = [size.size for size in tensor.tensor_shape.dim]
                try:
                    kind = tf.as_dtype(tensor.dtype)
                except TypeError as error:
                    raise FileError(
                        f"its graph is damaged: the constant {shortened(node.name)} has no type."
                    ) from error
                item_size = _TEXT_BYTES if kind == tf.string else kind.size
                if min(sizes, default=0) < 0 or math.prod(sizes) * item_size > left:
                    raise FileError(f"its graph is damaged: the constant {shortened(node.name)} has the sizes {sizes}.")
                left -= math.prod(sizes) * item_size
