"""`saccade index`: encode a collection of photos once, into one file."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any

import typer

from saccade.cli.command import command
from saccade.cli.console import Console
from saccade.cli.durations import duration
from saccade.cli.named_files import make_folder_of, readable_photos
from saccade.cli.options import Model, Opening, opened


@command
def index(
    model: Model,
    photos: Annotated[
        list[str], typer.Argument(metavar="PHOTO...", show_default=False, help="Files, folders, or globs.")
    ],
    opening: Opening,
    console: Console,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="The catalogue to write, ending in .npz or .lance.")
    ] = Path("photos.npz"),
    again: Annotated[
        bool, typer.Option("--again", help="Encode also what an earlier run has encoded, and has not changed.")
    ] = False,
) -> dict[str, Any]:
    """Encode photos into a catalogue, which `search` and `report --collection` use.

    A run that was stopped goes on where it was when it is started again; of a catalogue that is there already only new
    and changed photos are encoded. What cannot be read is left out and named.
    """
    from saccade.collection import Catalogue, write_index
    from saccade.collection.catalogue_file import catalogue_bytes, check_catalogue_output
    from saccade.collection.encoded_parts import check_alone
    from saccade.images.collection import skipped_in_words

    opening.settings()
    make_folder_of(output, console)
    check_alone(check_catalogue_output(output))
    files = readable_photos(photos, opening.max_pixels)
    encoder = opening.open(model)
    console.say(encoder.describe())
    start = time.monotonic()
    with console.progress(1, f"encoding {len(files):,} photos") as bar:
        write_index(encoder, files, output, again=again, progress=lambda done, total: bar.at(done / max(total, 1)))
    catalogue = Catalogue.load(output)
    if catalogue.skipped:
        console.note(f"{skipped_in_words(catalogue.skipped, 'the photos')}: {catalogue.skipped[0].reason}")
    size = catalogue_bytes(output)
    console.say(
        f"{len(catalogue):,} {'photo' if len(catalogue) == 1 else 'photos'} in {duration(time.monotonic() - start)}"
    )
    console.say(f"wrote {output} ({size / 1e6:.1f} MB)")
    return {
        **opened(encoder),
        "output": str(output),
        "bytes": size,
        "photos": len(catalogue),
        "skipped": [{"photo": skipped.name, "reason": skipped.reason} for skipped in catalogue.skipped],
    }
