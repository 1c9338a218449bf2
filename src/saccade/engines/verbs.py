"""The dozen small verbs that a framework adds to an engine."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

from numpy.typing import NDArray

from saccade.typing import Array, Tensor


class Verbs(ABC):
    """What an engine does with tensors, in the words of its framework."""

    @abstractmethod
    def tensor(self, values: NDArray[Any]) -> Tensor:
        """Bring a float32 array to the device."""

    @abstractmethod
    def array(self, tensor: Tensor) -> Array:
        """Bring a tensor back."""

    @abstractmethod
    def compiled(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Compile a function of tensors, if the framework does."""

    @abstractmethod
    def differentiate(
        self, function: Callable[[Tensor], tuple[Tensor, Tensor | None]], at: Tensor
    ) -> tuple[Tensor, Tensor | None]:
        """The gradient of a function's first result, one number, and its second result as it is."""

    @abstractmethod
    def pulled(self, function: Callable[[Tensor], Tensor], at: Tensor, cotangents: Tensor) -> Tensor:
        """`J^T c` for each c along the first axis of `cotangents`."""

    @abstractmethod
    def relu_backward(self, tensor: Tensor) -> Tensor:
        """The same numbers, through which only the positive part of a gradient goes back."""

    @abstractmethod
    def sum(self, tensor: Tensor, axes: tuple[int, ...]) -> Tensor:
        """Sum over axes."""

    @abstractmethod
    def reshape(self, tensor: Tensor, shape: tuple[int, ...]) -> Tensor:
        """The same numbers in another shape."""

    @abstractmethod
    def zeros(self, shape: tuple[int, ...]) -> Tensor:
        """A float32 tensor of zeros."""

    @abstractmethod
    def as_float32(self, tensor: Tensor) -> Tensor:
        """The tensor in float32."""

    @abstractmethod
    def is_out_of_memory(self, error: BaseException) -> bool:
        """Does this error say that memory ran out?"""
