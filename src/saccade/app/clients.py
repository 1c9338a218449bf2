"""Who asks: every browser that showed the token gets a number of its own, in a cookie that no script can read."""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from dataclasses import dataclass, field


@dataclass(eq=False)
class Client:
    """A browser, or all programs that show the token with every request.

    Attributes:
        number: Random; it is the cookie.
        sockets: How many it has open.
    """

    number: str
    sockets: int = field(default=0)


class Clients:
    """Those who are known.

    Args:
        most: So many; beyond that the one that was away longest is forgotten.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._known: OrderedDict[str, Client] = OrderedDict()
        self._lock = threading.Lock()
        self.programs = Client("programs")

    def __len__(self) -> int:
        """How many are known."""
        return len(self._known)

    def new(self) -> Client:
        """Somebody who just showed the token."""
        client = Client(secrets.token_urlsafe(24))
        with self._lock:
            self._known[client.number] = client
            while len(self._known) > self._most:
                self._known.popitem(last=False)
        return client

    def find(self, number: str) -> Client | None:
        """Who has this cookie? A number of 192 random bits is not found by trying."""
        with self._lock:
            client = self._known.get(number)
            if client is not None:
                self._known.move_to_end(number)
            return client
