"""Reading an ONNX file: only data, bounded in size, and nothing from outside its own folder.

The graph is handed to onnxruntime only once every operator is one of ONNX itself, every tensor lies in the file or
beside it, and no result that can be told beforehand is larger than a model's.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from saccade.errors import FileError, MissingPackage, ModelError
from saccade.models.messages import file_named, plain_sentence, shortened

_START = re.compile(rb"\x08[\x03-\x1f][\x12\x1a\x22\x28\x32\x3a\x42\x72]", re.DOTALL)
"""The version of the format, 3 or later, then another of a model's fields."""
_LARGEST = 2**31 - 1
"""Bytes of a model with its weights: Protocol Buffers hold no more."""
_MOST_NUMBERS = 2**28
"""Numbers of one result for one image."""
_FEW_NUMBERS = 1024
"""Of a tensor that may say a size."""
_LARGEST_NUMBER = 8
"""Bytes."""
_MOST_NODES = 200_000
_MOST_TURNS = 10_000
"""How often a loop may turn; how long what it scans is counts as `_USUAL_TURNS`."""
_USUAL_TURNS = 100
_MOST_WORK = 10_000_000
"""How many operators one image may need, loops in loops multiplied."""
_OWN = ("", "ai.onnx")
_TRIAL_SIDE = 64


def starts_as_onnx(start: bytes) -> bool:
    """Do these first bytes of a file look like those of an ONNX model? The format has no signature."""
    return _START.match(start) is not None


def read_onnx(path: Path) -> Any:
    """Read an ONNX file with the weights that lie beside it.

    Returns:
        An `onnx.ModelProto` that holds everything itself: no outside data, and no functions but the operators of ONNX.

    Raises:
        FileError: Damaged or too large, or its weights lie where they must not, or are missing.
        ModelError: It has operators that are not ONNX's own, or results too large to compute.
        MissingPackage: onnx is not installed.
    """
    try:
        import onnx
        from google.protobuf.message import DecodeError
    except ImportError as error:
        raise MissingPackage.of("onnx", "onnx") from error
    with file_named(path):
        try:
            size = path.stat().st_size
            if size > _LARGEST:
                raise FileError(f"it has {size:,} bytes; ONNX files have at most {_LARGEST:,}.")
            model = onnx.load_model_from_string(path.read_bytes())
        except OSError as error:
            raise FileError(f"it cannot be read: {error.strerror or error}.") from error
        except (DecodeError, UnicodeDecodeError, ValueError) as error:
            raise FileError(f"it is damaged or no ONNX file: {plain_sentence(error)}.") from error
        if not model.graph.node:
            raise FileError("it is damaged or no ONNX file: it holds no graph.")
        _take_outside_data(model, path.parent, size)
        model = _without_functions(model)
        if not all(isinstance(name, str) for node in nodes_in(model.graph) for name in (*node.input, *node.output)):
            raise FileError("it is damaged: a name in it is no text.")
        _refuse_foreign(model.graph)
        _refuse_endless_loops(model.graph)
        for value in model.graph.output:
            if value.type.WhichOneof("value") == "tensor_type":
                value.type.tensor_type.shape.SetInParent()  # left out by some exporters; the checker wants one
        try:
            onnx.checker.check_model(model)
        except Exception as error:  # the checker is written in C++ and raises whatever that raises
            raise FileError(f"it is damaged: {plain_sentence(error)}.") from error
        inferred = _inferred(model)
        _refuse_large_results(inferred)
        _refuse_crashing_divisions(inferred.graph)
        return model


def nodes_in(graph: Any) -> Iterator[Any]:
    """Every node of a graph, and of the graphs inside its nodes."""
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                yield from nodes_in(inner)


def _graphs_in(graph: Any) -> Iterator[Any]:
    """A graph, and the graphs inside its nodes."""
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                yield from _graphs_in(inner)


# Data outside the file


def _tensors(graph: Any) -> Iterator[Any]:
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield from (sparse.values, sparse.indices)
    for node in graph.node:
        for attribute in node.attribute:
            yield from (attribute.t, *attribute.tensors)
            for sparse in (attribute.sparse_tensor, *attribute.sparse_tensors):
                yield from (sparse.values, sparse.indices)
            for inner in (attribute.g, *attribute.graphs):
                yield from _tensors(inner)


def _take_outside_data(model: Any, folder: Path, size: int) -> None:
    """Take the weights that lie in files beside the model into it."""
    for tensor in _all_tensors(model):
        if tensor.data_location != tensor.EXTERNAL:
            continue
        data = _outside(tensor, folder, _LARGEST - size)
        size += len(data)
        del tensor.external_data[:]
        tensor.data_location = tensor.DEFAULT
        tensor.raw_data = data


def _all_tensors(model: Any) -> Iterator[Any]:
    yield from _tensors(model.graph)
    for function in model.functions:
        for node in function.node:
            for attribute in node.attribute:
                yield from (attribute.t, *attribute.tensors)
                for inner in (attribute.g, *attribute.graphs):
                    yield from _tensors(inner)


def _outside(tensor: Any, folder: Path, most: int) -> bytes:
    name = shortened(tensor.name)
    entries = {entry.key: entry.value for entry in tensor.external_data}
    file = _beside(entries.get("location", ""), folder, name)
    length = _length(tensor, name)
    try:
        offset, stated_length = int(entries.get("offset", 0)), int(entries.get("length", length))
    except ValueError:
        offset, stated_length = -1, length
    if offset < 0 or stated_length != length:
        raise FileError(f"it is damaged: where weight {name} lies in {file.name} makes no sense.")
    if length > most:
        raise FileError(f"with its weights it has more than {_LARGEST:,} bytes; saccade opens no larger ONNX model.")
    try:
        with file.open("rb") as opened:
            opened.seek(offset)
            data = opened.read(length)
    except (OSError, OverflowError) as error:
        raise FileError(f"its weights in {file} cannot be read: {getattr(error, 'strerror', error)}.") from error
    if len(data) < length:
        raise FileError(f"{file.name} is cut off or belongs to another model: it ends before weight {name} does.")
    return data


def _beside(location: str, folder: Path, name: str) -> Path:
    """The file that a weight names, if it lies in the model's own folder.

    Raises:
        FileError: It lies elsewhere, or is missing.
    """
    parts = PurePosixPath(location.replace("\\", "/"))
    outside = not location.isprintable() or parts.is_absolute() or ".." in parts.parts
    if not location or outside or PureWindowsPath(location).drive:
        raise FileError(
            f"weight {name} is said to lie in {shortened(location)}; weights are only read from the model's own folder."
        )
    file = folder / parts
    try:
        real = file.resolve()
        is_inside = real.is_relative_to(folder.resolve())
        is_file = real.is_file()
    except (OSError, ValueError, RuntimeError):
        is_inside, is_file = True, False
    if not is_inside:
        raise FileError(
            f"{shortened(location)} leads out of the model's folder; weights are only read from that folder itself."
        )
    if not is_file:
        raise FileError(
            f"its weights are missing: put {shortened(location)} beside it, as it was when it was exported."
        )
    return file


def _length(tensor: Any, name: str) -> int:
    """How many bytes a tensor has."""
    import onnx

    if any(size < 0 for size in tensor.dims):
        raise FileError(f"it is damaged: weight {name} has a negative size.")
    try:
        itemsize = onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type).itemsize
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise FileError(f"it is damaged: weight {name} has no type of numbers.") from error
    bits = _PACKED_TYPES.get(tensor.data_type, 8 * int(itemsize))
    return -(-math.prod(int(size) for size in tensor.dims) * bits // 8)


_PACKED_TYPES = {21: 4, 22: 4, 23: 4, 25: 2, 26: 2}
"""Types of which several share a byte, and how many bits they have: UINT4, INT4, FLOAT4E2M1, UINT2, INT2."""


# Operators


def _without_functions(model: Any) -> Any:
    """The model with its own functions written out in operators."""
    if not model.functions:
        return model
    import onnx.inliner

    _refuse_endless_functions(model)
    try:
        return onnx.inliner.inline_local_functions(model)
    except Exception as error:  # the inliner is written in C++ and raises whatever that raises
        raise FileError(f"it is damaged: its functions cannot be written out: {plain_sentence(error)}.") from error


def _refuse_endless_functions(model: Any) -> None:
    """Raise FileError for functions that call themselves, or that grow to more than a model."""
    functions = {(function.domain, function.name): function for function in model.functions}
    sizes: dict[tuple[str, str], int] = {}

    def size_of(key: tuple[str, str], callers: tuple[tuple[str, str], ...]) -> int:
        if key in callers or len(callers) > 100:
            raise FileError(f"it is damaged: its function {shortened(key[1])} calls itself.")
        if key not in sizes:
            sizes[key] = sum(
                size_of(key_called, (*callers, key)) if (key_called := (node.domain, node.op_type)) in functions else 1
                for node in nodes_in(functions[key])
            )
        return sizes[key]

    total = 0
    for node in nodes_in(model.graph):
        key = (node.domain, node.op_type)
        total += size_of(key, ()) if key in functions else 1
        if total > _MOST_NODES:
            raise FileError(f"it is damaged: written out, its functions have more than {_MOST_NODES:,} operators.")


def _refuse_foreign(graph: Any) -> None:
    foreign = sorted({f"{node.domain}.{node.op_type}" for node in nodes_in(graph) if node.domain not in _OWN})
    if foreign:
        names = ", ".join(name[:60] for name in foreign[:3]) + (", ..." if len(foreign) > 3 else "")
        raise ModelError(
            f"it needs operators that are not ONNX's own ({names}); export it again with the standard operators only."
        )


def _refuse_endless_loops(graph: Any) -> None:
    """Raise ModelError for a loop of which nothing says that it ends soon."""
    if _work_of(graph, dict(_whole_numbers(graph))) > _MOST_WORK:
        raise ModelError(f"its loops run more than {_MOST_WORK:,} operators.")


def _work_of(graph: Any, numbers: Mapping[str, int]) -> int:
    total = 0
    for node in graph.node:
        turns = 1
        if node.op_type == "Loop":
            turns = numbers.get(node.input[0] if node.input else "", _MOST_TURNS + 1)
            if turns > _MOST_TURNS:
                raise ModelError(
                    f"its loop {shortened(node.name or node.output[0])} may never end; export it without, or with a "
                    f"number of turns that is written down, at most {_MOST_TURNS:,}."
                )
        elif node.op_type == "Scan":
            turns = _USUAL_TURNS
        inner = (part for attribute in node.attribute for part in (attribute.g, *attribute.graphs))
        total += 1 + max(turns, 1) * sum(_work_of(part, numbers) for part in inner)
    return total


def _whole_numbers(graph: Any) -> Iterator[tuple[str, int]]:
    """Single whole numbers that are written down anywhere, by name."""
    from onnx import numpy_helper

    stored = [(tensor.name, tensor) for tensor in graph.initializer]
    for node in nodes_in(graph):
        if node.op_type == "Constant":
            stored += [(node.output[0], attribute.t) for attribute in node.attribute if attribute.name == "value"]
            yield from ((node.output[0], each.i) for each in node.attribute if each.name == "value_int")
        stored += [
            (tensor.name, tensor)
            for attribute in node.attribute
            for inner in (attribute.g, *attribute.graphs)
            for tensor in inner.initializer
        ]
    for name, tensor in stored:
        if tensor.data_type == tensor.INT64 and math.prod(tensor.dims) == 1:
            try:
                yield name, int(numpy_helper.to_array(tensor).item())
            except (ValueError, TypeError):
                continue  # it is damaged, and said to be where it is read


# Sizes


def _inferred(model: Any, *, believed: bool = True) -> Any:
    """The model with the types and the shapes of its results for one image, as far as they can be told beforehand.

    Args:
        model: The `onnx.ModelProto`.
        believed: Take what the file says of a shape that does not follow from its operator.
    """
    import onnx

    trial = _without_weights(model)
    if not believed:
        del trial.graph.value_info[:]
        for value in trial.graph.output:
            value.type.tensor_type.ClearField("shape")
    stored = {tensor.name for tensor in model.graph.initializer}
    for value in trial.graph.input:
        if value.name in stored:
            continue
        for dim in value.type.tensor_type.shape.dim:
            if dim.dim_value <= 0:
                dim.dim_value = _TRIAL_SIDE
        if value.type.tensor_type.shape.dim:
            value.type.tensor_type.shape.dim[0].dim_value = 1
    try:
        return onnx.shape_inference.infer_shapes(trial, data_prop=True)
    except Exception as error:  # C++ as above
        raise FileError(f"it is damaged: {plain_sentence(error)}.") from error


def _without_weights(model: Any) -> Any:
    """A copy of the model in which larger weights are inputs, of which only the shape is known."""
    import onnx

    copied = onnx.ModelProto(ir_version=model.ir_version, opset_import=model.opset_import)
    graph = copied.graph
    graph.name = model.graph.name
    for part in ("node", "input", "output", "value_info", "sparse_initializer"):
        getattr(graph, part).extend(getattr(model.graph, part))
    inputs = {value.name for value in graph.input}
    for tensor in model.graph.initializer:
        if tensor.data_type != tensor.FLOAT or math.prod(tensor.dims) <= _FEW_NUMBERS:
            graph.initializer.append(tensor)
        elif tensor.name not in inputs:
            graph.input.append(onnx.helper.make_tensor_value_info(tensor.name, tensor.data_type, list(tensor.dims)))
    return copied


def bytes_told(model: Any) -> int | None:
    """How many bytes do the results have that one image of a usual size needs at once?

    None where the size of one only shows when it runs.
    """
    import onnx

    graph = _inferred(model, believed=False).graph
    shapes = {value.name: value.type.tensor_type for value in (*graph.value_info, *graph.output)}
    sizes: dict[str, int] = {}
    last_reads = {name: number for number, node in enumerate(graph.node) for name in node.input}
    for node in nodes_in(graph):
        for name in filter(None, node.output):
            kind = shapes.get(name)
            sides = [dim.dim_value for dim in kind.shape.dim] if kind is not None and kind.HasField("shape") else [0]
            if kind is None or kind.elem_type == onnx.TensorProto.UNDEFINED or not all(side > 0 for side in sides):
                return None
            sizes[name] = math.prod(sides) * _LARGEST_NUMBER
    live = most = 0
    for number, node in enumerate(graph.node):
        live += sum(sizes.get(name, 0) for name in node.output)
        most = max(most, live)
        live -= sum(sizes.get(name, 0) for name in {*node.input} if last_reads[name] == number)
    return most


def _refuse_large_results(inferred: Any) -> None:
    """Raise ModelError where a result would have more numbers than any layer: computing it would fill the memory."""
    for value in (*inferred.graph.value_info, *inferred.graph.input, *inferred.graph.output):
        numbers = math.prod(dim.dim_value for dim in value.type.tensor_type.shape.dim if dim.dim_value > 0)
        if numbers > _MOST_NUMBERS:
            raise ModelError(f"its result {shortened(value.name)} has {numbers:,} numbers, more than can be computed.")


# Divisions


def _refuse_crashing_divisions(graph: Any) -> None:
    """Raise ModelError for whole numbers that are divided by what may be -1: of the smallest that ends the process."""
    import onnx

    kinds: dict[str, set[int]] = {}
    divisors: dict[str, list[Any]] = {}
    for inner in _graphs_in(graph):
        for value in (*inner.value_info, *inner.input, *inner.output):
            kinds.setdefault(value.name, set()).add(value.type.tensor_type.elem_type)
        stored = [(tensor.name, tensor) for tensor in inner.initializer]
        for node in inner.node:
            if node.op_type == "Constant":
                stored += [(node.output[0], each.t) for each in node.attribute if each.name == "value"]
        for name, tensor in stored:
            kinds.setdefault(name, set()).add(tensor.data_type)
            divisors.setdefault(name, []).append(tensor)
    whole_numbers = {onnx.TensorProto.INT32, onnx.TensorProto.INT64, onnx.TensorProto.UNDEFINED}
    for node in nodes_in(graph):
        if node.op_type != "Div" or any(
            name in kinds and kinds[name].isdisjoint(whole_numbers) for name in (*node.input, *node.output)
        ):
            continue
        if not divisors.get(node.input[1]) or any(map(_has_minus_one, divisors[node.input[1]])):
            raise ModelError(
                f"it divides whole numbers by {shortened(node.input[1])}, which may be -1 or only shows when it runs, "
                "and could end the program; export it with sizes that are written down."
            )


def _has_minus_one(tensor: Any) -> bool:
    from onnx import numpy_helper

    try:
        return bool((numpy_helper.to_array(tensor) == -1).any())
    except (ValueError, TypeError):
        return True
