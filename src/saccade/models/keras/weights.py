"""Weights of Keras 3 from a tree of groups into a live model.

A file of Keras 3 is nested like the model: `layers/<class>_<count>/vars/<n>` for the layers of a functional or
Sequential model, `<attribute>/vars/<n>` for a layer inside another. Each layer takes its own weights in by its public
method `load_own_variables`, as when Keras itself opens the file; which arrays those are is checked before one is read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from saccade.errors import InputError, ModelError
from saccade.models.hdf5 import Group
from saccade.models.messages import misfit

TREE = ("layers", "_layer_checkpoint_dependencies")
"""The first step of a tree: that of Keras 3, and that of Keras 2.12."""
_SEEDS = "seed_generator"
_TRAINING = frozenset({"optimizer", "metrics", "loss_tracker"})
_MODELS = frozenset({"functional", "sequential", "model"})


def load_tree(model: Any, root: Group) -> None:
    """Fill a built model with the weights of a tree.

    Args:
        model: A live model of Keras 3; it stays as it is when anything does not fit.
        root: The top of the tree.

    Raises:
        FileError: An array is damaged.
        ModelError: A layer expects other weights than the file holds, or gets none; it says which, and the shapes.
    """
    tree = _Tree()
    tree.match(model, root)
    for layer in model._flatten_layers():
        if _own_variables(layer) and id(layer) not in tree.places:
            raise ModelError(f"layer {layer.name!r} ({type(layer).__name__}) has no weights in the file.")
    if tree.unmatched:
        raise ModelError(f"the file holds weights for {tree.unmatched[0]!r}, which the model does not have.")
    for layer, group in tree.places.values():
        try:
            layer.load_own_variables(_Store(group))
        except InputError:
            raise
        except Exception as error:  # Layers raise what they like, and a layer may be anybody's.
            raise ModelError(f"layer {layer.name!r} ({type(layer).__name__}) does not take its weights.") from error


class _Tree:
    """Which layer of a live model finds its weights in which group.

    Attributes:
        places: Layer and group by the layer's identity.
        unmatched: Arrays for which the model has no layer.
    """

    def __init__(self) -> None:
        self.places: dict[int, tuple[Any, Group]] = {}
        self.unmatched: list[str] = []

    def match(self, layer: Any, group: Group) -> None:
        """Find the weights of a layer, and of the layers inside it, which the tree names by the layer's attributes."""
        import keras

        if "vars" in group:
            own = group.group("vars")
            expected = [tuple(variable.shape) for variable in _own_variables(layer)]
            shapes = [own.array(name).shape for name in sorted(own.members, key=lambda name: (len(name), name))]
            # A layer may keep its weights in another order than it has them.
            if sorted(shapes) != sorted(expected):
                raise ModelError(misfit(layer.name, type(layer).__name__, own.path, expected, shapes))
            self.places[id(layer)] = (layer, own)
        for name, inner in group.groups().items():
            if name in ("vars", _SEEDS):
                continue
            child = attribute(layer, name)
            if isinstance(child, keras.layers.Layer):
                self.match(child, inner)
            elif _holds_layers(child):
                self.match_all(child, inner)
            elif child is None and name not in _TRAINING:
                self.skip(inner)

    def match_all(self, layers: Any, group: Group) -> None:
        """Find the weights of the layers in a list, which the tree counts by class."""
        import keras

        counts: dict[str, int] = {}
        claimed: set[str] = set()
        later: list[Any] = []
        for layer in layers.values() if isinstance(layers, dict) else layers:
            is_list = _holds_layers(layer)
            if not is_list and not isinstance(layer, keras.layers.Layer):
                continue
            kind = "container" if is_list else snake_case(type(layer).__name__)
            count = counts[kind] = counts.get(kind, -1) + 1
            place = f"{kind}_{count}" if count else kind
            if place in group:
                claimed.add(place)
                (self.match_all if is_list else self.match)(layer, group.group(place))
            elif kind in _MODELS:
                later.append(layer)
        left = {place: inner for place, inner in group.groups().items() if place not in claimed}
        # A Sequential model of the file may live on as a functional one, and the other way round.
        models = [place for place in left if place.rpartition("_")[0] in _MODELS or place in _MODELS]
        for layer, place in zip(later, models, strict=False):
            self.match(layer, left.pop(place))
        for inner in left.values():
            self.skip(inner)

    def skip(self, group: Group) -> None:
        """Nothing in the model is called so; that is a fault only where weights would be lost."""
        self.unmatched.extend(array.path for array in group.arrays() if _SEEDS not in array.path)


def attribute(layer: Any, name: str) -> Any:
    """What a layer calls by this name; the file chose it, and some properties of layers raise."""
    try:
        return getattr(layer, name, None)
    except Exception:
        return None


def _holds_layers(value: Any) -> bool:
    import keras

    items = list(value.values()) if isinstance(value, dict) else value
    return isinstance(items, (list, tuple)) and any(
        isinstance(item, keras.layers.Layer) or _holds_layers(item) for item in items
    )


def _own_variables(layer: Any) -> list[Any]:
    """The variables that a layer saves as its own; those of a layer inside it may be among them."""
    return [*layer._trainable_variables, *layer._non_trainable_variables]


class _Store(Mapping[str, np.ndarray]):
    """The arrays of one layer by name, read when they are asked for."""

    def __init__(self, group: Group) -> None:
        self._group = group

    def __getitem__(self, name: str) -> np.ndarray:
        if name not in self._group:
            raise KeyError(name)
        return self._group.array(name).read()

    def __iter__(self) -> Iterator[str]:
        return iter(self._group.members)

    def __len__(self) -> int:
        return len(self._group.members)


def weights_group(root: Group) -> Group:
    """Where the weights lie: at the top of a weights-only file, one step down in a whole model.

    Raises:
        FileError: That group is damaged.
        ModelError: The file holds no weights of Keras.
    """
    group = root.group("model_weights") if "model_weights" in root else root
    if is_by_layer(group) or is_tree(group):
        return group
    if "optimizer_weights" in root:
        raise ModelError("it holds the state of an optimizer, but no weights of a model.")
    raise ModelError("it holds no weights that Keras wrote.")


def is_by_layer(group: Group) -> bool:
    """Is this the layout of Keras 1 and 2, one group a layer?"""
    return any(name in group.attributes for name in ("layer_names", "layer_names0", "nb_layers"))


def is_tree(group: Group) -> bool:
    """Is this the layout of `.weights.h5`, nested like the model?"""
    return "vars" in group or any(name in group for name in TREE)


def is_tree_of_keras2(group: Group) -> bool:
    """Keras 2.12 to 2.15 had another first step, and counted layers with weights twice: `conv2d`, `conv2d_2`, ..."""
    if TREE[1] in group:
        return True
    places = group.group(TREE[0]).groups() if TREE[0] in group else {}
    kind_and_count = (place.rpartition("_") for place in places)
    return any(
        int(count) > 1 and f"{kind}_{int(count) - 1}" not in places
        for kind, _, count in kind_and_count
        if count.isdecimal() and kind in places
    )


def weights_in(root: Group) -> int:
    """How many numbers do the arrays of a file hold?"""
    return sum(array.size for array in root.arrays())


def snake_case(kind: str) -> str:
    """Keras's own spelling of a class in its trees: `Conv2DTranspose` is `conv2d_transpose`."""
    kind = re.sub(r"\W+", "", kind.rpartition(">")[2])
    kind = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", kind)
    return re.sub("([a-z])([A-Z])", r"\1_\2", kind).lower()
