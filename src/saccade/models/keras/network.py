"""A Keras 3 model as a network, on whichever backend Keras runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any

import numpy as np

from saccade.errors import ModelError, SaccadeError
from saccade.models.carried import Carried
from saccade.models.dataflow import Dataflow
from saccade.models.keras.attention import attention_recorded, linearised
from saccade.models.keras.calls import ROOT, Recorder, named_parts, recording, tensors_in
from saccade.models.keras.carried import carried
from saccade.models.keras.channel_order import channel_order_of
from saccade.models.keras.dataflow import dataflow_of
from saccade.models.keras.exporting import plain_network
from saccade.models.keras.inputs import input_of
from saccade.models.keras.layer_rewrites import Rewrite
from saccade.models.keras.randomisation import layer_weights
from saccade.models.keras.rectifiers import rectifiers
from saccade.models.keras.rewrites import rewrites, started
from saccade.models.keras.steadiness import shows_that_it_is_steady
from saccade.models.messages import plain_sentence
from saccade.models.network import Capabilities, EverythingFound, Framework, Hints, Layer, Measured, Taps
from saccade.models.plain_network import PlainNetwork
from saccade.models.randomisation import Weight
from saccade.models.rectifiers import Rectifiers
from saccade.typing import Array, Tensor

Change = Callable[[Tensor], Tensor]
_TRIAL_SIZES = (64, 96)
"""Image sizes at which a model with a free size is measured; what differs between the two is free."""
_MOST_RECORDED = 2**31
"""Numbers of one image in all layers together, where they must be computed to know the shapes."""
_MOST_RECORDINGS = 4


@dataclass(frozen=True)
class _FirstRun:
    """What one run has shown of a model."""

    measured: Measured
    outputs: dict[str, str]
    hints: Hints


class KerasNetwork:
    """A live Keras 3 model: functional, Sequential or subclassed, with nested and shared parts.

    Layers are addressed by the path of names through the sub-models (`encoder/encoded`); a shared layer's second use
    is `name:2`, the parts of a layer with several results are `name.0`, `name.1`.
    """

    def __init__(
        self,
        model: Any,
        *,
        input_shape: tuple[int | None, int | None, int] | None = None,
        carried: Carried | None = None,
        notes: Sequence[str] = (),
    ) -> None:
        import keras

        self.model = model
        self._carried = carried
        self.notes = tuple(notes)
        self.name: str = str(model.name)
        self.framework: Framework = keras.backend.backend()
        if self.framework not in ("tensorflow", "jax", "torch"):
            raise ModelError(
                f"Keras runs on {self.framework!r} here, which has no gradients; set KERAS_BACKEND to tensorflow, "
                "jax or torch."
            )
        self._order = channel_order_of(model)
        self.fixed_batch, self.input_shape = input_of(model, input_shape, channels_first=self._order.is_first)
        self._recordings: dict[tuple[int, int], Recorder] = {}

    # What the network is made of

    @cached_property
    def layers(self) -> dict[str, Layer]:
        """Every layer that can be read, by path, in the order of computation."""
        return self._measured[0]

    @cached_property
    def _measured(self) -> tuple[dict[str, Layer], tuple[Rewrite, ...]]:
        """The layers, as two runs at different sizes tell where sizes are free, and what may be rewritten."""
        sizes = [tuple(trial if fixed is None else fixed for fixed in self.input_shape[:2]) for trial in _TRIAL_SIZES]
        recorder = self._record(*sizes[0])
        first = recorder.calls
        recorder_at_other_size = self._record(*sizes[1]) if sizes[1] != sizes[0] else recorder
        second, other_output = recorder_at_other_size.calls, recorder_at_other_size.output
        layers: dict[str, Layer] = {}
        recorded: set[int] = set()
        batch = self.fixed_batch or 1
        for call, other in zip(first, second, strict=True):
            results = zip(named_parts(call.path, call.output), named_parts(other.path, other.output), strict=True)
            for (path, result), (_, at_other_size) in results:
                is_known = id(result) in recorded
                recorded.add(id(result))
                if not len(result.shape) or result.shape[0] != batch:
                    continue  # a table, such as that of positions: it is the same for every image
                shape = self._order.shape(result)
                free = self._order.shape(at_other_size)
                layers[path] = Layer(
                    path=path,
                    kind=type(call.layer).__name__,
                    shape=tuple(a if a == b else None for a, b in zip(shape, free, strict=True)),
                    parameters=sum(int(np.prod(weight.shape)) for weight in getattr(call.layer, "weights", ())),
                    shares_memory=is_known,
                )
        if not layers:
            raise ModelError(f"{self.name!r} calls no layers, so there is no code to explain.")
        at_other_size = dict(named_parts(ROOT, other_output))
        for path, result in named_parts(ROOT, recorder.output):
            is_readable = len(result.shape) and result.shape[0] == batch
            if is_readable and id(result) not in recorded and path not in layers:
                shape, free = self._order.shape(result), self._order.shape(at_other_size[path])
                shared = tuple(a if a == b else None for a, b in zip(shape, free, strict=True))
                layers[path] = Layer(path, type(self.model).__name__, shared, 0)
        return layers, rewrites(first, recorder.output, folded=self.framework == "tensorflow")

    @property
    def output(self) -> str:
        """The path of the layer that is the model's output; of several, the one that is an image."""
        return self._image_first(self.outputs)

    def _image_first(self, outputs: dict[str, str]) -> str:
        redrawn = [path for path in outputs.values() if self.layers[path].shape == self.input_shape]
        return next(iter([*redrawn, *outputs.values()]), next(reversed(self.layers)))

    @property
    def outputs(self) -> dict[str, str]:
        """Every tensor that the model gives, by what it is called there, and the layer that it is."""
        return self._first_run.outputs

    @property
    def measured(self) -> Measured:
        """What the run at the likeliest size has shown."""
        return self._first_run.measured

    @property
    def hints(self) -> Hints:
        """What the model's own layers say about its images."""
        return self._first_run.hints

    @cached_property
    def _first_run(self) -> _FirstRun:
        recorder, layers = self._first_recording, self.layers
        results = [result for call in recorder.calls for result in named_parts(call.path, call.output)]
        made_by = {id(tensor): path for path, tensor in results if path in layers}
        tensors_given = list(named_parts(ROOT, recorder.output))
        outputs = {name: made_by.get(id(tensor), name) for name, tensor in tensors_given}
        shapes = {path: self._order.shape(tensor) for path, tensor in [*results, *tensors_given] if path in layers}
        height, width, _ = self._order.shape(recorder.images)
        measured = Measured((height, width), shapes, dataflow_of(recorder, self._order, self.layers))
        outputs = {name: path for name, path in outputs.items() if path in layers}
        return _FirstRun(measured, outputs, self._hints_of(recorder, outputs))

    @property
    def _first_recording(self) -> Recorder:
        height, width = (fixed or _TRIAL_SIZES[0] for fixed in self.input_shape[:2])
        return self._record(height, width)

    @cached_property
    def carried(self) -> Carried | None:
        """What the model says about the images that it was trained on."""
        return self._carried or carried(self.model)

    def _hints_of(self, recorder: Recorder, outputs: dict[str, str]) -> Hints:
        rescaling = activation = None
        output = self._image_first(outputs)
        for call in recorder.calls:
            if type(call.layer).__name__ == "Rescaling" and rescaling is None:
                scale, offset = call.layer.scale, call.layer.offset
                rescaling = (float(scale), float(offset)) if np.ndim(scale) == np.ndim(offset) == 0 else None
            function = getattr(call.layer, "activation", None)
            if call.path == output or call.path.startswith(f"{output}/"):
                activation = getattr(function, "__name__", None) or activation
        return Hints(rescaling, activation)

    def weights(self) -> list[tuple[str, Any]]:
        """Every weight by name as a numpy array."""
        import keras

        return [(weight.path, keras.ops.convert_to_numpy(weight.value)) for weight in self.model.weights]

    def layer_weights(self) -> dict[str, list[Weight]]:
        """Every weight under its layer, to be read and written."""
        return layer_weights(self._first_recording.calls)

    # Computing

    @property
    def capabilities(self) -> Capabilities:
        """Gradients, taps, weights by layer, attention read and held."""
        return Capabilities(gradients=True, taps=True, layer_weights=True, attention=True, linearised=True)

    def attention(self, images: Tensor, layer: str) -> list[Tensor]:
        """The weights of every attention before a layer, the mean of its heads: (images, queries, keys) each."""
        weights: list[Tensor] = []
        recorder = Recorder(frozenset([layer]), stop=True)
        with attention_recorded(weights), recording(recorder), suppress(EverythingFound):
            self.model(self._order.from_last(images), training=False)
        return [own[: images.shape[0]] for own in weights]  # windows lie beside the images, and are told by their size

    def linearised(self) -> AbstractContextManager[None]:
        """Inside the block attention, normalisation and gates are constants for this thread's gradients."""
        return linearised()

    def run(self, images: Tensor, layers: Sequence[str], taps: Taps | None = None) -> dict[str, Tensor]:
        """Compute the layers asked for, and nothing after them."""
        native = {path: self._order.inside(tap) for path, tap in (taps or {}).items()}
        plan = [rewrite for rewrite in self._measured[1] if rewrite.layer not in layers and rewrite.layer not in native]
        recorder = Recorder(frozenset(layers), native, stop=True, instead=started(plan))
        with recording(recorder), suppress(EverythingFound):
            self.model(self._order.from_last(images), training=False)
        missing = [path for path in layers if path not in recorder.results]
        if missing:
            raise ModelError(f"layer {missing[0]!r} did not run when {self.name!r} was called.")
        return {path: self._order.to_last(recorder.results[path]) for path in layers}

    def first_read(self, level: float) -> Array | None:
        """What the first layer with a kernel reads of an image whose every value is `level`, as it lies there."""
        import keras

        height, width = (fixed or _TRIAL_SIZES[0] for fixed in self.input_shape[:2])
        images = np.full((self.fixed_batch or 1, height, width, self.input_shape[2]), level, np.float32)

        read: list[Tensor] = []

        def stop_at_kernel(layer: Any, arguments: tuple[Any, ...]) -> None:
            if arguments and hasattr(arguments[0], "shape") and _has_kernel(layer):
                read.append(arguments[0])
                raise EverythingFound

        with self.inference_mode(), recording(Recorder(frozenset(), before=stop_at_kernel)), suppress(EverythingFound):
            self.model(self._order.from_last(keras.ops.convert_to_tensor(images)), training=False)
        return keras.ops.convert_to_numpy(keras.ops.cast(read[0], "float32")) if read else None

    def is_steady(self, layer: str) -> bool:
        """Does the graph show that a layer draws nothing, and mixes no images of a batch?"""
        calls = self._first_recording.calls
        last = next((number for number, call in enumerate(calls) if call.path == layer), None)
        return last is not None and shows_that_it_is_steady(self.model, calls[: last + 1])

    @contextmanager
    def inference_mode(self) -> Iterator[None]:
        """Keep the model as it is: no state updates, and on torch no gradients of weights."""
        import keras

        frozen = []
        if self.framework == "torch":
            frozen = [weight for weight in self.model.parameters() if weight.requires_grad]
        for weight in frozen:
            weight.requires_grad_(False)
        try:
            # Inside a stateless scope seeds and moving averages keep their values whatever the layers do.
            with keras.StatelessScope():
                yield
        finally:
            for weight in frozen:
                weight.requires_grad_(True)

    def variables(self) -> list[Any]:
        """The values of all variables, to be handed to a compiled function instead of being baked into it."""
        return [variable.value for variable in self.model.variables]

    @contextmanager
    def variables_as(self, values: Sequence[Any]) -> Iterator[None]:
        """Compute with these values in place of the model's own."""
        import keras

        with keras.StatelessScope(state_mapping=list(zip(self.model.variables, values, strict=True))):
            yield

    def dataflow(self, height: int, width: int) -> Dataflow:
        """How places move through the model at this image size."""
        return dataflow_of(self._record(height, width), self._order, self.layers)

    def plain_network(self, paths: Sequence[str], height: int, width: int) -> PlainNetwork:
        """Which plain layers compute these layers from an image of this size?

        Raises:
            NotApplicable: Something that they need is no plain layer.
        """
        recorder = self._record(height, width)
        return plain_network(recorder, paths, channels_first=self._order.is_first, name=self.name)

    def rectifiers(self, layer: str) -> Rectifiers:
        """The ReLUs between the image and a layer, and whether anything else bends the way."""
        height, width = (fixed or _TRIAL_SIZES[0] for fixed in self.input_shape[:2])
        recorder = self._record(height, width)
        return rectifiers(recorder.calls, dataflow_of(recorder, self._order, self.layers, inside_layers=False), layer)

    def _record(self, height: int, width: int) -> Recorder:
        """Every call of the model on one image of this size; where the backend can, without computing a number."""
        key = (height, width)
        recorder = self._recordings.get(key)
        if recorder is not None:
            return recorder
        shape = (self.fixed_batch or 1, height, width, self.input_shape[2])
        if self._order.is_first:
            shape = (shape[0], shape[3], *shape[1:3])
        try:
            recorder = self._traced(shape)
            if recorder is None:
                return self._run_on_black(shape)
        except SaccadeError:
            raise
        except Exception as error:  # the model's own code, which may raise anything
            raise ModelError(
                f"{self.name!r} cannot compute an image of {height}x{width}: {plain_sentence(error)}."
            ) from error
        while len(self._recordings) >= _MOST_RECORDINGS:
            self._recordings.pop(next(iter(self._recordings)))
        self._recordings[key] = recorder
        return recorder

    def _run_on_black(self, shape: tuple[int, ...]) -> Recorder:
        import keras

        count = _numbers_of(self.model, max(shape[1:]))
        if count > _MOST_RECORDED:
            raise ModelError(
                f"{self.name!r} makes {count:,} numbers of one image, more than are kept at once; choose another "
                "--backend, or a smaller image."
            )
        recorder = Recorder()
        with self.inference_mode(), recording(recorder):
            self.model(keras.ops.zeros(shape, "float32"), training=False)
        return recorder

    def _traced(self, shape: tuple[int, ...]) -> Recorder | None:
        """The calls on shapes alone; None where the backend needs numbers, or a shape depends on them."""
        recorder = Recorder()

        def call(image: Tensor) -> Tensor:
            with self.inference_mode(), recording(recorder):
                return self.model(image, training=False)

        if self.framework == "tensorflow":
            import tensorflow as tf

            tf.function(call, autograph=False).get_concrete_function(tf.TensorSpec(shape, tf.float32))
        elif self.framework == "jax":
            import jax

            jax.eval_shape(call, jax.ShapeDtypeStruct(shape, "float32"))
        else:
            return None
        tensors = [tensor for recorded in recorder.calls for tensor in tensors_in([recorded.inputs, recorded.output])]
        return recorder if all(None not in tuple(tensor.shape) for tensor in tensors) else None


def _numbers_of(model: Any, free: int) -> int:
    """How many numbers does a functional model make of one image, with this size where a size is free?"""
    nodes = (node for operation in getattr(model, "operations", ()) for node in operation._inbound_nodes)
    return sum(prod(size or free for size in tensor.shape[1:]) for node in nodes for tensor in node.output_tensors)


def _has_kernel(layer: Any) -> bool:
    """Does the layer itself, not one inside it, multiply by a matrix?"""
    parts = layer._flatten_layers(include_self=False)
    return next(iter(parts), None) is None and any(len(weight.shape) >= 2 for weight in layer.weights)
