"""How a layer's values become one number per picture: elementwise terms, summed over places and channels, combined.

Because the terms stay apart by place until the end, the number after covering a hole can be put together from the cells
that the hole can touch, and a score falls apart into shares of places.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from saccade.typing import Tensor


@dataclass(frozen=True)
class Measure:
    """How a layer's values become one number: elementwise terms, summed over the code, then combined.

    Attributes:
        name: Stands for the measure where compiled functions are kept.
        terms: `terms(values, reference, pictures)` -> tensors of the shape of `values`.
        combine: `combine(sums, size)` -> the number; `size` is how many values one picture has.
        whole: Beside the terms, for a number that is no sum over places: gets the layer's values as (pictures, rows,
            columns, channels) and gives (pictures,). Nothing of it can be told place by place, so it never tiles. Its
            number stands behind the sums of the terms.
        references: How many references of the code's width it reads, side by side along the channels.
        parts: For a weighted sum of measures, the weights and the measures.
    """

    name: str
    terms: Callable[[Tensor, Tensor, Tensor], tuple[Tensor, ...]]
    combine: Callable[[Sequence[Tensor], int], Tensor]
    whole: Callable[[Tensor], Tensor] | None = None
    references: int = 1
    parts: tuple[tuple[float, Measure], ...] = ()

    @property
    def tiles(self) -> bool:
        """Can the number be put together from places, so that many holes may share a picture?"""
        return self.whole is None

    def count(self) -> int:
        """How many sums `combine` takes."""
        one = np.ones((1, 1, 1, 1, 1), np.float32)
        terms = self.terms(one, np.ones((1, 1, 1, 1, self.references), np.float32), one)
        return len(terms) + (self.whole is not None)

    def shares(self, cells: Sequence[NDArray[np.floating]], size: int) -> NDArray[np.float64]:
        """What does each place add to the number? The shares of a picture sum to its number.

        The first term says what a place adds; all others (lengths, counts) are the same for all places. A sum of
        measures has the sum of their shares.

        Args:
            cells: The terms, summed over channels, each (images, rows, columns).
            size: How many values one picture has.

        Returns:
            (images, rows, columns).
        """
        if self.parts:
            total, start = np.zeros(cells[0].shape), 0
            for weight, part in self.parts:
                stop = start + part.count()
                total = total + weight * part.shares(cells[start:stop], size)
                start = stop
            return total
        sums = [np.asarray(each, np.float64).sum(axis=(1, 2)) for each in cells]
        number = np.asarray(self.combine(sums, size), np.float64)
        return np.asarray(cells[0] * (number / np.where(sums[0] == 0, 1, sums[0]))[:, None, None], np.float64)


def _first(sums: Sequence[Tensor], size: int) -> Tensor:  # noqa: ARG001
    return sums[0]


def _product(values: Tensor, reference: Tensor, pictures: Tensor) -> tuple[Tensor, ...]:  # noqa: ARG001
    return (values * reference,)


def _half_energy(values: Tensor, reference: Tensor, pictures: Tensor) -> tuple[Tensor, ...]:  # noqa: ARG001
    return (0.5 * values * values,)


def _products(values: Tensor, reference: Tensor, pictures: Tensor) -> tuple[Tensor, ...]:  # noqa: ARG001
    return values * reference, values * values, reference * reference


def _cosine(sums: Sequence[Tensor], size: int) -> Tensor:  # noqa: ARG001
    # The tiny constant keeps a dead code's gradient finite; it is far below what float32 resolves for any living one.
    return sums[0] / (sums[1] * sums[2] + 1e-30) ** 0.5


def _minus_cosine(sums: Sequence[Tensor], size: int) -> Tensor:
    return -_cosine(sums, size)


def _difference(values: Tensor, reference: Tensor, pictures: Tensor) -> tuple[Tensor, ...]:  # noqa: ARG001
    return (values - reference) ** 2, reference * reference


def _ratio(sums: Sequence[Tensor], size: int) -> Tensor:  # noqa: ARG001
    return sums[0] / (sums[1] + 1e-30)


def _error(values: Tensor, reference: Tensor, pictures: Tensor) -> tuple[Tensor, ...]:  # noqa: ARG001
    return ((values - pictures) ** 2,)


def _weighted_error(values: Tensor, reference: Tensor, pictures: Tensor) -> tuple[Tensor, ...]:
    return ((values - pictures) ** 2 * reference,)


def _mean(sums: Sequence[Tensor], size: int) -> Tensor:
    return sums[0] / size


def _none(values: Tensor, reference: Tensor, pictures: Tensor) -> tuple[Tensor, ...]:  # noqa: ARG001
    return ()


INNER_PRODUCT = Measure("inner_product", _product, _first)
HALF_ENERGY = Measure("half_energy", _half_energy, _first)
COSINE = Measure("cosine", _products, _cosine)
MINUS_COSINE = Measure("minus_cosine", _products, _minus_cosine)
SHARE_CHANGED = Measure("share_changed", _difference, _ratio)
MEAN_SQUARED_ERROR = Measure("mean_squared_error", _error, _mean)
WEIGHTED_SQUARED_ERROR = Measure("weighted_squared_error", _weighted_error, _mean)


def whole_measure(name: str, function: Callable[[Tensor], Tensor]) -> Measure:
    """A measure that is one function of all values of a picture."""
    return Measure(name, _none, _first, whole=function, references=0)


def weighted_sum(parts: Sequence[tuple[float, Measure]]) -> Measure:
    """The measure that is `sum of weight * measure`; its reference holds the parts' references side by side.

    The weights stand in the name, so that a compiled function is never taken for that of other weights.
    """
    leaves: list[tuple[float, Measure]] = []
    for weight, measure in parts:
        leaves += [(weight * inner, leaf) for inner, leaf in measure.parts or ((1.0, measure),)]
    found = tuple(leaves)
    return Measure(
        name=" + ".join(f"{weight!r}*{measure.name}" for weight, measure in found),
        terms=_SumOfTerms(found),
        combine=_SumOfNumbers(found),
        whole=None if all(measure.tiles for _, measure in found) else _SumOfWholes(found),
        references=sum(measure.references for _, measure in found),
        parts=found,
    )


@dataclass(frozen=True)
class _SumOfTerms:
    """The parts' terms one after the other, each from its own slice of the reference."""

    parts: tuple[tuple[float, Measure], ...]

    def __call__(self, values: Tensor, reference: Tensor, pictures: Tensor) -> tuple[Tensor, ...]:
        width, start = int(values.shape[-1]), 0
        found: tuple[Tensor, ...] = ()
        for _, measure in self.parts:
            stop = start + width * measure.references
            found += tuple(measure.terms(values, reference[..., start:stop], pictures))
            start = stop
        return found


@dataclass(frozen=True)
class _SumOfWholes:
    """The weighted sum of those parts that are functions of the whole code."""

    parts: tuple[tuple[float, Measure], ...]

    def __call__(self, values: Tensor) -> Tensor:
        found = [weight * measure.whole(values) for weight, measure in self.parts if measure.whole is not None]
        return sum(found[1:], start=found[0])


@dataclass(frozen=True)
class _SumOfNumbers:
    """The weighted sum of the parts' numbers; functions of the whole code come last and are weighted already."""

    parts: tuple[tuple[float, Measure], ...]

    def __call__(self, sums: Sequence[Tensor], size: int) -> Tensor:
        found, start = [], 0
        for weight, measure in self.parts:
            if measure.whole is None:
                stop = start + measure.count()
                found.append(weight * measure.combine(sums[start:stop], size))
                start = stop
        found += sums[start:]
        return sum(found[1:], start=found[0])
