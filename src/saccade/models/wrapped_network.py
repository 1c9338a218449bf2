"""A network around another one, which hands on whatever it does not change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

from saccade.models.dataflow import Dataflow
from saccade.models.network import Framework, Hints, Layer, Network, Taps
from saccade.models.rectifiers import Rectifiers
from saccade.typing import Tensor


class WrappedNetwork:
    """The same network; what a subclass defines is another.

    Args:
        network: The model as it was opened.
    """

    def __init__(self, network: Network) -> None:
        self.network = network
        self.framework: Framework = network.framework
        self.name: str = network.name
        self.input_shape = network.input_shape
        self.fixed_batch: int | None = network.fixed_batch

    def __getattr__(self, name: str) -> Any:
        """What only some networks have: capabilities, a device, a backend, variables."""
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
        """Compute the layers asked for."""
        return self.network.run(images, layers, taps)

    def inference_mode(self) -> AbstractContextManager[None]:
        """Put the model into its evaluating state, and leave it afterwards exactly as it was found."""
        return self.network.inference_mode()

    def dataflow(self, height: int, width: int) -> Dataflow:
        """How places move through the model."""
        return self.network.dataflow(height, width)

    def rectifiers(self, layer: str) -> Rectifiers:
        """The ReLUs between the image and a layer."""
        return self.network.rectifiers(layer)

    def weights(self) -> list[tuple[str, Any]]:
        """Every weight by name as a numpy array."""
        return self.network.weights()
