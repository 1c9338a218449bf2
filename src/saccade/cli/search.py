"""`saccade search`: which photos of a collection are most like this one?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from saccade.cli import values
from saccade.cli.command import command
from saccade.cli.console import Console
from saccade.cli.named_files import readable_photo, writable_result
from saccade.cli.options import Model, Opening, opened


@command
def search(
    model: Model,
    catalogue: Annotated[
        Path, typer.Argument(metavar="CATALOGUE", show_default=False, help="What `index` wrote with this model.")
    ],
    photo: Annotated[Path, typer.Argument(metavar="PHOTO", show_default=False, help="A photo.")],
    opening: Opening,
    console: Console,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="The page to write (.png, .jpg, .webp), or .npz.")
    ] = Path("neighbours.png"),
    count: Annotated[int, typer.Option(metavar="N", min=1, help="How many are wanted.")] = 12,
    cell: Annotated[
        str | None,
        typer.Option(
            metavar="ROW,COLUMN", show_default=False,
            help="Look for what lies in this one cell of the code, counted from 0.",
        ),
    ] = None,
    region: Annotated[
        str | None,
        typer.Option(
            metavar="LEFT,TOP,RIGHT,BOTTOM", show_default=False,
            help="Look for what lies in this part of the photo, in pixels.",
        ),
    ] = None,
    why: Annotated[
        bool,
        typer.Option("--why/--no-why", help="Also show why the first with another code is alike, as `compare` does."),
    ] = True,
    theme: Annotated[str, typer.Option(metavar="light|dark", help="The colour of the paper.")] = "light",
) -> dict[str, Any]:  # fmt: skip
    """Find the photos of a collection that are most like one, or hold something like a part of it.

    All are compared, by the number that `compare` gives, and none is left out by a shortcut.
    """
    from saccade.collection import Catalogue
    from saccade.collection import search as search_in
    from saccade.picture.numerals import number

    opening.settings()
    values.choice("theme", theme, ("light", "dark"))
    row_and_column = None if cell is None else values.whole_numbers("--cell", cell, "ROW,COLUMN")
    edges = None if region is None else values.whole_numbers("--region", region, "LEFT,TOP,RIGHT,BOTTOM")
    readable_photo(photo, opening.max_pixels)
    writable_result(output, console)
    collection = Catalogue.load(catalogue)
    encoder = opening.open(model)
    console.say(encoder.describe())
    with console.progress(1, "comparing"):
        neighbours = search_in(encoder, collection, photo, count=count, cell=row_and_column, region=edges, why=why)
    neighbours.save(output, **({} if output.suffix.lower() in (".npz", ".json") else {"theme": theme}))
    for text in neighbours.notes:
        console.note(text)
    if not neighbours.neighbours:
        console.note(f"{catalogue} holds no other photo.")
    console.table(
        ["score", "photo"],
        [[number(neighbour.score), neighbour.name] for neighbour in neighbours.neighbours],
        numbers=["score"],
    )
    console.say(f"wrote {output}")
    return {**opened(encoder), **neighbours.to_dict(), "photo": str(photo), "output": str(output)}
