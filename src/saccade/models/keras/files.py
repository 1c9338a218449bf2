"""Opening `.keras` files of Keras 3 without running anything that lies in them."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from saccade.errors import FileError, ModelError


def open_keras(path: Path, *, trust: bool = False) -> Any:
    """Open a Keras 3 file.

    Args:
        path: The `.keras` file; it is only read.
        trust: Allow Lambda layers and classes from other packages, which run code the file chooses.

    Raises:
        FileError: The archive is damaged.
        ModelError: It needs trust, or Keras cannot rebuild it.
    """
    import keras

    config = read_config(path)
    if not trust:
        for reason in _needs_trust(config):
            raise ModelError(
                f"{path.name} {reason}, which would run code that the file chooses. If you trust where it comes from, "
                "say --trust (trust=True); or build the model in code of your own and give package.module:factory "
                "with --weights."
            )
    try:
        return keras.models.load_model(path, compile=False, safe_mode=not trust)
    except (OSError, EOFError, zipfile.BadZipFile) as error:
        raise FileError(f"{path} is damaged: {_first_line(error)}") from error
    except (ValueError, TypeError, KeyError, ImportError, AttributeError) as error:
        raise ModelError(f"Keras cannot rebuild the model in {path.name}: {_first_line(error)}") from error


def read_config(path: Path) -> dict[str, Any]:
    """The model's configuration, as it lies in the archive."""
    try:
        with zipfile.ZipFile(path) as archive:
            config: dict[str, Any] = json.loads(archive.read("config.json"))
    except (zipfile.BadZipFile, KeyError, json.JSONDecodeError, OSError) as error:
        raise FileError(f"{path} is damaged: {_first_line(error)}") from error
    return config


def _needs_trust(config: Any) -> Iterator[str]:
    import keras

    known = keras.saving.get_custom_objects()
    for part in _parts(config):
        name = part.get("class_name")
        module = part.get("module")
        registered = part.get("registered_name")
        if name in ("Lambda", "__lambda__"):
            yield "holds a Lambda layer"
        elif isinstance(module, str) and not _is_keras(module) and registered not in known and name not in known:
            yield f"needs the class {name!r} of the module {module!r}"


def _is_keras(module: str) -> bool:
    return module in ("keras", "builtins") or module.startswith("keras.")


def _parts(config: Any) -> Iterator[dict[str, Any]]:
    if isinstance(config, dict):
        if "class_name" in config:
            yield config
        for value in config.values():
            yield from _parts(value)
    elif isinstance(config, list):
        for value in config:
            yield from _parts(value)


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
