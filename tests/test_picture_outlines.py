"""Outlines hold exactly the cells they are drawn round."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from saccade.picture.outlines import Points, loops, outlines


def crossings(line: Points, x: float, y: float) -> int:
    """How often does a ray to the right cross a closed line? One edge after the other."""
    count = 0
    for (x0, y0), (x1, y1) in zip(line, np.roll(line, -1, axis=0), strict=True):
        if (y0 > y) != (y1 > y) and x0 + (y - y0) / (y1 - y0) * (x1 - x0) > x:
            count += 1
    return count


def area(line: Points) -> float:
    x, y = np.asarray(line, float).T
    return float(np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y) / 2)


@st.composite
def grids(draw: st.DrawFn) -> np.ndarray:
    rows, columns = draw(st.integers(1, 6)), draw(st.integers(1, 6))
    cells = draw(st.lists(st.booleans(), min_size=rows * columns, max_size=rows * columns))
    return np.array(cells).reshape(rows, columns)


@settings(max_examples=80, deadline=None)
@given(grids(), st.sampled_from([0.0, 3.0, 50.0]))
def test_the_middle_of_a_cell_is_inside_exactly_if_it_belongs(cells: np.ndarray, inset: float) -> None:
    height, width = 40.0 * cells.shape[0], 90.0 * cells.shape[1]
    lines = outlines(cells, height, width, inset=inset)
    for row, column in np.ndindex(*cells.shape):
        x, y = (column + 0.5) * 90, (row + 0.5) * 40
        assert sum(crossings(line, x, y) for line in lines) % 2 == cells[row, column]


@given(grids())
def test_the_lines_hold_as_much_as_the_cells(cells: np.ndarray) -> None:
    lines = loops(cells)
    assert sum(area(np.array(line)) for line in lines) == cells.sum()
    steps = [np.subtract(there, here) for line in lines for here, there in zip(line, line[1:] + line[:1], strict=True)]
    assert all((step == 0).sum() == 1 for step in steps), "every edge runs along the grid"
    walked = sum(np.abs(step).sum() for step in steps)
    padded = np.pad(cells, 1).astype(int)
    assert walked == np.abs(np.diff(padded, axis=0)).sum() + np.abs(np.diff(padded, axis=1)).sum()


def test_cells_that_touch_at_a_corner_stay_apart_and_holes_run_the_other_way() -> None:
    assert len(loops(np.eye(3, dtype=bool))) == 3
    ring = np.ones((3, 3), bool)
    ring[1, 1] = False
    assert sorted(area(np.array(line)) for line in loops(ring)) == [-1, 9]


@pytest.mark.parametrize("inset", [0.0, 2.0])
def test_a_rounded_outline_stays_within_its_cells(inset: float) -> None:
    cells = np.zeros((4, 4), bool)
    cells[1:3, 1] = cells[2, 2] = True
    (line,) = outlines(cells, 80, 80, inset=inset)
    assert line.min() >= 20 + inset - 1e-9
    assert line.max() <= 60 - inset + 1e-9
    exact = cells.sum() * 400 - inset * 8 * 20 + 4 * inset**2
    assert 0.9 * exact < area(line) < exact
