"""Who is answered by the app, and what is refused with which status."""

from __future__ import annotations

import asyncio
import io
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from app_servers import BEARER, HERE, TOKEN, photo_file, small_encoder, test_client
from starlette.testclient import TestClient, WebSocketDenialResponse

from saccade.app.assembly import create_app
from saccade.app.limits import Limits
from saccade.app.security import is_loopback

LIVE = "ws://127.0.0.1:8471/live"
PHOTO = {**BEARER, "content-type": "image/png"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("app")
    (folder / "first.png").write_bytes(photo_file())
    (folder / "secret.txt").write_text("nobody's business")
    return folder


@pytest.fixture
def client(folder: Path) -> Iterator[TestClient]:
    limits = Limits(body_bytes=200_000, json_bytes=2_000, pixels=90_000, photos=3)
    with test_client(create_app(small_encoder(), [folder / "first.png"], token=TOKEN, limits=limits)) as client:
        yield client


# The token


def test_without_the_token_nothing_is_answered(client: TestClient) -> None:
    for path in ("/", "/style.css", "/views/app.js", "/api/model", "/api/photos", "/api/openapi.json", "/none"):
        assert client.get(path).status_code == 401, path
    assert client.get("/api/model", headers={"authorization": f"Bearer {TOKEN}x"}).status_code == 401
    assert client.get("/", params={"token": TOKEN[:-1]}).status_code == 401
    assert client.get("/", params={"token": ""}).status_code == 401
    assert client.get("/api/model", params={"token": TOKEN}).status_code == 401, "only the page takes it in the address"
    assert client.get("/api/model", headers={"cookie": "saccade=guessed"}).status_code == 401


def test_the_token_becomes_a_cookie_that_no_script_reads(client: TestClient) -> None:
    answer = client.get("/", params={"token": TOKEN})
    assert answer.status_code == 200
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert TOKEN not in cookie
    assert client.get("/api/model").status_code == 200
    assert "set-cookie" not in client.get("/").headers


def test_a_short_token_is_refused() -> None:
    with pytest.raises(ValueError, match="can be guessed"):
        create_app(small_encoder(), token="short")


# Host and origin


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "evil.example:8471", "", "a@127.0.0.1", "[::1"]
)
def test_a_foreign_host_is_refused(client: TestClient, host: str) -> None:
    assert client.get("/api/model", headers={**BEARER, "host": host}).status_code == 421


@pytest.mark.parametrize("host", ["127.0.0.1:8471", "localhost:8471", "LOCALHOST", "[::1]:8471"])
def test_this_machines_names_are_answered(client: TestClient, host: str) -> None:
    assert client.get("/api/model", headers={**BEARER, "host": host}).status_code == 200


def test_names_and_numbers_that_are_allowed() -> None:
    with test_client(create_app(small_encoder(), token=TOKEN, hosts=["photos.example"], any_address=True)) as client:
        for host, status in (("photos.example", 200), ("192.168.1.5:80", 200), ("other.example", 421)):
            assert client.get("/api/model", headers={**BEARER, "host": host}).status_code == status
        for origin, status in (("https://photos.example", 200), ("https://other.example", 403)):
            assert client.get("/api/model", headers={**BEARER, "origin": origin}).status_code == status
    assert [is_loopback(host) for host in ("localhost", "127.0.0.2", "::1", "0.0.0.0", "a.example")] == [True] * 3 + [
        False
    ] * 2


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://127.0.0.1:9999", "http://127.0.0.1:8471.evil.example"]
)
def test_a_foreign_origin_is_refused(client: TestClient, origin: str) -> None:
    assert client.get("/api/model", headers={**BEARER, "origin": origin}).status_code == 403
    assert client.get("/api/model", headers={**BEARER, "origin": HERE}).status_code == 200
    client.get("/", params={"token": TOKEN})
    with pytest.raises(WebSocketDenialResponse) as refusal, client.websocket_connect(LIVE, headers={"origin": origin}):
        pass
    assert refusal.value.status_code == 403


def test_another_site_may_lead_here_but_not_ask(client: TestClient) -> None:
    visit = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
    assert client.get("/", params={"token": TOKEN}, headers=visit).status_code == 200
    for other in (
        {"sec-fetch-mode": "no-cors"},
        {"sec-fetch-dest": "iframe"},
        {"sec-fetch-site": "same-site", "sec-fetch-mode": "cors"},
    ):
        assert client.get("/api/model", headers={**visit, **other}).status_code == 403


def test_every_answer_has_the_headers(client: TestClient) -> None:
    answers = [client.get("/", params={"token": TOKEN}), client.get("/api/model"), client.get("/none"),
               test_client(client.app).get("/"), client.get("/", headers={"host": "evil.example"})]  # fmt: skip
    assert [answer.status_code for answer in answers] == [200, 200, 404, 401, 421]
    for answer in answers:
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe-inline" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-frame-options"] == "DENY"


# No path, no model


@pytest.mark.parametrize("path", [
    "/views/../app.js", "/views/..%2f..%2fpyproject.toml", "/views/%2e%2e/page.js", "/views/app.css",
    "/views//etc/passwd", "/views/..\\..\\secret.txt", "/api/photos/..%2fsecret.txt", "/api/photos/%2fetc%2fpasswd",
    "/api/photos/f0/../../secret.txt", "/secret.txt", "/api/photos/f0%00",
])  # fmt: skip
def test_no_path_leads_to_a_file(client: TestClient, path: str) -> None:
    answer = client.get(path, headers=BEARER)
    assert answer.status_code in (404, 422), path
    assert "nobody's business" not in answer.text


@pytest.mark.parametrize("target", [
    "like:/etc/passwd", "like:first.png", "direction:/tmp/x.npy", "component:0,/tmp", "centred:/tmp", "code + like:'a'",
    "toward:a.jpg,than=b.jpg", "channel:0 + unlike:x", "code\x00", "centred :/tmp",
])  # fmt: skip
def test_no_target_names_a_file(client: TestClient, target: str) -> None:
    answer = client.post("/api/explain", json={"photo": "f0", "method": "occlusion", "target": target}, headers=BEARER)
    assert answer.status_code == 422
    assert "target" in answer.json()["detail"] or "centred" in answer.json()["detail"]


def test_no_setting_is_a_text_of_ones_own_or_too_large(client: TestClient) -> None:
    for settings in ({"filler": "/etc/passwd"}, {"filler": ["a.png"]}, {"nonsense": 1}, {"size": 10**6}):
        question = {"photo": "f0", "method": "occlusion", "settings": settings}
        assert client.post("/api/explain", json=question, headers=BEARER).status_code == 422, settings


def test_no_question_opens_a_model(client: TestClient) -> None:
    for extra in ({"model": "other.keras"}, {"weights": "x"}, {"trust": True}):
        assert client.post("/api/explain", json={"photo": "f0", **extra}, headers=BEARER).status_code == 422
    assert client.post("/api/explain", json={"photo": "f0", "layer": "/etc/passwd"}, headers=BEARER).status_code == 422


# What is sent


def test_what_is_no_photo_is_refused(client: TestClient) -> None:
    for content in (
        b"",
        b"hello",
        b"%PDF-1.7",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        photo_file()[:60],
        b"PK\x03\x04zip",
    ):
        assert client.post("/api/photos", content=content, headers=PHOTO).status_code == 415, content[:10]
    answer = client.post("/api/photos", content=photo_file(), headers={**BEARER, "content-type": "text/html"})
    assert answer.status_code == 415


def png_that_promises(width: int, height: int) -> bytes:
    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")
    )


def test_bombs_and_large_bodies_are_refused(client: TestClient) -> None:
    assert client.post("/api/photos", content=png_that_promises(60_000, 60_000), headers=PHOTO).status_code == 413
    assert client.post("/api/photos", content=photo_file((400, 300)), headers=PHOTO).status_code == 413
    tiny = client.post("/api/photos", content=photo_file((1, 1)), headers=PHOTO)
    assert (tiny.status_code, tiny.json()["detail"][:21]) == (415, "photo is 1x1 pixels: ")
    assert client.post("/api/photos", content=b"x" * 200_001, headers=PHOTO).status_code == 413
    assert client.post("/api/photos", content=iter([b"x" * 100_000] * 3), headers=PHOTO).status_code == 413, "no length"
    assert client.post("/api/explain", json={"photo": "f0", "target": "x" * 3000}, headers=BEARER).status_code == 413


def test_a_slow_body_is_not_waited_for(folder: Path) -> None:
    app = create_app(small_encoder(), [folder / "first.png"], token=TOKEN, limits=Limits(body_seconds=0.2))
    headers = [
        (b"host", b"127.0.0.1"),
        (b"authorization", BEARER["authorization"].encode()),
        (b"content-type", b"image/png"),
    ]
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/api/photos",
        "query_string": b"",
        "headers": headers,
        "scheme": "http",
    }
    sent: list[Any] = []

    async def slow() -> dict[str, Any]:
        await asyncio.sleep(0.05)
        return {"type": "http.request", "body": b"x", "more_body": True}

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(app(scope, slow, send))
    assert sent[0]["status"] == 408


def test_names_are_only_shown(client: TestClient) -> None:
    for name, shown in (
        ("../../etc/passwd", "passwd"),
        ("C:\\photos\\cat.jpg", "cat.jpg"),
        ("a\nb\x1b[31m.png", "a b.png"),
        ("", "photo"),
    ):
        answer = client.post("/api/photos", params={"name": name}, content=photo_file(), headers=PHOTO)
        assert answer.status_code == 201
        assert answer.json()["name"] == shown


# Who sees what


def test_a_dropped_photo_is_seen_by_nobody_else(client: TestClient, folder: Path) -> None:
    client.get("/", params={"token": TOKEN})
    number = client.post("/api/photos", content=photo_file(), headers={"content-type": "image/png"}).json()["number"]
    assert client.get(f"/api/photos/{number}").status_code == 200
    assert client.post("/api/explain", json={"photo": number, "method": "occlusion"}).status_code == 200
    other = test_client(client.app)
    other.get("/", params={"token": TOKEN})
    assert other.get(f"/api/photos/{number}").status_code == 404
    assert other.post("/api/explain", json={"photo": number, "method": "occlusion"}).status_code == 404, (
        "although it is remembered"
    )
    assert other.delete(f"/api/photos/{number}").status_code == 404
    assert other.post("/api/compare", json={"a": "f0", "b": number}).status_code == 404
    like = {"photo": "f0", "method": "occlusion", "target": {"kind": "like", "photo": number}}
    assert client.post("/api/explain", json=like).status_code == 200
    assert other.post("/api/explain", json=like).status_code == 404
    assert client.delete(f"/api/photos/{number}").status_code == 204
    assert client.get(f"/api/photos/{number}").status_code == 404


def test_old_photos_make_room(client: TestClient) -> None:
    numbers = [
        client.post("/api/photos", content=photo_file(seed=seed), headers=PHOTO).json()["number"] for seed in range(4)
    ]
    listed = [photo["number"] for photo in client.get("/api/photos", headers=BEARER).json()]
    assert listed == [*reversed(numbers[1:]), "f0"]


# Behind a proxy


def test_it_works_behind_a_prefix(folder: Path) -> None:
    app = create_app(small_encoder(), [folder / "first.png"], token=TOKEN, root_path="/see")
    with test_client(app) as client:
        for prefix in ("/see", ""):  # a proxy leaves it, or takes it away
            assert client.get(f"{prefix}/api/model", headers=BEARER).status_code == 200
            assert client.get(f"{prefix}/views/app.js", headers=BEARER).status_code == 200
        answer = client.get("/see", params={"token": TOKEN}, follow_redirects=False)
        assert answer.status_code == 307
        assert answer.headers["location"].startswith("/see/?token=")
        assert "Path=/see;" in answer.headers["set-cookie"]
        assert client.get(answer.headers["location"]).status_code == 200


# Nothing is told


def test_defects_and_logs_name_nothing(
    folder: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    app = create_app(small_encoder(), [folder / "first.png"], token=TOKEN)
    service: Any = app.app.state.service

    def broken(*_: Any) -> Any:
        raise KeyError("holiday with Anna.png")

    with test_client(app) as client, caplog.at_level(0):
        client.post("/api/photos", params={"name": "holiday with Anna.png"}, content=photo_file(), headers=PHOTO)
        client.get("/api/photos", headers=BEARER)
        service.album.listed = broken
        answer = client.get("/api/photos", headers=BEARER)
    assert answer.status_code == 500
    assert answer.json() == {"detail": "unexpected error: KeyError"}
    written = io.StringIO()
    written.writelines(capfd.readouterr())
    written.writelines(record.getMessage() for record in caplog.records if not record.name.startswith("httpx"))
    assert "Anna" not in written.getvalue()
    assert TOKEN not in written.getvalue()
    assert "unexpected error: KeyError" in written.getvalue()
