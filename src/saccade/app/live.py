"""One socket for everything that moves: maps that sharpen, the camera, the cover, the dials, the mixture, the report.

Every message is one of `KINDS` with a number of its own, and every answer repeats both. Of each kind only the latest
question counts: what waits is replaced, and a long question under way is stopped.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import numpy as np
from fastapi import WebSocket, WebSocketDisconnect
from pydantic import ValidationError

from saccade.app.clients import Client
from saccade.app.decoding import mixed
from saccade.app.dials import Dials
from saccade.app.frames import packed, read_words, unpacked
from saccade.app.messages import KINDS, Encode, Explain, Frame, Message, Mix, Report, Turn
from saccade.app.refusal import Refused
from saccade.app.requests import ExplainQuestion
from saccade.app.service import Service
from saccade.errors import Cancelled, ImageError, SaccadeError
from saccade.explanation import explain
from saccade.report.map_data import scale_data
from saccade.results import Attribution
from saccade.run import Run
from saccade.utf8 import utf8_bytes

Stop = Callable[[], bool]
Send = Callable[[dict[str, Any], bytes], None]
"""Hands a message to the socket, from any thread."""

_MOST_UNREAD = 500
_STOPPED_BY_NEWER = ("explain", "report")
"""Questions that take long; the others are over before it would matter, and would starve."""


class Conversation:
    """What one socket asks, and what it is answered.

    Args:
        service: Everything behind it.
        client: Who asks.
        send: Sends a message.
    """

    def __init__(self, service: Service, client: str, send: Callable[[bytes], Awaitable[None]]) -> None:
        self._service, self._client, self._send = service, client, send
        self._waiting: dict[str, tuple[Message, bytes]] = {}
        self._running: dict[str, tuple[asyncio.Task[None], threading.Event]] = {}
        self._loop = asyncio.get_running_loop()
        self._outbox: asyncio.Queue[bytes] = asyncio.Queue()
        self.is_broken = False
        self._sending = asyncio.create_task(self._hand_out())

    async def close(self) -> None:
        """Stop everything that is asked here."""
        self._waiting.clear()
        for task, stop in list(self._running.values()):
            stop.set()
            task.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await task
        self._sending.cancel()

    def receive(self, message: bytes | str) -> None:
        """Take a message; what it replaces is answered with `overtaken`."""
        words: dict[str, Any] = {}
        try:
            words, numbers = (read_words(message), b"") if isinstance(message, str) else unpacked(message)
            kind = words.get("kind")
            if not isinstance(kind, str) or kind not in KINDS:
                raise Refused(400, f"a message of no known kind; there are {', '.join(KINDS)}.")
            question = KINDS[kind].model_validate(words)
        except Refused as refusal:
            self._refuse(words, refusal.reason)
            return
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            self._refuse(words, f"{'.'.join(map(str, first['loc']))}: {first['msg']}")
            return
        replaced = self._waiting.pop(kind, None)
        if replaced is not None:
            self._put(packed({"id": replaced[0].id, "kind": kind, "overtaken": True}))
        self._waiting[kind] = (question, numbers)
        if kind not in self._running:
            self._start(kind)
        elif kind in _STOPPED_BY_NEWER:
            self._running[kind][1].set()

    def stop(self, kind: str) -> None:
        """End what is computed of a kind."""
        self._waiting.pop(kind, None)
        if kind in self._running:
            self._running[kind][1].set()

    def _start(self, kind: str) -> None:
        stop = threading.Event()
        question, numbers = self._waiting.pop(kind)
        self._running[kind] = (asyncio.create_task(self._answer(kind, question, numbers, stop)), stop)

    async def _answer(self, kind: str, question: Message, numbers: bytes, stop: threading.Event) -> None:
        head = {"id": question.id, "kind": kind}

        def send(words: dict[str, Any], content: bytes = b"") -> None:
            self._loop.call_soon_threadsafe(self._put, packed({**head, **words}, content))

        try:
            alone = kind == "report" and self._service.must_be_alone
            # A lane of its own: the finger and the camera do not wait until all sections of the page are computed.
            await self._service.turns.work(
                f"{self._client} live",
                lambda stopped: self._compute(question, numbers, stopped, send),
                alone=alone,
                stop=stop,
            )
        except Cancelled:
            send({"overtaken": True} if stop.is_set() else {"error": "it took longer than is allowed here."})
        except Refused as refusal:
            send({"error": refusal.reason})
        except SaccadeError as error:
            send({"error": str(error)})
        except Exception as error:
            self._service.on_defect(error)
            send({"error": f"unexpected error: {type(error).__name__}"})
        finally:
            self._running.pop(kind, None)
            if kind in self._waiting:
                self._start(kind)

    def _compute(self, question: Message, numbers: bytes, stop: Stop, send: Send) -> None:
        if isinstance(question, Explain):
            self._explain(question, stop, send)
        elif isinstance(question, Frame):
            self._frame(question, numbers, stop, send)
        elif isinstance(question, Encode):
            self._encode(question, numbers, stop, send)
        elif isinstance(question, Turn):
            self._turn(question, stop, send)
        elif isinstance(question, Mix):
            self._mix(question, stop, send)
        elif isinstance(question, Report):
            self._report(question, stop, send)

    def _explain(self, question: Explain, stop: Stop, send: Send) -> None:
        answers, album = self._service.answers, self._service.album
        explain_question = ExplainQuestion.model_validate(question.model_dump(exclude={"id", "kind"}))
        latest = 0.0

        def partial(attribution: Attribution) -> None:
            nonlocal latest
            if time.monotonic() - latest > 0.1:  # faster than anybody looks, and than a page can draw
                latest = time.monotonic()
                values = np.asarray(attribution.values[0], "<f4")
                words = {"partial": True, "rows": values.shape[0], "columns": values.shape[1],
                         "scale": scale_data(attribution.scale(0)), "signed": attribution.signed}  # fmt: skip
                send(words, values.tobytes())

        attribution = answers.attribution(
            explain_question, lambda number: album.photo(self._client, number), stop, on_partial=partial,
            progress=lambda done, total: send({"done": done, "total": total}, b""),
        )  # fmt: skip
        send({"map": answers.explanation(attribution)}, b"")

    def _frame(self, question: Frame, numbers: bytes, stop: Stop, send: Send) -> None:
        start = time.perf_counter()
        if len(numbers) != 3 * question.width * question.height:
            raise ImageError("the bytes of the frame are not width x height x 3.")
        pixels = np.frombuffer(numbers, np.uint8).reshape(question.height, question.width, 3)
        image = self._service.album.frame(pixels)
        attribution = explain(self._service.answers.encoder, image, question.method, stop=stop)
        values = np.asarray(attribution.values[0], "<f4")
        send(
            {"rows": values.shape[0], "columns": values.shape[1],
             "box": image.photos[0].placement.shares, "unit": attribution.units,
             "title": attribution.title, "scale": scale_data(attribution.scale(0)),
             "milliseconds": 1000 * (time.perf_counter() - start)},
            values.tobytes(),
        )  # fmt: skip

    def _encode(self, question: Encode, numbers: bytes, stop: Stop, send: Send) -> None:
        start = time.perf_counter()
        encoder = self._service.answers.encoder
        images = encoder.images(self._image(numbers))
        layers = [encoder.layer, *([encoder.network.output] if encoder.is_autoencoder else [])]
        activations = Run(encoder, stop=stop).activations(images.array, layers)
        code = np.asarray(encoder.on_grid(activations[encoder.layer])[0], "<f4")
        redrawn = np.asarray(activations[layers[-1]][0], "<f4") if len(layers) > 1 else np.zeros(0, "<f4")
        neighbours = self._service.neighbourhood.nearest(code, question.photo or "")
        send(
            {"code": code.size, "redrawn": redrawn.size, "neighbours": neighbours,
             "milliseconds": 1000 * (time.perf_counter() - start)},
            code.tobytes() + redrawn.tobytes(),
        )  # fmt: skip

    def _image(self, numbers: bytes) -> Any:
        recipe, value_range = self._service.album.recipe, self._service.answers.encoder.value_range
        height, width, channels = recipe.height or 1, recipe.width or 1, recipe.channels
        if len(numbers) != 4 * height * width * channels:
            raise ImageError(f"the bytes are no image of {height} x {width} x {channels} numbers.")
        values = np.frombuffer(numbers, "<f4").astype(np.float32).reshape(1, height, width, channels)
        if not np.isfinite(values).all():
            raise ImageError("the image holds values that are not numbers.")
        return np.clip(values, *value_range)

    def _turn(self, question: Turn, stop: Stop, send: Send) -> None:
        start = time.perf_counter()
        dials: Dials = self._service.dials
        photo = self._service.album.photo(self._client, question.photo)
        _send_drawn(send, dials.redrawn(photo.image, question.amounts, stop), start)

    def _mix(self, question: Mix, stop: Stop, send: Send) -> None:
        start = time.perf_counter()
        first, second = self._service.photos(self._client, (question.photo, question.other))
        encoder = self._service.answers.encoder
        _send_drawn(send, mixed(encoder, first.image, second.image, question.share, stop), start)

    def _report(self, question: Report, stop: Stop, send: Send) -> None:
        page = self._service.report(
            self._client,
            question.photos,
            question.title,
            stop,
            lambda doing, done, total: send({"doing": doing, "done": done, "total": total}, b""),
        )
        send({"page": "report.html"}, utf8_bytes(page))

    def _refuse(self, words: dict[str, Any], reason: str) -> None:
        number = words.get("id")
        self._put(packed({"id": number if isinstance(number, int) else None, "error": reason}))

    def _put(self, message: bytes) -> None:
        if self._outbox.qsize() < _MOST_UNREAD:
            self._outbox.put_nowait(message)
        else:  # nobody reads; what is not handed out must not fill the memory
            self.is_broken = True

    async def _hand_out(self) -> None:
        while True:
            await self._send(await self._outbox.get())


def _send_drawn(send: Send, image: Any, start: float) -> None:
    values = np.asarray(image, "<f4")
    words = {"rows": values.shape[0], "columns": values.shape[1], "channels": values.shape[2],
             "milliseconds": 1000 * (time.perf_counter() - start)}  # fmt: skip
    send(words, values.tobytes())


async def converse(socket: WebSocket) -> None:
    """Talk with one page until it goes away."""
    service: Service = socket.app.state.service
    client: Client = socket.scope["client_of_saccade"]
    if client.sockets >= service.limits.sockets or service.sockets >= service.limits.all_sockets:
        raise Refused(429, "too many sockets are open.")
    client.sockets += 1
    service.sockets += 1
    try:
        await socket.accept()
        conversation = Conversation(service, client.number, socket.send_bytes)
        try:
            while True:
                message = await socket.receive()
                if message["type"] == "websocket.disconnect":
                    return
                content = message.get("bytes")
                conversation.receive(content if content is not None else message.get("text") or "")
                if conversation.is_broken:
                    await socket.close(1008)
                    return
        except (WebSocketDisconnect, RuntimeError):
            return
        finally:
            await conversation.close()
    finally:
        client.sockets -= 1
        service.sockets -= 1
