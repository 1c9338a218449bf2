"""Requests about some photos of the collection together."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import Field

from saccade.app.exchange import BODY, REFUSALS, as_json, client_of, json_of, service_of, while_there
from saccade.app.requests import Question
from saccade.report.collection_data import MOST

group_api = APIRouter(prefix="/api/collection/group", responses=REFUSALS)


class GroupQuestion(Question):
    """Which photos of the collection?"""

    numbers: list[Annotated[int, Field(ge=0, lt=MOST)]] = Field(
        min_length=2, max_length=MOST, description="Their numbers on the map."
    )


@group_api.post(
    "",
    summary="What do these photos share?",
    response_model=None,
    responses={
        **json_of(
            "`likeness`: the mean score of every two; `shares`: what every place of the code adds to it; `others` that "
            "would fit; `drawn`: the mean code as the decoder draws it."
        ),
        **BODY,
    },
)
async def group(request: Request, question: GroupQuestion) -> Response:
    """The most typical photo comes first."""
    service = service_of(request)
    service.neighbourhood.require()
    numbers = tuple(sorted(set(question.numbers)))
    asking = service.answer(
        client_of(request), ("group", *numbers), lambda stop: service.neighbourhood.group(numbers, stop)
    )
    return as_json(await while_there(request, asking))
