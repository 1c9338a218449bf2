"""An ONNX graph as a network: its named results are the layers, and onnxruntime computes them. No gradients."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from saccade.errors import FileError, InputError, ModelError, NotApplicable, UnknownName
from saccade.models.dataflow import Dataflow
from saccade.models.input_shape import InputShape, checked_shape
from saccade.models.messages import file_named, shortened
from saccade.models.network import Capabilities, Framework, Hints, Layer, Measured, Taps
from saccade.models.onnx.exporting import plain_network
from saccade.models.onnx.files import read_onnx
from saccade.models.onnx.sessions import Session, Sessions
from saccade.models.onnx.trace import Trace, derived_from, nodes_of, trace
from saccade.models.plain_network import PlainNetwork
from saccade.models.rectifiers import Rectifiers
from saccade.typing import Array, Tensor

_USUAL_CHANNELS = (1, 3, 4)
_SIDES = (64, 96, 128, 224, 256, 192, 32, 28, 384, 448, 512)
_KINDS = {
    "Div": "Divide", "Elu": "ELU", "Gelu": "GELU", "LeakyRelu": "LeakyReLU", "LpNormalization": "Normalize",
    "PRelu": "PReLU", "Relu": "ReLU",
}  # fmt: skip
"""What other frameworks call the same."""
_WITH_KERNEL = ("Conv", "ConvTranspose", "Gemm", "MatMul")
_RESIZING = ("Resize", "Upsample")
"""Their factors are no weights."""
_ACTIVATIONS = {"Sigmoid": "sigmoid", "Tanh": "tanh"}
_DRAWING = {
    "Bernoulli", "Dropout", "Multinomial", "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike",
}  # fmt: skip
_NUMBER_TYPES = {1: np.float32, 10: np.float16, 11: np.float64}
"""ONNX's numbers for the types that images can have."""


@dataclass(frozen=True)
class _Run:
    """What one run at one size has shown: shapes with the images first, and how places move."""

    size: tuple[int, int]
    shapes: Mapping[str, tuple[int, ...]]
    trace: Trace


def open_onnx(path: Path, *, input_shape: InputShape | None = None, device: str | None = None) -> OnnxNetwork:
    """Open an ONNX file.

    Args:
        path: The file; weights may lie beside it.
        input_shape: Height, width and channels, for a model that does not say.
        device: Only the processor computes.

    Raises:
        FileError: It is damaged, or its weights lie where they must not.
        ModelError: It has operators that are not ONNX's own, or takes no images.
        InputError: Another device than the processor was asked for.
        MissingPackage: onnx or onnxruntime is not installed.
    """
    if device is not None and device.split(":")[0].lower() != "cpu":
        raise InputError(f"device={device!r:.40}: ONNX files are computed on the processor only; give cpu, or none.")
    try:
        model = read_onnx(path)
        with file_named(path):
            network = OnnxNetwork(model, path.stem, input_shape=input_shape)
            _ = network.layers, network.output
    except UnicodeDecodeError as error:  # names are decoded only where they are read
        raise FileError(f"{path.name}: it is damaged: a name in it is no text.") from error
    return network


class OnnxNetwork:
    """An ONNX model that holds all its weights itself.

    Args:
        model: The `onnx.ModelProto`, as `read_onnx` gives it.
        name: A short name for people.
        input_shape: Height, width and channels of one image, as far as the graph does not say.

    Raises:
        ModelError: It takes no images, or onnxruntime cannot compute it.
    """

    framework: Framework = "numpy"
    capabilities = Capabilities()

    def __init__(self, model: Any, name: str, *, input_shape: InputShape | None = None) -> None:
        self.model = model
        self.name = name
        self._graph = model.graph
        self._sessions = Sessions(model)
        stored = {tensor.name for tensor in (*self._graph.initializer,)}
        images = [value for value in self._graph.input if value.name not in stored]
        self._image = _the_image(images)
        self._derived = frozenset(derived_from(self._graph, self._image.name))
        tensor = self._image.type.tensor_type
        self._number_type = _NUMBER_TYPES[tensor.elem_type]
        sides = [dim.dim_value if dim.dim_value > 0 else None for dim in tensor.shape.dim]
        self._is_channels_last = _is_channels_last(self._graph, self._image.name, sides)
        self.fixed_batch: int | None = sides[0]
        self.input_shape: InputShape = self._shape_of_images(sides, input_shape)
        self._paths = _paths(self._graph)
        self._at = lru_cache(maxsize=8)(self._measured_at)
        self._first, self._second = self._two_runs()

    # What the network is made of

    @cached_property
    def layers(self) -> dict[str, Layer]:
        """Every result that is an image or a vector, by its name in the graph, in the order of computation."""
        weights = {name: values.size for name, values in self._sessions.stored.items() if values.dtype.kind == "f"}
        layers = {}
        for node in self._graph.node:
            for name in node.output:
                if name in self._tensors.values():
                    path = self._paths[name]
                    layers[path] = Layer(
                        path,
                        _KINDS.get(node.op_type, node.op_type),
                        self._free_shape(name),
                        0 if node.op_type in _RESIZING else sum(weights.get(read, 0) for read in {*node.input}),
                        node.op_type in ("Identity", "Reshape", "Flatten", "Squeeze", "Unsqueeze"),
                    )
        if not layers:
            raise ModelError("it computes no image and no vector for each image, so there is no code to explain.")
        return layers

    @cached_property
    def _tensors(self) -> dict[str, str]:
        """The names of the results that are layers, by path."""
        tensors = {}
        for name, tensor in self._first.trace.tensors.items():
            shape = self._first.shapes.get(name)
            if name == self._image.name or shape is None or not 2 <= len(shape) <= 4 or 0 in shape:
                continue
            other = self._second.shapes.get(name, ())
            is_one_each = shape[0] == self._batch and len(other) == len(shape)
            if is_one_each and (len(shape) < 4 or tensor.is_map):
                tensors[self._paths[name]] = name
        return tensors

    @property
    def outputs(self) -> dict[str, str]:
        """The results that the model gives, and the layers that they are."""
        paths = [self._paths.get(value.name, value.name) for value in self._graph.output]
        return {path: path for path in paths if path in self.layers}

    @cached_property
    def output(self) -> str:
        """The path of the layer that is the model's output."""
        return next(iter(self.outputs), next(reversed(self.layers)))

    @property
    def measured(self) -> Measured:
        """What the first run has shown."""
        return Measured(self._first.size, self._shapes(self._first), self._flow(self._first))

    @property
    def hints(self) -> Hints:
        """What the last operator says about the images."""
        operator_of = {name: node.op_type for node in self._graph.node for name in node.output}
        return Hints(output_activation=_ACTIVATIONS.get(operator_of.get(self._tensors[self.output], "")))

    def weights(self) -> list[tuple[str, Any]]:
        """Every stored weight by name as a numpy array that must not be written to."""
        return list(self._sessions.stored.items())

    def rectifiers(self, layer: str) -> Rectifiers:
        """An ONNX file shows its ReLUs, but nothing goes back through them."""
        return Rectifiers(obstacle=f"the way to {layer!r} is an ONNX file, which has no gradients")

    # Computing

    @contextmanager
    def inference_mode(self) -> Iterator[None]:
        """Nothing to keep: a graph has no state."""
        yield

    def is_steady(self, layer: str) -> bool:
        """Does the graph show that a layer draws nothing? Of one image at a time nothing can be mixed."""
        del layer
        kinds = {node.op_type for graph in (self._graph, *self.model.functions) for node in graph.node}
        has_graphs = any(attribute.HasField("g") for node in self._graph.node for attribute in node.attribute)
        return self.fixed_batch == 1 and not has_graphs and not kinds & _DRAWING

    def run(self, images: Tensor, layers: Sequence[str], taps: Taps | None = None) -> dict[str, Tensor]:  # noqa: ARG002
        """Compute the layers asked for, and nothing after them."""
        for path in layers:
            if path not in self._tensors:
                raise UnknownName.of("layer", path, self._tensors, hint="List them with `saccade layers MODEL`.")
        names = tuple(dict.fromkeys(self._tensors[path] for path in layers))
        results = dict(zip(names, self._compute(self._sessions.of(names), images), strict=True))
        return {path: self._channels_last(self._tensors[path], results[self._tensors[path]]) for path in layers}

    def dataflow(self, height: int, width: int) -> Dataflow:
        """Follow how places move through the graph at this image size."""
        return self._flow(self._at(height, width))

    def plain_network(self, paths: Sequence[str], height: int, width: int) -> PlainNetwork:
        """Which plain layers compute these layers from an image of this size?

        Raises:
            NotApplicable: Something that they need is no plain layer.
        """
        if self._is_channels_last:
            raise NotApplicable(f"{self.name!r} takes its images with the channels last, as a page does not give them.")
        run, (_, values) = self._at(height, width), self._measured_sizes(height, width)
        nodes = nodes_of(self._graph, run.trace.tensors, version=self._version, shapes=run.shapes, values=values)
        grid = (height, width, self.input_shape[2])
        tensors = {path: self._tensors[path] for path in paths}
        return plain_network((node for node, _ in nodes), self._image.name, grid, tensors)

    def first_read(self, level: float) -> Array | None:
        """What the first operator with a kernel reads of images whose every value is `level`, as it lies there."""
        dependent = self._first.trace.tensors
        node = next((n for n in self._graph.node if n.op_type in _WITH_KERNEL and n.input[0] in dependent), None)
        if node is None:
            return None
        height, width = self._first.size
        images = np.full((self._batch, height, width, self.input_shape[2]), level, np.float32)
        if node.input[0] == self._image.name:
            return images
        (values,) = self._compute(self._sessions.of((node.input[0],)), images)
        return np.asarray(values, np.float32)

    @property
    def _batch(self) -> int:
        """How many images are measured: two show where the images lie."""
        return self.fixed_batch or 2

    def _compute(self, session: Session, images: Array) -> list[NDArray[Any]]:
        ordered = images if self._is_channels_last else np.moveaxis(images, 3, 1)
        feed = np.ascontiguousarray(ordered, self._number_type)
        try:
            return session(self._image.name, feed)
        except MemoryError as error:
            # Of several images fewer may fit; where one alone does not, nothing does.
            if len(images) > (self.fixed_batch or 1):
                self._compute(session, images[: self.fixed_batch or 1])
                raise
            raise ModelError(self._too_large(*images.shape[1:3])) from error
        except ModelError as error:
            size = f"{images.shape[1]}x{images.shape[2]}"
            raise ModelError(f"{self.name!r} cannot compute an image of {size}: {error}") from error

    def _channels_last(self, name: str, values: NDArray[Any]) -> Array:
        if values.ndim == 4 and not self._first.trace.tensors[name].has_channels_last:
            values = np.moveaxis(values, 1, 3)
        return np.ascontiguousarray(values, np.float32)

    # Shapes

    def _shape_of_images(self, sides: Sequence[int | None], stated: InputShape | None) -> InputShape:
        height, width, channels = sides[1:] if self._is_channels_last else [*sides[2:], sides[1]]
        channels = channels or _channels_read(self._graph)
        if stated is not None:
            stated = checked_shape(stated)
            own = (height, width, channels)
            if any(size is not None and size != stated_size for size, stated_size in zip(own, stated, strict=True)):
                raise InputError(f"input_shape={stated}: the model takes {own} (height, width, channels).")
            height, width, channels = stated
        return height, width, channels or 3

    def _two_runs(self) -> tuple[_Run, _Run]:
        """Runs at two sizes, as far as sizes are free; what turns out to be fixed is fixed."""
        height, width, channels = self.input_shape
        sizes = [(height or side, width or side) for side in (_SIDES if None in (height, width) else _SIDES[:1])]
        first = self._first_that_runs(sizes)
        if None not in (height, width):
            return first, first
        other_sizes = [
            (height or first.size[0] + more, width or first.size[1] + more) for more in (32, 64, first.size[0], 128)
        ]
        try:
            return first, self._first_that_runs(other_sizes)
        except ModelError:
            self.input_shape = (*first.size, channels)
            return first, first

    def _first_that_runs(self, sizes: Sequence[tuple[int, int]]) -> _Run:
        error: ModelError | None = None
        for size in sizes:
            try:
                return self._at(*size)
            except ModelError as reason:
                error = error or reason
        batch = self.fixed_batch
        if batch is None:
            # The batch is free by name only: something inside is made for one image.
            self.fixed_batch = 1
            try:
                return self._first_that_runs(sizes)
            except ModelError:
                self.fixed_batch = batch
        assert error is not None
        raise error

    @property
    def _version(self) -> int:
        """The version of the set of operators."""
        return next((own.version for own in self.model.opset_import if own.domain in ("", "ai.onnx")), 1)

    def _measured_sizes(self, height: int, width: int) -> tuple[dict[str, tuple[int, ...]], dict[str, NDArray[Any]]]:
        """For black images of this size, by name: every shape, and the values that do not depend on the images."""
        names = self._sessions.all_names
        try:
            session = self._sessions.measuring(names, self._derived.intersection(names))
            results = self._compute_black(session, height, width)
            sizes = {name: result for name, result in zip(names, results, strict=True) if name in self._derived}
            shapes = {name: tuple(map(int, size)) for name, size in sizes.items()}
        except ModelError:
            # Some results may be lists, which have no shape.
            results = self._compute_black(self._sessions.of(names), height, width)
            shapes = {}
        arrays = {
            name: result
            for name, result in zip(names, results, strict=True)
            if isinstance(result, np.ndarray) and name not in shapes
        }
        shapes |= {name: tuple(values.shape) for name, values in (arrays | self._sessions.stored).items()}
        constants = {name: values for name, values in arrays.items() if name not in self._derived}
        return shapes, constants | self._sessions.stored

    def _compute_black(self, session: Session, height: int, width: int) -> list[NDArray[Any]]:
        images = np.zeros((self._batch, height, width, self.input_shape[2]), np.float32)
        try:
            return self._compute(session, images)
        except MemoryError as error:
            raise ModelError(self._too_large(height, width)) from error

    def _too_large(self, height: int, width: int) -> str:
        return f"{self.name!r} needs more memory than there is for {height}x{width} pixels."

    def _measured_at(self, height: int, width: int) -> _Run:
        shapes, values = self._measured_sizes(height, width)
        if self.fixed_batch is None and shapes.get(self._graph.output[0].name, ())[:1] != (self._batch,):
            raise ModelError("its results do not grow with the number of images.")
        ordered = (
            (height, width, self.input_shape[2]) if self._is_channels_last else (self.input_shape[2], height, width)
        )
        shapes[self._image.name] = (self._batch, *ordered)
        traced = trace(
            self._graph,
            self._image.name,
            version=self._version,
            is_channels_last=self._is_channels_last,
            shapes=shapes,
            values=values,
            paths=self._paths,
        )
        return _Run((height, width), shapes, traced)

    def _flow(self, run: _Run) -> Dataflow:
        return run.trace.dataflow(run.size, self._shapes(run))

    def _shapes(self, run: _Run) -> dict[str, tuple[int, ...]]:
        return {path: self._shape_at(run, name) for path, name in self._tensors.items()}

    def _shape_at(self, run: _Run, name: str) -> tuple[int, ...]:
        shape = run.shapes[name][1:]
        is_first = len(shape) == 3 and not self._first.trace.tensors[name].has_channels_last
        return (*shape[1:], shape[0]) if is_first else shape

    def _free_shape(self, name: str) -> tuple[int | None, ...]:
        first, second = self._shape_at(self._first, name), self._shape_at(self._second, name)
        return tuple(a if a == b else None for a, b in zip(first, second, strict=True))


def _the_image(inputs: Sequence[Any]) -> Any:
    """The one input of a graph, if it is a batch of images."""
    if len(inputs) != 1:
        names = ", ".join(shortened(value.name) for value in inputs[:4]) or "none"
        raise ModelError(f"it takes {len(inputs)} inputs ({names}); saccade explains models of one image.")
    tensor = inputs[0].type.tensor_type
    if len(tensor.shape.dim) != 4 or tensor.elem_type not in _NUMBER_TYPES:
        import onnx

        kind = onnx.TensorProto.DataType.keys()[tensor.elem_type] if 0 <= tensor.elem_type <= 16 else "unknown"
        sides = ", ".join(str(dim.dim_value or dim.dim_param or "?") for dim in tensor.shape.dim)
        raise ModelError(
            f"it takes {kind} of shape ({sides}); an image needs float32 or float16 of four axes: images, channels, "
            "height and width."
        )
    return inputs[0]


def _is_channels_last(graph: Any, image: str, sides: Sequence[int | None]) -> bool:
    """Are the images (N, H, W, C)? As the graph turns them round at once, else as the number of channels says."""
    readers = [node for node in graph.node if image in node.input]
    for node in readers:
        orders = [list(attribute.ints) for attribute in node.attribute if attribute.name == "perm"]
        if node.op_type == "Transpose" and orders in ([[0, 3, 1, 2]], [[0, 2, 3, 1]]):
            return orders == [[0, 3, 1, 2]]
    if any(node.op_type == "Conv" for node in readers):
        return False
    return sides[3] in _USUAL_CHANNELS and sides[1] not in _USUAL_CHANNELS


def _channels_read(graph: Any) -> int | None:
    """How many channels the first convolution reads."""
    kernels = {tensor.name: list(tensor.dims) for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type == "Conv" and len(kernels.get(node.input[1], ())) == 4:
            groups = next((attribute.i for attribute in node.attribute if attribute.name == "group"), 1)
            return int(kernels[node.input[1]][1] * groups)
    return None


def _paths(graph: Any) -> dict[str, str]:
    """How each result is called as a layer: by its own name, made printable; `"input"` is the image's."""
    paths: dict[str, str] = {}
    paths_in_use = {"input"}
    for node in graph.node:
        for name in filter(None, node.output):
            path = plain = re.sub(r"[^\x20-\x7e]", "?", name) if not name.isprintable() else name
            number = 1
            while path in paths_in_use:
                number += 1
                path = f"{plain}_{number}"
            paths_in_use.add(path)
            paths[name] = path
    return paths
