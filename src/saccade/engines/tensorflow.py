"""TensorFlow: the backend of Keras models on TensorFlow, and of SavedModels."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from saccade.engines.backend import Backend
from saccade.errors import InputError, ModelError
from saccade.models.network import Network
from saccade.targets.noise import HASH_MULTIPLIERS, normal_quantiles, place_hashes
from saccade.typing import Array, Tensor

_GRAPHS = 32
"""How many graphs of one program are kept, one for each combination of shapes."""


class TensorFlowBackend(Backend):
    """Computes through `tf.function` and `tf.GradientTape`, which watches the input only, never the weights."""

    def __init__(self, network: Network, device: str | None = None) -> None:
        super().__init__(network, device)
        if device is not None:
            _check_device(device)
        self._noise_tables = lru_cache(maxsize=4)(self._make_noise_tables)

    @property
    def is_accelerator(self) -> bool:
        """Does the work run on a GPU or TPU?"""
        if self.device is not None:
            return not self.device.lower().lstrip("/").removeprefix("device:").startswith("cpu")
        return _has_accelerator()

    def tensor(self, values: NDArray[Any]) -> Tensor:
        """Bring a float32 array to the device; a processor reads one that nobody may write into where it lies."""
        import tensorflow as tf

        is_safe = values.dtype == np.float32 and not values.flags.writeable and not self.is_accelerator
        return tf.constant(_Uncopied(values) if is_safe else values, tf.float32)

    def indices(self, values: NDArray[np.int32]) -> Tensor:
        """Bring an int32 array to the device."""
        import tensorflow as tf

        return tf.convert_to_tensor(values, tf.int32)

    def array(self, tensor: Tensor) -> Array:
        """Bring a tensor back; on a CPU the array shows the tensor's own memory, which nobody writes into."""
        return np.asarray(tensor)

    def compile(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Compile into a graph; one trace per combination of shapes."""
        import tensorflow as tf

        traced = tf.function(function, autograph=False)
        # tf.function looks up by every argument's full type which graph it means, and takes longer for that than a
        # small layer takes to compute; here the shapes tell everything.
        graphs: OrderedDict[tuple[Any, ...], Callable[..., Any]] = OrderedDict()
        lock = threading.Lock()

        def call(*arguments: Any) -> Any:
            shapes = tuple(tuple(tensor.shape) for tensor in tf.nest.flatten(arguments))
            graph = graphs.get(shapes)
            if graph is None:
                with lock:
                    graph = graphs.get(shapes)
                    if graph is None:
                        graph = graphs[shapes] = traced.get_concrete_function(*arguments)
                    while len(graphs) > _GRAPHS:
                        graphs.popitem(last=False)
            return graph(*arguments)

        return call

    def gradient(
        self, function: Callable[[Tensor], tuple[Tensor, Tensor | None]], at: Tensor
    ) -> tuple[Tensor, Tensor | None]:
        """The gradient of a function's first result, a scalar, and its second result as it is."""
        import tensorflow as tf

        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(at)
            value, other = function(at)
        return _connected(tape.gradient(value, at)), other

    def vjp(self, function: Callable[[Tensor], Tensor], at: Tensor, cotangents: Tensor) -> Tensor:
        """`J^T c` for each c, all on one forward pass."""
        import tensorflow as tf

        with tf.GradientTape(watch_accessed_variables=False, persistent=True) as tape:
            tape.watch(at)
            value = function(at)
        return tf.stack([_connected(tape.gradient(value, at, cotangent)) for cotangent in tf.unstack(cotangents)])

    def relu_backward(self, tensor: Tensor) -> Tensor:
        """The same values, through which only the positive part of a gradient goes back."""
        import tensorflow as tf

        return tf.custom_gradient(lambda values: (tf.identity(values), tf.nn.relu))(tensor)

    def sum(self, tensor: Tensor, axes: tuple[int, ...]) -> Tensor:
        """Sum over axes."""
        import tensorflow as tf

        return tf.reduce_sum(tensor, axes)

    def reshape(self, tensor: Tensor, shape: tuple[int, ...]) -> Tensor:
        """The same values in another shape."""
        import tensorflow as tf

        return tf.reshape(tensor, shape)

    def concatenate(self, tensors: list[Tensor]) -> Tensor:
        """Tensors one after the other along their first axis."""
        import tensorflow as tf

        return tf.concat(tensors, 0)

    def take(self, tensor: Tensor, indices: Tensor) -> Tensor:
        """Rows of a tensor along its first axis, in the shape of `indices`."""
        import tensorflow as tf

        return tf.gather(tensor, indices)

    def spread(self, tensor: Tensor, down: Tensor, across: Tensor) -> Tensor:
        """`down @ map @ across.T` of every map (maps, height, width), in full float32."""
        import tensorflow as tf

        if not tf.config.experimental.tensor_float_32_execution_enabled() or not self.is_accelerator:
            return tf.einsum("yh,nhw,xw->nyx", down, tensor, across)
        # Shorter numbers are allowed for the model's sake; a double product costs little here.
        double = (tf.cast(each, tf.float64) for each in (down, tensor, across))
        return tf.cast(tf.einsum("yh,nhw,xw->nyx", *double), tf.float32)

    def normal(self, keys: NDArray[np.uint32], count: int) -> Tensor:
        """Standard normal noise made on the device, (keys, count)."""
        import tensorflow as tf

        places, quantiles = self._noise_tables(count)
        # int64, since TensorFlow lacks some unsigned operations on a GPU; 32 bits are kept of every product.
        bits = tf.bitwise.bitwise_xor(places, tf.constant(keys.astype(np.int64)[:, None]))
        mask = tf.constant(0xFFFFFFFF, tf.int64)
        for shift, multiplier in ((16, HASH_MULTIPLIERS[0]), (15, HASH_MULTIPLIERS[1]), (16, None)):
            bits = tf.bitwise.bitwise_xor(bits, tf.bitwise.right_shift(bits, tf.constant(shift, tf.int64)))
            if multiplier is not None:
                bits = tf.bitwise.bitwise_and(bits * tf.constant(multiplier, tf.int64), mask)
        low = tf.bitwise.bitwise_and(bits, tf.constant(0xFFFF, tf.int64))
        high = tf.bitwise.right_shift(bits, tf.constant(16, tf.int64))
        levels = tf.reshape(tf.stack([low, high], -1), (len(keys), -1))[:, :count]
        return tf.gather(quantiles, levels)

    def _make_noise_tables(self, count: int) -> tuple[Tensor, Tensor]:
        import tensorflow as tf

        return tf.constant(place_hashes(count).astype(np.int64)), tf.constant(normal_quantiles())

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

    def is_failure_of_model(self, error: BaseException) -> bool:
        """Does this error say that the model cannot compute what it was given?"""
        import tensorflow as tf

        return isinstance(error, tf.errors.OpError)

    def arithmetic(self) -> AbstractContextManager[Any]:
        """Compute on the device asked for."""
        import tensorflow as tf

        return tf.device(self.device) if self.device else nullcontext()


class _Uncopied:
    """An array that TensorFlow does not know for one: of those it makes a copy, and another one where it must."""

    def __init__(self, values: NDArray[Any]) -> None:
        self._values = values

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.array(self._values, dtype, copy=copy)


def _connected(gradient: Tensor) -> Tensor:
    if gradient is None:
        raise ModelError("the layer does not depend on the image in a way that can be differentiated.")
    return gradient


@lru_cache(maxsize=1)
def _has_accelerator() -> bool:
    import tensorflow as tf

    return any(device.device_type != "CPU" for device in tf.config.get_visible_devices())


def _check_device(name: str) -> None:
    import tensorflow as tf

    names = [":".join(device.name.split(":")[-2:]).lower() for device in tf.config.list_logical_devices()]
    kind, _, index = name.lower().lstrip("/").removeprefix("device:").partition(":")
    if f"{kind}:{index or 0}" not in names:
        raise InputError(f"no device {name!r} for TensorFlow here; there are {', '.join(names)}.")
