"""Attention of Keras models: its weights read, or held constant on the way back, on whichever backend Keras runs.

What is held, and why, is written in `models/torch/attention.py`. On PyTorch its function modes see what Keras calls. On
TensorFlow and JAX the functions through which Keras computes, the framework's own of the same names, and the operators
`*` and `/` of its tensors are replaced while a block is at work, and answer as ever in every other thread.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from types import MappingProxyType
from typing import Any

import numpy as np

from saccade.models.torch.attention import attention_recorded as recorded_on_torch
from saccade.models.torch.attention import linearised as linearised_on_torch
from saccade.typing import Tensor

Function = Callable[..., Any]
Replacement = Callable[..., Any]


@contextmanager
def linearised() -> Iterator[None]:
    """Inside the block gradients of this thread go back as if the model were linear in its image."""
    with linearised_on_torch() if _is_torch() else nullcontext(), _replaced(_HELD):
        yield


@contextmanager
def attention_recorded(weights: list[Tensor]) -> Iterator[None]:
    """Inside the block the attention weights of this thread's calls are added to a list, each the mean of its heads.

    They are (images, queries, keys); of a softmax that stands by itself, what has as many queries as keys.
    """

    def from_softmax(function: Function, *args: Any, **kwargs: Any) -> Any:
        result = function(*args, **kwargs)
        if len(result.shape) >= 3 and result.shape[-1] == result.shape[-2]:
            weights.append(_by_image(result))
        return result

    def from_fused(function: Function, query: Any, key: Any, value: Any, *args: Any, **kwargs: Any) -> Any:
        import keras

        # With the columns of a unit matrix as its values attention gives its weights, (images, queries, heads, keys);
        # as many columns at a time as the values have numbers, since JAX takes no others.
        count, keys, heads, width = value.shape
        unit = np.eye(keys, -(-keys // width) * width, dtype=np.float32)
        columns = (unit[:, start : start + width] for start in range(0, keys, width))
        repeated = (np.broadcast_to(part[None, :, None], (count, keys, heads, width)) for part in columns)
        values = (keras.ops.convert_to_tensor(part, query.dtype) for part in repeated)
        parts = [function(query, key, part, *args, **kwargs) for part in values]
        shown = keras.ops.concatenate(parts, -1)[..., :keys]
        weights.append(_by_image(keras.ops.transpose(shown, (0, 2, 1, 3))))
        return function(query, key, value, *args, **kwargs)

    if _is_torch():
        with recorded_on_torch(weights):
            yield
    else:
        with _replaced({"softmax": from_softmax, "attention": from_fused}):
            yield


def _by_image(weights: Tensor) -> Tensor:
    """The mean of the heads, (images, queries, keys)."""
    import keras

    axes = tuple(range(1, len(weights.shape) - 2))
    return keras.ops.cast(keras.ops.mean(weights, axes) if axes else weights, "float32")


def _is_torch() -> bool:
    import keras

    return bool(keras.backend.backend() == "torch")


# What is held constant


def _constant(function: Function, *args: Any, **kwargs: Any) -> Any:
    """Weights of attention, gates, and the roots that stand for a length or a spread."""
    return _held(function(*args, **kwargs))


def _activated(function: Function, values: Any, *args: Any, **kwargs: Any) -> Any:
    """An activation that is zero at zero, or values brought to unit length, as the input times a constant."""
    import keras

    if not _depends(values):
        return function(values, *args, **kwargs)
    plain = _held(values)
    result = function(plain, *args, **kwargs)
    # At zero the constant multiplies nothing, so any number will do.
    is_zero = plain == 0
    divisor = keras.ops.where(is_zero, keras.ops.ones_like(plain), plain)
    return values * keras.ops.where(is_zero, keras.ops.zeros_like(result), result / divisor)


def _product(function: Function, first: Any, second: Any, *args: Any, **kwargs: Any) -> Any:
    """Of a product of two branches each gets half."""
    if not (_depends(first) and _depends(second)):
        return function(first, second, *args, **kwargs)
    of_first = function(first, _held(second), *args, **kwargs)
    return (of_first + function(_held(first), second, *args, **kwargs)) / 2


def _quotient(function: Function, first: Any, second: Any, *args: Any, **kwargs: Any) -> Any:
    """What is divided by is a length or a spread."""
    return function(first, _held(second) if _depends(second) else second, *args, **kwargs)


def _attended(function: Function, query: Tensor, key: Tensor, value: Tensor, *args: Any, **kwargs: Any) -> Any:
    """With queries and keys held, what attention gives is linear in its values."""
    return function(_held(query), _held(key), value, *args, **kwargs)


def _held(value: Any) -> Any:
    import keras

    return keras.ops.stop_gradient(value)


def _depends(value: Any) -> bool:
    """Does a gradient go back through this value?"""
    import keras

    framework = keras.backend.backend()
    if framework == "torch":
        return bool(getattr(value, "requires_grad", False))
    if framework == "jax":
        return hasattr(value, "tangent")  # what `jax.grad` differentiates is a tracer that carries one
    import tensorflow as tf
    from tensorflow.python.eager.record import should_record_backprop

    return isinstance(value, tf.Tensor) and value.dtype.is_floating and bool(should_record_backprop([value]))


_HELD: Mapping[str, Replacement] = {
    "softmax": _constant,
    "softmax layer": _constant,
    "gate": _constant,
    "root": _constant,
    "activation": _activated,
    "product": _product,
    "quotient": _quotient,
    "attention": _attended,
}
"""By the kind of a function."""


# Where they are called

_current: ContextVar[Mapping[str, Replacement]] = ContextVar("saccade_keras_attention", default=MappingProxyType({}))
_lock = threading.Lock()
_originals: list[tuple[Any, str, Any]] = []
_users = 0


@contextmanager
def _replaced(replacements: Mapping[str, Replacement]) -> Iterator[None]:
    """Inside the block functions of these kinds are replaced in this thread."""
    _install()
    token = _current.set(replacements)
    try:
        yield
    finally:
        _current.reset(token)
        _uninstall()


def _install() -> None:
    global _users
    with _lock:
        _users += 1
        if _users > 1:
            return
        for owner, name, kind in _functions():
            original = inspect.getattr_static(owner, name, None)
            if original is None or any(owner is other and name == known for other, known, _ in _originals):
                continue
            _originals.append((owner, name, original))
            is_static = isinstance(original, staticmethod)
            routed = _routed(original.__func__ if is_static else original, kind)
            setattr(owner, name, staticmethod(routed) if is_static else routed)


def _uninstall() -> None:
    global _users
    with _lock:
        _users -= 1
        if _users == 0:
            for owner, name, original in _originals:
                setattr(owner, name, original)
            _originals.clear()


def _routed(original: Function, kind: str) -> Function:
    @functools.wraps(original)
    def call(*args: Any, **kwargs: Any) -> Any:
        replacement = _current.get().get(kind)
        if replacement is None:
            return original(*args, **kwargs)
        token = _current.set({})  # what a replacement itself computes with is not replaced
        try:
            return replacement(original, *args, **kwargs)
        finally:
            _current.reset(token)

    return call


_KINDS: Mapping[str, tuple[str, ...]] = {
    "softmax": ("softmax",),
    "gate": ("sigmoid", "hard_sigmoid"),
    "root": ("sqrt", "rsqrt"),
    "activation": (
        "gelu", "silu", "swish", "hard_silu", "hard_swish", "elu", "celu", "selu", "soft_sign", "softsign", "tanh",
        "mish", "l2_normalize",
    ),
    "product": ("multiply",),
    "quotient": ("divide", "true_divide", "truediv"),
    "attention": ("dot_product_attention",),
}  # fmt: skip
"""The names of functions by their kinds."""
_OWNERS = {
    "tensorflow": ("tensorflow", "tensorflow.math", "tensorflow.nn"),
    "jax": ("jax.nn", "jax.lax"),
}
_OF_JAX_NUMPY = (("sqrt", "root"), ("tanh", "activation"))
"""Not its products, which are objects with methods of their own; the operators are seen."""


def _functions() -> Iterator[tuple[Any, str, str]]:
    """Owner, name and kind of every function that may be replaced."""
    import keras

    # Softmax along several axes takes exponentials itself; and Mish is no function of the backend, but a product.
    yield keras.layers.Softmax, "call", "softmax layer"
    yield importlib.import_module("keras.src.activations.activations").Mish, "static_call", "activation"
    framework = keras.backend.backend()
    if framework == "torch":
        return
    modules = [importlib.import_module(f"keras.src.backend.{framework}.{part}") for part in ("nn", "numpy", "math")]
    modules += [_module(name) for name in _OWNERS[framework]]
    for module in modules:
        for kind, names in _KINDS.items():
            for name in names:
                yield module, name, kind
    if framework == "jax":
        import jax

        for name, kind in _OF_JAX_NUMPY:
            yield jax.numpy, name, kind
        tensors = jax.core.Tracer
    else:
        import tensorflow as tf

        tensors = tf.Tensor
    for name, kind in (("__mul__", "product"), ("__rmul__", "product"), ("__truediv__", "quotient")):
        yield tensors, name, kind


def _module(name: str) -> Any:
    """TensorFlow's own modules are attributes, and cannot all be imported by their names."""
    root, *parts = name.split(".")
    return functools.reduce(getattr, parts, importlib.import_module(root))
