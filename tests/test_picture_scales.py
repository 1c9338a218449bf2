"""The strongest colour and zero mean what the bar says."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from saccade.errors import InputError
from saccade.picture.numerals import MINUS, number, percent, signed
from saccade.picture.scales import Scale, scale_of

finite = st.floats(-1e6, 1e6, width=32)


@given(arrays(np.float32, st.integers(1, 40), elements=finite))
def test_signed_scales_are_symmetric_and_zero_is_the_middle(values: np.ndarray) -> None:
    scale = scale_of(values, signed=True)
    assert scale.low == -scale.high
    assert scale.position(0.0) == 0.5
    if not scale.flat:
        assert scale.high == pytest.approx(np.abs(values).max())


@given(arrays(np.float32, st.integers(1, 40), elements=st.floats(0, 1e6, width=32)))
def test_unsigned_scales_start_at_zero_never_at_the_minimum(values: np.ndarray) -> None:
    scale = scale_of(values + np.float32(3), signed=False)
    assert scale.low == 0
    assert scale.position(0.0) == 0
    assert scale.position(3.0) > 0


@pytest.mark.parametrize("is_signed", [True, False])
@pytest.mark.parametrize("values", [np.zeros((4, 4)), np.full((4, 4), 0.3), 0.3 + 1e-7 * np.eye(4), 1e-38 * np.eye(4)])
def test_maps_without_spread_are_flat_and_say_so(values: np.ndarray, is_signed: bool) -> None:
    scale = scale_of(values, signed=is_signed)
    assert scale.flat
    assert scale.statement == "flat: nothing stands out"


def test_small_but_real_spread_is_not_flat() -> None:
    assert not scale_of(1e-12 * np.eye(4), signed=False).flat


def test_clipping_is_the_percentile_and_is_said() -> None:
    values = np.random.default_rng(0).random(10_001, np.float32)
    scale = scale_of(values, signed=False, clip=0.5, shared="all pictures")
    assert scale.high == pytest.approx(np.quantile(values, 0.995), abs=1e-4)
    assert scale.statement == "scale: all pictures, top 0.5 % clipped"
    assert (values > scale.high).mean() <= 0.005


def test_clipping_never_leaves_a_sparse_map_without_a_limit() -> None:
    sparse = np.zeros(1000)
    sparse[3] = 7
    scale = scale_of(sparse, signed=False, clip=1)
    assert (scale.high, scale.clipped) == (7, 0)


def test_what_cannot_be_shown_is_refused() -> None:
    with pytest.raises(InputError, match="1 of 2 values of the map are not finite"):
        scale_of([0.0, np.nan], signed=True)
    with pytest.raises(InputError, match=r"below zero \(down to -1\).*signed=True"):
        scale_of([-1.0, 1.0], signed=False)
    with pytest.raises(InputError, match="the map is empty"):
        scale_of([], signed=False)
    with pytest.raises(InputError, match="clip"):
        scale_of([1.0, 2.0], signed=False, clip=60)
    with pytest.raises(InputError, match="-high to high"):
        Scale(-1.0, 2.0, signed=True)
    with pytest.raises(InputError, match="0 to high"):
        Scale(1.0, 2.0)


def test_faint_undershoot_of_smoothing_is_allowed() -> None:
    assert scale_of([-1e-5, 1.0], signed=False).low == 0


@given(st.floats(0, 1))
def test_value_undoes_position(place: float) -> None:
    for scale in (Scale(0, 2.5), Scale(-2.5, 2.5, signed=True)):
        assert float(scale.position(scale.value(place))) == pytest.approx(place, abs=1e-6)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.03123, "0.031"),
        (1.2e-5, "1.2e-05"),
        (0, "0"),
        (12.4, "12"),
        (1234, "1,234"),
        (0.999, "1.0"),
        (9.96, "10"),
        (99.9, "100"),
        (-0.25, MINUS + "0.25"),
        (2.5e8, "2.5e+08"),
    ],
)
def test_numbers_read_well(value: float, text: str) -> None:
    assert number(value) == text


def test_signs_and_percentages() -> None:
    assert (signed(0.3), signed(-0.3), signed(0)) == ("+0.30", MINUS + "0.30", "0")
    assert percent(0.314) == "31 %"
    with pytest.raises(InputError, match="finite"):
        number(float("nan"))
