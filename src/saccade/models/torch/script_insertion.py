"""New operations in a compiled function of a TorchScript archive."""

from __future__ import annotations

from typing import Any


def inserted(graph: Any, node: Any, kind: str, inputs: list[Any], result: Any, value: int | None = None) -> Any:
    """The result of a new operation in front of a node."""
    step = graph.create(kind, inputs, 1)
    if value is not None:
        step.i_("value", value)
    step.insertBefore(node)
    step.output().setType(result)
    return step.output()


def insert_error(graph: Any, node: Any, condition: Any, message: str) -> None:
    """Have the script raise in front of a node where a condition holds."""
    import torch

    choice = graph.create("prim::If", [condition], 0)
    choice.insertBefore(node)
    raising, _ = (choice.addBlock() for _ in range(2))
    last = raising.returnNode()
    texts = []
    for text in (message, "builtins.RuntimeError"):
        step = graph.create("prim::Constant", [], 1)
        step.s_("value", text)
        step.insertBefore(last)
        step.output().setType(torch._C.StringType.get())
        texts.append(step.output())
    graph.create("prim::RaiseException", texts, 0).insertBefore(last)


def whole_number() -> Any:
    """The type of whole numbers."""
    import torch

    return torch._C.IntType.get()
