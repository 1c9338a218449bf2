"""What the app answers is what the library says; of each kind only the latest question counts."""

from __future__ import annotations

import asyncio
import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from app_servers import BEARER, TOKEN, photo_file, small_encoder, test_client
from commands import small_autoencoder
from page_data import decoded
from starlette.testclient import TestClient

import saccade
from saccade.app.assembly import create_app
from saccade.app.clients import Clients
from saccade.app.decoding import mixed
from saccade.app.dials import REACH, Dials
from saccade.app.frames import packed, unpacked
from saccade.app.limits import Limits
from saccade.app.live import Conversation
from saccade.app.service import is_apart
from saccade.errors import NotApplicable

LIVE = "ws://127.0.0.1:8471/live"


@pytest.fixture(scope="module")
def encoder() -> saccade.Encoder:
    return saccade.Encoder(small_autoencoder(), layer="encoded", value_range=(0.0, 1.0))


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("app")
    paths = [folder / f"photo-{index}.png" for index in range(4)]
    for index, path in enumerate(paths):
        path.write_bytes(photo_file((64, 48), seed=index))
    return paths


@pytest.fixture(scope="module")
def client(encoder: saccade.Encoder, files: list[Path]) -> Iterator[TestClient]:
    with test_client(create_app(encoder, files, token=TOKEN), headers=BEARER) as client:
        yield client


# Plain requests


@pytest.mark.parametrize("target", [None, "channel:2", "cell:1,2"])
def test_a_map_is_the_librarys(
    client: TestClient, encoder: saccade.Encoder, files: list[Path], target: str | None
) -> None:
    expected = saccade.explain(encoder, files[0], "occlusion", target, patch=8)
    answer = client.post(
        "/api/explain", json={"photo": "f0", "method": "occlusion", "target": target, "settings": {"patch": 8}}
    )
    assert answer.status_code == 200
    body = answer.json()
    np.testing.assert_array_equal(decoded(body["values"]), expected.values[0])
    assert body["unit"] == expected.units
    assert body["sentence"] == expected.sentence(0)
    assert body["layer"] == "encoded"


def test_a_photo_whose_name_is_no_text_is_told_all_the_same(encoder: saccade.Encoder, tmp_path: Path) -> None:
    photo = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.png"))
    photo.write_bytes(photo_file((64, 48)))
    with test_client(create_app(encoder, [photo], token=TOKEN), headers=BEARER) as client:
        assert [listed["name"] for listed in client.get("/api/photos").json()] == ["caf\\udce9.png"]
        for address in ("/", "/api/page", "/api/photos/f0"):
            assert client.get(address).status_code == 200, address
        for address in ("explain", "explain/picture", "feature_maps", "cells", "trust", "doubt"):
            question = {"photo": "f0", **({"method": "occlusion"} if "explain" in address else {})}
            assert client.post(f"/api/{address}", json=question).status_code == 200, address
        page = client.post("/api/report", json={"photos": ["f0"]})
        assert page.status_code == 200
        assert r"see in caf\udce9.png?</title>" in page.text


def test_photos_of_the_command_are_as_large_as_the_command_allows(encoder: saccade.Encoder, files: list[Path]) -> None:
    with test_client(create_app(encoder, files, token=TOKEN, limits=Limits(pixels=1000)), headers=BEARER) as client:
        assert client.get("/api/photos/f0").status_code == 200
        assert client.post("/api/photos", params={"name": "a.png"}, content=files[0].read_bytes()).status_code == 413


def test_a_dropped_photo_gives_the_map_of_its_file(
    client: TestClient, encoder: saccade.Encoder, tmp_path: Path
) -> None:
    content = photo_file((2000, 1500), "JPEG", seed=9)  # larger than what is kept for showing
    (tmp_path / "large.jpg").write_bytes(content)
    dropped = client.post(
        "/api/photos", params={"name": "large.jpg"}, content=content, headers={"content-type": "image/jpeg"}
    ).json()
    body = client.post("/api/explain", json={"photo": dropped["number"], "method": "saliency"}).json()
    expected = saccade.explain(encoder, tmp_path / "large.jpg", "saliency")
    np.testing.assert_array_equal(decoded(body["values"]), expected.values[0])
    photo = client.get(f"/api/photos/{dropped['number']}").json()
    np.testing.assert_array_equal(decoded(photo["code"]), encoder.codes(tmp_path / "large.jpg")[0])
    assert photo["box"] == [0, 0, 1, 1]


def test_another_layer_and_another_photo_can_be_asked(
    client: TestClient, encoder: saccade.Encoder, files: list[Path]
) -> None:
    at = saccade.Encoder(small_autoencoder(), layer="first", value_range=(0.0, 1.0))
    body = client.post("/api/explain", json={"photo": "f1", "method": "activation_energy", "layer": "first"}).json()
    np.testing.assert_allclose(
        decoded(body["values"]), saccade.explain(at, files[1], "activation_energy").values[0], rtol=1e-5
    )
    like = {"photo": "f1", "method": "occlusion", "target": {"kind": "like", "photo": "f2"}}
    expected = saccade.explain(encoder, files[1], "occlusion", saccade.targets.like(files[2]))
    np.testing.assert_array_equal(decoded(client.post("/api/explain", json=like).json()["values"]), expected.values[0])
    assert client.post("/api/explain", json={"photo": "f1", "layer": "nowhere"}).status_code == 422


def test_a_pair_is_that_of_compare(client: TestClient, encoder: saccade.Encoder, files: list[Path]) -> None:
    pair = client.post("/api/compare", json={"a": "f0", "b": "f1"}).json()
    why = saccade.compare(encoder, files[0], files[1])
    assert pair["score"] == pytest.approx(why.score, abs=1e-9)
    np.testing.assert_allclose(decoded(pair["shares_a"]), why.shares_a, atol=1e-7)
    table = client.post("/api/similarities", json={"photos": ["f0", "f1", "f2"]}).json()["table"]
    assert table[0][1] == pytest.approx(why.score, abs=1e-6)


def test_refusals_are_one_plain_line(client: TestClient) -> None:
    answer = client.post("/api/explain", json={"photo": "f0", "method": "occlusio"})
    assert answer.status_code == 422
    assert "the nearest is 'occlusion'" in answer.json()["detail"]
    assert client.post("/api/explain", json={"photo": "f99"}).status_code == 404
    assert client.post("/api/explain", content=b"{", headers={"content-type": "application/json"}).status_code == 422
    assert client.get("/api/nothing").status_code == 404
    assert client.put("/api/model").status_code == 405


def test_the_page_is_told_everything_it_starts_with(client: TestClient) -> None:
    page = client.get("/api/page").json()
    assert [photo["name"] for photo in page["listed"]][-4:] == [f"photo-{index}.png" for index in range(4)]
    assert page["maps"][0]["method"] == "blur_integrated_gradients"
    assert {"look", "ask", "cover", "memory", "dials", "inside", "trust"} <= set(page["offers"])
    assert client.post("/api/recipe", json={"photos": ["f0"]}).json()["command"].startswith("saccade report")
    trust = client.post("/api/trust", json={"photo": "f0"}).json()
    assert trust["sentence"]
    assert "untrained" in trust
    assert client.post("/api/doubt", json={"photo": "f0"}).json() == {"doubt": trust["doubt"]}


def test_methods_that_do_not_answer_are_left_out_of_the_page() -> None:
    keras.utils.set_random_seed(1)
    image = keras.Input((16, 16, 3))
    model = keras.Model(image, keras.layers.Dense(6, name="code")(keras.layers.Flatten()(image)))
    encoder = saccade.Encoder(model, layer="code", value_range=(0, 1))
    with test_client(create_app(encoder, token=TOKEN), headers=BEARER) as client:
        page = client.get("/api/page").json()
        number = client.post("/api/photos", content=photo_file(), headers={"content-type": "image/png"}).json()[
            "number"
        ]
        for method in page["maps"]:
            assert client.post("/api/explain", json={"photo": number, "method": method["method"]}).status_code == 200
        assert client.post("/api/agreements", json={"photo": number}).status_code == 200
        assert "memory" not in page["offers"]
        assert page["camera"] == ["saliency"]


def test_photos_of_any_shape_have_one_size_where_the_model_takes_any(tmp_path: Path) -> None:
    for number, size in enumerate([(64, 48), (40, 60), (30, 30)]):
        (tmp_path / f"{number}.png").write_bytes(photo_file(size, seed=number))
    encoder = saccade.Encoder(small_autoencoder(size=None), layer="encoded", value_range=(0, 1))
    with test_client(create_app(encoder, sorted(tmp_path.iterdir()), token=TOKEN), headers=BEARER) as client:
        assert client.get("/api/page").json()["model"]["input"] == [224, 224, 3]
        assert client.post("/api/compare", json={"a": "f0", "b": "f1"}).status_code == 200
        assert client.post("/api/similarities", json={"photos": ["f0", "f1", "f2"]}).status_code == 200
        assert client.get("/api/dials").json()["count"] == 2
        with client.websocket_connect(LIVE, headers={**BEARER}) as socket:
            reply, _ = reply_to(socket, {"id": 1, "kind": "run"}, np.zeros((224, 224, 3), "<f4").tobytes())
            assert reply["redrawn"] == 224 * 224 * 3


def test_the_map_as_a_picture(client: TestClient) -> None:
    answer = client.post("/api/explain/picture", json={"photo": "f0", "method": "saliency"})
    assert answer.headers["content-type"] == "image/png"
    assert answer.content.startswith(b"\x89PNG")


def test_without_photos_and_without_gradients() -> None:
    with test_client(create_app(small_encoder(), token=TOKEN), headers=BEARER) as client:
        page = client.get("/api/page").json()
        assert page["listed"] == []
        assert page["camera"] == ["activation_energy"]
        assert "memory" not in page["offers"]
        refused = client.get("/api/dials")
        assert refused.status_code == 422
        assert "draws no image" in refused.json()["detail"]


def test_a_twin_that_shares_the_weights_is_none(encoder: saccade.Encoder) -> None:
    live = small_autoencoder()
    first, same = (saccade.Encoder(live, layer="encoded", value_range=(0, 1)) for _ in range(2))
    other = saccade.Encoder(small_autoencoder(), layer="encoded", value_range=(0, 1))
    before = [weight.copy() for weight in live.get_weights()]
    assert not is_apart(first, same)
    assert is_apart(first, other)
    for weight, now in zip(before, live.get_weights(), strict=True):
        np.testing.assert_array_equal(weight, now)
    assert is_apart(small_encoder(), small_encoder())


# The dials


def test_a_dial_moves_the_code_that_the_decoder_gets(encoder: saccade.Encoder, files: list[Path]) -> None:
    images = [encoder.read(path) for path in files]
    dials = Dials(encoder, lambda: images)
    directions, shares = dials.directions()
    codes = np.concatenate([encoder.codes(image) for image in images]).reshape(4, -1).astype(np.float64)
    flat = directions.reshape(len(directions), -1).astype(np.float64)
    unit = flat / np.linalg.norm(flat, axis=1, keepdims=True)
    np.testing.assert_allclose(
        ((codes - codes.mean(0)) @ unit.T).std(axis=0, ddof=1), np.linalg.norm(flat, axis=1), rtol=1e-4
    )
    assert shares.sum() == pytest.approx(1, abs=1e-5), "three directions hold all of four photos"
    np.testing.assert_allclose(dials.redrawn(images[0], [0.0]), encoder.reconstruct(images[0])[0], atol=1e-6)
    decode = encoder.network.model.layers  # by hand: the layers after the code
    moved = (encoder.codes(images[0]) + 1.5 * directions[1]).astype(np.float32)
    value: Any = moved
    for layer in decode[[layer.name for layer in decode].index("encoded") + 1 :]:
        value = layer(value)
    np.testing.assert_allclose(dials.redrawn(images[0], [0.0, 1.5]), np.asarray(value)[0], atol=1e-5)
    ends = dials.ends(images[0])
    for index in range(len(directions)):
        for end, amount in enumerate((-REACH, REACH)):
            alone = dials.redrawn(images[0], [0.0] * index + [amount])
            np.testing.assert_allclose(ends[index, end], alone, atol=1e-5)
    with pytest.raises(NotApplicable, match="2 can be used"):
        Dials(encoder, lambda: images[:2]).directions()


def test_a_mixture_is_the_drawing_of_the_mean_code(encoder: saccade.Encoder, files: list[Path]) -> None:
    first, second = (encoder.read(path) for path in files[:2])
    for share, image in ((0.0, first), (1.0, second)):
        expected = encoder.reconstruct(image)[0]
        np.testing.assert_allclose(mixed(encoder, first, second, share), expected, atol=1e-5)
    layers = encoder.network.model.layers  # by hand: the layers after the code
    value: Any = (0.7 * encoder.codes(first) + 0.3 * encoder.codes(second)).astype(np.float32)
    for layer in layers[[layer.name for layer in layers].index("encoded") + 1 :]:
        value = layer(value)
    np.testing.assert_allclose(mixed(encoder, first, second, 0.3), np.asarray(value)[0], atol=1e-5)
    with pytest.raises(NotApplicable, match="draws no image"):
        mixed(small_encoder(), first, second, 0.5)


# The socket


def reply_to(socket: Any, words: dict[str, Any], numbers: bytes = b"") -> tuple[dict[str, Any], bytes]:
    socket.send_bytes(packed(words, numbers))
    while True:
        reply, content = unpacked(socket.receive_bytes())
        if reply["id"] == words["id"] and not ("total" in reply or reply.get("partial")):
            return reply, content


def test_the_socket_answers_as_the_library(client: TestClient, encoder: saccade.Encoder, files: list[Path]) -> None:
    image = encoder.read(files[0])
    with client.websocket_connect(LIVE, headers={**BEARER}) as socket:
        reply, content = reply_to(socket, {"id": 1, "kind": "run"}, image.array.astype("<f4").tobytes())
        values = np.frombuffer(content, "<f4")
        np.testing.assert_array_equal(values[: reply["code"]], encoder.codes(image).ravel())
        np.testing.assert_allclose(values[reply["code"] :], encoder.reconstruct(image).ravel(), atol=1e-6)
        pixels = np.random.default_rng(0).integers(0, 255, (24, 32, 3), np.uint8)
        frame = {"id": 2, "kind": "frame", "width": 32, "height": 24, "method": "saliency"}
        reply, content = reply_to(socket, frame, pixels.tobytes())
        np.testing.assert_array_equal(
            np.frombuffer(content, "<f4").reshape(reply["rows"], reply["columns"]),
            saccade.explain(encoder, pixels, "saliency").values[0],
        )
        reply, _ = reply_to(socket, {"id": 3, "kind": "explain", "photo": "f2", "method": "occlusion"})
        np.testing.assert_array_equal(
            decoded(reply["map"]["values"]), saccade.explain(encoder, files[2], "occlusion").values[0]
        )
        reply, content = reply_to(socket, {"id": 4, "kind": "dials", "photo": "f0", "amounts": [1, -1]})
        assert len(content) == 4 * reply["rows"] * reply["columns"] * reply["channels"]


@pytest.mark.parametrize(("words", "numbers", "reason"), [
    ({"id": 5, "kind": "open"}, b"", "no known kind"),
    ({"id": 5, "kind": "run"}, b"1234", "no image of"),
    ({"id": 5, "kind": "run"}, np.full(32 * 32 * 3, np.nan, "<f4").tobytes(), "not numbers"),
    ({"id": 5, "kind": "frame", "width": 9, "height": 9, "method": "saliency"}, b"", "not width x height"),
    ({"id": 5, "kind": "frame", "width": 99999, "height": 9, "method": "saliency"}, b"", "width"),
    ({"id": 5, "kind": "explain", "photo": "f77"}, b"", "no such photo"),
    ({"id": 5, "kind": "explain", "photo": "f0", "target": "like:/etc/passwd"}, b"", "target"),
    ({"id": 6, "kind": "mix", "photo": "f0", "other": "f1", "share": 1.5}, b"", "share"),
    ({"id": 7, "kind": "mix", "photo": "f0", "other": "none", "share": 0.5}, b"", "no such photo"),
    ({"id": 5, "kind": "dials", "photo": "f0", "amounts": [0] * 99}, b"", "amounts"),
])  # fmt: skip
def test_the_socket_refuses_in_one_line(client: TestClient, words: dict[str, Any], numbers: bytes, reason: str) -> None:
    with client.websocket_connect(LIVE, headers={**BEARER}) as socket:
        reply, _ = reply_to(socket, words, numbers)
        assert reason in reply["error"]


@pytest.mark.parametrize("message", [b"", b"\xff\xff\xff\xffx", b"\x02\0\0\0[]", b"\x01\0\0\0{", packed({})[:3]])
def test_a_broken_message_is_answered(client: TestClient, message: bytes) -> None:
    with client.websocket_connect(LIVE, headers={**BEARER}) as socket:
        socket.send_bytes(message)
        reply, _ = unpacked(socket.receive_bytes())
        assert reply["id"] is None
        assert reply["error"]


def test_only_the_latest_question_counts(encoder: saccade.Encoder, files: list[Path]) -> None:
    app: Any = create_app(encoder, files, token=TOKEN)
    service = app.app.state.service
    is_running, may_end = threading.Event(), threading.Event()

    async def talk() -> dict[int, dict[str, Any]]:
        heard: dict[int, dict[str, Any]] = {}

        async def send(message: bytes) -> None:
            words, _ = unpacked(message)
            heard[words["id"]] = words

        conversation = Conversation(service, "somebody", send)

        def waits(question: Any, numbers: bytes, stop: Any, answer: Any) -> None:
            if question.id == 1:
                is_running.set()
                assert may_end.wait(20)
                assert stop(), "the newer question stops it"
                raise saccade.errors.Cancelled("stopped.")
            answer({"answered": True}, b"")

        conversation._compute = waits  # type: ignore[method-assign]
        for number in (1, 2, 3, 4):
            conversation.receive(packed({"id": number, "kind": "explain", "photo": "f0"}))
            if number == 1:
                await asyncio.to_thread(is_running.wait, 20)
        may_end.set()
        while 4 not in heard or 1 not in heard:
            await asyncio.sleep(0.01)
        await conversation.close()
        return heard

    heard = asyncio.run(talk())
    assert [heard[number].get("overtaken", False) for number in (1, 2, 3, 4)] == [True, True, True, False]


def test_a_finger_does_not_wait_for_all_that_its_page_asks(files: list[Path]) -> None:
    """Of one client: sections that are asked for by plain requests, and a question of the socket after them."""
    app: Any = create_app(small_encoder(), files, token=TOKEN, limits=Limits(at_once=1))
    service = app.app.state.service
    order: list[str] = []
    may_begin = threading.Event()

    async def talk() -> None:
        heard = asyncio.Event()

        async def send(_: bytes) -> None:
            heard.set()

        conversation = Conversation(service, "somebody", send)

        def computes(question: Any, numbers: bytes, stop: Any, answer: Any) -> None:
            order.append("finger")
            answer({}, b"")

        conversation._compute = computes  # type: ignore[method-assign]
        first = asyncio.create_task(service.turns.work("somebody", lambda _: may_begin.wait(20)))
        sections = [
            asyncio.create_task(service.turns.work("somebody", lambda _: order.append("section"))) for _ in range(6)
        ]
        await asyncio.sleep(0.05)
        conversation.receive(packed({"id": 1, "kind": "explain", "photo": "f0"}))
        await asyncio.sleep(0.05)
        may_begin.set()
        await asyncio.gather(first, *sections, heard.wait())
        await conversation.close()

    asyncio.run(talk())
    service.close()
    assert order.index("finger") <= 1


def test_clients_are_known_by_what_was_signed() -> None:
    clients = Clients(TOKEN, 2)
    first, second = clients.new(), clients.new()
    assert clients.find(first.number) is first
    assert clients.find(first.number + "0") is None
    assert clients.find("guessed." + first.number.partition(".")[2]) is None
    assert clients.find("") is None
    clients.new()
    assert len(clients) == 2
    again = clients.find(second.number)
    assert again is not None, "whoever made room is known again"
    restarted = Clients(TOKEN, 2).find(first.number)
    assert restarted is not None
    assert restarted.number == first.number
    assert Clients(TOKEN + "x", 2).find(first.number) is None


# The description


def test_the_description_is_up_to_date() -> None:
    import runpy

    script = runpy.run_path(str(Path(__file__).parent.parent / "docs" / "generate_api.py"))
    assert (Path(__file__).parent.parent / "docs" / "api.md").read_text() == script["page"]()
    about = script["description"]()
    assert json.dumps(about)
    for path in ("/api/model", "/api/methods", "/api/photos", "/api/explain", "/api/compare", "/api/report"):
        assert path in about["paths"]
