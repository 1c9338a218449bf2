"""TensorFlow functions that tf.keras wrote into its graphs (`TFOpLambda`), as functions of Keras 3.

A closed table: a function that is not in it is refused, never looked up.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from saccade.errors import ModelError

_PAIRS = {
    "add": "add", "subtract": "subtract", "multiply": "multiply", "truediv": "divide", "divide": "divide",
    "sub": "subtract", "mul": "multiply", "maximum": "maximum", "minimum": "minimum", "pow": "power",
}  # fmt: skip
_SINGLES = {
    "abs": "abs", "exp": "exp", "log": "log", "sqrt": "sqrt", "rsqrt": "rsqrt", "square": "square", "tanh": "tanh",
    "sigmoid": "sigmoid", "negative": "negative", "relu": "relu", "relu6": "relu6", "elu": "elu", "selu": "selu",
    "silu": "silu", "swish": "silu", "softplus": "softplus", "softsign": "softsign",
}  # fmt: skip
_REDUCTIONS = {"reduce_mean": "mean", "reduce_sum": "sum", "reduce_max": "max", "reduce_min": "min"}
_SPACES = ("math.", "nn.", "__operators__.", "")


def tensorflow_function(function: str, layer: str) -> Callable[..., Any]:
    """What does this TensorFlow function compute, in `keras.ops`?

    Args:
        function: Its name in the file, such as `"math.multiply"` or `"__operators__.add"`.
        layer: The layer's name, for the error.

    Raises:
        ModelError: It is not in the table.
    """
    from keras import ops

    bare = function.rpartition(".")[2]
    space = function.removesuffix(bare)
    if space in _SPACES:
        if bare in _PAIRS:
            pair: Callable[..., Any] = getattr(ops, _PAIRS[bare])
            return lambda x, y=None: pair(x, _constant(y))
        if bare in ("radd", "rmul", "rsub", "rtruediv"):
            turned: Callable[..., Any] = getattr(ops, _PAIRS[bare[1:]] if bare != "radd" else "add")
            return lambda x, y=None: turned(_constant(y), x)
        if bare in _SINGLES:
            single: Callable[..., Any] = getattr(ops, _SINGLES[bare])
            return lambda x: single(x)
        if bare in _REDUCTIONS:
            reduction: Callable[..., Any] = getattr(ops, _REDUCTIONS[bare])
            return lambda x, axis=None, keepdims=False: reduction(x, axis=axis, keepdims=bool(keepdims))
        if bare in _OTHERS:
            return _OTHERS[bare]
    raise ModelError(
        f"layer {layer!r} is the TensorFlow function tf.{function}, which cannot be rebuilt here; open the file with "
        "the Keras that wrote it and save it as a SavedModel, or give the model as package.module:factory with "
        "--weights."
    )


def name_operation(tensor: Any, name: str) -> Any:
    """Call the operation that made this symbolic tensor what the file calls it.

    Left alone, Keras counts `multiply`, `multiply_1`, ... over the whole process, and meets the layers of the file.
    """
    tensor._keras_history.operation.name = name
    return tensor


def _constant(value: Any) -> Any:
    return value if not isinstance(value, (list, tuple)) else _array(value)


def _array(value: Any) -> Any:
    import numpy as np

    return np.asarray(value, np.float32)


def _clip(x: Any, clip_value_min: Any = 0.0, clip_value_max: Any = 1.0) -> Any:
    from keras import ops

    return ops.clip(x, clip_value_min, clip_value_max)


def _leaky_relu(x: Any, alpha: float = 0.2) -> Any:
    from keras import ops

    return ops.leaky_relu(x, negative_slope=alpha)


def _gelu(x: Any, approximate: bool = False) -> Any:
    from keras import ops

    return ops.gelu(x, approximate=bool(approximate))


def _concat(x: Any, axis: int = -1) -> Any:
    from keras import ops

    return ops.concatenate(x, axis=axis)


def _l2_normalize(x: Any, axis: Any = None, epsilon: float = 1e-12) -> Any:
    from keras import ops

    # TensorFlow bounds the sum of squares, Keras the norm.
    return ops.normalize(x, axis=axis, order=2, epsilon=epsilon**0.5)


def _reshape(x: Any, shape: Any = None) -> Any:
    from keras import ops

    return ops.reshape(x, tuple(shape))


def _cast(x: Any, dtype: str = "float32") -> Any:
    from keras import ops

    # The model computes in float32 throughout, so that gradients reach its input.
    return x if str(dtype).startswith(("float", "bfloat")) else ops.cast(x, dtype)


_OTHERS: Mapping[str, Callable[..., Any]] = {
    "clip_by_value": _clip, "leaky_relu": _leaky_relu, "gelu": _gelu, "concat": _concat,
    "l2_normalize": _l2_normalize, "reshape": _reshape, "cast": _cast,
}  # fmt: skip
