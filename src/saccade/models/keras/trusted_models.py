"""Models of Keras 3 whose file is trusted: Keras builds whatever they hold."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from saccade.errors import InputError, ModelError
from saccade.models.code_beside import ClassesBeside
from saccade.models.messages import file_named, plain_sentence


def build_trusted(config: Mapping[str, Any], folder: Path) -> Any:
    """Build the model that a trusted description tells of, with whatever code lies in it.

    Args:
        config: The description.
        folder: Where its file lies, and perhaps the code of its classes.

    Raises:
        ModelError: Keras cannot build it.
    """
    import keras

    with _plainly():
        return keras.saving.deserialize_keras_object(
            {**config, "compile_config": None}, custom_objects=_imported(config, folder), safe_mode=False
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

    with file_named(path), _plainly():
        return keras.models.load_model(
            path, custom_objects=_imported(config, path.parent), compile=False, safe_mode=False
        )


def _imported(config: Any, folder: Path) -> dict[str, object]:
    """The classes that a trusted file takes from other packages than Keras, as far as they can be imported."""
    import keras

    registered = keras.saving.get_custom_objects()
    beside = ClassesBeside(folder)
    classes: dict[str, object] = {}
    waiting = [config]
    while waiting:
        part = waiting.pop()
        if isinstance(part, list):
            waiting.extend(part)
        elif isinstance(part, Mapping):
            waiting.extend(part.values())
            kind, module, name = (part.get(key) for key in ("class_name", "module", "registered_name"))
            if not isinstance(kind, str):
                continue
            name = name if isinstance(name, str) else kind
            if name in registered or name in classes:
                continue
            if isinstance(module, str) and module.partition(".")[0] not in ("keras", "builtins"):
                classes[name] = _class(kind, module, beside)
            elif module is None and ">" in kind:
                classes[kind] = _class(kind, None, beside)
    return classes


def _class(kind: str, module: str | None, beside: ClassesBeside) -> Any:
    """A class from the module that the file names, or from the one beside the file that defines it."""
    bare = kind.rpartition(">")[2]
    reason = "the file does not say where it is defined"
    if module is not None and module != "__main__":
        try:
            return getattr(importlib.import_module(module), bare)
        except (ImportError, AttributeError) as error:
            reason = f"{module} cannot be imported, or lacks it: {plain_sentence(error)}"
    if bare in beside:
        return beside[bare]
    raise ModelError(
        f"the class {bare} is not to be found here: {reason}. Put the .py file that defines it beside this one, or run "
        "in the folder where it lies."
    )


@contextmanager
def _plainly() -> Iterator[None]:
    """Say in one line what Keras says in many."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:  # a trusted file may run anything, and anything may go wrong
        raise ModelError(f"Keras cannot build the model: {plain_sentence(error)}.") from error
