"""Requests about the photos of the command as a collection."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field

from saccade.app.exchange import (
    BODY,
    REFUSALS,
    answer_about_photo,
    as_json,
    client_of,
    json_of,
    service_of,
    while_there,
)
from saccade.app.requests import PhotoQuestion

collection_api = APIRouter(prefix="/api/collection", responses=REFUSALS)


class CollectionState(BaseModel):
    """How far the collection is encoded."""

    done: int = Field(description="Photos that are encoded.")
    total: int = Field(description="Photos in all; 0 where the command names too few.")
    is_ready: bool = Field(description="May it be asked?")
    failure: str = Field(description="Why it cannot be; empty where it can.")
    comparisons: int = Field(description="How often answers about pairs of photos have become others by it.")
    is_settled: bool = Field(description="Do they stay as they are from now on?")


@collection_api.get("", summary="How far is the collection?", responses={200: {"model": CollectionState}})
async def state(request: Request) -> dict[str, Any]:
    """The photos of the command are encoded in the background, when it is nobody else's turn."""
    return service_of(request).collection_state()


@collection_api.get(
    "/map",
    summary="How does the model see the whole collection?",
    response_model=None,
    responses=json_of("Where every photo lies, whose neighbours it has, copies, odd ones, and all of them small."),
)
async def photo_map(request: Request) -> Response:
    """At most 2,000 photos; while they are encoded the answer is 503, and 404 where the command names too few."""
    service = service_of(request)
    service.neighbourhood.require()
    asking = service.answer(client_of(request), "collection map", service.neighbourhood.map)
    return as_json(await while_there(request, asking))


@collection_api.post(
    "/neighbours",
    summary="Which photos of the collection are most like this one?",
    response_model=None,
    responses={
        **json_of("Their numbers on the map, their scores, and the photo's own number if it has one."),
        **BODY,
    },
)
async def neighbours(request: Request, question: PhotoQuestion) -> Response:
    """By the whole code, not by the map."""
    neighbourhood = service_of(request).neighbourhood
    neighbourhood.require()
    return await answer_about_photo(
        request,
        "collection neighbours",
        question.photo,
        lambda answers, photo, _: neighbourhood.query(answers.encoder.codes(photo.image)[0], question.photo),
    )


@collection_api.get(
    "/{number}/thumbnail",
    summary="A photo of the collection, small",
    response_model=None,
    response_class=Response,
    responses={200: {"description": "At most 128 pixels.", "content": {"image/webp": {}}}},
)
async def thumbnail(
    request: Request, number: Annotated[int, Path(ge=0, le=10**6, description="Its number on the map.")]
) -> Response:
    """A small WebP."""
    neighbourhood = service_of(request).neighbourhood
    neighbourhood.require()
    return Response(
        neighbourhood.thumbnail(number), media_type="image/webp", headers={"cache-control": "private, max-age=3600"}
    )
