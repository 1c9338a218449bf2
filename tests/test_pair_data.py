"""What a report says of pairs: how alike they are, and the game that asks for it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from saccade.report.pair_data import game, similarities


@given(st.integers(3, 7).flatmap(lambda n: arrays(np.float64, (n, 4), elements=st.floats(-1, 1))))
def test_the_game_asks_only_what_is_clear(codes: NDArray[np.float64]) -> None:
    table = similarities(codes[:, None, None, :], None)
    for first, second, third in game(table):
        nearest = table[first, second]
        assert nearest - max(table[first, third], table[second, third]) >= 0.02


def test_similarities_are_cosines() -> None:
    codes = np.random.default_rng(0).normal(size=(4, 2, 3, 5))
    centre = codes[0] * 0.1
    table = similarities(codes, centre)
    for i in range(4):
        for j in range(4):
            a, b = (codes[i] - centre).ravel(), (codes[j] - centre).ravel()
            assert table[i, j] == pytest.approx(a @ b / np.linalg.norm(a) / np.linalg.norm(b))
