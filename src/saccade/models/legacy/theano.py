"""Where Theano puts the padding of `"same"`: as much before the image as after it, unlike TensorFlow.

A convolution of kernel k starts k // 2 places before the image. A pooling of window k starts k - 1 places before it,
k - 2 when k is odd, so that 2x2 pooling sees the first row alone, then the second and third together, and so on.
(Read in the Theano backends of Keras 1.2.2 and 2.3.1: `conv2d`, `pool2d`.)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from saccade.errors import ModelError
from saccade.models.legacy.ops import name_operation

_EVERYWHERE_THE_SAME = frozenset({
    "GlobalAveragePooling2D", "GlobalMaxPooling2D", "UpSampling2D", "ZeroPadding2D", "Cropping2D",
})  # fmt: skip


def refuse_uncertain(kind: str, settings: Mapping[str, Any], backend: str) -> None:
    """Stop where Theano, CNTK or nobody knows who computed something that cannot be rebuilt with certainty.

    Raises:
        ModelError: It names the layer.
    """
    if kind in _EVERYWHERE_THE_SAME:
        return
    same = settings.get("padding") == "same" and not _agrees(kind, settings)
    if backend == "unknown":
        uncertain = same or "Conv" in kind
    elif kind in ("Conv2D", "MaxPooling2D"):
        uncertain = same and backend == "cntk"
    else:
        uncertain = same or kind not in ("Conv2DTranspose", "AveragePooling2D")
    if uncertain:
        who = {"theano": "Theano", "cntk": "CNTK"}.get(backend, "Theano or TensorFlow, the file does not say which")
        raise ModelError(
            f"layer {settings.get('name')!r} ({kind}) was computed by {who}; it cannot be converted with certainty."
        )


def padded_for(
    kind: str, settings: dict[str, Any], tensors: list[Any], fresh: Callable[[str], str]
) -> tuple[list[Any], dict[str, Any]]:
    """Pad the image as Theano does, and let the layer itself pad nothing.

    Args:
        kind: The Keras 3 class.
        settings: Its arguments, channels last.
        tensors: What it is called on.
        fresh: Gives an unused name for a padding layer.

    Returns:
        The padded tensors, and the settings with `"valid"` padding.
    """
    import keras

    if settings.get("padding") != "same" or kind not in ("Conv2D", "MaxPooling2D") or _agrees(kind, settings):
        return tensors, settings
    spans = _spans(kind, settings)
    before = [_theano_start(kind, span) for span in spans]
    sides = [(start, max(span - 1 - start, 0)) for start, span in zip(before, spans, strict=True)]
    settings = {**settings, "padding": "valid"}
    if not any(map(any, sides)):
        return tensors, settings
    name = fresh(f"{settings['name']}_padding")
    if kind == "Conv2D":
        return [keras.layers.ZeroPadding2D(tuple(sides), name=name)(tensors[0])], settings
    # What lies outside never wins: ELU gives negative numbers, so zeros would.
    nothing = float(np.finfo(np.float32).min)
    padded = keras.ops.pad(tensors[0], [(0, 0), *sides, (0, 0)], constant_values=nothing)
    return [name_operation(padded, name)], settings


def _agrees(kind: str, settings: Mapping[str, Any]) -> bool:
    """Does TensorFlow start in the same place, whatever the size of the image?"""
    strides = _pair(settings.get("strides") or settings.get("pool_size") or 1)
    return all(
        stride == 1 and _theano_start(kind, span) == (span - 1) // 2
        for span, stride in zip(_spans(kind, settings), strides, strict=True)
    )


def _theano_start(kind: str, span: int) -> int:
    if kind in ("MaxPooling2D", "AveragePooling2D"):
        return span - 2 if span > 2 and span % 2 == 1 else span - 1
    return span // 2


def _spans(kind: str, settings: Mapping[str, Any]) -> list[int]:
    sizes = _pair(settings["pool_size"] if "Pooling" in kind else settings["kernel_size"])
    dilations = _pair(settings.get("dilation_rate") or 1)
    return [(size - 1) * dilation + 1 for size, dilation in zip(sizes, dilations, strict=True)]


def _pair(value: Any) -> tuple[int, int]:
    return (int(value), int(value)) if isinstance(value, (int, float)) else (int(value[0]), int(value[1]))
