"""Some photos of a collection together: the arithmetic by brute force, the request, a line drawn around them."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from app_servers import BEARER, TOKEN, drawing_encoder, running, test_client
from browsers import chromium
from test_app_answers import decoded
from test_app_browser import until, visiting
from test_app_collection import folder, paths, ready  # noqa: F401 (fixtures)

from saccade.app.assembly import create_app
from saccade.collection import CodeSpace
from saccade.collection.photo_group import group_of
from saccade.errors import InputError

CODES = np.random.default_rng(0).normal(size=(40, 3, 4, 5)).astype(np.float32)
CODES[5:12] += 1.5 * np.random.default_rng(1).normal(size=(3, 4, 5))
SPACE = CodeSpace.around(CODES, CODES.mean(axis=0).astype(float), "collection")


def test_shares_are_those_of_all_pairs() -> None:
    rows = [7, 5, 9, 30]
    group = group_of(SPACE, rows)
    directions = SPACE.directions.reshape(CODES.shape).astype(float)
    by_pair = [(directions[a] * directions[b]).sum(axis=2) for a, b in combinations(rows, 2)]
    np.testing.assert_allclose(group.shares, np.mean(by_pair, axis=0), atol=1e-7)
    np.testing.assert_allclose(group.likeness, np.mean([pair.sum() for pair in by_pair]), atol=1e-7)
    np.testing.assert_allclose(group.mean_code, CODES[rows].mean(axis=0), atol=1e-5)
    assert sorted(group.rows) == sorted(rows)
    assert group.rows[-1] == 30, "the one that does not belong is the least typical"


def test_others_are_those_that_fit() -> None:
    group = group_of(SPACE, [5, 6, 7, 8])
    assert set(group.others[:3]) == {9, 10, 11}
    assert not set(group.others) & {5, 6, 7, 8}
    assert list(group.scores) == sorted(group.scores, reverse=True)
    assert len(group_of(SPACE, range(40)).others) == 0


@pytest.mark.parametrize(("rows", "words"), [([3], "1 photo is no group"), ([3, 3], "no group"), ([2, 40], "photo 40")])
def test_what_is_no_group_is_one_plain_line(rows: list[int], words: str) -> None:
    with pytest.raises(InputError, match=words):
        group_of(SPACE, rows)


def test_a_group_can_be_asked_about(paths: list[Path]) -> None:  # noqa: F811
    encoder = drawing_encoder()
    with test_client(create_app(encoder, paths, token=TOKEN, warm_up=True), headers=BEARER) as client:
        early = client.post("/api/collection/group", json={"numbers": [1, 2]}).status_code
        assert early in (200, 503)
        ready(client)
        answer = client.post("/api/collection/group", json={"numbers": [4, 1, 2]}).json()
        codes = encoder.codes(paths)
        expected = group_of(CodeSpace.of(encoder, codes), [1, 2, 4])
        np.testing.assert_allclose(decoded(answer["shares"]), expected.shares, atol=1e-6)
        assert answer["likeness"] == pytest.approx(expected.likeness, abs=1e-6)
        assert answer["others"] == expected.others.tolist()
        assert answer["drawn"].startswith("data:image/webp")
        for wrong in ([1], [1, len(paths)], [-1, 2]):
            assert client.post("/api/collection/group", json={"numbers": wrong}).status_code == 422


def test_a_line_is_drawn_around_photos_and_keys_do_the_same(paths: list[Path]) -> None:  # noqa: F811
    from axe_playwright_python.sync_playwright import Axe

    with (
        chromium() as browser,
        running(drawing_encoder(), paths) as address,
        visiting(browser, address, bypass_csp=True) as tab,
    ):
        tab.evaluate("document.getElementById('collection').scrollIntoView()")
        tab.wait_for_selector("#collection .photo-map")
        tab.locator("#collection .choice", has_text="In rows").click()
        tab.get_by_role("button", name="Choose a group").click()
        stage = tab.locator("#collection .photo-map")
        stage.evaluate("(map) => map.scrollIntoView({ block: 'center', behavior: 'instant' })")
        tab.wait_for_timeout(300)
        box = stage.bounding_box()
        corners = [(0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0)]
        for index, (across, down) in enumerate(corners):
            tab.mouse.move(
                box["x"] + 2 + across * (box["width"] - 4), box["y"] + 2 + down * (box["height"] - 4), steps=4
            )
            if index == 0:
                tab.mouse.down()
        tab.mouse.up()
        left = [int(number) for number in tab.get_attribute("#collection .view", "data-group").split()]
        assert 0.3 * len(paths) < len(left) < 0.7 * len(paths)
        assert f"A group of {len(left)} photos" in tab.inner_text("#collection .photo-group")
        until(tab, "document.querySelector('.photo-group').dataset.likeness")
        expected = group_of(CodeSpace.of(drawing_encoder(), drawing_encoder().codes(paths)), left)
        assert float(tab.get_attribute(".photo-group", "data-likeness")) == pytest.approx(expected.likeness, abs=1e-5)
        assert tab.locator(".photo-group .trio figure").count() == 3
        accessibility = Axe().run(tab, context="#collection")
        assert accessibility.violations_count == 0, accessibility.generate_report()
        tab.locator(".photo-group .small-photos").last.locator("button").first.click()
        assert len(tab.get_attribute("#collection .view", "data-group").split()) == len(left) + 1
        stage.focus()
        tab.keyboard.press("Escape")
        assert tab.locator(".photo-group").is_hidden()
        tab.keyboard.press("ArrowRight")
        tab.keyboard.press("Enter")
        tab.keyboard.press("ArrowRight")
        tab.keyboard.press("Enter")
        two = tab.get_attribute("#collection .view", "data-group").split()
        assert len(two) == 2
        tab.keyboard.press("Enter")
        assert tab.get_attribute("#collection .view", "data-group").split() == two[:1]
        tab.get_by_role("button", name="Let the group go").click()
        assert tab.locator(".photo-group").is_hidden()
