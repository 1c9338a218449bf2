"""An optimizer that moves every direction of a convolution equally far: fewer steps to the same error than Adam."""

from __future__ import annotations

from typing import Any

_QUINTIC = (3.4445, -4.7750, 2.0315)
"""Coefficients of the iteration, chosen by its author for the steepest gradient at zero."""
_ITERATIONS = 5
_MOMENTUM = 0.95
_DECAY = 0.02
"""How far the learning rate pulls an orthogonalised kernel towards zero."""
_SIZE = 0.2
"""Root mean square of a step in learning rates: what Adam's steps have, so that one learning rate suits both."""


def muon(learning_rate: Any) -> Any:
    """Build the optimizer: how does one step move every direction of a convolution equally far?

    With the kernel's gradient as a matrix G of (height * width * channels in, channels out),

        M <- 0.95 M + G,   N = G + 0.95 M
        W <- (1 - 0.02 learning_rate) W - 0.2 learning_rate sqrt(max(rows, columns)) U V^T

    where U S V^T is the singular value decomposition of N; U V^T is found by five Newton-Schulz iterations.
    Adam follows the few directions with large gradients and leaves the others behind; here all of them learn
    alike. Biases and the first and the last layer, in whose kernels one side is the image's colours, are left to
    Adam.

    Args:
        learning_rate: A number, or a schedule of Keras.

    Returns:
        A Keras optimizer, for every backend.

    Source:
        Jordan et al. 2024, https://kellerjordan.github.io/posts/muon; the length of the steps from Liu et al.
        2025, https://arxiv.org/abs/2502.16982.
    """
    import keras

    ops = keras.ops

    class Muon(keras.optimizers.Adam):  # type: ignore[misc]
        def build(self, variables: list[Any]) -> None:
            if self.built:
                return
            super().build(variables)
            self._momenta = [
                self.add_variable_from_reference(variable, name="momentum") if _is_orthogonalised(variable) else None
                for variable in variables
            ]

        def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
            momentum = self._momenta[self._get_variable_index(variable)]
            if momentum is None:
                super().update_step(gradient, variable, learning_rate)
                return
            gradient = ops.cast(gradient, variable.dtype)
            self.assign(momentum, momentum * _MOMENTUM + gradient)
            columns = variable.shape[-1]
            step = _orthogonal(ops.reshape(gradient + momentum * _MOMENTUM, (-1, columns)))
            rows = step.shape[0]
            length = ops.cast(learning_rate, variable.dtype) * (_SIZE * max(rows, columns) ** 0.5)
            remaining = 1.0 - ops.cast(learning_rate, variable.dtype) * _DECAY
            self.assign(variable, variable * remaining - length * ops.reshape(step, variable.shape))

    def _orthogonal(matrix: Any) -> Any:
        """Return U V^T of a matrix, nearly: its singular values come to lie around 1."""
        tall = matrix.shape[0] > matrix.shape[1]
        wide = ops.transpose(matrix) if tall else matrix
        wide = wide / (ops.sqrt(ops.sum(ops.square(wide))) + 1e-7)
        first, third, fifth = _QUINTIC
        for _ in range(_ITERATIONS):
            square = wide @ ops.transpose(wide)
            wide = first * wide + (third * square + fifth * (square @ square)) @ wide
        return ops.transpose(wide) if tall else wide

    # A single photo with hard edges can throw a young network off; the clip only acts then.
    return Muon(learning_rate, beta_2=0.99, epsilon=1e-8, global_clipnorm=1.0)


def _is_orthogonalised(variable: Any) -> bool:
    """Whether a variable is the kernel of a convolution with more channels in, and more out, than an image has."""
    return len(variable.shape) == 4 and min(variable.shape[-2:]) > 3
