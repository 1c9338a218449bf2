"""A connection of somebody who sends or reads too slowly is ended, so that idle clients cannot block the server.

head    what a request begins with (its line and its headers) must be there in time; the guard looks after its body
answer  must be taken in time
count   only so many are open at once

What happens on a socket is watched by its pings.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

from saccade.app.limits import Limits


class Connection(H11Protocol):
    """One connection.

    Args:
        limits: How long each part may take, how many there may be.
    """

    def __init__(self, *arguments: Any, limits: Limits, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self._limits = limits
        self._head: asyncio.TimerHandle | None = None
        self._answer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Somebody is there."""
        super().connection_made(transport)
        if len(self.connections) > 2 * self._limits.connections:  # before that the answer is 503
            transport.abort()
            return
        self._watch_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Somebody is gone."""
        self._forget_head()
        self._forget_answer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """A part of a request; more parts of the same head win no more time."""
        super().data_received(data)
        self._watch_head()

    def pause_writing(self) -> None:
        """The other side takes nothing more for now."""
        super().pause_writing()
        if self._answer is None:
            self._answer = self.loop.call_later(self._limits.answer_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        """It has taken what was waiting."""
        super().resume_writing()
        self._forget_answer()

    def _watch_head(self) -> None:
        is_answered = self.cycle is not None and not self.cycle.response_complete
        if is_answered or self.transport.get_protocol() is not self:  # as it is for a socket
            self._forget_head()
        elif self._head is None:
            self._head = self.loop.call_later(self._limits.head_seconds, self.transport.abort)

    def _forget_head(self) -> None:
        if self._head is not None:
            self._head.cancel()
            self._head = None

    def _forget_answer(self) -> None:
        if self._answer is not None:
            self._answer.cancel()
            self._answer = None


def connections(limits: Limits) -> Any:
    """What makes a connection; uvicorn's types want a class in its place."""
    return partial(Connection, limits=limits)
