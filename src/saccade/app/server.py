"""A free port, the server on it, and its end."""

from __future__ import annotations

import contextlib
import errno
import secrets
import socket
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import uvicorn

from saccade.app.connections import connections
from saccade.app.limits import Limits
from saccade.errors import InputError

FIRST_PORT = 8471
_PORTS = 50


@dataclass(frozen=True)
class Listener:
    """Where a server listens.

    Attributes:
        socket: Bound, so that nobody else can take the port meanwhile.
        host: As it was asked for.
        port: The one that was free.
    """

    socket: socket.socket
    host: str
    port: int

    def address(self, token: str, root_path: str = "") -> str:
        """What is opened in a browser."""
        shown = "127.0.0.1" if self.host in ("0.0.0.0", "::", "") else self.host  # noqa: S104
        name = f"[{shown}]" if ":" in shown else shown
        return f"http://{name}:{self.port}{root_path}/?token={quote(token, safe='')}"


def new_token() -> str:
    """192 random bits."""
    return secrets.token_urlsafe(24)


def listen(host: str, port: int | None) -> Listener:
    """Take a port.

    Args:
        host: The address to listen on.
        port: This one; None: `FIRST_PORT` or the next that is free; 0: any.

    Raises:
        InputError: It is taken, may not be used, or there is no such address.
    """
    for number in [port] if port is not None else range(FIRST_PORT, FIRST_PORT + _PORTS):
        try:
            bound = _bound(host, number)
        except OSError as error:
            if error.errno == errno.EADDRINUSE and port is None:
                continue
            raise InputError(_why(host, number, error)) from error
        return Listener(bound, host, bound.getsockname()[1])
    raise InputError(f"no port from {FIRST_PORT} to {FIRST_PORT + _PORTS - 1} is free; name one with --port.")


def _bound(host: str, port: int) -> socket.socket:
    family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        if hasattr(socket, "SO_EXCLUSIVEADDRUSE"):  # elsewhere two servers could share a port
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(128)
    except OSError:
        listening.close()
        raise
    return listening


def _why(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} of {host} is taken; leave --port out for the next free one, or name another."
    if error.errno == errno.EACCES:
        return f"port {port} may not be used by you; ports from 1024 on can be."
    return f"{host} is no address of this machine ({error.strerror or error}); --host 127.0.0.1 is."


class _Server(uvicorn.Server):
    """Leaves Ctrl-C to the program, which ends at once."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Nothing is captured."""
        yield


def serve(app: Any, listener: Listener, *, limits: Limits | None = None) -> None:
    """Answer until the process ends.

    Args:
        app: What `create_app` gives.
        listener: Where.
        limits: How many connections there may be, how slow each, and how large a message of a socket.
    """
    limits = limits or Limits()
    config = uvicorn.Config(
        app,
        # Addresses hold tokens and names of photos: nothing of a request is written anywhere.
        access_log=False,
        log_config=None,
        log_level="critical",
        server_header=False,
        date_header=False,
        proxy_headers=False,
        http=connections(limits),
        ws="websockets-sansio",
        ws_max_size=limits.message_bytes,
        ws_max_queue=4,
        ws_per_message_deflate=False,
        limit_concurrency=limits.connections + 1,  # it counts the one that asks
        timeout_keep_alive=30,
        lifespan="on",
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the library's own name the photo that they are about
        _Server(config).run(sockets=[listener.socket])
