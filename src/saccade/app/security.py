"""Who may ask, and what every answer says to the browser.

host      the address must be one of ours: a name that somebody points at this machine (DNS rebinding) is not
origin    another site's page may not ask, whatever cookies the browser holds
token     shown once in the address, or by programs with every request; then a cookie, SameSite=Strict, HttpOnly
body      neither larger nor slower than allowed
answer    nothing may be embedded, framed, guessed at, kept or sent on
"""

from __future__ import annotations

import asyncio
import ipaddress
import json
import secrets
from collections.abc import Callable, Iterable, MutableMapping
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs, urlsplit

from saccade.app.clients import Client, Clients
from saccade.app.defects import say_kind
from saccade.app.limits import Limits
from saccade.app.refusal import Refused

Message = MutableMapping[str, Any]
Receive = Callable[[], Any]
Send = Callable[[Message], Any]
Scope = MutableMapping[str, Any]

POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data: blob:; "
    "connect-src 'self'; worker-src 'self' blob:; media-src blob:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
HEADERS = (
    ("content-security-policy", POLICY),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "no-referrer"),
    ("cache-control", "no-store"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("permissions-policy", "camera=(self), microphone=(), geolocation=(), display-capture=()"),
)
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_WITH_BODY = ("POST", "PUT", "PATCH", "DELETE")
_SHORTEST = 16


class Guard:
    """Stands before the app; everything passes here first.

    Args:
        app: What is guarded.
        token: What must be shown.
        hosts: Names under which the server may be asked, beside those of this machine itself.
        any_address: Also let numbers (192.168.1.5) be the host: nobody can point a number elsewhere.
        cookie: The name of the cookie; of its own for every port, since cookies know no ports.
        clients: Who is known.
        limits: How much may be asked for.
        root_path: The prefix under which the app is reached; it may be there already, or taken away by a proxy.
        on_defect: Gets what nobody expected; by default its kind is written to stderr, without what it says.
    """

    def __init__(
        self,
        app: Any,
        *,
        token: str,
        clients: Clients,
        hosts: Iterable[str] = (),
        any_address: bool = False,
        cookie: str = "saccade",
        limits: Limits | None = None,
        root_path: str = "",
        on_defect: Callable[[BaseException], None] | None = None,
    ) -> None:
        if len(token) < _SHORTEST:
            raise ValueError(f"a token of {len(token)} characters can be guessed; take {_SHORTEST} or more")
        self.app, self._token, self._clients = app, token.encode(), clients
        self._named = frozenset(host.lower() for host in hosts)
        self._hosts = self._named.union(_LOOPBACK)
        self._any_address, self._cookie = any_address, cookie
        self._limits = limits or Limits()
        self._prefix = root_path
        self._on_defect = on_defect or say_kind

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request or one socket."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        if self._prefix:
            path = scope["path"]
            is_below = path == self._prefix or path.startswith(f"{self._prefix}/")
            scope = {**scope, "root_path": self._prefix, "path": path if is_below else self._prefix + path}
        began = False

        async def guarded(message: Message) -> None:
            nonlocal began
            if message["type"] == "http.response.start":
                began = True
                names = {name for name, _ in message.get("headers", ())}
                added = [(name.encode(), text.encode()) for name, text in HEADERS if name.encode() not in names]
                if cookie is not None:
                    added.append((b"set-cookie", cookie.encode()))
                message = {**message, "headers": [*message.get("headers", ()), *added]}
            await send(message)

        cookie: str | None = None
        try:
            host = self._check_host(scope)
            self._check_origin(scope, host)
            client, is_new = self._client_of(scope)
            if is_new:
                cookie = self._set_cookie(scope, client)
            scope["client_of_saccade"] = client
            if scope["type"] == "http" and self._prefix and scope["path"] == self._prefix:
                await _lead_on(scope, guarded)  # else the page would look for its parts beside itself
                return
            if scope["type"] == "http" and scope["method"] in _WITH_BODY:
                receive = await self._whole_body(scope, receive)
            await self.app(scope, receive, guarded)
        except Refused as refusal:
            if not began:
                await _answer(scope, guarded, refusal)
        except Exception as error:
            self._on_defect(error)
            if not began:
                await _answer(scope, guarded, Refused(500, f"unexpected error: {type(error).__name__}"))

    # Which address was asked?

    def _check_host(self, scope: Scope) -> str:
        hosts = [value for name, value in scope["headers"] if name == b"host"]
        if len(hosts) != 1:
            raise Refused(421, "one Host is needed.")
        host: str = hosts[0].decode("latin-1").lower()
        try:
            name = urlsplit(f"//{host}").hostname or ""
            urlsplit(f"//{host}").port  # noqa: B018
        except ValueError:
            name = ""
        if not name or "@" in host or "/" in host or not (name in self._hosts or (self._any_address and _is_ip(name))):
            raise Refused(421, "this server does not answer under that host name; see --allow-host.")
        return host

    def _check_origin(self, scope: Scope, host: str) -> None:
        origins = [value.decode("latin-1").lower() for name, value in scope["headers"] if name == b"origin"]
        # A proxy may ask by another host than it was asked by.
        own = {f"{scheme}://{name}" for scheme in ("http", "https") for name in (host, *self._named)}
        if any(origin not in own for origin in origins):
            raise Refused(403, "pages of other origins may not ask this server.")
        site, mode, target = (
            _header(scope, name) for name in (b"sec-fetch-site", b"sec-fetch-mode", b"sec-fetch-dest")
        )
        is_visit = mode == "navigate" and target == "document" and scope.get("method") == "GET"
        if site in ("cross-site", "same-site") and not is_visit:
            raise Refused(403, "pages of other origins may not ask this server.")

    # Who asks?

    def _client_of(self, scope: Scope) -> tuple[Client, bool]:
        """The client, and whether it is a new one, which gets a cookie."""
        authorization = _header(scope, b"authorization")
        if authorization:
            kind, _, token = authorization.partition(" ")
            if kind.lower() == "bearer" and self._is_token(token.strip()):
                return self._clients.programs, False
            raise Refused(401, "the token is another one.")
        client = self._by_cookie(scope)
        tokens = parse_qs(scope.get("query_string", b"").decode("latin-1"), max_num_fields=20).get("token", [])
        is_page = scope["type"] == "http" and scope["method"] == "GET" and _path(scope) in ("/", "")
        if tokens:
            if not is_page:
                raise Refused(401, "a token in the address is taken by the page alone; programs send it as "
                              "Authorization: Bearer.")  # fmt: skip
            if len(tokens) != 1 or not self._is_token(tokens[0]):
                raise Refused(401, "the token is another one; open the address that `saccade serve` has printed.")
            return (client, False) if client is not None else (self._clients.new(), True)
        if client is None:
            raise Refused(401, "open the address that `saccade serve` has printed: it holds the token.")
        return client, False

    def _by_cookie(self, scope: Scope) -> Client | None:
        jar: SimpleCookie = SimpleCookie()
        try:
            jar.load(_header(scope, b"cookie"))
        except CookieError:
            return None
        return self._clients.find(jar[self._cookie].value) if self._cookie in jar else None

    def _is_token(self, token: str) -> bool:
        return secrets.compare_digest(token.encode("utf-8", "surrogateescape"), self._token)

    def _set_cookie(self, scope: Scope, client: Client) -> str:
        path = scope.get("root_path") or "/"
        safe = "; Secure" if scope.get("scheme") in ("https", "wss") else ""
        return f"{self._cookie}={client.number}; Path={path}; HttpOnly; SameSite=Strict{safe}"

    # What is sent along?

    async def _whole_body(self, scope: Scope, receive: Receive) -> Receive:
        is_photo = scope["method"] == "POST" and _path(scope) == "/api/photos"
        most = self._limits.body_bytes if is_photo else self._limits.json_bytes
        declared = _header(scope, b"content-length")
        if declared and (not declared.isdigit() or int(declared) > most):
            raise Refused(413, f"a body of at most {most:,} bytes is taken here.")
        try:
            async with asyncio.timeout(self._limits.body_seconds):
                body = await _read(receive, most)
        except TimeoutError as error:
            raise Refused(408, f"the body did not arrive within {self._limits.body_seconds:g} seconds.") from error
        is_given = False

        async def replay() -> Message:
            nonlocal is_given
            if is_given:
                return dict(await receive())  # says when the client goes away
            is_given = True
            return {"type": "http.request", "body": body, "more_body": False}

        return replay


async def _read(receive: Receive, most: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Refused(400, "the body ended early.")
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > most:
            raise Refused(413, f"a body of at most {most:,} bytes is taken here.")
        if not message.get("more_body", False):
            return b"".join(parts)


async def _answer(scope: Scope, send: Send, refusal: Refused) -> None:
    body = json.dumps({"detail": refusal.reason}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    if refusal.status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    if refusal.status in (408, 413):
        headers.append((b"connection", b"close"))
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
        await send({"type": "http.response.body", "body": body})
    elif "websocket.http.response" in scope.get("extensions", {}):
        await send({"type": "websocket.http.response.start", "status": refusal.status, "headers": headers})
        await send({"type": "websocket.http.response.body", "body": body})
    else:
        await send({"type": "websocket.close", "code": 1008})


async def _lead_on(scope: Scope, send: Send) -> None:
    query = scope.get("query_string", b"")
    place = scope["path"].encode("ascii", "ignore") + b"/" + (b"?" + query if query else b"")
    await send({"type": "http.response.start", "status": 307, "headers": [(b"location", place)]})
    await send({"type": "http.response.body", "body": b""})


def _header(scope: Scope, name: bytes) -> str:
    values = [value for other, value in scope["headers"] if other == name]
    return b"; ".join(values).decode("latin-1") if values else ""


def _path(scope: Scope) -> str:
    """The path below the prefix."""
    path, prefix = str(scope["path"]), str(scope.get("root_path", ""))
    return path.removeprefix(prefix) if prefix and path.startswith(prefix) else path


def _is_ip(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def is_loopback(host: str) -> bool:
    """Can only this machine reach a server that listens there?"""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
