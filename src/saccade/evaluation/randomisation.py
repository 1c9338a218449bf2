"""Randomised weights must change the map: what stays does not come from the trained weights.

From the code backwards, layer after layer, each layer's weights are randomised, and the photos explained again, with
the code of the randomised network as the frozen reference. The map's rank correlation with the original should fall.

A map may stay for a good reason: where every network reacts to the same places, the truth itself hardly changes. So a
second question is asked of the last stage: does the original map score better on the trained network than the map of
the network with all weights randomised? That difference is what the map owes to the trained weights; a map that ignores
the weights owes them nothing.

Source: Adebayo et al. (2018), Sanity Checks for Saliency Maps, arXiv:1810.03292 (cascading randomisation).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from saccade.encoder import Encoder
from saccade.models.randomisation import randomised, weighted_layers
from saccade.typing import Array


def stages(encoder: Encoder, most: int) -> list[tuple[str, ...]]:
    """Which layers are randomised together? From the one next to the code to all of them, in at most so many stages.

    Raises:
        NotApplicable: The model's weights cannot be told apart by layer.
    """
    layers = weighted_layers(encoder.network, encoder.layer)[::-1]
    if not layers:
        return []
    counts = np.unique(np.round(np.linspace(1, len(layers), min(most, len(layers)))).astype(int))
    return [tuple(layers[:count]) for count in counts]


def after_randomisation(
    encoder: Encoder, maps: Callable[[], Array], plan: Sequence[tuple[str, ...]], seed: int
) -> Iterator[Array]:
    """The maps of the same photos at each stage, (images, height, width).

    Args:
        encoder: The model and its code; between two stages and afterwards it is what it was.
        maps: Explains the photos with the network as it is at the moment.
        plan: What `stages` gave.
        seed: Of the randomisation.
    """
    for layers in plan:
        with randomised(encoder.network, layers, seed):
            stage_maps = maps()
        yield stage_maps
