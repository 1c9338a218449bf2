"""One training step, compiled as a whole: variations, loss, gradients, optimizer, mean of the weights.

Device and processor do not wait for one another: the photos lie on the device, a step gets their indices and some
random numbers, and its error stays on the device until it is read.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from saccade.training.augmentation import Strengths, vary

SHARPNESS = 0.05
"""Weight of the mean absolute error beside the mean squared one, which alone blurs edges."""
ROUNDING = 1e-5
"""Makes the absolute error smooth at zero: sqrt(d^2 + 1e-5)."""


class TrainingStep:
    """Moves a model one step, on whatever Keras runs.

    Args:
        model: What learns.
        mean: A model of the same shape; its weights become the exponential mean of the other's.
        optimizer: A Keras optimizer, built for the variables of `model`.
        strengths: How far the variations may be from the photos; None takes the photos as they are.
        fused: Compile with XLA where there is a choice (TensorFlow).
    """

    def __init__(self, model: Any, mean: Any, optimizer: Any, strengths: Strengths | None, *, fused: bool) -> None:
        import keras

        self._model, self._mean, self._optimizer, self._strengths = model, mean, optimizer, strengths
        self._size = model.input_shape[1]
        self._variables = [*model.trainable_variables, *mean.trainable_variables, *optimizer.variables]
        self._values: list[Any] | None = None
        backend = keras.backend.backend()
        self._gradients = {"tensorflow": _tensorflow, "jax": _jax, "torch": _torch}[backend]
        self._step: Callable[..., Any] = self._update
        if backend == "tensorflow":
            import tensorflow as tf

            self._step = tf.function(self._update, jit_compile=fused)
        elif backend == "jax":
            import jax

            self._pure = jax.jit(self._without_state)
            self._step = self._with_values

    def __call__(
        self, pool: Any, indices: NDArray[Any], numbers: NDArray[np.float32], rate: float, share: float
    ) -> Any:
        """Take one step.

        Args:
            pool: uint8 (photos, height, width, channels), on the device.
            indices: Which of the photos.
            numbers: Random numbers of their variations, uniform in 0..1.
            rate: Learning rate.
            share: How much the newest weights count in the mean.

        Returns:
            The mean squared error before the step: one number, still on the device.
        """
        from keras import ops

        small = (indices.astype(np.int32), numbers, np.float32(rate), np.float32(share))
        return self._step(pool, *(ops.convert_to_tensor(value) for value in small))

    def settle(self) -> None:
        """Put the newest values into the variables; until then they may be elsewhere."""
        if self._values is not None:
            for variable, value in zip(self._variables, self._values, strict=True):
                variable.assign(value)
            self._values = None

    def _update(self, pool: Any, indices: Any, numbers: Any, rate: Any, share: Any) -> Any:
        """Move all variables, and return the error."""
        images = self._images(pool, indices, numbers)
        variables = self._model.trainable_variables
        error, gradients = self._gradients(self._model, images)
        self._optimizer.learning_rate.assign(rate)
        self._optimizer.apply(gradients, variables)
        for mean, variable in zip(self._mean.trainable_variables, variables, strict=True):
            mean.assign(mean + share * (variable - mean))
        return error

    def _images(self, pool: Any, indices: Any, numbers: Any) -> Any:
        from keras import ops

        if self._strengths is None:
            return ops.cast(ops.take(pool, indices, axis=0), "float32") / 255.0
        return vary(pool, indices, numbers, self._size, self._strengths)

    def _without_state(self, values: list[Any], *arguments: Any) -> tuple[Any, list[Any]]:
        """The step as JAX wants it: variables come in and go out as values."""
        import keras

        with keras.StatelessScope(state_mapping=list(zip(self._variables, values, strict=True))) as scope:
            error = self._update(*arguments)
        return error, [scope.get_current_value(variable) for variable in self._variables]

    def _with_values(self, *arguments: Any) -> Any:
        if self._values is None:
            self._values = [variable.value for variable in self._variables]
        error, self._values = self._pure(self._values, *arguments)
        return error


def loss_of(images: Any, redrawn: Any) -> tuple[Any, Any]:
    """How far are reconstructions from the images: what is minimised, and the mean squared error in it?

    mean(d^2) + 0.05 mean(sqrt(d^2 + 1e-5)),  d = redrawn - image
    """
    from keras import ops

    squares = ops.square(redrawn - images)
    error = ops.mean(squares)
    return error + SHARPNESS * ops.mean(ops.sqrt(squares + ROUNDING)), error


def _tensorflow(model: Any, images: Any) -> tuple[Any, list[Any]]:
    import tensorflow as tf

    with tf.GradientTape() as tape:
        loss, error = loss_of(images, model(images, training=True))
    return error, tape.gradient(loss, [variable.value for variable in model.trainable_variables])


def _jax(model: Any, images: Any) -> tuple[Any, list[Any]]:
    import jax

    def of(values: list[Any]) -> tuple[Any, Any]:
        redrawn, _ = model.stateless_call(values, [], images, training=True)
        return loss_of(images, redrawn)

    at = [variable.value for variable in model.trainable_variables]
    (_, error), gradients = jax.value_and_grad(of, has_aux=True)(at)
    return error, gradients


def _torch(model: Any, images: Any) -> tuple[Any, list[Any]]:
    import torch

    loss, error = loss_of(images, model(images, training=True))
    gradients = torch.autograd.grad(loss, [variable.value for variable in model.trainable_variables])
    return error.detach(), list(gradients)
