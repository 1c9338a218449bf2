"""A network whose results are drawn at random, averaged over several draws."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from saccade.errors import InputError
from saccade.models.dataflow import Dataflow
from saccade.models.network import Capabilities, Network, Taps, capabilities
from saccade.models.rectifiers import Rectifiers
from saccade.models.wrapped_network import WrappedNetwork
from saccade.typing import Tensor


class AveragedNetwork(WrappedNetwork):
    """The same network, each image of which is computed several times at once; every layer is the mean of them.

    What is drawn at random for each row of a batch then counts less, by the root of the number of draws. Layers cannot
    be tapped, since a tap sees one image and not its copies.

    Args:
        network: The model as it was opened.
        draws: How many times each image is computed.

    Attributes:
        composition: None, so that no pass is recorded for others: what is drawn goes on from one to the next.

    Raises:
        InputError: The model takes one batch size only, or the number is none.
    """

    composition = None

    def __init__(self, network: Network, draws: int) -> None:
        if not isinstance(draws, int) or isinstance(draws, bool) or draws < 1:
            raise InputError(f"draws={draws!r:.40}: give a whole number, 1 or more.")
        if network.fixed_batch is not None:
            raise InputError(f"draws={draws}: {network.name!r} takes batches of exactly {network.fixed_batch} images.")
        super().__init__(network)
        self.draws = draws
        own = capabilities(network)
        self.capabilities = Capabilities(gradients=own.gradients, taps=False, layer_weights=own.layer_weights)

    def run(self, images: Tensor, layers: Sequence[str], taps: Taps | None = None) -> dict[str, Tensor]:
        """The layers asked for, each the mean over the draws."""
        if taps:
            raise InputError(f"{self.name!r} is averaged over {self.draws} draws; its layers cannot be changed.")
        count = int(images.shape[0])
        results = self.network.run(self._repeated(images), layers)
        return {path: self._mean(values, count) for path, values in results.items()}

    def dataflow(self, height: int, width: int) -> Dataflow:
        """How places move through the model: anywhere, since what is drawn is another thing in every pass."""
        flow = self.network.dataflow(height, width)
        operations = {key: replace(operation, windows=None) for key, operation in flow.operations.items()}
        return replace(flow, operations=operations, _followed={}, _fields={})

    def rectifiers(self, layer: str) -> Rectifiers:  # noqa: ARG002
        """The ReLUs between the image and a layer, which cannot be reached."""
        return Rectifiers(obstacle=f"{self.name!r} is averaged over {self.draws} draws")

    def _repeated(self, images: Tensor) -> Tensor:
        """All images, again and again, as rows of one batch."""
        if self.framework == "torch":
            return images.repeat(self.draws, 1, 1, 1)
        if self.framework == "tensorflow":
            import tensorflow as tf

            return tf.tile(images, (self.draws, 1, 1, 1))
        if self.framework == "jax":
            import jax.numpy as jnp

            return jnp.tile(images, (self.draws, 1, 1, 1))
        raise InputError(f"draws={self.draws}: networks on {self.framework!r} cannot be averaged.")

    def _mean(self, values: Tensor, count: int) -> Tensor:
        shape = (self.draws, count, *(int(size) for size in values.shape[1:]))
        if self.framework == "tensorflow":
            import tensorflow as tf

            return tf.reduce_mean(tf.reshape(values, shape), 0)
        return values.reshape(shape).mean(0)
