"""The weights of an encoder, by the steps between two vectors that they could be of."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import numpy as np
from numpy.typing import NDArray

from saccade.encoder import Encoder
from saccade.pairs.terms import Numbers

EPSILONS = (1e-5, 1e-3, 1e-6, 1e-12, 1e-8, 0.0)
"""What normalisations add to a variance, the usual ones first."""
_LARGEST = 2**28
"""Bytes of a kernel in double precision that may be held."""


class CandidateWeights:
    """The weights of an encoder, by what they could be."""

    def __init__(self, encoder: Encoder) -> None:
        arrays = [(name, np.asarray(array)) for name, array in encoder.network.weights()]
        self._arrays = [(name, array) for name, array in arrays if array.dtype.kind == "f"]

    def takes(self, numbers: int) -> bool:
        """Is there a kernel that reads so many numbers?"""
        return any(
            array.ndim >= 2 and numbers in (array.shape[0], array.shape[-1], array.shape[1])
            for _, array in self._arrays
        )

    def kernels(self, before: int, after: int) -> Iterator[NDArray[np.floating]]:
        """All weights that could lead from so many numbers to so many, as (before, after)."""
        if before * after * 8 > _LARGEST:
            return
        for _, array in self._arrays:
            if array.ndim < 2 or array.size != before * after:
                continue
            shape = tuple(side for side in array.shape if side != 1) if array.ndim > 2 else array.shape
            if shape == (before, after):
                yield array.reshape(before, after)
            if shape == (after, before):
                yield array.reshape(after, before).T

    def vectors(self, numbers: int) -> Iterator[Numbers]:
        """All vectors of so many numbers, and ones."""
        yield np.ones(numbers)
        for _, array in self._arrays:
            if array.size == numbers and array.ndim >= 1:
                yield array.astype(np.float64).reshape(-1)

    def factors(self, numbers: int) -> Iterator[Numbers]:
        """What a batch normalisation, or a plain scaling, may multiply with."""
        yield from self.vectors(numbers)
        groups: dict[str, list[Numbers]] = {}
        for name, array in self._arrays:
            if array.size == numbers:
                parent = name.replace("/", ".").rpartition(".")[0]
                groups.setdefault(parent, []).append(array.astype(np.float64).reshape(-1))
        for group in groups.values():
            for variance, epsilon in product(group, EPSILONS[:-1]):
                if (variance + epsilon > 0).all():
                    for gamma in [np.ones(numbers), *group]:
                        yield gamma / np.sqrt(variance + epsilon)
