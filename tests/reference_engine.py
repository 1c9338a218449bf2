"""The reference: numpy in float64 and finite differences, slow and plain, for small nets.

It shares no differentiation with the frameworks, so what they agree on with it is right.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from saccade.engines.engine import Engine
from saccade.engines.numpy import NumpyBackend
from saccade.models.network import Network
from saccade.typing import Array, Tensor


class ReferenceBackend(NumpyBackend):
    """Computes everything in float64, and gradients as differences of neighbours."""

    step = 1e-5

    def tensor(self, values: NDArray[Any]) -> Tensor:
        """Take the array in float64."""
        return np.asarray(values, np.float64)

    def array(self, tensor: Tensor) -> Array:
        """Give the array in float32."""
        return np.asarray(tensor, np.float32)

    def gradient(
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

    def vjp(self, function: Callable[[Tensor], Tensor], at: Tensor, cotangents: Tensor) -> Tensor:
        """One gradient per cotangent."""

        def against(cotangent: Tensor) -> Callable[[Tensor], tuple[Tensor, None]]:
            return lambda moved: ((function(moved) * cotangent).sum(), None)

        return np.stack([self.gradient(against(cotangent), at)[0] for cotangent in cotangents])

    def zeros(self, shape: tuple[int, ...]) -> Tensor:
        """Zeros in float64."""
        return np.zeros(shape)

    def as_float32(self, tensor: Tensor) -> Tensor:
        """Keep float64: the reference is exact where the others round."""
        return tensor


def reference_engine(network: Network) -> Engine:
    """The engine that differentiates a network of arrays by finite differences; the oracle of the tests."""
    return Engine(network, ReferenceBackend(network))
