"""Which layers the holes stop at, and what is pasted there: against every chain tried, and naive loops."""

from __future__ import annotations

from itertools import combinations

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from saccade.encoder import Encoder
from saccade.occlusion.stages import Pasted, Stage, cheapest, stages
from saccade.occlusion.tiling import Holes, Tiling, apart, holes, one_each, tilings
from saccade.run import Run

PASTED = 3
"""What a pasted number costs, as the docstring of `saccade.occlusion.stages` has it in words."""


LAYERS = st.lists(st.tuples(st.integers(1, 99), st.integers(1, 60), st.booleans()), min_size=1, max_size=7)
"""How many numbers a layer has, its passes, and whether it may be a stage."""
small = st.integers(1, 4)


def planned(passes: int) -> Tiling:
    """Some tiling that takes so many passes."""
    return Tiling(holes((9, 9), (1, 1), (1, 1)), tuple((k,) for k in range(passes)), ((0,),), (), ())


def cost_of(chain: tuple[Stage, ...], sizes: dict[str, int], passes: int) -> int:
    """Number by number: every stage once unchanged on the way to it, then its own part in all its passes."""
    order, total, done = list(sizes), 0, 0
    for number, (layer, times) in enumerate([*((each.layer, each.plan.passes) for each in chain), (order[-1], passes)]):
        place = order.index(layer) + 1
        total += sum(sizes[each] for each in order[:done])
        total += times * sum(sizes[each] for each in order[done:place])
        total += times * PASTED * chain[number - 1].numbers if number else 0
        done = place
    return total


@settings(max_examples=200)
@given(
    st.lists(st.tuples(st.integers(1, 99), st.integers(1, 60), st.booleans()), min_size=1, max_size=7),
    st.integers(1, 80),
)
def test_the_chain_is_the_cheapest_of_all(layers: list[tuple[int, int, bool]], passes: int) -> None:
    sizes = {f"layer_{k}": numbers for k, (numbers, _, _) in enumerate(layers)} | {"code": 5}
    candidates = [
        Stage(f"layer_{k}", planned(times), numbers) for k, (numbers, times, is_stage) in enumerate(layers) if is_stage
    ]
    cost, chain = cheapest(candidates, sizes, passes)
    every = [chosen for count in range(len(candidates) + 1) for chosen in combinations(candidates, count)]
    assert cost == min(cost_of(each, sizes, passes) for each in every)
    assert cost == cost_of(chain, sizes, passes)


def laid(where: Holes, reach: int, stride: int, grid: tuple[int, int]) -> Tiling:
    """Holes that reach so many places further on a grid so many times coarser."""

    def footprints(starts: tuple[int, ...], patch: int, length: int) -> tuple[tuple[int, int], ...]:
        ends = [(first // stride - reach, -(-(first + patch) // stride) + reach) for first in starts]
        return tuple((max(0, first), min(length, last)) for first, last in ends)

    rows = footprints(where.rows, where.patch[0], grid[0])
    columns = footprints(where.columns, where.patch[1], grid[1])
    return Tiling(where, apart(rows), apart(columns), rows, columns)


@settings(max_examples=60)
@given(
    st.integers(8, 24), st.integers(8, 24), st.integers(1, 4), st.integers(1, 5), st.integers(0, 2), st.integers(0, 99)
)
def test_each_hole_brings_its_own_footprint_along(h: int, w: int, patch: int, step: int, reach: int, seed: int) -> None:
    where, grid = holes((h, w), (patch, patch), (step, step)), (-(-h // 2), -(-w // 2))
    before, after = laid(where, reach, 2, grid), laid(where, reach + 1, 2, grid)
    values = np.random.default_rng(seed).random((1 + before.passes, *grid, 2), np.float32)
    group = {
        (row, column): 1 + number
        for number in range(before.passes)
        for row in before.members(number)[0].tolist()
        for column in before.members(number)[1].tolist()
    }
    for later in (after, one_each(where)):
        points = Pasted(values, before, later)
        assert len(points) == 1 + later.passes
        pasted = points.take(0, len(points))["values"][:, 0]
        np.testing.assert_array_equal(pasted[0], values[0])
        for number in range(later.passes):
            expected = values[0].copy()
            for row in later.members(number)[0].tolist():
                for column in later.members(number)[1].tolist():
                    for y in range(*before.row_footprints[row]):
                        for x in range(*before.column_footprints[column]):
                            expected[y, x] = values[group[row, column], y, x]
            np.testing.assert_array_equal(pasted[1 + number], expected)
        middle = len(points) // 2
        np.testing.assert_array_equal(points.take(middle, len(points))["values"][:, 0], pasted[middle:])


@pytest.mark.parametrize(("size", "cut"), [(224, ["pool_2", "pool_3"]), (32, [])])
def test_the_reference_net_is_cut_where_it_pays(size: int, cut: list[str]) -> None:
    inputs = x = keras.Input((size, size, 3))
    for block, width in enumerate((32, 64, 128, 128), start=1):
        x = keras.layers.Conv2D(width, 3, padding="same", activation="elu")(x)
        x = keras.layers.MaxPooling2D(2, name="encoded" if block == 4 else f"pool_{block}")(x)
    encoder = Encoder(keras.Model(inputs, x), layer="encoded", value_range=(0, 1))
    last = tilings(encoder.dataflow(size, size), ("encoded",), holes((size, size), (16, 16), (8, 8)))["encoded"]
    chosen = stages(Run(encoder), np.zeros((1, size, size, 3), np.float32), ["encoded"], last)
    assert [each.layer for each in chosen] == cut
    assert [each.plan.passes for each in chosen] == [9, 16][: len(cut)]
