"""TensorFlow SavedModel folders: as a Keras model where Keras wrote one, else as a plain function.

Opening a SavedModel runs TensorFlow's graph only, no Python from the folder; and without trust only a graph that does
nothing but compute (`graph`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from saccade.errors import FileError, InputError, MissingPackage, ModelError
from saccade.models.keras.configuration import read_json
from saccade.models.keras.counting import weights_counted
from saccade.models.legacy.code import refuse_code
from saccade.models.legacy.graph import Part
from saccade.models.legacy.opening import origin_of, rebuilt_from
from saccade.models.legacy.weights import Pairs, assign, fit
from saccade.models.messages import file_named, plain_sentence
from saccade.models.saved_model.graph import read_graph, refuse_effects
from saccade.models.saved_model.sizes import refuse_large_results

if TYPE_CHECKING:
    import keras

_CONVERT = 're-save it where it was made: tf.keras.models.load_model("folder").save("model.keras")'
_TRIAL_SIZE = 64
_MOST_METADATA = 2**28


@dataclass(frozen=True)
class SavedFunction:
    """A SavedModel that only its graph describes: differentiable, but without layers.

    Attributes:
        call: Images float32 (images, height, width, channels) to the outputs by name, as TensorFlow tensors.
        input_shape: Height, width, channels; None where free.
        outputs: The shape of each output without the batch axis; None where free.
        reason: Why the layers could not be rebuilt.
        owner: What TensorFlow loaded; its variables live as long as this does.
    """

    call: Callable[[Any], dict[str, Any]]
    input_shape: tuple[int | None, int | None, int | None]
    outputs: Mapping[str, tuple[int | None, ...]]
    reason: str
    owner: Any = field(repr=False)


def open_saved_model(folder: Path, *, trust: bool = False) -> keras.Model | SavedFunction:
    """Open a SavedModel folder.

    Args:
        folder: It is only read.
        trust: Allow a graph that does more than compute, such as one that writes files.

    Returns:
        A live Keras 3 model with named layers, where Keras 2 wrote its configuration into the folder; otherwise the
        serving function, checked to have a gradient.

    Raises:
        FileError: Missing, or damaged.
        ModelError: It needs trust, takes no image, or its output has no gradient with respect to the image.
        MissingPackage: TensorFlow is not installed.
    """
    try:
        import tensorflow as tf
    except ImportError as error:
        raise MissingPackage.of("tensorflow", "tensorflow") from error
    graph = read_graph(folder)
    with file_named(folder):
        if not trust:
            refuse_effects(graph, folder)
        stored = _stored_numbers(folder)
    try:
        loaded = tf.saved_model.load(str(folder))
    except Exception as error:  # TensorFlow raises a dozen kinds here; all mean that the folder cannot be read.
        raise FileError(f"{folder} is damaged: {plain_sentence(error)}.") from error
    with file_named(folder):
        nodes = dict(_keras_nodes(folder, graph))
        try:
            with weights_counted(stored):
                return _as_keras(loaded, nodes)
        except InputError as error:
            return _as_function(loaded, str(error), trust)


def _stored_numbers(folder: Path) -> int:
    """How many numbers do the variables have?

    Raises:
        FileError: They are damaged, or would be larger than their files.
    """
    import tensorflow as tf

    place = folder / "variables"
    if not (place / "variables.index").is_file():
        return 0
    try:
        reader = tf.train.load_checkpoint(str(place / "variables"))
        kinds = reader.get_variable_to_dtype_map()
        counts = {name: math.prod(shape) for name, shape in reader.get_variable_to_shape_map().items()}
        stored = sum(file.stat().st_size for file in place.iterdir())
    except OSError as error:
        raise FileError(f"the variables cannot be read: {error.strerror}.") from error
    except Exception as error:  # TensorFlow raises a dozen kinds here; all mean that the index cannot be read.
        raise FileError(f"the variables are damaged: {plain_sentence(error)}.") from error
    size = sum(count * kinds[name].size for name, count in counts.items() if kinds[name] != tf.string)
    if size > stored:
        raise FileError(f"the variables are damaged: they claim {size:,} bytes, their files hold {stored:,}.")
    return sum(counts.values())


def _as_keras(loaded: Any, nodes: Mapping[str, Any]) -> keras.Model:
    root = nodes.get("root", {})
    config = root.get("model_config") or root
    inner = config.get("config") if isinstance(config, Mapping) else None
    if not isinstance(inner, Mapping) or "layers" not in inner or not isinstance(config.get("class_name"), str):
        raise ModelError("the folder does not hold the configuration of a functional or Sequential Keras model.")
    config = {"keras_version": root.get("keras_version", "2.4.0"), **config}
    origin = origin_of(None, config, "tensorflow", False, {})
    refuse_code(config, origin)
    rebuilt = rebuilt_from(config, origin)
    assign(list(_pairs(rebuilt.parts, "root", loaded, nodes)), rebuilt.parts)
    return rebuilt.model


def _pairs(parts: Sequence[Part], path: str, owner: Any, nodes: Mapping[str, Any]) -> Iterator[tuple[Any, np.ndarray]]:
    for part in parts:
        place = next(
            (place for place, node in nodes.items() if _is_child(place, path) and node.get("name") == part.name), ""
        )
        saved = getattr(owner, place.rpartition(".")[2], None) if place else None
        if part.parts and saved is not None:
            yield from _pairs(part.parts, place, saved, nodes)
        elif part.layer is not None and part.layer.weights:
            variables = variables_of(saved)
            if not variables:
                raise ModelError(f"the folder holds no weights for layer {part.name!r}.")
            pairs: Pairs = fit(part, [variable.numpy() for variable in variables], place)
            yield from pairs


def variables_of(loaded: Any) -> list[Any]:
    """The variables of something that TensorFlow loaded; what a damaged folder holds in their place is none."""
    import tensorflow as tf

    variables = getattr(loaded, "variables", ())
    return [item for item in variables if isinstance(item, tf.Variable)] if isinstance(variables, (list, tuple)) else []


def _is_child(place: str, path: str) -> bool:
    parent, _, step = place.rpartition(".")
    return parent == path and step.startswith("layer")


def _as_function(loaded: Any, reason: str, trust: bool) -> SavedFunction:
    import tensorflow as tf

    signatures = getattr(loaded, "signatures", None)
    served = dict(signatures) if isinstance(signatures, Mapping) else {}
    if not served:
        raise ModelError(f"it has no serving function, and {reason} {_CONVERT}.")
    function = served.get("serving_default") or next(iter(served.values()))
    inputs: dict[str, Any] = function.structured_input_signature[1]
    if len(inputs) != 1:
        raise ModelError(f"it takes {len(inputs)} inputs ({', '.join(inputs)}); saccade explains models of one image.")
    ((name, image),) = inputs.items()
    if image.shape.rank != 4 or not image.dtype.is_floating:
        raise ModelError(
            f"it takes {image.dtype.name} of shape {image.shape}; an image needs float32 (images, height, "
            f"width, channels); {_CONVERT}."
        )

    def call(images: Any) -> dict[str, Any]:
        try:
            answer: dict[str, Any] = function(**{name: tf.cast(images, image.dtype)})
        except (TypeError, ValueError) as error:  # of shapes that the graph claims and does not keep
            raise ModelError(f"its graph is damaged: {plain_sentence(error)}.") from error
        return answer

    shape = tuple(image.shape)[1:]
    trial = (1, *(size or _TRIAL_SIZE for size in shape[:2]), shape[2] or 3)
    if not trust:
        refuse_large_results(function, trial)
    _demand_gradient(call, trial)
    outputs = {key: tuple(spec.shape)[1:] for key, spec in function.structured_outputs.items()}
    return SavedFunction(call, shape, outputs, reason, loaded)


def _demand_gradient(call: Callable[[Any], dict[str, Any]], shape: tuple[int, ...]) -> None:
    import tensorflow as tf

    images = tf.random.stateless_uniform(shape, (0, 0))
    try:
        with tf.GradientTape() as tape:
            tape.watch(images)
            total = tf.add_n([tf.reduce_sum(tf.cast(out, tf.float32)) for out in call(images).values()])
        gradient = tape.gradient(total, images)
    except (LookupError, tf.errors.OpError, ValueError, TypeError) as error:
        raise ModelError(f"its gradient cannot be computed ({plain_sentence(error)}); {_CONVERT}.") from error
    if gradient is None:
        raise ModelError(f"its output has no gradient with respect to the image; {_CONVERT}.")


def _keras_nodes(folder: Path, graph: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """What Keras 2 wrote about each of its objects, by its path from the root."""
    metadata = folder / "keras_metadata.pb"
    if metadata.is_file():
        if metadata.stat().st_size > _MOST_METADATA:
            raise FileError(f"{metadata} is damaged: it is larger than {_MOST_METADATA:,} bytes.")
        for node in _messages(metadata.read_bytes(), 1):
            name, described = (next(_messages(node, number), b"") for number in (3, 5))
            yield name.decode("utf-8", "replace"), _node(described)
        return
    # Up to TensorFlow 2.4 the same texts lie inside saved_model.pb itself.
    nodes = graph.meta_graphs[0].object_graph_def.nodes
    waiting, visited = [("root", 0)] if nodes else [], {0}
    while waiting:
        path, number = waiting.pop(0)
        text = nodes[number].user_object.metadata
        if text:
            yield path, _node(text)
        for child in nodes[number].children:
            if child.local_name.startswith("layer") and child.node_id not in visited and child.node_id < len(nodes):
                visited.add(child.node_id)
                waiting.append((f"{path}.{child.local_name}", child.node_id))


def _node(text: bytes | str) -> dict[str, Any]:
    value = read_json(text, "keras_metadata.pb")
    if not isinstance(value, dict):
        raise FileError("keras_metadata.pb is damaged: it does not describe a layer.")
    return value


def _messages(data: bytes, number: int) -> Iterator[bytes]:
    """The fields of one number in a protocol buffer that hold bytes."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        if key & 7 == 0:
            _, at = _varint(data, at)
        elif key & 7 == 2:
            length, at = _varint(data, at)
            if key >> 3 == number:
                yield data[at : at + length]
            at += length
        else:
            raise FileError("keras_metadata.pb is damaged.")


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(data):
        byte = data[at]
        value, at, shift = value | (byte & 127) << shift, at + 1, shift + 7
        if byte < 128:
            return value, at
    raise FileError("keras_metadata.pb is damaged: it ends too early.")
