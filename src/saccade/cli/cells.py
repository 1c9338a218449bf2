"""`saccade cells`: what does every cell of the code see, and how much of its field does it really use?"""

from __future__ import annotations

from math import isnan
from pathlib import Path
from typing import Annotated, Any

import typer

from saccade.cli import values
from saccade.cli.command import command
from saccade.cli.console import Console
from saccade.cli.options import Model, Opening, opened
from saccade.errors import InputError


@command
def cells(
    model: Model,
    image: Annotated[Path, typer.Argument(metavar="IMAGE", show_default=False, help="A photo.")],
    opening: Opening,
    console: Console,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FOLDER", help="Where the pictures go.")] = Path(
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
    from saccade.collection.output_folder import output_folder
    from saccade.images.files import existing
    from saccade.picture import save_picture

    opening.settings()
    values.choice("theme", theme, ("light", "dark"))
    chosen = None if cell is None else _cell(cell)
    existing(image)
    with output_folder(output):
        encoder = opening.open(model)
        console.say(encoder.describe())
        images = encoder.read(image)
        from saccade.inside import cells as look

        with console.progress(1, "looking") as bar:
            seen = look(encoder, images, progress=lambda done, total: bar.at(done / max(total, 1), "looking"))
        page = seen.figure(cell=chosen, theme=theme)
        files = [
            save_picture(page, output / "fields.png", seen.metadata()),
            save_picture(seen.sheet(theme=theme), output / "eyes.png", seen.metadata()),
        ]
        if raw:
            files.append(seen.save(output / "cells.npz"))
    for text in seen.notes:
        console.note(text)
    field = seen.receptive_field
    can = "the whole picture" if field is None else f"{field[1]}x{field[0]} px"
    half, most = seen.size(0.5), seen.size(0.9)
    console.say(f"a cell can see {can}; half of what moves it lies within {_side(half)}, 90 % within {_side(most)}")
    for each in files:
        console.say(f"wrote {each}")
    return {
        **opened(encoder),
        "picture": str(image),
        "cells": list(seen.grid),
        "passes": seen.passes,
        "receptive_field": None if field is None else list(field),
        "effective_size": {"50": _number(half), "90": _number(most)},
        "effective_sizes": {
            share: [[_number(each) for each in row] for row in seen.effective.sizes(float(share) / 100)[0].tolist()]
            for share in ("50", "90")
        },
        "cell": list(chosen or seen.strongest()),
        "output": str(output),
        "files": [str(each) for each in files],
    }


def _cell(text: str) -> tuple[int, int]:
    try:
        row, column = (int(part) for part in text.split(","))
    except ValueError as error:
        raise InputError(f"--cell {text!r} cannot be read; give a row and a column, such as 3,4.") from error
    return row, column


def _side(side: float) -> str:
    return "nothing" if isnan(side) else f"{side:.1f}x{side:.1f} px"


def _number(side: float) -> float | None:
    return None if isnan(side) else side
