"""A similarity in words: every number in them against a sum made here."""

from __future__ import annotations

import numpy as np
import pytest

from saccade.picture.colour_names import COLOUR_NAMES, colour_names
from saccade.results.matches import CoverTest, Link, Match
from saccade.results.similarity_words import (
    cover_doubt,
    headline,
    joined_places,
    match_sentence,
    part_in_words,
    region,
    rest_sentence,
    shared_colour,
)


def below(score: float, part: float) -> np.ndarray:
    """Shares of which a part lies in the lower half."""
    shares = np.full((8, 8), score * (1 - part) / 32)
    shares[4:] = score * part / 32
    return shares


@pytest.mark.parametrize(
    ("shares_a", "shares_b", "score", "sentence"),
    [
        (below(0.8, 0.7), below(0.8, 0.7), 0.8, "0.80 alike: 70 % of it lies in the lower half of both photos"),
        (
            below(0.8, 0.7), below(0.8, 0.9), 0.8,
            "0.80 alike: 70 % of it lies in the lower half of the first photo, and 90 % of the second",
        ),
        (
            below(0.8, 0.7), below(0.8, 0.7).T, 0.8,
            (
                "0.80 alike: 70 % of it lies in the lower half of the first photo, "
                "and 70 % in the right half of the second"
            ),
        ),
        (below(0.8, 0.51), below(0.8, 0.51), 0.8, "0.80 alike: it comes from all over both photos"),
        (below(0.8, 0.7), below(0.8, 0.5001), 0.8,
         "0.80 alike: 70 % of it lies in the lower half of the first photo; in the second it lies all over"),
        (below(0.8, 0.5001), below(0.8, 0.7), 0.8,
         "0.80 alike: 70 % of it lies in the lower half of the second photo; in the first it lies all over"),
        (np.full((2, 2), 0.2), np.full((2, 2), 0.2), 0.8, "0.80 alike: every place adds the same"),
        (below(1, 0.7), below(1, 0.7), 1.0, "1.0 alike: to this model they are the same"),
        (
            below(-0.3, 0.7), below(-0.3, 0.7), -0.3,
            (
                "\u22120.30 alike: more sets them apart than makes them alike; "
                "70 % of what sets them apart lies in the lower half of both photos"
            ),
        ),
        (below(-0.3, 0.5), below(-0.3, 0.5), -0.3, "\u22120.30 alike: more sets them apart than makes them alike"),
        (np.array([[0.2, -0.2]]), np.array([[0.2, -0.2]]), 0.0, "0 alike: as much sets them apart as makes them alike"),
    ],
)  # fmt: skip
def test_the_headline_is_what_the_numbers_say(
    shares_a: np.ndarray, shares_b: np.ndarray, score: float, sentence: str
) -> None:
    assert headline(score, shares_a, shares_b) == sentence


def test_what_speaks_against_is_not_counted_as_the_similarity() -> None:
    shares = below(0.9, 0.7)
    shares[0, 0] -= 0.1
    raised = np.maximum(shares, 0)
    part = raised[4:].sum() / raised.sum()
    assert f"{100 * part:.0f} % of what makes them alike lies in the lower half" in headline(0.8, shares, shares)


def test_an_empty_middle_has_surroundings() -> None:
    shares = np.ones((8, 8))
    shares[2:6, 2:6] = 0.1
    where, part = region(shares)
    assert where == "outside the middle"
    assert "lies outside the middle of both photos" in headline(0.9, shares, shares)
    assert part == pytest.approx(48 / 49.6)
    assert region(np.ones((8, 8)))[0] == "the whole photo"


def test_the_strongest_match_is_told_by_its_share() -> None:
    links = [Link((7, 0), (0, 7), 0.2), Link((7, 1), (0, 6), 0.04)]
    strongest, other = Match.of(links, (8, 8), (8, 8)), Match.of([Link((1, 1), (1, 1), -0.3)], (8, 8), (8, 8))
    assert match_sentence(0.6, [other, strongest]) == (
        "The strongest match, a spot in the lower left corner of the first photo with a spot in the upper right corner "
        "of the second, adds 0.24, 40 % of the similarity."
    )
    even = np.linspace(0.009, 0.01, 64).reshape(8, 8)
    assert headline(0.6, even, even, matches=[strongest, other]) == (
        "0.60 alike: 40 % of it is one match: a spot in the lower left corner of the first photo with a spot in the "
        "upper right corner of the second"
    )
    assert "from all over" in headline(0.6, even, even, matches=[other])
    assert match_sentence(0.1, [strongest]).endswith(
        "adds 0.24, more than the whole similarity: other places lowered it again."
    )
    assert "from all over" in headline(0.1, even / 6, even / 6, matches=[strongest])
    assert match_sentence(0.6, [other]) == ""
    assert match_sentence(0.6, []) == ""
    assert match_sentence(-0.1, [strongest]) == ""


def test_a_common_colour_is_counted_where_both_have_it() -> None:
    first = np.full((64, 64, 3), (128, 128, 128), np.uint8)
    second = first.copy()
    first[:, :32], second[:, :56] = (200, 30, 30), (180, 20, 40)
    shares = np.full((8, 8), 0.1)
    shares[:, :4] = 0.3
    colour = shared_colour((first, second), (shares, shares), same_place=True)
    assert colour is not None
    assert colour.name == "red"
    assert colour.parts == pytest.approx((0.75, 0.75), abs=0.02)
    assert colour.areas == pytest.approx((0.5, 0.5), abs=0.02)
    assert "75 % of it lies where both photos are red" in headline(0.8, shares, shares, colour=colour)
    anywhere = shared_colour((first, second), (shares, shares), same_place=False)
    assert anywhere is None, "in the second photo it holds hardly more than its area"
    assert shared_colour((first, second), (np.ones((8, 8)), np.ones((8, 8))), same_place=True) is None
    grey = np.full((64, 64, 3), 128, np.uint8)
    assert shared_colour((grey, grey), (shares, shares), same_place=True) is None
    assert shared_colour((first, second), (-shares, -shares), same_place=True) is None


def test_colours_have_the_names_that_people_give_them() -> None:
    named = {
        "black": (8, 8, 10), "white": (250, 250, 245), "grey": (128, 130, 127), "red": (200, 20, 30),
        "orange": (240, 140, 20), "yellow": (240, 220, 40), "green": (30, 140, 50), "blue": (30, 60, 200),
        "purple": (130, 40, 200), "pink": (250, 150, 160), "brown": (110, 70, 30),
    }  # fmt: skip
    photo = np.array([list(named.values())], np.uint8)
    assert [COLOUR_NAMES[index] for index in colour_names(photo)[0]] == list(named)
    every = np.stack(np.meshgrid(*[np.arange(0, 256, 15)] * 3, indexing="ij"), axis=-1).reshape(1, -1, 3)
    assert set(colour_names(every.astype(np.uint8)).ravel()) == set(range(len(COLOUR_NAMES)))


def test_a_match_is_told_by_its_size_and_place() -> None:
    everywhere, corner, spread = np.ones((4, 4), bool), np.zeros((4, 4), bool), np.zeros((8, 8), bool)
    corner[:2, :2] = True
    spread[::7, ::7] = True
    assert joined_places(Match((), 0.5, everywhere, everywhere)) == "all of both photos"
    assert joined_places(Match((), 0.5, corner, spread)) == (
        "the upper left quarter of the first photo with places all over the second"
    )
    eye = np.zeros((8, 8), bool)
    eye[3:5, 2:4] = True
    assert part_in_words(eye) == "a spot left of the centre of"
    pillar = np.zeros((8, 8), bool)
    pillar[:, 3] = True
    assert part_in_words(pillar) == "places in the left half of", "it fills a quarter of it"
    beyond = np.zeros((8, 8), bool)
    beyond[:5, :4] = beyond[4, :] = True
    assert part_in_words(beyond) == "mostly the upper left quarter of", "two thirds of it lie there"
    assert part_in_words(np.arange(64).reshape(8, 8) % 3 == 0) == "places all over"


@pytest.mark.parametrize(
    ("score", "predicted", "measured", "doubt"),
    [
        (0.8, (0.5, 0.2), (0.52, 0.21), ""),
        (0.8, (0.5, 0.2), (0.4, -0.3), ""),  # they count for more than was predicted
        (0.8, (0.5, 0.2), (0.8, 0.9), "covering the parts that match does not lower it (0.90)"),
        (0.8, (0.2,), (0.7,), "covering the part that matches hardly lowers it (0.70)"),
        (0.8, (0.5, 0.2), (0.7, 0.6), "covering the parts that match lowers it less than the shares predict (0.60)"),
        (-0.3, (0.1,), (-0.28,), "covering what sets them apart hardly raises it (\u22120.28)"),
        (-0.3, (0.1,), (-0.5,), "covering what sets them apart does not raise it (\u22120.50)"),
    ],
)  # fmt: skip
def test_what_a_cover_refuted_is_said(
    score: float, predicted: tuple[float, ...], measured: tuple[float, ...], doubt: str
) -> None:
    cover = CoverTest(score, predicted, measured, "blur")
    assert cover_doubt(cover) == doubt


@pytest.mark.parametrize(
    ("special", "kind", "sentence"),
    [
        (
            0.72, "constant",
            ("90 % of it comes from a constant that the network adds to every photo; "
            "70 % of what their places add lies in the lower half of both photos"),
        ),
        (
            0.48, "tokens",
            ("60 % of it comes from tokens that stand for the whole photo, and for no place in it; "
            "70 % of what their places add lies in the lower half of both photos"),
        ),
        (0.16, "constant", "70 % of what their places add lies in the lower half of both photos"),
        (-0.16, "constant", "70 % of what their places add lies in the lower half of both photos"),
        (0.01, "constant", "70 % of it lies in the lower half of both photos"),
        (
            0.9, "tokens and constant",
            "more than all of it comes from no place of the photos; what the photos show lowers it",
        ),
    ],
)  # fmt: skip
def test_what_is_no_place_is_said_first_if_it_is_most_of_it(special: float, kind: str, sentence: str) -> None:
    shares = below(0.8 - special, 0.7)
    assert headline(0.8, shares, shares, special=special, special_kind=kind) == f"0.80 alike: {sentence}"
    apart = below(-0.8 + special, 0.7)
    negative = headline(-0.8, apart, apart, special=-special, special_kind=kind)
    assert ("of that comes from" in negative) == (special >= 0.4)


def match_of(share: float) -> Match:
    return Match.of([Link((0, 0), (1, 1), share)], (2, 2), (2, 2))


@pytest.mark.parametrize(
    ("score", "shares", "special", "sentence"),
    [
        (
            0.5, [0.1, 0.02, -0.04], 0.0,
            (
                "The parts that go together make only 16 % of it. The other 84 % belongs to no two parts alone: it is "
                "spread over both photos, most of it where the maps are orange."
            ),
        ),
        # what is no place is not what the matches could make
        (0.5, [0.05], 0.25, "The parts that go together make only 20 % of it. The other 80 % belongs"),
        (0.5, [0.05], 0.4, ""),
        (0.5, [0.1, -0.1], 0.0, "The parts that go together make none of it, all told. What makes it belongs"),
        (0.5, [0.2], 0.0, ""),
        (0.5, [], 0.0, ""),
        (-0.5, [-0.1], 0.0, ""),
    ],
)  # fmt: skip
def test_what_carries_a_similarity_that_matches_do_not(
    score: float, shares: list[float], special: float, sentence: str
) -> None:
    result = rest_sentence(score, [match_of(share) for share in shares], special)
    assert result.startswith(sentence)
    assert bool(result) == bool(sentence)
