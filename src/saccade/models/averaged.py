"""A network whose results are drawn at random, averaged over several draws."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

from saccade.errors import InputError
from saccade.models.dataflow import Dataflow
from saccade.models.network import Capabilities, Framework, Hints, Layer, Network, Taps, capabilities
from saccade.models.rectifiers import Rectifiers
from saccade.typing import Tensor


class AveragedNetwork:
    """The same network, each image of which is computed several times at once; every layer is the mean of them.

    What is drawn at random for each row of a batch then counts less, by the root of the number of draws. Layers cannot
    be tapped, since a tap sees one image and not its copies.

    Args:
        network: The model as it was opened.
        draws: How many times each image is computed.

    Raises:
        InputError: The model takes one batch size only, or the number is none.
    """

    def __init__(self, network: Network, draws: int) -> None:
        if not isinstance(draws, int) or isinstance(draws, bool) or draws < 1:
            raise InputError(f"draws={draws!r:.40}: give a whole number, 1 or more.")
        if network.fixed_batch is not None:
            raise InputError(f"draws={draws}: {network.name!r} takes batches of exactly {network.fixed_batch} images.")
        self.network = network
        self.draws = draws
        self.framework: Framework = network.framework
        self.name: str = network.name
        self.input_shape = network.input_shape
        self.fixed_batch: int | None = None
        own = capabilities(network)
        self.capabilities = Capabilities(gradients=own.gradients, taps=False, layer_weights=own.layer_weights)

    def __getattr__(self, name: str) -> Any:
        """What only some networks have: a device, a backend, variables."""
        if name == "network":  # while a copy is being made
            raise AttributeError(name)
        return getattr(self.network, name)

    @property
    def layers(self) -> Mapping[str, Layer]:
        """Every layer that can be read, by path, in the order of computation."""
        return self.network.layers

    @property
    def output(self) -> str:
        """The path of the layer that is the model's output."""
        return self.network.output

    @property
    def hints(self) -> Hints:
        """What the model's own layers say about its images."""
        return self.network.hints

    def run(self, images: Tensor, layers: Sequence[str], taps: Taps | None = None) -> dict[str, Tensor]:
        """The layers asked for, each the mean over the draws."""
        if taps:
            raise InputError(f"{self.name!r} is averaged over {self.draws} draws; its layers cannot be changed.")
        count = int(images.shape[0])
        results = self.network.run(self._repeated(images), layers)
        return {path: self._mean(values, count) for path, values in results.items()}

    def inference_mode(self) -> AbstractContextManager[None]:
        """Put the model into its evaluating state, and leave it afterwards exactly as it was found."""
        return self.network.inference_mode()

    def dataflow(self, height: int, width: int) -> Dataflow:
        """How places move through the model: anywhere, since what is drawn is another thing in every pass."""
        flow = self.network.dataflow(height, width)
        operations = {key: replace(operation, windows=None) for key, operation in flow.operations.items()}
        return replace(flow, operations=operations, _followed={}, _fields={})

    def rectifiers(self, layer: str) -> Rectifiers:  # noqa: ARG002
        """The ReLUs between the image and a layer, which cannot be reached."""
        return Rectifiers(obstacle=f"{self.name!r} is averaged over {self.draws} draws")

    def weights(self) -> list[tuple[str, Any]]:
        """Every weight by name as a numpy array."""
        return self.network.weights()

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
