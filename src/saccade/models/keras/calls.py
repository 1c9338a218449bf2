"""Recording the layer calls inside a Keras 3 model, whatever kind of model it is.

Functional, Sequential, subclassed, nested and shared models have one thing in common: each layer's work passes through
`keras.layers.Layer.__call__`. While a recorder is at work that one public method is wrapped, in this thread only, so
that results can be read, taps added, and the computation ended as soon as everything asked for is there. Every other
thread sees the plain method, and it is put back when the last recorder leaves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from saccade.models.network import EverythingFound, Taps
from saccade.models.shared_patches import Patch, SharedPatches
from saccade.typing import Tensor

ROOT = "output"
"""What the model itself gives, where no layer of it gave that."""


@dataclass(frozen=True)
class Call:
    """One layer at work: where it lies, what it read, what it gave.

    Attributes:
        path: The layer's path, or that of its second use.
        layer: The layer, or an operation of a functional model.
        inputs: Every tensor that it was called with.
        output: What it gave.
        in_graph: It was called by a functional or Sequential model, in which only recorded calls can read its result.
    """

    path: str
    layer: Any
    inputs: tuple[Tensor, ...]
    output: Tensor
    in_graph: bool


@dataclass
class Recorder:
    """Collects the results of the layers called while it is at work.

    Attributes:
        paths: The results to keep, or None for every call.
        taps: Change a layer's result, by path.
        stop: End the computation once all of them are there.
        instead: What works in place of the model's own layers, by path: it gets Keras's own call of a layer, and what
            the layer is called with.
        before: Called with each layer and what it is called with, before it works; may end the computation.
        results: The results kept so far.
        images: What the model itself was called with.
        output: What the model itself gave.
        calls: Every call, where no paths were named.
    """

    paths: frozenset[str] | None = None
    taps: Taps = field(default_factory=dict)
    stop: bool = False
    instead: Mapping[str, Callable[..., Tensor]] = field(default_factory=dict)
    before: Callable[[Any, tuple[Any, ...]], None] | None = None
    results: dict[str, Tensor] = field(default_factory=dict)
    images: Tensor = None
    output: Tensor = None
    calls: list[Call] = field(default_factory=list)
    _inside_loop: bool = False
    _stack: list[str] = field(default_factory=list)
    _owners: list[Any] = field(default_factory=list)
    _times: dict[str, int] = field(default_factory=dict)

    def around(self, layer: Any, call: Callable[..., Tensor], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tensor:
        """Run one layer's call and note what it gave."""
        if self._inside_loop:
            return call(layer, *args, **kwargs)
        is_root = not self._stack
        if is_root:
            path = ""
            self.images = args[0]
        else:
            prefix = self._stack[-1]
            path = f"{prefix}/{layer.name}" if prefix else str(layer.name)
            times = self._times[path] = self._times.get(path, 0) + 1
            # A shared layer is one layer with several places in the computation: the second is named `name:2`.
            path = path if times == 1 else f"{path}:{times}"
        self._stack.append(path)
        self._owners.append(layer)
        self._inside_loop = _loops(layer)
        try:
            if self.before is not None:
                self.before(layer, args)
            replacement = self.instead.get(path)
            output = call(layer, *args, **kwargs) if replacement is None else replacement(call, *args, **kwargs)
        finally:
            self._stack.pop()
            self._owners.pop()
            self._inside_loop = False
        if is_root:
            self.output = self._keep_all(ROOT, output)
            return self.output
        return self._note(path, layer, [args, kwargs], output)

    def operation(self, operation: Any, arguments: Sequence[Any], output: Tensor) -> Tensor:
        """Note a graph operation that is no layer, such as the `+` between two layers of a functional model."""
        import keras

        if self._inside_loop or not self._owners or not isinstance(self._owners[-1], keras.Model):
            return output  # a step inside a layer, which answers for it as a whole
        prefix = self._stack[-1] if self._stack else ""
        path = f"{prefix}/{operation.name}" if prefix else str(operation.name)
        times = self._times[path] = self._times.get(path, 0) + 1
        return self._note(path if times == 1 else f"{path}:{times}", operation, arguments, output)

    def _note(self, path: str, layer: Any, arguments: Sequence[Any], output: Tensor) -> Tensor:
        result = self._keep_all(path, output)
        if self.paths is None:
            self.calls.append(Call(path, layer, tuple(tensors_in(arguments)), result, _is_graph(self._owners[-1])))
        elif self.stop and self.paths <= self.results.keys():
            raise EverythingFound
        return result

    def _keep_all(self, path: str, output: Any) -> Any:
        """Keep every tensor of a result, which may be one, or several in lists and dictionaries."""
        if isinstance(output, Mapping):
            named = {key: self._keep_all(f"{path}.{key}", part) for key, part in output.items()}
            return named if type(output) is dict else output
        if isinstance(output, (list, tuple)):
            parts = [self._keep_all(f"{path}.{k}", part) for k, part in enumerate(output)]
            return type(output)(parts) if type(output) in (list, tuple) else output
        return self._keep(path, output) if hasattr(output, "shape") else output

    def _keep(self, path: str, output: Tensor) -> Tensor:
        if path in self.taps:
            output = self.taps[path](output)
        if self.paths is None or path in self.paths:
            self.results[path] = output
        return output


_current: ContextVar[Recorder | None] = ContextVar("saccade_keras_recorder", default=None)


@contextmanager
def recording(recorder: Recorder) -> Iterator[Recorder]:
    """Let `recorder` note every layer call made by this thread inside the block."""
    with _patches.installed():
        token = _current.set(recorder)
        try:
            yield recorder
        finally:
            _current.reset(token)


def _hooks() -> Iterator[Patch]:
    import keras

    yield keras.layers.Layer, "__call__", _hooked_layer_call
    yield keras.Operation, "__call__", _hooked_operation_call


def _hooked_layer_call(plain_call: Callable[..., Any]) -> Callable[..., Any]:
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        recorder = _current.get()
        if recorder is None:
            return plain_call(self, *args, **kwargs)
        return recorder.around(self, plain_call, args, kwargs)

    return call


def _hooked_operation_call(plain_call: Callable[..., Any]) -> Callable[..., Any]:
    import keras

    layer_class = keras.layers.Layer

    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        output = plain_call(self, *args, **kwargs)
        recorder = _current.get()
        if recorder is None or isinstance(self, layer_class):
            return output
        return recorder.operation(self, [args, kwargs], output)

    return call


_patches = SharedPatches(_hooks)


def named_parts(path: str, output: Any) -> Iterator[tuple[str, Tensor]]:
    """Every tensor of a result by its path: that of the layer, or `layer.0`, `layer.mean` where there are several."""
    if isinstance(output, Mapping):
        for key, part in output.items():
            yield from named_parts(f"{path}.{key}", part)
    elif isinstance(output, (list, tuple)):
        for k, part in enumerate(output):
            yield from named_parts(f"{path}.{k}", part)
    elif hasattr(output, "shape"):
        yield path, output


def tensors_in(values: Any) -> Iterator[Tensor]:
    """Every tensor inside nested lists, tuples and dicts."""
    if isinstance(values, Mapping):
        values = list(values.values())
    if isinstance(values, (list, tuple)):
        for value in values:
            yield from tensors_in(value)
    elif hasattr(values, "shape"):
        yield values


def _loops(layer: Any) -> bool:
    """Does it call the layers inside it once for each step of a sequence, where their results cannot be had?"""
    import keras

    return isinstance(layer, (keras.layers.RNN, keras.layers.TimeDistributed))


def _is_graph(owner: Any) -> bool:
    """Does this model call its layers as Keras does, and nothing else?"""
    import keras
    from keras.src.models.functional import Functional

    return getattr(type(owner), "call", None) in (Functional.call, keras.Sequential.call)
