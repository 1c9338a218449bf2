"""A torch module written down as plain layers, by the ATen operations that one run performs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from saccade.models.plain_network import (
    GREATEST,
    Activation,
    Grid,
    NotPlain,
    PlainLayer,
    PlainNetwork,
    PlainNetworkWriter,
    affine_layer,
)
from saccade.models.torch.operation_arguments import named_arguments, pair, written_arguments
from saccade.models.torch.trace import tensors_in
from saccade.typing import Array, Tensor

_SAME_NUMBERS = {"alias", "clone", "contiguous", "detach", "lift_fresh"}
_SHAPES = {"_reshape_alias", "_unsafe_view", "flatten", "reshape", "squeeze", "unsqueeze", "view"}

_ACTIVATIONS: Mapping[str, Callable[[Mapping[str, Any]], Activation | None]] = {
    "relu": lambda _: Activation("clip", 0, GREATEST),
    "relu6": lambda _: Activation("clip", 0, 6),
    "hardtanh": lambda arguments: Activation("clip", float(arguments["min_val"]), float(arguments["max_val"])),
    "clamp": lambda arguments: _between(arguments.get("min"), arguments.get("max")),
    "clamp_min": lambda arguments: _between(arguments.get("min"), None),
    "leaky_relu": lambda arguments: Activation("leaky", float(arguments["negative_slope"])),
    "elu": lambda arguments: _elu(
        float(arguments["alpha"]), float(arguments["scale"]), float(arguments["input_scale"])
    ),
    "sigmoid": lambda _: Activation("sigmoid"),
    "tanh": lambda _: Activation("tanh"),
    "silu": lambda _: Activation("silu"),
    "exp": lambda _: Activation("exponential"),
    "softplus": lambda arguments: Activation("softplus") if float(arguments["beta"]) == 1 else None,
    "hardswish": lambda _: Activation("hard_silu"),
    "hardsigmoid": lambda _: Activation("hard_sigmoid"),
    "gelu": lambda arguments: Activation("gelu" if arguments["approximate"] == "none" else "gelu_tanh"),
    "_softmax": lambda arguments: Activation("softmax") if arguments["dim"] in (1, -3) else None,
}

_COMBINING = {"add": "add", "sub": "subtract", "mul": "multiply", "maximum": "maximum", "minimum": "minimum"}


def _between(low: Any, high: Any) -> Activation:
    return Activation("clip", -GREATEST if low is None else float(low), GREATEST if high is None else float(high))


def _elu(alpha: float, scale: float, input_scale: float) -> Activation | None:
    return Activation("elu", alpha * scale, scale) if input_scale == 1 else None


class OperationWriter:
    """Writes down what the operations of one run do with the image.

    Args:
        image: The images that the module is called with, (1, channels, rows, columns).
    """

    def __init__(self, image: Tensor) -> None:
        self.plain = PlainNetworkWriter(_grid(image))
        self._values: dict[int, int] = {}
        self._alive: list[Tensor] = []  # ids are only unique while the tensors live
        self._memory: dict[int, set[int]] = {}
        self._count = 0
        self.leaks = False
        self._know(image, 0)

    def value(self, tensor: Tensor) -> int | None:
        """Which value is this tensor? None for a constant."""
        return self._values.get(id(tensor))

    def note(self, function: Any, args: Sequence[Any], kwargs: Mapping[str, Any], result: Any) -> None:
        """Write one operation down, after it ran."""
        name = str(function._schema.name).split("::")[-1]
        arguments, is_written = named_arguments(function, args, kwargs), bool(written_arguments(function))
        base = name.removesuffix("_") if is_written else name
        read = [tensor for tensor in tensors_in(list(arguments.values())) if self.value(tensor) is not None]
        if not read:
            return
        results = list(tensors_in([result]))
        if not results:
            self.leaks |= result is not None and not isinstance(result, (list, tuple))
            return
        self._count += 1
        label = f"{base} {self._count}"
        value = self._write(base, arguments, results[0], label)
        if is_written:
            self._overwrite(results[0], label)
        self._know(results[0], value)
        for other in results[1:]:
            self._know(other, self._unknown(label, base))

    def finished(self, results: Mapping[str, Tensor]) -> PlainNetwork:
        """What these results need.

        Raises:
            NotApplicable: One of them needs an operation that cannot be written down.
        """
        constant = "{!r} does not depend on the image."
        values = {path: self.value(tensor) for path, tensor in results.items()}
        return self.plain.finished(
            {
                path: self.plain.add_unknown(path, constant.format(path)) if value is None else value
                for path, value in values.items()
            }
        )

    def _write(self, base: str, arguments: Mapping[str, Any], result: Tensor, label: str) -> int:
        try:
            writer = _WRITERS.get(base)
            if writer is None:
                raise NotPlain("")
            return writer(self, arguments, result, label)
        except NotPlain as reason:
            return self._unknown(label, base, str(reason))

    def _unknown(self, label: str, base: str, reason: str = "") -> int:
        what = f"the model computes {base!r}" + (f" {reason}" if reason else "")
        return self.plain.add_unknown(label, f"{what}, which a page cannot compute.")

    def _know(self, tensor: Tensor, value: int) -> None:
        self._alive.append(tensor)
        self._values[id(tensor)] = value
        self._memory.setdefault(tensor.untyped_storage().data_ptr(), set()).add(id(tensor))

    def _overwrite(self, tensor: Tensor, label: str) -> None:
        """What else lies in the memory that was written into is no longer what it was."""
        for other in self._memory.get(tensor.untyped_storage().data_ptr(), set()) - {id(tensor)}:
            self._values[other] = self._unknown(label, "a change of a part in place")


def _grid(tensor: Tensor) -> Grid:
    shape = tuple(int(size) for size in tensor.shape[1:])
    if len(shape) == 1:
        return 1, 1, shape[0]
    if len(shape) != 3:
        raise NotPlain(f"of {len(shape)} axes")
    return shape[1], shape[2], shape[0]


def _array(tensor: Tensor) -> Array:
    return np.asarray(tensor.detach().float().cpu().numpy(), np.float32)


# Operations: (writer, arguments, result, label) -> the value that it gives

_Writing = Callable[[OperationWriter, Mapping[str, Any], Tensor, str], int]


def _only(writer: OperationWriter, arguments: Mapping[str, Any], name: str = "input") -> int:
    """The value that an operation reads, if its other operands are constants."""
    tensor = arguments.get(name, arguments.get("self"))
    value = writer.value(tensor)
    others = [other for other in tensors_in(list(arguments.values())) if other is not tensor]
    if value is None or any(writer.value(other) is not None for other in others):
        raise NotPlain("with weights that depend on the image")
    return value


def _hand_on(writer: OperationWriter, arguments: Mapping[str, Any], _: Tensor, __: str) -> int:
    return _only(writer, arguments)


def _reshaped(writer: OperationWriter, arguments: Mapping[str, Any], result: Tensor, label: str) -> int:
    value = _only(writer, arguments)
    shape = _grid(result)
    if int(result.shape[0]) != 1 or prod(shape) != prod(writer.plain.shape(value)):
        raise NotPlain("across images")
    if shape == writer.plain.shape(value):
        return value
    return writer.plain.add(PlainLayer("reshape", label, (value,), shape, {"channels_first": True}))


def _restrided(writer: OperationWriter, arguments: Mapping[str, Any], result: Tensor, _: str) -> int:
    """Other strides of the same numbers, as pooling to one pixel gives them."""
    before = arguments["self"]
    same = [
        size <= 1 or old == new for size, old, new in zip(result.shape, before.stride(), result.stride(), strict=False)
    ]
    if result.shape != before.shape or not all(same) or result.storage_offset() != before.storage_offset():
        raise NotPlain("")
    return _only(writer, arguments)


def _converted(writer: OperationWriter, arguments: Mapping[str, Any], result: Tensor, _: str) -> int:
    if not result.is_floating_point():
        raise NotPlain("into whole numbers")
    return _only(writer, arguments)


def _activation(name: str, writer: OperationWriter, arguments: Mapping[str, Any], result: Tensor, label: str) -> int:
    activation = _ACTIVATIONS[name](arguments)
    if activation is None:
        raise NotPlain("with unusual settings")
    return writer.plain.add(
        PlainLayer("activation", label, (_only(writer, arguments),), _grid(result), activation=activation)
    )


def _convolution(writer: OperationWriter, arguments: Mapping[str, Any], result: Tensor, label: str) -> int:
    value, shape = _only(writer, arguments), _grid(result)
    kernel = _array(arguments["weight"])
    if kernel.ndim != 4:
        raise NotPlain("of other images")
    groups, strides, padding, dilation = (
        int(arguments["groups"]),
        *(pair(arguments[name]) for name in ("stride", "padding", "dilation")),
    )
    bias = np.zeros(shape[2], np.float32) if arguments.get("bias") is None else _array(arguments["bias"])
    settings: dict[str, Any] = {"strides": strides, "padding": padding}
    if arguments["transposed"]:
        if groups != 1 or dilation != (1, 1):
            raise NotPlain("transposed, in groups or with a dilation")
        arrays = {"kernel": kernel.transpose(2, 3, 0, 1), "bias": bias}
        return writer.plain.add(PlainLayer("transposed_convolution", label, (value,), shape, settings, arrays))
    settings["dilation"] = dilation
    if groups == shape[2] == writer.plain.shape(value)[2] and groups > 1:
        arrays = {"kernel": kernel[:, 0].transpose(1, 2, 0), "bias": bias}
        return writer.plain.add(PlainLayer("depthwise", label, (value,), shape, settings, arrays))
    settings["groups"] = groups
    arrays = {"kernel": kernel.transpose(2, 3, 1, 0), "bias": bias}
    return writer.plain.add(PlainLayer("convolution", label, (value,), shape, settings, arrays))


def _product(
    left: str,
    right: str,
    writer: OperationWriter,
    arguments: Mapping[str, Any],
    result: Tensor,
    label: str,
) -> int:
    """A vector times a matrix; that of `linear` lies the other way round."""
    value, shape = _only(writer, arguments, left), _grid(result)
    if arguments.get("alpha", 1) != 1 or arguments.get("beta", 1) != 1 or writer.plain.shape(value)[:2] != (1, 1):
        raise NotPlain("of something else than a vector")
    matrix = _array(arguments[right])
    bias = arguments.get("bias", arguments.get("self") if left != "self" else None)
    arrays = {
        "kernel": (matrix.T if right == "weight" else matrix)[None, None],
        "bias": np.zeros(shape[2], np.float32) if bias is None else np.array(np.broadcast_to(_array(bias), shape[2])),
    }
    return writer.plain.add(PlainLayer("convolution", label, (value,), shape, {}, arrays))


def _affine(
    writer: OperationWriter, value: int, scale: NDArray[np.float64], shift: NDArray[np.float64], label: str
) -> int:
    return writer.plain.add(affine_layer(label, value, writer.plain.shape(value), scale, shift))


def _batch_norm(writer: OperationWriter, arguments: Mapping[str, Any], _: Tensor, label: str) -> int:
    if arguments.get("training") or arguments.get("running_mean") is None:
        raise NotPlain("by the statistics of the image itself")
    epsilon = arguments.get("eps", arguments.get("epsilon"))
    scale = 1 / np.sqrt(_array(arguments["running_var"]).astype(np.float64) + epsilon)
    if arguments.get("weight") is not None:
        scale = scale * _array(arguments["weight"])
    shift = -scale * _array(arguments["running_mean"])
    if arguments.get("bias") is not None:
        shift = shift + _array(arguments["bias"])
    return _affine(writer, _only(writer, arguments), scale, shift, label)


def _pooling(pooling: str, writer: OperationWriter, arguments: Mapping[str, Any], result: Tensor, label: str) -> int:
    dilation = pair(arguments.get("dilation", 1))
    if (
        dilation != (1, 1)
        or arguments.get("divisor_override") is not None
        or (pooling == "mean" and arguments["ceil_mode"])
    ):
        raise NotPlain("with a dilation, a divisor or rounded up")
    size = pair(arguments["kernel_size"])
    settings = {
        "pooling": pooling,
        "size": size,
        "strides": pair(arguments["stride"]) if arguments.get("stride") else size,
        "padding": pair(arguments["padding"]),
        "counts_padding": bool(arguments.get("count_include_pad", False)),
    }
    return writer.plain.add(PlainLayer("pooling", label, (_only(writer, arguments),), _grid(result), settings))


def _adaptive_pooling(writer: OperationWriter, arguments: Mapping[str, Any], result: Tensor, label: str) -> int:
    value, shape = _only(writer, arguments), _grid(result)
    read = writer.plain.shape(value)
    if read[0] % shape[0] or read[1] % shape[1]:
        raise NotPlain("by windows of several sizes")
    return _mean_of_windows(writer, value, (read[0] // shape[0], read[1] // shape[1]), shape, label)


def _mean(writer: OperationWriter, arguments: Mapping[str, Any], result: Tensor, label: str) -> int:
    value, axes = _only(writer, arguments), arguments.get("dim")
    tensor = arguments["self"]
    if axes is None or tensor.dim() != 4 or {axis % 4 for axis in axes} != {2, 3}:
        raise NotPlain("over other axes than rows and columns")
    return _mean_of_windows(writer, value, writer.plain.shape(value)[:2], _grid(result), label)


def _mean_of_windows(writer: OperationWriter, value: int, size: tuple[int, int], shape: Grid, label: str) -> int:
    settings = {"pooling": "mean", "size": size, "strides": size}
    return writer.plain.add(PlainLayer("pooling", label, (value,), shape, settings))


def _upsampling(
    interpolation: str, writer: OperationWriter, arguments: Mapping[str, Any], result: Tensor, label: str
) -> int:
    value, shape = _only(writer, arguments), _grid(result)
    read = writer.plain.shape(value)
    if arguments.get("align_corners") or shape[0] % read[0] or shape[1] % read[1]:
        raise NotPlain("by a factor that is not whole, or with aligned corners")
    settings = {"size": (shape[0] // read[0], shape[1] // read[1]), "interpolation": interpolation}
    return writer.plain.add(PlainLayer("upsampling", label, (value,), shape, settings))


def _frame(writer: OperationWriter, arguments: Mapping[str, Any], result: Tensor, label: str) -> int:
    pad = [*(int(size) for size in arguments["pad"]), 0, 0, 0, 0]
    if float(arguments["value"] or 0) != 0 or len(arguments["pad"]) > 4 or arguments["self"].dim() != 4:
        raise NotPlain("by other numbers than zeros, or along the channels")
    settings = {"padding": (pad[2], pad[0])}
    return writer.plain.add(PlainLayer("frame", label, (_only(writer, arguments),), _grid(result), settings))


def _combining(base: str, writer: OperationWriter, arguments: Mapping[str, Any], result: Tensor, label: str) -> int:
    import torch

    if arguments.get("alpha", 1) != 1 or arguments.get("rounding_mode") is not None:
        raise NotPlain("with a factor")
    first, second = arguments["self"], arguments["other"]
    values = [writer.value(operand) if isinstance(operand, torch.Tensor) else None for operand in (first, second)]
    shape = _grid(result)
    if None not in values:
        both = [value for value in values if value is not None]
        fits = all(
            side in (1, whole) for value in both for side, whole in zip(writer.plain.shape(value), shape, strict=True)
        )
        if base not in _COMBINING or not fits or first.dim() != second.dim():
            raise NotPlain("of two images")
        return writer.plain.add(PlainLayer("combine", label, tuple(both), shape, {"operation": _COMBINING[base]}))
    value = values[0] if values[0] is not None else values[1]
    constant = _by_channel(second if values[0] is not None else first, shape)
    if value is None or shape != writer.plain.shape(value):
        raise NotPlain("of several images")
    one, zero = np.ones(1), np.zeros(1)
    if base == "add":
        return _affine(writer, value, one, constant, label)
    if base == "sub":
        is_first = values[0] is not None
        return _affine(writer, value, one if is_first else -one, -constant if is_first else constant, label)
    if base == "mul":
        return _affine(writer, value, constant, zero, label)
    if base == "div" and values[0] is not None:
        return _affine(writer, value, 1 / constant, zero, label)
    raise NotPlain("with a constant")


def _by_channel(constant: Any, shape: Grid) -> NDArray[np.float64]:
    """A constant operand as one number for each channel."""
    import torch

    if not isinstance(constant, torch.Tensor):
        return np.full(1, float(constant))
    sides = (1,) * (3 - constant.dim()) + tuple(int(size) for size in constant.shape)
    is_vector = shape[:2] == (1, 1) and constant.numel() in (1, shape[2])
    if constant.numel() != 1 and not is_vector and (prod(sides) != shape[2] or sides[-3:] != (shape[2], 1, 1)):
        raise NotPlain("with a constant that differs from place to place")
    return _array(constant).astype(np.float64).ravel()


def _reversed_subtraction(writer: OperationWriter, arguments: Mapping[str, Any], result: Tensor, label: str) -> int:
    """`rsub`: the second operand less the first."""
    swapped = {**arguments, "self": arguments["other"], "other": arguments["self"]}
    return _combining("sub", writer, swapped, result, label)


def _concatenation(writer: OperationWriter, arguments: Mapping[str, Any], result: Tensor, label: str) -> int:
    values = [writer.value(tensor) for tensor in arguments["tensors"]]
    if arguments["dim"] not in (1, 1 - result.dim()) or None in values:
        raise NotPlain("along other axes than the channels")
    inputs = tuple(value for value in values if value is not None)
    return writer.plain.add(PlainLayer("concatenate", label, inputs, _grid(result)))


_WRITERS: Mapping[str, _Writing] = {
    **dict.fromkeys(_SAME_NUMBERS, _hand_on),
    **dict.fromkeys(_SHAPES, _reshaped),
    **{name: partial(_activation, name) for name in _ACTIVATIONS},
    **{name: partial(_combining, name) for name in (*_COMBINING, "div")},
    **dict.fromkeys(
        (
            "native_batch_norm", "_native_batch_norm_legit", "_native_batch_norm_legit_no_training", "batch_norm",
            "cudnn_batch_norm", "_batch_norm_impl_index", "_batch_norm_no_update",
        ),
        _batch_norm,
    ),
    "_to_copy": _converted,
    "as_strided": _restrided,
    "convolution": _convolution,
    "_convolution": _convolution,
    "addmm": partial(_product, "mat1", "mat2"),
    "mm": partial(_product, "self", "mat2"),
    "linear": partial(_product, "input", "weight"),
    "max_pool2d_with_indices": partial(_pooling, "greatest"),
    "max_pool2d": partial(_pooling, "greatest"),
    "mkldnn_max_pool2d": partial(_pooling, "greatest"),
    "avg_pool2d": partial(_pooling, "mean"),
    "_adaptive_avg_pool2d": _adaptive_pooling,
    "adaptive_avg_pool2d": _adaptive_pooling,
    "mean": _mean,
    "upsample_nearest2d": partial(_upsampling, "nearest"),
    "upsample_bilinear2d": partial(_upsampling, "bilinear"),
    "constant_pad_nd": _frame,
    "rsub": _reversed_subtraction,
    "cat": _concatenation,
}  # fmt: skip


@contextmanager
def writing(writer: OperationWriter) -> Iterator[None]:
    """Write every operation down that this thread asks PyTorch for inside the block."""
    from torch.utils._python_dispatch import TorchDispatchMode

    class Operations(TorchDispatchMode):  # type: ignore[misc]
        def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            result = function(*args, **(kwargs or {}))
            writer.note(function, args, kwargs or {}, result)
            return result

    with Operations():
        yield
