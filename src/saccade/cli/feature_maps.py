"""`saccade feature-maps`: what does every detector of the model answer to this photo?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from saccade.cli import values
from saccade.cli.command import command
from saccade.cli.console import Console
from saccade.cli.named_files import readable_photo, results_folder
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
    layers: Annotated[
        str | None,
        typer.Option(
            metavar="all|NAME,NAME", show_default=False,
            help="Every layer, or these.  [default: all of up to 32 layers, about 12 of more]",
        ),
    ] = None,
    theme: Annotated[str, typer.Option(metavar="light|dark", help="The colour of the paper.")] = "dark",
    scale: Annotated[
        str, typer.Option(metavar="all|each", help="One colour scale for the maps of a layer, or one for each.")
    ] = "all",
) -> dict[str, Any]:  # fmt: skip
    """Draw the feature maps of the layers.

    One contact sheet a layer, from the first to the image that the model redraws, and a collage of them. Of a model of
    more than 32 layers about 12 are drawn, of a transformer the outputs of its blocks.
    """
    opening.settings()
    values.choice("theme", theme, ("light", "dark"))
    values.choice("scale", scale, ("all", "each"))
    readable_photo(image, opening.max_pixels)
    with results_folder(output):
        encoder = opening.open(model)
        console.say(encoder.describe())
        images = encoder.read(image)
        from saccade import inside

        with console.progress(1, "drawing"):
            layer_paths = layers if layers is None or layers == "all" else values.listed([layers])
            maps = inside.feature_maps(encoder, images, layers=layer_paths)
            files = [str(file) for file in maps.save_sheets(output, theme=theme, scale=scale)]
    for note in maps.notes:
        console.note(note)
    for file in files:
        console.say(f"wrote {file}")
    return {**opened(encoder), "photo": str(image), "output": str(output), "layers": list(maps), "files": files}
