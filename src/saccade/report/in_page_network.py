"""A model as data that a page can compute by itself; `views/in_page_network.js` does."""

from __future__ import annotations

import math
from typing import Any

from saccade.encoder import Encoder
from saccade.errors import NotApplicable
from saccade.models.exporting import plain_network
from saccade.models.plain_network import PlainLayer, PlainNetwork
from saccade.report.array_spec import array_spec

MOST_BYTES = 7_000_000
"""Text of the weights: with them a page stays below the 8 MB that can be mailed."""
MOST_MULTIPLICATIONS = 4_000_000_000
"""For one image; more than half a second of computing."""
MOST_NUMBERS = 48_000_000
"""In all layers of one image together, which a page keeps in memory."""


def in_page_network(encoder: Encoder, height: int, width: int) -> dict[str, Any]:
    """Which data let a page encode an image, and redraw it, without a server?

    Weights are carried in half precision.

    Args:
        encoder: The opened model.
        height: Of the images that the page will compute.
        width: Of the same.

    Returns:
        `{name, input, value_range, layers, code, redrawn, weights, multiplications}`: values are numbered, 0 is the
        image and k what layer k - 1 gives; `code` and `redrawn` (or None) are such numbers.

    Raises:
        NotApplicable: This model cannot run in a page; the line says why.

    Example:
        >>> in_page_network(saccade.load("autoencoder.keras"), 128, 128)["multiplications"]
        780926976
    """
    paths = [encoder.layer, *([encoder.network.output] if encoder.is_autoencoder else [])]
    plain = plain_network(encoder.network, paths, height, width)
    work = sum(_multiplications(plain, layer) for layer in plain.layers)
    if work > MOST_MULTIPLICATIONS:
        raise NotApplicable(
            f"{encoder.name!r} takes {work / 1e9:.3g} billion multiplications for an image, and a page at most "
            f"{MOST_MULTIPLICATIONS / 1e9:g}."
        )
    numbers = sum(math.prod(layer.shape) for layer in plain.layers)
    if numbers > MOST_NUMBERS:
        raise NotApplicable(
            f"{encoder.name!r} makes {numbers:,} numbers of an image, and a page keeps at most {MOST_NUMBERS:,}."
        )
    weights = sum(array.size for layer in plain.layers for array in layer.arrays.values())
    layers = [_layer_data(layer) for layer in plain.layers]
    text = sum(len(part["base64"]) for layer in layers for part in layer.values() if _is_array(part))
    if text > MOST_BYTES:
        raise NotApplicable(
            f"{encoder.name!r} has {weights:,} weights, {text / 1e6:.3g} MB in half precision, and a page that can be "
            f"mailed holds at most {MOST_BYTES / 1e6:g}."
        )
    return {
        "name": encoder.name,
        "input": list(plain.input),
        "value_range": list(encoder.value_range),
        "layers": layers,
        "code": plain.values[encoder.layer],
        "redrawn": plain.values[encoder.network.output] if encoder.is_autoencoder else None,
        "weights": weights,
        "multiplications": work,
    }


def _layer_data(layer: PlainLayer) -> dict[str, Any]:
    data: dict[str, Any] = {"kind": layer.kind, "name": layer.name, "inputs": layer.inputs, "shape": layer.shape}
    data |= layer.settings
    for name, array in layer.arrays.items():
        # Kernels are nearly all of the weights; a few numbers a channel cost nothing.
        data[name] = array_spec(array, "float16" if name == "kernel" else "float32")
    if layer.activation is not None:
        data["activation"] = {"name": layer.activation.name, "a": layer.activation.a, "b": layer.activation.b}
    return data


def _is_array(part: Any) -> bool:
    return isinstance(part, dict) and "base64" in part


def _multiplications(network: PlainNetwork, layer: PlainLayer) -> int:
    if "kernel" not in layer.arrays:
        return 0
    # Every weight once at every place: where the result is written, or where a transposed convolution reads.
    rows, columns, _ = network.shape(layer.inputs[0]) if layer.kind == "transposed_convolution" else layer.shape
    return rows * columns * layer.arrays["kernel"].size
