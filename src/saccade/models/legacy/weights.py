"""Weights in HDF5 files: read them, match them with the layers of a living model, and only then put them in.

Keras has written three layouts. *By layer* (Keras 1 and 2, `layer_names`): one group a layer in the order of the model,
each with its weights in the order of the layer; a nested model is one group. *By number* (before Keras 1.0,
`nb_layers`): the same without names. *As a tree* (`.weights.h5` and inside `.keras`): `layers/<class>_<count>/vars/<n>`
and so on inwards. Keras 2 called the first step `_layer_checkpoint_dependencies` and left gaps in the counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from saccade.errors import ModelError

if TYPE_CHECKING:
    from saccade.models.legacy.graph import Part

Pairs = list[tuple[Any, np.ndarray]]
"""Variables of a living model with the arrays that belong into them."""

_TREE = ("_layer_checkpoint_dependencies", "layers")
_MODELS = frozenset({"functional", "sequential", "model"})
_KERAS1_NAME = re.compile(
    r"^(.*?)_(W|b|gamma|beta|running_mean|running_std|alphas|depthwise_kernel|pointwise_kernel)(_\d+)?(:0)?$"
)
_NEVER_TRAINED = frozenset({"moving_mean", "moving_variance", "mean", "variance", "count"})


class Held(NamedTuple):
    """What the file holds for one layer: names and arrays of its weights, in order."""

    layer: str
    weights: list[tuple[str, np.ndarray]]


def is_by_layer(group: Any) -> bool:
    """Is this the layout of Keras 1 and 2, one group a layer?"""
    return any(name in group.attrs for name in ("layer_names", "layer_names0", "nb_layers"))


def is_tree(group: Any) -> bool:
    """Is this the layout of `.weights.h5`, nested like the model?"""
    return "vars" in group or any(name in group for name in _TREE)


def read_layers(group: Any, *, empty: bool = False) -> list[Held]:
    """Read the layers that have weights, in the order of the file's model.

    Args:
        group: An open HDF5 group.
        empty: Give layers without weights as well.
    """
    if "nb_layers" in group.attrs:
        counted = ((f"layer_{k}", group[f"layer_{k}"]) for k in range(int(group.attrs["nb_layers"])))
        held = [
            Held(name, [(f"param_{p}", dataset(layer, f"param_{p}")) for p in range(int(layer.attrs["nb_params"]))])
            for name, layer in counted
        ]
    else:
        held = [
            Held(name, [(weight, dataset(group[name], weight)) for weight in texts(group[name], "weight_names")])
            for name in texts(group, "layer_names")
        ]
    return held if empty else [layer for layer in held if layer.weights]


def texts(group: Any, name: str) -> list[str]:
    """A list of names kept as an attribute, or as several where it was too long for one."""
    if name in group.attrs:
        found = list(group.attrs[name])
    else:
        found, part = [], 0
        while f"{name}{part}" in group.attrs:
            found.extend(group.attrs[f"{name}{part}"])
            part += 1
    return [text.decode("utf-8") if isinstance(text, bytes) else str(text) for text in found]


def dataset(group: Any, name: str) -> np.ndarray:
    """Read one array; never through a link to another file.

    Raises:
        ModelError: It is missing, lies in another file, or claims to be far larger than the file.
    """
    import h5py

    at: Any = group
    for step in name.split("/"):
        link = at.get(step, getlink=True) if isinstance(at, h5py.Group) else None
        if link is None or isinstance(link, h5py.ExternalLink):
            raise ModelError(f"the weights {group.name}/{name} are missing, or lie in another file.")
        at = at[step]
    if not isinstance(at, h5py.Dataset) or at.external or at.is_virtual:
        raise ModelError(f"the weights {group.name}/{name} are not an array in this file.")
    # A few bytes can claim any shape; a real array is never this much larger than what is stored.
    if at.nbytes > 1000 * at.id.get_storage_size() + 2**20:
        raise ModelError(f"the weights {group.name}/{name} claim {at.nbytes} bytes that are not in the file.")
    return np.asarray(at)


def pairs_by_layer(parts: Sequence[Part], held: Sequence[Held]) -> Pairs:
    """Which array belongs into which variable, by layer?

    Raises:
        ModelError: The layers or their shapes do not fit; it says what was expected and what the file holds.
    """
    wanted = [part for part in parts if any(leaves_of(part))]
    by_name = {layer.layer: layer for layer in held}
    if len(wanted) != len(held):
        raise ModelError(
            f"the model has {len(wanted)} layers with weights ({_some(part.name for part in wanted)}), the file holds "
            f"{len(held)} ({_some(layer.layer for layer in held)})."
        )
    named = all(part.name in by_name for part in wanted)
    pairs: Pairs = []
    for part, layer in zip(wanted, held, strict=True):
        found = by_name[part.name] if named else layer
        if part.parts:
            pairs += _nested(part, found)
        else:
            pairs += fit(part, [array for _, array in found.weights], found.layer)
    return pairs


def pairs_of_tree(parts: Sequence[Part], group: Any) -> Pairs:
    """Which array belongs into which variable, along the tree?

    Raises:
        ModelError: The layers or their shapes do not fit; it says what was expected and what the file holds.
    """
    top: Any = next((group[name] for name in _TREE if name in group), {})
    counts: dict[str, int] = {}
    pairs: Pairs = []
    # A Sequential model of the file may live on as a functional one, and the other way round.
    claimed = {snake_case(part.kind) for part in parts}
    spare = [place for kind in _MODELS - claimed for place in (_counted(top, kind))]
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
        if part.parts:
            pairs += pairs_of_tree(part.parts, top[places[count]])
        elif part.layer is not None:
            pairs += fit(part, gathered(part.layer, top[places[count]]), places[count])
    for kind, count in counts.items():
        left = [place for place in _counted(top, kind)[count + 1 :] if _has_arrays(top[place])]
        if left:
            raise ModelError(f"the file holds weights for {left[0]!r}, a layer that the model does not have.")
    return pairs


def put(pairs: Pairs, parts: Sequence[Part]) -> None:
    """Put the arrays into the variables, and freeze the layers that the file's model does not train."""
    for variable, array in pairs:
        variable.assign(np.array(array, order="C"))
    for part in _all(parts):
        if part.layer is not None and not part.parts:
            if hasattr(part.layer, "finalize_state"):
                part.layer.finalize_state()
            if not part.trainable:
                part.layer.trainable = False


def snake_case(kind: str) -> str:
    """Keras's own spelling of a class in its trees: `Conv2DTranspose` is `conv2d_transpose`."""
    kind = re.sub(r"\W+", "", kind.rpartition(">")[2])
    kind = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", kind)
    return re.sub("([a-z])([A-Z])", r"\1_\2", kind).lower()


def _counted(group: Any, kind: str) -> list[str]:
    """The groups of one class in the order of their counts; the counts of Keras 2 leave gaps."""
    found = [(re.fullmatch(rf"{re.escape(kind)}(?:_(\d+))?", name), name) for name in group]
    return [name for _, name in sorted((int(match[1] or 0), name) for match, name in found if match)]


def gathered(layer: Any, group: Any) -> list[np.ndarray]:
    """The arrays of a layer and of the layers inside it, in the order of the layer's weights."""
    import h5py

    own = group.get("vars")
    count = len(own) if isinstance(own, h5py.Group) else 0
    arrays = [dataset(own, str(place)) for place in range(count)]
    order = {id(weight): place for place, weight in enumerate(layer.weights)}
    inner: list[tuple[int, list[np.ndarray]]] = []
    for name in group:
        part = getattr(layer, name, None)
        weights = getattr(part, "weights", None)
        if name != "vars" and weights and isinstance(group[name], h5py.Group):
            inner.append((order.get(id(weights[0]), len(order)), gathered(part, group[name])))
    for _, more in sorted(inner, key=lambda place: place[0]):
        arrays += more
    return arrays


def _has_arrays(group: Any) -> bool:
    import h5py

    found: list[str] = []
    group.visititems(lambda name, item: found.append(name) if isinstance(item, h5py.Dataset) else None)
    return any("seed_generator" not in name for name in found)


def _nested(part: Part, held: Held) -> Pairs:
    """A nested model is one list: everything that is trained, layer by layer, then everything that is not."""
    leaves = list(leaves_of(part))
    by_name: dict[str, list[np.ndarray]] = {}
    for name, array in held.weights:
        by_name.setdefault(_layer_in(name), []).append(array)
    if set(by_name) == {leaf.name for leaf in leaves} and len({leaf.name for leaf in leaves}) == len(leaves):
        return [pair for leaf in leaves for pair in fit(leaf, by_name[leaf.name], leaf.name)]
    arrays = [array for _, array in held.weights]
    total = sum(len(leaf.layer.weights) for leaf in leaves)
    if len(arrays) != total:
        raise ModelError(f"the model inside layer {part.name!r} has {total} weights, the file holds {len(arrays)}.")
    given: dict[int, list[np.ndarray]] = {id(leaf): [] for leaf in leaves}
    for trained in (True, False):
        for leaf in leaves:
            for weight in leaf.layer.weights:
                if (leaf.trainable and weight.name not in _NEVER_TRAINED) == trained:
                    given[id(leaf)].append(arrays.pop(0))
    return [pair for leaf in leaves for pair in fit(leaf, given[id(leaf)], f"{held.layer}/{leaf.name}")]


def _layer_in(weight: str) -> str:
    """`conv2d_1/kernel:0` and `convolution2d_1_W` name their layer."""
    if "/" in weight:
        return weight.split("/")[-2]
    match = _KERAS1_NAME.match(weight)
    return match[1] if match else weight


def fit(part: Part, arrays: list[np.ndarray], place: str) -> Pairs:
    """Bring the arrays of one layer into the form of Keras 3, and pair them with its variables.

    Raises:
        ModelError: They are too many, too few, or of other shapes.
    """
    weights = list(part.layer.weights)
    found = [tuple(array.shape) for array in arrays]
    expected = [tuple(weight.shape) for weight in weights]
    if len(found) == len(expected):
        for recast in part.recasts:
            try:
                arrays = recast(arrays)
            except (ValueError, IndexError) as error:
                raise ModelError(misfit(part.name, part.kind, place, expected, found)) from error
    if [tuple(array.shape) for array in arrays] != expected:
        raise ModelError(misfit(part.name, part.kind, place, expected, found))
    return list(zip(weights, arrays, strict=True))


def misfit(name: str, kind: str, place: str, expected: list[tuple[int, ...]], found: list[tuple[int, ...]]) -> str:
    """Which layer expected which shapes, and what the file holds."""
    return (
        f"layer {name!r} ({kind}) expects weights of shape {_shapes(expected)}, the file holds "
        f"{_shapes(found)} under {place!r}."
    )


def _shapes(shapes: list[tuple[int, ...]]) -> str:
    return ", ".join(map(str, shapes)) or "none"


def leaves_of(part: Part) -> Iterator[Part]:
    """The layers with weights in a part: itself, or those of the nested model."""
    if part.parts:
        for inner in part.parts:
            yield from leaves_of(inner)
    elif part.layer is not None and part.layer.weights:
        yield part


def _all(parts: Sequence[Part]) -> Iterator[Part]:
    for part in parts:
        yield part
        yield from _all(part.parts)


def _some(names: Iterator[str]) -> str:
    listed = list(names)
    return ", ".join(listed[:4]) + (", ..." if len(listed) > 4 else "")
