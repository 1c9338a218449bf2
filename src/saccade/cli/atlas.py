"""`saccade atlas`: how does a model see a whole collection?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from saccade.cli import values
from saccade.cli.command import command
from saccade.cli.console import Console
from saccade.cli.named_files import make_folder_of
from saccade.cli.options import Model, Opening, opened


@command
def atlas(
    model: Model,
    collection: Annotated[
        Path,
        typer.Argument(metavar="FOLDER|CATALOGUE", show_default=False, help="Photos, or what `index` made of them."),
    ],
    opening: Opening,
    console: Console,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="A page (.html), or a picture (.png, .jpg, .webp).")
    ] = Path("atlas.html"),
    layout: Annotated[
        str,
        typer.Option(
            metavar="neighbours|grid|pca",
            help="How photos lie in the picture: near what is alike, the same in rows, or along the two directions in "
            "which they differ most. The page has all.",
        ),
    ] = "neighbours",
    title: Annotated[str | None, typer.Option(metavar="TEXT", show_default=False, help="The headline.")] = None,
    theme: Annotated[str, typer.Option(metavar="light|dark", help="The colour of the picture's paper.")] = "dark",
) -> dict[str, Any]:  # fmt: skip
    """Lay out a collection by its codes: a map of photos, as a page that can be touched or as a picture.

    At most 2,000 photos are shown, drawn at random; that many and how far the map may be trusted stand on it.
    """
    from saccade.report.atlas import check_atlas, write_atlas
    from saccade.report.collection_data import check_collection

    opening.settings()
    values.choice("theme", theme, ("light", "dark"))
    make_folder_of(output, console)
    check_atlas(output, layout)
    check_collection(collection)
    encoder = opening.open(model)
    console.say(encoder.describe())
    with console.progress(1, "encoding and laying out") as bar:
        page = write_atlas(
            encoder, collection, output, layout=layout, title=title, theme=theme, seed=console.seed or 0,
            progress=lambda done, total: bar.at(0.7 * done / max(total, 1)),
        )  # fmt: skip
    size = page.stat().st_size
    console.say(f"wrote {page} ({size / 1e6:.1f} MB)")
    return {**opened(encoder), "collection": str(collection), "output": str(page), "bytes": size}
