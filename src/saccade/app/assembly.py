"""The app as an object: what is guarded, what is answered, what lies behind it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request, WebSocket
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, Response
from starlette.exceptions import HTTPException

from saccade.app.beside_routes import beside_api
from saccade.app.clients import Clients
from saccade.app.collection_routes import collection_api
from saccade.app.group_routes import group_api
from saccade.app.limits import Limits
from saccade.app.live import converse
from saccade.app.refusal import Refused
from saccade.app.routes import api
from saccade.app.security import Guard
from saccade.app.service import Service
from saccade.collection import Catalogue
from saccade.encoder import Encoder
from saccade.errors import Cancelled, MemoryBudgetError, SaccadeError
from saccade.report.page_file import VIEWS, joined_styles

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark"><meta name="referrer" content="no-referrer">
<title>saccade</title><link rel="icon" href="data:,"><link rel="stylesheet" href="style.css">
<script type="module" src="views/app.js"></script></head>
<body><noscript><h1>saccade</h1><p>This page is drawn by its own script; allow scripts for it.</p></noscript>
</body></html>
"""
_ABOUT = """What an image encoder sees, asked over plain requests. Every request shows the token that `saccade serve`
has printed: `Authorization: Bearer TOKEN`."""


def create_app(
    encoder: Encoder,
    photos: Sequence[Path] = (),
    *,
    token: str,
    hosts: Iterable[str] = (),
    any_address: bool = False,
    cookie: str = "saccade",
    limits: Limits | None = None,
    model_source: str = "MODEL",
    open_twin: Callable[[], Encoder] | None = None,
    on_defect: Callable[[BaseException], None] | None = None,
    root_path: str = "",
    catalogue: Catalogue | None = None,
    beside: Encoder | None = None,
    options: Sequence[str] = (),
    warm_up: bool = True,
) -> Guard:
    """The app, as any server for ASGI runs it.

    Args:
        encoder: The model and its code; the only one that is ever asked.
        photos: Files; the only ones that are ever opened.
        token: What everybody must show; at least 16 characters.
        hosts: Names under which it may be asked, beside those of this machine itself.
        any_address: Also under numbers, such as 192.168.1.5.
        cookie: The name of its cookie.
        limits: How much may be asked for.
        model_source: What the command called the model.
        open_twin: Opens the same model once more, for questions to untrained networks.
        on_defect: Gets what nobody expected.
        root_path: The prefix under which it is reached, behind a proxy that takes it away or leaves it.
        catalogue: The codes of the photos, where they are known already.
        beside: Another model, which is shown the same photos.
        options: Further words of the command, by which the models were opened.
        warm_up: Encode the photos of the command, and ask the usual questions once before anybody does.
    """
    limits = limits or Limits()
    service = Service(
        encoder, photos, limits, model_source=model_source, open_twin=open_twin, on_defect=on_defect,
        catalogue=catalogue, beside=beside, options=options,
    )  # fmt: skip

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        # Its own way is a traceback on stderr, which may name a photo.
        asyncio.get_running_loop().set_exception_handler(lambda _, context: _say(service, context))
        warming = asyncio.create_task(service.begin()) if warm_up else None
        yield
        if warming is not None:
            warming.cancel()
            with suppress(asyncio.CancelledError):
                await warming
        service.close()

    app = FastAPI(
        title="saccade", version=version("saccade"), description=_ABOUT, lifespan=life,
        # Their pages would load scripts from elsewhere.
        docs_url=None, redoc_url=None, openapi_url="/api/openapi.json",
    )  # fmt: skip
    app.state.service = service
    app.include_router(api)
    app.include_router(collection_api)
    app.include_router(beside_api)
    app.include_router(group_api)
    _add_page(app)
    app.add_api_websocket_route("/live", _live)
    for kind, handler in _HANDLERS.items():
        app.add_exception_handler(kind, handler)
    return Guard(
        app, token=token, clients=Clients(token, limits.clients), hosts=hosts, any_address=any_address, cookie=cookie,
        limits=limits, root_path=root_path, on_defect=service.on_defect,
    )  # fmt: skip


def _say(service: Service, context: dict[str, Any]) -> None:
    error = context.get("exception")
    if error is not None:
        service.on_defect(error)


async def _live(socket: WebSocket) -> None:
    await converse(socket)


def _add_page(app: FastAPI) -> None:
    """The page and its parts; they are read once, so that no name in an address ever becomes that of a file."""
    scripts = {path.name: path.read_bytes() for path in sorted(VIEWS.glob("*.js"))}
    styles = joined_styles(covered=True, also=("photo_map.css", "beside.css", "app.css")).encode()

    async def page() -> Response:
        return HTMLResponse(_PAGE)

    async def style() -> Response:
        return Response(styles, media_type="text/css")

    async def script(name: str) -> Response:
        if name not in scripts:
            raise Refused(404, "there is nothing here.")
        return Response(scripts[name], media_type="text/javascript")

    app.add_api_route("/", page, include_in_schema=False)
    app.add_api_route("/style.css", style, include_in_schema=False)
    app.add_api_route("/views/{name}", script, include_in_schema=False)


def _answer(status: int, reason: str) -> Response:
    return JSONResponse({"detail": reason}, status)


async def _refused(_: Request, error: Any) -> Response:
    return _answer(error.status, error.reason)


async def _not_answered(_: Request, error: Any) -> Response:
    if isinstance(error, Cancelled):
        return _answer(503, "it took longer than is allowed here.")
    return _answer(503 if isinstance(error, MemoryBudgetError) else 422, str(error))


async def _not_understood(_: Request, error: Any) -> Response:
    first = error.errors()[0]
    return _answer(422, f"{'.'.join(map(str, first['loc']))}: {first['msg']}")


async def _defect(_: Request, error: Any) -> Response:
    return _answer(500, f"unexpected error: {type(error).__name__}")


async def _not_there(_: Request, error: Any) -> Response:
    return _answer(error.status_code, str(error.detail).lower())


_HANDLERS: dict[Any, Any] = {
    Refused: _refused,
    SaccadeError: _not_answered,
    RequestValidationError: _not_understood,
    HTTPException: _not_there,
    Exception: _defect,  # and then it is raised again, so that the guard sees it
}
