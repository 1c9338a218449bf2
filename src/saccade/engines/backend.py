"""What a framework adds to an engine: a dozen operations on tensors."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from saccade.models.network import Network
from saccade.typing import Array, Tensor

_CONSTANTS = 64
"""How many arrays that never change are kept on the device."""
_SMALL = 2**12
"""Up to so many bytes an array is known again by its values, where a larger one must be the very same array."""
_LARGEST_REMEMBERED = 2**26
"""Bytes that are remembered at most."""
Join = Literal["length", "sum"]
"""How the channels of a place become one number: their Euclidean length, or their sum."""


class Backend(ABC):
    """Operations on tensors in one framework, on one device.

    Args:
        network: The opened model; its framework computes.
        device: Where to compute, such as `"cpu"` or `"gpu:0"`; None leaves it to the framework.
    """

    def __init__(self, network: Network, device: str | None = None) -> None:
        self.network = network
        self.device = device
        self._constants: OrderedDict[Hashable, tuple[NDArray[Any], Tensor]] = OrderedDict()
        self._constants_lock = threading.Lock()
        self._remembered: tuple[Hashable, Any] | None = None

    def constant(self, values: NDArray[Any]) -> Tensor:
        """An array as a float32 tensor that nobody writes into; the same array, or equal small ones, go there once."""
        is_small = values.nbytes <= _SMALL
        known_by = (values.shape, values.dtype.char, values.tobytes()) if is_small else id(values)
        key = (self._device(), known_by)
        with self._constants_lock:
            entry = self._constants.get(key)
            if entry is None:
                # A large array is kept alive, so that no other gets its id; a small one may change before it is sent.
                entry = self._constants[key] = values, self.tensor(values.copy() if is_small else values)
            self._constants.move_to_end(key)
            while len(self._constants) > _CONSTANTS:
                self._constants.popitem(last=False)
            return entry[1]

    @abstractmethod
    def tensor(self, values: NDArray[Any]) -> Tensor:
        """Bring a float32 array to the device."""

    def small_constant(self, values: NDArray[Any]) -> Tensor:
        """An array as a float32 tensor that nobody writes into; a small one that was sent before is not sent again."""
        return self.constant(values) if values.nbytes <= _SMALL else self.tensor(values)

    @abstractmethod
    def array(self, tensor: Tensor) -> Array:
        """Bring a tensor back to the host."""

    def fetch(self, tensor: Tensor) -> Callable[[], Array]:
        """Begin to bring a tensor back, behind what computes it and before what is asked for next.

        Returns:
            Waits for it and gives the array.
        """
        return lambda: self.array(tensor)

    @abstractmethod
    def compile(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Compile a function of tensors, if the framework does; one trace per combination of shapes."""

    @abstractmethod
    def gradient(
        self, function: Callable[[Tensor], tuple[Tensor, Tensor | None]], at: Tensor
    ) -> tuple[Tensor, Tensor | None]:
        """The gradient of a function's first result, a scalar, and its second result as it is."""

    @abstractmethod
    def vjp(self, function: Callable[[Tensor], Tensor], at: Tensor, cotangents: Tensor) -> Tensor:
        """`J^T c` for each c along the first axis of `cotangents`, all on one forward pass."""

    @abstractmethod
    def relu_backward(self, tensor: Tensor) -> Tensor:
        """The same values, through which only the positive part of a gradient goes back (guided backpropagation)."""

    @abstractmethod
    def sum(self, tensor: Tensor, axes: tuple[int, ...]) -> Tensor:
        """Sum over axes."""

    @abstractmethod
    def reshape(self, tensor: Tensor, shape: tuple[int, ...]) -> Tensor:
        """The same values in another shape."""

    @abstractmethod
    def concatenate(self, tensors: list[Tensor]) -> Tensor:
        """Tensors one after the other along their first axis."""

    @abstractmethod
    def take(self, tensor: Tensor, indices: Tensor) -> Tensor:
        """Rows of a tensor along its first axis, in the shape of `indices` (int32)."""

    @abstractmethod
    def spread(self, tensor: Tensor, down: Tensor, across: Tensor) -> Tensor:
        """`down @ map @ across.T` of every map (maps, height, width), in full float32 whatever a model may use."""

    def joined(self, tensor: Tensor, join: Join, matrices: tuple[Tensor, Tensor] | None) -> Tensor:
        """The channels of (images, height, width, channels) joined into one number a place, and spread if asked."""
        maps = self.sum(tensor * tensor, (3,)) ** 0.5 if join == "length" else self.sum(tensor, (3,))
        return maps if matrices is None else self.spread(maps, *matrices)

    @abstractmethod
    def indices(self, values: NDArray[np.int32]) -> Tensor:
        """Bring an int32 array to the device."""

    def remembered(self, key: Hashable, size: int, make: Callable[[], Any]) -> Any:
        """What was made for this key, kept on the device until something else is; photo after photo asks for the same.

        Args:
            key: All that it depends on.
            size: How many bytes it takes; what takes much is made anew.
            make: Makes it; nobody writes into it.
        """
        if size > _LARGEST_REMEMBERED:
            return make()
        placed = (self._device(), key)
        remembered = self._remembered
        if remembered is None or remembered[0] != placed:
            remembered = self._remembered = placed, make()
        return remembered[1]

    @abstractmethod
    def normal(self, keys: NDArray[np.uint32], count: int) -> Tensor:
        """Standard normal noise made on the device, (keys, count); the same numbers as `targets.noise.draw_normal`."""

    @abstractmethod
    def zeros(self, shape: tuple[int, ...]) -> Tensor:
        """A float32 tensor of zeros."""

    @abstractmethod
    def as_float32(self, tensor: Tensor) -> Tensor:
        """The tensor in float32."""

    @abstractmethod
    def is_out_of_memory(self, error: BaseException) -> bool:
        """Does this error say that memory ran out?"""

    def is_failure_of_model(self, error: BaseException) -> bool:  # noqa: ARG002
        """Does this error say that the model cannot compute what it was given? Only where it is seen so late."""
        return False

    @contextmanager
    def context(self) -> Iterator[None]:
        """Inside, the model is in inference mode, and the framework computes on the device asked for."""
        with self.network.inference_mode(), self.arithmetic():
            yield

    def program_context(self) -> AbstractContextManager[None]:
        """Inside, what `compile` gave may be called, but the model itself is not run."""
        return self.context()

    @abstractmethod
    def arithmetic(self) -> AbstractContextManager[Any]:
        """Inside, the framework computes on the device asked for, and records nothing; the model is not run."""

    def _device(self) -> Hashable:
        """Where tensors are made; a live model may be moved."""
        return self.device

    @property
    def is_accelerator(self) -> bool:
        """Does the work run on a device of its own, beside the processor?"""
        return False

    @property
    def free_memory(self) -> int | None:
        """Bytes that are free on an accelerator, as far as the framework says; None: on a processor, or not known."""
        return None

    @property
    def fast_tensor_bytes(self) -> int | None:
        """How large one tensor may grow before the framework computes slower; None: it does not matter."""
        return None
