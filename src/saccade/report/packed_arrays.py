"""The arrays of a page in less room, without loss: differences of neighbours, byte by byte, DEFLATE.

Neighbours in a map are alike, so their differences are small: taken as whole numbers (the bits of a float, too), they
leave the high bytes all but constant. These are written apart from the low bytes, for DEFLATE to find them. What a page
of this costs: `views/inflate.js` and `views/arrays.js` undo it, in some milliseconds an array, when it is first shown.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

_WORTH = 0.9
"""An array is packed if it takes at most this share of its room then."""
_SMALL = 256
"""Bytes that are not worth it."""


def packed(content: Any) -> Any:
    """The data of a page with its arrays packed, where that is worth it; everything else is handed on as it is.

    An array of `array_spec` gets `deflated` in place of `base64`, and `stride`: how many numbers lie between those
    whose differences were taken, or 0 where none were.
    """
    if isinstance(content, Mapping):
        if "base64" in content and "dtype" in content:
            return _packed_array(content)
        return {name: packed(value) for name, value in content.items()}
    if isinstance(content, (list, tuple)):
        return [packed(value) for value in content]
    return content


def _packed_array(spec: Mapping[str, Any]) -> Mapping[str, Any]:
    stored = base64.b64decode(spec["base64"])
    if len(stored) < _SMALL:
        return spec
    width = np.dtype(spec["dtype"]).itemsize
    words = np.frombuffer(stored, f"<u{width}")
    planes = {stride: _planes(words, stride) for stride in _strides(spec["shape"])}
    # By the fastest level, which ranks them as the best does.
    stride = min(planes, key=lambda stride: len(zlib.compress(planes[stride], 1)))
    deflated = _deflated(planes[stride])
    if len(deflated) > _WORTH * len(stored):
        return spec
    rest = {name: value for name, value in spec.items() if name != "base64"}
    return {**rest, "stride": stride, "deflated": base64.b64encode(deflated).decode("ascii")}


def _strides(shape: list[int]) -> list[int]:
    """How far apart neighbours lie along each axis, and 0 for none."""
    strides = [0, 1]
    for size in reversed(shape[1:]):
        strides.append(strides[-1] * size)
    return list(dict.fromkeys(strides))


def _planes(words: NDArray[Any], stride: int) -> bytes:
    """The differences at a stride, the lowest byte of all of them first."""
    differences = words.copy()
    if stride:
        differences[stride:] -= words[:-stride]  # of whole numbers without a sign, which go round
    return differences.view(np.uint8).reshape(len(words), -1).T.tobytes()


def _deflated(content: bytes) -> bytes:
    """DEFLATE (RFC 1951) without any head."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return packer.compress(content) + packer.flush()
