"""Factories, `package.module:function`: the user's own code, which is imported and called."""

from __future__ import annotations

import importlib
import inspect
import sys
import traceback
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from saccade.errors import MissingPackage, ModelError
from saccade.models.factory_call import FactoryCall
from saccade.models.live_models import is_model
from saccade.models.messages import plain_sentence
from saccade.nearest_names import nearest


def model_of(call: FactoryCall) -> Any:
    """What a factory gives: a Keras model, a PyTorch module, or a network of the user's own.

    Args:
        call: The factory with its arguments, or the name of a model itself.

    Raises:
        ModelError: It cannot be imported or called, or gives something else; the message says what went wrong where.
    """
    folder = str(Path.cwd())
    if folder not in sys.path:
        sys.path.insert(0, folder)
    value = imported(call.module)
    for name in call.function.split("."):
        if not hasattr(value, name):
            raise ModelError(
                f"module {call.module!r} has no {call.function!r} to call{_nearest(name, _public_names(value))}."
            )
        value = getattr(value, name)
    if is_model(value) or not callable(value):
        if call.is_call:
            raise ModelError(f"{call.name} is a {type(value).__name__} and no function, so it takes no arguments.")
        model = value
    else:
        model = call_factory(value, call)
    if not is_model(model):
        raise ModelError(
            f"{call.name} gave a {type(model).__name__}; a factory must give a Keras 3 model, a torch.nn.Module, or a "
            "network of your own (saccade.models.Network)."
        )
    return model


def imported(module_name: str) -> Any:
    """A module of the user's, or of a package.

    Raises:
        ModelError: It is not there, or fails while it is imported.
    """
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
        if "operator torchvision::" in str(error):
            raise ModelError(
                f"importing {module_name!r} failed: the installed torchvision is built for another PyTorch; install "
                "the two that belong together, in one command: pip install torch torchvision"
            ) from error
        raise ModelError(f"importing {module_name!r} failed: {_own_words(error)}.") from error


def call_factory(factory: Any, call: FactoryCall) -> Any:
    """What a function gives when it is called as the user says.

    Raises:
        ModelError: It takes other arguments, or fails.
    """
    _check_arguments(factory, call)
    try:
        return factory(*call.arguments, **call.settings)
    except MissingPackage:  # says by itself what to install
        raise
    except (Exception, SystemExit) as error:  # the user's own code, which may raise anything
        raise ModelError(f"{call.name} failed: {_own_words(error)}.") from error


def _check_arguments(factory: Any, call: FactoryCall) -> None:
    """Raise ModelError where the factory does not take what it would be called with."""
    try:
        signature = inspect.signature(factory)
    except (TypeError, ValueError):
        return  # some functions written in C do not say
    parameters = signature.parameters.values()
    by_name = [each.name for each in parameters if each.kind in (each.POSITIONAL_OR_KEYWORD, each.KEYWORD_ONLY)]
    if not any(each.kind is each.VAR_KEYWORD for each in parameters):
        for name in call.settings:
            if name not in by_name:
                raise ModelError(f"{call.name} takes no argument {name!r}{_nearest(name, by_name)}.")
    in_order = [each for each in parameters if each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)]
    takes_any = any(each.kind is each.VAR_POSITIONAL for each in parameters)
    if len(call.arguments) > len(in_order) and not takes_any:
        raise ModelError(
            f"{call.name} takes {len(in_order)} arguments in order ({', '.join(each.name for each in in_order)}), and "
            f"{len(call.arguments)} were given."
        )
    filled = {each.name for each in in_order[: len(call.arguments)]}
    twice = sorted(
        filled & {each.name for each in in_order if each.kind is each.POSITIONAL_OR_KEYWORD} & {*call.settings}
    )
    if twice:
        raise ModelError(f"{call.name} is given its argument {twice[0]!r} twice, in order and by name.")
    needed = [
        each.name
        for each in parameters
        if each.default is each.empty
        and each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD)
        and each.name not in filled
        and each.name not in call.settings
    ]
    if needed:
        example = ",".join(f"{name}=..." for name in needed)
        raise ModelError(
            f"{call.name} needs arguments ({', '.join(needed)}); give them in brackets: '{call.name}({example})'."
        )


def _public_names(value: Any) -> list[str]:
    """What a module or class has that a user may name."""
    try:
        return [name for name in dir(value) if not name.startswith("_")]
    except Exception:  # a module may define its own __dir__
        return []


def _nearest(name: str, names: Iterable[str]) -> str:
    near = nearest(name, names)
    return f"; the nearest is {near[0]!r}" if near else ""


def _own_words(error: BaseException) -> str:
    """What the user's code said when it failed, with the line where it did."""
    if isinstance(error, SystemExit):
        return f"it ended the program (exit {error.code})"
    if isinstance(error, SyntaxError):
        return f"{error.msg} in line {error.lineno} of {error.filename}"
    frames = traceback.extract_tb(error.__traceback__)
    frame = next((frame for frame in reversed(frames) if not frame.filename.startswith("<frozen")), frames[-1])
    return f"{type(error).__name__}: {plain_sentence(error)} (line {frame.lineno} of {frame.filename})"
