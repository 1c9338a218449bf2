"""Who asks: every browser that showed the token gets a number of its own, in a cookie that no script can read.

The number is signed with the token, so that a server that was started again with the same token knows its pages again.
"""

from __future__ import annotations

import hmac
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
        token: What they have shown.
        most: So many; beyond that the one that was away longest is forgotten, until it asks again.
    """

    def __init__(self, token: str, most: int) -> None:
        self._key, self._most = token.encode(), most
        self._clients: OrderedDict[str, Client] = OrderedDict()
        self._lock = threading.Lock()
        self.programs = Client("programs")

    def __len__(self) -> int:
        """How many are known."""
        return len(self._clients)

    def new(self) -> Client:
        """Somebody who just showed the token."""
        number = secrets.token_urlsafe(18)
        return self._remembered(f"{number}.{self._signature(number)}")

    def find(self, cookie: str) -> Client | None:
        """Who has this cookie? None for one that nobody was given."""
        number, _, signature = cookie.partition(".")
        is_ours = secrets.compare_digest(signature.encode("utf-8", "replace"), self._signature(number).encode())
        return self._remembered(cookie) if is_ours else None

    def _remembered(self, cookie: str) -> Client:
        with self._lock:
            client = self._clients.setdefault(cookie, Client(cookie))
            self._clients.move_to_end(cookie)
            while len(self._clients) > self._most:
                self._clients.popitem(last=False)
            return client

    def _signature(self, number: str) -> str:
        return hmac.new(self._key, number.encode("utf-8", "replace"), "sha256").hexdigest()
