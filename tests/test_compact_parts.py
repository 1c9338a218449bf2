"""Parts that stay compact, held against the convex hulls and distances of scikit-image and SciPy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import distance_transform_edt, gaussian_filter, label
from skimage.morphology import convex_hull_image

from saccade.pairs.compact_parts import CompactParts
from saccade.pairs.links import matches, regions

FINE = 20
"""Pixels along the side of a place, for the oracle."""


def deepest_outsider(places: np.ndarray) -> float:
    """How deep inside of the hull of a part lies the middle of a place that does not belong? In places."""
    hull = convex_hull_image(np.kron(places, np.ones((FINE, FINE), bool)))
    inside = distance_transform_edt(np.pad(hull, 1))[1:-1, 1:-1] / FINE
    middles = inside[FINE // 2 :: FINE, FINE // 2 :: FINE]
    return float(middles[~places].max(initial=0.0))


def grown(order: list[tuple[int, int]], rows: int, columns: int, most: int = 2) -> np.ndarray:
    """The places that join when they are offered in this order."""
    parts, places = CompactParts(rows, columns, most), np.zeros((rows, columns), bool)
    for place in order:
        if parts.takes(place):
            parts.add(place)
            places[place] = True
    return places


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 2))
def test_nothing_that_does_not_belong_lies_deep_inside_of_a_part(seed: int, most: int) -> None:
    rng = np.random.default_rng(seed)
    rows, columns = rng.integers(1, 10, 2)
    order = [(int(row), int(column)) for row, column in rng.permutation(list(np.ndindex(rows, columns)))]
    parts, count = label(grown(order[: max(1, len(order) * 2 // 3)], rows, columns, most))
    assert 1 <= count <= most
    for number in range(1, count + 1):
        size = (parts == number).sum()
        assert deepest_outsider(parts == number) <= max(0.45, 0.1 * np.sqrt(size)) + 2 / FINE


@pytest.mark.parametrize("columns", [1, 2, 7])
def test_rectangles_grow_whole_in_any_order_of_their_rows(columns: int) -> None:
    assert grown(list(np.ndindex(6, columns)), 6, columns).all()
    assert grown(list(np.ndindex(6, columns))[::-1], 6, columns).all()


def test_hooks_and_rings_do_not() -> None:
    hook = [(row, 0) for row in range(5)] + [(4, column) for column in range(1, 5)]
    assert np.argwhere(grown(hook, 8, 8, most=1)).max(axis=0).tolist() == [4, 1]
    ring = [(0, 0), (0, 1), (0, 2), (1, 2), (2, 2), (2, 1), (2, 0), (1, 0)]
    assert grown(ring, 3, 3, most=1).sum() < 8


def test_two_spots_may_go_together_and_a_third_not() -> None:
    assert np.argwhere(grown([(0, 0), (0, 4), (4, 0), (0, 1)], 5, 5)).tolist() == [[0, 0], [0, 1], [0, 4]]


def test_spots_that_meet_are_one() -> None:
    parts = CompactParts(3, 5)
    for place in [(0, 0), (0, 2), (0, 1)]:
        assert parts.takes(place)
        parts.add(place)
    assert parts.takes((2, 4))  # the second spot is free again


@pytest.mark.parametrize("seed", range(4))
def test_what_winds_becomes_several_regions_and_none_of_it_counts_twice(seed: int) -> None:
    shares = gaussian_filter(np.random.default_rng(seed).normal(size=(12, 9)), 1.1)
    shares /= np.abs(shares).max()
    shown = regions(shares, most=100)
    everywhere = sum(match.places_a.astype(int) for match in shown)
    assert everywhere.max() == 1
    assert (everywhere > 0)[np.abs(shares) >= 0.25].all()  # whatever is strong is in one of them
    for match in shown:
        assert label(match.places_a)[1] == 1
        size = match.places_a.sum()
        assert deepest_outsider(match.places_a) <= max(0.45, 0.1 * np.sqrt(size)) + 2 / FINE
        assert match.share == pytest.approx(shares[match.places_a].sum())
    few = regions(shares, most=3)
    assert [match.share for match in few] == [match.share for match in shown[:3]]  # those that count most


def test_a_part_that_winds_round_the_photo_is_not_one_match() -> None:
    ring = np.ones((7, 7), bool)
    ring[1:-1, 1:-1] = False
    table = np.zeros((7, 7, 7, 7))
    table[ring] = np.where(ring[::-1], 1.0, 0.0)
    matched = matches(table)
    assert matched
    for match in matched:
        for places in (match.places_a, match.places_b):
            parts, count = label(places)
            assert count <= 2
            assert all(deepest_outsider(parts == number) <= 0.5 for number in range(1, count + 1))
