"""The mean and the variance of many gradients, piece by piece, without ever subtracting large squares.

E[g²] - E[g]² in float32 is noise as soon as the gradients differ by less than a thousandth of themselves. Here each
piece is centred on its own mean, and pieces are joined by how far their means lie apart. Source: Chan, Golub and
LeVeque (1983), "Algorithms for computing the sample variance".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from saccade.typing import Tensor

Sum = Callable[[Tensor, tuple[int, ...]], Tensor]


def moments(values: Tensor, shares: Tensor, total: Sum) -> list[Tensor]:
    """The weighted mean over the first axis, and the weighted sum of squared distances from it.

    Args:
        values: (points, ...).
        shares: The points' weights, with as many axes as `values`.
        total: Sums a tensor over axes.
    """
    weight = total(shares, (0,)) + 1e-30
    mean = total(values * (shares / weight), (0,))
    apart = values - mean
    # What the rounding of the mean has left is taken out of the squares again; by rounding that may fall below zero.
    left = total(apart * shares, (0,))
    return [mean, abs(total(apart**2 * shares, (0,)) - left**2 / weight[0])]


def joined(first: Sequence[Tensor], weight: float, second: Sequence[Tensor], more: float) -> list[Tensor]:
    """The moments of two pieces together.

    Args:
        first: Mean and squared distances of what came before.
        weight: Its weight.
        second: Mean and squared distances of what is new.
        more: Its weight.
    """
    part = more / max(weight + more, 1e-30)
    apart = second[0] - first[0]
    return [first[0] + apart * part, first[1] + second[1] + apart**2 * (weight * part)]


class RunningSums:
    """What pieces give, added up: weighted sums, or mean and squared distances, as tensors on the device.

    Args:
        moments: The pieces give `moments`.
    """

    def __init__(self, *, moments: bool) -> None:
        self.tensors: list[Tensor] = []
        self.weight = 0.0
        self._are_moments = moments

    def add(self, piece: Sequence[Tensor], weight: float) -> None:
        """One piece more, and the weight of its points."""
        if not self.tensors:
            self.tensors = list(piece)
        elif self._are_moments:
            self.tensors = joined(self.tensors, self.weight, piece, weight)
        else:
            self.tensors = [a + b for a, b in zip(self.tensors, piece, strict=True)]
        self.weight += weight
