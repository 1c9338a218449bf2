"""The raw compiled floor of each framework: nothing but the gradients, in the batch size that is fastest.

The code of the picture is frozen, `sum(f(x) * f0)` is differentiated by the picture alone, the pictures lie on the
device already, and the slopes are thrown away. No library can be faster with the same framework and as many passes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from clock import race
from numpy.typing import NDArray

Array = NDArray[np.float32]
Step = Callable[[Any, Any], Any]
BATCHES = (1, 2, 4, 8, 16, 25, 50)


def tensorflow_step(encoder: Any) -> Step:
    """A traced function that watches the picture only."""
    import tensorflow as tf

    @tf.function(autograph=False)
    def step(pictures: Any, reference: Any) -> Any:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(pictures)
            value = tf.reduce_sum(encoder(pictures, training=False) * reference)
        return tape.gradient(value, pictures)

    return step


def torch_step(encoder: Any) -> Step:
    """Frozen weights, channels last, `autograd.grad` on the picture only."""
    import torch

    def step(pictures: Any, reference: Any) -> Any:
        pictures = pictures.detach().requires_grad_(True)
        return torch.autograd.grad((encoder(pictures) * reference).sum(), pictures)[0]

    return step


def jax_step(encoder: Any) -> Step:
    """`jax.jit` of `jax.grad`, with the weights as arguments; waits for the result."""
    import jax

    values = [variable.value for variable in encoder.trainable_variables]
    others = [variable.value for variable in encoder.non_trainable_variables]

    def total(pictures: Any, reference: Any, values: Any) -> Any:
        return (encoder.stateless_call(values, others, pictures, training=False)[0] * reference).sum()

    slope = jax.jit(jax.grad(total))
    return lambda pictures, reference: slope(pictures, reference, values).block_until_ready()


class Floor:
    """Gradients of `passes` pictures, as fast as the framework gives them.

    Args:
        step: `step(pictures, reference)` -> slopes, compiled once per batch size.
        send: Brings a numpy batch to the device.
        encode: The codes of a batch on the device.
        picture: (1, height, width, channels).
    """

    def __init__(self, step: Step, send: Callable[[Array], Any], encode: Callable[[Any], Any], picture: Array) -> None:
        self.step = step
        self._batches: dict[int, tuple[Any, Any]] = {}
        self._make = lambda count: _batch(np.repeat(picture, count, axis=0), send, encode)

    def run(self, passes: int, batch: int) -> None:
        """Full batches, then one with what is left."""
        for count in [batch] * (passes // batch) + [passes % batch] * bool(passes % batch):
            if count not in self._batches:
                self._batches[count] = self._make(count)
            self.step(*self._batches[count])

    def best(self, passes: int, seconds: float) -> int:
        """The batch size that is fastest here."""
        sizes = [batch for batch in BATCHES if batch < passes] + [passes]
        if len(sizes) == 1:
            return passes
        found = race({str(batch): lambda batch=batch: self.run(passes, batch) for batch in sizes}, seconds=seconds)
        return min(sizes, key=lambda batch: found.seconds(str(batch)))


def _batch(pictures: Array, send: Callable[[Array], Any], encode: Callable[[Any], Any]) -> tuple[Any, Any]:
    sent = send(pictures)
    return sent, encode(sent)


def floor(framework: str, encoder: Any, picture: Array) -> Floor:
    """The floor of one framework for one picture."""
    if framework == "tensorflow":
        import tensorflow as tf

        return Floor(tensorflow_step(encoder), tf.constant, lambda sent: encoder(sent, training=False), picture)
    if framework == "jax":
        import jax.numpy as jnp

        return Floor(jax_step(encoder), jnp.asarray, lambda sent: encoder(sent, training=False), picture)
    import torch

    def send(pictures: Array) -> Any:
        return torch.tensor(pictures).permute(0, 3, 1, 2)

    return Floor(torch_step(encoder), send, lambda sent: encoder(sent).detach(), picture)
