"""Models of Keras 3 whose file is trusted: Keras builds whatever they hold."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from saccade.errors import InputError, ModelError
from saccade.models.messages import about, plain_sentence


def build_trusted(config: Mapping[str, Any]) -> Any:
    """Build the model that a trusted description tells of, with whatever code lies in it.

    Raises:
        ModelError: Keras cannot build it.
    """
    import keras

    with _plainly():
        return keras.saving.deserialize_keras_object(
            {**config, "compile_config": None}, custom_objects=_imported(config), safe_mode=False
        )


def load_trusted(path: Path, config: Mapping[str, Any]) -> Any:
    """Let Keras 3 open a trusted file.

    Args:
        path: The file.
        config: The description that lies in it.

    Raises:
        ModelError: Keras cannot open it.
    """
    import keras

    with about(path), _plainly():
        return keras.models.load_model(path, custom_objects=_imported(config), compile=False, safe_mode=False)


def _imported(config: Any) -> dict[str, object]:
    """The classes that a trusted file takes from other packages than Keras, as far as they can be imported."""
    import keras

    registered = keras.saving.get_custom_objects()
    classes: dict[str, object] = {}
    waiting = [config]
    while waiting:
        part = waiting.pop()
        if isinstance(part, list):
            waiting.extend(part)
        elif isinstance(part, Mapping):
            waiting.extend(part.values())
            kind, module, name = (part.get(key) for key in ("class_name", "module", "registered_name"))
            foreign = isinstance(module, str) and module.partition(".")[0] not in ("keras", "builtins")
            if foreign and isinstance(kind, str) and isinstance(name, str) and name not in registered:
                try:
                    classes[name] = getattr(importlib.import_module(str(module)), kind)
                except (ImportError, AttributeError) as error:
                    raise ModelError(
                        f"the class {kind} cannot be imported from {module} here: {plain_sentence(error)}. Run in the "
                        "folder where its code lies, or install it."
                    ) from error
    return classes


@contextmanager
def _plainly() -> Iterator[None]:
    """Say in one line what Keras says in many."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:  # a trusted file may run anything, and anything may go wrong
        raise ModelError(f"Keras cannot build the model: {plain_sentence(error)}.") from error
