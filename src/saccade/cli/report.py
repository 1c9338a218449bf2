"""`saccade report`: what the model sees in these photos, as one file that can be touched."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from saccade.cli import values
from saccade.cli.command import command
from saccade.cli.console import Console
from saccade.cli.given_files import found_photos, readable_photo
from saccade.cli.options import Model, Opening, opened


@command
def report(
    model: Model,
    images: Annotated[
        list[str],
        typer.Argument(metavar="IMAGE...", show_default=False, help="1 to 12 photos: files, folders, or globs."),
    ],
    opening: Opening,
    console: Console,
    method: Annotated[
        list[str] | None,
        typer.Option(
            "--method", "-m", metavar="NAME", show_default=False,
            help="How to find out where it looks; may be repeated, also with commas.  [default: "
            "blur_integrated_gradients, occlusion, activation_energy]",
        ),
    ] = None,
    title: Annotated[str | None, typer.Option(metavar="TEXT", show_default=False, help="The headline.")] = None,
    live: Annotated[
        bool,
        typer.Option(
            "--live/--no-live", help="Carry the network in the page, where it is small enough, so that it runs there."
        ),
    ] = True,
    collection: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER|FILE.npz", show_default=False,
            help="Photos among which these are shown, on a map: a folder, or what `index` made of it. At most 2,000 of "
            "them are carried.",
        ),
    ] = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="The page to write, ending in .html.")
    ] = Path("report.html"),
) -> dict[str, Any]:  # fmt: skip
    """Put everything about a few photos into one page that a friend opens offline, and can touch.

    Where it looks, what it takes for the same stuff, why every two photos are alike, what it remembers, its layers,
    whether the maps can be believed, a game, and the map of a whole collection. The page needs no network.
    """
    from saccade.atomic_files import check_writable
    from saccade.errors import InputError
    from saccade.methods import find
    from saccade.report import write_report
    from saccade.report.collection_data import check_collection
    from saccade.report.writing import MOST

    opening.settings()
    if output.suffix.lower() not in (".html", ".htm"):
        raise InputError(f"{output.name} is no page; a report ends in .html.")
    check_writable(output)
    if collection is not None:
        check_collection(collection)
    methods = values.listed(method) if method else None
    for name in methods or ():
        find(name)
    photos = found_photos(images, opening.max_pixels)
    if len(photos) > MOST:
        raise InputError(
            f"{len(photos)} photos: a report shows 1 to {MOST}, so that its file can be mailed; name some of them."
        )
    for photo in photos:
        readable_photo(photo, opening.max_pixels)
    encoder = opening.open(model)
    console.say(encoder.describe())
    notes: list[str] = []
    with console.progress(1, "starting") as bar:
        page = write_report(
            encoder, encoder.read(photos), output, methods=methods, title=title, live=live, collection=collection,
            model_source=str(model),
            progress=lambda what, done, total: bar.at(done / max(total, 1), what), on_note=notes.append,
        )  # fmt: skip
    for note in notes:
        console.note(f"left out: {note}")
    size = page.stat().st_size
    console.say(f"wrote {page} ({size / 1e6:.1f} MB)")
    return {
        **opened(encoder),
        "output": str(page),
        "bytes": size,
        "photos": [str(photo) for photo in photos],
        "collection": None if collection is None else str(collection),
        "left_out": notes,
    }
