"""Tiling and chunks, the arithmetic: against naive loops."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from saccade.attribution.smoothing import gaussian_blur, smoothed
from saccade.engines.chunks import chunks
from saccade.models.dataflow import Dataflow, Operation, Window
from saccade.occlusion.tiling import holes, tilings

sizes = st.integers(5, 40)


def flow(size: tuple[int, int], stride: int) -> Dataflow:
    grid = (-(-size[0] // stride), -(-size[1] // stride))
    window = Window(3, stride, 1)
    return Dataflow(size, {"code": Operation(("input",), (window, window), grid)})


@given(sizes, sizes, st.integers(1, 5), st.integers(1, 7))
def test_holes_cover_every_pixel_and_stay_inside(height: int, width: int, patch: int, stride: int) -> None:
    where = holes((height, width), (patch, patch), (stride, stride))
    rows, columns = where.stencils()
    assert rows.sum(axis=1).tolist() == [patch] * len(where.rows)
    assert columns.sum(axis=1).tolist() == [patch] * len(where.columns)
    if stride <= patch:
        assert rows.max(axis=0).all()
        assert columns.max(axis=0).all()


@given(sizes, sizes, st.integers(1, 5), st.integers(1, 5), st.integers(1, 4))
def test_no_cell_can_see_two_holes_of_one_pass(height: int, width: int, patch: int, step: int, stride: int) -> None:
    where = holes((height, width), (patch, patch), (step, step))
    plan = tilings(flow((height, width), stride), ("code",), where)["code"]
    for groups, footprints in (
        (plan.row_groups, plan.row_footprints),
        (plan.column_groups, plan.column_footprints),
    ):
        assert sorted(k for group in groups for k in group) == list(range(len(footprints)))
        for group in groups:
            cells = [cell for k in group for cell in range(*footprints[k])]
            assert len(cells) == len(set(cells))
    assert len(plan.points) == 1 + plan.passes


def test_the_reference_net_needs_49_passes_at_any_size() -> None:
    conv, pool = Window(3, 1, 1), Window(2, 2)
    for size in (224, 448, 1024):
        operations = {}
        source, grid = "input", size
        for k in range(4):
            operations[f"conv{k}"] = Operation((source,), (conv, conv), (grid, grid))
            grid //= 2
            operations[f"pool{k}"] = Operation((f"conv{k}",), (pool, pool), (grid, grid))
            source = f"pool{k}"
        where = holes((size, size), (16, 16), (8, 8))
        assert tilings(Dataflow((size, size), operations), ("pool3",), where)["pool3"].passes == 49


@settings(max_examples=30)
@given(st.integers(8, 20), st.integers(8, 20), st.integers(1, 4), st.integers(1, 4), st.integers(0, 99))
def test_sums_exchange_each_footprint_exactly(height: int, width: int, patch: int, step: int, seed: int) -> None:
    where = holes((height, width), (patch, patch), (step, step))
    plan = tilings(flow((height, width), 2), ("code",), where)["code"]
    random = np.random.default_rng(seed)
    grid = (-(-height // 2), -(-width // 2))
    untouched = random.normal(size=(2, *grid, 3)).astype(np.float32)
    changed = random.normal(size=(plan.passes, 2, *grid, 3)).astype(np.float32)
    counts = np.zeros((len(where.rows), len(where.columns)), int)
    half = plan.passes // 2
    found_by_pass = [
        *plan.sums(slice(0, half), changed[:half], untouched),
        *plan.sums(slice(half, plan.passes), changed[half:], untouched),
    ]
    for number, footprint in enumerate(found_by_pass):
        rows, columns = plan.members(number)
        largest = [members[number] for members in plan.all_members]
        assert footprint.shape[1:3] == (len(largest[0]), len(largest[1]))
        assert set(largest[0]) == set(rows)
        assert set(largest[1]) == set(columns)
        for i, r in enumerate(rows):
            for j, c in enumerate(columns):
                counts[r, c] += 1
                mixed = untouched.astype(np.float64).copy()
                box = (slice(None), slice(*plan.row_footprints[r]), slice(*plan.column_footprints[c]))
                mixed[box] = changed[number][box]
                np.testing.assert_allclose(footprint[:, i, j], mixed.sum(axis=(1, 2)), rtol=1e-9, atol=1e-9)
    assert (counts == 1).all()


@given(sizes, sizes, st.integers(1, 5), st.integers(1, 4), st.integers(0, 99))
def test_a_pixel_shows_the_mean_of_the_holes_over_it(h: int, w: int, patch: int, step: int, seed: int) -> None:
    where = holes((h, w), (patch, patch), (step, step))
    values = np.random.default_rng(seed).normal(size=(1, len(where.rows), len(where.columns)))
    spread = where.spread(values)[0]
    total, times = np.zeros((h, w)), np.zeros((h, w))
    for r, top in enumerate(where.rows):
        for c, left in enumerate(where.columns):
            total[top : top + patch, left : left + patch] += values[0, r, c]
            times[top : top + patch, left : left + patch] += 1
    np.testing.assert_allclose(spread, total / np.maximum(times, 1), rtol=1e-5, atol=1e-6)
    down, across = where.shares()
    smooth = where.spread(values, (smoothed(down, step / 2), smoothed(across, step / 2)))
    np.testing.assert_allclose(smooth, gaussian_blur(spread[None], step / 2), rtol=1e-5, atol=2e-6)


@given(st.integers(1, 40), st.integers(1, 80), st.integers(1, 24))
def test_pieces_have_one_shape_and_count_everything_once(images: int, points: int, examples: int) -> None:
    plan = chunks(images, points, examples)
    assert plan.images * plan.points <= max(examples, 1)
    counted = np.zeros((images, points), int)
    pieces = list(plan.pieces(images, points))
    assert len(pieces) == plan.count(images, points)
    for piece in pieces:
        assert piece.images.stop - piece.images.start == plan.images
        assert piece.points.stop - piece.points.start == plan.points
        counted[piece.images, piece.points.start + piece.new_points : piece.points.stop] += 1
    assert (counted >= 1).all()
    assert (counted == counted[:, :1]).all()
