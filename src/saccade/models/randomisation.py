"""A network with some of its layers' weights randomised for a while, and given back exactly as it was."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from saccade.errors import NotApplicable, UnknownName
from saccade.models.network import Network, capabilities


@dataclass(frozen=True)
class Weight:
    """One weight of a layer that can be read and written.

    Attributes:
        name: Its name in the model.
        read: Gives a copy of its values.
        write: Puts values of the same shape in their place.
        initial: Draws values as they are before training, from a seed; None where the layer does not say how.
    """

    name: str
    read: Callable[[], NDArray[Any]]
    write: Callable[[NDArray[Any]], None]
    initial: Callable[[int], NDArray[Any]] | None = None


def weighted_layers(network: Network, last: str) -> list[str]:
    """Which layers up to and including `last` hold weights, in the order of computation?

    Raises:
        NotApplicable: The weights of this kind of model cannot be told apart by layer.
        UnknownName: There is no layer `last`.
    """
    order = list(network.layers)
    if last not in order:
        raise UnknownName.of("layer", last, order)
    before = {path.partition(".")[0] for path in order[: order.index(last) + 1]}
    before |= set(order[: order.index(last) + 1])
    return [path for path in _by_layer(network) if path in before]


@contextmanager
def randomised(network: Network, layers: Sequence[str], seed: int, *, untrained: bool = False) -> Iterator[None]:
    """Inside the block the weights of these layers are randomised; afterwards they are as before, also on an error.

    The numbers of each weight are permuted among themselves, so that its mean, its spread and its largest value stay.

    Args:
        network: An opened model whose layers hold their weights (`weighted_layers`).
        layers: Paths from `weighted_layers`.
        seed: The same seed gives the same numbers.
        untrained: Draw the weights as the layers do before training instead, where they say how.

    Raises:
        NotApplicable: The weights of this kind of model cannot be told apart by layer.
        UnknownName: A layer holds no weights.

    Source: Adebayo et al. (2018), Sanity Checks for Saliency Maps, arXiv:1810.03292.
    """
    weights = _by_layer(network)
    for layer in layers:
        if layer not in weights:
            raise UnknownName.of("layer with weights", layer, weights)
    originals = [(weight, weight.read()) for layer in layers for weight in weights[layer]]
    try:
        for layer in layers:
            number = list(weights).index(layer)
            for index, weight in enumerate(weights[layer]):
                generator = np.random.default_rng([seed, number, index])
                if untrained and weight.initial is not None:
                    weight.write(weight.initial(int(generator.integers(2**31))))
                    continue
                values = weight.read()
                weight.write(generator.permutation(values.ravel()).reshape(values.shape))
        yield
    finally:
        for weight, values in originals:
            weight.write(values)


def _by_layer(network: Network) -> Mapping[str, Sequence[Weight]]:
    if not capabilities(network).layer_weights:
        raise NotApplicable(
            f"the weights of {network.name!r} cannot be told apart by layer, so they cannot be randomised layer by "
            "layer; give the model as a .keras file or a torch module."
        )
    weights: Mapping[str, Sequence[Weight]] = network.layer_weights()  # type: ignore[attr-defined]
    return weights
