"""Asking everything that a report shows, and writing it: the only place where a report is made."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from saccade.arguments import checks_arguments
from saccade.atomic_files import check_writable, write_text
from saccade.encoder import Encoder, as_encoder
from saccade.errors import Cancelled, InputError, NotApplicable
from saccade.explanation import explain
from saccade.fingerprint import encoder_fingerprint
from saccade.images import Images
from saccade.picture.colormaps import colormap
from saccade.picture.match_colours import MATCH_COLOURS, readable_on
from saccade.picture.palette import SIGNED, UNSIGNED
from saccade.picture.themes import Colour
from saccade.report.array_spec import array_spec
from saccade.report.cell_data import CellCodes, cell_codes
from saccade.report.eye_data import eye_data
from saccade.report.layer_data import layer_data
from saccade.report.map_data import agreements, explained, map_data
from saccade.report.page_file import page_file
from saccade.report.pair_data import game, pair_data, similarities
from saccade.report.photo_data import photo_data
from saccade.report.trust_data import trust_data
from saccade.results import Attribution

MOST = 12
"""More photos than this make a file that nobody mails."""
_STEPS = 7


@checks_arguments
def write_report(
    encoder: Encoder | Any,
    images: Any,
    output: str | Path,
    *,
    methods: Sequence[str] | None = None,
    title: str | None = None,
    deck: str | None = None,
    model_source: str = "MODEL",
    progress: Callable[[str, int, int], None] | None = None,
    stop: Callable[[], bool] | None = None,
) -> Path:
    """What does this model see in these photos, as one file that a friend can open and touch?

    The file is a page that needs no network and no server: maps whose numbers are under the pointer, places that light
    up everything encoded alike, pairs taken apart, the redrawing wiped over the photo, the features of every layer,
    the same map of untrained networks, a game, and the recipe. Maps and codes are carried without loss (float32).

    Args:
        encoder: The model and its code; a live model is made an `Encoder` with its defaults.
        images: One to twelve photos: anything that `encoder.read` takes.
        output: The file to write, ending in .html.
        methods: Names of methods; by default the default one, occlusion and the energy of the code.
        title: The headline.
        deck: The paragraph under it.
        model_source: How the model is named in the command that makes the report again.
        progress: Called with what is being done, the steps done and the steps in all.
        stop: Asked between pieces; True ends the work with `Cancelled`.

    Returns:
        The path of the file.

    Raises:
        InputError: No photos, too many, or a file that does not end in .html.
        FileError: The file cannot be written.
        Cancelled: `stop` said so; nothing was written.

    Example:
        >>> saccade.write_report(encoder, ["cat.jpg", "cup.jpg"], "report.html")
        PosixPath('report.html')
    """
    path = Path(output)
    if path.suffix.lower() not in (".html", ".htm"):
        raise InputError(f"{path.name} is no page; a report ends in .html.")
    check_writable(path)
    page, _ = report_page(
        encoder, images, methods=methods, title=title, deck=deck, name=path.name, model_source=model_source,
        progress=progress, stop=stop,
    )  # fmt: skip
    return write_text(path, page)


def report_page(
    encoder: Encoder | Any,
    images: Any,
    *,
    methods: Sequence[str] | None = None,
    title: str | None = None,
    deck: str | None = None,
    name: str = "report.html",
    model_source: str = "MODEL",
    progress: Callable[[str, int, int], None] | None = None,
    stop: Callable[[], bool] | None = None,
) -> tuple[str, str]:
    """The page as text, and its headline; see `write_report`."""
    encoder = as_encoder(encoder)
    photos = encoder.images(images)
    if len(photos) > MOST:
        raise InputError(f"{len(photos)} photos: a report shows 1 to {MOST}, so that its file can be mailed.")

    def report(text: str, done: int) -> None:
        if stop is not None and stop():
            raise Cancelled("the report was stopped; nothing was written.")
        if progress is not None:
            progress(text, done, _STEPS)

    data = report_data(encoder, photos, methods=methods, title=title, deck=deck, report=report, stop=stop)
    data["recipe"] = recipe(encoder, photos, name, methods, model_source)
    page = page_file(data["title"], data["deck"], data)
    report("done", _STEPS)
    return page, data["title"]


def report_data(
    encoder: Encoder,
    images: Images,
    *,
    methods: Sequence[str] | None,
    title: str | None,
    deck: str | None,
    report: Callable[[str, int], None],
    stop: Callable[[], bool] | None,
) -> dict[str, Any]:
    """Everything that the views show, as plain data."""
    report("encoding the photos", 0)
    codes = encoder.codes(images)
    redrawn = encoder.reconstruct(images) if encoder.is_autoencoder else None
    cells = cell_codes(encoder, images, codes)
    report("asking the methods", 1)
    attributions, left_out = explained(encoder, images, methods, stop=stop)
    report("looking at what is kept", 2)
    kept = explain(encoder, images, "detail_kept", stop=stop) if redrawn is not None else None
    report("asking untrained networks", 3)
    reference = encoder.reference
    is_known = reference is not None and reference.mean_code.shape == codes.shape[1:]
    centre = reference.mean_code if reference is not None and is_known else None
    trust = _trust(encoder, images, attributions[0], centre)
    pairs = pair_data(encoder, images, centre)
    report("looking inside", 4)
    layers = [_layers(encoder, images[index]) for index in range(len(images))]
    report("asking every cell what it sees", 5)
    eyes = eye_data(encoder, images)
    report("writing", 6)
    table = similarities(codes, centre)
    content = []
    for index in range(len(images)):
        one = photo_data(images, index, codes[index], None if redrawn is None else redrawn[index])
        one["maps"] = [map_data(attribution, index) for attribution in attributions]
        one["agreements"] = agreements(attributions, index)
        one["layers"] = layers[index]
        if eyes is not None:
            one["eye"] = eyes[index]
        if kept is not None:
            one["kept"] = map_data(kept, index)
        if trust is not None:
            one["trust"] = trust[index]
        one["cells"] = [array_spec(layer.values[index], "float16") for layer in cells]
        content.append(one)
    height, width, channels = images.shape[1:]
    return {
        "title": title or _title(images),
        "deck": deck or _deck(codes.shape[1:], (height, width, channels)),
        "model": {"name": encoder.name, "input": [height, width, channels], "fed": encoder.recipe.describe_values()},
        "code": dict(zip(("layer", "rows", "columns", "channels"), (encoder.layer, *codes.shape[1:]), strict=True)),
        "cells": [_cells_words(layer) for layer in cells],
        "ramps": {
            "unsigned": array_spec(colormap(UNSIGNED), "uint8"),
            "signed": array_spec(colormap(SIGNED), "uint8"),
        },
        "match_colours": [_hexadecimal(colour) for colour in MATCH_COLOURS],
        "match_inks": [_hexadecimal(readable_on(colour)) for colour in MATCH_COLOURS],
        "photos": content,
        "pairs": pairs,
        "table": table.tolist(),
        "game": game(table),
        "left_out": left_out,
    }


def recipe(
    encoder: Encoder, images: Images, name: str, methods: Sequence[str] | None, model_source: str
) -> dict[str, Any]:
    """Everything that is needed to make it again."""
    names = [photo.source.name if photo.source is not None else photo.name for photo in images.photos]
    # Only names: the page may be mailed, and where files lie on a disk is nobody's business.
    parts = ["saccade", "report", _name_of(model_source), *names]
    for method in methods or ():
        parts += ["--method", method]
    return {
        "command": shlex.join([*parts, "--output", name]),
        "facts": [
            ["model", encoder.describe()],
            ["fingerprint of the model", encoder_fingerprint(encoder)[:16]],
            ["photos", ", ".join(images.names)],
            ["made with", _versions(encoder)],
        ],
    }


def _name_of(source: str) -> str:
    """A file's name without its folders; a factory as it is."""
    return source if ":" in source and not Path(source).exists() else Path(source).name


def _versions(encoder: Encoder) -> str:
    return f"saccade {version('saccade')}, numpy {np.__version__}, {encoder.network.framework}"


def _hexadecimal(colour: Colour) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)


def _title(images: Images) -> str:
    if len(images) == 1:
        return f"What does the machine see in {images.names[0]}?"
    return f"What does the machine see in these {len(images)} photos?"


def _deck(code: tuple[int, ...], image: tuple[int, ...]) -> str:
    given, kept = int(np.prod(image)), int(np.prod(code))
    return (
        f"A network turns each photo into {kept:,} numbers, its code, from {given:,} it was given. Nobody told it what "
        "matters. Here you can see what it keeps, and touch everything."
    )


def _trust(encoder: Encoder, images: Images, first: Attribution, centre: Any) -> list[dict[str, Any]] | None:
    content = trust_data(encoder, images, first, centre)
    for one in content:
        one["sentence"] = _verdict(one)
    return content


def _verdict(trust: dict[str, Any]) -> str:
    """What the test says of this photo's map."""
    scores = {name: curve["score"] for name, curve in trust["curves"].items()}
    beats = "more" if scores["map"] > scores["edges"] else "less"
    text = (
        f"Taken at its word, this map finds what the code needs {beats} surely than an edge detector does "
        f"({scores['map']:.2f} against {scores['edges']:.2f}; a map at random has {scores['random']:.2f})."
    )
    untrained = trust.get("untrained")
    if untrained is None:
        return text
    if untrained["likeness"] >= _ALIKE:
        return (
            text
            + " But networks that never learned draw nearly the same map: it shows the photo, not what was learned."
        )
    return text + f" Networks that never learned draw another one (rank correlation {untrained['likeness']:.2f})."


_ALIKE = 0.7
"""From this rank correlation on two maps say much the same."""


def _layers(encoder: Encoder, image: Images) -> list[dict[str, Any]]:
    try:
        return layer_data(encoder, image)
    except NotApplicable:
        return []


def _cells_words(cells: CellCodes) -> dict[str, Any]:
    return dict(zip(("layer", "rows", "columns", "channels"), (cells.layer, *cells.values.shape[1:]), strict=True))
