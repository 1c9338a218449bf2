"""How a layer's values become one number per image: elementwise terms, summed over places and channels, combined.

Because the terms stay apart by place until the end, the number after covering a hole can be put together from the cells
that the hole can touch, and a score falls apart into shares of places.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from saccade.typing import Array, Tensor


@dataclass(frozen=True)
class Measure:
    """How a layer's values become one number: elementwise terms, summed over the code, then combined.

    Attributes:
        name: Stands for the measure where compiled programs are kept; weights are arguments and do not belong to it.
        terms: `terms(values, reference, images)` -> tensors of the shape of `values`.
        combine: `combine(sums, size, weights)` -> the number; `sums` has one entry for each term, then one for each
            function, `size` is how many values one image has, `weights` are those of `parts`.
        functions: Beside the terms, numbers that are no sums over places: each gets the layer's values as (images,
            rows, columns, channels) and gives (images,). Nothing of them can be told place by place, so they never
            tile.
        references: How many references of the code's width it reads, side by side along the channels.
        parts: For a weighted sum of measures, the weights and the measures.
    """

    name: str
    terms: Callable[[Tensor, Tensor, Tensor], tuple[Tensor, ...]]
    combine: Callable[[Sequence[Tensor], int, Tensor], Tensor]
    functions: tuple[Callable[[Tensor], Tensor], ...] = ()
    references: int = 1
    parts: tuple[tuple[float, Measure], ...] = ()

    @property
    def tiles(self) -> bool:
        """Can the number be put together from places, so that many holes may share an image?"""
        return not self.functions

    @property
    def weights(self) -> Array:
        """The weights of the parts, (parts,); (0,) for a measure that is no sum."""
        return np.array([weight for weight, _ in self.parts], np.float32)

    def number(self, sums: Sequence[NDArray[np.float64]], size: int) -> NDArray[np.float64]:
        """The number, from sums that are on the host.

        Args:
            sums: One for each term, then one for each function.
            size: How many values one image has.
        """
        weights = np.array([weight for weight, _ in self.parts])
        return np.asarray(self.combine(sums, size, weights), np.float64)

    def count(self) -> int:
        """How many sums `combine` takes."""
        number = np.ones((1, 1, 1, 1, 1), np.float32)
        terms = self.terms(number, np.ones((1, 1, 1, 1, self.references), np.float32), number)
        return len(terms) + len(self.functions)

    def shares(self, cells: Sequence[NDArray[np.floating]], size: int) -> NDArray[np.float64]:
        """What does each place add to the number? The shares of an image sum to its number.

        The first term says what a place adds; all others (lengths, counts) are the same for all places. A sum of
        measures has the sum of their shares.

        Args:
            cells: The terms, summed over channels, each (images, rows, columns).
            size: How many values one image has.

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
        sums = [np.asarray(term, np.float64).sum(axis=(1, 2)) for term in cells]
        number = self.number(sums, size)
        return np.asarray(cells[0] * (number / np.where(sums[0] == 0, 1, sums[0]))[:, None, None], np.float64)


def _first(sums: Sequence[Tensor], size: int, weights: Tensor) -> Tensor:  # noqa: ARG001
    return sums[0]


def _product(values: Tensor, reference: Tensor, images: Tensor) -> tuple[Tensor, ...]:  # noqa: ARG001
    return (values * reference,)


def _half_energy(values: Tensor, reference: Tensor, images: Tensor) -> tuple[Tensor, ...]:  # noqa: ARG001
    return (0.5 * values * values,)


def _products(values: Tensor, reference: Tensor, images: Tensor) -> tuple[Tensor, ...]:  # noqa: ARG001
    return values * reference, values * values, reference * reference


def _cosine(sums: Sequence[Tensor], size: int, weights: Tensor) -> Tensor:  # noqa: ARG001
    # The tiny constant keeps a dead code's gradient finite; it is far below what float32 resolves for any living one.
    return sums[0] / (sums[1] * sums[2] + 1e-30) ** 0.5


def _minus_cosine(sums: Sequence[Tensor], size: int, weights: Tensor) -> Tensor:
    return -_cosine(sums, size, weights)


def _difference(values: Tensor, reference: Tensor, images: Tensor) -> tuple[Tensor, ...]:  # noqa: ARG001
    return (values - reference) ** 2, reference * reference


def _ratio(sums: Sequence[Tensor], size: int, weights: Tensor) -> Tensor:  # noqa: ARG001
    return sums[0] / (sums[1] + 1e-30)


def _error(values: Tensor, reference: Tensor, images: Tensor) -> tuple[Tensor, ...]:  # noqa: ARG001
    return ((values - images) ** 2,)


def _weighted_error(values: Tensor, reference: Tensor, images: Tensor) -> tuple[Tensor, ...]:
    return ((values - images) ** 2 * reference,)


def _mean(sums: Sequence[Tensor], size: int, weights: Tensor) -> Tensor:  # noqa: ARG001
    return sums[0] / size


def _none(values: Tensor, reference: Tensor, images: Tensor) -> tuple[Tensor, ...]:  # noqa: ARG001
    return ()


INNER_PRODUCT = Measure("inner_product", _product, _first)
HALF_ENERGY = Measure("half_energy", _half_energy, _first)
COSINE = Measure("cosine", _products, _cosine)
MINUS_COSINE = Measure("minus_cosine", _products, _minus_cosine)
SHARE_CHANGED = Measure("share_changed", _difference, _ratio)
MEAN_SQUARED_ERROR = Measure("mean_squared_error", _error, _mean)
WEIGHTED_SQUARED_ERROR = Measure("weighted_squared_error", _weighted_error, _mean)


def function_measure(name: str, function: Callable[[Tensor], Tensor]) -> Measure:
    """A measure that is one function of all values of an image."""
    return Measure(name, _none, _first, functions=(function,), references=0)


def weighted_sum(parts: Sequence[tuple[float, Measure]]) -> Measure:
    """The measure that is `sum of weight * measure`; its reference holds the parts' references side by side.

    The weights are no part of the program: sums of the same measures with other weights share a compiled program.
    """
    leaves: list[tuple[float, Measure]] = []
    for weight, measure in parts:
        leaves += [(weight * inner, leaf) for inner, leaf in measure.parts or ((1.0, measure),)]
    measures = tuple(measure for _, measure in leaves)
    return Measure(
        name=f"sum of {', '.join(measure.name for measure in measures)}",
        terms=_TermsOfSum(measures),
        combine=_WeightedSum(measures),
        functions=tuple(function for measure in measures for function in measure.functions),
        references=sum(measure.references for measure in measures),
        parts=tuple(leaves),
    )


@dataclass(frozen=True)
class _TermsOfSum:
    """The measures' terms one after the other, each from its own slice of the reference."""

    measures: tuple[Measure, ...]

    def __call__(self, values: Tensor, reference: Tensor, images: Tensor) -> tuple[Tensor, ...]:
        width, start = int(values.shape[-1]), 0
        terms: tuple[Tensor, ...] = ()
        for measure in self.measures:
            stop = start + width * measure.references
            terms += tuple(measure.terms(values, reference[..., start:stop], images))
            start = stop
        return terms


@dataclass(frozen=True)
class _WeightedSum:
    """The weighted sum of the measures' numbers; the sums of all terms come first, those of functions last."""

    measures: tuple[Measure, ...]

    def __call__(self, sums: Sequence[Tensor], size: int, weights: Tensor) -> Tensor:
        functions = sum(len(measure.functions) for measure in self.measures)
        term, function = 0, len(sums) - functions
        numbers = []
        for index, measure in enumerate(self.measures):
            own_terms, own_functions = measure.count() - len(measure.functions), len(measure.functions)
            own = [*sums[term : term + own_terms], *sums[function : function + own_functions]]
            numbers.append(weights[index] * measure.combine(own, size, weights))
            term, function = term + own_terms, function + own_functions
        return sum(numbers[1:], start=numbers[0])
