"""Weights that a file did not bring: which layers are computed with them?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from saccade.errors import ModelError
from saccade.models.network import Network
from saccade.typing import Tensor

_SAME = 1e-5
"""By which share of its length a layer may change for reasons of rounding."""


def refuse_missing(network: Network, module: Any, layer: str, names: Sequence[str], *, size: tuple[int, int]) -> None:
    """Refuse a code that is computed with weights that no file brought; two passes measure it.

    Args:
        network: The network.
        module: What it computes with, and what has the weights.
        layer: The code.
        names: The weights as the module calls them.
        size: Height and width of images that it takes.

    Raises:
        ModelError: The code changes with them; the message names the last layer that does not.
    """
    if layer not in _changed_by(network, module, [layer], names, size):
        return
    layers = list(network.layers)
    changed = _changed_by(network, module, layers, names, size)
    first = next(place for place, path in enumerate(layers) if path in changed)
    last = layers[first - 1] if first else None
    instead = "" if last is None else f" Or take a layer before them: the last is {last!r} (--layer {last})."
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    raise ModelError(
        f"the code {layer!r} is computed with weights that are not in the file and so stayed random: "
        f"{', '.join(map(repr, names[:3]))}{more}. Give the file of all the model's weights.{instead}"
    )


def _changed_by(
    network: Network, module: Any, layers: Sequence[str], names: Sequence[str], size: tuple[int, int]
) -> set[str]:
    """The layers of these whose results change when these weights are others."""
    import torch

    own = module.state_dict()
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(network.fixed_batch or 1, *size, network.input_shape[2], generator=generator)
    images = images.to(own[names[0]].device)
    before = _results(network, images, layers)
    values = {name: own[name].detach().clone() for name in names}
    try:
        with torch.no_grad():
            for name, tensor in values.items():
                noise = torch.rand(tensor.shape, generator=generator).to(tensor.device, tensor.dtype)
                own[name].add_(noise)  # upwards, since variances must stay above 0
        after = _results(network, images, layers)
    finally:
        with torch.no_grad():
            for name, tensor in values.items():
                own[name].copy_(tensor)
    return {layer for layer in layers if not _same(before[layer], after[layer])}


def _results(network: Network, images: Tensor, layers: Sequence[str]) -> dict[str, Tensor]:
    import torch

    # Random states are put back between the two, so that what is drawn is drawn alike.
    with network.inference_mode(), torch.no_grad():
        return {layer: values.float().cpu() for layer, values in network.run(images, layers).items()}


def _same(first: Tensor, second: Tensor) -> bool:
    difference = float((first - second).norm())
    return difference <= _SAME * max(float(first.norm()), 1e-12)  # false where one is not a number
