"""Attention, normalisation and gates of a Keras model held constant on the way back, on whichever backend Keras runs.

What is held is written in `models/torch/attention.py`. On PyTorch its function mode sees what Keras calls. On
TensorFlow and JAX the functions through which Keras computes, the framework's own of the same names, and the operators
`*` and `/` of its tensors are replaced while a block is at work, and answer as ever in every other thread.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from typing import Any

from saccade.models.torch.attention import linearised as linearised_on_torch
from saccade.typing import Tensor

Function = Callable[..., Any]
Replacement = Callable[..., Any]


@contextmanager
def linearised() -> Iterator[None]:
    """Inside the block gradients of this thread go back as if the model were linear in its image."""
    import keras

    _install()
    token = _is_active.set(True)
    try:
        with linearised_on_torch() if keras.backend.backend() == "torch" else nullcontext():
            yield
    finally:
        _is_active.reset(token)
        _uninstall()


_is_active: ContextVar[bool] = ContextVar("saccade_keras_linearised", default=False)
_lock = threading.Lock()
_originals: list[tuple[Any, str, Any]] = []
_users = 0


def _install() -> None:
    global _users
    with _lock:
        _users += 1
        if _users > 1:
            return
        for owner, name, replacement in _replacements():
            original = inspect.getattr_static(owner, name, None)
            if original is None or any(owner is other and name == known for other, known, _ in _originals):
                continue
            _originals.append((owner, name, original))
            is_static = isinstance(original, staticmethod)
            routed = _routed(original.__func__ if is_static else original, replacement)
            setattr(owner, name, staticmethod(routed) if is_static else routed)


def _uninstall() -> None:
    global _users
    with _lock:
        _users -= 1
        if _users == 0:
            for owner, name, original in _originals:
                setattr(owner, name, original)
            _originals.clear()


def _routed(original: Function, replacement: Replacement) -> Function:
    @functools.wraps(original)
    def call(*args: Any, **kwargs: Any) -> Any:
        if not _is_active.get():
            return original(*args, **kwargs)
        token = _is_active.set(False)  # what a replacement itself computes with is not replaced
        try:
            return replacement(original, *args, **kwargs)
        finally:
            _is_active.reset(token)

    return call


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


# Where they are called

_GATES = ("softmax", "sigmoid", "hard_sigmoid")
_ROOTS = ("sqrt", "rsqrt")
_ACTIVATIONS = (
    "gelu", "silu", "swish", "hard_silu", "hard_swish", "elu", "celu", "selu", "soft_sign", "softsign", "tanh", "mish",
)  # fmt: skip
_LENGTHS = ("l2_normalize",)
_PRODUCTS = ("multiply",)
_QUOTIENTS = ("divide", "true_divide", "truediv")
_FUSED = ("dot_product_attention",)
_OWNERS = {
    "tensorflow": ("tensorflow", "tensorflow.math", "tensorflow.nn"),
    # Not jax.numpy's products: they are objects with methods of their own. The operators are seen.
    "jax": ("jax.nn", "jax.lax"),
}
_OF_JAX_NUMPY = (*_ROOTS, "tanh")


def _replacements() -> Iterator[tuple[Any, str, Replacement]]:
    """Owner, name and replacement of every function."""
    import keras

    # Softmax along several axes takes exponentials itself; and Mish is no function of the backend, but a product.
    yield keras.layers.Softmax, "call", _constant
    yield importlib.import_module("keras.src.activations.activations").Mish, "static_call", _activated
    framework = keras.backend.backend()
    if framework == "torch":
        return
    by_name: dict[str, Replacement] = {
        **dict.fromkeys((*_GATES, *_ROOTS), _constant),
        **dict.fromkeys((*_ACTIVATIONS, *_LENGTHS), _activated),
        **dict.fromkeys(_PRODUCTS, _product),
        **dict.fromkeys(_QUOTIENTS, _quotient),
        **dict.fromkeys(_FUSED, _attended),
    }
    modules = [importlib.import_module(f"keras.src.backend.{framework}.{part}") for part in ("nn", "numpy", "math")]
    modules += [_module(name) for name in _OWNERS[framework]]
    for module in modules:
        for name, replacement in by_name.items():
            yield module, name, replacement
    if framework == "jax":
        import jax

        for name in _OF_JAX_NUMPY:
            yield jax.numpy, name, by_name[name]
        tensors = jax.core.Tracer
    else:
        import tensorflow as tf

        tensors = tf.Tensor
    yield tensors, "__mul__", _product
    yield tensors, "__rmul__", _product
    yield tensors, "__truediv__", _quotient


def _module(name: str) -> Any:
    """TensorFlow's own modules are attributes, and cannot all be imported by their names."""
    root, *parts = name.split(".")
    return functools.reduce(getattr, parts, importlib.import_module(root))
