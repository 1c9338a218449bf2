"""What in the compiled functions of a TorchScript archive could do more than compute, or run without end?

The code was checked as text before (`script_code`); here every operation is looked at as PyTorch resolved it, how often
it can run, and how long the lists and texts are that it goes through. Nothing can stop PyTorch while it runs a script,
so all of that is told beforehand: a loop turns as often as a number in the code says, or as a list is long, and where a
list says so, the script is told to look at its length first (`guard_lengths`). Operations on tensors take longer: they
are counted while a run is traced, which can be stopped (`result_bound`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from saccade.models.torch.operations import SCRIPT_PRIMITIVES, only_computes
from saccade.models.torch.script_insertion import insert_error, inserted, whole_number
from saccade.models.torch.trust import Untrusted

_MOST_TURNS = 10_000
"""How often a loop may turn, and how many items a list or a text may have that is written down, or repeated where it
is."""
_LONGEST_COUNTED = 128
"""How long a list may be, or how many dimensions a tensor may have, whose length says how often something is done."""
_MOST_WORK = 2_000_000
"""How many operations one call may run, loops and calls of calls multiplied; the largest networks of libraries have
150,000."""
_MOST_DOUBLINGS = 12
"""How often lists and texts may be joined with others, each of which may be as long as themselves."""
_MOST_ITEMS_READ = 20_000_000
"""How many items of lists, texts and dictionaries one call may go through."""
_LETTERS_OF_ITEM = 3
"""What a letter of a list takes in the text of that list, in doublings: two quotes, a comma and a space."""

_SINGLE_ITEM = frozenset({
    "aten::__getitem__", "aten::__is__", "aten::__isnot__", "aten::_set_item", "aten::append", "aten::dim", "aten::get",
    "aten::len", "aten::setdefault", "prim::CallFunction", "prim::CallMethod", "prim::CreateObject", "prim::GetAttr",
    "prim::If", "prim::ListConstruct", "prim::Loop", "prim::SetAttr", "prim::TupleConstruct", "prim::TupleIndex",
    "prim::TupleUnpack", "prim::isinstance", "prim::unchecked_cast", "prim::unchecked_unwrap_optional",
})  # fmt: skip
"""What reads at most one item of a list, text or dictionary."""
_GROWING = frozenset({"aten::_set_item", "aten::append", "aten::insert", "aten::setdefault"})
"""What adds one item."""
_ALTERING = frozenset({"aten::_set_item", "aten::add_", "aten::append", "aten::extend", "aten::insert"})
_JOINING = frozenset({"aten::add", "aten::add_", "aten::extend"})


def check_graphs(functions: Any, longest_stored: int = 0) -> list[Length]:
    """Look at every operation that PyTorch made of the code.

    Args:
        functions: Its compilation unit.
        longest_stored: How many items the longest list, text or dictionary has that the archive holds.

    Returns:
        The lengths on which the judgement rests, for `guard_lengths`.

    Raises:
        Untrusted: One of them does more than compute, or the code could run without end.
    """
    reader = _GraphReader({function.qualified_name: function.graph for function in functions.get_functions()})
    for name in reader.graphs:
        cost = reader.cost_of(name)
        if cost.work > _MOST_WORK:
            raise Untrusted("a script that calls itself too often to be read through")
        if cost.doublings > _MOST_DOUBLINGS:
            raise Untrusted("lists or texts that grow without end")
        if cost.reads * ((max(cost.longest, longest_stored) + cost.growth) << cost.doublings) > _MOST_ITEMS_READ:
            raise Untrusted("lists or texts that are gone through too often")
    return list(reader.lengths.values())


def guard_lengths(lengths: Iterable[Length]) -> None:
    """Have the script raise where one of these lengths is larger than it was taken for."""
    import torch

    for graph, node in lengths:
        limit = inserted(graph, node, "prim::Constant", [], whole_number(), _LONGEST_COUNTED)
        is_longer = inserted(graph, node, "aten::gt", [node.output(), limit], torch._C.BoolType.get())
        insert_error(graph, node, is_longer, f"a list of more than {_LONGEST_COUNTED} items says how often it turns")
        node.moveBefore(limit.node())


def nodes_in(nodes: Any) -> Iterator[Any]:
    """These nodes, and all that lie in their blocks."""
    for node in nodes:
        yield node
        for block in node.blocks():
            yield from nodes_in(block.nodes())


def callee_of(node: Any) -> str | None:
    """The function of the archive that a node calls, if it calls one."""
    if node.kind() == "prim::CallMethod":
        return f"{_type_name(node.inputsAt(0))}.{node.s('name')}"
    return _type_name(node.inputsAt(0)) if node.kind() == "prim::CallFunction" else None


class Length(NamedTuple):
    """An operation that tells how long something is, and the graph that it stands in."""

    graph: Any
    node: Any


class _Interval(NamedTuple):
    """Between which numbers a whole number in the code lies."""

    low: float = -math.inf
    high: float = math.inf


class _Cost(NamedTuple):
    """What a function may take, at the least likely.

    Attributes:
        work: How many operations it runs.
        doublings: How often the longest list or text in it could become twice as long.
        growth: How many items are added to lists and dictionaries.
        longest: How many items the longest list or text has that is written down or repeated.
        reads: How often a whole list, text or dictionary is gone through.
    """

    work: int = 0
    doublings: int = 0
    growth: int = 0
    longest: int = 0
    reads: int = 0

    def __add__(self, other: Any) -> _Cost:
        return _Cost(
            self.work + other.work,
            self.doublings + other.doublings,
            self.growth + other.growth,
            max(self.longest, other.longest),
            self.reads + other.reads,
        )

    def times(self, turns: int) -> _Cost:
        """That of so many turns."""
        return _Cost(self.work * turns, self.doublings * turns, self.growth * turns, self.longest, self.reads * turns)


class _GraphReader:
    """Tells what the functions of an archive may take.

    Args:
        graphs: The graph of each function, by its full name.

    Attributes:
        lengths: Those that were taken to be short, by the function and the name in it.
    """

    def __init__(self, graphs: Mapping[str, Any]) -> None:
        self.graphs = graphs
        self.lengths: dict[tuple[str, str], Length] = {}
        self._costs: dict[str, _Cost] = {}

    def cost_of(self, name: str) -> _Cost:
        """That of a call of this function."""
        if name not in self._costs:
            if name not in self.graphs:
                raise Untrusted(f"a call of {name[:80]!r}, which is not in it")
            self._costs[name] = _Cost(_MOST_WORK + 1)  # until it is known: what calls itself never ends
            self._costs[name] = _FunctionReader(self, name).cost_of(self.graphs[name].nodes())
        return self._costs[name]


class _FunctionReader:
    """Tells what one function may take.

    Args:
        reader: Of all functions.
        name: The full name of this one.
    """

    def __init__(self, reader: _GraphReader, name: str) -> None:
        self._reader = reader
        self._name = name

    def cost_of(self, nodes: Any) -> _Cost:
        """That of all these operations."""
        total = _Cost()
        for node in nodes:
            namespace, _, operation = node.kind().partition("::")
            if not (
                (namespace == "aten" and only_computes(operation))
                or (namespace == "prim" and operation in SCRIPT_PRIMITIVES)
            ):
                raise Untrusted(f"a call of {node.kind()!r}")
            total += self._cost_of_operation(node)
            callee = callee_of(node)
            if callee is not None:
                total += self._reader.cost_of(callee)
            for block in node.blocks():
                total += self.cost_of(block.nodes()).times(self._turns(node) if operation == "Loop" else 1)
        return total

    def _cost_of_operation(self, node: Any) -> _Cost:
        """That of the operation itself, without what it calls or turns."""
        kind = node.kind()
        lengths = [_written_length(value) for value in (*node.inputs(), *node.outputs())]
        longest = max([length for length in lengths if length is not None], default=0)
        if kind == "prim::ListConstruct":
            longest = int(node.inputsSize())
        if longest > _MOST_TURNS:
            raise Untrusted(f"a list or a text of more than {_MOST_TURNS:,} items")
        growth = int(kind in _GROWING and (kind != "aten::_set_item" or _has_kind(node.inputsAt(0), "DictType")))
        if kind in _JOINING and _has_kind(node.inputsAt(0), "ListType"):
            growth = longest
        doublings, repeated = self._doublings(node)
        reads = 0 if kind in _SINGLE_ITEM else sum(map(_takes_long, node.inputs()))
        return _Cost(1, doublings, growth, max(longest, repeated), reads + (repeated > 0))

    def _doublings(self, node: Any) -> tuple[int, int]:
        """How often could one operation double the length of a list or a text? And how long is what it repeats?"""
        kind = node.kind()
        if kind in ("aten::mul", "prim::rangelist") and _has_kind(node.output(), "ListType"):
            number, *lists = sorted(node.inputs(), key=lambda value: not _has_kind(value, "IntType"))
            repeats = self._interval(number).high
            if repeats > _MOST_TURNS:
                raise Untrusted("a list of unknown length")
            repeats = max(int(repeats), 1)
            if lists and _is_long(lists[0]):
                return repeats.bit_length(), 0
            return 0, repeats * max(map(_written_length_or_one, lists), default=1)
        if kind == "aten::join":
            return _MOST_TURNS.bit_length(), 0
        if kind in ("aten::format", "aten::str"):
            # Numbers, also those of a list, become text only once.
            joined = [value for value in node.inputs() if "str" in value.type().annotation_str]
            letters = _LETTERS_OF_ITEM * any(_has_kind(value, "ListType", "DictType", "TupleType") for value in joined)
        elif kind in _JOINING:
            joined, letters = list(node.inputs()), 0
        else:
            return 0, 0
        return 0 if _is_message(node) else max(sum(map(_is_long, joined)) - 1, 0) + letters, 0

    def _turns(self, loop: Any) -> int:
        """How often does a loop turn, as far as that can be told?"""
        turns = self._interval(loop.inputsAt(0)).high
        if turns > _MOST_TURNS:
            turns = self._counted(loop)
        if turns > _MOST_TURNS:
            raise Untrusted("a loop that may never end")
        return max(int(turns), 1)

    def _counted(self, loop: Any) -> float:
        """The turns of a loop that goes on only while a counter, which grows by one, is below a limit."""
        [body] = loop.blocks()
        counters, results = list(body.inputs())[1:], list(body.outputs())
        conditions = [results[0]]
        while conditions:
            node = conditions.pop().node()
            if node.kind() == "aten::__and__":
                conditions += [node.inputsAt(0), node.inputsAt(1)]
            if node.kind() != "aten::lt" or node.inputsAt(0).node().kind() != "aten::add":
                continue
            names = [value.debugName() for value in node.inputsAt(0).node().inputs()]
            for number, (counter, result) in enumerate(zip(counters, results[1:], strict=True), start=2):
                grown = result.debugName() == node.inputsAt(0).debugName() and names[0] == counter.debugName()
                if grown and self._interval(node.inputsAt(0).node().inputsAt(1)) == (1, 1):
                    # Whether it turns once more is asked after each turn.
                    return self._interval(node.inputsAt(1)).high - self._interval(loop.inputsAt(number)).low + 1
        return math.inf

    def _interval(self, value: Any) -> _Interval:
        """Between which numbers a whole number in the code lies, as far as that can be told."""
        node = value.node()
        kind = node.kind()
        if kind == "prim::Constant" and _has_kind(node.output(), "IntType"):
            return _Interval(node.i("value"), node.i("value"))
        if kind in ("aten::len", "aten::dim"):
            length = Length(self._reader.graphs[self._name], node)
            self._reader.lengths.setdefault((self._name, value.debugName()), length)
            return _Interval(0, _LONGEST_COUNTED)
        if kind == "prim::min":
            values = [self._interval(item) for each in node.inputs() for item in _items(each)]
            return _Interval(min(each.low for each in values), min(each.high for each in values))
        if kind == "aten::__range_length":
            return _range_length(*map(self._interval, node.inputs()))
        if kind not in ("aten::add", "aten::sub", "aten::floordiv") or not _has_kind(node.output(), "IntType"):
            return _Interval()
        first, second = map(self._interval, node.inputs())
        if kind == "aten::add":
            return _Interval(first.low + second.low, first.high + second.high)
        if kind == "aten::sub":
            return _Interval(first.low - second.high, first.high - second.low)
        return _Interval(0, first.high) if first.low >= 0 and second.low >= 1 else _Interval()


def _range_length(start: _Interval, end: _Interval, step: _Interval) -> _Interval:
    if step.low >= 1:
        return _Interval(0, max(end.high - start.low, 0))
    return _Interval(0, max(start.high - end.low, 0)) if step.high <= -1 else _Interval()


def _is_message(node: Any) -> bool:
    """Does an operation only put together what a warning or an error says?"""
    users = [use.user.kind() for value in node.outputs() for use in value.uses()]
    return bool(users) and set(users) <= {"aten::warn", "prim::RaiseException"}


def _has_kind(value: Any, *kinds: str) -> bool:
    return value.type().kind() in kinds


def _written_length(value: Any) -> int | None:
    """How many items has a list or a text that is written down, and stays as it is?"""
    node = value.node()
    if node.kind() == "prim::ListConstruct":
        kinds = [use.user.kind() for use in value.uses()]
        # Whatever is no operation may hand it on to one that alters it.
        stays = all(kind.startswith("aten::") and kind not in _ALTERING for kind in kinds)
        return int(node.inputsSize()) if stays else None
    if node.kind() != "prim::Constant" or not _has_kind(value, "ListType", "StringType", "DictType"):
        return None
    return len(value.toIValue())


def _written_length_or_one(value: Any) -> int:
    return max(_written_length(value) or 0, 1)


def _is_long(value: Any) -> bool:
    """Is this a list or a text that is not written down where it is used, and not numbers as text?"""
    node = value.node()
    if node.kind() == "prim::Constant" or _written_length(value) is not None:
        return False
    is_number = node.kind() == "aten::str" and "str" not in node.inputsAt(0).type().annotation_str
    return _has_kind(value, "ListType", "StringType") and not is_number


def _takes_long(value: Any) -> bool:
    """May it take long to go through this value?"""
    length = _written_length(value)
    if length is not None or value.node().kind() == "prim::Constant":
        return length is not None and length > _LONGEST_COUNTED
    annotation = value.type().annotation_str
    return _has_kind(value, "ListType", "StringType", "DictType", "OptionalType", "TupleType") and (
        "List" in annotation or "Dict" in annotation or "str" in annotation
    )


def _items(value: Any) -> list[Any]:
    """What a list was made of; a value that is none is its own only item."""
    node = value.node()
    return list(node.inputs()) if node.kind() == "prim::ListConstruct" else [value]


def _type_name(value: Any) -> str:
    """The class of an object, or the function behind a value."""
    kind = value.type()
    name = getattr(kind, "qualified_name", None)
    return str(name()) if name is not None else str(kind)
