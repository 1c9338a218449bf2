"""Do the types of numbers that a TorchScript archive names exist?

PyTorch keeps types and layouts of tensors as whole numbers, looks them up in tables without asking how long those are,
and its scripts may compute them. Each is followed back to where it comes from, through the functions that hand it on:
it must stand in the code, or be the type of a tensor.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from saccade.models.torch.script_graphs import callee_of, nodes_in
from saccade.models.torch.trust import Untrusted

_EXISTING: Mapping[str, frozenset[int]] = {
    "ScalarType": frozenset({*range(12), 15}),
    "Layout": frozenset({0}),
    "MemoryFormat": frozenset(range(4)),
}
"""Those of plain numbers, of dense tensors, and of the orders in which these can lie."""
_BY_NAME = {"dtype": "ScalarType", "layout": "Layout", "memory_format": "MemoryFormat"}
"""Some operations of scripts say of a type only that it is a whole number."""
_OF_TENSORS = {"aten::get_autocast_dtype", "aten::result_type", "prim::dtype", "prim::layout"}
_HANDING_ON = {"aten::_unwrap_optional", "prim::unchecked_cast", "prim::unchecked_unwrap_optional"}


def check_types(functions: Any) -> None:
    """Look at every type of numbers; `functions` is the compilation unit.

    Raises:
        Untrusted: One does not exist, or cannot be told before the script runs.
    """
    by_name = {function.qualified_name: function for function in functions.get_functions()}
    calls: dict[str, list[tuple[str, Any]]] = {}
    waiting: list[tuple[str, Any, str]] = []
    for name, function in by_name.items():
        for node in nodes_in(function.graph.nodes()):
            callee = callee_of(node)
            if callee is not None:
                calls.setdefault(callee, []).append((name, node))
            waiting += [(name, value, kind) for value, kind in _types_in(node)]
    visited: set[tuple[str, int, str]] = set()
    while waiting:
        name, value, kind = waiting.pop()
        for number in _arguments_behind(value, kind, by_name[name].graph):
            if (name, number, kind) in visited:
                continue
            visited.add((name, number, kind))
            argument = by_name[name].schema.arguments[number]
            if argument.has_default_value() and argument.default_value is not None:
                _check(argument.default_value, kind)
            for caller, node in calls.get(name, ()):
                # The first input of such a call is the function itself.
                first = int(node.kind() == "prim::CallFunction")
                waiting.append((caller, node.inputsAt(first + number), kind))


def kind_of_type(argument: Any) -> str | None:
    """The key in `_EXISTING` of an argument in the schema of an operation; None for one that is no type."""
    type_name = str(argument.real_type)
    by_name = next((kind for name, kind in _BY_NAME.items() if argument.name.endswith(name)), None)
    return next((kind for kind in _EXISTING if kind in type_name), by_name)


def _types_in(node: Any) -> Iterator[tuple[Any, str]]:
    """The inputs of an operation that are types of numbers."""
    import torch

    if not node.kind().startswith("aten::"):
        return
    for number, argument in enumerate(torch._C.parse_schema(node.schema()).arguments):
        kind = kind_of_type(argument)
        if kind is not None:
            yield node.inputsAt(number), kind


def _arguments_behind(value: Any, kind: str, graph: Any) -> Iterator[int]:
    """The arguments of a function that a type may come from; any other source is looked at here."""
    arguments = [each.debugName() for each in graph.inputs()]
    waiting = [value]
    while waiting:
        value = waiting.pop()
        node = value.node()
        if value.debugName() in arguments:
            yield arguments.index(value.debugName())
        elif node.kind() == "prim::Constant":
            if value.type().kind() != "NoneType":
                _check(node.i("value") if node.hasAttribute("value") and node.kindOf("value") == "i" else None, kind)
        elif node.kind() in _HANDING_ON:
            waiting.append(node.inputsAt(0))
        elif node.kind() == "prim::If":
            number = [each.debugName() for each in node.outputs()].index(value.debugName())
            waiting += [list(block.outputs())[number] for block in node.blocks()]
        elif node.kind() not in _OF_TENSORS:
            raise Untrusted("a type of numbers that only shows when it runs")


def _check(number: Any, kind: str) -> None:
    if number not in _EXISTING[kind]:
        raise Untrusted(f"a type of numbers that does not exist ({number!r:.40})")
