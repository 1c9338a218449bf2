"""Attribution methods, one a file; a method is found because its file lies here."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from saccade.attribution.method import Description, Map, Method, method
from saccade.errors import UnknownName

__all__ = ["Description", "Map", "Method", "available", "find", "method"]


@cache
def available() -> dict[str, Method]:
    """Every method by name: the functions of this folder that carry a description and their file's name."""
    found: dict[str, Method] = {}
    for module in sorted(pkgutil.iter_modules(__path__), key=lambda each: each.name):
        function = getattr(importlib.import_module(f"{__name__}.{module.name}"), module.name, None)
        if hasattr(function, "description"):
            assert function is not None
            found[module.name] = function
    return found


def find(name: str) -> Method:
    """The method of that name.

    Raises:
        UnknownName: There is none; the nearest is given.
    """
    methods = available()
    if name not in methods:
        raise UnknownName.of("method", name, methods, hint="`saccade methods` describes them.")
    return methods[name]
