"""Asking everything that a report shows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from saccade.collection import Catalogue
from saccade.encoder import Encoder
from saccade.errors import NotApplicable
from saccade.explanation import explain
from saccade.images import Images
from saccade.picture.colormaps import colormap
from saccade.picture.match_colours import MATCH_COLOURS, readable_on
from saccade.picture.palette import SIGNED, UNSIGNED
from saccade.picture.themes import Colour
from saccade.report.about_photos import AboutPhoto
from saccade.report.array_spec import array_spec
from saccade.report.beside_data import beside_data, both_looks
from saccade.report.cell_data import CellCodes, cell_codes
from saccade.report.collection_data import ShownCollection
from saccade.report.eye_data import eye_data
from saccade.report.layer_data import FEATURES, layer_data
from saccade.report.map_data import agreements, explained, map_data
from saccade.report.pair_data import game, known_centre, known_reference, pair_data, similarities
from saccade.report.photo_data import photo_data
from saccade.report.subjects import map_on_subject
from saccade.report.trust_data import trust_data
from saccade.results import Attribution
from saccade.typing import Array, Box


def report_contents(
    encoder: Encoder,
    images: Images,
    *,
    comparing: Encoder,
    methods: Sequence[str] | None,
    title: str | None,
    deck: str | None,
    beside: Encoder | None,
    beside_lead: str | None,
    about: Mapping[str, AboutPhoto],
    report: Callable[[str, float], None],
    stop: Callable[[], bool] | None,
    collection: Catalogue | None = None,
) -> dict[str, Any]:
    """Everything that the views show, as plain data; `comparing` is the encoder with what is known of other photos."""
    subjects = {name: photo.subject for name, photo in about.items() if photo.subject is not None}
    report("encoding the photos", 0)
    codes = encoder.codes(images)
    redrawn = encoder.reconstruct(images) if encoder.is_autoencoder else None
    cells = cell_codes(encoder, images, codes)
    report("asking the methods", 1)
    attributions, left_out = explained(encoder, images, methods, stop=stop)
    detail_kept = None
    if redrawn is not None:
        report("looking at what is kept", 2)
        detail_kept = explain(encoder, images, "detail_kept", stop=stop)
    report("asking untrained networks", 3)
    comparing = comparing if collection is None else collection.known_to(comparing)
    centre = known_centre(comparing, codes)
    trust = trust_data(encoder, images, attributions[0], known_reference(comparing, codes))
    pairs = pair_data(
        comparing,
        images,
        centre,
        subjects=subjects,
        progress=lambda share: report("comparing every two photos", 4 + share),
        stop=stop,
    )
    report("looking inside", 5)
    layers = [layers_of(encoder, images[index]) for index in range(len(images))]
    report("asking every cell what it sees", 6)
    eyes = eye_data(encoder, images)
    neighbourhood = None
    if collection is not None:
        report("laying out the collection", 7)
        neighbourhood = _neighbourhood(comparing, collection, images, codes)
    table = similarities(codes, centre)
    other = None
    if beside is not None:
        report("asking the other network", 8)
        looks = both_looks(encoder, images, beside, methods=methods, subjects=subjects, stop=stop)
        other = beside_data(encoder, images, beside, table, looks, lead=beside_lead, subjects=subjects, stop=stop)
    report("writing", 9)
    every = range(len(images))
    parts: dict[str, Sequence[Any] | None] = {
        "maps": [_maps(attributions, index, subjects) for index in every],
        "agreements": [agreements(attributions, index) for index in every],
        "layers": layers,
        "eye": eyes,
        "kept": None if detail_kept is None else [map_data(detail_kept, index, rounded=True) for index in every],
        "trust": trust,
        "cells": [[_cell_codes(layer.values, codes, index) for layer in cells] for index in every],
    }
    photos = []
    for index, name in enumerate(images.names):
        data = photo_data(images, index, codes[index], None if redrawn is None else redrawn[index])
        if name in about:
            data |= {"alt": about[name].description or data["alt"], "credit": about[name].credit}
        photos.append(data | {kind: part[index] for kind, part in parts.items() if part is not None})
    return {
        **page_facts(comparing, images, codes, cells, title=title, deck=deck),
        "photos": photos,
        "pairs": pairs,
        "table": table.tolist(),
        "game": game(table),
        "left_out": left_out,
        **({} if neighbourhood is None else {"collection": neighbourhood}),
        **({} if other is None else {"beside": other}),
    }


def _maps(attributions: Sequence[Attribution], index: int, subjects: Mapping[str, Box]) -> list[dict[str, Any]]:
    """Every map of one photo, with how much of it lies on the photo's subject."""
    maps = []
    for attribution in attributions:
        photo = attribution.images.photos[index]
        on_subject = map_on_subject(attribution.values[index], photo, subjects.get(photo.name))
        maps.append(map_data(attribution, index, rounded=True) | {"subject": on_subject})
    return maps


def _cell_codes(values: Array, codes: Array, index: int) -> dict[str, Any] | None:
    """What the cells of a layer hold for one photo; None where the layer is the code, which is there already."""
    return None if np.array_equal(values, codes) else array_spec(values[index], "float16")


def page_facts(
    encoder: Encoder, images: Images, codes: Array, cells: Sequence[CellCodes], *, title: str | None, deck: str | None
) -> dict[str, Any]:
    """What a page knows before it knows anything of a photo: the model, its code, the colours, the headline.

    Args:
        encoder: The model, as it compares photos.
        images: The photos.
        codes: Their codes.
        cells: Layers whose cells can be touched.
        title: The headline.
        deck: The paragraph under it.
    """
    height, width, channels = images.shape[1:]
    reference = known_reference(encoder, codes)
    return {
        "title": title or _title(images),
        "deck": deck or _deck(codes.shape[1:], (height, width, channels)),
        "model": {
            "name": encoder.name,
            "input": [height, width, channels],
            "value_range": list(images.value_range),
            "fed": encoder.recipe.describe_values(),
        },
        "mean_of": "" if reference is None else reference.name,
        "code": dict(zip(("layer", "rows", "columns", "channels"), (encoder.layer, *codes.shape[1:]), strict=True)),
        "cells": [_cells_words(layer) for layer in cells],
        "ramps": {
            "unsigned": array_spec(colormap(UNSIGNED), "uint8"),
            "signed": array_spec(colormap(SIGNED), "uint8"),
        },
        "match_colours": [_hexadecimal(colour) for colour in MATCH_COLOURS],
        "match_inks": [_hexadecimal(readable_on(colour)) for colour in MATCH_COLOURS],
    }


def _neighbourhood(encoder: Encoder, collection: Catalogue, images: Images, codes: Array) -> dict[str, Any]:
    """The collection, and where in it these photos are."""
    sources = [photo.source for photo in images.photos]
    return ShownCollection(encoder, collection).data(list(zip(sources, codes, strict=True)))


def _hexadecimal(colour: Colour) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)


def _title(images: Images) -> str:
    if len(images) == 1:
        return f"What does the machine see in {images.names[0]}?"
    return f"What does the machine see in these {len(images)} photos?"


def _deck(code: tuple[int, ...], image: tuple[int, ...]) -> str:
    values, numbers = int(np.prod(image)), int(np.prod(code))
    return (
        f"A network turns each photo into {numbers:,} numbers, its code, from {values:,} it was given. By these "
        "numbers it knows a photo again. Here you can see what they are made of, and touch everything."
    )


def layers_of(encoder: Encoder, image: Images, features: int = FEATURES) -> list[dict[str, Any]]:
    """What every layer makes of a photo, in its strongest features; nothing where no layer has places."""
    try:
        return layer_data(encoder, image, features)
    except NotApplicable:
        return []


def _cells_words(cells: CellCodes) -> dict[str, Any]:
    return dict(zip(("layer", "rows", "columns", "channels"), (cells.layer, *cells.values.shape[1:]), strict=True))
