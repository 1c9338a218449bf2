"""What in the compiled functions of a TorchScript archive could do more than compute, or run without end?

The code was checked as text before (`script_code`); here every operation is looked at as PyTorch resolved it, and how
often it can run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from saccade.models.torch.operations import SCRIPT_PRIMITIVES, only_computes
from saccade.models.torch.trust import Untrusted

_MOST_TURNS = 10_000
"""How often a loop may turn; how long a list is, or how many dimensions a tensor has, counts as `_USUAL_TURNS`."""
_USUAL_TURNS = 100
_MOST_WORK = 10_000_000
"""How many operations one call may run, loops and calls of calls multiplied."""
_MOST_DOUBLINGS = 12
"""How often lists and texts may be joined with others, each of which may be as long as themselves; one that is written
down, or repeated where it is, has at most `_MOST_TURNS` items."""


def check_graphs(functions: Any) -> None:
    """Look at every operation that PyTorch made of the code; `functions` is its compilation unit.

    Raises:
        Untrusted: One of them does more than compute, or the code could run without end.
    """
    graphs = {function.qualified_name: function.graph for function in functions.get_functions()}
    costs: dict[str, _Cost] = {}
    for name in graphs:
        cost = _cost(name, graphs, costs)
        if cost.work > _MOST_WORK:
            raise Untrusted("a script that calls itself too often to be read through")
        if cost.doublings > _MOST_DOUBLINGS:
            raise Untrusted("lists or texts that grow without end")


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


class _Cost(NamedTuple):
    """What a function may take, at the least likely.

    Attributes:
        work: How many operations it runs.
        doublings: How often the longest list or text in it could become twice as long.
    """

    work: int = 0
    doublings: int = 0

    def __add__(self, other: Any) -> _Cost:
        return _Cost(self.work + other.work, self.doublings + other.doublings)

    def times(self, turns: int) -> _Cost:
        """That of so many turns."""
        return _Cost(self.work * turns, self.doublings * turns)


def _cost(name: str, graphs: Mapping[str, Any], costs: dict[str, _Cost]) -> _Cost:
    """That of a call of this function."""
    if name not in costs:
        if name not in graphs:
            raise Untrusted(f"a call of {name[:80]!r}, which is not in it")
        costs[name] = _Cost(_MOST_WORK + 1)  # until it is known: what calls itself never ends
        costs[name] = _cost_of(graphs[name].nodes(), graphs, costs)
    return costs[name]


def _cost_of(nodes: Any, graphs: Mapping[str, Any], costs: dict[str, _Cost]) -> _Cost:
    total = _Cost()
    for node in nodes:
        namespace, _, operation = node.kind().partition("::")
        if not (
            (namespace == "aten" and only_computes(operation))
            or (namespace == "prim" and operation in SCRIPT_PRIMITIVES)
        ):
            raise Untrusted(f"a call of {node.kind()!r}")
        total += _Cost(1, _doublings(node))
        callee = callee_of(node)
        if callee is not None:
            total += _cost(callee, graphs, costs)
        for block in node.blocks():
            total += _cost_of(block.nodes(), graphs, costs).times(_turns(node) if operation == "Loop" else 1)
    return total


def _doublings(node: Any) -> int:
    """How often could one operation double the length of a list or a text?"""
    if node.kind() in ("aten::mul", "prim::rangelist") and node.output().type().kind() == "ListType":
        length = _bound(node.inputsAt(node.inputsSize() - 1))
        if length is None or length > _MOST_TURNS:
            raise Untrusted("a list of unknown length")
        return length.bit_length() if _is_long(node.inputsAt(0)) else 0
    if node.kind() == "aten::join":
        return _MOST_TURNS.bit_length()
    if node.kind() == "aten::format":
        # Numbers, also those of a list, become text only once.
        joined = [value for value in node.inputs() if "str" in value.type().annotation_str]
    elif node.kind() in ("aten::add", "aten::add_", "aten::extend"):
        joined = list(node.inputs())
    else:
        return 0
    return 0 if _is_message(node) else max(sum(map(_is_long, joined)) - 1, 0)


def _is_message(node: Any) -> bool:
    """Does an operation only put together what a warning or an error says?"""
    users = [use.user.kind() for value in node.outputs() for use in value.uses()]
    return bool(users) and set(users) <= {"aten::warn", "prim::RaiseException"}


def _is_long(value: Any) -> bool:
    """Is this a list or a text that is not written down where it is used, and not numbers as text?"""
    node = value.node()
    if node.kind() in ("prim::Constant", "prim::ListConstruct"):
        return False
    is_number = node.kind() == "aten::str" and "str" not in node.inputsAt(0).type().annotation_str
    return value.type().kind() in ("ListType", "StringType") and not is_number


def _turns(loop: Any) -> int:
    """How often does a loop turn, as far as that can be told?"""
    turns = _bound(loop.inputsAt(0))
    if turns is None or turns > _MOST_TURNS:
        turns = _counted(loop)
    if turns is None or turns > _MOST_TURNS:
        raise Untrusted("a loop that may never end")
    return max(turns, 1)


def _counted(loop: Any) -> int | None:
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
            by_one = _bound(node.inputsAt(0).node().inputsAt(1)) == 1
            start = _bound(loop.inputsAt(number))
            if grown and by_one and start is not None and start >= 0:
                return _bound(node.inputsAt(1))
    return None


def _bound(value: Any) -> int | None:
    """The largest that a whole number in the code can be; None if that cannot be told."""
    node = value.node()
    if node.kind() == "prim::Constant" and node.output().type().kind() == "IntType":
        return int(node.i("value"))
    if node.kind() in ("aten::len", "aten::dim"):
        return _USUAL_TURNS
    if node.kind() == "aten::__range_length":
        return _bound(node.inputsAt(1))
    if node.kind() == "prim::min":
        values = [item for value in node.inputs() for item in _items(value)]
        return min((bound for item in values if (bound := _bound(item)) is not None), default=None)
    if node.kind() in ("aten::add", "aten::sub", "aten::floordiv"):
        first, second = (_bound(node.inputsAt(number)) for number in (0, 1))
        if first is None or second is None or second < int(node.kind() == "aten::floordiv"):
            return None
        return first + second if node.kind() == "aten::add" else first
    return None


def _items(value: Any) -> list[Any]:
    """What a list was made of; a value that is none is its own only item."""
    node = value.node()
    return list(node.inputs()) if node.kind() == "prim::ListConstruct" else [value]


def _type_name(value: Any) -> str:
    """The class of an object, or the function behind a value."""
    kind = value.type()
    name = getattr(kind, "qualified_name", None)
    return str(name()) if name is not None else str(kind)
