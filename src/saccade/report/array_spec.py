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
        dtype: One of `float32` (lossless for maps and codes), `float16`, `uint8`, `int8`.

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


def image_url(image: Image.Image, *, lossless: bool = False) -> str:
    """An image as a `data:` address: PNG where its values are read back, else WebP as browsers show it."""
    buffer = io.BytesIO()
    if lossless:
        image.save(buffer, "PNG", optimize=True)
    else:
        image.save(buffer, "WEBP", quality=82, method=4)
    kind = "png" if lossless else "webp"
    return f"data:image/{kind};base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"
