"""From a table of all pairs of places to links and matches: against what was planted, and against plain loops."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.measure import label

from saccade.pairs.links import excess, matches, regions, strongest_links

SEED = 7
GRID_A, GRID_B = (5, 6), (4, 7)


def table(seed: int = SEED, noise: float = 0.05) -> np.ndarray:
    """Some places are strong with everything; parts 1 and 2 go together, and part 3 speaks against its partner."""
    rng = np.random.default_rng(seed)
    interactions = noise * rng.normal(size=(*GRID_A, *GRID_B))
    interactions += 0.5 * rng.random(GRID_A)[:, :, None, None] + 0.5 * rng.random(GRID_B)
    interactions[:2, :3, 2:, 5:] += 2
    interactions[3:, 4:, :2, :2] += 1
    interactions[3:, :2, 2:, :2] -= 2
    return interactions


def test_the_excess_knows_nothing_of_what_places_add_by_themselves() -> None:
    rng = np.random.default_rng(SEED)
    own = rng.normal(size=GRID_A)[:, :, None, None] + rng.normal(size=GRID_B)
    assert np.allclose(excess(own), 0)
    assert np.allclose(excess(table() + own), excess(table()))


def test_links_are_each_others_best_partners() -> None:
    interactions, above = table(), excess(table())
    links = strongest_links(interactions)
    naive = []
    for a in np.ndindex(GRID_A):
        for b in np.ndindex(GRID_B):
            if above[(*a, *b)] == above[a].max() == above[:, :, b[0], b[1]].max() > 0:
                naive.append((above[(*a, *b)], a, b, interactions[(*a, *b)]))
    naive.sort(reverse=True)
    assert [(link.a, link.b, link.share) for link in links] == [(a, b, share) for _, a, b, share in naive]
    assert len(strongest_links(interactions, 3)) == 3
    certain = strongest_links(interactions, error=np.full(interactions.shape, 0.4))
    assert all(above[(*link.a, *link.b)] > 0.8 for link in certain)
    assert len(certain) < len(links)


@pytest.mark.parametrize("seed", range(5))
def test_planted_parts_are_found(seed: int) -> None:
    interactions = table(seed)
    matched = matches(interactions)
    planted = [
        (1, (slice(None, 2), slice(None, 3)), (slice(2, None), slice(5, None))),
        (1, (slice(3, None), slice(4, None)), (slice(None, 2), slice(None, 2))),
        (-1, (slice(3, None), slice(None, 2)), (slice(2, None), slice(None, 2))),
    ]
    for sign, part_a, part_b in planted:
        expected_a, expected_b = np.zeros(GRID_A, bool), np.zeros(GRID_B, bool)
        expected_a[part_a] = expected_b[part_b] = True
        (match,) = [each for each in matched if (each.places_a & expected_a).any() and np.sign(each.share) == sign]
        assert np.array_equal(match.places_a, expected_a)
        assert np.array_equal(match.places_b, expected_b)
        assert match.share == pytest.approx(interactions[expected_a][:, expected_b].sum())


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.01, 3))
def test_no_pair_is_in_two_matches(seed: int, noise: float) -> None:
    interactions = table(seed, noise)
    matched = matches(interactions)
    assert len(matched) <= 6
    pairs = [match.places_a[:, :, None, None] & match.places_b for match in matched]
    assert (sum(each.astype(int) for each in pairs) <= 1).all()
    for sign in (1, -1):
        alike = [match for match in matched if np.sign(match.share) == sign]
        assert (sum(match.places_a.astype(int) for match in alike) <= 1).all()
        assert (sum(match.places_b.astype(int) for match in alike) <= 1).all()
    assert [abs(match.share) for match in matched] == sorted((abs(match.share) for match in matched), reverse=True)
    for match in matched:
        assert match.share == pytest.approx(interactions[match.places_a][:, match.places_b].sum())
        assert len(match.links) == match.places_a.sum() * match.places_b.sum()


def test_a_place_may_speak_for_and_against() -> None:
    """Each photo has two parts; each goes with one part of the other photo, against the other one."""
    interactions = np.zeros((2, 2, 2, 2))
    interactions[0, :, 0, :], interactions[0, :, 1, :] = 0.3, -0.4
    interactions[1, :, 0, :], interactions[1, :, 1, :] = -0.2, 0.1
    matched = matches(interactions)
    upper = [match for match in matched if match.places_a[0].all()]
    assert sorted(round(match.share, 9) for match in upper) == [-1.6, 1.2]
    assert {float(np.sign(match.share)) for match in matched} == {1.0, -1.0}


@pytest.mark.parametrize("sign", [1, -1])
def test_parts_that_add_less_than_any_pairs_are_no_match(sign: int) -> None:
    """What goes together only in comparison, being much the weaker on both photos, is no part but all the rest."""
    interactions = np.zeros((*GRID_A, *GRID_B))
    interactions[:2, :3, 2:, 5:] = 6
    interactions[2:, :, :2, :] = 0.2
    shown = matches(sign * interactions)
    assert [(match.places_a.sum(), match.places_b.sum()) for match in shown] == [(6, 4)]
    assert shown[0].share == pytest.approx(sign * 6 * 6 * 4)
    interactions[2:, :, :2, :] = 0.4  # more than the mean of all pairs, which is 0.29
    assert [(match.places_a.sum(), match.places_b.sum()) for match in matches(sign * interactions)] == [
        (6, 4),
        (18, 14),
    ]


def test_nothing_goes_with_anything_in_a_flat_table() -> None:
    assert matches(np.ones((2, 2, 3, 3))) == ()
    assert strongest_links(np.ones((2, 2, 3, 3))) == []
    noise = np.random.default_rng(SEED).normal(size=(4, 4, 4, 4))
    assert matches(noise, np.full(noise.shape, 9.0)) == ()
    assert regions(np.zeros((3, 3))) == ()


def test_place_by_place_regions_are_connected_places_of_one_sign() -> None:
    shares = np.zeros((6, 7))
    shares[0, 0:3] = shares[1, 2] = 0.4
    shares[4, 4:6] = -0.9
    shares[5, 0] = 0.1  # too little
    connected = regions(shares)
    strong = label(np.abs(shares) > 0.2, connectivity=1)
    assert len(connected) == strong.max() == 2
    for match in connected:
        assert np.array_equal(match.places_a, match.places_b)
        (number,) = set(strong[match.places_a])
        assert np.array_equal(match.places_a, strong == number)
        assert match.share == pytest.approx(shares[match.places_a].sum())
        assert all(link.a == link.b for link in match.links)
    assert connected[0].share < 0 < connected[1].share
