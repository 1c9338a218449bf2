"""`saccade feature-maps`: what does every detector of the model answer to this photo?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from saccade.cli import values
from saccade.cli.command import command
from saccade.cli.console import Console
from saccade.cli.options import Model, Opening, opened


@command
def feature_maps(
    model: Model,
    image: Annotated[Path, typer.Argument(metavar="IMAGE", show_default=False, help="A photo.")],
    opening: Opening,
    console: Console,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FOLDER", help="Where the pages go.")] = Path(
        "saccade-feature-maps"
    ),
    theme: Annotated[str, typer.Option(metavar="light|dark", help="The colour of the paper.")] = "dark",
    scale: Annotated[
        str, typer.Option(metavar="all|each", help="One colour scale for the maps of a layer, or one for each.")
    ] = "all",
) -> dict[str, Any]:
    """Draw the feature maps of every layer.

    One contact sheet a layer, from the first to the image that the model redraws, and a collage of all.
    """
    from saccade.collection.output_folder import output_folder
    from saccade.images.files import existing

    opening.settings()
    values.choice("theme", theme, ("light", "dark"))
    values.choice("scale", scale, ("all", "each"))
    existing(image)
    with output_folder(output):
        encoder = opening.open(model)
        console.say(encoder.describe())
        images = encoder.read(image)
        from saccade import inside

        with console.progress(1, "drawing"):
            maps = inside.feature_maps(encoder, images)
            files = [str(file) for file in maps.save_sheets(output, theme=theme, scale=scale)]
    for file in files:
        console.say(f"wrote {file}")
    return {**opened(encoder), "photo": str(image), "output": str(output), "files": files}
