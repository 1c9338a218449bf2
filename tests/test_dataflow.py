"""Receptive-field arithmetic against marking places one by one."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from saccade.models.dataflow import POINTWISE, Dataflow, Operation, Window, same_padding, upsampling

windows = st.builds(
    Window,
    kernel=st.integers(1, 5),
    stride=st.integers(1, 4),
    before=st.integers(0, 3),
    dilation=st.integers(1, 3),
)


def reads(window: Window, output: int) -> set[int]:
    """The definition: which inputs one output of a gathering window reads."""
    return {output * window.stride - window.before + j * window.dilation for j in range(window.kernel)}


@given(windows, st.integers(0, 20), st.integers(1, 6))
def test_forward_is_the_hull_of_all_outputs_that_read_the_interval(window: Window, first: int, length: int) -> None:
    places = set(range(first, first + length))
    touched = [o for o in range(-30, 60) if reads(window, o) & places]
    interval = window.forward((first, first + length))
    if touched:
        assert interval[0] <= min(touched)
        assert max(touched) < interval[1]
        if window.dilation == 1:
            assert interval == (min(touched), max(touched) + 1)
    elif window.dilation == 1:
        assert interval[1] <= interval[0]


@given(windows, st.integers(-5, 20), st.integers(1, 6))
def test_backward_is_the_hull_of_all_inputs_read(window: Window, first: int, length: int) -> None:
    inputs = set().union(*(reads(window, o) for o in range(first, first + length)))
    assert window.backward((first, first + length)) == (min(inputs), max(inputs) + 1)


@given(windows, st.integers(0, 12), st.integers(1, 5))
def test_a_transposed_window_is_the_same_the_other_way_round(window: Window, first: int, length: int) -> None:
    turned = Window(window.kernel, window.stride, window.before, window.dilation, transposed=True)
    places = (first, first + length)
    assert turned.forward(places) == window.backward(places)
    assert turned.backward(places) == window.forward(places)


@given(st.integers(1, 5), st.integers(0, 20))
def test_bilinear_enlargement_reaches_every_output_that_mixes_the_cell(factor: int, cell: int) -> None:
    first, last = upsampling(factor, bilinear=True).forward((cell, cell + 1))
    for output in range((cell + 4) * factor):
        position = (output + 0.5) / factor - 0.5
        if abs(position - cell) < 1 - 1e-9:
            assert first <= output < last


@given(st.integers(1, 60), st.integers(1, 7), st.integers(1, 4), st.integers(1, 3))
def test_same_padding_splits_what_is_missing_in_half(size: int, kernel: int, stride: int, dilation: int) -> None:
    outputs = int(np.ceil(size / stride))
    missing = max((outputs - 1) * stride + (kernel - 1) * dilation + 1 - size, 0)
    assert same_padding(size, kernel, stride, dilation) == missing // 2


def chain(*steps: tuple[Window, int]) -> Dataflow:
    operations = {}
    source = "input"
    for k, (window, grid) in enumerate(steps):
        operations[f"step{k}"] = Operation((source,), (window, window), (grid, grid))
        source = f"step{k}"
    return Dataflow((64, 64), operations)


def test_the_reference_net_has_a_field_of_46_pixels_and_a_stride_of_16() -> None:
    conv, pool = Window(3, 1, 1), Window(2, 2)
    flow = chain(*[(each, 64 >> (k + d)) for k in range(4) for d, each in ((0, conv), (1, pool))])
    assert flow.receptive_field("step7") == (46, 46)
    assert flow.stride("step7") == (16, 16)


def test_a_branch_that_mixes_everything_reaches_everywhere() -> None:
    operations = {
        "near": Operation(("input",), POINTWISE, (8, 8)),
        "mixed": Operation(("near",), None, None),
        "sum": Operation(("near", "mixed"), POINTWISE, (8, 8)),
    }
    flow = Dataflow((8, 8), operations)
    assert flow.footprint("near", 0, (2, 3)) == (2, 3)
    assert flow.footprint("sum", 0, (2, 3)) == (0, 8)
    assert flow.receptive_field("sum") is None


def test_branches_are_joined_by_their_hull() -> None:
    wide = Window(5, 1, 2)
    operations = {
        "a": Operation(("input",), (Window(), Window()), (16, 16)),
        "b": Operation(("input",), (wide, wide), (16, 16)),
        "both": Operation(("a", "b"), POINTWISE, (16, 16)),
    }
    assert Dataflow((16, 16), operations).footprint("both", 1, (8, 9)) == (6, 11)


def test_an_unknown_source_counts_as_everything() -> None:
    flow = Dataflow((8, 8), {"a": Operation(("unknown",), POINTWISE, (8, 8))})
    assert flow.footprint("a", 0, (0, 1)) == (0, 8)
