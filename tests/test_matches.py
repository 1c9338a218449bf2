"""Links, matches and the cover test as data: sums, places, files."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from saccade.errors import FileError, InputError, NotApplicable
from saccade.images import Images
from saccade.results import CoverTest, Link, Match, Similarity
from saccade.results.matches import tried_matches

SEED = 7
GRIDS = (3, 4), (2, 5)


def match(shares: list[float], error: float | None = None, together: float | None = None) -> Match:
    rng = np.random.default_rng(len(shares))
    places = [[tuple(int(rng.integers(side)) for side in grid) for grid in GRIDS] for _ in shares]
    links = [Link(*place, share, error) for place, share in zip(places, shares, strict=True)]
    return Match.of(links, *GRIDS, together)


def similarity(**fields: object) -> Similarity:
    rng = np.random.default_rng(SEED)
    table = rng.normal(size=(*GRIDS[0], *GRIDS[1]))
    matches = match([0.1, -0.5, 0.3]), match([-0.2], 0.01, 0.02)
    images = [Images.from_array(rng.random((1, 8, 8, 3), np.float32), (0.0, 1.0), [name]) for name in "ab"]
    whole = Similarity(
        score=table.sum(), shares_a=table.sum(axis=(2, 3)), shares_b=table.sum(axis=(0, 1)),
        images=(images[0], images[1]), model="m", layer="l", matching="anywhere", interactions=table,
        within=(rng.random((*GRIDS[0] * 2,)), rng.random((*GRIDS[1] * 2,))), matches=matches, median_score=0.5,
        high_score=0.75, split="estimated", error=(rng.random(GRIDS[0]), rng.random(GRIDS[1])),
        rest=table.sum() - sum(one.share for one in matches),
        cover_test=CoverTest(0.9, (0.5, 0.25), (0.75, 0.5), "its own blur"),
    )  # fmt: skip
    return replace(whole, **fields)  # type: ignore[arg-type]


def test_a_match_is_the_sum_of_its_links() -> None:
    one = match([0.1, -0.5, 0.3])
    assert one.share == pytest.approx(-0.1)
    assert [link.share for link in one.links] == [-0.5, 0.3, 0.1]
    assert {tuple(place) for place in np.argwhere(one.places_a).tolist()} == {link.a for link in one.links}
    assert {tuple(place) for place in np.argwhere(one.places_b).tolist()} == {link.b for link in one.links}
    with pytest.raises(ValueError, match="read-only"):
        one.places_a[0] = True


def test_links_of_a_place_sum_to_its_share() -> None:
    why = similarity()
    for row, column in np.ndindex(GRIDS[0]):
        assert why.links_of(row, column).sum() == pytest.approx(why.shares_a[row, column])
    for row, column in np.ndindex(GRIDS[1]):
        links = why.links_of(row, column, which=1)
        assert links.shape == GRIDS[0]
        assert links.sum() == pytest.approx(why.shares_b[row, column])
    assert why.links_of(2, 3)[1, 4] == why.links_of(1, 4, which=1)[2, 3] == why.interactions[2, 3, 1, 4]  # type: ignore[index]
    with pytest.raises(InputError, match="3x4 places, so place 3,0 does not exist"):
        why.links_of(3, 0)
    with pytest.raises(NotApplicable, match="too many for a table"):
        replace(why, interactions=None).links_of(0, 0)
    with pytest.raises(NotApplicable, match="has no places"):
        replace(why, places=False).links_of(0, 0)


def test_place_by_place_a_place_links_to_itself_alone() -> None:
    shares = np.arange(6.0).reshape(2, 3)
    why = similarity(shares_a=shares, shares_b=shares.copy(), interactions=None, within=None, matching="place")
    links = why.links_of(1, 2)
    assert links[1, 2] == links.sum() == 5


def test_all_of_it_is_saved_and_opened(tmp_path: Path) -> None:
    why = similarity()
    opened = Similarity.load(why.save(tmp_path / "why.npz"))
    for name, array in why.arrays().items():
        assert np.array_equal(opened.arrays()[name], array, equal_nan=True), name
    assert opened.to_dict() == why.to_dict()
    assert [one.links for one in opened.matches] == [one.links for one in why.matches]
    assert [one.error for one in opened.matches] == [None, 0.02]
    saved = json.loads(why.save(tmp_path / "why.json").read_text())
    link = why.matches[1].links[0]
    numbers = {"a": list(link.a), "b": list(link.b), "share": -0.2, "error": 0.01}
    assert saved["matches"][1] == {"share": -0.2, "error": 0.02, "links": [numbers]}
    assert np.allclose(saved["interactions"], why.interactions)
    assert (saved["median_score"], saved["high_score"], saved["split"]) == (0.5, 0.75, "estimated")
    assert saved["cover_test"]["measured"] == [0.75, 0.5]


@pytest.mark.parametrize("name", ["links", "match_errors", "interactions", "error_b"])
def test_a_file_whose_parts_do_not_fit_is_damaged(tmp_path: Path, name: str) -> None:
    path = similarity().save(tmp_path / "why.npz")
    with np.load(path) as file:
        arrays = dict(file)
    arrays[name] = arrays[name] + 9.0 if name == "links" else arrays[name][:1]
    np.savez(path, **arrays)
    with pytest.raises(FileError, match="damaged"):
        Similarity.load(path)


def test_the_cover_test_says_why_it_disagrees() -> None:
    assert CoverTest(0.9, (0.5, 0.2), (0.52, 0.21), "blur").agrees
    assert CoverTest(0.9, (0.9,), (0.915,), "blur").agrees  # a miss that nobody would notice
    assert "a share says what is there" not in CoverTest(0.9, (0.5,), (0.52,), "blur").sentence
    disagreeing = CoverTest(0.881, (0.7,), (0.888,), "under its own blur")
    assert not disagreeing.agrees
    assert "is 0.89 instead of 0.88 (the mean of both ways, under its own blur)" in disagreeing.sentence
    assert "the shares predict 0.70. The cover contradicts the shares:" in disagreeing.sentence
    assert "With the strongest match that raises it covered on one photo" in disagreeing.sentence
    assert "With the 2 strongest matches that lower it covered" in CoverTest(-0.3, (-0.2, -0.1), (0, 0), "").sentence
    weaker = CoverTest(0.881, (0.3,), (0.7,), "under its own blur")
    assert "The cover changes it less: a share says what is there" in weaker.sentence
    assert "stand in" in weaker.sentence
    stronger = CoverTest(0.881, (0.7,), (0.3,), "under its own blur")
    assert "The cover changes it more: " in stronger.sentence
    assert "stand in" not in stronger.sentence
    cancelling = CoverTest(-0.52, (-1.2,), (-0.57,), "under its own blur")
    assert "-1.2" not in cancelling.sentence
    assert "is no similarity at all" in cancelling.sentence


def test_what_made_the_score_is_covered() -> None:
    matches = match([0.1]), match([-0.2]), match([0.3]), match([-0.05])
    assert tried_matches(matches, 0.2) == [2, 0]
    assert tried_matches(matches, -0.2) == [1, 3]
