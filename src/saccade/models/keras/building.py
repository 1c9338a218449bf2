"""Keras 3 models out of their description, layer by layer, so that a fault is found where it lies.

The description goes through `allowed_parts`, so that it names nothing but parts that only compute. The graph is read
here and not by Keras, which stops at a fault with a page of text that names no layer; and every weight is counted
before it is made.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from saccade.errors import FileError, InputError
from saccade.models.keras.allowed_parts import MODELS, only_listed
from saccade.models.keras.counting import weights_counted
from saccade.models.keras.fitness import refuse_unfit
from saccade.models.messages import layer_label, plain_sentence, shortened

_Call = TypeVar("_Call")
_SPARE = 2**20
"""Numbers that the weights of a layer may have when it is only tried."""


def build_model(config: Mapping[str, Any], *, stored: int | None) -> Any:
    """Build the model that an untrusted description tells of; its weights are still to be filled.

    Args:
        config: The description, as it lies in the file.
        stored: How many numbers the weights in the file have; None: there are none, and they stay as drawn.

    Raises:
        FileError: It is damaged; the message names the layer and the setting.
        NeedsTrust: It names something that is not built without trust.
        ModelError: It has more weights than the file, or could not be called.
    """
    import keras

    listed = only_listed(config, keras.saving.get_custom_objects(), start=None if stored is None else "zeros")
    with weights_counted(stored):
        model = _model(listed)
    if not isinstance(model, keras.Model):
        raise FileError(f"it holds a {listed['class_name']}, which is no model.")
    refuse_unfit(model)
    return model


def _model(config: Mapping[str, Any]) -> Any:
    kind, inner = config["class_name"], config["config"]
    if kind not in MODELS:
        return _layer(config)
    if not isinstance(inner, Mapping):
        raise FileError(f"the {kind} is damaged: it has no settings.")
    name = inner.get("name")
    layers = inner.get("layers")
    if not isinstance(layers, list) or not layers or not all(_is_layer(raw) for raw in layers):
        raise FileError(f"the model {shortened(name)} is damaged: it has no list of layers.")
    if not isinstance(name, str) or not name:
        raise FileError(f"a model inside the file is damaged: its name is {shortened(name)}.")
    return _sequential(name, inner) if kind == "Sequential" else _Functional(name, inner).build()


def _is_layer(raw: Any) -> bool:
    return isinstance(raw, Mapping) and "class_name" in raw and isinstance(raw.get("config"), Mapping)


def _layer(raw: Mapping[str, Any]) -> Any:
    """A layer, an operation or a nested model, not yet called."""
    import keras

    if raw["class_name"] in MODELS:
        return _model(raw)
    if raw["class_name"] == "InputLayer":
        raw = {**raw, "config": _of_floats(raw["config"])}

    def rebuilt(config: Mapping[str, Any]) -> Any:
        return keras.saving.deserialize_keras_object(_copied({**raw, "config": config}), safe_mode=True)

    return attempted(raw, rebuilt)


def _of_floats(settings: Mapping[str, Any]) -> Mapping[str, Any]:
    """The settings of an input without whole numbers: through those no gradient reaches an image."""
    shape, kind = settings.get("batch_shape"), settings.get("dtype")
    is_image = isinstance(shape, list) and len(shape) == 4
    is_whole = isinstance(kind, str) and kind.startswith(("int", "uint"))
    return {**settings, "dtype": "float32"} if is_image and is_whole else settings


def _sequential(name: str, config: Mapping[str, Any]) -> Any:
    import keras

    layers = [_layer(raw) for raw in config["layers"]]
    shape = config.get("build_input_shape")
    try:
        model = keras.Sequential(layers, name=name)
        if not model.built and isinstance(shape, list):
            model.build(tuple(shape))
    except Exception as error:  # Keras raises everything; all of it means that this cannot be built.
        _call_in_turn(config["layers"], shape)
        raise FileError(f"the model {shortened(name)} cannot be built{_quoted(error)}.") from error
    return model


def _call_in_turn(raws: Sequence[Mapping[str, Any]], shape: Any) -> None:
    """Call each layer of a Sequential model on what the one before gives, to find the one at fault."""
    import keras

    value = keras.Input(batch_shape=tuple(shape)) if isinstance(shape, list) else None
    for raw in raws:
        layer = _layer(raw)
        if isinstance(layer, keras.layers.InputLayer):
            value = layer.output
        elif value is not None:
            value = _result_of(raw, layer, value)


def _result_of(raw: Mapping[str, Any], layer: Any, *args: Any, **kwargs: Any) -> Any:
    """What a layer gives."""
    return attempted(raw, lambda settings: _again(raw, settings, layer)(*args, **kwargs))


class _Functional:
    """The graph of a functional model."""

    def __init__(self, name: str, config: Mapping[str, Any]) -> None:
        self.name, self.config = name, config
        self.layers: dict[str, Any] = {}
        self.results: dict[str, list[list[Any]]] = {}

    def build(self) -> Any:
        import keras

        calls = [(raw, number) for raw in self._read_layers() for number in range(len(raw["inbound_nodes"]))]
        left = run_in_order(calls, self._call, lambda call: (call[0]["name"], call[1]))
        if left:
            names = ", ".join(sorted({shortened(raw["name"]) for raw, _ in left})[:5])
            raise FileError(f"the layers {names} wait for results that never come; the model's graph is damaged.")
        inputs, outputs = (self._ends(key) for key in ("input_layers", "output_layers"))
        trainable = self.config.get("trainable")
        return attempted(
            self.config,
            lambda _: keras.Model(inputs, outputs, name=self.name, trainable=trainable is not False),
            label=f"the model {shortened(self.name)}",
        )

    def _read_layers(self) -> Iterator[Mapping[str, Any]]:
        """Make every layer; gives those that are to be called."""
        import keras

        for raw in self.config["layers"]:
            name = raw.get("name")
            if not isinstance(name, str):
                raise FileError(
                    f"the model {shortened(self.name)} is damaged: the name of a layer is {shortened(name)}."
                )
            if name in self.layers:
                raise FileError(f"the model {shortened(self.name)} is damaged: it has two layers {shortened(name)}.")
            layer = self.layers[name] = _layer(raw)
            self.results[name] = []
            if not isinstance(layer, keras.Operation):
                raise FileError(f"{layer_label(name, raw['class_name'])} is damaged: it is no layer.")
            if isinstance(layer, keras.layers.InputLayer):
                self.results[name].append(keras.tree.flatten(layer.output))
                continue
            if "inbound_nodes" not in raw:
                raise FileError(f"{layer_label(name)} is damaged: it does not say on what it is called.")
            yield raw

    def _call(self, call: tuple[Mapping[str, Any], int]) -> _Result | None:
        """Call a layer; gives the result that is still missing, if one is."""
        import keras

        raw, number = call
        label = layer_label(raw["name"], raw["class_name"])
        if len(self.results[raw["name"]]) < number:
            return raw["name"], number - 1
        node = raw["inbound_nodes"][number]
        try:
            args, kwargs = self._value(node.get("args", []), label), self._value(node.get("kwargs", {}), label)
        except _NotYet as error:
            return error.result
        if not isinstance(args, list) or not isinstance(kwargs, dict):
            raise FileError(f"{label} is damaged: it does not say on what it is called.")
        # Keras keeps whatever stands there, and fails on it when the model is called.
        if not all(mask is None or hasattr(mask, "shape") for mask in keras.tree.flatten(kwargs.get("mask"))):
            raise FileError(f"{label} is damaged: its mask is {shortened(node['kwargs']['mask'])}.")
        layer = self.layers[raw["name"]]
        result = _result_of(raw, layer, *args, **kwargs)
        self.results[raw["name"]].append(keras.tree.flatten(result))
        return None

    def _value(self, value: Any, label: str) -> Any:
        """An argument of a call."""
        import keras

        if isinstance(value, list):
            return [self._value(item, label) for item in value]
        if not isinstance(value, Mapping):
            return value
        if value.get("class_name") == "__keras_tensor__":
            return self._result(value["config"].get("keras_history"), label)
        if "class_name" in value:
            return attempted(value, lambda _: keras.saving.deserialize_keras_object(_copied(value)), label=label)
        return {key: self._value(item, label) for key, item in value.items()}

    def _result(self, place: Any, label: str, *, shift: int = 0) -> Any:
        """The result of another layer: its name, which of its calls, which of the results of that."""
        good = isinstance(place, list) and len(place) == 3 and isinstance(place[0], str)
        if not good or not all(type(number) is int and number >= 0 for number in place[1:]):
            raise FileError(f"{label} is damaged: it is called on {shortened(place)}.")
        name, call, number = place
        if name not in self.layers:
            raise FileError(f"{label} is damaged: it is called on {shortened(name)}, which is no layer of the model.")
        results, call = self.results[name], max(call - shift, 0)
        if call >= len(results):
            raise _NotYet((name, call))
        if number >= len(results[call]):
            raise FileError(f"{label} is damaged: {layer_label(name)} has no result number {number}.")
        return results[call][number]

    def _ends(self, key: str) -> Any:
        """The inputs or outputs of the model: one, a list, or a dictionary."""
        label = f"the model {shortened(self.name)}"

        def end(places: Any) -> Any:
            if isinstance(places, Mapping):
                return {name: end(place) for name, place in places.items()}
            if isinstance(places, list) and places and isinstance(places[0], str):
                # Keras counts the making of a nested functional model as its first call, but only here.
                nested = type(self.layers.get(places[0])).__name__ == "Functional"
                return self._result(places, label, shift=1 if nested else 0)
            if isinstance(places, list):
                return [end(place) for place in places]
            raise FileError(f"{label} is damaged: its {key.replace('_', ' ')} are {shortened(places)}.")

        try:
            ends = end(self.config.get(key))
        except _NotYet as error:
            raise FileError(f"{label} is damaged: its {key.replace('_', ' ')} are not computed by it.") from error
        return ends


_Result = tuple[str, int]
"""A layer by its name, and the number of one of its calls."""


class _NotYet(Exception):
    """A result is still to come."""

    def __init__(self, result: _Result) -> None:
        super().__init__(result)
        self.result = result


def run_in_order(
    calls: Iterable[_Call], run: Callable[[_Call], _Result | None], result: Callable[[_Call], _Result]
) -> list[_Call]:
    """Make calls of layers in an order in which each finds the results that it needs.

    Args:
        calls: In any order.
        run: Makes a call, or gives the result that is still missing.
        result: What a call gives.

    Returns:
        The calls that wait for results that never come.
    """
    waiting: dict[_Result, list[_Call]] = {}
    ready = deque(calls)
    while ready:
        call = ready.popleft()
        missing = run(call)
        if missing is None:
            ready.extend(waiting.pop(result(call), ()))
        else:
            waiting.setdefault(missing, []).append(call)
    return [call for calls in waiting.values() for call in calls]


# What goes wrong


def _again(raw: Mapping[str, Any], settings: Mapping[str, Any], layer: Any) -> Any:
    """The layer; or one of other settings, to see which of them is at fault."""
    return layer if settings is raw["config"] else _layer({**raw, "config": settings})


def attempted(raw: Mapping[str, Any], attempt: Callable[[Mapping[str, Any]], Any], *, label: str | None = None) -> Any:
    """Do one step of building, and say whose fault it is when it fails.

    Args:
        raw: What the file says of the layer.
        attempt: The step, given the layer's settings.
        label: What to call it; None: a layer by its name and kind, whose settings may be at fault one by one.
    """
    settings = raw.get("config", raw)
    by_setting = label is None and raw["class_name"] not in MODELS
    label = label or layer_label(raw.get("name") or settings.get("name"), raw["class_name"])
    try:
        return attempt(settings)
    except InputError:
        raise
    except Exception as error:  # Keras raises everything; all of it means that this cannot be built.
        missing = re.search(r"missing \d+ required .* arguments?: (.+)$", str(error))
        if missing:
            raise FileError(f"{label} is damaged: it lacks its setting {missing[1][:60]}.") from error
        wrong = _wrong_setting(settings, attempt) if by_setting else None
        if wrong is not None:
            value = shortened(settings[wrong])
            raise FileError(f"{label} is damaged: its setting {shortened(wrong)} cannot be {value}.") from error
        raise FileError(f"{label} cannot be built{_quoted(error)}.") from error


def _wrong_setting(settings: Mapping[str, Any], attempt: Callable[[Mapping[str, Any]], Any]) -> str | None:
    """Which setting is at fault: the one without which, or with 1 in its place, the layer can be built."""
    for key in settings:
        without = {name: value for name, value in settings.items() if name != key}
        for trial in (without, {**without, key: 1}):
            try:
                with weights_counted(_SPARE):
                    attempt(trial)
            except Exception:  # noqa: S112 - the search goes on; the caller raises the fault itself
                continue
            return key
    return None


_SPOKEN_BY_KERAS = (ValueError, NotImplementedError)
_PYTHON = re.compile(
    r"object at 0x|NoneType|has no attribute|unpack|index out of range|subscriptable|hashable|positional arg|"
    r"unexpected keyword|recursion|invalid literal|<class|<function|not callable|not iterable|operand|tuple|"
    r"must be str|object is not|not supported between"
)


def _quoted(error: BaseException) -> str:
    """What Keras says, where it speaks of the model and not of Python: one clean sentence."""
    if not isinstance(error, _SPOKEN_BY_KERAS):
        return ""
    sentence = plain_sentence(error)
    return "" if not sentence or _PYTHON.search(sentence) else f" ({sentence})"


def _copied(value: Any) -> Any:
    """Keras takes what it is given apart."""
    if isinstance(value, Mapping):
        return {key: _copied(item) for key, item in value.items()}
    return [_copied(item) for item in value] if isinstance(value, list) else value
