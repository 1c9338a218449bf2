"""The engine for PyTorch modules, and for Keras models on torch."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from saccade.engines.engine import Engine
from saccade.errors import ModelError
from saccade.typing import Array, Tensor

_LARGEST_KEPT = 2**25
"""The largest block that glibc can be told to keep after it was freed."""
_MOST_KEPT = 2**27
"""How much freed memory the process keeps: what the layers of one piece take."""


class TorchEngine(Engine):
    """Asks through `torch.autograd.grad` on the picture only; `.grad` of the weights is never written."""

    _place: Any = None
    """Where the model lies, as long as a question is answered."""

    @property
    def swift_bytes(self) -> int | None:
        """On a CPU, 32 MiB: larger tensors are given back to the system at once, and every new one is fetched anew."""
        return _LARGEST_KEPT if self._is_on_cpu() else None

    def tensor(self, values: NDArray[Any]) -> Tensor:
        """Bring a float32 array to the device."""
        import torch

        # torch reads no array backwards, such as `pictures[::-1]`.
        return torch.tensor(np.ascontiguousarray(values), dtype=torch.float32, device=self._device())

    def array(self, tensor: Tensor) -> Array:
        """Bring a tensor back."""
        return np.asarray(tensor.detach().cpu().numpy())

    def compiled(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Plain calls: torch computes as it goes."""
        return function

    def differentiate(
        self, function: Callable[[Tensor], tuple[Tensor, Tensor | None]], at: Tensor
    ) -> tuple[Tensor, Tensor | None]:
        """The gradient of a function's first result, one number, and its second result as it is."""
        import torch

        with torch.enable_grad():
            moved = at.detach().requires_grad_(True)
            value, other = function(moved)
            if not value.requires_grad:
                raise ModelError("the layer does not depend on the picture in a way that can be differentiated.")
            (found,) = torch.autograd.grad(value, moved)
        return found, None if other is None else other.detach()

    def pulled(self, function: Callable[[Tensor], Tensor], at: Tensor, cotangents: Tensor) -> Tensor:
        """`J^T c` for each c, all on one forward pass."""
        import torch

        with torch.enable_grad():
            moved = at.detach().requires_grad_(True)
            value = function(moved)
            last = len(cotangents) - 1
            # The last one lets go of what the forward pass has kept, layer by layer on its way.
            found = [
                torch.autograd.grad(value, moved, each, retain_graph=number < last)[0]
                for number, each in enumerate(cotangents)
            ]
        return torch.stack(found)

    def relu_backward(self, tensor: Tensor) -> Tensor:
        """The same numbers, through which only the positive part of a gradient goes back."""
        # A copy of its own, because a hook on a tensor that the model then writes into would be lost.
        own = tensor.clone()
        if own.requires_grad:
            own.register_hook(lambda gradient: gradient.clamp(min=0))
        return own

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
        """Record no graph outside `gradient` and `pulled`."""
        import torch

        before, self._place = self._place, self._device()
        if self._is_on_cpu():
            _keep_freed_memory()
        try:
            with self.network.inference_mode(), torch.no_grad():
                yield
        finally:
            self._place = before

    def _is_on_cpu(self) -> bool:
        return str(self._device()).startswith("cpu")

    def _device(self) -> Any:
        if self._place is not None:
            return self._place
        own = getattr(self.network, "device", None)
        if own is not None:
            return own
        from keras.src.backend.torch.core import get_device

        return self.device or get_device()


@cache
def _keep_freed_memory() -> None:
    """Tell glibc to keep up to 128 MiB of freed memory for the next tensors, for the rest of the process.

    Left alone it hands the layers of every batch back to the system as soon as the batch is done, and fetches them anew
    page by page for the next: a fifth of the time of a gradient. Whoever has tuned malloc is not overruled.
    """
    tuned = os.environ.get("GLIBC_TUNABLES", "")
    if "glibc.malloc" in tuned or any(
        name in os.environ for name in ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_")
    ):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:
        mallopt(-3, _LARGEST_KEPT)  # M_MMAP_THRESHOLD
        mallopt(-1, _MOST_KEPT)  # M_TRIM_THRESHOLD
