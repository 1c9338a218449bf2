"""Layers models of TensorFlow.js, as its converter and Teachable Machine write them: model.json and shards of weights.

The architecture is Keras's own JSON; the weights lie one after the other in files beside it, and are known by the names
of their layers.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np

from saccade.errors import FileError, ModelError
from saccade.models.carried import Carried, by_name, folder_settings, sizes_in
from saccade.models.keras.building import build_model
from saccade.models.keras.configuration import is_keras3
from saccade.models.legacy.live_models import parts_of
from saccade.models.legacy.weights import Pairs, assign, fit, leaves_of
from saccade.models.messages import file_named, shortened

if TYPE_CHECKING:
    import keras

    from saccade.models.legacy.graph import Part

_TYPES = {
    "float32": "<f4", "float16": "<f2", "int32": "<i4", "uint32": "<u4", "uint16": "<u2", "uint8": "u1", "bool": "?",
}  # fmt: skip
_USUAL_VERSION = "2.15.0"
"""TensorFlow.js names its own version; it writes as Keras 2 did."""
_TEACHABLE = "@teachablemachine/image"


def open_layers_model(path: Path, description: Mapping[str, Any], *, trust: bool = False) -> keras.Model:
    """Open a layers model of TensorFlow.js.

    Args:
        path: Its model.json; the files with its weights lie beside it.
        description: What stands in it.
        trust: Allow classes from modules of its own to run.

    Raises:
        FileError: Its weights are missing or damaged.
        ModelError: It is a graph model, or one that cannot be opened.
    """
    with file_named(path):
        config = _architecture(description)
        stored = dict(_stored_weights(path.parent, description.get("weightsManifest")))
        model, parts = _built(config, sum(values.size for values in stored.values()), trust)
        assign(list(_pairs(parts, stored)), parts)
    return model


def carried_beside(path: Path) -> Carried | None:
    """What Teachable Machine's metadata.json beside a model says of its images; None where there is none.

    Raises:
        FileError: It is damaged.
    """
    metadata = path.parent / "metadata.json"
    if not metadata.is_file():
        return None
    settings = folder_settings(metadata)
    if settings.get("packageName") != _TEACHABLE:
        return None
    sizes = tuple(sizes_in([settings.get("imageSize", 224)]))
    return by_name("half", "metadata.json beside it: Teachable Machine feeds -1..1", sizes=sizes, fit="cover")


def _architecture(description: Mapping[str, Any]) -> dict[str, Any]:
    topology = description["modelTopology"]
    if isinstance(topology, Mapping) and ("node" in topology or description.get("format") == "graph-model"):
        raise ModelError(
            "it is a graph model, whose layers are gone; give the Keras file or SavedModel that it was converted from, "
            "or convert that to a layers model."
        )
    config = topology.get("model_config", topology) if isinstance(topology, Mapping) else None
    if not isinstance(config, Mapping) or not isinstance(config.get("class_name"), str) or "config" not in config:
        raise FileError("it is damaged: its modelTopology describes no model of Keras.")
    version = topology.get("keras_version")
    own = version if isinstance(version, str) and version[:1].isdecimal() else _USUAL_VERSION
    described = {name: config[name] for name in ("class_name", "config", "module", "registered_name") if name in config}
    return {**described, "keras_version": own, "backend": "tensorflow"}


def _built(config: dict[str, Any], stored: int, trust: bool) -> tuple[Any, tuple[Part, ...]]:
    """The model with random weights, and its parts."""
    if is_keras3(config, config["keras_version"]):
        model = build_model(config, stored=stored)
        parts = parts_of(model)
        if parts is None:
            raise ModelError("it is written as a class, whose code is not in the file.")
        return model, tuple(parts)
    from saccade.models.keras.counting import weights_counted
    from saccade.models.legacy.code import refuse_code
    from saccade.models.legacy.opening import origin_of, rebuilt_from

    origin = origin_of(config["keras_version"], config, "tensorflow", trust, {})
    refuse_code(config, origin)
    with weights_counted(stored):
        rebuilt = rebuilt_from(config, origin)
    return rebuilt.model, rebuilt.parts


def _pairs(parts: tuple[Part, ...], stored: Mapping[str, np.ndarray]) -> Iterator[tuple[Any, np.ndarray]]:
    """Which array belongs into which variable, by the name of the layer, which stands before that of the weight?"""
    by_layer: dict[str, list[np.ndarray]] = {}
    for name, values in stored.items():
        steps = name.split("/")
        by_layer.setdefault(steps[-2] if len(steps) > 1 else name, []).append(values)
    leaves = [leaf for part in parts for leaf in leaves_of(part)]
    names = [leaf.name for leaf in leaves]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ModelError(f"two of its layers are called {twice!r}, so their weights cannot be told apart.")
    missing = [name for name in names if name not in by_layer]
    foreign = [name for name in by_layer if name not in names]
    if missing or foreign:
        wrong = f"layer {missing[0]!r} has no weights" if missing else f"there is no layer {foreign[0]!r:.60}"
        raise ModelError(f"its weights do not fit its architecture: {wrong}.")
    pairs: Pairs = [pair for leaf in leaves for pair in fit(leaf, by_layer[leaf.name], leaf.name)]
    yield from pairs


def _stored_weights(folder: Path, manifest: Any) -> Iterator[tuple[str, np.ndarray]]:
    """Every array by name, from the files beside the description."""
    if not isinstance(manifest, list) or not all(isinstance(group, Mapping) for group in manifest):
        raise FileError("it is damaged: it has no list of weights (weightsManifest).")
    for group in manifest:
        files, entries = group.get("paths"), group.get("weights")
        if not isinstance(files, list) or not isinstance(entries, list):
            raise FileError("it is damaged: a group of its weights names no files.")
        layouts = [_layout(entry) for entry in entries]
        expected = sum(math.prod(shape) * kind.itemsize for _, shape, kind, _, _ in layouts)
        content = b"".join(_shards(folder, files, expected))
        place = 0
        for name, shape, kind, scale, least in layouts:
            count = math.prod(shape)
            values = np.frombuffer(content, kind, count, place).reshape(shape)
            place += count * kind.itemsize
            yield name, values if scale is None else (values * np.float32(scale) + np.float32(least)).astype(np.float32)


def _shards(folder: Path, files: list[Any], expected: int) -> list[bytes]:
    """What lies in the files of a group, when they hold just what they should."""
    paths = []
    for name in files:
        plain = isinstance(name, str) and name.isprintable() and ":" not in name and "\\" not in name
        if not plain or PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
            raise FileError(f"it is damaged: it looks for weights in {shortened(name)}, which is no file beside it.")
        paths.append(folder / name)
    missing = next((path for path in paths if not path.is_file()), None)
    if missing is not None:
        raise FileError(f"its weights are missing: no file {missing}.")
    size = sum(path.stat().st_size for path in paths)
    if size != expected:
        raise FileError(f"it is damaged: its weights take {expected:,} bytes, and their files hold {size:,}.")
    return [path.read_bytes() for path in paths]


def _layout(entry: Any) -> tuple[str, tuple[int, ...], np.dtype[Any], float | None, float]:
    """Name, shape, type as stored, and, where it was quantised, the scale and the least value."""
    if not isinstance(entry, Mapping):
        raise FileError("it is damaged: an entry of its weights is none.")
    name, kind = entry.get("name"), entry.get("dtype")
    shape: Any = entry.get("shape")
    is_shape = isinstance(shape, list) and all(type(side) is int and 0 <= side < 2**31 for side in shape)
    if not isinstance(name, str) or not is_shape:
        raise FileError(f"it is damaged: the weight {shortened(name)} has the shape {shortened(shape)}.")
    quantised = entry.get("quantization")
    scale, least = None, 0.0
    if isinstance(quantised, Mapping):
        kind = quantised.get("dtype")
        if kind != "float16":
            scale, least = quantised.get("scale"), quantised.get("min", 0.0)
            if not isinstance(scale, (int, float)) or not isinstance(least, (int, float)):
                raise FileError(f"it is damaged: the weight {shortened(name)} is quantised by no number.")
    if not isinstance(kind, str) or kind not in _TYPES:
        raise ModelError(f"the weight {shortened(name)} holds {shortened(kind)}, which is no number of a Keras model.")
    return name, tuple(shape), np.dtype(_TYPES[kind]), scale, least
