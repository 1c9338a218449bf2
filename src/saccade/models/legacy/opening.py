"""Models that Keras 1 and Keras 2 left on people's disks, as live Keras 3 models.

- Channels-first models come back channels last, with the same function for images (rows, columns, channels).
- What cannot be rebuilt with certainty is refused, by the name of the layer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from saccade.errors import FileError, ModelError
from saccade.models.hdf5 import Group
from saccade.models.keras.allowed_parts import refuse_endless
from saccade.models.keras.configuration import version_of
from saccade.models.keras.counting import weights_counted
from saccade.models.keras.fitness import refuse_unfit
from saccade.models.keras.weights import is_tree, weights_group, weights_in
from saccade.models.legacy.code import refuse_code
from saccade.models.legacy.config import MODEL_KINDS, Origin
from saccade.models.legacy.graph import Rebuilt
from saccade.models.legacy.graph import rebuild as rebuild_graph
from saccade.models.legacy.live_models import parts_of, recast_live
from saccade.models.legacy.spelling import layouts_of, plain
from saccade.models.legacy.weights import LayerWeights, assign, pairs_by_layer, pairs_of_tree, read_layers

if TYPE_CHECKING:
    import keras


def rebuild(
    config: Mapping[str, Any],
    version: Any,
    root: Group | None,
    *,
    trust: bool = False,
    custom: Mapping[str, object] | None = None,
) -> Rebuilt:
    """Build the model that Keras 1 or 2 described, with weights that are still random.

    Args:
        config: `{"class_name": ..., "config": ...}`.
        version: The version of Keras that the file names, if it does.
        root: The file with its weights; what they are called and how they lie says who wrote them.
        trust: Allow Lambda layers and classes from the file's own modules to run.
        custom: Classes and functions by the name that the file calls them.

    Raises:
        FileError: The description is damaged.
        ModelError: It holds code, is no functional or Sequential model, or a layer cannot be rebuilt.
    """
    group = None if root is None else weights_group(root)
    layers = [] if group is None or is_tree(group) else read_layers(group)
    backend = "tensorflow" if root is None or group is None or is_tree(group) else _backend(group, root, layers)
    origin = origin_of(version, config, backend, trust, custom or {})
    refuse_code(config, origin)
    with weights_counted(None if root is None else weights_in(root)):
        return rebuilt_from(config, origin, layers)


def fill_rebuilt(rebuilt: Rebuilt, root: Group) -> keras.Model:
    """Put the weights of a file into the model that was rebuilt with it.

    Raises:
        FileError: They are damaged.
        ModelError: They do not fit.
    """
    group = weights_group(root)
    by_tree = is_tree(group)
    pairs = pairs_of_tree(rebuilt.parts, group) if by_tree else pairs_by_layer(rebuilt.parts, read_layers(group))
    assign(pairs, rebuilt.parts)
    return rebuilt.model


def fill_live(model: keras.Model, group: Group, root: Group) -> None:
    """Put weights of Keras 1 or 2, or such by layer of Keras 3, into a live model of Keras 3.

    Args:
        model: It stays as it is when anything does not fit.
        group: Where the weights lie.
        root: The whole file.

    Raises:
        FileError: They are damaged.
        ModelError: They do not fit.
    """
    parts = parts_of(model)
    if parts is None:
        raise ModelError(
            f"{model.name!r} is written as a class; these weights only fit functional and Sequential models. "
            "Save them as .weights.h5 with Keras 3."
        )
    if is_tree(group):
        assign(pairs_of_tree(parts, group), parts)
        return
    layers = read_layers(group)
    version = version_of(group.text("keras_version") or root.text("keras_version"))
    recast_live(parts, layers, version, _backend(group, root, layers))
    assign(pairs_by_layer(parts, layers), parts)


def rebuilt_from(config: Mapping[str, Any], origin: Origin, layers: Sequence[LayerWeights] = ()) -> Rebuilt:
    """Build the model that `{"class_name": ..., "config": ...}` describes, with random weights.

    Args:
        config: The description.
        origin: Who wrote it.
        layers: The weights in the file, whose shapes tell what some old descriptions leave out.

    Raises:
        FileError: The description is damaged.
        ModelError: It is no functional or Sequential model, or a layer cannot be rebuilt.
    """
    kind = str(config["class_name"])
    if kind not in MODEL_KINDS:
        raise ModelError(
            f"the model is a {kind[:60]}, a class of its own, whose code is not in the file; give the model as "
            "package.module:factory and this file as --weights."
        )
    if not isinstance(config["config"], (Mapping, list)):
        raise FileError(f"the {kind} is damaged: it has no list of layers.")
    refuse_endless(config)
    shapes = {layer.layer: [array.shape for _, array in layer.weights] for layer in layers}
    rebuilt = rebuild_graph(kind, plain(config["config"]), origin, lambda name: shapes.get(name, ()))
    refuse_unfit(rebuilt.model)
    return rebuilt


def origin_of(
    version: Any, config: Mapping[str, Any], backend: str, trust: bool, custom: Mapping[str, object]
) -> Origin:
    """Who wrote the file?"""
    named = config.get("keras_version") or version
    text = named if isinstance(named, str) else "1"
    computed_by = config.get("backend")
    return Origin(
        version_of(text),
        tf=text.endswith("-tf"),
        backend=computed_by if isinstance(computed_by, str) else backend,
        ordering=layouts_of(config),
        trust=trust,
        custom=custom,
    )


def _backend(group: Group, root: Group, layers: Sequence[LayerWeights]) -> str:
    """What Keras ran on. Keras 1 does not say, but only TensorFlow's variables are called `...:0`."""
    backend = group.text("backend") or root.text("backend")
    names = [name for layer in layers for name, _ in layer.weights]
    if backend or not names or any(name.endswith(":0") for name in names):
        return backend or "tensorflow"
    if version_of(group.text("keras_version") or root.text("keras_version"))[0] > 1:
        return "tensorflow"
    return "unknown" if all(name.startswith("param_") for name in names) else "theano"
