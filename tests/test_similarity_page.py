"""The page of a similarity shows its numbers: what is handed to the drawing, against sums made here."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from saccade.images import Images
from saccade.results import similarity_page as module
from saccade.results.matches import CoverTest, Link, Match
from saccade.results.similarity import Similarity

GRID = (4, 4)


@pytest.fixture
def why() -> Similarity:
    generator = np.random.default_rng(0)
    images = [Images.from_array(generator.random((1, 16, 16, 3), np.float32), (0, 1), [name]) for name in "ab"]
    shares = np.full(GRID, 0.02)
    shares[0], shares[3, 3] = 0.1, -0.05
    matches = (
        Match.of([Link((0, column), (0, column), 0.1, 0.03) for column in range(4)], GRID, GRID, 0.045),
        Match.of([Link((3, 3), (3, 3), -0.05, 0.01)], GRID, GRID),
        Match.of([Link((1, 1), (1, 1), 0.02, 0.01)], GRID, GRID),
    )
    score = float(shares.sum()) + 0.04
    return Similarity(
        score=score, shares_a=shares, shares_b=shares.copy(), images=(images[0], images[1]), model="m", layer="l",
        special=0.04, special_kind="constant", matches=matches,
        rest=score - sum(match.share for match in matches), split="estimated",
        median_score=0.2, high_score=0.4, typical="a typical pair scores 0.2",
        cover_test=CoverTest(score, (0.2, 0.18), (0.3, -0.25), "grey"),
    )  # fmt: skip


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the drawing is given."""
    arguments: dict[str, Any] = {}

    def pair(*arrays: Any, **named: Any) -> Image.Image:
        arguments.update(named, arrays=arrays)
        return Image.new("RGB", (9, 9))

    monkeypatch.setattr(module, "pair", pair)
    return arguments


def test_the_parts_are_the_matches_with_their_errors(why: Similarity, drawn: dict[str, Any]) -> None:
    why.figure()
    first, second, third = drawn["matches"]
    assert [part.share for part in (first, second, third)] == pytest.approx([0.4, -0.05, 0.02])
    assert first.error == 0.045
    assert first.places_a.sum() == 4
    assert drawn["apart"] == ("the same for every photo", 0.04)
    assert drawn["typical"].median == 0.2
    assert drawn["typical"].high == 0.4
    assert "0.37 of 0.61" in " ".join(drawn["matches_words"])
    assert "standard error" in " ".join(drawn["matches_words"])
    assert drawn["score"] == why.score


def test_covers_are_named_by_the_matches_that_raised_the_score(why: Similarity, drawn: dict[str, Any]) -> None:
    why.figure()
    assert drawn["covering"].numbers == [1, 3]
    assert drawn["covering"].measured == (0.3, -0.25)
    assert "\u22120.25 instead of" in drawn["covering"].words
    replace(why, cover_test=None).figure()
    assert drawn["covering"] is None


def test_what_a_cover_refuted_is_said_below_the_headline(why: Similarity, drawn: dict[str, Any]) -> None:
    why.figure()
    assert "the top quarter of both photos" in drawn["title"]
    title = drawn["title"]
    refuted = CoverTest(why.score, (0.2, 0.18), (0.6, 0.62), "grey")
    replace(why, cover_test=refuted).figure()
    assert drawn["title"] == replace(why, cover_test=refuted).sentence == title
    assert drawn["caption"][0] == (
        "But covering the parts that match does not lower it (0.62): what the cover found is at the end."
    )


def test_of_a_negative_score_the_parts_against_are_covered(why: Similarity, drawn: dict[str, Any]) -> None:
    cover = CoverTest(-0.2, (-0.15,), (-0.14,), "grey")
    replace(why, score=-0.2, cover_test=cover).figure()
    assert drawn["covering"].numbers == [2]


def test_of_matches_that_make_little_of_it_the_maps_come_first(why: Similarity, drawn: dict[str, Any]) -> None:
    why.figure()
    assert not drawn["maps_first"]
    assert why.rest_sentence == ""
    few = replace(why, matches=why.matches[2:], rest=why.score - 0.02)
    few.figure()
    assert drawn["maps_first"]
    assert drawn["caption"][0] == few.rest_sentence
    part = 0.02 / (few.score - few.special)
    assert f"make only {100 * part:.2g} % of it" in few.rest_sentence
    assert not any("Outlined" in text for text in drawn["caption"])
    assert "Outlined in one colour" in drawn["joined_words"][0]
    assert f"make{'s'} 0.020 of {few.score:.2f}" in drawn["matches_words"][0]


def test_what_is_not_there_is_not_drawn(why: Similarity, drawn: dict[str, Any]) -> None:
    replace(why, matches=(), cover_test=None, special=0.0, median_score=None, high_score=None).figure()
    assert drawn["matches"] == []
    assert drawn["apart"] is None
    assert drawn["typical"] is None
    assert any("No part" in line for line in drawn["caption"])
    replace(why, places=False, matches=(), cover_test=None).figure()
    assert drawn["arrays"][2:] == (None, None, None)
    assert drawn["title"] == "0.61 alike"


def test_a_similarity_makes_a_page(why: Similarity) -> None:
    assert why.figure(width=600, theme="dark").width == 600
