"""Code that lies inside a Keras file: found before anything is built, run only when the user trusts the file."""

from __future__ import annotations

import base64
import binascii
import importlib
import marshal
from collections.abc import Iterator, Mapping
from types import CellType, FunctionType
from typing import Any

from saccade.errors import ModelError
from saccade.models.legacy.config import Origin
from saccade.models.messages import plain_sentence

_KERAS_PACKAGES = frozenset({"keras", "tf_keras", "tensorflow", "builtins"})


def refuse_code(config: Any, origin: Origin) -> None:
    """Does opening this configuration run code that comes with it? Then it needs trust.

    Raises:
        ModelError: It holds a Lambda layer or a class from a module that is not Keras's.
    """
    for name, kind, what in () if origin.trust else _foreign(config):
        if kind in origin.custom:
            continue
        raise ModelError(
            f"layer {name!r} holds {what}, which runs when the model is opened; add --trust if you know where "
            "the file comes from."
        )


def _foreign(config: Any, name: str = "") -> Iterator[tuple[str, str, str]]:
    if isinstance(config, list):
        for item in config:
            yield from _foreign(item, name)
    if not isinstance(config, Mapping):
        return
    inner = config.get("config")
    if isinstance(inner, Mapping):
        name = str(inner.get("name", config.get("name", name)))
    kind, module = config.get("class_name"), config.get("module")
    if kind in ("Lambda", "__lambda__") or "lambda" in (config.get("function_type"), config.get("mode_type")):
        yield name, str(kind), "Python code (a Lambda layer)"
    elif isinstance(module, str) and module.split(".")[0] not in _KERAS_PACKAGES:
        yield name, str(kind), f"the class {module}.{kind}"
    for value in config.values():
        yield from _foreign(value, name)


def lambda_layer(config: Mapping[str, Any], origin: Origin) -> Any:
    """Build a trusted Lambda layer from the marshalled code of Keras 1 and 2.

    Raises:
        ModelError: The code is not in the file, or is of another Python.
    """
    import keras

    name: Any = config.get("name")
    function: Any = config.get("function")
    if isinstance(function, Mapping):
        # The spelling of Keras 2.12 and later.
        inner = function.get("config")
        function = [inner.get(key) for key in ("code", "defaults", "closure")] if isinstance(inner, Mapping) else inner
    if isinstance(function, str):
        if function not in origin.custom:
            raise ModelError(
                f"layer {name!r} calls a function {function!r} that is not in the file; build the model in Python and "
                "give it as package.module:factory with --weights."
            )
        own: Any = origin.custom[function]
        return keras.layers.Lambda(own, name=name, arguments=config.get("arguments") or {})
    if not origin.trust:
        raise ModelError(f"layer {name!r} holds Python code; add --trust if you know where the file comes from.")
    try:
        code = marshal.loads(_bytes(function[0]))  # noqa: S302 - only reached with trust
        defaults, closure = (tuple(part) if part else () for part in (*function[1:], (), ())[:2])
        cells = tuple(CellType(value) for value in closure)
        unpacked = FunctionType(code, _names(keras), str(name), defaults, cells or None)
    except (ValueError, EOFError, TypeError) as error:
        raise ModelError(
            f"layer {name!r} holds code of another Python version, which this one cannot read; open the file with the "
            "Python that wrote it, or build the model as package.module:factory and give --weights."
        ) from error

    return keras.layers.Lambda(_Code(unpacked), name=name, arguments=config.get("arguments") or {})


class _Code:
    """A function of the file that keeps what went wrong in it, since Keras tells another story.

    Attributes:
        failure: What its code said when it failed last.
    """

    def __init__(self, function: FunctionType) -> None:
        self._function = function
        self.__name__ = function.__name__
        self.failure: str | None = None

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return self._function(*args, **kwargs)
        except Exception as error:
            self.failure = plain_sentence(error)
            raise


def failure_of(layer: Any) -> str | None:
    """What the code in a Lambda layer said when it failed; None where it did not, or where there is none."""
    function = getattr(layer, "function", None)
    return function.failure if isinstance(function, _Code) else None


def custom_class(entry: Mapping[str, Any], origin: Origin) -> Any:
    """The class of a layer that is not Keras's own: given by the caller, or imported when the file is trusted."""
    kind, module = str(entry.get("class_name")), entry.get("module")
    for name in (kind, kind.rpartition(">")[2], entry.get("registered_name")):
        if name in origin.custom:
            return origin.custom[str(name)]
    if origin.trust and isinstance(module, str) and module.split(".")[0] not in _KERAS_PACKAGES:
        try:
            return getattr(importlib.import_module(module), kind.rpartition(">")[2])
        except (ImportError, AttributeError) as error:
            raise ModelError(f"{module}.{kind} cannot be imported here: {error}.") from error
    return None


def _bytes(text: str) -> bytes:
    """Base64 since Keras 2.1.2, escaped bytes before."""
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        return text.encode("raw_unicode_escape")


def _names(keras: Any) -> dict[str, Any]:
    """The names that code in a Lambda layer commonly uses."""
    import numpy as np

    names: dict[str, Any] = {"keras": keras, "K": _Backend(keras), "np": np, "numpy": np}
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        names["tf"] = names["tensorflow"] = tf
    return names


class _Backend:
    """`keras.backend` as Keras 1 and 2 had it, as far as Keras 3 still knows its functions."""

    def __init__(self, keras: Any) -> None:
        self._modules = [keras.ops, keras.backend]
        if keras.backend.backend() == "tensorflow":
            from keras.src.legacy import backend

            self._modules.insert(0, backend)

    def __getattr__(self, name: str) -> Any:
        for module in self._modules:
            if hasattr(module, name):
                return getattr(module, name)
        raise AttributeError(f"it calls K.{name}, which Keras 3 does not have on this backend")
