"""The raw compiled floor of each framework: nothing but the passes, in the batch size that is fastest.

The code of the picture is frozen, `sum(f(x) * f0)` is differentiated by the picture (or the layer) alone, what goes in
lies on the device already, and what comes out is thrown away. A library can only be faster by computing something else
that gives the same, as saccade does where activations stand before max-pooling.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from clock import timed
from nets import Subject
from numpy.typing import NDArray

Array = NDArray[np.float32]
Step = Callable[..., Any]
BATCHES = (1, 2, 4, 8, 16, 25)


class Floors:
    """Passes of one model, as fast as its framework gives them.

    Args:
        subject: The model.
        picture: (1, height, width, channels).
        most: The largest batch that is tried.
    """

    def __init__(self, subject: Subject, picture: Array, most: int = 25) -> None:
        self.subject = subject
        self.picture = picture
        self.sizes = [batch for batch in BATCHES if batch <= most]
        self.verbs = {"tensorflow": _tensorflow, "torch": _torch, "jax": _jax}[subject.framework]
        self.send, self.forward, self.gradient = self.verbs(subject.bare)
        self._speeds: dict[str, dict[int, float]] = {}
        self._held: dict[int, tuple[Any, Any]] = {}

    def gradients(self, passes: int) -> tuple[Callable[[], None], str]:
        """So many gradients at the picture, and the batch size that was fastest."""
        return self._passes("gradient", passes, lambda size: self.gradient(*self._batch(size)))

    def forwards(self, passes: int) -> tuple[Callable[[], None], str]:
        """So many codes."""
        return self._passes("forward", passes, lambda size: self.forward(self._batch(size)[0]))

    def cells(self, count: int) -> tuple[Callable[[], None], str]:
        """The gradient of one cell of the code after the other, for the first `count` cells of an even choice."""
        sent, code = self._batch(1)
        frozen = np.asarray(code)
        # Channels come second in torch.
        grid = frozen.shape[2:] if self.subject.framework == "torch" else frozen.shape[1:3]
        chosen = np.linspace(0, grid[0] * grid[1] - 1, count).astype(int)
        references = []
        for cell in chosen:
            mask = (np.arange(grid[0] * grid[1]) == cell).reshape(grid).astype(np.float32)
            weighed = frozen * (mask[None, None] if self.subject.framework == "torch" else mask[None, ..., None])
            references.append(self.send(weighed, raw=True))

        def run() -> None:
            for reference in references:
                self.gradient(sent, reference)

        return run, "one cell a pass"

    def layer_forward(self, at: str | None = None) -> tuple[Callable[[], None], str]:
        """One forward up to a layer."""
        _, forward, _ = self.verbs(self.subject.parts(at)[0])
        sent, _ = self._batch(1)
        return lambda: _done(forward(sent)), "1"

    def layer_slope(self, at: str | None = None) -> tuple[Callable[[], None], str]:
        """One forward, and one backward down to a layer."""
        before, after = self.subject.parts(at)
        _, to_layer, _ = self.verbs(before)
        _, _, gradient = self.verbs(after)
        sent, code = self._batch(1)
        return lambda: gradient(to_layer(sent), code), "1"

    def suffixes(self, at: str | None = None) -> tuple[Callable[[], None], str]:
        """One forward up to a layer, then what comes after it once for each of its channels, 16 at once."""
        before, after = self.subject.parts(at)
        _, to_layer, _ = self.verbs(before)
        _, rest, _ = self.verbs(after)
        sent, _ = self._batch(1)
        layer_values = np.asarray(to_layer(sent))
        channels = layer_values.shape[1 if self.subject.framework == "torch" else -1]
        many = self.send(np.repeat(layer_values, 16, axis=0), raw=True)

        def run() -> None:
            to_layer(sent)
            for _ in range(-(-channels // 16)):
                rest(many)

        return run, "16"

    def _passes(self, kind: str, passes: int, step: Callable[[int], Any]) -> tuple[Callable[[], None], str]:
        if kind not in self._speeds:
            # Once per group: the second and third call of each batch size, the faster one, per picture.
            self._speeds[kind] = {}
            for size in self.sizes:
                step(size)
                self._speeds[kind][size] = min(timed(lambda size=size: step(size)) for _ in range(2)) / size
        speeds = self._speeds[kind]

        def cost(size: int) -> float:
            # A remainder goes at about the speed of the next smaller batch that was tried.
            rest = passes % size
            slower = speeds[max(each for each in self.sizes if each <= max(rest, 1))]
            return (passes - rest) * speeds[size] + rest * slower

        best = min((size for size in self.sizes if size <= passes), key=cost)
        pieces = math.ceil(passes / best)
        even = [passes // pieces + (number < passes % pieces) for number in range(pieces)]

        def run() -> None:
            for size in even:
                step(size)

        return run, str(even[0])

    def _batch(self, count: int) -> tuple[Any, Any]:
        if count not in self._held:
            sent = self.send(np.repeat(self.picture, count, axis=0))
            self._held[count] = sent, self.forward(sent)
        return self._held[count]


def _done(result: Any) -> Any:
    return result.block_until_ready() if hasattr(result, "block_until_ready") else result


def _tensorflow(model: Any) -> tuple[Step, Step, Step]:
    """Traced functions; only what goes in is watched."""
    import tensorflow as tf

    @tf.function(autograph=False)
    def forward(pictures: Any) -> Any:
        return model(pictures, training=False)

    @tf.function(autograph=False)
    def gradient(pictures: Any, reference: Any) -> Any:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(pictures)
            value = tf.reduce_sum(model(pictures, training=False) * reference)
        return tape.gradient(value, pictures)

    return lambda values, raw=False: tf.constant(values), forward, gradient


def _torch(model: Any) -> tuple[Step, Step, Step]:
    """Frozen weights, channels last, `autograd.grad` on what goes in only."""
    import torch

    def forward(pictures: Any) -> Any:
        with torch.no_grad():
            return model(pictures)

    def gradient(pictures: Any, reference: Any) -> Any:
        pictures = pictures.detach().requires_grad_(True)
        return torch.autograd.grad((model(pictures) * reference).sum(), pictures)[0]

    def send(values: Array, raw: bool = False) -> Any:
        tensor = torch.tensor(values)
        return tensor.contiguous(memory_format=torch.channels_last) if raw else tensor.permute(0, 3, 1, 2)

    return send, forward, gradient


def _jax(model: Any) -> tuple[Step, Step, Step]:
    """`jax.jit`, with the weights as arguments; waits for the result."""
    import jax
    import jax.numpy as jnp

    values = [variable.value for variable in model.trainable_variables]
    others = [variable.value for variable in model.non_trainable_variables]

    def code(pictures: Any, values: Any) -> Any:
        return model.stateless_call(values, others, pictures, training=False)[0]

    def total(pictures: Any, reference: Any, values: Any) -> Any:
        return (code(pictures, values) * reference).sum()

    forward, gradient = jax.jit(code), jax.jit(jax.grad(total))
    return (
        lambda images, raw=False: jnp.asarray(images),
        lambda pictures: forward(pictures, values).block_until_ready(),
        lambda pictures, reference: gradient(pictures, reference, values).block_until_ready(),
    )
