"""Numpy: the backend of networks that take and give arrays, such as one around another runtime. No gradients."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
from numpy.typing import NDArray

from saccade.engines.backend import Backend
from saccade.errors import ModelError
from saccade.targets.noise import draw_normal
from saccade.typing import Array, Tensor


class NumpyBackend(Backend):
    """Computes in float32 arrays."""

    def tensor(self, values: NDArray[Any]) -> Tensor:
        """Take the array in float32."""
        return np.asarray(values, np.float32)

    def array(self, tensor: Tensor) -> Array:
        """Give the array in float32."""
        return np.asarray(tensor, np.float32)

    def gradient(
        self,
        function: Callable[[Tensor], tuple[Tensor, Tensor | None]],  # noqa: ARG002
        at: Tensor,  # noqa: ARG002
    ) -> tuple[Tensor, Tensor | None]:
        """Arrays have no gradients.

        Raises:
            ModelError: Always.
        """
        raise ModelError("this network has no gradients; use a method that needs none, such as occlusion.")

    def vjp(self, function: Callable[[Tensor], Tensor], at: Tensor, cotangents: Tensor) -> Tensor:  # noqa: ARG002
        """Arrays have no gradients.

        Raises:
            ModelError: Always.
        """
        raise ModelError("this network has no gradients; use a method that needs none, such as occlusion.")

    def indices(self, values: NDArray[np.int32]) -> Tensor:
        """Take the array as it is."""
        return values

    def compile(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Nothing to compile."""
        return function

    def relu_backward(self, tensor: Tensor) -> Tensor:  # noqa: ARG002
        """Numpy knows nothing of what goes back through a layer.

        Raises:
            ModelError: Always.
        """
        raise ModelError("numpy has no backward pass to guide; ask a network of a framework.")

    def sum(self, tensor: Tensor, axes: tuple[int, ...]) -> Tensor:
        """Sum over axes."""
        return np.sum(tensor, axis=axes)

    def reshape(self, tensor: Tensor, shape: tuple[int, ...]) -> Tensor:
        """The same values in another shape."""
        return np.reshape(tensor, shape)

    def concatenate(self, tensors: list[Tensor]) -> Tensor:
        """Arrays one after the other along their first axis."""
        return np.concatenate(tensors)

    def take(self, tensor: Tensor, indices: Tensor) -> Tensor:
        """Rows of an array along its first axis, in the shape of `indices`."""
        return tensor[indices]

    def spread(self, tensor: Tensor, down: Tensor, across: Tensor) -> Tensor:
        """`down @ map @ across.T` of every map (maps, height, width)."""
        return down @ tensor @ across.T

    def normal(self, keys: NDArray[np.uint32], count: int) -> Tensor:
        """Standard normal noise, (keys, count)."""
        noise = np.empty((len(keys), count), np.float32)
        for key, row in zip(keys, noise, strict=True):
            draw_normal(key, row)
        return noise

    def is_out_of_memory(self, error: BaseException) -> bool:
        """Does this error say that memory ran out?"""
        return isinstance(error, MemoryError)

    def arithmetic(self) -> AbstractContextManager[Any]:
        """Arrays have no device."""
        return nullcontext()

    def zeros(self, shape: tuple[int, ...]) -> Tensor:
        """Zeros in float32."""
        return np.zeros(shape, np.float32)

    def as_float32(self, tensor: Tensor) -> Tensor:
        """The array in float32."""
        return np.asarray(tensor, np.float32)
