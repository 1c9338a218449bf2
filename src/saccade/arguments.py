"""Are these the values that a function or a class takes? Judged by its annotations, before anything is computed."""

from __future__ import annotations

import functools
import inspect
import math
import os
import types
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import numpy as np

from saccade.errors import InputError, UnknownName


@dataclass(frozen=True)
class Names:
    """The words that a setting of text takes, as metadata of its annotation: `Annotated[str, Names(("blur", ...))]`."""

    names: tuple[str, ...]


_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")

MOST = 1_000_000
"""Counts above this would take days, or all of the memory."""
_LARGEST = 1e15
"""Numbers above this overflow where they are squared in float32."""


def check_arguments(name: str, owner: Callable[..., Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Refuse a value that is not of the kind that the argument's annotation says.

    Numbers must be finite and at most 1e15, counts at most a million, a seed not negative. What an annotation does not
    tell is left to the function itself.

    Args:
        name: What the function or class is called, for the message.
        owner: The function or class.
        values: The values by name.

    Returns:
        The same values, numbers of numpy as Python's own.

    Raises:
        InputError: A value of another kind; the line says what was given and what is allowed.

    Example:
        >>> check_arguments("smoothgrad", lambda *, samples: None, {"samples": np.int64(3)})
        {'samples': 3}
    """
    kinds_by_argument = _kinds_by_argument(owner) if values else {}
    for argument, value in values.items():
        kinds = kinds_by_argument.get(argument, (Any,))
        if value is None and type(None) in kinds:
            continue
        if not any(_fits(value, kind) for kind in kinds):
            words = " or ".join(dict.fromkeys(_in_words(kind) for kind in kinds))
            raise InputError(f"{argument}={_shown(value)} of {name}: give {words}.")
        if argument == "seed" and isinstance(value, (int, np.integer)) and int(value) < 0:
            raise InputError(f"seed={value} of {name}: give 0 or more.")
    return {argument: value.item() if isinstance(value, np.generic) else value for argument, value in values.items()}


def checks_arguments(function: Callable[_Arguments, _Result]) -> Callable[_Arguments, _Result]:
    """Make a function refuse keyword arguments that are not of the annotated kinds, as `check_arguments` does.

    So are those that it does not have, with the nearest that it has.

    Example:
        >>> @checks_arguments
        ... def drawn(*, width: int) -> int:
        ...     return width
        >>> drawn(width="wide")
        Traceback (most recent call last):
        saccade.errors.InputError: width='wide' of drawn: give a whole number of at most 1,000,000.
    """

    @functools.wraps(function)
    def checking(*positional: _Arguments.args, **named: _Arguments.kwargs) -> _Result:
        refuse_unknown(function, named)
        return function(*positional, **check_arguments(function.__name__, function, named))

    return checking


def refuse_unknown(owner: Callable[..., Any], names: Iterable[str]) -> None:
    """Refuse keyword arguments that a function or class does not have.

    Raises:
        UnknownName: One of them; the nearest that it has is given.
    """
    allowed = _keywords(owner)
    if allowed is None:
        return
    for name in names:
        if name not in allowed:
            raise UnknownName.of(f"argument of {owner.__name__}", name, allowed)


@functools.lru_cache(maxsize=128)
def _keywords(owner: Callable[..., Any]) -> tuple[str, ...] | None:
    """The arguments that can be given by name; None where any can."""
    parameters = list(inspect.signature(owner).parameters.values())
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        return None
    by_name = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return tuple(parameter.name for parameter in parameters if parameter.kind in by_name and parameter.name != "self")


@functools.lru_cache(maxsize=128)
def _kinds_by_argument(owner: Callable[..., Any]) -> dict[str, tuple[Any, ...]]:
    """What each argument may be, by its annotation."""
    try:
        return {argument: _kinds(annotation) for argument, annotation in typing.get_type_hints(owner).items()}
    except (NameError, TypeError, AttributeError):
        return {}  # a function of the user's own, with annotations that only a type checker can read


def _kinds(annotation: Any) -> tuple[Any, ...]:
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return tuple(kind for part in typing.get_args(annotation) for kind in _kinds(part))
    return (annotation,)


def _fits(value: Any, kind: Any) -> bool:
    if kind is type(None):
        return value is None
    if kind is bool:
        return isinstance(value, (bool, np.bool_))
    if kind is int:
        return _is_number(value) and isinstance(value, (int, np.integer)) and abs(int(value)) <= MOST
    if kind is float:
        return _is_number(value) and math.isfinite(value) and abs(value) <= _LARGEST
    if kind is str:
        return isinstance(value, str)
    origin, parts = typing.get_origin(kind), typing.get_args(kind)
    if origin is tuple and parts[1:] == (...,):
        return _is_list(value) and all(any(_fits(item, part) for part in _kinds(parts[0])) for item in value)
    if origin is tuple:
        return _is_list(value) and len(value) == len(parts) and all(map(_fits, value, parts))
    if origin is Mapping:
        inside = _kinds(parts[1])
        return isinstance(value, Mapping) and all(any(_fits(item, part) for part in inside) for item in value.values())
    if origin is Callable:
        return callable(value)
    if kind is Path or origin is os.PathLike:
        return isinstance(value, os.PathLike)
    if origin is Sequence:
        inside = _kinds(parts[0])
        single = parts[0] is not Any and any(_fits(value, part) for part in inside)
        return single or (_is_list(value) and all(any(_fits(item, part) for part in inside) for item in value))
    if origin is np.ndarray:
        return _is_list(value) or (hasattr(value, "__array__") and not isinstance(value, np.generic))
    return True


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, (bool, np.bool_))


def _is_list(value: Any) -> bool:
    if isinstance(value, np.ndarray):
        return value.ndim > 0
    return isinstance(value, Sequence) and not isinstance(value, (str, bytes))


def _in_words(kind: Any) -> str:
    words = {
        type(None): "None",
        bool: "true or false",
        int: f"a whole number of at most {MOST:,}",
        str: "a name",
        Path: "a path",
    }
    if kind in words:
        return words[kind]
    if kind is float:
        return "a finite number"
    origin, parts = typing.get_origin(kind), typing.get_args(kind)
    if origin is tuple and parts[1:] == (...,):
        return f"a list, each {_in_words(parts[0])}"
    if origin is tuple:
        return f"{len(parts)} of them"
    if origin is Mapping:
        return f"by name {_in_words(parts[1])}"
    if origin is Callable:
        return "a function"
    if origin is os.PathLike:
        return "a path"
    if origin is Sequence:
        return "a list" if parts[0] is Any else f"a list, each {_in_words(parts[0])}"
    return "an array" if origin is np.ndarray else "another value"


def _shown(value: Any) -> str:
    text = " ".join(repr(value).split())
    if text.startswith("<"):  # of what is nothing but an object Python shows the address
        return f"({type(value).__name__})"
    return text if len(text) <= 60 else f"{text[:57]}..."
