"""PyTorch: the backend of torch modules, and of Keras models on torch."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from saccade.engines.backend import Backend
from saccade.engines.cuda_copies import fetched, sent
from saccade.engines.cuda_graphs import CudaGraphs
from saccade.engines.freed_memory import LARGEST_KEPT, keep_freed_memory
from saccade.errors import ModelError
from saccade.models.network import Network
from saccade.models.torch.devices import check_device
from saccade.targets.noise import HASH_MULTIPLIERS, normal_quantiles, place_hashes
from saccade.typing import Array, Tensor


class TorchBackend(Backend):
    """Computes through `torch.autograd.grad` on the input only; `.grad` of the weights is never written."""

    def __init__(self, network: Network, device: str | None = None) -> None:
        super().__init__(network, device)
        if device is not None:
            check_device(device, self._device())
        self._noise_tables = lru_cache(maxsize=4)(self._make_noise_tables)

    @property
    def is_accelerator(self) -> bool:
        """Does the work run on a GPU?"""
        return bool(self._device().type != "cpu")

    @property
    def free_memory(self) -> int | None:
        """Bytes that are free on the GPU."""
        import torch

        if not str(self._device()).startswith("cuda"):
            return None
        free, _ = torch.cuda.mem_get_info(self._device())
        return int(free)

    @property
    def fast_tensor_bytes(self) -> int | None:
        """On a CPU, 32 MiB: larger tensors are given back to the system at once, and every new one is fetched again."""
        return None if self.is_accelerator else LARGEST_KEPT

    def tensor(self, values: NDArray[Any]) -> Tensor:
        """Bring a float32 array to the device."""
        return self._sent(np.asarray(values, np.float32))

    def indices(self, values: NDArray[np.int32]) -> Tensor:
        """Bring an int32 array to the device."""
        return self._sent(np.asarray(values, np.int32))

    def _sent(self, values: NDArray[Any]) -> Tensor:
        import torch

        device = self._device()
        if device.type == "cuda":
            return sent(values, device)
        # torch reads no array backwards, such as `images[::-1]`.
        return torch.tensor(np.ascontiguousarray(values), device=device)

    def array(self, tensor: Tensor) -> Array:
        """Bring a tensor back."""
        return self.fetch(tensor)()

    def fetch(self, tensor: Tensor) -> Callable[[], Array]:
        """Begin to bring a tensor back, behind what computes it and before what is asked for next."""
        tensor = tensor.detach()
        if tensor.device.type == "cuda":
            return fetched(tensor)
        return lambda: np.asarray(tensor.cpu().numpy())

    def compile(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Plain calls, since torch computes as it goes; on a GPU small programs are recorded and played again."""
        if self._composition is None:
            return function
        graphs = CudaGraphs(function, self._composition, self.network.inference_mode)

        def program(images: Tensor, *others: Any) -> Any:
            # A live model may be moved, and its images are where it is.
            return (graphs if images.device.type == "cuda" else function)(images, *others)

        return program

    def program_context(self) -> AbstractContextManager[None]:
        """Inside, programs are called; those of a GPU put the module into inference mode where they are not played."""
        is_recorded = self._composition is not None and self._device().type == "cuda"
        return self.arithmetic() if is_recorded else self.context()

    @property
    def _composition(self) -> Callable[[], Any] | None:
        """What gives the module's composition; Keras models have none."""
        return getattr(self.network, "composition", None)

    def gradient(
        self, function: Callable[[Tensor], tuple[Tensor, Tensor | None]], at: Tensor
    ) -> tuple[Tensor, Tensor | None]:
        """The gradient of a function's first result, a scalar, and its second result as it is."""
        import torch

        with torch.enable_grad():
            moved = at.detach().requires_grad_(True)
            value, other = function(moved)
            if not value.requires_grad:
                raise ModelError("the layer does not depend on the image in a way that can be differentiated.")
            gradient = _gradient(value, moved)
        return gradient, None if other is None else other.detach()

    def vjp(self, function: Callable[[Tensor], Tensor], at: Tensor, cotangents: Tensor) -> Tensor:
        """`J^T c` for each c, all on one forward pass."""
        import torch

        with torch.enable_grad():
            moved = at.detach().requires_grad_(True)
            value = function(moved)
            last = len(cotangents) - 1
            # The last one lets go of what the forward pass has kept, layer by layer on its way.
            products = [
                _gradient(value, moved, cotangent, retain_graph=number < last)
                for number, cotangent in enumerate(cotangents)
            ]
        return torch.stack(products)

    def relu_backward(self, tensor: Tensor) -> Tensor:
        """The same values, through which only the positive part of a gradient goes back."""
        # A copy of its own, because a hook on a tensor that the model then writes into would be lost.
        own = tensor.clone()
        if own.requires_grad:
            own.register_hook(lambda gradient: gradient.clamp(min=0))
        return own

    def sum(self, tensor: Tensor, axes: tuple[int, ...]) -> Tensor:
        """Sum over axes."""
        return tensor.sum(axes)

    def reshape(self, tensor: Tensor, shape: tuple[int, ...]) -> Tensor:
        """The same values in another shape."""
        return tensor.reshape(shape)

    def concatenate(self, tensors: list[Tensor]) -> Tensor:
        """Tensors one after the other along their first axis."""
        import torch

        return torch.cat(tensors)

    def take(self, tensor: Tensor, indices: Tensor) -> Tensor:
        """Rows of a tensor along its first axis, in the shape of `indices`."""
        return tensor[indices]

    def spread(self, tensor: Tensor, down: Tensor, across: Tensor) -> Tensor:
        """`down @ map @ across.T` of every map (maps, height, width), in full float32."""
        import torch

        precision = torch.get_float32_matmul_precision()
        if precision == "highest":
            return down @ tensor @ across.T
        # Somebody allows shorter numbers for the model's sake; a double product costs little here.
        return (down.double() @ tensor.double() @ across.double().T).float()

    def normal(self, keys: NDArray[np.uint32], count: int) -> Tensor:
        """Standard normal noise made on the device, (keys, count)."""
        import torch

        places, quantiles = self._noise_tables(count, self._device())
        # torch multiplies no unsigned numbers; of every 64-bit product the lower 32 bits are kept.
        bits = places ^ self._sent(keys.astype(np.int64))[:, None]
        for shift, multiplier in ((16, HASH_MULTIPLIERS[0]), (15, HASH_MULTIPLIERS[1]), (16, None)):
            bits = bits ^ (bits >> shift)
            if multiplier is not None:
                bits = (bits * multiplier) & 0xFFFFFFFF
        levels = torch.stack([bits & 0xFFFF, bits >> 16], -1).reshape(len(keys), -1)[:, :count]
        return quantiles[levels]

    def _make_noise_tables(self, count: int, device: Any) -> tuple[Tensor, Tensor]:
        import torch

        places = torch.tensor(place_hashes(count).astype(np.int64), device=device)
        return places, torch.tensor(np.array(normal_quantiles()), device=device)

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

    def arithmetic(self) -> AbstractContextManager[Any]:
        """Record no graph outside `gradient` and `vjp`."""
        import torch

        keep_freed_memory()
        no_graph: AbstractContextManager[Any] = torch.no_grad()
        return no_graph

    def _device(self) -> Any:
        own = getattr(self.network, "device", None)
        if own is not None:
            return own
        import torch
        from keras.src.backend.torch.core import get_device

        return torch.device(get_device())


def _gradient(value: Tensor, at: Tensor, cotangent: Tensor | None = None, *, retain_graph: bool = False) -> Tensor:
    import torch

    try:
        (gradient,) = torch.autograd.grad(value, at, cotangent, retain_graph=retain_graph, allow_unused=True)
    except RuntimeError as error:
        if "use_reentrant" not in str(error):
            raise
        raise ModelError(
            "the model computes a part of itself again for its gradient (torch.utils.checkpoint with "
            "use_reentrant=True), and PyTorch gives no gradient at the image through that; switch checkpointing off, "
            "or use use_reentrant=False."
        ) from error
    if gradient is None:
        raise ModelError("the layer does not depend on the image in a way that can be differentiated.")
    return gradient
