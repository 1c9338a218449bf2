"""`saccade layers`: what is inside this model, and which layer is the code?"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from saccade.cli.command import command
from saccade.cli.console import Console
from saccade.cli.options import Model, Opening, opened

if TYPE_CHECKING:
    from saccade.encoder import Encoder
    from saccade.models.dataflow import Dataflow

_USUAL = 256
"""Image size at which a model that takes any is described."""


@command
def layers(model: Model, opening: Opening, console: Console) -> dict[str, Any]:
    """List the model's layers and mark the code.

    Cells are the rows and columns of the image that lie in a layer, +1 a special token of a transformer, which is no
    place. The field is how many pixels of the image one inner cell sees, the step how many pixels lie between
    neighbouring cells. For a model that takes any size they are those at 256 px, or at --size.
    """
    encoder = opening.open(model)
    height, width = (side or _USUAL for side in (encoder.recipe.height, encoder.recipe.width))
    rows = [_row(encoder, path, height, width) for path in encoder.layers]
    console.say(encoder.describe())
    console.say()
    console.table(
        ["", "layer", "kind", "shape", "cells", "numbers", "weights", "field", "step"],
        [
            [
                "->" if row["code"] else "",
                row["layer"],
                row["kind"],
                _shape(row["shape"]),
                _cells(row["places"]),
                f"{row['numbers']:,}",
                f"{row['parameters']:,}",
                "all" if row["receptive_field"] is None else _height_and_width(row["receptive_field"]),
                "" if row["stride"] is None else _height_and_width(row["stride"]),
            ]
            for row in rows
        ],
        numbers=("numbers", "weights"),
    )
    free = " (at --size it would be another)" if None in encoder.network.input_shape[:2] else ""
    console.say()
    console.say(f"at {height}x{width} px{free}; -> the code: {encoder.layer_reason}")
    return {**opened(encoder), "size": [height, width], "layers": rows}


def _row(encoder: Encoder, path: str, height: int, width: int) -> dict[str, Any]:
    layer, flow = encoder.layers[path], encoder.dataflow(height, width)
    field, step = flow.receptive_field(path), flow.stride(path)
    from saccade.models.network import declared_places

    places = declared_places(encoder.network, path, flow)
    sizes = _sizes(encoder, path, flow)
    return {
        "layer": path,
        "kind": layer.kind,
        "shape": sizes,
        "numbers": math.prod(size or 1 for size in sizes),
        "parameters": layer.parameters,
        "receptive_field": None if field is None else list(field),
        "stride": None if step is None else list(step),
        "places": None
        if places is None
        else {"rows": places.rows, "columns": places.columns, "special_tokens": places.special},
        "code": path == encoder.layer,
    }


def _sizes(encoder: Encoder, path: str, flow: Dataflow) -> list[int | None]:
    """The layer's shape at the size that is described."""
    shape = encoder.layers[path].shape
    grid = flow.grid(path)
    if None not in shape:
        return list(shape)
    return list(flow.shapes.get(path) or (shape if grid is None else (*grid, shape[-1])))


def _cells(places: dict[str, int] | None) -> str:
    """Rows and columns, and how many special tokens: `14x14+1`; nothing for a vector."""
    if places is None or places["rows"] * places["columns"] == 1:
        return ""
    special = f"+{places['special_tokens']}" if places["special_tokens"] else ""
    return f"{places['rows']}x{places['columns']}{special}"


def _shape(sizes: list[int | None]) -> str:
    return "x".join("free" if size is None else str(size) for size in sizes)


def _height_and_width(pair: list[float]) -> str:
    """Height and width; one number where they are the same."""
    first, second = (f"{number:g}" for number in pair)
    return first if first == second else f"{first}x{second}"
