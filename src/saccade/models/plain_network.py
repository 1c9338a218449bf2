"""A network written down as plain layers, so that something other than its framework can compute it.

Values are numbered: 0 is the image, k is what layer k - 1 gives. Every value is a grid (rows, columns, channels), a
vector one of 1x1. `views/network_engine.js` computes such networks in a page; the kinds and what they mean:

    convolution             kernel (rows, columns, input channels / groups, channels), bias, strides, padding, dilation,
                            groups
    transposed_convolution  kernel (rows, columns, input channels, channels), bias, strides, padding: what is cut off
    depthwise               kernel (rows, columns, channels), bias, strides, padding, dilation
    pooling                 pooling ("greatest" or "mean"), size, strides, padding, counts_padding
    upsampling              size, interpolation ("nearest" or "bilinear")
    frame                   padding: zeros around the image; negative cuts it out
    affine                  scale, shift, one for each channel; order: which channel is read for each
    combine                 operation: "add", "subtract", "multiply", "average", "maximum" or "minimum"
    concatenate             joins channels
    reshape                 the same numbers in the same order on another grid; channels_first: channels run slowest in
                            that order, on both grids
    activation              nothing but that

Padding is what stands above and to the left of the image, as zeros; what is read beyond the other edges is zero, too.
Every layer may end in an activation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from saccade.errors import NotApplicable
from saccade.typing import Array

Grid = tuple[int, int, int]
"""Rows, columns, channels."""

GREATEST = 3.4e38
"""Stands for no upper limit."""

SELU = (1.0507009873554805 * 1.6732632423543772, 1.0507009873554805)
"""The settings of `elu` that make it SELU."""


class NotPlain(Exception):
    """Says in a few words why a layer or an operation cannot be written down."""


@dataclass(frozen=True)
class Activation:
    """A function of single numbers, or the softmax over channels.

    Attributes:
        name: `clip` (between a and b), `leaky` (a x below zero), `elu` (a (e^x - 1) below zero, b x above), `sigmoid`,
            `silu`, `tanh`, `softmax`, `softplus`, `softsign`, `exponential`, `hard_sigmoid`, `hard_silu`, `gelu`,
            `gelu_tanh`.
        a: The first setting.
        b: The second one.
    """

    name: str
    a: float = 0.0
    b: float = 0.0


@dataclass(frozen=True)
class PlainLayer:
    """One layer, as data.

    Attributes:
        kind: What it does, in the words of this module.
        name: Its path in the model.
        inputs: The values that it reads.
        shape: The grid that it gives.
        settings: What else is known of it, by the names of this module.
        arrays: Its weights, by the names of this module.
        activation: What is done to its result.
    """

    kind: str
    name: str
    inputs: tuple[int, ...]
    shape: Grid
    settings: Mapping[str, Any] = field(default_factory=dict)
    arrays: Mapping[str, Array] = field(default_factory=dict)
    activation: Activation | None = None


def affine_layer(name: str, value: int, shape: Grid, scale: ArrayLike, shift: ArrayLike, **settings: Any) -> PlainLayer:
    """A layer that scales and shifts every channel.

    Args:
        name: Its path.
        value: What it reads.
        shape: The grid of that.
        scale: One number for each channel, or one for all.
        shift: The same.
        **settings: What else is known of it.
    """
    arrays = {
        key: np.array(np.broadcast_to(np.asarray(numbers, np.float64).ravel(), shape[2]), np.float32)
        for key, numbers in (("scale", scale), ("shift", shift))
    }
    return PlainLayer("affine", name, (value,), shape, settings, arrays)


@dataclass(frozen=True)
class PlainNetwork:
    """A whole network, as data.

    Attributes:
        input: The grid of an image.
        layers: In the order of computation.
        values: The values that were asked for, by the paths of the layers that give them.
    """

    input: Grid
    layers: tuple[PlainLayer, ...]
    values: Mapping[str, int]

    def shape(self, value: int) -> Grid:
        """The grid of a value."""
        return self.input if value == 0 else self.layers[value - 1].shape


class PlainNetworkWriter:
    """Writes a network down, layer by layer; a layer that cannot be written only matters where something reads it."""

    def __init__(self, image: Grid) -> None:
        self.input = image
        self.layers: list[PlainLayer] = []
        self._obstacles: dict[int, str] = {}

    def add(self, layer: PlainLayer) -> int:
        """Add a layer, and return the number of its value."""
        self.layers.append(layer)
        return len(self.layers)

    def add_unknown(self, name: str, reason: str) -> int:
        """Keep a place for a layer that cannot be written down."""
        value = self.add(PlainLayer("unknown", name, (), (0, 0, 0)))
        self._obstacles[value] = reason
        return value

    def shape(self, value: int) -> Grid:
        """The grid of a value."""
        return self.input if value == 0 else self.layers[value - 1].shape

    def finished(self, values: Mapping[str, int]) -> PlainNetwork:
        """What these values need, and nothing else, in as few layers as possible.

        Raises:
            NotApplicable: One of them needs a layer that cannot be written down.
        """
        needed: set[int] = set()
        waiting = list(values.values())
        while waiting:
            value = waiting.pop()
            if value == 0 or value in needed:
                continue
            if value in self._obstacles:
                raise NotApplicable(self._obstacles[value])
            needed.add(value)
            waiting.extend(self.layers[value - 1].inputs)
        new = {0: 0} | {value: k for k, value in enumerate(sorted(needed), start=1)}
        layers = [
            replace(layer, inputs=tuple(new[value] for value in layer.inputs))
            for layer in (self.layers[value - 1] for value in sorted(needed))
        ]
        return folded(PlainNetwork(self.input, tuple(layers), {path: new[value] for path, value in values.items()}))


def folded(network: PlainNetwork) -> PlainNetwork:
    """The same network, in which batch normalisations and activations belong to the convolutions before them.

    Only where nothing else reads what the convolution gives.
    """
    layers: list[PlainLayer] = []
    new: dict[int, int] = {0: 0}
    readers: dict[int, int] = {}
    for value in [*(value for layer in network.layers for value in layer.inputs), *network.values.values()]:
        readers[value] = readers.get(value, 0) + 1
    for value, layer in enumerate(network.layers, start=1):
        read = layer.inputs[0]
        before = layers[new[read] - 1] if read > 0 else None
        joined = _joined(before, layer) if before is not None and readers[read] == 1 else None
        if joined is not None:
            layers[new[read] - 1] = joined
            new[value] = new[read]
        else:
            layers.append(replace(layer, inputs=tuple(new[value] for value in layer.inputs)))
            new[value] = len(layers)
    return PlainNetwork(network.input, tuple(layers), {path: new[value] for path, value in network.values.items()})


def _joined(before: PlainLayer, layer: PlainLayer) -> PlainLayer | None:
    if before.activation is not None:
        return None
    if layer.kind == "activation":
        return replace(before, name=layer.name, activation=layer.activation)
    if layer.kind == "affine" and "order" not in layer.settings and "kernel" in before.arrays:
        scale, shift = layer.arrays["scale"], layer.arrays["shift"]
        # The last axis of every kernel is that of the output channels.
        arrays = {"kernel": before.arrays["kernel"] * scale, "bias": before.arrays["bias"] * scale + shift}
        return replace(before, name=layer.name, arrays=arrays, activation=layer.activation)
    return None
