"""`saccade explain`: where does the model look in these photos?"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Annotated

import typer

from saccade.cli import outputs, values
from saccade.cli.command import command
from saccade.cli.console import Console
from saccade.cli.job import Job
from saccade.cli.options import Drawing, Model, Opening, opened
from saccade.cli.pages import Question, Record, made_with
from saccade.cli.settings import settings_for


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
            help="How to find out; may be repeated, also with commas, or all.  [default: occlusion]",
        ),
    ] = None,
    target: Annotated[
        str,
        typer.Option(
            "--target", "-t", metavar="TARGET",
            help="What is explained: code, channel:K, cell:ROW,COLUMN, region:ROWS,COLUMNS, direction:FILE.npy, "
            "component:K,FOLDER, like:PHOTO, unlike:PHOTO, toward:PHOTO,than=PHOTO, reconstruction_error, or a "
            "sum of them.",
        ),
    ] = "code",
    setting: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="NAME=VALUE", show_default=False,
            help="A setting of the methods, such as steps=64; METHOD.NAME=VALUE for one of several.",
        ),
    ] = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FOLDER", help="Where the pictures go.")
    ] = Path("saccade-out"),
    again: Annotated[
        bool, typer.Option("--again", help="Make pictures anew that are there already with the same settings.")
    ] = False,
) -> Record:  # fmt: skip
    """Show where the model looks in these photos.

    Writes a page for each photo, named after it, and a contact sheet when there are 2 to 60. Goes through folders
    photo by photo, leaves out files that cannot be used and names them at the end. A run that was stopped is
    continued by the same command: what is there already with the same settings is left as it is.

    Targets: K, ROW and COLUMN count from 0; ROWS and COLUMNS are spans such as 2:5 (2, 3 and 4) or : (all).
    component:K is the K-th principal component of the cells of a folder's pictures; reconstruction_error:ROWS,COLUMNS
    looks at a part of the picture, in pixels. They add up, with spaces round the signs: 'code - 0.5*like:b.jpg'.
    A file's name goes in quotes if such a sign is in it: 'like:"b - copy.jpg"'.
    """
    from saccade.errors import InputError
    from saccade.images import find
    from saccade.methods import available
    from saccade.targets import parse

    opening.settings()
    drawing = drawing.checked()
    methods = values.listed(method or ["occlusion"])
    everything = "all" in methods
    methods = list(available()) if everything else methods
    settings = settings_for(methods, setting or [], console.seed)
    find(parse(target).files)
    if drawing.scale == "all" and len(methods) > 1:
        raise InputError("--scale all goes with one method; each method has units of its own.")
    photos = [each for each in find(images) if not _made_here(each, output)]
    with outputs.folder(output):
        encoder = opening.open(model)
        console.say(encoder.describe())
        question = Question(tuple(methods), settings, target, drawing, made_with(encoder), several=len(methods) > 1)
        job = Job(encoder, question, output, again, everything, console)
        return {**opened(encoder), "output": str(output), **job.run(photos)}


def _made_here(photo: Path, output: Path) -> bool:
    """Is this one of our own pages, found because the output lies among the photos?"""
    if not output.is_dir() or output.resolve() not in photo.resolve().parents:
        return False
    from saccade.errors import FileError
    from saccade.picture import read_metadata

    with contextlib.suppress(FileError):
        return "method" in read_metadata(photo)
    return False
