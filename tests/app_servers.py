"""What the tests of the app share: a small network that starts in a moment, a server on a free port, the token."""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import uvicorn
from PIL import Image
from starlette.testclient import TestClient

import saccade
from saccade.app.assembly import create_app
from saccade.app.limits import Limits
from saccade.app.server import Listener, listen, serve
from saccade.models.numpy_network import NumpyNetwork

TOKEN = "a token for the tests 123"
BEARER = MappingProxyType({"authorization": f"Bearer {TOKEN}"})  # a client that adds to what it was given fails
HERE = "http://127.0.0.1:8471"


class SmallNetwork(NumpyNetwork):
    """Four by four cells, each the mean colour of its place; no framework is needed."""

    def weights(self) -> list[tuple[str, Any]]:
        return [("none", np.zeros(1))]


def small_encoder() -> saccade.Encoder:
    def encode(images: Any, taps: Any) -> dict[str, Any]:
        cells = np.asarray(images).reshape(len(images), 4, 4, 4, 4, 3).mean(axis=(2, 4))
        return {"cells": taps["cells"](cells) if "cells" in taps else cells}

    return saccade.Encoder(SmallNetwork(encode, (16, 16, 3), name="small"), layer="cells", value_range=(0, 1))


def drawing_encoder() -> saccade.Encoder:
    """The same with a decoder: every cell is drawn as a square of its colour."""

    def encode_and_draw(images: Any, taps: Any) -> dict[str, Any]:
        cells = np.asarray(images).reshape(len(images), 4, 4, 4, 4, 3).mean(axis=(2, 4))
        cells = taps["cells"](cells) if "cells" in taps else cells
        drawn = cells.repeat(4, axis=1).repeat(4, axis=2)
        return {"cells": cells, "drawn": taps["drawn"](drawn) if "drawn" in taps else drawn}

    return saccade.Encoder(SmallNetwork(encode_and_draw, (16, 16, 3), name="small"), layer="cells", value_range=(0, 1))


def photo_file(size: tuple[int, int] = (40, 30), kind: str = "PNG", seed: int = 0) -> bytes:
    values = np.random.default_rng(seed).integers(0, 255, (size[1], size[0], 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(values).save(buffer, kind)
    return buffer.getvalue()


def with_folder(folder: Path) -> str:
    """`PYTHONPATH` for a process that imports a module from this folder, too."""
    return os.pathsep.join(filter(None, [str(folder), os.environ.get("PYTHONPATH", "")]))


def test_client(app: Any, **settings: Any) -> TestClient:
    settings["headers"] = {**settings.get("headers", {})}  # it adds its own
    return TestClient(app, base_url=HERE, raise_server_exceptions=False, **settings)


test_client.__test__ = False  # type: ignore[attr-defined]


@contextlib.contextmanager
def running(
    encoder: saccade.Encoder, photos: list[Path], *, limits: Limits | None = None, **settings: Any
) -> Iterator[str]:
    """The app on a real server; gives the address with its token."""
    listener = listen("127.0.0.1", 0)
    app = create_app(encoder, photos, token=TOKEN, cookie=f"saccade_{listener.port}", limits=limits, **settings)
    with served(app, listener, limits):
        yield listener.address(TOKEN)


@contextlib.contextmanager
def served(app: Any, listener: Listener, limits: Limits | None = None) -> Iterator[None]:
    """A real server in a thread, which ends with the block."""
    servers: list[uvicorn.Server] = []
    startup = uvicorn.Server.startup

    async def remembered(self: uvicorn.Server, *arguments: Any, **named: Any) -> None:
        servers.append(self)
        await startup(self, *arguments, **named)

    uvicorn.Server.startup = remembered  # type: ignore[method-assign]
    thread = threading.Thread(target=serve, args=(app, listener), kwargs={"limits": limits}, daemon=True)
    thread.start()
    while not servers or not servers[0].started:
        assert thread.is_alive()
        time.sleep(0.02)
    uvicorn.Server.startup = startup  # type: ignore[method-assign]
    yield
    servers[0].should_exit = servers[0].force_exit = True
    thread.join(20)


class PrefixProxy:
    """A reverse proxy that offers a server below a prefix, on a port of its own.

    Args:
        port: Of the server behind it.
        prefix: Such as `/see`.
        keeps: Whether the server gets the prefix, too; else it is taken away.
    """

    def __init__(self, port: int, prefix: str, *, keeps: bool) -> None:
        self._behind, self._prefix, self._keeps = port, prefix.encode(), keeps
        self.strays: list[bytes] = []
        """Requests beside the prefix: a page that makes one does not know where it lies."""

    def __enter__(self) -> int:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        starting = asyncio.start_server(self._serve, "127.0.0.1", 0)
        self._server = asyncio.run_coroutine_threadsafe(starting, self._loop).result(20)
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    def __exit__(self, *_: object) -> None:
        async def end() -> None:
            self._server.close()
            others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)
            await asyncio.sleep(0.05)  # what was ended is told to its streams in the next rounds

        asyncio.run_coroutine_threadsafe(end(), self._loop).result(20)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(20)
        self._loop.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            line, *headers = (await reader.readuntil(b"\r\n\r\n"))[:-4].split(b"\r\n")
            method, path, version = line.split(b" ")
            if not path.startswith(self._prefix):
                self.strays.append(path)
            elif not self._keeps:
                path = path.removeprefix(self._prefix) or b"/"
            if not any(header.lower().startswith(b"upgrade:") for header in headers):  # one request a connection
                headers = [header for header in headers if not header.lower().startswith(b"connection:")]
                headers.append(b"Connection: close")
            behind_reader, behind_writer = await asyncio.open_connection("127.0.0.1", self._behind)
            behind_writer.write(b"\r\n".join([b" ".join([method, path, version]), *headers, b"", b""]))
            try:
                await asyncio.gather(_pass_on(reader, behind_writer), _pass_on(behind_reader, writer))
            finally:
                behind_writer.transport.abort()
                writer.transport.abort()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while part := await reader.read(65536):
            writer.write(part)
            await writer.drain()
    writer.close()
