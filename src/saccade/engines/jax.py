"""JAX: the backend of Keras models on JAX."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import cache, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from saccade.engines.backend import Backend, Join
from saccade.engines.freed_memory import keep_freed_memory
from saccade.errors import InputError
from saccade.models.network import Network
from saccade.targets.noise import HASH_MULTIPLIERS, normal_quantiles, place_hashes
from saccade.typing import Array, Tensor

_LARGE = 2**22
"""Bytes from which on an array goes to an accelerator in parts, which are made ready side by side."""
_PARTS = 4


class JaxBackend(Backend):
    """Computes through `jax.jit`, `jax.grad` and `jax.vjp`; the weights are arguments, never baked into the program."""

    network: Any

    def __init__(self, network: Network, device: str | None = None) -> None:
        super().__init__(network, device)
        self._at = None if device is None else _device(device)
        self._noise_tables = lru_cache(maxsize=4)(self._make_noise_tables)
        self._joining = cache(self._make_joining)

    @property
    def is_accelerator(self) -> bool:
        """Does the work run on a GPU or TPU?"""
        import jax

        return bool((self._at.platform if self._at is not None else jax.default_backend()) != "cpu")

    @property
    def free_memory(self) -> int | None:
        """Bytes that are free on the accelerator."""
        import jax

        device = self._at if self._at is not None else jax.devices()[0]
        stats = device.memory_stats() if self.is_accelerator else None
        return None if not stats else int(stats["bytes_limit"] - stats["bytes_in_use"])

    def tensor(self, values: NDArray[Any]) -> Tensor:
        """Bring a float32 array to the device."""
        import jax

        values = np.asarray(values, np.float32)
        if values.nbytes < _LARGE or len(values) < _PARTS or not self.is_accelerator:
            return jax.device_put(values)
        return _compiled_join()(jax.device_put(np.array_split(values, _PARTS)))

    def indices(self, values: NDArray[np.int32]) -> Tensor:
        """Bring an int32 array to the device."""
        import jax

        return jax.device_put(np.asarray(values, np.int32))

    def array(self, tensor: Tensor) -> Array:
        """Bring a tensor back."""
        return self.fetch(tensor)()

    def fetch(self, tensor: Tensor) -> Callable[[], Array]:
        """Begin to bring a tensor back, behind what computes it and before what is asked for next."""
        import jax

        if not self.is_accelerator:
            return lambda: np.asarray(tensor)
        if tensor.nbytes >= _LARGE and _has_pinned_memory(next(iter(tensor.devices()))):
            # Into page-locked memory, which the device writes by itself; it is scarce, and a result may live long.
            tensor = jax.device_put(tensor, tensor.sharding.with_memory_kind("pinned_host"))
            return lambda: np.array(tensor)
        tensor.copy_to_host_async()
        return lambda: np.asarray(tensor)

    def compile(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Compile; weights are handed in at every call, so that further training is seen."""
        import jax

        network = self.network

        def with_weights(values: Any, *arguments: Any) -> Any:
            with network.variables_as(values):
                return function(*arguments)

        program = jax.jit(with_weights)
        return lambda *arguments: program(network.variables(), *arguments)

    def gradient(
        self, function: Callable[[Tensor], tuple[Tensor, Tensor | None]], at: Tensor
    ) -> tuple[Tensor, Tensor | None]:
        """The gradient of a function's first result, a scalar, and its second result as it is."""
        import jax

        gradient, other = jax.grad(function, has_aux=True)(at)
        return gradient, other

    def vjp(self, function: Callable[[Tensor], Tensor], at: Tensor, cotangents: Tensor) -> Tensor:
        """`J^T c` for each c, all on one forward pass."""
        import jax

        _, vjp = jax.vjp(function, at)
        return jax.lax.map(lambda cotangent: vjp(cotangent)[0], cotangents)

    def relu_backward(self, tensor: Tensor) -> Tensor:
        """The same values, through which only the positive part of a gradient goes back."""
        import jax

        return jax.custom_gradient(lambda values: (values, jax.nn.relu))(tensor)

    def sum(self, tensor: Tensor, axes: tuple[int, ...]) -> Tensor:
        """Sum over axes."""
        return tensor.sum(axes)

    def reshape(self, tensor: Tensor, shape: tuple[int, ...]) -> Tensor:
        """The same values in another shape."""
        return tensor.reshape(shape)

    def concatenate(self, tensors: list[Tensor]) -> Tensor:
        """Tensors one after the other along their first axis."""
        import jax.numpy as jnp

        return jnp.concatenate(tensors)

    def take(self, tensor: Tensor, indices: Tensor) -> Tensor:
        """Rows of a tensor along its first axis, in the shape of `indices`."""
        return _compiled_take()(tensor, indices)

    def spread(self, tensor: Tensor, down: Tensor, across: Tensor) -> Tensor:
        """`down @ map @ across.T` of every map (maps, height, width), in full float32."""
        import jax.numpy as jnp

        # By default a GPU would take shorter numbers.
        return jnp.einsum("yh,nhw,xw->nyx", down, tensor, across, precision="highest")

    def joined(self, tensor: Tensor, join: Join, matrices: tuple[Tensor, Tensor] | None) -> Tensor:
        """The channels of (images, height, width, channels) joined into one number a place, and spread if asked."""
        return self._joining(join)(tensor, matrices)

    def _make_joining(self, join: Join) -> Callable[..., Tensor]:
        import jax

        return jax.jit(lambda tensor, matrices: Backend.joined(self, tensor, join, matrices))  # type: ignore[no-any-return]

    def normal(self, keys: NDArray[np.uint32], count: int) -> Tensor:
        """Standard normal noise made on the device, (keys, count)."""
        places, quantiles = self._noise_tables(count)
        return _compiled_noise()(keys, places, quantiles, count)

    def _make_noise_tables(self, count: int) -> tuple[Tensor, Tensor]:
        import jax.numpy as jnp

        return jnp.asarray(place_hashes(count)), jnp.asarray(normal_quantiles())

    def zeros(self, shape: tuple[int, ...]) -> Tensor:
        """A float32 tensor of zeros."""
        import jax.numpy as jnp

        return jnp.zeros(shape, jnp.float32)

    def as_float32(self, tensor: Tensor) -> Tensor:
        """The tensor in float32."""
        return tensor.astype("float32")

    def is_out_of_memory(self, error: BaseException) -> bool:
        """Does this error say that memory ran out?"""
        return isinstance(error, MemoryError) or "RESOURCE_EXHAUSTED" in str(error)

    def is_failure_of_model(self, error: BaseException) -> bool:
        """Does this error say that the model cannot compute what it was given?"""
        import jax

        return isinstance(error, jax.errors.JaxRuntimeError)

    def arithmetic(self) -> AbstractContextManager[Any]:
        """Compute on the device asked for."""
        import jax

        if self.is_accelerator:
            keep_freed_memory()  # only arrays of the host are made of it
        return nullcontext() if self._at is None else jax.default_device(self._at)


@cache
def _has_pinned_memory(device: Any) -> bool:
    """Can a device write into page-locked memory of the host?"""
    return any(memory.kind == "pinned_host" for memory in device.addressable_memories())


@cache
def _compiled_join() -> Callable[[list[Tensor]], Tensor]:
    """Parts one after the other."""
    import jax
    import jax.numpy as jnp

    return jax.jit(lambda parts: jnp.concatenate(parts))  # type: ignore[no-any-return]


@cache
def _compiled_take() -> Callable[[Tensor, Tensor], Tensor]:
    """One program, where indexing as it goes takes ten."""
    import jax

    return jax.jit(lambda tensor, indices: tensor[indices])  # type: ignore[no-any-return]


@cache
def _compiled_noise() -> Callable[..., Tensor]:
    """Keys, hashes of places, quantiles and how many numbers -> noise, (keys, count)."""
    import jax
    import jax.numpy as jnp

    def noise(keys: Tensor, places: Tensor, quantiles: Tensor, count: int) -> Tensor:
        bits = places ^ keys[:, None]
        for shift, multiplier in ((16, HASH_MULTIPLIERS[0]), (15, HASH_MULTIPLIERS[1]), (16, None)):
            bits = bits ^ (bits >> jnp.uint32(shift))
            if multiplier is not None:
                bits = bits * jnp.uint32(multiplier)
        levels = jnp.stack([bits & jnp.uint32(0xFFFF), bits >> jnp.uint32(16)], -1).reshape(len(keys), -1)[:, :count]
        return quantiles[levels]

    return jax.jit(noise, static_argnums=3)  # type: ignore[no-any-return]


def _device(name: str) -> Any:
    import jax

    kind, _, index = name.partition(":")
    try:
        return jax.devices(kind)[int(index or 0)]
    except (RuntimeError, IndexError, ValueError) as error:
        names = ", ".join(f"{device.platform}:{device.id}" for device in jax.devices())
        raise InputError(f"no device {name!r} for JAX here; there are {names}.") from error
