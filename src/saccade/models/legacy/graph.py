"""Rebuild the graph of a Keras 1 or 2 model out of Keras 3 layers, channels last.

A model that wants its channels first is rebuilt so that its pictures, and the maps between its layers, lie channels
last. Layers that work on the grid (convolutions, pooling) and layers that treat every number alike (activations, sums)
take the turned maps as they are. For any layer that looks at the order of axes (Flatten, Dense on a map, Reshape) a
`Permute` puts the axes back as the file's model has them, so that its weights and its results stay as they were.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from saccade.errors import ModelError
from saccade.models.legacy.code import custom_class, lambda_layer
from saccade.models.legacy.config import (
    GRID_KINDS,
    MODEL_KINDS,
    Origin,
    accepted,
    data_format,
    modern,
)
from saccade.models.legacy.entries import Entry, Graph, Reference, graph_of, starts_channels_first
from saccade.models.legacy.layout import Value, layout_of
from saccade.models.legacy.ops import name_operation, tensorflow_function
from saccade.models.legacy.recast import Recast, recast_for
from saccade.models.legacy.theano import padded_for, refuse_uncertain


@dataclass
class Part:
    """One layer of the file's model, as its weights know it.

    Attributes:
        name: Its name.
        kind: Its class in the file.
        layer: The living layer; None for parts without one (functions).
        parts: The layers of a nested model.
        recasts: What turns the file's weights into those of the living layer.
        trainable: As the file says.
    """

    name: str
    kind: str
    layer: Any = None
    parts: tuple[Part, ...] = ()
    recasts: tuple[Recast, ...] = ()
    trainable: bool = True


@dataclass(frozen=True)
class Rebuilt:
    """A living model, its parts in the order of the file, and which inputs it wants turned."""

    model: Any
    parts: tuple[Part, ...]
    turned_inputs: tuple[bool, ...]
    turned_outputs: tuple[bool, ...]


Shapes = Callable[[str], Sequence[tuple[int, ...]]]
"""The shapes of the weights that the file holds for a layer."""


def rebuild(kind: str, config: Any, origin: Origin, shapes: Shapes, name: str = "model") -> Rebuilt:
    """Build the model that a Keras 1 or 2 configuration describes; its weights are still random.

    Args:
        kind: `"Sequential"`, `"Model"` or `"Functional"`.
        config: The configuration.
        origin: Who wrote the file.
        shapes: The shapes of the weights the file holds, by layer name.
        name: The model's name where the configuration gives none.

    Raises:
        ModelError: A layer that Keras 3 does not have, or that cannot be converted with certainty.
    """
    return _Builder(graph_of(kind, config, name), origin, shapes).build()


class _Builder:
    def __init__(self, graph: Graph, origin: Origin, shapes: Shapes) -> None:
        self.graph, self.origin, self.shapes = graph, origin, shapes
        self.parts = {entry.name: Part(entry.name, entry.kind) for entry in graph.entries}
        self.nested: dict[str, Rebuilt] = {}
        self.values: dict[tuple[str, int], list[Value]] = {}
        self.turns: dict[tuple[int, bool], Any] = {}
        self.layouts: dict[str, bool] = {}
        self.names: set[str] = set()
        # Keras 3 keeps the slash for paths through nested models; DenseNet's layers have one in their names.
        self.living = {entry.name: self._fresh(entry.name.replace("/", "_")) for entry in graph.entries}

    def build(self) -> Rebuilt:
        import keras

        waiting = [(entry, call) for entry in self.graph.entries for call in range(len(entry.calls))]
        while waiting:
            later = [(entry, call) for entry, call in waiting if not self._call(entry, call)]
            if len(later) == len(waiting):
                names = ", ".join(sorted({repr(entry.name) for entry, _ in later})[:5])
                raise ModelError(f"the layers {names} wait for each other; the model's graph is damaged.")
            waiting = later
        inputs, outputs = ([self._value(to) for to in side] for side in (self.graph.inputs, self.graph.outputs))
        model = keras.Model(
            _one([v.tensor for v in inputs]), _one([v.tensor for v in outputs]), name=self.graph.name.replace("/", "_")
        )
        return Rebuilt(
            model,
            tuple(self.parts.values()),
            tuple(value.turned for value in inputs),
            tuple(value.turned for value in outputs),
        )

    def _value(self, to: Reference) -> Value:
        return self.values[to.layer, to.call][to.result]

    def _call(self, entry: Entry, index: int) -> bool:
        call = entry.calls[index]
        if any((to.layer, to.call) not in self.values for to in call.references()):
            return False
        arriving = [self._value(to) for to in call.arguments]
        named = {key: self._untouched(value) for key, value in call.named.items()}
        self.values[entry.name, entry.first_call + index] = self._apply(entry, arriving, named)
        return True

    def _untouched(self, value: Any) -> Any:
        if isinstance(value, Reference):
            return self._axes(self._value(value), turned=False).tensor
        return value

    def _apply(self, entry: Entry, arriving: list[Value], named: Mapping[str, Any]) -> list[Value]:
        if entry.kind == "InputLayer":
            return [self._input(entry)]
        if entry.kind in MODEL_KINDS:
            return self._apply_model(entry, arriving)
        if entry.kind in ("TFOpLambda", "SlicingOpLambda", "TensorFlowOpLayer"):
            function = tensorflow_function(str(entry.config.get("function", entry.kind)), entry.name)
            plain = [self._axes(value, turned=False).tensor for value in arriving]
            made = self._made(entry, lambda: function(_one(plain), **named))
            again = entry.calls and (entry.name, entry.first_call) in self.values
            name = self._fresh(self.living[entry.name]) if again else self.living[entry.name]
            return [Value(name_operation(made, name), turned=False)]
        return self._apply_layer(entry, arriving, named)

    def _input(self, entry: Entry) -> Value:
        import keras

        shape = entry.config.get("batch_input_shape") or entry.config.get("batch_shape")
        if not shape:
            raise ModelError(f"the input {entry.name!r} does not say the size of its pictures; it cannot be rebuilt.")
        turned = len(shape) == 4 and starts_channels_first(self.graph, entry.name, self.origin)
        if turned:
            shape = (shape[0], shape[2], shape[3], shape[1])
        # Pictures always arrive as float32, also where the file says bytes: gradients need it.
        return Value(keras.Input(batch_shape=tuple(shape), dtype="float32", name=self.living[entry.name]), turned)

    def _apply_model(self, entry: Entry, arriving: list[Value]) -> list[Value]:
        part = self.parts[entry.name]
        if entry.name not in self.nested:
            inner = rebuild(entry.kind, entry.config, self.origin, lambda _: (), entry.name)
            self.nested[entry.name] = inner
            part.layer, part.parts = inner.model, inner.parts
        inner = self.nested[entry.name]
        fitting = [
            self._axes(value, turned=turned).tensor for value, turned in zip(arriving, inner.turned_inputs, strict=True)
        ]
        given = self._made(entry, lambda: inner.model(_one(fitting)))
        given = given if isinstance(given, (list, tuple)) else [given]
        return [Value(tensor, turned) for tensor, turned in zip(given, inner.turned_outputs, strict=True)]

    def _apply_layer(self, entry: Entry, arriving: list[Value], named: Mapping[str, Any]) -> list[Value]:
        kind, settings = (entry.kind, dict(entry.config)) if self._is_custom(entry) else self._modern(entry)
        turned, settings, recasts = layout_of(entry, kind, settings, arriving, self.origin)
        # A shared layer keeps the layout of its first call.
        turned = self.layouts.setdefault(entry.name, turned)
        arriving = [self._axes(value, turned=turned) for value in arriving]
        tensors = [value.tensor for value in arriving]
        part = self.parts[entry.name]
        if self.origin.backend in ("theano", "cntk", "unknown") and kind in GRID_KINDS:
            refuse_uncertain(kind, settings, self.origin.backend)
            tensors, settings = padded_for(kind, settings, tensors, self._fresh)
        if part.layer is None:
            part.layer = self._made(entry, lambda: self._layer(entry, kind, settings))
            part.recasts = (*recast_for(kind, entry, self.origin), *recasts)
            part.trainable = bool(entry.config.get("trainable", True))
        given = self._made(entry, lambda: part.layer(_one(tensors), **named))
        self._check_size(entry, given)
        return _values(given, turned=turned)

    def _modern(self, entry: Entry) -> tuple[str, dict[str, Any]]:
        config = {**entry.config, "name": self.living[entry.name]}
        kind, settings = modern(entry.kind, config, self.origin)
        if kind == "PReLU" and self.origin.first:
            # Keras 1 forgot to write down which axes share a gradient; the weights show it.
            shape = next(iter(self.shapes(entry.name)), ())
            settings["shared_axes"] = tuple(axis + 1 for axis, size in enumerate(shape) if size == 1) or None
        return kind, settings

    def _is_custom(self, entry: Entry) -> bool:
        return custom_class(entry.raw, self.origin) is not None

    def _layer(self, entry: Entry, kind: str, settings: dict[str, Any]) -> Any:
        import keras

        if kind == "Lambda":
            return lambda_layer(entry.config, self.origin)
        own = custom_class(entry.raw, self.origin)
        if own is not None:
            shapes = ("batch_input_shape", "build_input_shape", "input_shape", "input_dtype")
            return own.from_config({key: value for key, value in entry.config.items() if key not in shapes})
        layer_class = getattr(keras.layers, kind, None)
        if layer_class is None or not isinstance(layer_class, type):
            raise ModelError(
                f"layer {entry.name!r} is a {entry.kind}, which Keras 3 does not have; build the model in Python and "
                "give it as package.module:factory with --weights."
            )
        if isinstance(settings.get("layer"), Mapping):
            settings["layer"] = self._wrapped(settings["layer"])
        return layer_class(**accepted(layer_class, kind, settings))

    def _wrapped(self, raw: Mapping[str, Any]) -> Any:
        kind, config = str(raw["class_name"]), raw["config"]
        entry = Entry(str(config.get("name")), kind, config, (), 0, raw)
        if kind in MODEL_KINDS:
            raise ModelError(f"the model {entry.name!r} lies inside a wrapper; it cannot be converted with certainty.")
        inner_kind, settings = modern(kind, config, self.origin)
        if inner_kind in GRID_KINDS:
            other = data_format(kind, config, self.origin) == "channels_first" or self.origin.backend != "tensorflow"
            if other or recast_for(inner_kind, entry, self.origin):
                raise ModelError(f"layer {entry.name!r} lies inside a wrapper; it cannot be converted with certainty.")
        return self._layer(entry, inner_kind, settings)

    def _axes(self, value: Value, *, turned: bool) -> Value:
        """Give the tensor in the order asked for, through a Permute where it lies otherwise."""
        import keras

        if value.turned == turned or len(value.tensor.shape) != 4:
            return value
        key = (id(value.tensor), turned)
        if key not in self.turns:
            name = self._fresh("channels_last" if turned else "channels_first")
            order = (2, 3, 1) if turned else (3, 1, 2)
            self.turns[key] = keras.layers.Permute(order, name=name)(value.tensor)
        return Value(self.turns[key], turned)

    def _fresh(self, name: str) -> str:
        found, count = name, 1
        while found in self.names:
            found, count = f"{name}_{count}", count + 1
        self.names.add(found)
        return found

    def _made(self, entry: Entry, make: Callable[[], Any]) -> Any:
        try:
            return make()
        except (TypeError, ValueError, KeyError, IndexError, NotImplementedError) as error:
            reason = " ".join(str(error).split())[:200]
            raise ModelError(f"layer {entry.name!r} ({entry.kind}) cannot be rebuilt in Keras 3: {reason}") from error

    def _check_size(self, entry: Entry, given: Any) -> None:
        """Keras 1's Deconvolution2D was told its size; Keras 3 works it out."""
        wanted = entry.config.get("output_shape") if entry.kind == "Deconvolution2D" else None
        if wanted is None:
            return
        first = data_format(entry.kind, entry.config, self.origin) == "channels_first"
        told = tuple(wanted[2:] if first else wanted[1:3])
        if tuple(given.shape[1:3]) != told:
            raise ModelError(
                f"layer {entry.name!r} writes {told[0]}x{told[1]} places where Keras 3 would write "
                f"{given.shape[1]}x{given.shape[2]}; it cannot be converted with certainty."
            )


def _one(values: Sequence[Any]) -> Any:
    return values[0] if len(values) == 1 else list(values)


def _values(given: Any, *, turned: bool) -> list[Value]:
    tensors = given if isinstance(given, (list, tuple)) else [given]
    return [Value(tensor, turned and len(tensor.shape) == 4) for tensor in tensors]
