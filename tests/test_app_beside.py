"""Another network beside the model of the app: both are given the same photos, also one dropped a moment ago."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from app_servers import BEARER, TOKEN, SmallNetwork, drawing_encoder, photo_file, running, small_encoder, test_client
from browsers import chromium
from page_data import carried_by
from starlette.testclient import TestClient
from test_app_answers import decoded
from test_app_browser import drop, until, visiting

import saccade
from saccade.app import neighbourhood, other_network
from saccade.app.assembly import create_app
from saccade.app.limits import Limits
from saccade.app.service import Service
from saccade.collection import catalogue_of


def coarse_encoder() -> saccade.Encoder:
    """Two by two cells of a larger image, each the greys of its place: other maps, other scores."""

    def encode(images: Any, taps: Any) -> dict[str, Any]:
        cells = np.asarray(images).mean(axis=3).reshape(len(images), 2, 12, 2, 12).transpose(0, 1, 3, 2, 4)
        cells = np.sort(cells.reshape(len(images), 2, 2, 144), axis=3)
        return {"greys": taps["greys"](cells) if "greys" in taps else cells}

    return saccade.Encoder(SmallNetwork(encode, (24, 24, 3), name="coarse"), layer="greys", value_range=(0, 1))


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("beside")
    for number in range(4):
        (folder / f"{number}.png").write_bytes(photo_file((40, 30), seed=number))
    return sorted(folder.iterdir())


@pytest.fixture
def client(files: list[Path]) -> Iterator[TestClient]:
    words = ["--beside", "coarse.py:net"]
    app = create_app(drawing_encoder(), files, token=TOKEN, beside=coarse_encoder(), options=words, warm_up=False)
    with test_client(app, headers=BEARER) as client:
        yield client


def test_both_are_asked_as_the_library_asks_them(client: TestClient, files: list[Path]) -> None:
    answer = client.post("/api/beside", json={"photos": ["f0", "f1", "f2"]}).json()
    assert answer["names"] == ["small", "coarse"]
    for index in range(3):
        for which, encoder in enumerate((small_encoder(), coarse_encoder())):
            look = saccade.explain(encoder, files[index], "occlusion")
            np.testing.assert_allclose(
                decoded(answer["photos"][index]["maps"][which]["values"]), look.values[0], rtol=1e-5 + 1 / 65_000
            )
    pair = client.post("/api/beside/compare", json={"a": "f0", "b": "f2"}).json()
    why = saccade.compare(coarse_encoder(), files[0], files[2])
    assert pair["score"] == pytest.approx(why.score, abs=1e-9)
    assert answer["table"][0][2] == pytest.approx(why.score, abs=1e-6)
    np.testing.assert_allclose(decoded(pair["shares_a"]), why.shares_a, atol=1e-7)


def test_the_photo_of_another_client_is_not_shown_to_it(client: TestClient) -> None:
    for path, question in (("", {"photos": ["f0", "dnobody"]}), ("/compare", {"a": "f0", "b": "dnobody"})):
        assert client.post(f"/api/beside{path}", json=question).status_code == 404


def test_without_another_network_the_line_says_how_to_name_one(files: list[Path]) -> None:
    with test_client(create_app(small_encoder(), files, token=TOKEN, warm_up=False), headers=BEARER) as client:
        answer = client.post("/api/beside", json={"photos": ["f0"]})
        assert answer.status_code == 404
        assert "--beside" in answer.json()["detail"]
        assert client.get("/api/page").json()["has_other_network"] is False


def test_the_saved_page_has_both(client: TestClient, tmp_path: Path) -> None:
    page = client.post("/api/report", json={"photos": ["f0", "f1"]})
    (tmp_path / "report.html").write_text(page.text)
    carried = carried_by(tmp_path / "report.html")
    assert carried["beside"]["names"] == ["small", "coarse"]
    assert len(carried["beside"]["pairs"]) == 1
    command = carried["recipe"]["command"]
    assert "--beside coarse.py:net" in command
    assert client.post("/api/recipe", json={"photos": ["f0", "f1"]}).json()["command"] == command


def test_a_dropped_photo_is_shown_to_both(files: list[Path], tmp_path: Path) -> None:
    from axe_playwright_python.sync_playwright import Axe

    (tmp_path / "mine.png").write_bytes(photo_file((40, 30), seed=9))
    with (
        chromium() as browser,
        running(drawing_encoder(), files, beside=coarse_encoder()) as address,
        visiting(browser, address, bypass_csp=True) as tab,
    ):
        drop(tab, tmp_path / "mine.png")
        until(tab, "document.querySelector('.thumb[aria-pressed=true]')?.ariaLabel === 'mine.png'")
        tab.locator("#beside").scroll_into_view_if_needed()
        until(tab, "document.querySelectorAll('#beside .both .stage').length > 1")
        until(tab, "document.querySelector('#beside .both .stage').ariaLabel.includes('mine.png')")
        assert tab.locator("#beside .network").first.inner_text() == "small"
        assert "cannot be shown" not in tab.inner_text("#beside")
        scores = [float(text) for text in tab.locator("#beside .pair-score b").all_inner_texts()]
        expected = [
            saccade.compare(each, tmp_path / "mine.png", files[0]).score for each in (small_encoder(), coarse_encoder())
        ]
        np.testing.assert_allclose(scores, expected, atol=6e-3)
        tab.locator(".photo-bar .thumb").nth(1).click()
        until(tab, "document.querySelector('#beside .both .stage').ariaLabel.includes('0.png')")
        assert tab.locator("#beside .match-line").count() > 0
        tab.set_viewport_size({"width": 390, "height": 800})
        until(tab, "!document.querySelector('#beside .match-line')")
        assert tab.locator("#beside .match-number").count() > 0
        assert tab.locator("#beside .ranked:visible").count() == 2 * 4
        for scheme in ("light", "dark"):
            tab.emulate_media(color_scheme=scheme)
            tab.wait_for_timeout(300)
            accessibility = Axe().run(tab, context="#beside")
            assert accessibility.violations_count == 0, accessibility.generate_report()


def test_dials_are_offered_where_the_command_names_photos_enough(files: list[Path]) -> None:
    for count in (2, 3):
        with test_client(create_app(drawing_encoder(), files[:count], token=TOKEN, warm_up=False)) as client:
            assert client.get("/api/page", headers=BEARER).json()["has_directions"] is (count == 3)
            assert client.get("/api/dials", headers=BEARER).status_code == (200 if count == 3 else 422)


@pytest.fixture(scope="module")
def collection(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("collection")
    for number in range(14):
        (folder / f"{number:02}.png").write_bytes(photo_file((24, 24), seed=number))
    return sorted(folder.iterdir())


def test_the_other_network_too_takes_off_what_the_photos_of_the_command_share(collection: list[Path]) -> None:
    service = Service(drawing_encoder(), collection, Limits(), beside=coarse_encoder())
    asyncio.run(service.begin())
    service.close()
    assert service.collection_state()["is_settled"]
    assert service.other_network is not None
    photos = service.photos("", ("f0", "f5"))
    pair = service.other_network.pair(*photos)
    reference = catalogue_of(coarse_encoder(), collection).reference
    why = saccade.compare(coarse_encoder(), collection[0], collection[5], reference=reference)
    assert pair["centred"]
    assert pair["score"] == pytest.approx(why.score, abs=1e-5)
    assert pair["typical"]["scores"] == pytest.approx([why.median_score, why.high_score], abs=1e-5)
    both = service.other_network.data(photos)
    assert both["centred"]
    assert both["table"][0][1] == pytest.approx(why.score, abs=1e-5)


def test_it_compares_plainly_where_the_photos_are_too_few_or_it_knows_better(
    files: list[Path], collection: list[Path]
) -> None:
    service = Service(drawing_encoder(), files, Limits(), beside=coarse_encoder())
    asyncio.run(service.begin())
    service.close()
    assert service.other_network is not None
    assert service.other_network.encoder.reference is None
    knowing = coarse_encoder()
    knowing.reference = catalogue_of(knowing, collection[:5]).reference
    service = Service(drawing_encoder(), collection, Limits(), beside=knowing)
    asyncio.run(service.begin())
    service.close()
    assert service.other_network is not None
    assert service.other_network.encoder.reference is knowing.reference


def test_an_open_page_follows_when_the_collection_is_encoded(
    collection: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    may_go_on = threading.Event()
    at_once = neighbourhood.encoded

    async def awaited(*arguments: Any) -> Any:
        while not may_go_on.is_set():
            await asyncio.sleep(0.05)
        return await at_once(*arguments)

    monkeypatch.setattr(neighbourhood, "encoded", awaited)
    with (
        chromium() as browser,
        running(drawing_encoder(), collection, beside=coarse_encoder()) as address,
        visiting(browser, address) as tab,
    ):
        for section in ("guess", "alike", "beside"):
            tab.locator(f"#{section}").scroll_into_view_if_needed()
        until(tab, "document.querySelectorAll('#beside .pair-score').length === 2")
        tab.locator("#alike").scroll_into_view_if_needed()
        until(tab, "document.querySelector('#alike .finding')?.textContent")
        assert "follows by itself" in tab.inner_text("#alike")
        plain = tab.locator("#alike .score-number").inner_text()
        may_go_on.set()
        until(tab, "document.querySelector('#alike .score-words')?.textContent.includes('beyond')")
        until(tab, "document.querySelectorAll('#beside .pair-score').length === 2")
        until(
            tab, "[...document.querySelectorAll('#beside .pair-score')].every((p) => p.textContent.includes('beyond'))"
        )
        assert tab.locator("#alike .score-number").inner_text() != plain
        assert "follows by itself" not in tab.inner_text("#alike")
        assert tab.locator("#alike .ruler").count() == 1
        assert tab.locator("#alike .score").count() == 1, "drawn once"


def test_where_both_look_is_asked_once_for_each_photo(collection: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    photos_of_calls: list[tuple[str, ...]] = []
    both_looks = other_network.both_looks

    def counted(encoder: Any, images: Any, *others: Any, **settings: Any) -> Any:
        photos_of_calls.append(images.names)
        return both_looks(encoder, images, *others, **settings)

    monkeypatch.setattr(other_network, "both_looks", counted)
    service = Service(drawing_encoder(), collection, Limits(), beside=coarse_encoder())
    network = service.other_network
    assert network is not None
    before = network.data(service.photos("", ("f0", "f1", "f2")))
    asyncio.run(service.begin())
    after = network.data(service.photos("", ("f3", "f0", "f1", "f2")))
    service.close()
    assert sorted(photos_of_calls) == [(f"0{number}.png",) for number in range(4)]
    assert [photo["maps"] for photo in after["photos"][1:]] == [photo["maps"] for photo in before["photos"]]
    assert before["table"][0][1] != after["table"][1][2], "what all share is taken off now"
