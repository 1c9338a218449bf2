"""Plain requests, with the names of the library; the page asks the same ones."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Security
from fastapi.responses import Response
from fastapi.security import HTTPBearer

from saccade.app.descriptions import DialsOnOffer, Explanation, ListedPhoto, MethodOnOffer, Model, Pair, Refusal
from saccade.app.dials import FEWEST
from saccade.app.exchange import (
    BODY,
    REFUSALS,
    answer_about_photo,
    answer_about_photos,
    as_json,
    client_of,
    is_there,
    json_of,
    service_of,
    while_there,
)
from saccade.app.refusal import Refused
from saccade.app.requests import (
    CompareQuestion,
    ExplainQuestion,
    PhotoQuestion,
    PhotosQuestion,
    ReportQuestion,
)
from saccade.app.service import Service, json_text
from saccade.utf8 import utf8_bytes

PhotoNumber = Annotated[str, Path(max_length=40, pattern=r"^[A-Za-z0-9_-]+$", description="The number of a photo.")]
_PHOTO_KINDS = ("image/", "application/octet-stream")
_SHOWN = HTTPBearer(auto_error=False, description="The token that `saccade serve` has printed.")
"""Only said in the description: the guard has looked at it before."""

api = APIRouter(prefix="/api", responses=REFUSALS, dependencies=[Security(_SHOWN)])


@api.get(
    "/model", summary="What was opened, and how is it asked?", response_model=None, responses={200: {"model": Model}}
)
async def model(request: Request) -> Response:
    """The model, its code, its layers, how it takes its images."""
    service = service_of(request)
    return as_json(await service.answer(client_of(request), "model", lambda _: service.answers.model()))


@api.get(
    "/methods",
    summary="Which ways of finding out are there?",
    response_model=None,
    responses={200: {"model": list[MethodOnOffer]}},
)
async def methods(request: Request) -> Response:
    """Every method, with what it does, what it costs, and whether this model can answer it."""
    service = service_of(request)
    return as_json(await service.answer(client_of(request), "methods", lambda _: service.answers.methods()))


@api.get("/photos", summary="Which photos can be asked about?", responses={200: {"model": list[ListedPhoto]}})
async def photos(request: Request) -> list[dict[str, Any]]:
    """Photos that this client has dropped, the newest first; then those that the command names."""
    listed = service_of(request).album.listed(client_of(request))
    return [{"number": number, "name": name} for number, name in listed]


@api.post(
    "/photos",
    status_code=201,
    summary="Here is a photo",
    response_model=None,
    responses={
        201: {"model": ListedPhoto},
        415: {"model": Refusal, "description": "Not a photo that can be read."},
        **BODY,
    },
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
                "image/*": {"schema": {"type": "string", "format": "binary"}},
            },
        }
    },
)
async def drop(
    request: Request, name: Annotated[str, Query(max_length=300, description="What it is called.")] = "photo"
) -> Response:
    """The body is the photo's file as it is: JPEG, PNG, WebP, TIFF and what else the library reads."""
    kind = request.headers.get("content-type", "application/octet-stream").lower()
    if not kind.startswith(_PHOTO_KINDS):
        raise Refused(415, "send the photo's file itself, as image/… or application/octet-stream.")
    service, client, content = service_of(request), client_of(request), await request.body()
    if not content:
        raise Refused(415, "the body is empty; send the photo's file.")
    photo = await service.turns.work(client, lambda _: service.album.drop(client, content, name))
    return Response(json_text({"number": photo.number, "name": photo.name}), 201, media_type="application/json")


@api.delete("/photos/{number}", status_code=204, summary="Forget this photo", responses=BODY)
async def forget(request: Request, number: PhotoNumber) -> None:
    """Only photos that this client has dropped; those of the command stay."""
    service_of(request).album.remove(client_of(request), number)


@api.get(
    "/photos/{number}",
    summary="What does the model make of this photo?",
    response_model=None,
    responses=json_of(
        "How it looks, where the model's image lies on it, its `code` (float32), the cells, and the redrawing."
    ),
)
async def photo(request: Request, number: PhotoNumber) -> Response:
    """The photo with its code and what the model redraws from it."""
    return await answer_about_photo(request, "photo", number, lambda answers, photo, _: answers.photo(photo))


@api.get(
    "/photos/{number}/thumbnail",
    summary="The photo, small",
    response_model=None,
    response_class=Response,
    responses={200: {"description": "At most 112 pixels high.", "content": {"image/webp": {}}}},
)
async def thumbnail(request: Request, number: PhotoNumber) -> Response:
    """A small WebP for lists."""
    service, client = service_of(request), client_of(request)
    is_there(service, client, number)
    content = await service.turns.work(client, lambda _: service.album.photo(client, number).thumbnail)
    return Response(content, media_type="image/webp")


@api.post(
    "/explain",
    summary="Where does the model look in this photo?",
    response_model=None,
    responses={200: {"model": Explanation}, **BODY},
)
async def explain(request: Request, question: ExplainQuestion) -> Response:
    """The map of a method, with its unit, its scale, and the answer in a sentence."""
    service, client = service_of(request), client_of(request)
    is_there(service, client, question.photo)
    asking = service.answer(
        client,
        ("explain", client if _names_another(question) else "", question.model_dump_json()),
        lambda stop: service.answers.explanation(
            service.answers.attribution(question, lambda number: service.album.photo(client, number), stop)
        ),
    )
    return as_json(await while_there(request, asking))


@api.post(
    "/explain/picture",
    summary="The same as a page with its colour bar",
    response_model=None,
    response_class=Response,
    responses={200: {"description": "A PNG as the library draws it.", "content": {"image/png": {}}}, **BODY},
)
async def explain_picture(request: Request, question: ExplainQuestion) -> Response:
    """The map on the photo with the question, the answer, the bar and how it was made."""
    service, client = service_of(request), client_of(request)
    is_there(service, client, question.photo)

    def drawn(stop: Any) -> bytes:
        attribution = service.answers.attribution(question, lambda number: service.album.photo(client, number), stop)
        return service.answers.picture(attribution)

    content = await while_there(request, service.turns.work(client, drawn))
    return Response(content, media_type="image/png")


@api.post(
    "/agreements",
    summary="Do the usual methods agree on this photo?",
    response_model=None,
    responses={**json_of("Rank correlations of every two."), **BODY},
)
async def agreements(request: Request, question: PhotoQuestion) -> Response:
    """1 for the same order of places, 0 for no relation."""
    return await answer_about_photo(
        request, "agreements", question.photo, lambda answers, photo, stop: answers.agreement(photo, stop)
    )


@api.post(
    "/feature_maps",
    summary="What does every layer make of this photo?",
    response_model=None,
    responses={**json_of("For every layer its strongest features, with 8 bits."), **BODY},
)
async def feature_maps(request: Request, question: PhotoQuestion) -> Response:
    """At most eight layers, evenly chosen, each with the 64 features that vary most."""
    return await answer_about_photo(
        request, "feature_maps", question.photo, lambda answers, photo, _: answers.feature_maps(photo)
    )


@api.post(
    "/cells",
    summary="What does every cell of the code see?",
    response_model=None,
    responses={**json_of("The field of every cell."), **BODY},
)
async def cells(request: Request, question: PhotoQuestion) -> Response:
    """For every cell how strongly each place of the photo moves it."""
    return await answer_about_photo(request, "cells", question.photo, lambda answers, photo, _: answers.cells(photo))


@api.post(
    "/trust",
    summary="May the map of this photo be believed?",
    response_model=None,
    responses={
        **json_of("The same map of untrained networks and of an edge detector, deletion and insertion."),
        **BODY,
    },
)
async def trust(request: Request, question: PhotoQuestion) -> Response:
    """The default method is put to the test."""
    return await answer_about_photo(
        request, "trust", question.photo, lambda answers, photo, stop: answers.trust(photo, stop), alone=True
    )


@api.post(
    "/doubt",
    summary="What must be said beside the map of this photo?",
    response_model=None,
    responses={**json_of("`doubt`: a sentence; empty where the map is clearly better than chance."), **BODY},
)
async def doubt(request: Request, question: PhotoQuestion) -> Response:
    """The test of `trust` alone, without the networks that never learned: some sixty passes."""
    return await answer_about_photo(
        request, "doubt", question.photo, lambda answers, photo, stop: answers.doubt(photo, stop)
    )


@api.post(
    "/compare",
    summary="Why are these two photos alike?",
    response_model=None,
    responses={200: {"model": Pair}, **BODY},
)
async def compare(request: Request, question: CompareQuestion) -> Response:
    """The similarity and what every place adds to it."""

    def pair(service: Service, client: str, _: Any) -> dict[str, Any]:
        return service.pair(client, question.a, question.b)

    return await answer_about_photos(request, "compare", (question.a, question.b), pair)


@api.post(
    "/similarities",
    summary="How alike are every two of these photos?",
    response_model=None,
    responses={**json_of("The table, and triples of which two are clearly more alike than any other two."), **BODY},
)
async def similarities(request: Request, question: PhotosQuestion) -> Response:
    """Cosines of the codes, less the mean code where the model knows a collection."""
    return await answer_about_photos(
        request, "similarities", question.photos,
        lambda service, client, _: service.answers.likenesses(service.photos(client, question.photos)),
    )  # fmt: skip


@api.post(
    "/recipe",
    summary="How is a report of these photos made by hand?",
    response_model=None,
    responses={**json_of("The command, and the facts that it stands on."), **BODY},
)
async def recipe(request: Request, question: PhotosQuestion) -> Response:
    """The same command gives the same numbers."""
    return await answer_about_photos(
        request, "recipe", question.photos,
        lambda service, client, _: service.recipe(client, question.photos),
    )  # fmt: skip


@api.get(
    "/dials",
    summary="In which directions do the codes differ most?",
    response_model=None,
    responses={200: {"model": DialsOnOffer}},
)
async def dials(request: Request) -> Response:
    """Principal components of the codes of the command's photos; the socket turns them (`dials`)."""
    service = service_of(request)
    return as_json(await service.answer(client_of(request), "dials", lambda _: service.dials.to_dict()))


@api.post(
    "/dials/ends",
    summary="What does the decoder draw at the ends of every dial?",
    response_model=None,
    responses={**json_of("`ends`: for every direction two small pictures, the low end first."), **BODY},
)
async def dial_ends(request: Request, question: PhotoQuestion) -> Response:
    """The photo's code moved as far as the dial reaches, all others at rest."""
    dials = service_of(request).dials
    return await answer_about_photo(
        request, "dial ends", question.photo, lambda answers, photo, stop: answers.dial_ends(photo, dials, stop)
    )


@api.post(
    "/report",
    summary="Everything about these photos in one file",
    response_model=None,
    response_class=Response,
    responses={200: {"description": "The page that `saccade report` writes.", "content": {"text/html": {}}}, **BODY},
)
async def report(request: Request, question: ReportQuestion) -> Response:
    """A page that opens offline; it takes seconds to minutes."""
    service, client = service_of(request), client_of(request)
    for number in question.photos:
        is_there(service, client, number)
    working = service.turns.work(
        client,
        lambda stop: service.report(client, question.photos, question.title, stop),
        alone=service.must_be_alone,
    )
    page = await while_there(request, working)
    headers = {"content-disposition": 'attachment; filename="report.html"'}
    return Response(utf8_bytes(page), media_type="text/html", headers=headers)


@api.get(
    "/page",
    summary="What the page knows before it knows anything of a photo",
    response_model=None,
    responses=json_of("The model, its code, colours, methods, sections, the recipe, and the photos that are listed."),
)
async def page_data(request: Request) -> Response:
    """Everything else is asked piece by piece, by the same requests as here."""
    service, client = service_of(request), client_of(request)
    listed = service.album.listed(client)
    first = next((number for number, _ in listed if number.startswith("f")), listed[0][0] if listed else None)

    def facts_of(_: Any) -> dict[str, Any]:
        try:
            return service.answers.facts(service.album.photo(client, first or "").image)
        except Refused:  # there is none, or it cannot be read any more
            return service.answers.empty_facts(service.album.recipe)

    facts = await service.answer(client, ("page", first), facts_of)
    photos = [{"number": number, "name": name} for number, name in listed]
    return as_json(
        facts[:-1]
        + b","
        + json_text(
            {
                "listed": photos,
                "most_shown": service.limits.shown,
                "is_collection": service.neighbourhood.is_offered,
                "comparisons": service.comparisons,
                "has_directions": sum(number.startswith("f") for number, _ in listed) >= FEWEST,
                "has_other_network": service.other_network is not None,
            }
        )[1:]
    )


def _names_another(question: ExplainQuestion) -> bool:
    """Does the question also name another photo, which must be this client's?"""
    return not (question.target is None or isinstance(question.target, str))
