"""Products in pieces are products."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from saccade.engines.matmul import ALONE, gram, product

SIZES = st.integers(1, 70)


@given(SIZES, SIZES, SIZES, st.sampled_from([np.float32, np.float64]))
def test_a_product_in_pieces_is_the_product(rows: int, inner: int, columns: int, kind: type) -> None:
    random = np.random.default_rng(rows * columns + inner)
    left, right = random.random((rows, inner)).astype(kind), random.random((inner, columns)).astype(kind)
    in_pieces = product(left, right)
    assert in_pieces.dtype == kind
    np.testing.assert_allclose(in_pieces, left.astype(np.float64) @ right, rtol=1e-5)


@pytest.mark.parametrize("shape", [(1000, 48), (3000, 129), (40, 700), (7, 1), (0, 3)])
def test_a_gram_matrix_in_pieces_is_the_gram_matrix(shape: tuple[int, int], random: np.random.Generator) -> None:
    values = random.standard_normal(shape)
    np.testing.assert_allclose(gram(values), values.T @ values, rtol=1e-10, atol=1e-10)


def test_large_products_are_cut_and_still_whole(random: np.random.Generator) -> None:
    left, right = random.random((300, 90)), random.random((90, 200))
    assert left.size * right.shape[1] > 10 * ALONE
    np.testing.assert_allclose(product(left, right), np.einsum("ri,ic->rc", left, right), rtol=1e-12)
