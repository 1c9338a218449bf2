"""Weights in HDF5 files: read them, match them with the layers of a live model, and only then put them in.

Keras has written three layouts. *By layer* (Keras 1 and 2, `layer_names`): one group a layer in the order of the model,
each with its weights in the order of the layer; a nested model is one group. *By number* (before Keras 1.0,
`nb_layers`): the same without names. *As a tree* (`.weights.h5` and inside `.keras`): `layers/<class>_<count>/vars/<n>`
and so on inwards. Keras 2 called the first step `_layer_checkpoint_dependencies` and left gaps in the counts.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from saccade.errors import FileError, ModelError
from saccade.models.hdf5 import Array, Group
from saccade.models.keras.weights import TREE, attribute, snake_case
from saccade.models.messages import misfit, shortened

if TYPE_CHECKING:
    from saccade.models.legacy.graph import Part

Pairs = list[tuple[Any, np.ndarray]]
"""Variables of a live model with the arrays that belong into them."""

_MODELS = frozenset({"functional", "sequential", "model"})
_KERAS1_NAME = re.compile(
    r"^(.*?)_(W|b|gamma|beta|running_mean|running_std|alphas|depthwise_kernel|pointwise_kernel)(_\d+)?(:0)?$"
)
_EMPTY = Group("", {}, {})
_NEVER_TRAINED = frozenset({"moving_mean", "moving_variance", "mean", "variance", "count"})


class LayerWeights(NamedTuple):
    """What the file holds for one layer: names and arrays of its weights, in order."""

    layer: str
    weights: list[tuple[str, Array]]


def read_layers(group: Group) -> list[LayerWeights]:
    """The layers that have weights, in the order of the file's model.

    Raises:
        FileError: A layer or a weight that the file names is missing or damaged.
    """
    if "nb_layers" in group.attributes:
        layers = [(f"layer_{k}", group.group(f"layer_{k}")) for k in range(_count(group, "nb_layers"))]
        named = [(name, layer, [f"param_{p}" for p in range(_count(layer, "nb_params"))]) for name, layer in layers]
    else:
        names = texts(group, "layer_names")
        named = [(name, group.group(name), texts(group.group(name), "weight_names")) for name in names]
    return [
        LayerWeights(name, [(weight, layer.array(weight)) for weight in weights])
        for name, layer, weights in named
        if weights
    ]


def _count(group: Group, name: str) -> int:
    count = group.attribute(name)
    if type(count) is not int or not 0 <= count <= len(group.members):
        raise FileError(f"the attribute {name!r} of {group.path!r} is damaged: it is {shortened(count)}.")
    return count


def texts(group: Group, name: str) -> list[str]:
    """A list of names kept as an attribute, or as several where it was too long for one."""
    if name in group.attributes:
        listed = group.attribute(name)
    else:
        listed, part = [], 0
        while f"{name}{part}" in group.attributes:
            more = group.attribute(f"{name}{part}")
            listed = [*listed, *more] if isinstance(more, list) else more
            part += 1
    # An empty list lies in the file as one of numbers.
    if not isinstance(listed, list) or not all(isinstance(text, str) for text in listed):
        raise FileError(f"the attribute {name!r} of {group.path!r} is damaged: it is no list of names.")
    return listed


def pairs_by_layer(parts: Sequence[Part], layers: Sequence[LayerWeights]) -> Pairs:
    """Which array belongs into which variable, by layer?

    Raises:
        ModelError: The layers or their shapes do not fit; it says what was expected and what the file holds.
    """
    weighted = [part for part in parts if any(leaves_of(part))]
    by_name = {layer.layer: layer for layer in layers}
    if len(weighted) != len(layers):
        raise ModelError(
            f"the model has {len(weighted)} layers with weights ({_names_of(part.name for part in weighted)}), the "
            f"file holds {len(layers)} ({_names_of(layer.layer for layer in layers)})."
        )
    named = all(part.name in by_name for part in weighted)
    pairs: Pairs = []
    for part, in_order in zip(weighted, layers, strict=True):
        layer = by_name[part.name] if named else in_order
        if part.parts:
            pairs += _nested(part, layer)
        else:
            pairs += fit(part, [array for _, array in layer.weights], layer.layer)
    return pairs


def pairs_of_tree(parts: Sequence[Part], group: Group) -> Pairs:
    """Which array belongs into which variable, along the tree?

    Raises:
        FileError: An array is damaged.
        ModelError: The layers or their shapes do not fit; it says what was expected and what the file holds.
    """
    top = next((group.group(name) for name in reversed(TREE) if name in group), _EMPTY)
    counts: dict[str, int] = {}
    pairs: Pairs = []
    # A Sequential model of the file may live on as a functional one, and the other way round.
    claimed = {snake_case(part.kind) for part in parts}
    spare = [place for kind in _MODELS - claimed for place in _counted(top, kind)]
    for part in parts:
        kind = snake_case(part.kind)
        places = _counted(top, kind)
        count = counts[kind] = counts.get(kind, -1) + 1
        if part.parts and count >= len(places):
            places = [*places, *spare]
        if count >= len(places):
            if any(leaves_of(part)):
                raise ModelError(
                    f"layer {part.name!r} ({part.kind}) has no weights in the file, which holds {len(places)} of its "
                    "kind."
                )
            continue
        place = top.group(places[count])
        if part.parts:
            pairs += pairs_of_tree(part.parts, place)
        elif part.layer is not None:
            pairs += fit(part, gathered(part.layer, place), places[count])
    for kind, count in counts.items():
        left = [place for place in _counted(top, kind)[count + 1 :] if _has_weights(top.group(place))]
        if left:
            raise ModelError(f"the file holds weights for {left[0]!r}, a layer that the model does not have.")
    return pairs


def assign(pairs: Pairs, parts: Sequence[Part]) -> None:
    """Put the arrays into the variables, and freeze the layers that the file's model does not train."""
    for variable, array in pairs:
        variable.assign(np.array(array, order="C"))
    for part in _all_parts(parts):
        if part.layer is not None and not part.parts:
            if hasattr(part.layer, "finalize_state"):
                part.layer.finalize_state()
            if not part.trainable:
                part.layer.trainable = False


def _counted(group: Group, kind: str) -> list[str]:
    """The groups of one class in the order of their counts; the counts of Keras 2 leave gaps."""
    matches = [(re.fullmatch(rf"{re.escape(kind)}(?:_(\d{{1,9}}))?", name), name) for name in group.groups()]
    return [name for _, name in sorted((int(match[1] or 0), name) for match, name in matches if match)]


def gathered(layer: Any, group: Group) -> list[Array]:
    """The arrays of a layer and of the layers inside it, in the order of the layer's weights."""
    own = group.group("vars") if "vars" in group else _EMPTY
    arrays = [own.array(str(place)) for place in range(len(own.members))]
    order = {id(weight): place for place, weight in enumerate(layer.weights)}
    inner: list[tuple[int, list[Array]]] = []
    for name, place in group.groups().items():
        part = attribute(layer, name)
        weights = getattr(part, "weights", None)
        if name != "vars" and isinstance(weights, list) and weights:
            inner.append((order.get(id(weights[0]), len(order)), gathered(part, place)))
    for _, more in sorted(inner, key=lambda place: place[0]):
        arrays += more
    return arrays


def _has_weights(group: Group) -> bool:
    return any("seed_generator" not in array.path for array in group.arrays())


def _nested(part: Part, layer: LayerWeights) -> Pairs:
    """A nested model is one list: everything that is trained, layer by layer, then everything that is not."""
    leaves = list(leaves_of(part))
    by_name: dict[str, list[Array]] = {}
    for name, array in layer.weights:
        by_name.setdefault(_layer_in(name), []).append(array)
    if set(by_name) == {leaf.name for leaf in leaves} and len({leaf.name for leaf in leaves}) == len(leaves):
        return [pair for leaf in leaves for pair in fit(leaf, by_name[leaf.name], leaf.name)]
    arrays = [array for _, array in layer.weights]
    total = sum(len(leaf.layer.weights) for leaf in leaves)
    if len(arrays) != total:
        raise ModelError(f"the model inside layer {part.name!r} has {total} weights, the file holds {len(arrays)}.")
    by_leaf: dict[int, list[Array]] = {id(leaf): [] for leaf in leaves}
    for trained in (True, False):
        for leaf in leaves:
            for weight in leaf.layer.weights:
                if (leaf.trainable and weight.name not in _NEVER_TRAINED) == trained:
                    by_leaf[id(leaf)].append(arrays.pop(0))
    return [pair for leaf in leaves for pair in fit(leaf, by_leaf[id(leaf)], f"{layer.layer}/{leaf.name}")]


def _layer_in(weight: str) -> str:
    """`conv2d_1/kernel:0` and `convolution2d_1_W` name their layer."""
    if "/" in weight:
        return weight.split("/")[-2]
    match = _KERAS1_NAME.match(weight)
    return match[1] if match else weight


def fit(part: Part, arrays: Sequence[Array | np.ndarray], place: str) -> Pairs:
    """Bring the arrays of one layer into the form of Keras 3, and pair them with its variables.

    Args:
        part: The layer.
        arrays: As the file has them; those in an HDF5 file are read only when there are as many, of the right sizes.
        place: Where they lie in the file.

    Raises:
        FileError: An array is damaged.
        ModelError: They are too many, too few, or of other shapes.
    """
    weights = list(part.layer.weights)
    stored = [tuple(array.shape) for array in arrays]
    expected = [tuple(weight.shape) for weight in weights]
    if [math.prod(shape) for shape in stored] != [math.prod(shape) for shape in expected]:
        raise ModelError(misfit(part.name, part.kind, place, expected, stored))
    values = [array.read() if isinstance(array, Array) else array for array in arrays]
    for recast in part.recasts:
        try:
            values = recast(values)
        except (ValueError, IndexError) as error:
            raise ModelError(misfit(part.name, part.kind, place, expected, stored)) from error
    if [value.shape for value in values] != expected:
        raise ModelError(misfit(part.name, part.kind, place, expected, stored))
    return list(zip(weights, values, strict=True))


def leaves_of(part: Part) -> Iterator[Part]:
    """The layers with weights in a part: itself, or those of the nested model."""
    if part.parts:
        for inner in part.parts:
            yield from leaves_of(inner)
    elif part.layer is not None and part.layer.weights:
        yield part


def _all_parts(parts: Sequence[Part]) -> Iterator[Part]:
    for part in parts:
        yield part
        yield from _all_parts(part.parts)


def _names_of(names: Iterator[str]) -> str:
    listed = list(names)
    return ", ".join(listed[:4]) + (", ..." if len(listed) > 4 else "")
