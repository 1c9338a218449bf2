"""Any file that Keras wrote: which Keras it was decides how the file is opened.

- Code in the file never runs without trust; the file is only read.
- What cannot be rebuilt with certainty is refused, by the name of the layer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from saccade.errors import FileError, ModelError
from saccade.models.archive import is_archive, open_archive
from saccade.models.code_beside import ClassesBeside
from saccade.models.hdf5 import Group, open_hdf5
from saccade.models.input_shape import InputShape, checked_shape
from saccade.models.keras.allowed_parts import NeedsTrust
from saccade.models.keras.building import build_model
from saccade.models.keras.configuration import MOST_BYTES, is_keras3, read_configuration, read_json
from saccade.models.keras.trusted_models import build_trusted, load_trusted
from saccade.models.keras.weights import (
    is_by_layer,
    is_tree,
    is_tree_of_keras2,
    load_tree,
    weights_group,
    weights_in,
)
from saccade.models.messages import file_named, plain_sentence

if TYPE_CHECKING:
    import keras

_CONFIGURATION, _METADATA, _WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
_USUAL = 64
_IN_PYTHON = "give the model as package.module:factory and this file as --weights"


def open_keras_file(
    path: Path, *, trust: bool = False, custom_objects: Mapping[str, object] | None = None
) -> keras.Model:
    """Open a whole model: architecture and weights in one file.

    Takes `.keras` archives (Keras 3, Keras 2.12 to 2.15 and tf_keras) and `.h5` files (Keras 1 to 3), whatever their
    names end in.

    Args:
        path: The file; it is only read.
        trust: Allow Lambda layers and classes from the file's own modules to run.
        custom_objects: Classes and functions by the name that a file of Keras 1 or 2 calls them.

    Returns:
        A model on the backend that Keras runs on; what Keras 1 and 2 wrote computes in float32, channels last.

    Raises:
        FileError: Missing, or damaged.
        ModelError: No model in it, or one that must not or cannot be opened.

    Example:
        >>> model = open_keras_file(Path("autoencoder_2017.h5"))  # doctest: +SKIP
    """
    zipped = path.is_file() and is_archive(path)
    version, config = _described(path) if zipped else (None, None)
    with open_hdf5(path, _WEIGHTS if zipped else None, meanwhile=_load_keras) as root, file_named(path):
        if config is None:
            version, config = root.text("keras_version"), _hdf5_configuration(root)
        if not is_keras3(config, version):
            from saccade.models.legacy.opening import fill_rebuilt, rebuild

            if trust and custom_objects is None:
                custom_objects = ClassesBeside(path.parent)
            return fill_rebuilt(rebuild(config, version, root, trust=trust, custom=custom_objects), root)
        try:
            return fill(build_model(config, stored=weights_in(root)), root)
        except NeedsTrust:
            if not trust:
                raise
        if zipped and not _has_assets(path):
            return fill(build_trusted(config, path.parent), root)
        return load_trusted(path, config)


def open_architecture(json_path: Path, weights: Path | None, *, trust: bool = False) -> keras.Model:
    """Open `model.to_json()` of Keras 1, 2 or 3, with its weights from another file; or a model of TensorFlow.js.

    Args:
        json_path: The architecture.
        weights: A weights-only file, or None to leave the weights random.
        trust: Allow Lambda layers and classes from the file's own modules to run.

    Raises:
        FileError: Missing, or damaged.
        ModelError: Not a Keras architecture, one that cannot be opened, or weights that do not fit.
    """
    config = _architecture(json_path)
    if "modelTopology" in config:
        from saccade.models.legacy.tensorflow_js import open_layers_model

        if weights is not None:
            raise ModelError(f"{json_path.name} of TensorFlow.js names the files of its weights; leave --weights out.")
        return open_layers_model(json_path, config, trust=trust)
    if weights is None:
        with file_named(json_path):
            return _built(config, None, json_path.parent, trust=trust)[0]
    with open_weights(weights) as root:
        with file_named(json_path):
            model, rebuilt = _built(config, root, json_path.parent, trust=trust)
        with file_named(weights):
            if rebuilt is None:
                return fill(model, root)
            from saccade.models.legacy.opening import fill_rebuilt

            return fill_rebuilt(rebuilt, root)


def load_weights(model: keras.Model, weights: Path, input_shape: InputShape | None = None) -> None:
    """Load a weights file of Keras 1, 2 or 3 into a live model.

    Args:
        model: A Keras 3 model; it stays as it is when anything does not fit.
        weights: `.h5` by layer, `.weights.h5`, or a whole model, `.keras` or `.h5`, whose weights are taken.
        input_shape: Height, width and channels of one image, for a model that was never called and so has no weights
            yet, where the file does not say either.

    Raises:
        FileError: Missing, or damaged.
        ModelError: A layer expects other weights than the file holds; it says which, and both shapes.
    """
    with open_weights(weights) as root, file_named(weights):
        shape = input_shape or _built_for(weights)
        is_whole = all(layer.built for layer in model._flatten_layers())
        if not is_whole and shape is not None:
            _build(model, shape)
        try:
            fill(model, root)
        except ModelError as error:
            if is_whole or shape is not None:
                raise
            raise ModelError(
                f"{model.name!r} was never called, so it has no weights that the file's could be put into; call it on "
                "a batch in the factory, or give its images' size: --input-shape H,W,C (input_shape=)."
            ) from error


def _build(model: keras.Model, shape: InputShape) -> None:
    """Let a model that was never called make its weights."""
    import keras

    height, width, channels = shape
    try:
        model(keras.ops.zeros((1, height or _USUAL, width or _USUAL, channels)))
    except Exception as error:  # layers are anybody's
        raise ModelError(f"{model.name!r} cannot be called on images of {shape}: {plain_sentence(error)}.") from error


def _built_for(weights: Path) -> InputShape | None:
    """The shape of images for which the whole model in a `.keras` archive was built."""
    if not is_archive(weights):
        return None
    with open_archive(weights) as archive:
        if _CONFIGURATION not in archive.names:
            return None
        config = read_json(archive.read(_CONFIGURATION, most=MOST_BYTES), f"{_CONFIGURATION} in {weights}")
    build = config.get("build_config") if isinstance(config, Mapping) else None
    match build.get("input_shape") if isinstance(build, Mapping) else None:
        case [_, (int() | None) as height, (int() | None) as width, int(channels)]:
            return checked_shape((height, width, channels))
    return None


@contextmanager
def open_weights(path: Path) -> Iterator[Group]:
    """Open a file that holds weights, be it weights only or a whole model.

    Raises:
        FileError: Missing, or damaged.
    """
    if path.is_file() and is_archive(path):
        with open_archive(path) as archive:
            archive.check(_WEIGHTS)
        with open_hdf5(path, _WEIGHTS, meanwhile=_load_keras) as root:
            yield root
    else:
        with open_hdf5(path, meanwhile=_load_keras) as root:
            yield root


def fill(model: keras.Model, root: Group) -> keras.Model:
    """Fill a live model with the weights of a file, whichever Keras wrote them.

    Raises:
        FileError: They are damaged.
        ModelError: They do not fit, or there are none.
    """
    group = weights_group(root)
    if is_tree(group) and not is_tree_of_keras2(group):
        load_tree(model, group)
    else:
        from saccade.models.legacy.opening import fill_live

        fill_live(model, group, root)
    return model


def _built(config: Mapping[str, Any], root: Group | None, folder: Path, *, trust: bool) -> tuple[Any, Any]:
    """The model, and how it was rebuilt where Keras 1 or 2 described it."""
    if is_keras3(config):
        try:
            return build_model(config, stored=None if root is None else weights_in(root)), None
        except NeedsTrust:
            if not trust:
                raise
            return build_trusted(config, folder), None
    from saccade.models.legacy.opening import rebuild

    rebuilt = rebuild(config, None, root, trust=trust, custom=ClassesBeside(folder) if trust else None)
    return rebuilt.model, rebuilt


def _load_keras() -> None:
    """Import Keras and its backend, which takes seconds, while another process reads the file."""
    import keras  # noqa: F401


def _described(path: Path) -> tuple[Any, dict[str, Any]]:
    """The version and the architecture in a `.keras` archive."""
    with open_archive(path) as archive:
        text = archive.read(_CONFIGURATION, most=MOST_BYTES)
        metadata = archive.read(_METADATA, most=MOST_BYTES) if _METADATA in archive.names else b"{}"
        archive.check(_WEIGHTS)
    version = read_json(metadata, f"{_METADATA} in {path}")
    if not isinstance(version, dict):
        raise FileError(f"{_METADATA} in {path} is damaged: it does not say which Keras wrote the file.")
    return version.get("keras_version"), read_configuration(text, f"{_CONFIGURATION} in {path}")


def _has_assets(path: Path) -> bool:
    with open_archive(path) as archive:
        return any(name.startswith("assets/") for name in archive.names)


def _architecture(path: Path) -> dict[str, Any]:
    if path.suffix.lower() in (".yaml", ".yml"):
        raise ModelError(f"{path.name} is YAML, which can run code when it is read; save model.to_json() instead.")
    try:
        if path.stat().st_size > MOST_BYTES:
            raise FileError(f"{path} is damaged: {path.stat().st_size:,} bytes of JSON, more than {MOST_BYTES:,}.")
        text = path.read_bytes()
    except FileNotFoundError as error:
        raise FileError(f"no file {path}.") from error
    except OSError as error:
        raise FileError(f"{path} cannot be read: {error.strerror}.") from error
    described = read_json(text, str(path))
    if isinstance(described, dict) and "modelTopology" in described:  # of TensorFlow.js
        return described
    return read_configuration(text, str(path))


def _hdf5_configuration(root: Group) -> dict[str, Any]:
    """The architecture in a whole-model HDF5 file.

    Raises:
        ModelError: The file holds weights only, an optimizer only, or nothing of Keras.
    """
    text = root.text("model_config")
    if text is not None and "model_weights" in root:
        return read_configuration(text, "its attribute 'model_config'")
    if is_by_layer(root) or is_tree(root):
        raise ModelError(f"it holds weights without an architecture; {_IN_PYTHON}.")
    if "optimizer_weights" in root:
        raise ModelError("it holds the state of an optimizer, but no model; save the model itself.")
    if text is not None:
        raise ModelError("it holds an architecture, but no weights.")
    raise ModelError("it is an HDF5 file, but Keras did not write it: it holds no architecture.")
