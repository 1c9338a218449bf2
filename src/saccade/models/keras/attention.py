"""Attention of Keras models: its weights read, or held constant on the way back, on whichever backend Keras runs.

What is held constant, and why, is written in `models/torch/attention.py`; how the functions of Keras are replaced, in
`replaced_functions.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import Any

import numpy as np

from saccade.models.keras.replaced_functions import Function, Replacement, replaced
from saccade.models.torch.attention import attention_recorded as recorded_on_torch
from saccade.models.torch.attention import linearised as linearised_on_torch
from saccade.typing import Tensor


@contextmanager
def linearised() -> Iterator[None]:
    """Inside the block gradients of this thread go back as if the model were linear in its image."""
    with linearised_on_torch() if _is_torch() else nullcontext(), replaced(_LINEARISED):
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
        with replaced({"softmax": from_softmax, "attention": from_fused}):
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
    return _stop_gradient(function(*args, **kwargs))


def _activated(function: Function, values: Any, *args: Any, **kwargs: Any) -> Any:
    """An activation that is zero at zero, or values brought to unit length, as the input times a constant."""
    import keras

    if not _depends(values):
        return function(values, *args, **kwargs)
    plain = _stop_gradient(values)
    result = function(plain, *args, **kwargs)
    # At zero the constant multiplies nothing, so any number will do.
    is_zero = plain == 0
    divisor = keras.ops.where(is_zero, keras.ops.ones_like(plain), plain)
    return values * keras.ops.where(is_zero, keras.ops.zeros_like(result), result / divisor)


def _product(function: Function, first: Any, second: Any, *args: Any, **kwargs: Any) -> Any:
    """Of a product of two branches each gets half."""
    if not (_depends(first) and _depends(second)):
        return function(first, second, *args, **kwargs)
    of_first = function(first, _stop_gradient(second), *args, **kwargs)
    return (of_first + function(_stop_gradient(first), second, *args, **kwargs)) / 2


def _quotient(function: Function, first: Any, second: Any, *args: Any, **kwargs: Any) -> Any:
    """What is divided by is a length or a spread."""
    return function(first, _stop_gradient(second) if _depends(second) else second, *args, **kwargs)


def _attended(function: Function, query: Tensor, key: Tensor, value: Tensor, *args: Any, **kwargs: Any) -> Any:
    """With queries and keys held, what attention gives is linear in its values."""
    return function(_stop_gradient(query), _stop_gradient(key), value, *args, **kwargs)


def _stop_gradient(value: Any) -> Any:
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


_LINEARISED: Mapping[str, Replacement] = {
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
