"""`saccade cells`: what does every cell of the code see, and how much of its field does it really use?"""

from __future__ import annotations

from functools import partial
from math import isnan
from pathlib import Path
from typing import Annotated, Any

import typer

from saccade.cli import values
from saccade.cli.command import command
from saccade.cli.console import Console
from saccade.cli.forecast import Forecast
from saccade.cli.named_files import readable_photo, results_folder
from saccade.cli.options import Model, Opening, opened
from saccade.errors import InputError


@command
def cells(
    model: Model,
    image: Annotated[Path, typer.Argument(metavar="IMAGE", show_default=False, help="A photo.")],
    opening: Opening,
    console: Console,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FOLDER", help="Where the pages go.")] = Path(
        "saccade-cells"
    ),
    cell: Annotated[
        str | None,
        typer.Option(metavar="ROW,COLUMN", help="The cell to be shown large; else the one that pixels move most."),
    ] = None,
    raw: Annotated[bool, typer.Option("--raw", help="Also write the numbers, as .npz.")] = False,
    theme: Annotated[str, typer.Option(metavar="light|dark", help="The colour of the paper.")] = "dark",
) -> dict[str, Any]:
    """Show what each cell of the code sees.

    One page on where the cells look in their fields, with sizes in pixels, and the photo as all cells see it.
    """
    from saccade.picture import save_picture

    opening.settings()
    values.choice("theme", theme, ("light", "dark"))
    place = None if cell is None else _cell(cell)
    readable_photo(image, opening.max_pixels)
    with results_folder(output):
        encoder = opening.open(model)
        console.say(encoder.describe())
        images = encoder.read(image)
        from saccade.inside import cells as cell_maps

        with console.progress(1, "computing") as bar:
            maps = cell_maps(
                encoder,
                images,
                progress=lambda done, total: bar.at(done / max(total, 1), "computing"),
                on_estimate=partial(Forecast(console).announce, "cells"),
            )
        page = maps.figure(cell=place, theme=theme)
        files = [
            save_picture(page, output / "fields.png", maps.metadata()),
            save_picture(maps.sheet(theme=theme), output / "eyes.png", maps.metadata()),
        ]
        if raw:
            files.append(maps.save(output / "cells.npz"))
    for text in maps.notes:
        console.note(text)
    field = maps.receptive_field
    field_size = "the whole image" if field is None else f"{field[1]}x{field[0]} px"
    half, most = maps.size(0.5), maps.size(0.9)
    sides = [_side(side, max(images.shape[1:3])) for side in (half, most)]
    who = "the code, one vector," if maps.grid == (1, 1) else "a cell"
    console.say(f"{who} can see {field_size}; half of what moves it lies within {sides[0]}, 90 % within {sides[1]}")
    for file in files:
        console.say(f"wrote {file}")
    return {
        **opened(encoder),
        "photo": str(image),
        "cells": list(maps.grid),
        "passes": maps.passes,
        "receptive_field": None if field is None else list(field),
        "effective_size": {"50": _number(half), "90": _number(most)},
        "effective_sizes": {
            share: [[_number(side) for side in row] for row in maps.effective.sizes(float(share) / 100)[0].tolist()]
            for share in ("50", "90")
        },
        "cell": list(place or maps.strongest()),
        "output": str(output),
        "files": [str(file) for file in files],
    }


def _cell(text: str) -> tuple[int, int]:
    try:
        row, column = (int(part) for part in text.split(","))
    except ValueError as error:
        raise InputError(f"--cell {text!r} cannot be read; give a row and a column, such as 3,4.") from error
    return row, column


def _side(side: float, longest: int) -> str:
    if isnan(side):
        return "nothing"
    return "nearly all of the image" if side > longest else f"{side:.1f}x{side:.1f} px"


def _number(side: float) -> float | None:
    return None if isnan(side) else side
