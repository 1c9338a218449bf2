"""Tracing one run of a torch module, operation by operation, below autograd.

A dispatch mode sees every ATen operation, whatever called it: layers, `torch.nn.functional`, `+` between two branches,
compiled scripts. The numbers that depend on the image are followed by the memory that they lie in, with where its rows
and columns are; nothing is kept alive for that. What is not known for certain counts as mixing all places: a footprint
may come out too large, never too small.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from saccade.models.dataflow import POINTWISE, Dataflow, Operation, Windows
from saccade.models.places import Places
from saccade.models.torch.axes import Axes, channels_first, channels_last, grid_of, shape_of
from saccade.models.torch.layout import Layout, feature_map, has_places, is_spatial, places_of, size_of
from saccade.models.torch.layout_rules import Operand, Work, layout_after
from saccade.models.torch.memory import Geometry, Memory, geometry_of
from saccade.models.torch.operation_arguments import named_arguments, written_arguments
from saccade.models.torch.result_bound import ResultBound
from saccade.models.torch.windows import Movement, Step, movement
from saccade.typing import Tensor

_UNKNOWN = "unknown"
"""A tensor that came from nowhere; it is no operation, so it counts as reached by everything."""

_SAME_NUMBERS = {
    "_reshape_alias", "_to_copy", "_unsafe_view", "alias", "clone", "detach", "permute", "reshape", "squeeze",
    "transpose", "unsqueeze", "view",
}  # fmt: skip
_ONLY_THE_SHAPE = {
    "_assert_tensor_metadata", "device", "is_same_size", "new_empty", "new_empty_strided", "new_full", "new_ones",
    "new_zeros", "numel", "size", "stride", "sym_numel", "sym_size", "sym_storage_offset", "sym_stride",
}  # fmt: skip
_SIDES = (["H", "W"], ["H", ""], ["", "W"])
"""What lies in the last two axes of a map; a side of one row or column leaves no trace."""
_EXITS = {"numpy", "tolist", "__array__", "__dlpack__"}


@dataclass(frozen=True)
class TracedTensor:
    """What is known of a tensor that depends on the image.

    Attributes:
        key: The operation that made it.
        axes: Where its rows and columns lie; None where all places are mixed.
        kind: The operation that computed its numbers.
        layout: Where its rows and columns lie, followed also through what mixes places; None where that is not known.
    """

    key: str
    axes: Axes | None
    kind: str
    layout: Layout | None = None


@dataclass(frozen=True)
class Call:
    """One ATen operation with what it reads.

    Attributes:
        function: The operation.
        name: Its name without the overload.
        arguments: Everything by argument name.
        targets: What it writes into.
        derived: What is known of the operands that depend on the image.
        operands: Every tensor that it reads, with where its rows and columns lie.
    """

    function: Any
    name: str
    arguments: Mapping[str, Any]
    targets: list[Tensor]
    derived: list[tuple[str, TracedTensor]]
    operands: list[Operand]


@dataclass
class Trace:
    """One run.

    Attributes:
        operations: Every operation that depends on the image, and every named layer, in order.
        overwritten: The named layers whose result was changed in place afterwards.
        channels_last: The named layers whose 4-D result has its channels last.
        writes_input: The images themselves were changed in place.
        bound: How large the result of an operation may be, and how many there are; None: as it likes.
        failure: What the last operation that failed raised, and said.
    """

    operations: dict[str, Operation] = field(default_factory=dict)
    overwritten: set[str] = field(default_factory=set)
    channels_last: set[str] = field(default_factory=set)
    writes_input: bool = False
    bound: ResultBound | None = None
    failure: tuple[type[Exception], str] | None = None
    _memory: Memory = field(default_factory=Memory)
    _views: dict[int, dict[Geometry, TracedTensor | None]] = field(default_factory=dict)
    _constant: set[int] = field(default_factory=set)
    _named: dict[int, set[str]] = field(default_factory=dict)
    _remembered: Callable[[], Iterable[Tensor]] | None = None
    _input: int = 0
    _leaked: bool = False
    _count: int = 0

    def start(
        self, images: Tensor, constants: Iterable[Tensor], remembered: Callable[[], Iterable[Tensor]] | None = None
    ) -> None:
        """Begin with the images (N, C, H, W) and the tensors that the module holds.

        Args:
            images: What the module is called with.
            constants: Tensors that do not depend on the images.
            remembered: Gives more of them. It may take long: it is called once, at the first tensor that is not known.
        """
        if self.bound is not None:
            self.bound.start()
        for tensor in constants:
            self._add_constant(tensor)
        self._remembered = remembered
        shape = tuple(images.shape)
        self._remember(images, TracedTensor("input", channels_first(shape), "input", feature_map(shape)))
        self._input = self._memory.block(images)

    def about_to(self, function: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Call:
        """Look at one ATen operation before it runs: some change the very shape of what they read."""
        name = str(function._schema.name).split("::")[-1]
        arguments = named_arguments(function, args, kwargs)
        targets = list(tensors_in([arguments.get(written) for written in written_arguments(function)]))
        shape_only = name.endswith("_like") or name in _ONLY_THE_SHAPE
        derived = [] if shape_only else self._derived(arguments, targets, name)
        operands = [
            Operand(argument, tuple(tensor.shape), None if (traced := self._find(tensor)) is None else traced.layout)
            for argument, value in arguments.items()
            for tensor in tensors_in([value])
        ]
        return Call(function, name, arguments, targets, derived, operands if derived else [])

    def note(self, call: Call, result: Any) -> None:
        """Take down one ATen operation that ran."""
        name, targets, derived = call.name, call.targets, call.derived
        results = list(tensors_in(result)) or targets
        if self.bound is not None:
            self.bound.check(results)
            self.bound.hold(results)
        for target in targets:
            self.overwritten |= self._named.get(self._memory.block(target), set())
            self.writes_input |= self._memory.block(target) == self._input
        if derived and (not results or _depends_on_values(call.function)):
            self._leaked = True  # a number left for Python; from here on it may be anywhere
        if not derived and not self._leaked:
            for tensor in results if not targets else ():
                if self._memory.block(tensor) not in self._views:
                    self._add_constant(tensor)
            return
        base = name.removesuffix("_") if targets else name
        pointwise = _is_pointwise(call.function, base)
        self._count += 1
        for part, tensor in enumerate(results):
            key = f"{name}#{self._count}" + (f".{part}" if part else "")
            traced = self._add(key, base, pointwise, call, tensor, part)
            if any(tensor is target for target in targets):
                self._overwrite(tensor, traced)
            else:
                self._remember(tensor, traced)

    def note_exit(self, tensors: Any) -> None:
        """Take down that the numbers of these tensors were handed to Python, where they cannot be followed."""
        self._leaked |= any(self._find(tensor) is not None for tensor in tensors_in(tensors))

    def name(self, path: str, tensor: Tensor) -> None:
        """Take down that this tensor is the result of a named layer."""
        traced = self._find(tensor)
        self._named.setdefault(self._memory.block(tensor), set()).add(path)
        shape = tuple(tensor.shape)
        first, last = channels_first(shape), channels_last(shape)
        if traced is None:
            self.operations[path] = Operation((), POINTWISE, grid_of(first) if first else None)
        elif first is not None and (traced.axes == last != first or _has_channels_last(traced.layout)):
            self.channels_last.add(path)
            windows = POINTWISE if traced.axes == last else None
            self.operations[path] = Operation((traced.key,), windows, (shape[1], shape[2]))
        elif first is not None:
            windows = POINTWISE if traced.axes == first else None
            places: Literal["grid"] | None = "grid" if _may_be_map(traced.layout) else None
            self.operations[path] = Operation((traced.key,), windows, (shape[2], shape[3]), places)
        else:
            layout = traced.layout
            tokens = None if layout is None or not has_places(layout) else places_of(layout)
            self.operations[path] = Operation((traced.key,), POINTWISE, None, tokens)
        # What comes after reads the layer, so that a change of its result is seen to reach it. A layer that hands on
        # what another one outside it made, such as an identity on a skip, is not what the rest reads.
        made_here = traced is not None and ("#" in traced.key or traced.key.startswith(f"{path}."))
        # Nor is one whose rows and columns lie in unusual axes: they would be lost on the way through it.
        if traced is not None and made_here and (self.operations[path].windows is not None or traced.axes is None):
            self._remember(tensor, replace(traced, key=path))

    def kind(self, tensor: Tensor) -> str | None:
        """Which operation computed these numbers?"""
        traced = self._find(tensor)
        return None if traced is None else traced.kind

    def made_by(self, tensor: Tensor) -> str:
        """The operation that gave these numbers, as it is called among `operations`."""
        traced = self._find(tensor)
        return _UNKNOWN if traced is None else traced.key

    def view(self, tensor: Tensor) -> tuple[int, Geometry]:
        """Which numbers are these? Two tensors that show the same memory in the same way give the same answer."""
        return self._memory.block(tensor), geometry_of(tensor)

    def finish(self) -> None:
        """Let go of the memory; what was taken down stays."""
        self._memory = Memory()
        self._views.clear()
        self._remembered = None

    def dataflow(self, height: int, width: int, shapes: Mapping[str, tuple[int, ...]] | None = None) -> Dataflow:
        """The operations at this image size, and the shapes of named layers."""
        return Dataflow((height, width), self.operations, shapes or {})

    def _derived(
        self, arguments: Mapping[str, Any], targets: list[Tensor], name: str
    ) -> list[tuple[str, TracedTensor]]:
        """The operands that depend on the image, by argument name."""
        derived = []
        for argument, value in arguments.items():
            for tensor in tensors_in([value]):
                if name == "copy_" and any(tensor is target for target in targets):
                    continue  # what stood there before is gone
                traced = self._find(tensor)
                if traced is not None and name == "lift_fresh" and traced.key == _UNKNOWN and not self._leaked:
                    continue  # `torch.tensor(numbers)` inside a module
                if traced is not None:
                    derived.append((argument, traced))
        return derived

    def _add(
        self,
        key: str,
        name: str,
        pointwise: bool,
        call: Call,
        tensor: Tensor,
        part: int,
    ) -> TracedTensor:
        shape, derived, arguments = tuple(tensor.shape), call.derived, call.arguments
        main = derived[0][1].axes if derived else None
        placed = [(argument, traced.axes) for argument, traced in derived if traced.axes is not None]
        step: Movement = None
        if placed and len(placed) == len(derived) and not self._leaked:
            step = movement(Step(name, pointwise, arguments, placed, shape))
        inputs = tuple(traced.key for _, traced in derived) + ((_UNKNOWN,) if self._leaked else ())
        windows: Windows | None
        axes: Axes | None
        if step is not None:
            windows, axes = step
        else:
            # After an operation that mixed all places any answer to where they lie is a true one.
            windows = None
            axes = main if main is not None and shape_of(main) == shape else channels_first(shape)
        self.operations[key] = Operation(inputs, windows, None if axes is None else grid_of(axes))
        kind = derived[0][1].kind if name in _SAME_NUMBERS and derived else name
        return TracedTensor(key, axes, kind, layout_after(Work(name, arguments, call.operands, shape, part)))

    def _add_constant(self, tensor: Tensor) -> None:
        self._remember(tensor, None)
        self._constant.add(self._memory.block(tensor))

    def _remember(self, tensor: Tensor, traced: TracedTensor | None) -> None:
        self._views.setdefault(self._memory.block(tensor), {})[geometry_of(tensor)] = traced

    def _overwrite(self, target: Tensor, traced: TracedTensor) -> None:
        """An operation wrote into `target`: everything that shares its memory changes with it."""
        block = self._memory.block(target)
        views = self._views.setdefault(block, {})
        self._constant.discard(block)
        for geometry, old in list(views.items()):
            if geometry == geometry_of(target):
                continue
            self._count += 1
            key = f"overlap#{self._count}"
            axes = old.axes if old is not None else channels_first(geometry[0])
            aligned = (
                old is not None
                and old.axes is not None
                and traced.axes is not None
                and grid_of(old.axes) == grid_of(traced.axes)
            )
            inputs = (traced.key,) if old is None else (old.key, traced.key)
            grid = None if axes is None else grid_of(axes)
            self.operations[key] = Operation(inputs, POINTWISE if aligned else None, grid)
            views[geometry] = TracedTensor(key, axes, "overlap", None if old is None else old.layout)
        views[geometry_of(target)] = traced

    def _find(self, tensor: Tensor) -> TracedTensor | None:
        """What is known of a tensor; None when it does not depend on the image."""
        block = self._memory.block(tensor)
        views = self._views.get(block, {})
        if (geometry := geometry_of(tensor)) in views:
            return views[geometry]
        if self._remembered is not None and not views and block not in self._constant:
            remembered, self._remembered = self._remembered(), None
            for each in remembered:
                if self._memory.block(each) not in self._views:  # what this run made is known better
                    self._add_constant(each)
        return None if block in self._constant else TracedTensor(_UNKNOWN, None, _UNKNOWN)


def _has_channels_last(layout: Layout | None) -> bool:
    """Is this (N, H, W, C)?"""
    if layout is None or len(layout) != 4 or not (is_spatial(layout[1]) or is_spatial(layout[2])):
        return False
    places = places_of(layout)
    return places == Places(size_of(layout[1]), size_of(layout[2]))


def _may_be_map(layout: Layout | None) -> bool:
    """Can a tensor of four axes be a map (N, C, H, W)? A dense layer's numbers can, once they were put in that form."""
    if layout is None or not has_places(layout):
        return True
    return not is_spatial(layout[0]) and not is_spatial(layout[1]) and _labels(layout)[2:] in _SIDES


def _labels(layout: Layout) -> list[str]:
    return ["".join(factor.label for factor in axis) for axis in layout]


def tensors_in(values: Any) -> Iterator[Tensor]:
    """Every tensor inside nested lists, tuples and dicts."""
    import torch

    if isinstance(values, torch.Tensor):
        yield values
    elif isinstance(values, (list, tuple)):
        for value in values:
            yield from tensors_in(value)
    elif isinstance(values, Mapping):
        yield from tensors_in(list(values.values()))


@contextmanager
def tracing(trace: Trace) -> Iterator[None]:
    """Take down every ATen operation of this thread, and notice numbers that leave for Python or numpy."""
    import torch
    from torch.overrides import TorchFunctionMode
    from torch.utils._python_dispatch import TorchDispatchMode

    class Operations(TorchDispatchMode):  # type: ignore[misc]
        def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            try:
                if trace.bound is not None:
                    trace.bound.count(function, args, kwargs or {})
                call = trace.about_to(function, args, kwargs or {})
                if trace.bound is not None and (trace.bound.looks_ahead or not call.derived):
                    trace.bound.look_ahead(function, args, kwargs or {})
                result = function(*args, **(kwargs or {}))
                trace.note(call, result)
                if trace.bound is not None and not trace.bound.looks_ahead:
                    trace.bound.multiply(function, args, kwargs or {}, result)
            except Exception as error:
                # Not the error itself, which would keep every tensor of the run alive.
                trace.failure = type(error), str(error)
                raise
            return result

    class Exits(TorchFunctionMode):  # type: ignore[misc]
        def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            if getattr(function, "__name__", "") in _EXITS:
                trace.note_exit(args)
            if function is torch.Tensor.__getitem__ and isinstance(args[1], str):
                raise KeyError(args[1])  # as a dictionary would; torch itself takes the letters for indices
            return function(*args, **(kwargs or {}))

    with Exits(), Operations():
        yield


def _is_pointwise(function: Any, base: str) -> bool:
    import torch

    if torch.Tag.pointwise in function.tags:
        return True
    # The in-place and `out=` forms of an elementwise operation do not always carry the tag themselves.
    packet = getattr(torch.ops.aten, base, None)
    default = getattr(packet, function._overloadname, None)
    return default is not None and torch.Tag.pointwise in default.tags


def _depends_on_values(function: Any) -> bool:
    import torch

    return torch.Tag.dynamic_output_shape in function.tags or torch.Tag.data_dependent_output in function.tags
