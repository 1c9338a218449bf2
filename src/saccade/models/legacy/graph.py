"""Rebuild the graph of a Keras 1 or 2 model out of Keras 3 layers, channels last.

A model that wants its channels first is rebuilt so that its images, and the maps between its layers, lie channels
last. Layers that work on the grid (convolutions, pooling) and layers that treat every number alike (activations, sums)
take the transposed maps as they are. For any layer that looks at the order of axes (Flatten, Dense on a map, Reshape) a
`Permute` puts the axes back as the file's model has them, so that its weights and its results stay as they were.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from saccade.errors import FileError, InputError, ModelError
from saccade.models.keras.allowed_parts import LAYERS, wants_trust
from saccade.models.keras.building import attempted, run_in_order
from saccade.models.legacy.code import custom_class, failure_of, lambda_layer
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
from saccade.models.messages import layer_label, shortened


@dataclass
class Part:
    """One layer of the file's model, as its weights know it.

    Attributes:
        name: Its name.
        kind: Its class in the file.
        layer: The live layer; None for parts without one (functions).
        parts: The layers of a nested model.
        recasts: What turns the file's weights into those of the live layer.
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
    """A live model, its parts in the order of the file, and which inputs it wants transposed."""

    model: Any
    parts: tuple[Part, ...]
    transposed_inputs: tuple[bool, ...]
    transposed_outputs: tuple[bool, ...]


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
        self.transposes: dict[tuple[int, bool], Any] = {}
        self.layouts: dict[str, bool] = {}
        self.names: set[str] = set()
        # Keras 3 keeps the slash for paths through nested models; DenseNet's layers have one in their names.
        self.new_names = {entry.name: self._fresh(entry.name.replace("/", "_")) for entry in graph.entries}

    def build(self) -> Rebuilt:
        import keras

        calls = [(entry, number) for entry in self.graph.entries for number in range(len(entry.calls))]
        left = run_in_order(calls, self._call, lambda call: (call[0].name, call[0].first_call + call[1]))
        if left:
            names = ", ".join(sorted({shortened(entry.name) for entry, _ in left})[:5])
            raise FileError(f"the layers {names} wait for each other; the model's graph is damaged.")
        inputs, outputs = ([self._value(to) for to in side] for side in (self.graph.inputs, self.graph.outputs))
        label = f"the model {shortened(self.graph.name)}"
        if not inputs or not outputs:
            raise FileError(f"{label} is damaged: nothing goes in or comes out of it.")
        model = attempted(
            {},
            lambda _: keras.Model(
                _alone([v.tensor for v in inputs]),
                _alone([v.tensor for v in outputs]),
                name=self.graph.name.replace("/", "_"),
            ),
            label=label,
        )
        return Rebuilt(
            model,
            tuple(self.parts.values()),
            tuple(value.transposed for value in inputs),
            tuple(value.transposed for value in outputs),
        )

    def _value(self, to: Reference) -> Value:
        results = self.values.get((to.layer, to.call), ())
        if to.result >= len(results):
            raise FileError(f"{layer_label(to.layer)} has no result number {to.result} of its call {to.call}.")
        return results[to.result]

    def _call(self, call: tuple[Entry, int]) -> tuple[str, int] | None:
        """Call a layer; gives the result that is still missing, if one is."""
        entry, number = call
        node = entry.calls[number]
        for to in node.references():
            if (to.layer, to.call) not in self.values:
                return to.layer, to.call
        arriving = [self._value(to) for to in node.arguments]
        named = {key: self._argument(value) for key, value in node.named.items()}
        if not arriving and entry.kind != "InputLayer":
            raise FileError(f"{layer_label(entry.name, entry.kind)} is damaged: it does not say on what it is called.")
        self.values[entry.name, entry.first_call + number] = self._apply(entry, arriving, named)
        return None

    def _argument(self, value: Any) -> Any:
        if isinstance(value, Reference):
            return self._axes(self._value(value), transposed=False).tensor
        return value

    def _apply(self, entry: Entry, arriving: list[Value], named: Mapping[str, Any]) -> list[Value]:
        if entry.kind == "InputLayer":
            return [self._input(entry)]
        if entry.kind in MODEL_KINDS:
            return self._apply_model(entry, arriving)
        if entry.kind in ("TFOpLambda", "SlicingOpLambda", "TensorFlowOpLayer"):
            function = tensorflow_function(str(entry.config.get("function", entry.kind)), entry.name)
            plain = [self._axes(value, transposed=False).tensor for value in arriving]
            result = attempted(
                {}, lambda _: function(_alone(plain), **named), label=layer_label(entry.name, entry.kind)
            )
            again = entry.calls and (entry.name, entry.first_call) in self.values
            name = self._fresh(self.new_names[entry.name]) if again else self.new_names[entry.name]
            return [Value(name_operation(result, name), transposed=False)]
        return self._apply_layer(entry, arriving, named)

    def _input(self, entry: Entry) -> Value:
        import keras

        shape = entry.config.get("batch_input_shape") or entry.config.get("batch_shape")
        if not isinstance(shape, list) or not all(size is None or (type(size) is int and size > 0) for size in shape):
            raise FileError(
                f"the input {shortened(entry.name)} does not say the size of its images, but {shortened(shape)}; it "
                "cannot be rebuilt."
            )
        transposed = len(shape) == 4 and starts_channels_first(self.graph, entry.name, self.origin)
        if transposed:
            shape = (shape[0], shape[2], shape[3], shape[1])
        # Images always arrive as float32, also where the file says bytes: gradients need it.
        placeholder = attempted(
            {},
            lambda _: keras.Input(batch_shape=tuple(shape), dtype="float32", name=self.new_names[entry.name]),
            label=layer_label(entry.name, entry.kind),
        )
        return Value(placeholder, transposed)

    def _apply_model(self, entry: Entry, arriving: list[Value]) -> list[Value]:
        part = self.parts[entry.name]
        if entry.name not in self.nested:
            inner = rebuild(entry.kind, entry.config, self.origin, lambda _: (), entry.name)
            self.nested[entry.name] = inner
            part.layer, part.parts = inner.model, inner.parts
        inner = self.nested[entry.name]
        label = layer_label(entry.name, entry.kind)
        if len(arriving) != len(inner.transposed_inputs):
            raise FileError(f"{label} is called on {len(arriving)} results, but takes {len(inner.transposed_inputs)}.")
        fitting = [
            self._axes(value, transposed=transposed).tensor
            for value, transposed in zip(arriving, inner.transposed_inputs, strict=True)
        ]
        results = attempted({}, lambda _: inner.model(_alone(fitting)), label=label)
        results = results if isinstance(results, (list, tuple)) else [results]
        return [Value(tensor, transposed) for tensor, transposed in zip(results, inner.transposed_outputs, strict=True)]

    def _apply_layer(self, entry: Entry, arriving: list[Value], named: Mapping[str, Any]) -> list[Value]:
        kind, settings = (entry.kind, dict(entry.config)) if self._is_custom(entry) else self._modern(entry)
        transposed, settings, recasts = layout_of(entry, kind, settings, arriving, self.origin)
        # A shared layer keeps the layout of its first call.
        transposed = self.layouts.setdefault(entry.name, transposed)
        arriving = [self._axes(value, transposed=transposed) for value in arriving]
        tensors = [value.tensor for value in arriving]
        part = self.parts[entry.name]
        if self.origin.backend in ("theano", "cntk", "unknown") and kind in GRID_KINDS:
            refuse_uncertain(kind, settings, self.origin.backend)
            tensors, settings = padded_for(kind, settings, tensors, self._fresh)
        raw = {"class_name": entry.kind, "name": entry.name, "config": settings}
        if part.layer is None:
            part.layer = attempted(raw, lambda settings: self._layer(entry, kind, settings))
            part.recasts = (*recast_for(kind, entry, self.origin), *recasts)
            part.trainable = bool(entry.config.get("trainable", True))

        def result_with(other: Mapping[str, Any]) -> Any:
            layer = part.layer if other is settings else self._layer(entry, kind, other)
            return layer(_alone(tensors), **named)

        try:
            result = attempted(raw, result_with)
        except InputError as error:
            failure = failure_of(part.layer)
            if failure is None:
                raise
            raise ModelError(
                f"the code in {layer_label(entry.name, entry.kind)} failed: {failure}; build the model in Python and "
                "give it as package.module:factory with --weights."
            ) from error
        self._check_size(entry, result)
        return _values(result, transposed=transposed)

    def _modern(self, entry: Entry) -> tuple[str, dict[str, Any]]:
        def translated(config: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
            return modern(entry.kind, {**config, "name": self.new_names[entry.name]}, self.origin)

        raw = {"class_name": entry.kind, "name": entry.name, "config": entry.config}
        kind, settings = attempted(raw, translated)
        if kind == "PReLU" and self.origin.first:
            # Keras 1 forgot to write down which axes share a gradient; the weights show it.
            shape = next(iter(self.shapes(entry.name)), ())
            settings["shared_axes"] = tuple(axis + 1 for axis, size in enumerate(shape) if size == 1) or None
        return kind, settings

    def _is_custom(self, entry: Entry) -> bool:
        return custom_class(entry.raw, self.origin) is not None

    def _layer(self, entry: Entry, kind: str, settings: Mapping[str, Any]) -> Any:
        import keras

        settings = dict(settings)
        if kind == "Lambda":
            return lambda_layer(entry.config, self.origin)
        own = custom_class(entry.raw, self.origin)
        if own is not None:
            shapes = ("batch_input_shape", "build_input_shape", "input_shape", "input_dtype")
            return own.from_config({key: value for key, value in entry.config.items() if key not in shapes})
        layer_class = getattr(keras.layers, kind, None)
        if layer_class is None or not isinstance(layer_class, type):
            raise ModelError(
                f"layer {shortened(entry.name)} is a {entry.kind[:60]}, which Keras 3 does not have; build the "
                "model in Python and give it as package.module:factory with --weights."
            )
        if kind not in LAYERS and not self.origin.trust:
            raise wants_trust(layer_label(entry.name), f"needs the class {shortened(kind)}")
        if isinstance(settings.get("layer"), Mapping):
            settings["layer"] = self._wrapped(settings["layer"])
        for key, value in settings.items():
            if isinstance(value, Mapping) and "class_name" in value:
                raise ModelError(
                    f"{layer_label(entry.name, entry.kind)} holds a {shortened(value['class_name'])} as its {key}; it "
                    "cannot be rebuilt here."
                )
        return layer_class(**accepted(layer_class, kind, settings))

    def _wrapped(self, raw: Mapping[str, Any]) -> Any:
        kind, config = str(raw.get("class_name")), raw.get("config")
        if not isinstance(config, Mapping):
            raise FileError(f"a {kind[:60]} inside a wrapper is damaged: it has no settings.")
        entry = Entry(str(config.get("name")), kind, config, (), 0, raw)
        if kind in MODEL_KINDS:
            raise ModelError(f"the model {entry.name!r} lies inside a wrapper; it cannot be converted with certainty.")
        inner_kind, settings = modern(kind, config, self.origin)
        if inner_kind in GRID_KINDS:
            other = data_format(kind, config, self.origin) == "channels_first" or self.origin.backend != "tensorflow"
            if other or recast_for(inner_kind, entry, self.origin):
                raise ModelError(f"layer {entry.name!r} lies inside a wrapper; it cannot be converted with certainty.")
        return self._layer(entry, inner_kind, settings)

    def _axes(self, value: Value, *, transposed: bool) -> Value:
        """Give the tensor in the order asked for, through a Permute where it lies otherwise."""
        import keras

        if value.transposed == transposed or len(value.tensor.shape) != 4:
            return value
        key = (id(value.tensor), transposed)
        if key not in self.transposes:
            name = self._fresh("channels_last" if transposed else "channels_first")
            order = (2, 3, 1) if transposed else (3, 1, 2)
            self.transposes[key] = keras.layers.Permute(order, name=name)(value.tensor)
        return Value(self.transposes[key], transposed)

    def _fresh(self, name: str) -> str:
        unused, count = name, 1
        while unused in self.names:
            unused, count = f"{name}_{count}", count + 1
        self.names.add(unused)
        return unused

    def _check_size(self, entry: Entry, result: Any) -> None:
        """Keras 1's Deconvolution2D was told its size; Keras 3 works it out."""
        shape = entry.config.get("output_shape") if entry.kind == "Deconvolution2D" else None
        if shape is None:
            return
        first = data_format(entry.kind, entry.config, self.origin) == "channels_first"
        if not isinstance(shape, list) or len(shape) != 4:
            raise FileError(
                f"{layer_label(entry.name, entry.kind)} is damaged: its output_shape is {shortened(shape)}."
            )
        rows, columns = shape[2:] if first else shape[1:3]
        if tuple(result.shape[1:3]) != (rows, columns):
            raise ModelError(
                f"layer {entry.name!r} writes {rows}x{columns} places where Keras 3 would write "
                f"{result.shape[1]}x{result.shape[2]}; it cannot be converted with certainty."
            )


def _alone(values: Sequence[Any]) -> Any:
    return values[0] if len(values) == 1 else list(values)


def _values(result: Any, *, transposed: bool) -> list[Value]:
    tensors = result if isinstance(result, (list, tuple)) else [result]
    return [Value(tensor, transposed and len(tensor.shape) == 4) for tensor in tensors]
