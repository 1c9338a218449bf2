"""Following rows and columns through an ONNX graph, operator by operator.

The graph has run once, so the shape of every tensor is known, and the value of those that do not depend on the image.
What is not known for certain counts as mixing all places: a footprint may come out too large, never too small.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from numpy.typing import NDArray

from saccade.models.dataflow import Dataflow, Operation, Windows
from saccade.models.onnx.operators import UNKNOWN, Node, operations_of
from saccade.models.onnx.operators import Operation as Named
from saccade.models.places import Places
from saccade.models.torch.axes import Axes, channels_first, channels_last, grid_of, moved, shape_of
from saccade.models.torch.axes import is_spatial as is_spatial_axis
from saccade.models.torch.layout import Layout, feature_map, has_places, is_spatial, other, places_of, side
from saccade.models.torch.layout_rules import Operand, Work, layout_after
from saccade.models.torch.windows import Movement, Step, movement

_ONLY_THE_SHAPE = ("Shape", "Size")
_NO_MAPS = ("MatMul", "Einsum", "Attention")
"""What gives four axes that are no map: heads, queries and keys."""

_SIDES = (["H", "W"], ["H", ""], ["", "W"])
"""What lies in the two axes of a map's rows and columns; a side of one leaves no trace."""


@dataclass(frozen=True)
class TracedTensor:
    """What is known of a tensor that depends on the image.

    Attributes:
        key: The operation that made it.
        operator: The operator that made it.
        axes: Where its rows and columns lie; None where all places are mixed.
        layout: The same, followed also through what mixes places; None where that is not known.
        is_map: Its four axes are those of a map.
    """

    key: str
    operator: str
    axes: Axes | None
    layout: Layout | None
    is_map: bool

    @property
    def has_channels_last(self) -> bool:
        """Do its channels lie in the last axis?"""
        return self.axes is not None and len(self.axes) == 4 and not is_spatial_axis(self.axes[3])


@dataclass
class Trace:
    """One run.

    Attributes:
        tensors: What depends on the image, by the tensor's name, in the order of computation.
        operations: How places move, by the operation's name.
    """

    tensors: dict[str, TracedTensor] = field(default_factory=dict)
    operations: dict[str, Operation] = field(default_factory=dict)

    def dataflow(self, size: tuple[int, int], shapes: Mapping[str, tuple[int, ...]]) -> Dataflow:
        """The operations at this image size, and the shapes of layers."""
        return Dataflow(size, self.operations, shapes)


def trace(
    graph: Any,
    image: str,
    *,
    version: int,
    is_channels_last: bool,
    shapes: Mapping[str, tuple[int, ...]],
    values: Mapping[str, NDArray[Any]],
    paths: Mapping[str, str],
) -> Trace:
    """Follow the image through a graph.

    Args:
        graph: The `onnx.GraphProto`.
        image: The name of the tensor of images.
        version: The version of the set of operators.
        is_channels_last: The images are (N, H, W, C), not (N, C, H, W).
        shapes: The shape of every tensor that was seen.
        values: The values of constants.
        paths: How tensors are called as layers.
    """
    traced = Trace()
    shape = shapes[image]
    axes = channels_last(shape) if is_channels_last else channels_first(shape)
    layout = feature_map(shape)
    if is_channels_last:
        layout = other(shape[0]), side("H", shape[1]), side("W", shape[2]), other(shape[3])
    traced.tensors[image] = TracedTensor("input", "input", axes, layout, True)
    for node, derived in nodes_of(graph, traced.tensors, version=version, shapes=shapes, values=values):
        is_plain = all(name in node.inputs for name in derived) and all(name in shapes for name in derived)
        for part, name in enumerate(node.outputs):
            if name:
                _follow(traced, node, part, paths.get(name, name), derived if not is_plain else None)
    return traced


def derived_from(graph: Any, image: str) -> set[str]:
    """The tensors that depend on the values of the image, and not on its shape alone."""
    derived = {image}
    for proto in graph.node:
        if proto.op_type not in _ONLY_THE_SHAPE and not derived.isdisjoint(_read(proto)):
            derived.update(name for name in proto.output if name)
    return derived


def nodes_of(
    graph: Any,
    dependent: Container[str],
    *,
    version: int,
    shapes: Mapping[str, tuple[int, ...]],
    values: Mapping[str, NDArray[Any]],
) -> Iterator[tuple[Node, list[str]]]:
    """The operators that depend on the image, each with the tensors that it reads of those that do.

    Args:
        graph: The `onnx.GraphProto`.
        dependent: The tensors that depend on the image; it may grow from one operator to the next.
        version: The version of the set of operators.
        shapes: The shape of every tensor that was seen.
        values: The values of constants.
    """
    for proto in graph.node:
        derived = [name for name in _read(proto) if name in dependent]
        if derived and proto.op_type not in _ONLY_THE_SHAPE:
            constants = {name: values[name] for name in proto.input if name in values and name not in dependent}
            inputs, outputs = list(proto.input), list(proto.output)
            yield Node(proto.op_type, version, _attributes(proto), inputs, outputs, shapes, constants), derived


def _follow(traced: Trace, node: Node, part: int, key: str, reads_unseen: list[str] | None) -> None:
    name = node.outputs[part]
    shape = node.shapes.get(name)
    if reads_unseen is not None or shape is None:
        sources = reads_unseen or [source for source in node.inputs if source in traced.tensors]
        inputs = tuple(traced.tensors[source].key for source in sources)
        axes = None if shape is None else channels_first(shape)
        traced.operations[key] = Operation(inputs, None, None if axes is None else grid_of(axes))
        traced.tensors[name] = TracedTensor(key, node.operator, axes, None, axes is not None)
        return
    steps = operations_of(node)
    operands = [
        _Read(steps[0].operand(number), source, node.shapes[source], traced.tensors.get(source))
        for number, source in enumerate(node.inputs)
        if source in node.shapes
    ]
    for number, step in enumerate(steps):
        is_last = number == len(steps) - 1
        own = key if is_last else f"{key}#{number}"
        tensor = _step(traced, node, step, own, operands, step.shape or shape, part)
        operands = [_Read("self", own, step.shape or shape, tensor)]
        if is_last:
            traced.tensors[name] = tensor


@dataclass(frozen=True)
class _Read:
    argument: str
    name: str
    shape: tuple[int, ...]
    traced: TracedTensor | None


def _step(
    traced: Trace, node: Node, step: Named, key: str, operands: list[_Read], shape: tuple[int, ...], part: int
) -> TracedTensor:
    derived = [(operand.argument, operand.traced) for operand in operands if operand.traced is not None]
    movement_of_step: Movement = None
    placed = [(argument, tensor.axes) for argument, tensor in derived if tensor.axes is not None]
    if step.name != UNKNOWN and placed and len(placed) == len(derived):
        if step.windows is not None:
            movement_of_step = moved(placed[0][1], step.windows, shape) if len(placed) == 1 else None
        else:
            movement_of_step = movement(Step(step.name, step.pointwise, step.arguments, placed, shape))
    layout = layout_after(
        Work(
            step.name,
            step.arguments,
            [
                Operand(operand.argument, operand.shape, None if operand.traced is None else operand.traced.layout)
                for operand in operands
            ],
            shape,
            part,
        )
    )
    is_map = len(shape) == 4 and _is_map(node, step, operands, layout)
    windows: Windows | None = None
    axes: Axes | None
    if movement_of_step is not None:
        windows, axes = movement_of_step
    else:
        # After an operation that mixed all places any answer to where they lie is a true one.
        main = placed[0][1] if placed else None
        axes = main if main is not None and shape_of(main) == shape else _axes_of_map(layout, shape) if is_map else None
    tensor = TracedTensor(key, node.operator, axes, layout, is_map)
    inputs = tuple(operand.key for _, operand in derived)
    traced.operations[key] = Operation(inputs, windows, *_grid_and_places(tensor, shape))
    return tensor


def _grid_and_places(
    tensor: TracedTensor, shape: tuple[int, ...]
) -> tuple[tuple[int, int] | None, Places | Literal["grid"] | None]:
    if len(shape) == 4 and tensor.is_map:
        return (shape[1:3] if tensor.has_channels_last else shape[2:]), "grid"
    if tensor.layout is None or not has_places(tensor.layout):
        return None, None
    return None, places_of(tensor.layout)


def _axes_of_map(layout: Layout | None, shape: tuple[int, ...]) -> Axes | None:
    is_last = layout is not None and is_spatial(layout[1]) and is_spatial(layout[2]) and not is_spatial(layout[3])
    return channels_last(shape) if is_last else channels_first(shape)


def _is_map(node: Node, step: Named, operands: list[_Read], layout: Layout | None) -> bool:
    """Are four axes those of a map, channels first or last?"""
    if node.operator in _NO_MAPS:
        return False
    if layout is not None and has_places(layout):
        labels = ["".join(factor.label for factor in axis) for axis in layout]
        return not labels[0] and ((not labels[1] and labels[2:] in _SIDES) or (not labels[3] and labels[1:3] in _SIDES))
    if step.name in ("view", "permute"):
        # A dense layer's numbers are a map once they were put in that form; those of heads are not.
        return all(
            len(operand.shape) == 2 or (operand.traced is not None and operand.traced.is_map)
            for operand in operands
            if operand.traced is not None
        )
    maps = [operand.traced.is_map for operand in operands if operand.traced is not None and len(operand.shape) == 4]
    return all(maps)


def _attributes(proto: Any) -> dict[str, Any]:
    """The settings of an operator: numbers, texts and lists of them."""
    attributes: dict[str, Any] = {}
    for attribute in proto.attribute:
        if attribute.type == attribute.FLOAT:
            attributes[attribute.name] = attribute.f
        elif attribute.type == attribute.INT:
            attributes[attribute.name] = attribute.i
        elif attribute.type == attribute.STRING:
            attributes[attribute.name] = attribute.s.decode("utf-8", "replace")
        elif attribute.type == attribute.FLOATS:
            attributes[attribute.name] = list(attribute.floats)
        elif attribute.type == attribute.INTS:
            attributes[attribute.name] = list(attribute.ints)
    return attributes


def _read(proto: Any) -> Iterator[str]:
    """The tensors that an operator reads, also inside its own graphs."""
    yield from (name for name in proto.input if name)
    for attribute in proto.attribute:
        for inner in (attribute.g, *attribute.graphs):
            for node in inner.node:
                yield from _read(node)
            yield from (value.name for value in inner.output)
