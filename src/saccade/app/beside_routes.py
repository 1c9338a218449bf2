"""Requests to two networks at once: the model, and another one beside it."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from saccade.app.descriptions import Pair
from saccade.app.exchange import BODY, REFUSALS, answer_about_photos, json_of, service_of
from saccade.app.other_network import OtherNetwork
from saccade.app.refusal import Refused
from saccade.app.requests import CompareQuestion, PhotosQuestion
from saccade.app.service import Service

beside_api = APIRouter(prefix="/api/beside", responses=REFUSALS)


@beside_api.post(
    "",
    summary="What does another network see in the same photos?",
    response_model=None,
    responses={
        **json_of("Both maps of every photo, how alike the other finds them, and what differs."),
        **BODY,
    },
)
async def beside(request: Request, question: PhotosQuestion) -> Response:
    """Both are asked by the same method; 404 where the command names no other network."""
    network = _network_of(request)
    return await answer_about_photos(
        request, "beside", question.photos,
        lambda service, client, stop: network.data(service.photos(client, question.photos), stop),
    )  # fmt: skip


@beside_api.post(
    "/compare",
    summary="Why does the other network find these two photos alike?",
    response_model=None,
    responses={200: {"model": Pair}, **BODY},
)
async def compare(request: Request, question: CompareQuestion) -> Response:
    """As `POST /api/compare`, by the other network."""
    network = _network_of(request)

    def pair(service: Service, client: str, stop: Any) -> dict[str, Any]:
        a, b = service.photos(client, (question.a, question.b))
        return network.pair(a, b, stop)

    return await answer_about_photos(request, "beside compare", (question.a, question.b), pair)


def _network_of(request: Request) -> OtherNetwork:
    network = service_of(request).other_network
    if network is None:
        raise Refused(404, "the command names no other network; `saccade serve MODEL --beside OTHER` does.")
    return network
