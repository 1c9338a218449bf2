"""The engine for PyTorch modules, and for Keras models on torch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from saccade.engines.engine import Array, Engine
from saccade.errors import ModelError
from saccade.models.network import Tensor


class TorchEngine(Engine):
    """Asks through `torch.autograd.grad` on the picture only; `.grad` of the weights is never written."""

    @property
    def swift_bytes(self) -> int | None:
        """On a CPU, 32 MiB: larger tensors are given back to the system at once, and every new one is fetched anew."""
        return 2**25 if str(self._device()).startswith("cpu") else None

    def tensor(self, values: NDArray[Any]) -> Tensor:
        """Bring a float32 array to the device."""
        import torch

        return torch.tensor(values, dtype=torch.float32, device=self._device())

    def array(self, tensor: Tensor) -> Array:
        """Bring a tensor back."""
        return np.asarray(tensor.detach().cpu().numpy())

    def compiled(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Plain calls: torch computes as it goes."""
        return function

    def slope(self, function: Callable[[Tensor], Tensor], at: Tensor) -> Tensor:
        """The gradient of a function with one number as its result."""
        import torch

        with torch.enable_grad():
            moved = at.detach().requires_grad_(True)
            value = function(moved)
            if not value.requires_grad:
                raise ModelError("the layer does not depend on the picture in a way that can be differentiated.")
            (found,) = torch.autograd.grad(value, moved)
        return found

    def pulled(self, function: Callable[[Tensor], Tensor], at: Tensor, cotangents: Tensor) -> Tensor:
        """`J^T c` for each c, all on one forward pass."""
        import torch

        with torch.enable_grad():
            moved = at.detach().requires_grad_(True)
            value = function(moved)
            found = [torch.autograd.grad(value, moved, each, retain_graph=True)[0] for each in cotangents]
        return torch.stack(found)

    def sum(self, tensor: Tensor, axes: tuple[int, ...]) -> Tensor:
        """Sum over axes."""
        return tensor.sum(axes)

    def reshape(self, tensor: Tensor, shape: tuple[int, ...]) -> Tensor:
        """The same numbers in another shape."""
        return tensor.reshape(shape)

    def zeros(self, shape: tuple[int, ...]) -> Tensor:
        """A float32 tensor of zeros."""
        import torch

        return torch.zeros(shape, device=self._device())

    def as_float32(self, tensor: Tensor) -> Tensor:
        """The tensor in float32."""
        return tensor.float()

    def is_out_of_memory(self, error: BaseException) -> bool:
        """Does this error say that memory ran out?"""
        import torch

        return isinstance(error, (torch.OutOfMemoryError, MemoryError)) or (
            isinstance(error, RuntimeError) and "DefaultCPUAllocator" in str(error)
        )

    @contextmanager
    def around(self) -> Iterator[None]:
        """Record no graph outside `slope` and `pulled`."""
        import torch

        with self.network.untouched(), torch.no_grad():
            yield

    def _device(self) -> Any:
        own = getattr(self.network, "device", None)
        if own is not None:
            return own
        from keras.src.backend.torch.core import get_device

        return self.device or get_device()
