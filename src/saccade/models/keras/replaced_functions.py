"""The functions through which Keras computes, replaced in one thread while a block is at work.

On TensorFlow and JAX these are Keras's own, the framework's of the same names, and the operators `*` and `/` of its
tensors; on PyTorch, whose function modes see what Keras calls, only what Keras does without calling a function of its
backend. In every other thread they answer as ever.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType
from typing import Any

from saccade.models.shared_patches import Patch, SharedPatches

Function = Callable[..., Any]
Replacement = Callable[..., Any]

_current: ContextVar[Mapping[str, Replacement]] = ContextVar("saccade_keras_functions", default=MappingProxyType({}))


@contextmanager
def replaced(replacements: Mapping[str, Replacement]) -> Iterator[None]:
    """Inside the block functions of these kinds are replaced in this thread.

    Args:
        replacements: By the kind of a function (`_KINDS`, and `"softmax layer"`) what is called in its place; it gets
            the function itself first, and then what that was called with.
    """
    with _patches.installed():
        token = _current.set(replacements)
        try:
            yield
        finally:
            _current.reset(token)


def _routed(kind: str, original: Function) -> Function:
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


def _routed_functions() -> Iterator[Patch]:
    for owner, name, kind in _functions():
        yield owner, name, functools.partial(_routed, kind)


_patches = SharedPatches(_routed_functions)
