"""Attribution methods, one a file; a method is found because its file lies here, or by an entry point elsewhere."""

from __future__ import annotations

import importlib
import pkgutil
import warnings
from functools import cache
from importlib.metadata import entry_points

from saccade.attribution.method import Description, Method, method
from saccade.errors import SaccadeWarning, UnknownName
from saccade.results.map import Map

__all__ = ["Description", "Map", "Method", "available", "find", "method"]

ENTRY_POINTS = "saccade.methods"
"""The group under which another package names its methods: `name = "package.module:function"`."""


@cache
def available() -> dict[str, Method]:
    """Every method by name: the functions of this folder with their file's name, and those of installed packages.

    A package that cannot be loaded, or that takes a name that is taken, is left out with a `SaccadeWarning`.
    """
    methods: dict[str, Method] = {}
    for module in sorted(pkgutil.iter_modules(__path__), key=lambda module: module.name):
        function = getattr(importlib.import_module(f"{__name__}.{module.name}"), module.name)
        methods[module.name] = function
    for entry in sorted(entry_points(group=ENTRY_POINTS), key=lambda entry: entry.name):
        where = f"method {entry.name!r} of {entry.dist.name if entry.dist else 'an installed package'}"
        if entry.name in methods:
            warnings.warn(f"{where} is left out: that name is taken.", SaccadeWarning, stacklevel=2)
            continue
        try:
            function = entry.load()
        except Exception as error:
            reason = f"{entry.value}: {str(error).splitlines()[0] if str(error) else type(error).__name__}"
            warnings.warn(f"{where} is left out: it cannot be loaded ({reason}).", SaccadeWarning, stacklevel=2)
            continue
        if not isinstance(getattr(function, "description", None), Description):
            warnings.warn(f"{where} is left out: it is no function with @saccade.method.", SaccadeWarning, stacklevel=2)
            continue
        methods[entry.name] = function
    return methods


def find(name: str) -> Method:
    """The method of that name.

    Raises:
        UnknownName: There is none; the nearest is given.
    """
    methods = available()
    if name not in methods:
        raise UnknownName.of("method", name, methods, hint="`saccade methods` describes them.")
    return methods[name]
