"""What in the graphs of an exported program (.pt2) could run without end, or end the process?"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from saccade.models.torch.archive import Archive
from saccade.models.torch.program_texts import ATEN_OPERATION
from saccade.models.torch.script_divisions import is_safe_divisor
from saccade.models.torch.script_types import kind_of_type
from saccade.models.torch.trust import Untrusted

_ROUNDED = re.compile(r"torch\.ops\.aten\.div(ide)?_?\.\w+_mode\w*", re.ASCII)
_HIGHEST_POWER = 64
"""How many sizes may be multiplied with each other, one after another."""


def check_graphs(archive: Archive, program: Mapping[str, Any]) -> None:
    """Look at every node of a program that was read along its schema.

    Raises:
        Untrusted: Something in it could run without end, or end the process.
        FileError: It is damaged.
    """
    _check_powers(program)
    _check_types(archive, program)
    _check_divisions(program)


def _check_powers(program: Mapping[str, Any]) -> None:
    """Sizes are whole numbers of any length, so squares of squares of squares would grow without end."""
    for graph in _graphs(program["graph_module"]["graph"]):
        powers: dict[str, int] = {}
        for node in graph["nodes"]:
            names = [each["arg"].get("as_sym_int", {}).get("as_name") for each in node["inputs"]]
            factors = [powers.get(name, 1) for name in names]
            power = sum(factors) if node["target"] == "_operator.mul" else max(factors, default=1)
            if power > _HIGHEST_POWER:
                raise Untrusted("sizes that are multiplied without end")
            powers.update(
                (each["as_sym_int"].get("as_name"), power) for each in node["outputs"] if "as_sym_int" in each
            )


def _check_types(archive: Archive, program: Mapping[str, Any]) -> None:
    """A type of numbers is named as such; PyTorch looks up any other number without asking whether it exists."""
    for graph in _graphs(program["graph_module"]["graph"]):
        for node in graph["nodes"]:
            operation = ATEN_OPERATION.fullmatch(node["target"])
            types = () if operation is None else _types_of(*operation.groups())
            for number, named in enumerate(node["inputs"]):
                if "as_int" in named["arg"] and (named["name"] in types or number in types):
                    raise archive.damaged(
                        f"{named['arg']['as_int']} stands for a type of numbers in a call of {node['target']}"
                    )


def _check_divisions(program: Mapping[str, Any]) -> None:
    """Whole numbers in tensors are divided towards 0 without a look at them; -1 must not be among the divisors."""
    for graph in _graphs(program["graph_module"]["graph"]):
        for node in graph["nodes"]:
            modes = [named["arg"]["as_string"] for named in node["inputs"] if "as_string" in named["arg"]]
            divisors = [
                value
                for number, named in enumerate(node["inputs"])
                for value in named["arg"].values()
                if number == 1 or named["name"] == "other"
            ]
            is_rounded = _ROUNDED.fullmatch(node["target"]) is not None and modes != ["floor"]
            if is_rounded and not all(map(is_safe_divisor, divisors)):
                raise Untrusted("a division that rounds towards zero by a number that only shows when it runs")


@cache
def _types_of(name: str, overload: str) -> frozenset[str | int]:
    """The arguments of an operation that are types of numbers, by name and by place."""
    import torch

    arguments = enumerate(getattr(getattr(torch.ops.aten, name), overload)._schema.arguments)
    return frozenset(key for number, each in arguments if kind_of_type(each) is not None for key in (each.name, number))


def _graphs(graph: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """A graph and those that its nodes call."""
    yield graph
    for node in graph["nodes"]:
        for argument in (named["arg"] for named in node["inputs"]):
            if "as_graph" in argument:
                yield from _graphs(argument["as_graph"]["graph"])
