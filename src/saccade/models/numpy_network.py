"""A network around a function of arrays: another runtime, a decomposition, or a small net written in numpy."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from saccade.models.dataflow import Dataflow
from saccade.models.network import Capabilities, Framework, Hints, Layer, Taps
from saccade.models.rectifiers import Rectifiers
from saccade.typing import Tensor


class NumpyNetwork:
    """A function of arrays as a network. It has no gradients, except for the reference engine of the tests.

    Args:
        function: `function(images, taps) -> {path: values}` in the order of computation; it hands each
            layer's values through `taps[path]` itself.
        input_shape: Height, width and channels of one image.
        flow: How places move, if that is asked.
    """

    framework: Framework = "numpy"
    fixed_batch: int | None = None
    hints = Hints()
    capabilities = Capabilities(taps=True)

    def __init__(
        self,
        function: Callable[[NDArray[np.float64], Taps], dict[str, NDArray[np.float64]]],
        input_shape: tuple[int, int, int],
        *,
        flow: Dataflow | None = None,
        name: str = "numpy",
    ) -> None:
        self.function = function
        self.input_shape: tuple[int | None, int | None, int] = input_shape
        self.name = name
        self._flow = flow
        activations = function(np.zeros((1, *input_shape)), {})
        self.layers = {
            path: Layer(path, "function", tuple(int(n) for n in values.shape[1:]), 0)
            for path, values in activations.items()
        }
        self.output = next(reversed(self.layers))

    def run(self, images: Tensor, layers: Sequence[str], taps: Taps | None = None) -> dict[str, Tensor]:
        """Compute every layer."""
        activations = self.function(images, taps or {})
        return {layer: activations[layer] for layer in layers}

    @contextmanager
    def inference_mode(self) -> Iterator[None]:
        """Nothing to keep: a function has no state."""
        yield

    def dataflow(self, height: int, width: int) -> Dataflow:
        """How places move, as it was given; by default everything reaches everything."""
        return self._flow or Dataflow((height, width), {})

    def rectifiers(self, layer: str) -> Rectifiers:
        """A function shows nothing of what it is made of."""
        return Rectifiers(obstacle=f"the way to {layer!r} is a function whose parts are not known")

    def weights(self) -> list[tuple[str, Any]]:
        """A function has no weights to list."""
        return []
