"""`saccade report`: what the model sees in these photos, as one file that can be touched."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from saccade.cli import values
from saccade.cli.command import command
from saccade.cli.console import Console
from saccade.cli.named_files import make_folder_of, readable_folder, readable_photo, readable_photos
from saccade.cli.options import Model, Opening, opened
from saccade.cli.other_model import OtherModel

if TYPE_CHECKING:
    from saccade.collection import Catalogue

_NAMED = 3
"""So many names of other photos are told."""


@command
def report(
    model: Model,
    images: Annotated[
        list[str],
        typer.Argument(metavar="IMAGE...", show_default=False, help="1 to 12 photos: files, folders, or globs."),
    ],
    opening: Opening,
    other: OtherModel,
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
            metavar="FOLDER|CATALOGUE", show_default=False,
            help="Photos among which these are shown, on a map: a folder, or what `index` made of it. At most 2,000 of "
            "them are carried.",
        ),
    ] = None,
    reference: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER|CATALOGUE", show_default=False,
            help="Photos whose mean code is taken off first: what do two photos share beyond what all share? They also "
            "tell what a typical pair scores.  [default: what the model knows of its own, else the --collection]",
        ),
    ] = None,
    about: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", show_default=False,
            help="A .json file with what is known of the photos, by their names: description (what is on it), credit "
            "(whose it is) and subject (left, top, right and bottom of the box round it, as shares of width and "
            "height). With subjects the page says whether they made photos alike, or the background.",
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
    other.check()
    if output.suffix.lower() not in (".html", ".htm"):
        raise InputError(f"{output.name} is no page; a report ends in .html.")
    make_folder_of(output, console)
    check_writable(output)
    catalogue = None if collection is None else check_collection(collection)
    of_reference = _reference_catalogue(reference)
    methods = values.listed(method) if method else None
    for name in methods or ():
        find(name)
    photos = _usable(readable_photos(images, opening.max_pixels), images, opening.max_pixels, console)
    if len(photos) > MOST:
        raise InputError(
            f"{len(photos)} photos: a report shows 1 to {MOST}, so that its file can be mailed; name some of them."
        )
    about_these = None
    if about is not None:
        about_these, others = known_photos(about, [photo.name for photo in photos])
        if others:
            console.note(f"{about.name} also tells of photos that are not on this page: {_names(others)}.")
    encoder = opening.open(model)
    for named in (catalogue, of_reference):
        if named is not None:
            named.check_fits(encoder)
    console.say(encoder.describe())
    beside = other.open(opening)
    options = [*opening.words(), *other.words()]
    if reference is not None:
        options += ["--reference", reference.name]
    if about is not None:
        options += ["--about", about.name]
    if beside is not None:
        console.say(f"beside it {beside.describe()}")
    notes: list[str] = []
    with console.progress(1, "starting") as bar:
        page = write_report(
            encoder, encoder.read(photos), output, methods=methods, title=title, live=live, collection=collection,
            reference=of_reference or reference, beside=beside, about=about_these, model_source=str(model),
            options=options, on_note=notes.append,
            progress=lambda what, done, total: bar.at(done / max(total, 1), what),
        )  # fmt: skip
    for note in notes:
        console.note(f"left out: {note}")
    size = page.stat().st_size
    console.say(f"wrote {page} ({size / 1e6:.1f} MB)")
    return {
        **opened(encoder),
        "beside": None if beside is None else opened(beside),
        "output": str(page),
        "bytes": size,
        "photos": [str(photo) for photo in photos],
        "collection": None if collection is None else str(collection),
        "reference": None if reference is None else str(reference),
        "left_out": notes,
    }


def _reference_catalogue(reference: Path | None) -> Catalogue | None:
    """The catalogue that was named; None where it is a folder of photos, which is looked at before the work.

    Raises:
        FileError: No such file or folder, a folder without photos, or a file that is no catalogue.
    """
    from saccade.collection import Catalogue
    from saccade.collection.catalogue_file import check_catalogue_there, is_catalogue_name

    if reference is None:
        return None
    if is_catalogue_name(reference):
        check_catalogue_there(reference)
        return Catalogue.load(reference)
    readable_folder(reference)
    return None


def known_photos(path: Path, names: Sequence[str]) -> tuple[dict[str, Any], list[str]]:
    """What is known of the photos, as a file says; and of which others it tells.

    Args:
        path: A file that may tell of more photos than these.
        names: The photos' names.

    Raises:
        FileError: It cannot be read.
        InputError: It does not hold entries by the names of photos, of none of these photos, or wrong ones.
    """
    from saccade.cli.json_file import json_content
    from saccade.errors import InputError
    from saccade.report.about_photos import about_photos

    by_name = json_content(path)
    if not isinstance(by_name, dict):
        raise InputError(
            f'{path.name} holds no entries by the names of photos, such as {{"cat.jpg": {{"credit": "me"}}}}.'
        )
    about_these = {name: entries for name, entries in by_name.items() if name in names}
    if by_name and not about_these:
        raise InputError(
            f"{path.name} tells of none of these photos, but of {_names(by_name)}; its entries bear the "
            f"names of the files, such as {names[0]}."
        )
    about_photos(about_these, names)
    return about_these, [name for name in by_name if name not in about_these]


def _usable(photos: list[Path], named: list[str], max_pixels: int | None, console: Console) -> list[Path]:
    """Those that can be read, of which there is at least one; of a folder what cannot be is left out, and said.

    Raises:
        FileError: One that was named itself is not there, or may not be read.
        ImageError: One that was named itself is empty, damaged, too large, or no photo.
    """
    from saccade.errors import FileError, ImageError

    usable = []
    for photo in photos:
        try:
            usable.append(readable_photo(photo, max_pixels))
        except (FileError, ImageError) as error:
            if str(photo) in named:
                raise
            console.note(f"left out: {error}")
    return usable


def _names(names: Iterable[str]) -> str:
    """The first names, none of them too long, and how many there are besides."""
    listed = list(names)
    first = ", ".join(name[:60] for name in listed[:_NAMED])
    return first if len(listed) <= _NAMED else f"{first} and {len(listed) - _NAMED:,} more"
