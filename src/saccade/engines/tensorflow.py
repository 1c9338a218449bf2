"""The engine for Keras models on TensorFlow."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import numpy as np
from numpy.typing import NDArray

from saccade.engines.engine import Engine
from saccade.errors import ModelError
from saccade.typing import Array, Tensor


class TensorFlowEngine(Engine):
    """Asks through `tf.function` and `tf.GradientTape`, which watches the picture only, never the weights."""

    def tensor(self, values: NDArray[Any]) -> Tensor:
        """Bring a float32 array to the device."""
        import tensorflow as tf

        return tf.convert_to_tensor(values, tf.float32)

    def array(self, tensor: Tensor) -> Array:
        """Bring a tensor back; on a CPU the array shows the tensor's own memory, which nobody writes into."""
        return np.asarray(tensor)

    def compiled(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Compile into a graph; one trace per shape."""
        import tensorflow as tf

        traced = tf.function(function, autograph=False)
        # tf.function looks up by every argument's full type which graph it means, and takes longer for that than a
        # small layer for its work; here all arguments are float32, and their shapes tell everything.
        graphs: dict[tuple[Any, ...], Callable[..., Any]] = {}

        def call(*arguments: Any) -> Any:
            shapes = tuple(tuple(each.shape) for each in tf.nest.flatten(arguments))
            graph = graphs.get(shapes)
            if graph is None:
                graph = graphs[shapes] = traced.get_concrete_function(*arguments)
            return graph(*arguments)

        return call

    def differentiate(
        self, function: Callable[[Tensor], tuple[Tensor, Tensor | None]], at: Tensor
    ) -> tuple[Tensor, Tensor | None]:
        """The gradient of a function's first result, one number, and its second result as it is."""
        import tensorflow as tf

        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(at)
            value, other = function(at)
        return _found(tape.gradient(value, at)), other

    def pulled(self, function: Callable[[Tensor], Tensor], at: Tensor, cotangents: Tensor) -> Tensor:
        """`J^T c` for each c, all on one forward pass."""
        import tensorflow as tf

        with tf.GradientTape(watch_accessed_variables=False, persistent=True) as tape:
            tape.watch(at)
            value = function(at)
        return tf.stack([_found(tape.gradient(value, at, each)) for each in tf.unstack(cotangents)])

    def relu_backward(self, tensor: Tensor) -> Tensor:
        """The same numbers, through which only the positive part of a gradient goes back."""
        import tensorflow as tf

        return tf.custom_gradient(lambda values: (tf.identity(values), tf.nn.relu))(tensor)

    def sum(self, tensor: Tensor, axes: tuple[int, ...]) -> Tensor:
        """Sum over axes."""
        import tensorflow as tf

        return tf.reduce_sum(tensor, axes)

    def reshape(self, tensor: Tensor, shape: tuple[int, ...]) -> Tensor:
        """The same numbers in another shape."""
        import tensorflow as tf

        return tf.reshape(tensor, shape)

    def zeros(self, shape: tuple[int, ...]) -> Tensor:
        """A float32 tensor of zeros."""
        import tensorflow as tf

        return tf.zeros(shape)

    def as_float32(self, tensor: Tensor) -> Tensor:
        """The tensor in float32."""
        import tensorflow as tf

        return tf.cast(tensor, tf.float32)

    def is_out_of_memory(self, error: BaseException) -> bool:
        """Does this error say that memory ran out?"""
        import tensorflow as tf

        return isinstance(error, (tf.errors.ResourceExhaustedError, MemoryError))

    @contextmanager
    def around(self) -> Iterator[None]:
        """Compute on the device asked for."""
        import tensorflow as tf

        with self.network.inference_mode(), tf.device(self.device) if self.device else nullcontext():
            yield


def _found(gradient: Tensor) -> Tensor:
    if gradient is None:
        raise ModelError("the layer does not depend on the picture in a way that can be differentiated.")
    return gradient
