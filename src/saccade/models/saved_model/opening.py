"""TensorFlow SavedModel folders: as a Keras model where Keras wrote one, else as a plain function.

Opening a SavedModel runs TensorFlow's graph only, no Python from the folder.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from saccade.errors import FileError, InputError, MissingPackage, ModelError
from saccade.models.legacy.code import refuse_code
from saccade.models.legacy.files import blamed
from saccade.models.legacy.graph import Part
from saccade.models.legacy.opening import origin_of, rebuilt_from
from saccade.models.legacy.weights import Pairs, fit, put

if TYPE_CHECKING:
    import keras

_CONVERT = 're-save it where it was made: tf.keras.models.load_model("folder").save("model.keras")'
_TRIAL_SIZE = 64


@dataclass(frozen=True)
class SavedFunction:
    """A SavedModel that only its graph describes: differentiable, but without layers.

    Attributes:
        call: Pictures float32 (images, height, width, channels) to the outputs by name, as TensorFlow tensors.
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


def open_saved_model(folder: Path) -> keras.Model | SavedFunction:
    """Open a SavedModel folder.

    Returns:
        A living Keras 3 model with named layers, where Keras 2 wrote its configuration into the folder; otherwise the
        serving function, checked to have a gradient.

    Raises:
        FileError: Missing, or damaged.
        ModelError: It takes no picture, or its output has no gradient with respect to the picture.
        MissingPackage: TensorFlow is not installed.
    """
    try:
        import tensorflow as tf
    except ImportError as error:
        raise MissingPackage.of("tensorflow", "tensorflow") from error
    if not (folder / "saved_model.pb").is_file():
        raise FileError(f"{folder} is no SavedModel: it holds no saved_model.pb.")
    try:
        loaded = tf.saved_model.load(str(folder))
    except Exception as error:  # TensorFlow raises a dozen kinds here; all mean that the folder cannot be read.
        raise FileError(f"{folder} is damaged: {' '.join(str(error).split())[:200]}") from error
    with blamed(folder):
        written = dict(_keras_nodes(folder))
        try:
            return _as_keras(loaded, written)
        except InputError as error:
            return _as_function(loaded, str(error))


def _as_keras(loaded: Any, written: Mapping[str, Any]) -> keras.Model:
    root = written.get("root", {})
    config = root.get("model_config") or root
    if not isinstance(config.get("config"), Mapping) or "layers" not in config["config"]:
        raise ModelError("the folder does not hold the configuration of a functional or Sequential Keras model.")
    config = {"keras_version": root.get("keras_version", "2.4.0"), **config}
    origin = origin_of(None, config, "tensorflow", False, {})
    refuse_code(config, origin)
    rebuilt = rebuilt_from(config, origin)
    put(list(_pairs(rebuilt.parts, "root", loaded, written)), rebuilt.parts)
    return rebuilt.model


def _pairs(
    parts: Sequence[Part], path: str, owner: Any, written: Mapping[str, Any]
) -> Iterator[tuple[Any, np.ndarray]]:
    for part in parts:
        at = next(
            (place for place, node in written.items() if _is_child(place, path) and node.get("name") == part.name), ""
        )
        saved = getattr(owner, at.rpartition(".")[2], None) if at else None
        if part.parts and saved is not None:
            yield from _pairs(part.parts, at, saved, written)
        elif part.layer is not None and part.layer.weights:
            if saved is None:
                raise ModelError(f"the folder holds no weights for layer {part.name!r}.")
            pairs: Pairs = fit(part, [variable.numpy() for variable in saved.variables], at)
            yield from pairs


def _is_child(place: str, path: str) -> bool:
    parent, _, step = place.rpartition(".")
    return parent == path and step.startswith("layer")


def _as_function(loaded: Any, reason: str) -> SavedFunction:
    import tensorflow as tf

    served = dict(loaded.signatures)
    if not served:
        raise ModelError(f"it has no serving function, and {reason} {_CONVERT}.")
    function = served.get("serving_default") or next(iter(served.values()))
    inputs: dict[str, Any] = function.structured_input_signature[1]
    if len(inputs) != 1:
        raise ModelError(
            f"it takes {len(inputs)} inputs ({', '.join(inputs)}); saccade explains models of one picture."
        )
    ((name, given),) = inputs.items()
    if given.shape.rank != 4 or not given.dtype.is_floating:
        raise ModelError(
            f"it takes {given.dtype.name} of shape {tuple(given.shape)}; a picture needs float32 (images, height, "
            f"width, channels); {_CONVERT}."
        )

    def call(images: Any) -> dict[str, Any]:
        answer: dict[str, Any] = function(**{name: tf.cast(images, given.dtype)})
        return answer

    shape = tuple(given.shape)[1:]
    _demand_gradient(call, shape)
    outputs = {key: tuple(spec.shape)[1:] for key, spec in function.structured_outputs.items()}
    return SavedFunction(call, shape, outputs, reason, loaded)


def _demand_gradient(call: Callable[[Any], dict[str, Any]], shape: tuple[int | None, ...]) -> None:
    import tensorflow as tf

    images = tf.random.stateless_uniform([1, *(size or _TRIAL_SIZE for size in shape[:2]), shape[2] or 3], (0, 0))
    try:
        with tf.GradientTape() as tape:
            tape.watch(images)
            total = tf.add_n([tf.reduce_sum(tf.cast(out, tf.float32)) for out in call(images).values()])
        gradient = tape.gradient(total, images)
    except (LookupError, tf.errors.OpError, ValueError) as error:
        raise ModelError(f"its gradient cannot be computed ({_short(error)}); {_CONVERT}.") from error
    if gradient is None:
        raise ModelError(f"its output has no gradient with respect to the picture; {_CONVERT}.")


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:120]


def _keras_nodes(folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """What Keras 2 wrote about each of its objects, by its path from the root."""
    metadata = folder / "keras_metadata.pb"
    if metadata.is_file():
        for node in _messages(metadata.read_bytes(), 1):
            path, text = (next(_messages(node, number), b"").decode("utf-8") for number in (3, 5))
            yield path, json.loads(text)
        return
    # Up to TensorFlow 2.4 the same texts lie inside saved_model.pb itself.
    from tensorflow.core.protobuf import saved_model_pb2

    saved = saved_model_pb2.SavedModel.FromString((folder / "saved_model.pb").read_bytes())
    nodes = saved.meta_graphs[0].object_graph_def.nodes
    waiting, seen = [("root", 0)], {0}
    while waiting:
        path, number = waiting.pop(0)
        text = nodes[number].user_object.metadata
        if text:
            yield path, json.loads(text)
        for child in nodes[number].children:
            if child.local_name.startswith("layer") and child.node_id not in seen:
                seen.add(child.node_id)
                waiting.append((f"{path}.{child.local_name}", child.node_id))


def _messages(data: bytes, wanted: int) -> Iterator[bytes]:
    """The fields of one number in a protocol buffer that hold bytes."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        if key & 7 == 0:
            _, at = _varint(data, at)
        elif key & 7 == 2:
            length, at = _varint(data, at)
            if key >> 3 == wanted:
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
