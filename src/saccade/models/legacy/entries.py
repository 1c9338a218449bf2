"""The graph written in a Keras 1 or 2 configuration: which layer is called on what."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from saccade.errors import FileError, ModelError, SaccadeWarning
from saccade.models.legacy.config import GRID_KINDS, MODEL_KINDS, Origin, data_format, modern_kind
from saccade.models.messages import layer_label, shortened


class Reference(NamedTuple):
    """One result of one call of a layer."""

    layer: str
    call: int
    result: int


@dataclass(frozen=True)
class Call:
    """One call of a layer: what it is called on, and its named arguments."""

    arguments: tuple[Reference, ...] = ()
    named: Mapping[str, Any] = field(default_factory=dict)

    def references(self) -> Iterator[Reference]:
        """Every result that must exist before."""
        yield from self.arguments
        yield from (value for value in self.named.values() if isinstance(value, Reference))


@dataclass(frozen=True)
class Entry:
    """One layer of the file's model.

    Attributes:
        name: Its name.
        kind: Its class in the file.
        config: Its settings; a list for Sequential models of Keras 1.
        calls: Where it is called.
        first_call: The number that the file gives to the first of them.
        raw: All that the file says about it.
    """

    name: str
    kind: str
    config: Any
    calls: tuple[Call, ...]
    first_call: int
    raw: Mapping[str, Any]


@dataclass(frozen=True)
class Graph:
    """Layers in the order of the file, and what goes in and comes out."""

    name: str
    entries: tuple[Entry, ...]
    inputs: tuple[Reference, ...]
    outputs: tuple[Reference, ...]


def graph_of(kind: str, config: Any, name: str) -> Graph:
    """Read the graph of a Sequential or functional model.

    Raises:
        FileError: A layer or a call of one is damaged.
        ModelError: The configuration is not one of a model, or does not say the size of its images.
    """
    if isinstance(config, Mapping) and isinstance(config.get("name"), str):
        name = config["name"] or name
    layers = config if isinstance(config, list) else config.get("layers") if isinstance(config, Mapping) else None
    if not isinstance(layers, list) or not layers:
        raise ModelError(
            f"{shortened(name)} is a {kind} without a list of layers; a model written as a class must be given as "
            "package.module:factory with --weights."
        )
    for position, raw in enumerate(layers):
        if not isinstance(raw, Mapping) or not isinstance(raw.get("class_name"), str):
            raise FileError(f"{shortened(name)} is damaged: its layer number {position} does not say what it is.")
        nested = raw["class_name"] in MODEL_KINDS
        if not isinstance(raw.get("config"), (Mapping, list) if nested else Mapping):
            raise FileError(f"{layer_label(_name(raw, position), raw['class_name'])} is damaged: it has no settings.")
    if kind == "Sequential" or isinstance(config, list):
        return _sequential(name, layers)
    if "input_layers" not in config or "output_layers" not in config:
        raise ModelError(f"{shortened(name)} is a {kind} that does not say what goes in and out; it cannot be rebuilt.")
    return _functional(name, config)


def starts_channels_first(graph: Graph, source: str, origin: Origin) -> bool:
    """Does the file's model want this input with its channels first? The first layer on its way that cares decides."""
    names, visited = [source], {source}
    while names:
        at = names.pop(0)
        for entry in graph.entries:
            places = [i for call in entry.calls for i, to in enumerate(call.arguments) if to.layer == at]
            if not places or entry.name in visited:
                continue
            visited.add(entry.name)
            kind = modern_kind(entry.kind)
            if kind in GRID_KINDS:
                return data_format(entry.kind, entry.config, origin) == "channels_first"
            if entry.kind in MODEL_KINDS:
                inner = graph_of(entry.kind, entry.config, entry.name)
                if places[0] >= len(inner.inputs):
                    raise FileError(f"{layer_label(entry.name, entry.kind)} is damaged: it is called on too much.")
                return starts_channels_first(inner, inner.inputs[places[0]].layer, origin)
            if kind not in ("Flatten", "Reshape", "Permute", "Dense"):
                names.append(entry.name)
    return False


def _functional(name: str, config: Mapping[str, Any]) -> Graph:
    raws = config["layers"]
    names = {_name(raw, position) for position, raw in enumerate(raws)}
    inputs, outputs = (tuple(_references(config[key], shortened(name))) for key in ("input_layers", "output_layers"))
    calls: dict[str, tuple[Call, ...]] = {}
    for position, raw in enumerate(raws):
        layer = _name(raw, position)
        if layer in calls:
            raise FileError(f"{shortened(name)} is damaged: it has two layers {shortened(layer)}.")
        nodes = raw.get("inbound_nodes") or []
        if not isinstance(nodes, list):
            raise FileError(f"{layer_label(layer)} is damaged: it is called on {shortened(nodes)}.")
        calls[layer] = tuple(_call(node, names, layer_label(layer)) for node in nodes)
    used: dict[str, list[int]] = {}
    for to in [*inputs, *outputs, *(to for nodes in calls.values() for call in nodes for to in call.references())]:
        if to.layer not in names:
            raise FileError(
                f"{shortened(name)} is damaged: it uses a layer {shortened(to.layer)} that it does not have."
            )
        used.setdefault(to.layer, []).append(to.call)
    entries = []
    for position, raw in enumerate(raws):
        layer, kind = _name(raw, position), _kind(raw)
        # A nested model's own making counts as its call 0, depending on the Keras that wrote the file.
        first = min(used.get(layer, [0])) if kind in MODEL_KINDS else 0
        entries.append(
            Entry(layer, kind, raw["config"], calls[layer] if kind != "InputLayer" else (Call(),), first, raw)
        )
    _warn_of_training(entries)
    return Graph(name, tuple(entries), inputs, outputs)


def _warn_of_training(entries: Sequence[Entry]) -> None:
    """Keras 2 keeps to `training=True` where a layer was called with it; here a model only ever evaluates."""
    trained = [entry.name for entry in entries if any(call.named.get("training") is True for call in entry.calls)]
    if trained:
        shown = ", ".join(map(shortened, trained[:3])) + (f" and {len(trained) - 3} more" if trained[3:] else "")
        warnings.warn(
            f"the file calls {shown} with training=True, so that Keras 2 drew numbers or used each batch's own "
            "statistics there; here they evaluate, and the code is another one than Keras 2's.",
            SaccadeWarning,
            stacklevel=2,
        )


def _sequential(name: str, raws: Sequence[Mapping[str, Any]]) -> Graph:
    entries: list[Entry] = []
    if _kind(raws[0]) != "InputLayer":
        shape = _input_shape(raws[0])
        if shape is None:
            raise ModelError(
                f"{shortened(name)} does not say the size of its images; build it in Python with an input "
                "shape and give it as package.module:factory with --weights."
            )
        names = {_name(raw, position) for position, raw in enumerate(raws)}
        front = "input" if "input" not in names else f"{name}_input"
        config = {"batch_input_shape": shape, "name": front}
        entries.append(Entry(front, "InputLayer", config, (Call(),), 0, {"class_name": "InputLayer"}))
    for position, raw in enumerate(raws):
        before = (Reference(entries[-1].name, 0, 0),) if entries else ()
        entries.append(Entry(_name(raw, position), _kind(raw), raw["config"], (Call(before),), 0, raw))
    return Graph(name, tuple(entries), (Reference(entries[0].name, 0, 0),), (Reference(entries[-1].name, 0, 0),))


def _input_shape(raw: Any) -> list[Any] | None:
    """The shape of what a layer reads, as it or the first layer inside it says."""
    if not isinstance(raw, Mapping):
        return None
    config = raw.get("config")
    if isinstance(config, list):
        return _input_shape(config[0]) if config else None
    if not isinstance(config, Mapping):
        return None
    shape = config.get("batch_input_shape") or config.get("batch_shape") or config.get("build_input_shape")
    layers = config.get("layers")
    if shape is None and isinstance(layers, list) and layers:
        shape = _input_shape(layers[0])
    return shape if isinstance(shape, list) else None


def _kind(raw: Mapping[str, Any]) -> str:
    return str(raw["class_name"]).removeprefix("Addons>")


def _name(raw: Mapping[str, Any], position: int) -> str:
    config = raw.get("config")
    name = raw.get("name") or (config.get("name") if isinstance(config, Mapping) else None)
    return str(name or f"{raw['class_name'].lower()}_{position}")


def _references(places: Any, label: str) -> Iterator[Reference]:
    """`["a", 0, 0]`, a list of such, or a dictionary of such."""
    if isinstance(places, Mapping):
        places = list(places.values())
    if isinstance(places, list) and places and isinstance(places[0], str):
        places = [places]
    if not isinstance(places, list):
        raise FileError(f"{label} is damaged: where a layer is named stands {shortened(places)}.")
    for place in places:
        if isinstance(place, list) and place and place[0] == "_CONSTANT_VALUE":
            raise ModelError(f"{label} is called on a constant, which cannot be rebuilt here.")
        if not _is_place(place):
            raise FileError(f"{label} is damaged: where a layer is named stands {shortened(place)}.")
        yield Reference(place[0], place[1], place[2])


def _is_place(value: Any) -> bool:
    """Is this `["a", 0, 0]`, perhaps with named arguments behind?"""
    return (
        isinstance(value, list)
        and len(value) >= 3
        and isinstance(value[0], str)
        and all(type(number) is int and number >= 0 for number in value[1:3])
    )


def _call(node: Any, names: set[str], label: str) -> Call:
    if isinstance(node, Mapping):
        raise FileError(f"{label} is damaged: it is called in the way of Keras 3, in a file of an older Keras.")
    if isinstance(node, list) and node and isinstance(node[0], str):
        node = [node]
    arguments = tuple(_references(node, label))
    named: dict[str, Any] = {}
    for place in node:
        if len(place) > 3 and isinstance(place[3], Mapping):
            named.update(place[3])
    for key, value in list(named.items()):
        if value is None or (key == "training" and not value) or key in ("mask", "name"):
            # Absent, or what it is anyway when images are only looked at.
            del named[key]
        elif _is_place(value) and value[0] in names:
            named[key] = Reference(value[0], value[1], value[2])
    return Call(arguments, named)
