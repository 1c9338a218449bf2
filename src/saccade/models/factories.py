"""Factories, `package.module:function`: the user's own code, which is imported and called."""

from __future__ import annotations

import importlib
import inspect
import sys
import traceback
from pathlib import Path
from typing import Any

from saccade.errors import MissingPackage, ModelError
from saccade.models.live import is_model
from saccade.models.messages import plain_sentence


def is_factory(text: str) -> bool:
    """Is this the name of a factory?"""
    module, colon, function = text.partition(":")
    names = [*module.split("."), *function.split(".")]
    return bool(colon) and all(name.isidentifier() for name in names)


def model_of(text: str) -> Any:
    """What a factory gives: a Keras model, a PyTorch module, or a network of the user's own.

    Args:
        text: `package.module:function`, or the name of a model itself.

    Raises:
        ModelError: It cannot be imported or called, or gives something else; the message says what went wrong where.
    """
    module_name, _, function_name = text.partition(":")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    value = _imported(module_name)
    for name in function_name.split("."):
        if not hasattr(value, name):
            raise ModelError(f"module {module_name!r} has no {function_name!r} to call.")
        value = getattr(value, name)
    model = _called(value, text) if callable(value) and not is_model(value) else value
    if not is_model(model):
        raise ModelError(
            f"{text} gave a {type(model).__name__}; a factory must give a Keras 3 model, a torch.nn.Module, or a "
            "network of your own (saccade.models.Network)."
        )
    return model


def _imported(module_name: str) -> Any:
    try:
        return importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is not None and (module_name == error.name or module_name.startswith(f"{error.name}.")):
            raise ModelError(
                f"no module {module_name!r} to import the factory from; it was looked for in the current folder and "
                "the installed packages."
            ) from error
        raise ModelError(f"importing {module_name!r} failed: {_own_words(error)}.") from error
    except (Exception, SystemExit) as error:  # the user's own code, which may raise anything
        raise ModelError(f"importing {module_name!r} failed: {_own_words(error)}.") from error


def _called(factory: Any, text: str) -> Any:
    """What the factory gives, called without arguments."""
    needed = _needed_arguments(factory)
    if needed:
        raise ModelError(
            f"{text} needs arguments ({', '.join(needed)}); give a factory that needs none, such as a function that "
            "calls it with the arguments that you want."
        )
    try:
        return factory()
    except MissingPackage:  # says by itself what to install
        raise
    except (Exception, SystemExit) as error:  # the user's own code, which may raise anything
        raise ModelError(f"{text} failed: {_own_words(error)}.") from error


def _needed_arguments(factory: Any) -> list[str]:
    try:
        parameters = inspect.signature(factory).parameters.values()
    except (TypeError, ValueError):
        return []  # some functions written in C do not say
    variable = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return [one.name for one in parameters if one.default is one.empty and one.kind not in variable]


def _own_words(error: BaseException) -> str:
    """What the user's code said when it failed, with the line where it did."""
    if isinstance(error, SystemExit):
        return f"it ended the program (exit {error.code})"
    if isinstance(error, SyntaxError):
        return f"{error.msg} in line {error.lineno} of {error.filename}"
    frames = traceback.extract_tb(error.__traceback__)
    frame = next((frame for frame in reversed(frames) if not frame.filename.startswith("<frozen")), frames[-1])
    return f"{type(error).__name__}: {plain_sentence(error)} (line {frame.lineno} of {frame.filename})"
