"""The reference engine: numpy and finite differences, slow and plain, for small nets.

It shares no differentiation with the others, so what they agree on with it is right. The network is a function from a
picture to its layers, written in numpy; gradients are central differences in float64.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from saccade.engines.engine import Engine
from saccade.errors import ModelError
from saccade.models.dataflow import Dataflow
from saccade.models.network import Framework, Hints, Layer, Taps
from saccade.models.rectifiers import Rectifiers
from saccade.typing import Array, Tensor


class NumpyNetwork:
    """A network written in numpy.

    Args:
        function: `function(images, taps) -> {path: values}` in the order of computation; it hands each
            layer's values through `taps[path]` itself.
        input_shape: Height, width and channels of one image.
        flow: How places move, if that is asked.
    """

    framework: Framework = "numpy"
    fixed_batch: int | None = None
    hints = Hints()

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
        found = function(np.zeros((1, *input_shape)), {})
        self.layers = {
            path: Layer(path, "function", tuple(int(n) for n in values.shape[1:]), 0) for path, values in found.items()
        }
        self.output = next(reversed(self.layers))

    def run(self, images: Tensor, layers: Sequence[str], taps: Taps | None = None) -> dict[str, Tensor]:
        """Compute every layer."""
        found = self.function(images, taps or {})
        return {layer: found[layer] for layer in layers}

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


class ReferenceEngine(Engine):
    """Asks by computing everything and comparing neighbours."""

    step = 1e-5

    def tensor(self, values: NDArray[Any]) -> Tensor:
        """Take the array in float64."""
        return np.asarray(values, np.float64)

    def array(self, tensor: Tensor) -> Array:
        """Give the array in float32."""
        return np.asarray(tensor, np.float32)

    def compiled(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Nothing to compile."""
        return function

    def differentiate(
        self, function: Callable[[Tensor], tuple[Tensor, Tensor | None]], at: Tensor
    ) -> tuple[Tensor, Tensor | None]:
        """Central differences, one number at a time."""
        gradient = np.zeros_like(at)
        for place in np.ndindex(at.shape):
            above, below = at.copy(), at.copy()
            above[place] += self.step
            below[place] -= self.step
            gradient[place] = (function(above)[0] - function(below)[0]) / (2 * self.step)
        return gradient, function(at)[1]

    def pulled(self, function: Callable[[Tensor], Tensor], at: Tensor, cotangents: Tensor) -> Tensor:
        """One gradient per pattern."""

        def against(pattern: Tensor) -> Callable[[Tensor], tuple[Tensor, None]]:
            return lambda moved: ((function(moved) * pattern).sum(), None)

        return np.stack([self.differentiate(against(each), at)[0] for each in cotangents])

    def relu_backward(self, tensor: Tensor) -> Tensor:  # noqa: ARG002
        """Finite differences compare results, and know nothing of what goes back through a layer.

        Raises:
            ModelError: Always.
        """
        raise ModelError("the reference engine has no backward pass to guide; ask an engine of a framework.")

    def sum(self, tensor: Tensor, axes: tuple[int, ...]) -> Tensor:
        """Sum over axes."""
        return np.sum(tensor, axis=axes)

    def reshape(self, tensor: Tensor, shape: tuple[int, ...]) -> Tensor:
        """The same numbers in another shape."""
        return np.reshape(tensor, shape)

    def zeros(self, shape: tuple[int, ...]) -> Tensor:
        """Zeros in float64."""
        return np.zeros(shape)

    def as_float32(self, tensor: Tensor) -> Tensor:
        """Keep float64: the reference is exact where the others round."""
        return tensor

    def is_out_of_memory(self, error: BaseException) -> bool:
        """Does this error say that memory ran out?"""
        return isinstance(error, MemoryError)
