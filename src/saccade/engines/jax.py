"""The engine for Keras models on JAX."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import numpy as np
from numpy.typing import NDArray

from saccade.engines.engine import Engine
from saccade.typing import Array, Tensor


class JaxEngine(Engine):
    """Asks through `jax.jit`, `jax.grad` and `jax.vjp`; the weights are arguments, never baked into the program."""

    network: Any

    def tensor(self, values: NDArray[Any]) -> Tensor:
        """Bring a float32 array to the device."""
        import jax.numpy as jnp

        return jnp.asarray(values, jnp.float32)

    def array(self, tensor: Tensor) -> Array:
        """Bring a tensor back."""
        return np.asarray(tensor)

    def compiled(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Compile; weights are handed in afresh at every call, so that further training is seen."""
        import jax

        def with_weights(values: Any, *arguments: Any) -> Any:
            with self.network.variables_as(values):
                return function(*arguments)

        program = jax.jit(with_weights)
        return lambda *arguments: program(self.network.variables(), *arguments)

    def differentiate(
        self, function: Callable[[Tensor], tuple[Tensor, Tensor | None]], at: Tensor
    ) -> tuple[Tensor, Tensor | None]:
        """The gradient of a function's first result, one number, and its second result as it is."""
        import jax

        gradient, other = jax.grad(function, has_aux=True)(at)
        return gradient, other

    def pulled(self, function: Callable[[Tensor], Tensor], at: Tensor, cotangents: Tensor) -> Tensor:
        """`J^T c` for each c, all on one forward pass."""
        import jax

        _, pull = jax.vjp(function, at)
        return jax.lax.map(lambda each: pull(each)[0], cotangents)

    def relu_backward(self, tensor: Tensor) -> Tensor:
        """The same numbers, through which only the positive part of a gradient goes back."""
        import jax

        return jax.custom_gradient(lambda values: (values, jax.nn.relu))(tensor)

    def sum(self, tensor: Tensor, axes: tuple[int, ...]) -> Tensor:
        """Sum over axes."""
        return tensor.sum(axes)

    def reshape(self, tensor: Tensor, shape: tuple[int, ...]) -> Tensor:
        """The same numbers in another shape."""
        return tensor.reshape(shape)

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

    @contextmanager
    def around(self) -> Iterator[None]:
        """Compute on the device asked for."""
        import jax

        chosen = jax.default_device(_device(self.device)) if self.device else nullcontext()
        with self.network.inference_mode(), chosen:
            yield


def _device(name: str) -> Any:
    import jax

    kind, _, index = name.partition(":")
    return jax.devices(kind)[int(index or 0)]
