"""`saccade serve` as a process: its port, its token, what it says and how it ends."""

from __future__ import annotations

import io
import json
import signal
import socket
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from app_servers import photo_file
from commands import COMMAND, NUMPY_FACTORY, Run, environment, refused
from PIL import Image


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "mine.py").write_text(NUMPY_FACTORY)
    (tmp_path / "photos").mkdir()
    for number in range(3):
        (tmp_path / "photos" / f"{number}.png").write_bytes(photo_file(seed=number))
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


@contextmanager
def serving(folder: Path, *words: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    command = [*COMMAND, "serve", "mine:made", "photos", "--json", "--no-open", "--port", "0", *words]
    process = subprocess.Popen(
        command, cwd=folder, env=environment(PYTHONPATH=_path(folder)), text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # who tests in the background ignores it
    )  # fmt: skip
    assert process.stdout is not None
    lines = []
    while (line := process.stdout.readline()) != "}\n":
        assert line, process.communicate()
        lines.append(line)
    try:
        yield process, json.loads("".join([*lines, "}"]))
    finally:
        process.kill()
        process.communicate()


def _path(folder: Path) -> str:
    import os

    return os.pathsep.join(filter(None, [str(folder), os.environ.get("PYTHONPATH", "")]))


def test_it_answers_who_has_the_address_and_ends_at_once(folder: Path) -> None:
    with serving(folder) as (process, announcement):
        assert announcement["host"] == "127.0.0.1"
        assert len(announcement["photos"]) == 3
        token = announcement["url"].partition("token=")[2]
        assert len(token) >= 32
        with urllib.request.urlopen(announcement["url"]) as answer:
            assert answer.status == 200
        with pytest.raises(urllib.error.HTTPError, match="401"):
            urllib.request.urlopen(announcement["url"][:-1])
        question = urllib.request.Request(
            f"http://127.0.0.1:{announcement['port']}/api/explain",
            json.dumps({"photo": "f0", "method": "occlusion"}).encode(),
            {"authorization": f"Bearer {token}", "content-type": "application/json"},
        )
        with urllib.request.urlopen(question) as answer:
            assert json.load(answer)["method"] == "occlusion"
        _misbehave(announcement["port"], token)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
        assert process.returncode == 130
        assert err == "saccade: stopped.\n"
        assert token not in out


def test_what_is_no_photo_is_named_and_left_out(folder: Path) -> None:
    (folder / "photos" / "0.png").write_bytes(b"damaged")
    with serving(folder) as (process, announcement):
        assert [Path(photo).name for photo in announcement["photos"]] == ["1.png", "2.png"]
        process.kill()
        assert "note: left out: photos/0.png is not a photo" in process.communicate()[1]


def _misbehave(port: int, token: str) -> None:
    """What may not leave a trace: its line would name a photo, an address or a token."""
    from websockets.exceptions import ConnectionClosed, InvalidStatus
    from websockets.sync.client import connect

    with socket.create_connection(("127.0.0.1", port)) as raw:
        raw.sendall(b"\x16\x03\x01 no HTTP at all\r\n\r\n")
        raw.recv(1000)
    with socket.create_connection(("127.0.0.1", port)) as raw:
        raw.sendall(b"POST /api/photos HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 500\r\n\r\nhalf")
    upload = urllib.request.Request(
        f"http://127.0.0.1:{port}/api/photos?name=Anna.png", b"no photo",
        {"authorization": f"Bearer {token}", "content-type": "image/png"},
    )  # fmt: skip
    with pytest.raises(urllib.error.HTTPError, match="415"):
        urllib.request.urlopen(upload)
    several = io.BytesIO()
    frames = [Image.new("RGB", (20, 20), colour) for colour in ("red", "blue")]
    frames[0].save(several, "GIF", save_all=True, append_images=frames[1:])
    upload.data = several.getvalue()
    with urllib.request.urlopen(upload) as answer:  # the library warns that it reads the first frame
        assert answer.status == 201
    live, bearer = f"ws://127.0.0.1:{port}/live", {"authorization": f"Bearer {token}"}
    with pytest.raises(InvalidStatus, match="403"):
        connect(live, additional_headers=bearer, origin="http://evil.example")  # type: ignore[arg-type]
    with pytest.raises(InvalidStatus, match="401"):
        connect(live)
    with connect(live, additional_headers=bearer) as talking:
        talking.send(b"\xff" * 100)
        assert b"docs/api.md" in talking.recv()
    with connect(live, additional_headers=bearer) as talking:
        with suppress(ConnectionClosed):  # it may be closed before all of it was sent
            talking.send(b"x" * (17 * 2**20))
        with pytest.raises(ConnectionClosed):
            talking.recv()


def test_the_next_port_that_is_free(folder: Path) -> None:
    from saccade.app.server import FIRST_PORT, listen

    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            other.bind(("127.0.0.1", FIRST_PORT))
            other.listen()
        except OSError:
            pass  # somebody has it, which is as good
        listener = listen("127.0.0.1", None)
        listener.socket.close()
        assert listener.port > FIRST_PORT


def test_what_cannot_be_served_is_one_plain_line(run: Run, folder: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        refused(run("serve", "mine:made", "photos", "--port", port), str(port), "is taken", "leave --port out")
    refused(run("serve", "mine:made", "photos", "--host", "0.0.0.0"), "--token", "other machines")
    refused(run("serve", "mine:made", "photos", "--token", "short"), "5 characters", "16 or more")
    refused(run("serve", "mine:made", "nowhere"), "nowhere")
    (folder / "note.txt").write_text("words")
    refused(run("serve", "mine:made", "note.txt"), "note.txt is not a photo")
    refused(
        run("serve", "mine:made", "photos", "--host", "203.0.113.7", "--token", "x" * 20), "no address of this machine"
    )


def test_the_extra_is_named_where_it_is_missing(run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    for name in [name for name in sys.modules if name.startswith("saccade.app")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "fastapi", None)
    refused(run("serve", "mine:made", "photos"), "fastapi is not installed", "saccade[app]")
