"""`saccade explain`: where does the model look in these photos?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from saccade.cli import values
from saccade.cli.command import command
from saccade.cli.console import Console
from saccade.cli.forecast import Forecast
from saccade.cli.named_files import picture_format, readable_photos, results_folder
from saccade.cli.options import Drawing, Model, Opening, opened
from saccade.cli.settings import settings_for
from saccade.cli.verdicts import verdicts_of

if TYPE_CHECKING:
    from saccade.collection import BatchRun, PageRecord

_LISTED = 20
"""More written files than this are not listed one by one."""
_READ = 6
"""Nobody reads more sentences than this one after the other in a terminal."""


@command
def explain(
    model: Model,
    images: Annotated[
        list[str], typer.Argument(metavar="IMAGE...", show_default=False, help="Photos: files, folders, or globs.")
    ],
    opening: Opening,
    drawing: Drawing,
    console: Console,
    method: Annotated[
        list[str] | None,
        typer.Option(
            "--method", "-m", metavar="NAME", show_default=False,
            help="How to find out; may be repeated, also with commas, or all.  [default: blur_integrated_gradients; "
            "for some codes occlusion, see saccade methods]",
        ),
    ] = None,
    target: Annotated[
        str,
        typer.Option(
            "--target", "-t", metavar="TARGET",
            help="What is explained: code, centred, centred:FOLDER, channel:K, cell:ROW,COLUMN, region:ROWS,COLUMNS, "
            "direction:FILE.npy, component:K,FOLDER, like:PHOTO, unlike:PHOTO, toward:PHOTO,than=PHOTO, "
            "reconstruction_error, or a sum of them.",
        ),
    ] = "code",
    setting: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="NAME=VALUE", show_default=False,
            help="A setting of the methods, such as steps=64; METHOD.NAME=VALUE for one of several.",
        ),
    ] = None,
    beside: Annotated[
        str | None,
        typer.Option(
            metavar="untrained", show_default=False,
            help="Show the same map of networks with fresh weights beside it, on one scale.",
        ),
    ] = None,
    evaluation: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", show_default=False,
            help="What `saccade evaluate` wrote about this model: methods come in its order, with its verdict.",
        ),
    ] = None,
    output: Annotated[
        Path,
        typer.Option("--output", "-o", metavar="FOLDER|FILE", help="Where the pages go; for one photo its own page."),
    ] = Path("saccade-out"),
    again: Annotated[
        bool, typer.Option("--again", help="Make pages again that are there already with the same settings.")
    ] = False,
) -> dict[str, Any]:  # fmt: skip
    """Show where the model looks in these photos.

    Writes a page for each photo, named after it, and a contact sheet when there are 2 to 60; the page of a single
    photo may have a name of its own, such as -o map.png. Goes through folders photo by photo, leaves out files that
    cannot be used and names them at the end. A run that was stopped is continued by the same command: what is there
    already with the same settings is left as it is.

    Targets: K, ROW and COLUMN count from 0; ROWS and COLUMNS are spans such as 2:5 (2, 3 and 4) or : (all).
    component:K is the K-th principal component of the cells of a folder's photos; reconstruction_error:ROWS,COLUMNS
    looks at a part of the image, in pixels. They add up, with spaces round the signs: 'like:b.jpg - 0.5*like:c.jpg'.
    A file's name goes in quotes if such a sign is in it: 'like:"b - copy.jpg"'.
    """
    from saccade.attribution.defaults import DEFAULT_METHOD, default_method
    from saccade.collection import BatchRun, Request
    from saccade.collection.page import pages_of
    from saccade.collection.page_files import check_one_picture
    from saccade.errors import InputError
    from saccade.images import find
    from saccade.methods import available
    from saccade.targets import parse

    opening.settings()
    style = drawing.style()
    if (image_format := picture_format(output, style.format)) is not None:
        style = replace(style, format=image_format)
    methods = values.listed(method or [DEFAULT_METHOD])
    everything = "all" in methods
    # A page of many methods says in words what its first map shows.
    methods = [DEFAULT_METHOD, *(name for name in available() if name != DEFAULT_METHOD)] if everything else methods
    settings = settings_for(methods, setting or [], console.seed)
    untrained = beside is not None and values.choice("beside", beside, ("untrained",)) == "untrained"
    verdicts, about = ({}, None) if evaluation is None else verdicts_of(evaluation)
    methods.sort(key=lambda name: list(verdicts).index(name) if name in verdicts else len(verdicts))
    requests = [
        Request(name, target, settings[name], beside_untrained=untrained, verdict=verdicts.get(name, ""))
        for name in methods
    ]
    for page in pages_of(requests, style):
        find(page.target.files)
    photos = readable_photos(images, opening.max_pixels)
    if image_format is not None:
        check_one_picture(output, photos, pages_of(requests, style))
    folder, file = (output, None) if image_format is None else (output.parent, output)
    with results_folder(folder):
        encoder = opening.open(model)
        console.say(encoder.describe())
        if about is not None and about != (encoder.name, encoder.layer):
            raise InputError(
                f"the evaluation in {evaluation} is about layer {about[1]} of {about[0]!r}, not about "
                f"{encoder.layer} of {encoder.name!r}; evaluate this model, or leave --evaluation out."
            )
        if not method:
            name, notes = default_method(encoder, [parse(target)])
            if name != DEFAULT_METHOD:
                method_settings = settings_for([name], setting or [], console.seed)[name]
                requests = [Request(name, target, method_settings, beside_untrained=untrained)]
            for note in notes:
                console.note(note)
        with console.progress(1) as bar:
            run = BatchRun(
                encoder, photos, requests, output=folder, file=file, style=style, again=again, skip_refused=everything,
                on_estimate=Forecast(console, photos=len(photos), requests=len(requests)).announce,
                progress=lambda now: bar.at(now.share, f"{now.photo.name} {now.label}".rstrip()),
            )  # fmt: skip
            records = list(run)
    _say(console, run, records)
    return {
        **opened(encoder),
        "output": str(output),
        "pages": [record.to_dict() for record in records],
        "sheets": [record.to_dict() for record in run.sheets],
        "failed": [record.to_dict() for record in run.failed],
        "refused": [record.to_dict() for record in run.refused],
    }


def _say(console: Console, run: BatchRun, records: Sequence[PageRecord]) -> None:
    """What was written, what was there already, and what did not work.

    Raises:
        ImageError: Not one of the photos could be used.
    """
    from saccade.errors import ImageError

    if not records and len(run.failed) == 1:
        raise ImageError(run.failed[0].error)
    for refused in run.refused:
        console.left_out(refused.label, refused.error)
    for line in _sentences(records):
        console.say(line)
    written = [file for record in records if not record.already for file in record.files]
    if len(written) <= _LISTED:
        for file in written:
            console.say(f"wrote {file}")
    else:
        console.say(f"wrote {len(written):,} files into {run.output}")
    for sheet in run.sheets:
        if not sheet.already:
            console.say(f"wrote {sheet.file}")
    already = sum(record.already for record in records)
    if already:
        console.say(
            f"{_photos(already)} in {run.output} {'was' if already == 1 else 'were'} there already with the same "
            "settings; --again makes them again"
        )
    if run.failed:
        console.note(f"{_photos(len(run.failed))} could not be used:")
        for failed in run.failed:
            console.note(failed.error)
    if not records:
        raise ImageError(f"none of the {len(run.failed):,} photos could be used.")


def _sentences(records: Sequence[PageRecord]) -> list[str]:
    """What was asked, and what the maps answer, in the words of their pages; nothing where there are too many."""
    maps = [(record, entry) for record in records for entry in record.maps if entry.sentence]
    if len(maps) > _READ:
        return []
    several = (
        len({record.photo for record, _ in maps}) > 1,
        len({entry.title for _, entry in maps}) > 1,
    )
    lines = []
    for record, entry in maps:
        names = zip(several, (record.photo.name, entry.title), strict=True)
        which = ", ".join(name for is_needed, name in names if is_needed)
        question = f"{entry.question[:1].upper()}{entry.question[1:]}"
        answer = f"{entry.sentence[:1].lower()}{entry.sentence[1:]}"
        lines.append(f"{question} ({which}): {answer}" if which else f"{question}: {answer}")
    return lines


def _photos(count: int) -> str:
    return f"{count:,} photo{'' if count == 1 else 's'}"
