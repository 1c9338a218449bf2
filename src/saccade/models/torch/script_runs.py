"""Bounds on every run of a script whose way depends on the numbers in its images.

Of other scripts the first run shows all that they do. One that reads a number out of a tensor may go another way with
another image.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cache
from typing import Any

from saccade.errors import ModelError
from saccade.models.torch.result_bound import ResultBound, largest_result
from saccade.models.torch.trace import tensors_in

_READING = frozenset({
    "aten::Bool", "aten::Complex", "aten::ComplexImplicit", "aten::Float", "aten::FloatImplicit", "aten::Int",
    "aten::IntImplicit", "aten::ScalarImplicit", "aten::_is_all_true", "aten::_is_any_true",
    "aten::_local_scalar_dense", "aten::allclose", "aten::equal", "aten::is_nonzero", "aten::item",
})  # fmt: skip
_FROM_SIZES = ("prim::NumToTensor", "prim::Constant")


def depends_on_numbers(functions: Any) -> bool:
    """Does a script read a number out of a tensor, or only sizes? `functions` is its compilation unit."""
    return any(
        node.inputsSize() > 0
        and node.inputsAt(0).type().kind() == "TensorType"
        and node.inputsAt(0).node().kind() not in _FROM_SIZES
        for function in functions.get_functions()
        for node in _nodes_reading(function.graph)
    )


def bound_runs(module: Any) -> None:
    """Have every run of a script end, with an error, that takes more than any network does."""
    module.__class__ = _bounded_script()


@cache
def _bounded_script() -> Any:
    import torch
    from torch.utils._python_dispatch import TorchDispatchMode

    class Bounded(TorchDispatchMode):  # type: ignore[misc]
        def __init__(self, bound: ResultBound) -> None:
            super().__init__()
            self.bound = bound

        def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            self.bound.count(function, args, kwargs or {})
            self.bound.look_ahead(function, args, kwargs or {})
            result = function(*args, **(kwargs or {}))
            results = list(tensors_in(result))
            self.bound.check(results)
            self.bound.hold(results)
            return result

    class BoundedScript(torch.jit.RecursiveScriptModule):  # type: ignore[misc]
        def __call__(self, *images: Any) -> Any:
            size = sum(tensor.numel() * tensor.element_size() for tensor in tensors_in(images))
            bound = ResultBound(largest_result(size), math.inf, looks_ahead=True)
            try:
                with Bounded(bound):
                    return super().__call__(*images)
            except Exception as error:
                if not bound.is_endless and not bound.exceeded:
                    raise
                raise ModelError(
                    "for some images the script takes more operations or memory than any network does; give --trust "
                    "if the file is your own."
                ) from error

    return BoundedScript


def _nodes_reading(graph: Any) -> Iterator[Any]:
    for kind in _READING:
        yield from graph.findAllNodes(kind)
