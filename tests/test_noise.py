"""The noise of SmoothGrad: standard normal, the same however the work is cut, in pairs that cancel."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kstest

from saccade.targets.noise import NormalPoints

SHAPE = (20, 31, 3)


@pytest.mark.parametrize("paired", [True, False])
def test_noise_is_standard_normal(paired: bool) -> None:
    drawn = NormalPoints(3, 64, (64, 64, 3), paired).take(0, 64)["noise"]
    one_each = drawn[:: 2 if paired else 1].ravel()
    assert kstest(one_each[:100_000], "norm").pvalue > 0.01
    assert abs(one_each.mean()) < 4 / np.sqrt(one_each.size)
    assert abs(one_each.var() - 1) < 4 * np.sqrt(2 / one_each.size)
    neighbours = np.corrcoef(one_each[:-1], one_each[1:])[0, 1]
    assert abs(neighbours) < 4 / np.sqrt(one_each.size)


@given(st.integers(0, 12), st.integers(1, 13), st.booleans())
def test_cutting_changes_nothing(start: int, count: int, paired: bool) -> None:
    points = NormalPoints(7, 25, SHAPE, paired)
    whole = points.take(0, 25)["noise"]
    np.testing.assert_array_equal(points.take(start, start + count)["noise"], whole[start : start + count])


def test_pairs_cancel_and_seeds_differ() -> None:
    drawn = NormalPoints(1, 10, SHAPE).take(0, 10)["noise"]
    np.testing.assert_array_equal(drawn[::2], -drawn[1::2])
    other = NormalPoints(2, 10, SHAPE).take(0, 10)["noise"]
    assert abs(np.corrcoef(drawn[0].ravel(), other[0].ravel())[0, 1]) < 0.1
