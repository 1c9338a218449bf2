"""The files that Keras wrote: HDF5, `.keras` archives and JSON, opened for reading only."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from saccade.errors import FileError, InputError, ModelError
from saccade.models.legacy.weights import is_by_layer, is_tree

IN_PYTHON = "give the model as package.module:factory and this file as --weights"

_CHANNEL_COUNTS = (1, 3, 4)


@contextmanager
def open_hdf5(path: Path, data: bytes | None = None) -> Iterator[Any]:
    """Open an HDF5 file, or one that lies in memory, for reading.

    Raises:
        FileError: It is missing, truncated, or no HDF5 file.
    """
    import h5py

    try:
        file = h5py.File(path if data is None else io.BytesIO(data), "r")
    except FileNotFoundError as error:
        raise FileError(f"no file {path}.") from error
    except OSError as error:
        raise FileError(f"{path} is damaged or no HDF5 file: {' '.join(str(error).split())}") from error
    with file:
        yield file


@contextmanager
def open_archive(path: Path) -> Iterator[zipfile.ZipFile]:
    """Open a `.keras` archive for reading.

    Raises:
        FileError: It is damaged, or no such archive.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            missing = {"metadata.json", "config.json", "model.weights.h5"} - set(archive.namelist())
            if missing:
                raise FileError(f"{path} is no Keras file: it lacks {', '.join(sorted(missing))}.")
            yield archive
    except zipfile.BadZipFile as error:
        raise FileError(f"{path} is damaged: {error}") from error


@contextmanager
def blamed(path: Path) -> Iterator[None]:
    """Say which file is at fault."""
    try:
        yield
    except InputError as error:
        if str(path) in str(error) or str(error).startswith(path.name):
            raise
        raise type(error)(f"{path.name}: {error}") from error
    except (LookupError, OSError, ValueError, TypeError, AttributeError) as error:
        # What a file made by no Keras can trip over; the cause stays attached.
        reason = " ".join(str(error).split())[:200]
        raise FileError(f"{path.name} is damaged: it does not hold what Keras writes ({reason}).") from error


def read_json(path: Path) -> dict[str, Any]:
    """Read an architecture.

    Raises:
        FileError: Missing, or no JSON.
        ModelError: JSON, but no Keras architecture.
    """
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError as error:
        raise FileError(f"no file {path}.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise FileError(f"{path} cannot be read as text: {error}") from error
    if path.suffix.lower() in (".yaml", ".yml"):
        raise ModelError(f"{path.name} is YAML, which can run code when it is read; save model.to_json() instead.")
    try:
        config = json.loads(text)
        # Keras 1's to_json was often put through json.dump once more.
        config = json.loads(config) if isinstance(config, str) else config
    except json.JSONDecodeError as error:
        raise FileError(f"{path} is damaged or no JSON: {error}") from error
    if not isinstance(config, dict) or "class_name" not in config or "config" not in config:
        raise ModelError(f"{path.name} is JSON, but not the architecture of a Keras model (model.to_json()).")
    return config


def attribute(group: Any, name: str) -> str | None:
    """Read an attribute that is text; None when there is none."""
    value = group.attrs.get(name)
    if value is None:
        return None
    return value.decode("utf-8") if isinstance(value, bytes) else str(value)


def version_of(text: str | None) -> tuple[int, ...]:
    """The numbers of a Keras version; (1,) when none is given, for only Keras 1 left it out."""
    return tuple(int(number) for number in re.findall(r"\d+", text or "")[:3]) or (1,)


def model_config(file: Any) -> dict[str, Any]:
    """The architecture in a whole-model HDF5 file.

    Raises:
        ModelError: The file holds weights only, an optimizer only, or nothing of Keras.
    """
    text = attribute(file, "model_config")
    if text is not None and "model_weights" in file:
        config: dict[str, Any] = json.loads(text)
        return config
    if is_by_layer(file) or is_tree(file):
        raise ModelError(f"it holds weights without an architecture; {IN_PYTHON}.")
    if "optimizer_weights" in file:
        raise ModelError("it holds the state of an optimizer, but no model; save the model itself.")
    raise ModelError("it is an HDF5 file, but Keras did not write it: it holds no architecture.")


def weights_group(file: Any) -> Any:
    """Where the weights lie: at the top of a weights-only file, one step down in a whole model.

    Raises:
        ModelError: The file holds no weights of Keras.
    """
    group = file.get("model_weights", file)
    if is_by_layer(group) or is_tree(group):
        return group
    if "optimizer_weights" in file:
        raise ModelError("it holds the state of an optimizer, but no weights of a model.")
    raise ModelError("it holds no weights that Keras wrote.")


def layouts_of(config: Any) -> str:
    """Where most layers of the file keep their channels: one layout, or "" when the file mixes both."""
    found = {{"th": "channels_first", "tf": "channels_last"}.get(said, said) for said in _layouts(config)}
    if len(found) == 1:
        return found.pop()
    if found:
        return ""
    shape = next(_input_shapes(config), None)
    first = shape is not None and shape[1] in _CHANNEL_COUNTS and shape[3] not in _CHANNEL_COUNTS
    return "channels_first" if first else "channels_last"


def plain(config: Any) -> Any:
    """Undo the ways in which Keras 2 spelled tuples and arrays in JSON; all become lists and numbers."""
    if isinstance(config, list):
        return [plain(item) for item in config]
    if not isinstance(config, Mapping):
        return config
    kind, inner = config.get("class_name"), config.get("config")
    if kind in ("__tuple__", "TensorShape", "__numpy__", "__ndarray__", "__tensor__"):
        return plain(inner["value"] if isinstance(inner, Mapping) else config.get("items", config.get("value")))
    return {key: plain(value) for key, value in config.items()}


def _layouts(config: Any) -> Iterator[str]:
    for key, value in _pairs(config):
        if key in ("dim_ordering", "data_format") and isinstance(value, str):
            yield value


def _input_shapes(config: Any) -> Iterator[list[Any]]:
    for key, value in _pairs(config):
        if key == "batch_input_shape" and isinstance(value, list) and len(value) == 4:
            yield value


def _pairs(config: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(config, Mapping):
        for key, value in config.items():
            yield str(key), value
            yield from _pairs(value)
    elif isinstance(config, list):
        for value in config:
            yield from _pairs(value)
