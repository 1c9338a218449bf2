"""Whose turn is it? A few pieces of work are computed at once, and the clients who wait take turns."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from saccade.app.limits import Limits
from saccade.app.refusal import Refused

Answer = TypeVar("Answer")
Work = Callable[[Callable[[], bool]], Answer]
"""Gets what it is to ask between two pieces: is it to stop?"""


class Turns:
    """Gives everybody a turn.

    Args:
        limits: How many at once, how many may wait, how long each may take.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._threads = ThreadPoolExecutor(limits.at_once, thread_name_prefix="saccade")
        self._waiting: OrderedDict[str, deque[tuple[asyncio.Future[None], bool]]] = OrderedDict()
        self._busy = 0
        self._alone = False

    def close(self) -> None:
        """Take no more work."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def work(
        self, client: str, function: Work[Answer], *, alone: bool = False, stop: threading.Event | None = None
    ) -> Answer:
        """Compute something in a thread when it is the client's turn.

        Args:
            client: Who asks.
            function: What is computed.
            alone: Nothing else may be computed meanwhile.
            stop: Ends it from outside; so does cancelling, and the time allowed.

        Raises:
            Refused: Too much is waiting already.
        """
        await self._turn(client, alone)
        stop = stop or threading.Event()
        end = time.monotonic() + self._limits.work_seconds
        try:
            loop = asyncio.get_running_loop()
            running = loop.run_in_executor(self._threads, function, lambda: stop.is_set() or time.monotonic() > end)
            try:
                return await asyncio.shield(running)
            except asyncio.CancelledError:
                stop.set()
                # The thread cannot be left: its turn ends when it does.
                await asyncio.wait([running])
                running.exception()
                raise
        finally:
            self._done(alone)

    async def _turn(self, client: str, alone: bool) -> None:
        if self._is_free(alone) and not self._waiting:
            self._take(alone)
            return
        queue = self._waiting.setdefault(client, deque())
        if len(queue) >= self._limits.waiting:
            raise Refused(429, f"{self._limits.waiting} questions of yours are waiting already; ask again later.")
        if sum(map(len, self._waiting.values())) >= self._limits.all_waiting:
            raise Refused(503, "too many questions are waiting; ask again later.")
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        queue.append((turn, alone))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._done(alone)  # it had come just then
            else:
                self._leave(client, turn)
            raise

    def _leave(self, client: str, turn: asyncio.Future[None]) -> None:
        queue = self._waiting.get(client, deque())
        for entry in [entry for entry in queue if entry[0] is turn]:
            queue.remove(entry)
        if not queue:
            self._waiting.pop(client, None)
        self._next()

    def _is_free(self, alone: bool) -> bool:
        return not self._alone and (self._busy == 0 if alone else self._busy < self._limits.at_once)

    def _take(self, alone: bool) -> None:
        self._busy += 1
        self._alone = alone

    def _done(self, alone: bool) -> None:
        self._busy -= 1
        if alone:
            self._alone = False
        self._next()

    def _next(self) -> None:
        while self._waiting:
            client, queue = next(iter(self._waiting.items()))
            turn, alone = queue[0]
            if not self._is_free(alone):
                return
            queue.popleft()
            self._waiting.pop(client)
            if queue:
                self._waiting[client] = queue  # at the end: the others come first
            if not turn.done():
                self._take(alone)
                turn.set_result(None)
