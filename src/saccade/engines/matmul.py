"""Matrix products in numpy that stay in their own thread.

BLAS shares out every larger product over threads of its own, which then keep a core busy for some thirty milliseconds,
waiting for the next one. Meanwhile the framework computes with one core less: the gradients of eight images took half
as long again. In pieces a product may take a little longer itself, and nothing waits for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

ALONE = 2**18
"""Multiplications up to which OpenBLAS computes a product of matrices by itself."""
_FEW = 8
"""Pieces of fewer rows cost more than BLAS's threads do; such products are computed as they are."""

_BLOCK = 32
"""Rows of a result that are made together, where pieces of its full height would be thin."""


def product(left: NDArray[Any], right: NDArray[Any]) -> NDArray[Any]:
    """The matrix product `left @ right` of (rows, inner) and (inner, columns)."""
    answer = np.empty((len(left), right.shape[1]), np.result_type(left, right))
    for some in _pieces(len(left), right.size):
        np.matmul(left[some], right, out=answer[some])
    return answer


def gram(values: NDArray[Any]) -> NDArray[Any]:
    """`values.T @ values` of (rows, columns)."""
    columns = values.shape[1]
    total = np.zeros((columns, columns), values.dtype)
    for first in range(0, columns, _BLOCK):
        block = slice(first, first + _BLOCK)
        for some in _pieces(len(values), _BLOCK * columns):
            total[block] += values[some, block].T @ values[some]
    return total


def _pieces(rows: int, multiplications: int) -> Iterator[slice]:
    """A few rows at a time, each of which takes so many multiplications."""
    step = ALONE // max(multiplications, 1)
    step = step if step >= _FEW else max(rows, 1)
    yield from (slice(start, start + step) for start in range(0, rows, step))
