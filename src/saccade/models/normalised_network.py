"""A network that is handed images as people know them, and normalises them for the model on the way in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from saccade.errors import InputError
from saccade.images.normalisation import Normalisation
from saccade.models.network import Network, Taps
from saccade.models.wrapped_network import WrappedNetwork
from saccade.typing import Tensor


class NormalisedNetwork(WrappedNetwork):
    """The same network before which (image - mean) / std is computed, channel by channel.

    Everything else sees images in their own value range: fillers, noise, baselines, and gradients, which are those at
    the image before the normalisation. An image that the model gives is put back into that range, unless it ends in
    a sigmoid and so lies there already.

    Args:
        network: The model as it was opened.
        normalisation: What is computed before it.

    Attributes:
        redraws: What the model gives is an image that is put back into the images' range.

    Raises:
        InputError: Mean and spread are for another number of channels.
    """

    def __init__(self, network: Network, normalisation: Normalisation) -> None:
        channels = network.input_shape[2]
        count = len(normalisation.mean)
        if count not in (1, channels) or (normalisation.order == "BGR" and channels != 3):
            raise InputError(
                f"normalize={normalisation.name or list(normalisation.mean)!r} is for {count} channels, and "
                f"{network.name!r} takes images of {channels}; give one mean and spread, or one for each channel."
            )
        self.redraws = (
            network.layers[network.output].shape == network.input_shape and network.hints.output_activation != "sigmoid"
        )
        super().__init__(network)  # now, since some know their batch size once their layers were asked for
        self.normalisation = normalisation
        mean, std = np.asarray(normalisation.mean), np.asarray(normalisation.std)
        self._scale, self._shift = (1 / std).astype(np.float32), (-mean / std).astype(np.float32)
        self._mean, self._std = mean.astype(np.float32), std.astype(np.float32)

    def run(self, images: Tensor, layers: Sequence[str], taps: Taps | None = None) -> dict[str, Tensor]:
        """Normalise the images, and compute the layers asked for."""
        scale, shift = self._like(images, self._scale, self._shift)
        results = self.network.run(self._ordered(images) * scale + shift, layers, taps)
        output = self.network.output
        if output in results and self.redraws:
            std, mean = self._like(results[output], self._std, self._mean)
            results[output] = self._ordered(results[output] * std + mean)
        return results

    def attention(self, images: Tensor, layer: str) -> list[Tensor]:
        """The weights of every attention before a layer, of the normalised images; for networks that know them."""
        scale, shift = self._like(images, self._scale, self._shift)
        weights: list[Tensor] = self.network.attention(self._ordered(images) * scale + shift, layer)  # type: ignore[attr-defined]
        return weights

    def _ordered(self, images: Tensor) -> Tensor:
        if self.normalisation.order == "RGB":
            return images
        return images.flip(-1) if self.network.framework == "torch" else images[..., ::-1]

    def _like(self, images: Tensor, *numbers: Any) -> tuple[Any, ...]:
        """Numbers of the channels where the images are; torch multiplies no numpy arrays."""
        if self.network.framework != "torch":
            return numbers
        import torch

        return tuple(torch.as_tensor(number, device=images.device) for number in numbers)
