"""A request and its answer: who asks, what answers, what is refused, and how it is described."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from fastapi import Request
from fastapi.responses import Response

from saccade.app.answers import Answers
from saccade.app.clients import Client
from saccade.app.descriptions import Refusal
from saccade.app.refusal import Refused
from saccade.app.service import Service

Answer = TypeVar("Answer")

REFUSALS: dict[int | str, dict[str, Any]] = {
    401: {"model": Refusal, "description": "No token, or another one."},
    403: {"model": Refusal, "description": "Asked by a page of another origin."},
    404: {"model": Refusal, "description": "There is no such photo."},
    421: {"model": Refusal, "description": "Asked under a foreign host name."},
    422: {"model": Refusal, "description": "The question cannot be answered; the line says why."},
    429: {"model": Refusal, "description": "Too many questions of this client are waiting."},
    503: {"model": Refusal, "description": "Too many questions are waiting, or this one took too long."},
}
BODY: dict[int | str, dict[str, Any]] = {
    400: {"model": Refusal, "description": "The body ended early, or is no text that JSON is written in."},
    408: {"model": Refusal, "description": "The body did not arrive in time."},
    413: {"model": Refusal, "description": "The body, or the photo in it, is too large."},
}


def json_of(example: str = "A JSON object.") -> dict[int | str, dict[str, Any]]:
    """How a JSON answer is described."""
    return {200: {"description": example, "content": {"application/json": {}}}}


def service_of(request: Request) -> Service:
    """Everything behind the routes."""
    service: Service = request.app.state.service
    return service


def client_of(request: Request) -> str:
    """Who asks."""
    client: Client = request.scope["client_of_saccade"]
    return client.number


async def while_there(request: Request, asking: Awaitable[Answer]) -> Answer:
    """The answer; the work is stopped when the client goes away.

    Raises:
        Refused: It went away.
    """
    task = asyncio.ensure_future(asking)
    gone = asyncio.ensure_future(_gone(request))
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            task.cancel()
            await asyncio.wait({task})
            raise Refused(499, "the client went away.")
        return task.result()
    finally:
        gone.cancel()
        if not task.done():
            task.cancel()


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def as_json(body: bytes) -> Response:
    """JSON that is written already."""
    return Response(body, media_type="application/json")


async def answer_about_photo(
    request: Request,
    name: str,
    number: str,
    question: Callable[[Answers, Any, Any], Any],
    *,
    alone: bool = False,
) -> Response:
    """The answer to a question about one photo; remembered by its name and the photo's number.

    Args:
        request: Who asks.
        name: Of the question.
        number: Of the photo.
        question: Called with what answers, the photo, and what ends the work.
        alone: Nobody else's question is answered meanwhile, where the model cannot answer two at once.
    """
    service, client = service_of(request), client_of(request)
    is_there(service, client, number)
    asking = service.answer(
        client,
        (name, number),
        lambda stop: question(service.answers, service.album.photo(client, number), stop),
        alone=alone and service.must_be_alone,
    )
    return as_json(await while_there(request, asking))


async def answer_about_photos(
    request: Request,
    name: str,
    numbers: Sequence[str],
    question: Callable[[Service, str, Any], Any],
) -> Response:
    """The answer to a question about several photos; remembered by its name and their numbers.

    Args:
        request: Who asks.
        name: Of the question.
        numbers: Of the photos.
        question: Called with the service, who asks, and what ends the work.
    """
    service, client = service_of(request), client_of(request)
    for number in numbers:
        is_there(service, client, number)
    asking = service.answer(client, (name, *numbers), lambda stop: question(service, client, stop))
    return as_json(await while_there(request, asking))


def is_there(service: Service, client: str, number: str) -> None:
    """Refuse what another client has dropped before an answer that is remembered could be given."""
    if not service.album.is_there(client, number):
        raise Refused(404, "there is no such photo; it may have made room for newer ones.")
