"""What an ATen operation was called with, in one form: by name, the order of dimensions, a number for each side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def named_arguments(function: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """What it was called with, by name, with its defaults for what was left out."""
    parameters = function._schema.arguments
    arguments = {each.name: each.default_value for each in parameters if each.has_default_value()}
    arguments |= {each.name: value for each, value in zip(parameters, args, strict=False)}
    return arguments | dict(kwargs)


def written_arguments(function: Any) -> list[str]:
    """The names of the arguments that it writes into."""
    parameters = function._schema.arguments
    return [each.name for each in parameters if each.alias_info is not None and each.alias_info.is_write]


def dimension_order(name: str, arguments: Mapping[str, Any], rank: int) -> list[int]:
    """Which dimension comes at each place of the result?

    Args:
        name: `permute`, `transpose` or `t`.
        arguments: What it was called with, by name; dimensions may be counted from the end.
        rank: How many dimensions there are.
    """
    if name == "permute":
        return [dim % rank for dim in arguments["dims"]]
    first, second = (arguments["dim0"], arguments["dim1"]) if name == "transpose" else (0, rank - 1)
    order = list(range(rank))
    order[first % rank], order[second % rank] = order[second % rank], order[first % rank]
    return order


def pair(value: Any) -> tuple[int, int]:
    """What holds for rows and for columns? One number holds for both."""
    numbers = [value] if isinstance(value, int) else list(value)
    return int(numbers[0]), int(numbers[-1])
