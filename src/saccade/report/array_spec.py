"""Numbers and images as the text that a page carries; `views/arrays.js` reads them."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_TYPES = ("float32", "float16", "uint8", "int8")


def array_spec(values: NDArray[Any], dtype: str = "float32") -> dict[str, Any]:
    """An array as the page carries it: `{dtype, shape, base64}`, little-endian, the last axis fastest.

    Half precision also has a `scale` by which its numbers are to be multiplied.

    Args:
        values: Any shape.
        dtype: One of `float32` (lossless), `float16`, `uint8`, `int8`.

    Example:
        >>> array_spec(np.zeros((1, 2)), "uint8")
        {'dtype': 'uint8', 'shape': [1, 2], 'base64': 'AAA='}
    """
    if dtype not in _TYPES:
        raise ValueError(f"{dtype} is none of {', '.join(_TYPES)}")
    numbers = np.asarray(values)
    spec: dict[str, Any] = {"dtype": dtype, "shape": list(numbers.shape)}
    if dtype == "float16":
        # Half precision ends at 65,504, and is coarse near zero: the largest number becomes 1.
        spec["scale"] = float(np.abs(numbers).max(initial=0)) or 1.0
        numbers = numbers / spec["scale"]
    stored = np.ascontiguousarray(numbers, np.dtype(dtype).newbyteorder("<"))
    return {**spec, "base64": base64.b64encode(stored.tobytes()).decode("ascii")}


def to_five_digits(values: NDArray[Any]) -> NDArray[np.float32]:
    """Float32 with 15 bits of its fraction: within 1/65,000 of each number, and packed in two thirds of the room."""
    dropped = 8
    bits = np.ascontiguousarray(values, np.float32).view(np.uint32)
    half = np.uint32(1 << (dropped - 1))
    # To the nearest; what a carry makes of the exponent is right, and finite numbers that large are no map.
    return ((bits + half) >> np.uint32(dropped) << np.uint32(dropped)).view(np.float32)


def image_url(image: Image.Image, *, lossless: bool = False) -> str:
    """An image as a `data:` address, in WebP; without loss where its values are looked at one by one."""
    buffer = io.BytesIO()
    # Of a lossless image the quality is the effort.
    image.save(buffer, "WEBP", lossless=lossless, quality=82, method=4)
    return f"data:image/webp;base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"
