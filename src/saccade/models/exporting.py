"""Writing a network down as plain layers, whatever wraps it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from saccade.errors import NotApplicable
from saccade.models.averaged_network import AveragedNetwork
from saccade.models.network import Network
from saccade.models.normalised_network import NormalisedNetwork
from saccade.models.plain_network import PlainNetwork, PlainNetworkWriter, affine_layer


def plain_network(network: Network, paths: Sequence[str], height: int, width: int) -> PlainNetwork:
    """Which plain layers compute these layers from an image of this size?

    Args:
        network: The network, as the encoder asks it.
        paths: The layers whose values are asked for.
        height: Of the image.
        width: Of the image.

    Raises:
        NotApplicable: Something that they need is no plain layer; the line says what.
    """
    if isinstance(network, AveragedNetwork):
        raise NotApplicable(f"{network.name!r} draws its results at random.")
    if isinstance(network, NormalisedNetwork):
        return _normalised(network, plain_network(network.network, paths, height, width))
    export = getattr(network, "plain_network", None)
    if export is None:
        raise NotApplicable(f"a page computes models of Keras, PyTorch and ONNX, and none on {network.framework}.")
    result: PlainNetwork = export(paths, height, width)
    return result


def _normalised(network: NormalisedNetwork, plain: PlainNetwork) -> PlainNetwork:
    """Put what is done to the image before the first layer, and undo it after the last one where the network does."""
    normalisation = network.normalisation
    channels = plain.input[2]
    order = list(range(channels))[::-1] if normalisation.order == "BGR" else list(range(channels))
    mean, std = (np.broadcast_to(numbers, channels) for numbers in (normalisation.mean, normalisation.std))
    writer = PlainNetworkWriter(plain.input)
    settings = {"order": order} if normalisation.order == "BGR" else {}
    writer.add(affine_layer("normalised image", 0, plain.input, 1 / std, -mean / std, **settings))
    for layer in plain.layers:
        moved = tuple(value + 1 for value in layer.inputs)
        writer.add(replace(layer, inputs=moved))
    values = {path: value + 1 for path, value in plain.values.items()}
    if network.redraws and network.output in values:
        redrawn = values[network.output]
        back = affine_layer("redrawn image", redrawn, plain.input, std[order], mean[order], **settings)
        values[network.output] = writer.add(back)
    return writer.finished(values)
