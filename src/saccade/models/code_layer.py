"""Which layer is the code? As named; else by well-known names; else the narrowest point; else the output."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from saccade.models.network import Layer, Network, find_layer

WELL_KNOWN = (
    "encoded",
    "code",
    "codes",
    "latent",
    "latents",
    "bottleneck",
    "embedding",
    "embeddings",
    "z_mean",
    "mu",
    "z",
    "encoder_output",
    "encoder",
)
"""Names people give to the code, the clearest first."""


@dataclass(frozen=True)
class CodeLayer:
    """The layer that is the code, and why."""

    path: str
    reason: str


def code_layer(network: Network, name: str | None = None) -> CodeLayer:
    """Choose the layer whose numbers stand for the image.

    Raises:
        UnknownName: A layer was named that the model does not have.
    """
    if name is not None:
        return CodeLayer(find_layer(network, name), "as named")
    for known in WELL_KNOWN:
        for path in network.layers:
            last = re.sub(r"(_\d+|:\d+)$", "", re.split(r"[/.]", path)[-1]).lower()
            if last == known:
                return CodeLayer(path, f"its name is {path!r}")
    for path in network.layers:
        words = set(re.split(r"[^a-z]+", re.split(r"[/.]", path)[-1].lower()))
        if words & {"encoded", "latent", "bottleneck"}:
            return CodeLayer(path, f"its name is {path!r}")
    if _is_autoencoder(network):
        path = _narrowest(network)
        numbers = _numbers(network.layers[path])
        return CodeLayer(path, f"the narrowest point of the autoencoder ({numbers:,} numbers an image)")
    return CodeLayer(network.output, "the model's output")


def _is_autoencoder(network: Network) -> bool:
    shape = network.layers[network.output].shape
    height, width, channels = network.input_shape
    return len(shape) == 3 and shape[2] == channels and shape[:2] == (height, width) and len(network.layers) > 2


def _narrowest(network: Network) -> str:
    paths = [path for path in network.layers if path != network.output]
    fewest = min(_numbers(network.layers[path]) for path in paths)
    first = next(k for k, path in enumerate(paths) if _numbers(network.layers[paths[k]]) == fewest)
    # An activation or a normalisation right after it belongs to it: the code is what the decoder reads.
    while first + 1 < len(paths) and _finishes(network.layers[paths[first]], network.layers[paths[first + 1]]):
        first += 1
    return paths[first]


def _finishes(layer: Layer, following: Layer) -> bool:
    finishing = ("Activation", "ReLU", "ELU", "GELU", "SiLU", "LeakyReLU", "PReLU", "Tanh", "Sigmoid", "BatchNorm")
    return following.shape == layer.shape and following.kind.startswith(finishing)


def _numbers(layer: Layer) -> int:
    # Free sizes count as a large image, so that a free grid never looks narrower than a vector.
    free = max(0, sum(size is None for size in layer.shape))
    known = math.prod(size for size in layer.shape if size is not None)
    return known * (256 if free else 1)
