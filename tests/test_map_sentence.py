"""A map in one sentence: the numbers in it, against closed forms."""

from __future__ import annotations

import numpy as np
import pytest

from saccade.results.map_sentence import area, inside, main_region, map_sentence


def test_the_numbers_are_those_of_the_map() -> None:
    values = np.zeros((10, 10), np.float32)
    values[0, 0], values[0, 1:4] = 3.0, 1.0  # weight 6: the first cell holds half of it
    text = map_sentence(values, signed=False)
    assert "Half of it lies in 1.0 % of the photo's area" in text
    assert "(100 %) in the upper left quarter" in text
    assert "its strongest place, in the upper left corner, counts 50 times as much as an average one" in text


def test_the_strongest_place_is_named_where_there_is_one() -> None:
    values = np.ones((8, 8), np.float32)
    values[3, 2] = values[3, 3] = 2.0
    assert "its strongest place, left of the centre, counts" in map_sentence(values, signed=False)
    values[6, 6] = 2.0
    assert "its strongest place counts" in map_sentence(values, signed=False)


def test_evidence_against_is_weighed() -> None:
    values = np.ones((8, 8), np.float32)
    values[:, 4:] = -0.5
    sentence = map_sentence(values, signed=True)
    assert sentence.startswith(
        "Half of what speaks for it lies in 25 % of the photo's area, most of it (100 %) in the left half"
    )
    assert sentence.endswith("What speaks against it weighs 50 % of that, most of it (100 %) in the right half.")
    more = map_sentence(-values, signed=True)
    assert more.startswith(
        "More speaks against it than for it. Half of what speaks against it lies in 25 % of the photo"
    )
    assert more.endswith("What speaks for it weighs 50 % of that, most of it (100 %) in the right half.")
    assert "against" not in map_sentence(np.abs(values), signed=False)
    only_against = map_sentence(-np.eye(8, dtype=np.float32), signed=True)
    assert only_against.startswith("Half of what lies below zero lies in 6.2 % of the photo's area")


def test_where_zero_is_the_mean_nothing_is_said_of_what_lies_below() -> None:
    values = np.zeros((8, 8), np.float32)
    values[:2, :2] = 1.0
    values -= values.mean()
    assert map_sentence(values, signed=True, zero_is_mean=True) == (
        "Half of what exceeds the map's mean lies in 3.1 % of the photo's area, most of it (100 %) in the "
        "upper left quarter; its strongest place is in the upper left corner."
    )
    evenly = np.where(np.indices((8, 8)).sum(axis=0) % 2, 1.0, -1.0)
    assert map_sentence(evenly, signed=True, zero_is_mean=True) == (
        "Half of what exceeds the map's mean lies in 25 % of the photo's area."
    )


def test_a_flat_map_says_so_and_an_even_one_names_no_place() -> None:
    assert map_sentence(np.full((4, 4), 0.3), signed=False) == "Nothing stands out: the map is flat."
    noise = 1 + 0.1 * np.random.default_rng(0).random((32, 32))
    assert " in the " not in map_sentence(noise, signed=False)


def test_regions() -> None:
    shares = np.zeros((8, 8))
    shares[6:, :] = 1
    assert main_region(shares) == ("the bottom quarter", 1.0)
    assert inside(np.ones((3, 3)), (0.0, 0.0, 0.5, 1.0)) == pytest.approx(4.5)
    assert area((0.25, 0.25, 0.75, 0.75)) == pytest.approx(0.25)
