"""`--set NAME=VALUE`: texts become the settings of methods, with the type that the method's signature says."""

from __future__ import annotations

import re
import types
from collections.abc import Sequence
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from saccade.errors import InputError, UnknownName

_PLAIN = {types.NoneType: "auto", bool: "yes or no", int: "a whole number", float: "a number", str: "a word"}


def settings_for(methods: Sequence[str], texts: Sequence[str], seed: int | None) -> dict[str, dict[str, Any]]:
    """The settings of each method.

    Args:
        methods: Names of methods.
        texts: `NAME=VALUE` for every method that has such a setting, or `METHOD.NAME=VALUE` for one.
        seed: Given to every method that draws at random.

    Raises:
        UnknownName: No such method, or none of the methods has such a setting; the nearest is given.
        InputError: A value that is not of the setting's type.
    """
    from saccade.arguments import check_arguments
    from saccade.attribution.method import settings_of
    from saccade.methods import available, find

    functions = {name: find(name) for name in methods}
    allowed = {name: settings_of(function) for name, function in functions.items()}
    by_method: dict[str, dict[str, Any]] = {name: {} for name in methods}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not key.strip():
            raise InputError(f"--set {text!r} cannot be read; give NAME=VALUE, such as --set steps=64.")
        only, dot, name = key.strip().rpartition(".")
        if dot and only not in methods:
            raise UnknownName.of("method", only, methods, hint="Settings go to the methods that are asked.")
        name = name.replace("-", "_")
        takers = [method for method in ([only] if dot else methods) if name in allowed[method]]
        if not takers:
            possible = {setting: None for method in ([only] if dot else methods) for setting in allowed[method]}
            whose = only if dot else methods[0] if len(methods) == 1 else "these methods"
            if not possible:
                raise InputError(f"{whose} takes no settings; {name!r} was given.")
            others = [other for other, function in available().items() if name in settings_of(function)]
            hint = "`saccade methods` describes them."
            if others:
                hint = f"{', '.join(others)} {'has' if len(others) == 1 else 'have'} it; name a method with -m."
            raise UnknownName.of(f"setting of {whose}", name, possible, hint=hint)
        for method in takers:
            kinds = kinds_of(get_type_hints(functions[method])[name])
            by_method[method][name] = _typed(f"setting {name} of {method}", value.strip(), kinds)
    if seed is not None:
        for name in methods:
            if "seed" in allowed[name]:
                by_method[name].setdefault("seed", seed)
    # What no method takes is refused before a model is opened.
    return {name: check_arguments(name, functions[name], settings) for name, settings in by_method.items()}


def kinds_of(annotation: Any) -> tuple[Any, ...]:
    """The types that an annotation allows and that can be typed on a command line."""
    kinds = get_args(annotation) if get_origin(annotation) in (Union, types.UnionType) else (annotation,)
    return tuple(kind for kind in kinds if kind in _PLAIN or get_origin(kind) in (tuple, Literal))


def names_of(annotation: Any) -> tuple[str, ...]:
    """The words that an annotation allows, if it names them with `Names`."""
    from saccade.arguments import Names

    parts = [annotation, *(get_args(annotation) if get_origin(annotation) in (Union, types.UnionType) else ())]
    metadata = [extra for part in parts for extra in getattr(part, "__metadata__", ())]
    return tuple(name for extra in metadata if isinstance(extra, Names) for name in extra.names)


def in_words(kinds: Sequence[Any]) -> str:
    """Types for people."""
    return " or ".join(_words(kind) for kind in kinds)


def _typed(name: str, text: str, kinds: Sequence[Any]) -> Any:
    """The value that a text stands for under one of several types."""
    for kind in sorted(kinds, key=_turn):
        try:
            return _read(text, kind)
        except ValueError:
            continue
    raise InputError(f"{name}: {text!r} cannot be read; give {in_words(kinds)}.")


def _turn(kind: Any) -> int:
    """Types in the order in which they are tried: what takes any text comes last."""
    order = [types.NoneType, bool, int, float]
    return order.index(kind) if kind in order else len(order) + (kind is str)


def _read(text: str, kind: Any) -> Any:
    low = text.lower()
    if kind is types.NoneType:
        if low in ("auto", "none"):
            return None
        raise ValueError
    if kind is bool:
        if low in ("true", "yes", "on", "1", "false", "no", "off", "0"):
            return low in ("true", "yes", "on", "1")
        raise ValueError
    if kind in (int, float):
        return kind(text)
    if get_origin(kind) is tuple:
        parts = re.split(r"\s*[,x]\s*", low)
        inner = get_args(kind)
        inner = (inner[0],) * len(parts) if inner[1:] == (...,) else inner
        if len(parts) != len(inner):
            raise ValueError
        return tuple(_read(part, inner_kind) for part, inner_kind in zip(parts, inner, strict=True))
    if kind is str or (get_origin(kind) is Literal and text in get_args(kind)):
        return text
    raise ValueError  # also for arrays, which no word can stand for


def _words(kind: Any) -> str:
    if get_origin(kind) is tuple:
        return "several with commas" if ... in get_args(kind) else f"{len(get_args(kind))} numbers with a comma"
    if get_origin(kind) is Literal:
        return " or ".join(map(str, get_args(kind)))
    return str(_PLAIN[kind])
