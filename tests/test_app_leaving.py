"""Who goes away is not computed for any more, and a server that is ended tells nobody's names."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
from app_servers import BEARER, TOKEN, photo_file, served, small_encoder, with_folder
from commands import COMMAND, environment
from websockets.sync.client import connect

from saccade.app.assembly import create_app
from saccade.app.frames import packed
from saccade.app.limits import Limits
from saccade.app.server import listen
from saccade.errors import Cancelled

QUESTION = {"photo": "f0", "method": "occlusion"}


class Endless:
    """In the place of the computation: goes on until it is told to stop."""

    def __init__(self) -> None:
        self.began, self.stopped = threading.Event(), threading.Event()

    def __call__(self, question: Any, photo: Any, stop: Any, **_: Any) -> Any:
        self.began.set()
        while not stop():
            self.stopped.wait(0.01)
        self.stopped.set()
        raise Cancelled("stopped.")


@contextmanager
def endless(tmp_path: Path) -> Iterator[tuple[int, Endless, list[BaseException]]]:
    """A server that computes one thing at a time and never comes to an end by itself; its port, and defects."""
    (tmp_path / "first.png").write_bytes(photo_file())
    listener = listen("127.0.0.1", 0)
    wrong: list[BaseException] = []
    limits = Limits(at_once=1)
    app: Any = create_app(
        small_encoder(), [tmp_path / "first.png"], token=TOKEN, limits=limits, on_defect=wrong.append, warm_up=False
    )
    work = Endless()
    app.app.state.service.answers.attribution = work
    with served(app, listener, limits):
        yield listener.port, work, wrong


def is_free_again(port: int) -> bool:
    """Is the only turn given to somebody else?"""
    address = f"http://127.0.0.1:{port}/api/photos/f0"
    return httpx2.get(address, headers=BEARER, timeout=20).status_code == 200


def test_who_hangs_up_is_not_computed_for(tmp_path: Path) -> None:
    with endless(tmp_path) as (port, work, wrong):
        body = json.dumps(QUESTION).encode()
        with socket.create_connection(("127.0.0.1", port)) as raw:
            head = f"POST /api/explain HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {TOKEN}\r\n"
            kind = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
            raw.sendall((head + kind).encode() + body)
            assert work.began.wait(20)
        assert work.stopped.wait(20)
        assert is_free_again(port)
        assert wrong == []


def test_a_closed_socket_stops_what_it_asked(tmp_path: Path) -> None:
    with endless(tmp_path) as (port, work, wrong):
        with connect(f"ws://127.0.0.1:{port}/live", additional_headers=BEARER) as talking:
            talking.send(packed({"id": 1, "kind": "explain", **QUESTION}))
            assert work.began.wait(20)
        assert work.stopped.wait(20)
        assert is_free_again(port)
        assert wrong == []


def test_who_still_waits_and_leaves_is_passed_over(tmp_path: Path) -> None:
    with endless(tmp_path) as (port, work, wrong):
        live = f"ws://127.0.0.1:{port}/live"
        with connect(live, additional_headers=BEARER) as first:
            first.send(packed({"id": 1, "kind": "explain", **QUESTION}))
            assert work.began.wait(20)
            with connect(live, additional_headers=BEARER) as second:
                second.send(packed({"id": 2, "kind": "explain", **QUESTION, "method": "relax"}))
        assert work.stopped.wait(20)
        assert is_free_again(port)
        assert wrong == []


def test_a_server_that_is_ended_in_the_middle_says_nothing_of_anybody(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(_SLOW)
    (tmp_path / "Anna.png").write_bytes(photo_file())
    words = [*COMMAND, "serve", "mine:made", "Anna.png", "--port", "0", "--json", "--no-open", "--token", TOKEN]
    process = subprocess.Popen(
        words, cwd=tmp_path, env=environment(PYTHONPATH=with_folder(tmp_path)), text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    lines: list[str] = []
    while not lines or lines[-1] != "}\n":
        lines.append(process.stdout.readline())
        assert lines[-1], process.communicate()
    port = json.loads("".join(lines))["port"]
    with connect(f"ws://127.0.0.1:{port}/live", additional_headers=BEARER) as talking:
        talking.send(packed({"id": 1, "kind": "explain", **QUESTION}))
        while not (tmp_path / "began").exists():
            assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=30)
    assert "Traceback" not in err
    for secret in ("Anna", TOKEN, "explain"):
        assert secret not in out + err


_SLOW = """
import time
from pathlib import Path
import numpy as np
from saccade.models.numpy_network import NumpyNetwork

def encode(images, taps):
    if len(images) > 1:
        Path("began").touch()
        time.sleep(0.5)
    cells = np.asarray(images).reshape(len(images), 4, 4, 4, 4, 3).mean(axis=(2, 4))
    return {"cells": taps["cells"](cells) if "cells" in taps else cells}

class Mine(NumpyNetwork):
    def weights(self):
        return [("none", np.zeros(1))]

made = Mine(encode, (16, 16, 3), name="mine")
"""
