"""Opening models that Keras 1 and Keras 2 left on people's disks, as living Keras 3 models.

- Code in the file never runs without trust; the file is only read.
- Channels-first models come back channels last, with the same function for pictures (rows, columns, channels).
- What cannot be rebuilt with certainty is refused, by the name of the layer.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from saccade.errors import ModelError
from saccade.models.legacy.code import refuse_code
from saccade.models.legacy.config import MODEL_KINDS, Origin
from saccade.models.legacy.files import (
    IN_PYTHON,
    attribute,
    blamed,
    layouts_of,
    model_config,
    open_archive,
    open_hdf5,
    plain,
    read_json,
    version_of,
    weights_group,
)
from saccade.models.legacy.graph import Part, Rebuilt, rebuild
from saccade.models.legacy.live import keras3_weights, parts_of, recast_living
from saccade.models.legacy.weights import Held, Pairs, is_tree, pairs_by_layer, pairs_of_tree, put, read_layers

if TYPE_CHECKING:
    import keras


def is_legacy(path: Path) -> bool:
    """Was this file (HDF5 or a .keras archive) written by Keras 1 or 2?

    Raises:
        FileError: It is missing or damaged.
    """
    if zipfile.is_zipfile(path):
        with open_archive(path) as archive, blamed(path):
            return version_of(json.loads(archive.read("metadata.json")).get("keras_version"))[0] < 3
    with open_hdf5(path) as file:
        return version_of(attribute(file, "keras_version"))[0] < 3


def open_legacy_keras(
    path: Path, *, trust: bool = False, custom_objects: Mapping[str, object] | None = None
) -> keras.Model:
    """Open a whole model: architecture and weights in one file.

    Takes the `.h5` files of Keras 1 and 2 (and those of Keras 3), and the `.keras` archives of Keras 2.12 to 2.15 and
    tf_keras; functional and Sequential models, nested and shared parts.

    Args:
        path: The file; it is only read.
        trust: Allow Lambda layers and classes from the file's own modules to run.
        custom_objects: Classes and functions by the name that the file calls them.

    Returns:
        A `keras.Model` on the backend that Keras runs on, computing in float32, channels last.

    Raises:
        FileError: Missing, or damaged.
        ModelError: No model in it, or one that must not or cannot be opened.

    Example:
        >>> model = open_legacy_keras(Path("autoencoder_2017.h5"))  # doctest: +SKIP
    """
    custom = custom_objects or {}
    if zipfile.is_zipfile(path):
        with open_archive(path) as archive, blamed(path):
            version = json.loads(archive.read("metadata.json")).get("keras_version")
            config = json.loads(archive.read("config.json"))
            origin = origin_of(version, config, "tensorflow", trust, custom)
            refuse_code(config, origin)
            if origin.version[0] >= 3:
                return _with_keras3(path, trust, custom)
            with open_hdf5(path, archive.read("model.weights.h5")) as file:
                return _filled(rebuilt_from(config, origin), lambda parts: pairs_of_tree(parts, file))
    with open_hdf5(path) as file, blamed(path):
        config = model_config(file)
        held = read_layers(file["model_weights"])
        version = attribute(file, "keras_version")
        origin = origin_of(version, config, _backend(file["model_weights"], held), trust, custom)
        refuse_code(config, origin)
        if origin.version[0] >= 3:
            return _with_keras3(path, trust, custom)
        return _filled(rebuilt_from(config, origin, held), lambda parts: pairs_by_layer(parts, held))


def open_architecture(json_path: Path, weights: Path | None, *, trust: bool = False) -> keras.Model:
    """Open `model.to_json()` of Keras 1, 2 or 3, with its weights from another file.

    Args:
        json_path: The architecture.
        weights: A weights-only file, or None to leave the weights random.
        trust: Allow Lambda layers and classes from the file's own modules to run.

    Raises:
        FileError: Missing, or damaged.
        ModelError: Not a Keras architecture, one that cannot be opened, or weights that do not fit.
    """
    config = read_json(json_path)
    if "keras_version" not in config and "module" in config:
        with blamed(json_path):
            refuse_code(config, Origin((3,), trust=trust))
            model = _architecture_of_keras3(config, json_path, trust)
        if weights is not None:
            load_weights(model, weights)
        return model
    if weights is None:
        with blamed(json_path):
            origin = origin_of(None, config, "tensorflow", trust, {})
            refuse_code(config, origin)
            return rebuilt_from(config, origin).model
    with open_hdf5(weights) as file:
        with blamed(weights):
            group = weights_group(file)
            held = [] if is_tree(group) else read_layers(group)
            backend = _backend(group, held)
        with blamed(json_path):
            origin = origin_of(None, config, backend, trust, {})
            refuse_code(config, origin)
            rebuilt = rebuilt_from(config, origin, held)
        with blamed(weights):
            if is_tree(group):
                return _filled(rebuilt, lambda parts: pairs_of_tree(parts, group))
            return _filled(rebuilt, lambda parts: pairs_by_layer(parts, held))


def load_weights(model: keras.Model, weights: Path) -> None:
    """Load a weights-only file of Keras 1, 2 or 3 into a living model.

    Args:
        model: A built Keras 3 model; it stays as it is when anything does not fit.
        weights: `.h5` by layer, or `.weights.h5`.

    Raises:
        FileError: Missing, or damaged.
        ModelError: A layer expects other weights than the file holds; it says which, and both shapes.
    """
    with open_hdf5(weights) as file, blamed(weights):
        group = weights_group(file)
        parts = parts_of(model)
        if is_tree(group):
            if parts is None:
                keras3_weights(model, weights, group)
            else:
                put(pairs_of_tree(parts, group), parts)
            return
        if parts is None:
            raise ModelError(
                f"{model.name!r} is written as a class; weights by layer only fit functional and Sequential models. "
                "Save them as .weights.h5."
            )
        held = read_layers(group)
        recast_living(parts, held, version_of(attribute(group, "keras_version")), _backend(group, held))
        put(pairs_by_layer(parts, held), parts)


def rebuilt_from(config: Mapping[str, Any], origin: Origin, held: Sequence[Held] = ()) -> Rebuilt:
    """Build the model that `{"class_name": ..., "config": ...}` describes, with random weights.

    Raises:
        ModelError: It is no functional or Sequential model, or a layer cannot be rebuilt.
    """
    kind = str(config.get("class_name"))
    if kind not in MODEL_KINDS:
        raise ModelError(f"the model is a {kind}, a class of its own, whose code is not in the file; {IN_PYTHON}.")
    shapes = {layer.layer: [array.shape for _, array in layer.weights] for layer in held}
    return rebuild(kind, plain(config["config"]), origin, lambda name: shapes.get(name, ()))


def _filled(rebuilt: Rebuilt, pairs: Callable[[Sequence[Part]], Pairs]) -> keras.Model:
    put(pairs(rebuilt.parts), rebuilt.parts)
    return rebuilt.model


def origin_of(
    version: str | None, config: Mapping[str, Any], backend: str, trust: bool, custom: Mapping[str, object]
) -> Origin:
    """Who wrote the file?"""
    text = str(config.get("keras_version") or version or "1")
    return Origin(
        version_of(text),
        tf=text.endswith("-tf"),
        backend=str(config.get("backend") or backend),
        ordering=layouts_of(config),
        trust=trust,
        custom=custom,
    )


def _backend(group: Any, held: Sequence[Held]) -> str:
    """What Keras ran on. Keras 1 does not say, but only TensorFlow's variables are called `...:0`."""
    said = attribute(group, "backend") or attribute(group.file, "backend")
    names = [name for layer in held for name, _ in layer.weights]
    if said or not names or any(name.endswith(":0") for name in names):
        return said or "tensorflow"
    if version_of(attribute(group, "keras_version") or attribute(group.file, "keras_version"))[0] > 1:
        return "tensorflow"
    return "unknown" if all(name.startswith("param_") for name in names) else "theano"


def _with_keras3(path: Path, trust: bool, custom: Mapping[str, object]) -> keras.Model:
    import keras

    try:
        return keras.models.load_model(path, compile=False, safe_mode=not trust, custom_objects=dict(custom))
    except (ValueError, TypeError, KeyError, AttributeError, ImportError) as error:
        raise ModelError(f"Keras 3 cannot open {path.name}: {' '.join(str(error).split())[:300]}") from error


def _architecture_of_keras3(config: Mapping[str, Any], path: Path, trust: bool) -> keras.Model:
    import keras

    try:
        return keras.saving.deserialize_keras_object(dict(config), safe_mode=not trust)
    except (ValueError, TypeError, KeyError, AttributeError, ImportError) as error:
        raise ModelError(f"Keras 3 cannot build {path.name}: {' '.join(str(error).split())[:300]}") from error
