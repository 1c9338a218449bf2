"""Who sends or reads too slowly is not waited for, and holds nobody else up: raw sockets before a real server."""

from __future__ import annotations

import contextlib
import re
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest
from app_servers import served
from websockets.sync.client import connect

from saccade.app.limits import Limits
from saccade.app.server import Listener, listen

QUICK = Limits(head_seconds=0.6, answer_seconds=0.6)
REQUEST = b"GET / HTTP/1.1\r\nHost: here\r\n\r\n"
LARGE = 64 * 2**20


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Answers with a word, after a while (`/slow`), with more than any buffer holds (`/large`), or talks back."""
    import asyncio

    if scope["type"] == "lifespan":
        for kind in ("startup", "shutdown"):
            await receive()
            await send({"type": f"lifespan.{kind}.complete"})
        return
    if scope["type"] == "websocket":
        await send({"type": "websocket.accept"})
        while (message := await receive())["type"] != "websocket.disconnect":
            if "text" in message:
                await send({"type": "websocket.send", "text": message["text"]})
        return
    if scope["path"] == "/slow":
        await asyncio.sleep(3 * QUICK.head_seconds)
    body = b"x" * LARGE if scope["path"] == "/large" else b"hello"
    length = str(len(body)).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", length)]})
    await send({"type": "http.response.body", "body": body})


@contextlib.contextmanager
def listening(limits: Limits) -> Iterator[Listener]:
    listener = listen("127.0.0.1", 0)
    with served(app, listener, limits):
        yield listener


@pytest.fixture(scope="module")
def server() -> Iterator[Listener]:
    with listening(QUICK) as listener:
        yield listener


def connected(server: Listener) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), timeout=20)


def answer_of(raw: socket.socket) -> bytes:
    """The whole answer: its head and its body may come in parts of their own."""
    raw.sendall(REQUEST)
    return whole_answer(raw)


def whole_answer(raw: socket.socket) -> bytes:
    """All bytes of one answer, by the length that its head says; what has come so far where the connection ends."""
    answer = b""
    while part := raw.recv(1000):
        answer += part
        head, _, body = answer.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: (\d+)", head)
        if length and len(body) >= int(length[1]):
            break
    return answer


def is_ended(raw: socket.socket) -> bool:
    try:
        return raw.recv(1) == b""
    except ConnectionResetError:
        return True


def trickle(raw: socket.socket, text: bytes) -> bool:
    """Send a byte at a time, each well within the time for all; was the connection ended before the last?"""
    raw.settimeout(QUICK.head_seconds / 10)
    for at in range(len(text)):
        try:
            raw.sendall(text[at : at + 1])
            if raw.recv(1000) == b"":
                return True
        except TimeoutError:
            continue
        except (ConnectionResetError, BrokenPipeError):
            return True
    return False


def test_a_silent_connection_is_ended(server: Listener) -> None:
    with connected(server) as raw:
        assert is_ended(raw)


def test_a_trickle_of_headers_is_ended_while_others_are_answered(server: Listener) -> None:
    with connected(server) as slow, connected(server) as other:
        slow.sendall(b"GET / HTTP/1.1\r\nHost: here\r\n")
        assert answer_of(other).startswith(b"HTTP/1.1 200")
        assert trickle(slow, b"X-Letters: " + b"a" * 1000)


def test_a_second_head_gets_no_more_time(server: Listener) -> None:
    with connected(server) as raw:
        assert answer_of(raw).startswith(b"HTTP/1.1 200")
        assert answer_of(raw).startswith(b"HTTP/1.1 200"), "the connection lives on between requests"
        assert trickle(raw, REQUEST[:-2] + b"X-Letters: " + b"a" * 1000)


def test_a_trickle_after_the_answer_is_ended(server: Listener) -> None:
    with connected(server) as raw:
        raw.sendall(b"GET / HTTP/1.1\r\nHost: here\r\nContent-Length: 5000\r\n\r\n")
        assert whole_answer(raw).startswith(b"HTTP/1.1 200"), "nobody waits for the body of a question that has none"
        assert trickle(raw, b"x" * 1000)


def test_a_long_computation_is_not_cut_off(server: Listener) -> None:
    with connected(server) as raw:
        raw.sendall(REQUEST.replace(b"/ ", b"/slow ", 1))
        assert whole_answer(raw).startswith(b"HTTP/1.1 200")


def test_a_socket_may_be_silent(server: Listener) -> None:
    with connect(f"ws://127.0.0.1:{server.port}/") as talking:
        time.sleep(3 * QUICK.head_seconds)
        talking.send("still there")
        assert talking.recv(20) == "still there"


def test_an_answer_that_nobody_takes_is_dropped(server: Listener) -> None:
    with socket.socket() as raw:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        raw.settimeout(20)
        raw.connect(("127.0.0.1", server.port))
        raw.sendall(REQUEST.replace(b"/ ", b"/large ", 1))
        time.sleep(4 * QUICK.answer_seconds)
        received = 0
        with contextlib.suppress(ConnectionResetError):
            while part := raw.recv(2**20):
                received += len(part)
        assert 0 < received < LARGE


def test_a_quick_reader_gets_all_of_it(server: Listener) -> None:
    with connected(server) as raw:
        raw.sendall(REQUEST.replace(b"/ ", b"/large ", 1))
        received = 0
        while received < LARGE:
            part = raw.recv(2**20)
            assert part
            received += len(part)


def test_too_many_connections_are_refused_and_then_closed() -> None:
    with listening(Limits(head_seconds=20, connections=4)) as server, contextlib.ExitStack() as stack:
        connections = [stack.enter_context(connected(server)) for _ in range(4)]
        with connected(server) as raw:
            assert answer_of(raw).startswith(b"HTTP/1.1 503")
        connections += [stack.enter_context(connected(server)) for _ in range(4)]
        with connected(server) as raw:
            assert is_ended(raw), "without a word"
        for raw in connections:
            raw.close()
        end = time.monotonic() + 20
        while True:
            with connected(server) as raw:
                if answer_of(raw).startswith(b"HTTP/1.1 200"):
                    break
            assert time.monotonic() < end
