"""What onnxruntime computes: a session for each set of results that is asked for, of no more than leads to them."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from functools import cache, lru_cache, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from saccade.errors import FileError, MissingPackage, ModelError
from saccade.models.messages import plain_sentence, shortened
from saccade.models.onnx.files import bytes_told

_WHERE = re.compile(
    r"\S+?\.(?:cc|h):\d+ (?:Compute |operator\(\) |[^()\n]*::[\w~]+\([^()]*(?:\([^()]*\)[^()]*)*\)(?: const)? )?"
)
"""A line of onnxruntime's source, and the function that it stands in."""
Session = Callable[[str, NDArray[Any]], list[NDArray[Any]]]
"""Computes its results from the name of the image and the images."""

_SESSIONS = 8
_OUT_OF_MEMORY = re.compile(r"bad_alloc|failed to allocate|out of memory|Available memory of", re.IGNORECASE)
_MOST_MEMORY = 2**30
"""Bytes that all results together may have where a size only shows when it runs: one that depends on pixels may be any.
They are many for images of which a result that is"""
_MOST_GROWTH = 256
"""times as large is no larger; larger images may need more."""
_MOST_TOLD = 2**31
"""Bytes that they may have where all sizes can be told beforehand, for one image of a usual size; for larger images
they grow as the model says."""


class Sessions:
    """The sessions of one model.

    Args:
        model: The `onnx.ModelProto`.

    Attributes:
        of: Gives the session that computes these results.
        measuring: Gives the session that computes these results, but only the shapes of those that are named second.
        all_names: The names of all results.
        stored: The values of the weights, by name.
    """

    def __init__(self, model: Any) -> None:
        from onnx import numpy_helper

        self._model = model
        needed = bytes_told(model)
        self._are_sizes_told = needed is not None and needed <= _MOST_TOLD
        self.of: Callable[[tuple[str, ...]], Session] = lru_cache(maxsize=_SESSIONS)(self._make)
        self.measuring: Callable[[tuple[str, ...], frozenset[str]], Session] = lru_cache(maxsize=1)(self._make)
        self.all_names = tuple(
            name for node in model.graph.node for name in node.output if name and node.op_type not in _NO_TENSORS
        )
        self.stored: dict[str, NDArray[Any]] = {}
        for tensor in model.graph.initializer:
            try:
                values = np.asarray(numpy_helper.to_array(tensor)).view()
            except (ValueError, KeyError, TypeError, NotImplementedError) as error:
                name = shortened(tensor.name)
                raise FileError(f"it is damaged: weight {name} is not what its shape and type say.") from error
            values.flags.writeable = False
            self.stored[tensor.name] = values

    def _make(self, names: tuple[str, ...], only_shapes: frozenset[str] = frozenset()) -> Session:
        part = self._leading_to(names)
        if only_shapes:
            names = _with_shapes(part.graph, names, only_shapes)
        session_of = cache(partial(_session, part.SerializeToString(), shapes_first=bool(only_shapes)))
        session_of(is_bounded=not self._are_sizes_told)  # what is wrong with it is said at once

        def compute(image: str, images: NDArray[Any]) -> list[NDArray[Any]]:
            session = session_of(
                is_bounded=not self._are_sizes_told and _MOST_GROWTH * images[0].nbytes <= _MOST_MEMORY
            )
            takes = {value.name for value in session.get_inputs()}
            try:
                results: list[NDArray[Any]] = session.run(list(names), {image: images} if image in takes else {})
            except Exception as error:  # its errors have no class in common
                if _OUT_OF_MEMORY.search(str(error)):
                    raise MemoryError(_plain(error)) from error
                raise ModelError(f"{_plain(error)}.") from error
            return results

        return compute

    def _leading_to(self, names: tuple[str, ...]) -> Any:
        """The model up to these results, and nothing else of it."""
        import onnx

        graph = self._model.graph
        needed, nodes = set(names), []
        for node in reversed(graph.node):
            if needed.intersection(node.output):
                nodes.append(node)
                needed.update(_read(node))
        part = onnx.ModelProto(ir_version=self._model.ir_version, opset_import=self._model.opset_import)
        part.graph.name = graph.name or "graph"
        part.graph.node.extend(reversed(nodes))
        part.graph.initializer.extend(tensor for tensor in graph.initializer if tensor.name in needed)
        part.graph.sparse_initializer.extend(graph.sparse_initializer)
        stored = {tensor.name for tensor in graph.initializer}
        part.graph.input.extend(value for value in graph.input if value.name not in stored)
        part.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
        return part


_NO_TENSORS = ("SequenceConstruct", "SequenceInsert", "SequenceErase", "SequenceEmpty", "SplitToSequence", "Optional")
"""What gives lists of tensors."""


def _with_shapes(graph: Any, names: tuple[str, ...], only_shapes: frozenset[str]) -> tuple[str, ...]:
    """Let a graph give the shapes of some results in their place; the names of what it then gives.

    A result that nothing reads any more is given free while the others are computed.
    """
    import onnx

    new_names = tuple(f"the shape of {name}" if name in only_shapes else name for name in names)
    del graph.output[:]
    for name, new_name in zip(names, new_names, strict=True):
        if new_name != name:
            graph.node.append(onnx.helper.make_node("Shape", [name], [new_name]))
        graph.output.append(onnx.ValueInfoProto(name=new_name))
    return new_names


def _session(part: bytes, *, is_bounded: bool, shapes_first: bool) -> Any:
    try:
        import onnxruntime
    except ImportError as error:
        raise MissingPackage.of("onnxruntime", "onnx") from error
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # what goes wrong is raised; onnxruntime would also print it
    # Threads that wait for the next image by turning in circles take the processor from everything else.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    if shapes_first:  # so that what has no other use is given free
        options.execution_order = onnxruntime.ExecutionOrder.PRIORITY_BASED
    if is_bounded:
        _bound_memory()
        options.add_session_config_entry("session.use_env_allocators", "1")
        # Weights are as large as their file, and take no part in the bound.
        options.add_session_config_entry("session.use_device_allocator_for_initializers", "1")
    try:
        return onnxruntime.InferenceSession(part, options, ["CPUExecutionProvider"], enable_fallback=0)
    except Exception as error:  # its errors have no class in common
        if _OUT_OF_MEMORY.search(str(error)):
            raise ModelError("its constants alone need more memory than a model's.") from error
        raise ModelError(f"onnxruntime cannot compute it: {_plain(error)}.") from error


@cache
def _bound_memory() -> None:
    """Give all sessions of this process that are bounded a memory of their own, which does not grow beyond a bound."""
    import onnxruntime

    memory = onnxruntime.OrtMemoryInfo(
        "Cpu", onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, onnxruntime.OrtMemType.DEFAULT
    )
    # Grown by what is asked for, and not by the next power of two, which would reach the bound too soon.
    growth = {"max_mem": _MOST_MEMORY, "arena_extend_strategy": 1, "initial_chunk_size_bytes": 2**20}
    with suppress(Exception):  # the process has one of its own, for its own sessions
        onnxruntime.create_and_register_allocator(memory, onnxruntime.OrtArenaCfg(growth))


def _read(node: Any) -> list[str]:
    """What a node reads, also in the graphs inside it."""
    names = list(node.input)
    for attribute in node.attribute:
        for inner in (attribute.g, *attribute.graphs):
            names += [name for own in inner.node for name in _read(own)]
            names += [value.name for value in inner.output]
    return names


def _plain(error: BaseException) -> str:
    """What onnxruntime says, without its own numbers, source files and functions."""
    text = plain_sentence(Exception(_WHERE.sub("", str(error))))
    text = re.sub(r"\[ONNXRuntimeError\] : \d+ : [A-Z_]+ : ", "", text)
    text = re.sub(r"Non-zero status code returned while running (\w+) node\. ", r"its \1 fails. ", text)
    text = re.sub(r"Exception during initialization: .*", "an operator refuses its constants", text)
    text = re.sub(r"Name:'([^']*)' Status Message: ", r"\1 ", text).replace(".  ", ". ")
    return " ".join(text.split())
