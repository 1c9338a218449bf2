"""Which places of an image reach which places of a layer: the arithmetic of convolutions, pooling and upsampling.

A network is traced as a list of operations in the order of computation. Along one image axis every local
operation is a *window*: output `o` reads the inputs `o * stride - before + j * dilation` for `j < kernel`. Turned
round (transposed convolution, upsampling) input `i` writes the outputs `i * stride - before + j * dilation`. Intervals
of places go through windows by integer arithmetic, forwards (what does this hole touch?) and backwards (what does this
cell see?). An operation that mixes all places (dense, attention, global pooling) has no windows and reaches everywhere.

Source: the receptive-field arithmetic of Dumoulin and Visin (2016), arXiv:1603.07285, sections 2 to 4.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from saccade.models.places import Places

Interval = tuple[int, int]
"""Half-open interval of places along one axis; empty when the second is not above the first."""

EVERYWHERE: Interval = (-(10**9), 10**9)
NOWHERE: Interval = (0, 0)


@dataclass(frozen=True)
class Window:
    """One local operation along one axis."""

    kernel: int = 1
    stride: int = 1
    before: int = 0
    dilation: int = 1
    transposed: bool = False

    def forward(self, places: Interval) -> Interval:
        """Which outputs can change when these inputs change?"""
        return self._spread(places) if self.transposed else self._gather(places)

    def backward(self, places: Interval) -> Interval:
        """Which inputs can these outputs see?"""
        return self._gather(places) if self.transposed else self._spread(places)

    def _spread(self, places: Interval) -> Interval:
        first, last = places[0], places[1] - 1
        return first * self.stride - self.before, last * self.stride - self.before + self._reach + 1

    def _gather(self, places: Interval) -> Interval:
        first, last = places[0], places[1] - 1
        return -((self._reach - first - self.before) // self.stride), (last + self.before) // self.stride + 1

    @property
    def _reach(self) -> int:
        return (self.kernel - 1) * self.dilation


Windows = tuple[Window, Window]
"""The windows of one operation along height and width."""

POINTWISE: Windows = (Window(), Window())


def same_padding(size: int, kernel: int, stride: int, dilation: int = 1) -> int:
    """How many places of padding stand before the first one under TensorFlow's "same" rule."""
    outputs = -(-size // stride)
    return max((outputs - 1) * stride + (kernel - 1) * dilation + 1 - size, 0) // 2


def upsampling(factor: int, *, bilinear: bool = False) -> Window:
    """The window of an enlargement by a whole factor; bilinear ones also touch the neighbours' share."""
    if bilinear and factor > 1:
        half = -(-factor // 2)
        return Window(kernel=2 * half + factor, stride=factor, before=half, transposed=True)
    return Window(kernel=factor, stride=factor, transposed=True)


@dataclass(frozen=True)
class Operation:
    """One step of the computation: what it reads, how it moves places, and the grid it leaves.

    Attributes:
        inputs: Names of the operations read; `"input"` is the image itself.
        windows: Height and width windows, or None when all places are mixed.
        grid: Height and width of the result, or None when its own axes are not rows and columns.
        places: Where rows and columns lie among its numbers: in its own axes (`"grid"`), elsewhere, as in tokens, or
            nowhere that is known (None).
    """

    inputs: tuple[str, ...]
    windows: Windows | None
    grid: tuple[int, int] | None
    places: Places | Literal["grid"] | None = "grid"


@dataclass(frozen=True, eq=False)
class Dataflow:
    """The operations of one network at one image size, in the order of computation.

    Attributes:
        size: Height and width of the image.
        operations: The operations by name; named layers under their paths.
        shapes: The shape of each layer's result for one image at this size, where that is known.
    """

    size: tuple[int, int]
    operations: Mapping[str, Operation]
    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict, repr=False, compare=False)
    # The same places are asked about again and again.
    _followed: dict[tuple[int, Interval], dict[str, Interval]] = field(default_factory=dict, repr=False, compare=False)
    _fields: dict[tuple[str, int, Interval], Interval] = field(default_factory=dict, repr=False, compare=False)

    def grid(self, name: str) -> tuple[int, int] | None:
        """Height and width of an operation's result; None when it has no places, or nothing is known of it."""
        if name == "input":
            return self.size
        return self.operations[name].grid if name in self.operations else None

    def places(self, name: str) -> Places | None:
        """The places of an operation's result; None when it has none, or when they are not known."""
        operation = self.operations.get(name)
        if operation is None or operation.places is None:
            return None
        if isinstance(operation.places, Places):
            return operation.places
        return None if operation.grid is None else Places(*operation.grid)

    def footprint(self, name: str, axis: int, places: Interval) -> Interval:
        """Which places of `name` along `axis` can change when these places of the image change?

        Args:
            name: The operation asked about.
            axis: 0 for height, 1 for width.
            places: Rows (or columns) of the image, half open.

        Returns:
            The half-open interval, clipped to the grid; never too small, and exact where no branch is wider.
        """
        grid = self.grid(name)
        if grid is None:
            return 0, 1
        first, last = self._reached(axis, places).get(name, EVERYWHERE)
        return max(first, 0), min(last, grid[axis])

    def footprints(self, axis: int, places: Interval) -> dict[str, Interval]:
        """The footprint of the same places on every operation with places of its own: {name: interval}."""
        reached = self._reached(axis, places)
        return {
            name: (max(reached[name][0], 0), min(reached[name][1], operation.grid[axis]))
            for name, operation in self.operations.items()
            if operation.grid is not None
        }

    def _reached(self, axis: int, places: Interval) -> dict[str, Interval]:
        """Follow places of the image through all operations."""
        if (axis, places) in self._followed:
            return self._followed[axis, places]
        reached: dict[str, Interval] = {"input": places}
        for key, operation in self.operations.items():
            arriving = _hull(reached.get(source, EVERYWHERE) for source in operation.inputs)
            if arriving[1] <= arriving[0]:
                reached[key] = NOWHERE
            elif operation.windows is None or arriving == EVERYWHERE:
                reached[key] = EVERYWHERE
            else:
                reached[key] = operation.windows[axis].forward(arriving)
            if operation.grid is not None and reached[key] != EVERYWHERE:
                first, last = reached[key]
                reached[key] = (max(first, 0), min(last, operation.grid[axis]))
        self._followed[axis, places] = reached
        return reached

    def field(self, name: str, axis: int, places: Interval) -> Interval:
        """Which places of the image can these places of `name` see? Not clipped to the image.

        Returns:
            The half-open interval; `EVERYWHERE` when an operation on the way mixes all places.
        """
        if (name, axis, places) in self._fields:
            return self._fields[name, axis, places]
        seen_of: dict[str, Interval] = {name: places}
        for key in reversed(self._ancestors(name)):
            if key not in seen_of:
                continue
            operation = self.operations[key]
            interval = seen_of[key]
            through = (
                EVERYWHERE
                if operation.windows is None or interval == EVERYWHERE
                else operation.windows[axis].backward(interval)
            )
            for source in operation.inputs:
                reached = seen_of.get(source)
                seen_of[source] = through if reached is None else _hull((reached, through))
        field = self._fields[name, axis, places] = seen_of.get("input", EVERYWHERE)
        return field

    def is_cut(self, at: str, name: str, start: str = "input") -> bool:
        """Does every way from `start`, by default the image, to `name` lead through `at`? No, where one is unknown."""
        waiting, visited = [name], {"input"} - {start}
        while waiting:
            key = waiting.pop()
            if key == at or key in visited:
                continue
            if key == start or key not in self.operations or not self.operations[key].inputs:
                return False
            visited.add(key)
            waiting.extend(self.operations[key].inputs)
        return True

    def receptive_field(self, name: str) -> tuple[int, int] | None:
        """How many rows and columns of the image can one inner cell of `name` see? None: all of it."""
        grid = self.grid(name)
        if grid is None:
            return None
        sizes = []
        for axis in (0, 1):
            middle = grid[axis] // 2
            first, last = self.field(name, axis, (middle, middle + 1))
            if (first, last) == EVERYWHERE:
                return None
            sizes.append(last - first)
        return sizes[0], sizes[1]

    def stride(self, name: str) -> tuple[float, float] | None:
        """How many pixels lie between neighbouring cells of `name`? None when it has no places."""
        places = self.places(name)
        if places is None:
            return None
        return self.size[0] / places.rows, self.size[1] / places.columns

    def _ancestors(self, name: str) -> list[str]:
        if name == "input":
            return []
        needed = {name}
        for key in list(self.operations)[::-1]:
            if key in needed:
                needed.update(self.operations[key].inputs)
        return [key for key in self.operations if key in needed]


def _hull(intervals: object) -> Interval:
    filled = [interval for interval in intervals if interval[1] > interval[0]]  # type: ignore[attr-defined]
    if not filled:
        return NOWHERE
    if EVERYWHERE in filled:
        return EVERYWHERE
    return min(first for first, _ in filled), max(last for _, last in filled)
