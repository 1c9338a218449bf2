"""The photos of the command as a collection: encoded in the background, searched live, shown as a map."""

from __future__ import annotations

import asyncio
import io
import json
import time
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from app_servers import BEARER, TOKEN, drawing_encoder, running, small_encoder, test_client
from commands import Run, refused, small_autoencoder
from PIL import Image
from skimage import data

import saccade
from saccade.app import encoding, neighbourhood
from saccade.app.assembly import create_app
from saccade.app.frames import packed, unpacked
from saccade.app.limits import Limits
from saccade.app.refusal import Refused
from saccade.app.service import Service
from saccade.app.turns import Turns
from saccade.collection import Catalogue, catalogue_of, search
from saccade.images import ImageRecipe

PHOTOS = 16
LIVE = "ws://127.0.0.1:8471/live"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    photos = data.chelsea(), data.coffee(), data.rocket()
    for index in range(PHOTOS):
        cut = photos[index % 3][9 * index : 9 * index + 96, 11 * index : 11 * index + 128]
        Image.fromarray(cut).save(folder / f"{index:02}.png")
    return folder


@pytest.fixture
def paths(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


def ready(client: Any) -> dict[str, Any]:
    """Wait until the collection is encoded."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        state: dict[str, Any] = client.get("/api/collection", headers=BEARER).json()
        if state["is_ready"] or state["failure"]:
            return state
        time.sleep(0.05)
    raise AssertionError(state)


def test_the_folder_becomes_a_collection_in_the_background(paths: list[Path]) -> None:
    encoder = small_encoder()
    catalogue = catalogue_of(encoder, paths)
    with test_client(create_app(encoder, paths, token=TOKEN)) as client:
        assert client.get("/api/page", headers=BEARER).json()["is_collection"]
        state = ready(client)
        assert state.items() >= {"done": PHOTOS, "total": PHOTOS, "is_ready": True, "failure": ""}.items()
        content = client.get("/api/collection/map", headers=BEARER).json()
        assert content["names"] == [path.name for path in paths]
        answer = client.post("/api/collection/neighbours", headers=BEARER, json={"photo": "f3"}).json()
        expected = search(encoder, catalogue, paths[3], count=10).neighbours
        assert answer["own"] == 3
        assert [content["names"][row] for row in answer["neighbours"]] == [other.name for other in expected]
        assert answer["scores"] == pytest.approx([other.score for other in expected], abs=1e-6)
        small = client.get("/api/collection/3/thumbnail", headers=BEARER)
        assert Image.open(io.BytesIO(small.content)).size == (128, 96)
        for number, status in (("99", 404), ("-1", 422), ("..%2f..", 404), ("x", 422)):
            assert client.get(f"/api/collection/{number}/thumbnail", headers=BEARER).status_code == status


def test_photos_are_compared_by_the_mean_of_the_collection_as_soon_as_it_is_known(paths: list[Path]) -> None:
    encoder = small_encoder()
    service = Service(encoder, paths, Limits())

    async def pairs() -> list[dict[str, Any]]:
        async def ask() -> dict[str, Any]:
            answer = await service.answer("", ("compare", "f0", "f1"), lambda _: service.pair("", "f0", "f1"))
            pair: dict[str, Any] = json.loads(answer)
            return pair

        before = await ask()
        await service.neighbourhood.prepare(service.turns)
        await service.compare_by_collection()
        return [before, await ask()]

    before, after = asyncio.run(pairs())
    service.close()
    images = [service.album.photo("", number).image for number in ("f0", "f1")]
    assert before["score"] == pytest.approx(saccade.compare(encoder, *images, cover=False).score, abs=1e-6)
    assert before["awaiting"].startswith(
        f"Compared as they are for now: the collection is being encoded (0 of {PHOTOS} photos)."
    )
    reference = catalogue_of(encoder, paths).reference
    assert after["score"] == pytest.approx(
        saccade.compare(encoder, *images, cover=False, reference=reference).score, abs=1e-5
    )
    assert after["centred"]
    assert after["typical"] is not None
    assert "awaiting" not in after


def test_neighbours_come_with_every_code(paths: list[Path]) -> None:
    encoder = small_encoder()
    catalogue = catalogue_of(encoder, paths)
    image = encoder.read(paths[3]).array.copy()
    image[:, 4:12, 4:12] = 0.5
    with test_client(create_app(encoder, paths, token=TOKEN)) as client:
        ready(client)
        with client.websocket_connect(LIVE, headers={**BEARER}) as socket:
            for photo, own in (("f3", True), (None, False)):
                words = {"id": 1, "kind": "run", **({"photo": photo} if photo else {})}
                socket.send_bytes(packed(words, image.astype("<f4").tobytes()))
                answer, _ = unpacked(socket.receive_bytes())
                neighbours = search(encoder, catalogue, image, count=PHOTOS).neighbours
                others = [other for other in neighbours if not (own and other.name == "03.png")]
                expected = [(other.name, other.score) for other in others[:8]]
                assert [other["name"] for other in answer["neighbours"]] == [name for name, _ in expected]
                scores = [score for _, score in expected]
                assert [other["score"] for other in answer["neighbours"]] == pytest.approx(scores, abs=1e-6)


def test_a_few_photos_are_no_collection(paths: list[Path]) -> None:
    with test_client(create_app(small_encoder(), paths[:5], token=TOKEN)) as client:
        assert not client.get("/api/page", headers=BEARER).json()["is_collection"]
        answer = client.get("/api/collection/map", headers=BEARER)
        assert (answer.status_code, "fewer than 12" in answer.json()["detail"]) == (404, True)
        answer = client.post("/api/collection/neighbours", headers=BEARER, json={"photo": "f0"})
        assert answer.status_code == 404


def test_what_cannot_be_encoded_is_said(tmp_path: Path) -> None:
    for index in range(12):
        (tmp_path / f"{index}.png").write_bytes(b"no photo")
    paths = sorted(tmp_path.iterdir())
    with test_client(create_app(small_encoder(), paths, token=TOKEN)) as client:
        state = ready(client)
        assert not state["is_ready"]
        assert "none of the 12" in state["failure"]
        assert str(tmp_path) not in state["failure"]


def test_a_collection_is_encoded_although_too_many_questions_wait(
    paths: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    refusals = iter([True, False, True, True])

    class Crowded:
        async def work(self, client: str, function: Any) -> Any:
            if next(refusals, False):
                raise Refused(503, "too many questions are waiting; ask again later.")
            return function(lambda: False)

    monkeypatch.setattr(encoding, "_PAUSE", 0.0)
    collection = neighbourhood.Neighbourhood(small_encoder(), paths, ImageRecipe(16, 16, 3))
    asyncio.run(collection.prepare(cast("Turns", Crowded())))
    assert collection.state() == {"done": PHOTOS, "total": PHOTOS, "is_ready": True, "failure": ""}
    assert list(refusals) == []


def test_what_nobody_expected_is_no_endless_wait(paths: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError(f"{paths[0]} is somebody's")

    monkeypatch.setattr(neighbourhood, "ShownCollection", broken)
    defects: list[BaseException] = []
    with test_client(create_app(small_encoder(), paths, token=TOKEN, on_defect=defects.append)) as client:
        assert "unexpected error" in ready(client)["failure"]
        answer = client.get("/api/collection/map", headers=BEARER)
        assert (answer.status_code, str(paths[0].parent) in answer.text) == (422, False)
    assert [type(defect) for defect in defects] == [RuntimeError]


def test_a_catalogue_is_not_encoded_again(paths: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = small_encoder()
    catalogue = catalogue_of(encoder, paths)
    monkeypatch.setattr(neighbourhood, "encoded", None)
    with test_client(create_app(encoder, paths, token=TOKEN, catalogue=catalogue)) as client:
        assert ready(client)["is_ready"]


def test_photos_of_a_catalogue_are_compared_less_its_mean(paths: list[Path]) -> None:
    encoder = small_encoder()
    catalogue = catalogue_of(encoder, paths)
    why = search(encoder, catalogue, paths[2], count=1, why=True)
    nearest = next(number for number, path in enumerate(paths) if path.name == why.neighbours[0].name)
    for own_catalogue, centred in ((catalogue, True), (None, False)):
        with test_client(create_app(encoder, paths, token=TOKEN, catalogue=own_catalogue)) as client:
            assert client.get("/api/page", headers=BEARER).json()["mean_of"] == ("the collection" if centred else "")
            pair = client.post("/api/compare", headers=BEARER, json={"a": "f2", "b": f"f{nearest}"}).json()
        assert pair["centred"] is centred
        assert (pair["typical"] is None) is not centred
        if centred:
            assert pair["score"] == pytest.approx(why.neighbours[0].score, abs=1e-5)
            assert pair["mean_of"] == "the collection"


def test_the_photo_of_another_client_is_not_searched_for(paths: list[Path]) -> None:
    with test_client(create_app(small_encoder(), paths, token=TOKEN)) as client:
        ready(client)
        answer = client.post("/api/collection/neighbours", headers=BEARER, json={"photo": "dsomebodyelses"})
        assert answer.status_code == 404


# The command


def test_a_catalogue_that_cannot_be_served_is_refused(run: Run, small_model: str, folder: Path, tmp_path: Path) -> None:
    encoder = saccade.Encoder(small_autoencoder(trained=False), layer="encoded", value_range=(0.0, 1.0))
    other = catalogue_of(encoder, folder).save(tmp_path / "other.npz")
    answer = run("serve", small_model, other, "--port", 0, "--no-open")
    assert answer[0] == 2
    assert "another encoder" in answer[2]
    refused(run("serve", small_model, other, folder), "name it alone")
    moved = Catalogue.load(other)
    object.__setattr__(moved, "folder", str(tmp_path / "gone"))
    moved.save(tmp_path / "moved.npz")
    refused(run("serve", small_model, tmp_path / "moved.npz"), "any more")


# In the browser


def test_the_most_alike_change_while_a_cover_moves(browser: Any, paths: list[Path]) -> None:
    with running(drawing_encoder(), paths) as address:
        tab = browser.new_page(viewport={"width": 1200, "height": 900}, reduced_motion="reduce")
        wrong: list[str] = []
        tab.on("pageerror", lambda error: wrong.append(str(error)))
        tab.goto(address)
        tab.wait_for_selector("#collection")
        tab.evaluate("document.getElementById('collection').scrollIntoView({ behavior: 'instant' })")
        tab.wait_for_selector("#collection .photo-map", timeout=60_000)
        tab.locator("#collection .find-photo").click()
        assert tab.locator("#collection .nearest ol button").count() == 10
        tab.evaluate("document.getElementById('cover').scrollIntoView({ behavior: 'instant' })")
        stage = tab.wait_for_selector("#cover .cover-stage")
        stage.scroll_into_view_if_needed()
        tab.locator("#cover input[type=range]").fill("8")
        stage.focus()
        tab.keyboard.press("ArrowRight")
        tab.wait_for_selector("#cover .live-neighbours li")
        before = shown(tab)
        for _ in range(6):
            tab.keyboard.press("ArrowUp")
            tab.wait_for_timeout(150)
        tab.wait_for_timeout(300)
        assert shown(tab) != before
        assert len(before) == 8
        image = tab.locator("#cover .live-neighbours img").first
        assert image.evaluate("(image) => image.naturalWidth") == 128
        assert wrong == []
        tab.close()


def shown(tab: Any) -> list[tuple[str, str]]:
    tiles = tab.locator("#cover .live-neighbours li").all()
    return [(tile.get_attribute("data-number"), tile.inner_text()) for tile in tiles]


def test_a_map_of_a_folder_is_that_of_the_report(paths: list[Path]) -> None:
    """The same photos, the same seed: the same places."""
    from saccade.report.collection_data import ShownCollection

    encoder = small_encoder()
    with test_client(create_app(encoder, paths, token=TOKEN)) as client:
        ready(client)
        served = client.get("/api/collection/map", headers=BEARER).json()
    carried = ShownCollection(encoder, catalogue_of(encoder, paths)).data()
    assert served["maps"] == [{**each, "shares": each["shares"] and list(each["shares"])} for each in carried["maps"]]
    assert np.array_equal(served["odd"], carried["odd"])
