"""Asking every cell of the code what it sees: the only place where `CellMaps` are made."""

from __future__ import annotations

import warnings
from typing import Any

from saccade.encoder import Encoder
from saccade.engines import Progress, Stop
from saccade.errors import SaccadeWarning
from saccade.occlusion.colouring import TOLERANCE, alone, cell_gradients, colouring
from saccade.results import CellMaps
from saccade.run import Run


def cells(
    encoder: Encoder,
    images: Any,
    *,
    coloured: bool = True,
    progress: Progress | None = None,
    stop: Stop | None = None,
) -> CellMaps:
    """What does each cell of the code see in these pictures, and how much of its field does it really use?

    For every cell u the gradient, at every pixel, of

        s_u(x') = <f(x')[u], f(x)[u]>,   f(x)[u] frozen

    so the maps of all cells sum to the gradient of the target `code`. Cells whose receptive fields share no pixel share
    a backward pass; the answer is the same, and three cells are always pulled back alone as well and compared.

    Args:
        encoder: The model and its code.
        images: Paths, PIL images, arrays, or what `encoder.read` gave.
        coloured: Share backward passes where receptive fields allow it; False gives each cell its own.
        progress: Called with the pieces done and the pieces in all, for each group of passes.
        stop: Asked between pieces; True ends the work with `Cancelled`.

    Returns:
        A map for each cell, which draw and save themselves, with theoretical and effective sizes in pixels.

    Raises:
        MemoryBudgetError: The maps of all cells together do not fit into the encoder's memory.
        Cancelled: `stop` said so.

    Example:
        >>> seen = saccade.cells(run, "cat.jpg")
        >>> seen[4, 5].shape
        (1, 128, 128)
        >>> seen.receptive_field
        (46, 46)
        >>> seen.size(0.5) < seen.size(0.9) < 46
        True
    """
    read = encoder.images(images)
    run = Run(encoder, progress=progress, stop=stop)
    notes: list[str] = []
    codes = run.codes(read.array)
    size, grid = (read.shape[1], read.shape[2]), (codes.shape[1], codes.shape[2])
    geometry = colouring(encoder.dataflow(*size), encoder.layer, grid)
    plan = geometry if coloured else alone(size, grid)
    gradients, off = cell_gradients(run, read.array, codes, plan)
    if off > TOLERANCE:
        warnings.warn(
            f"colouring does not hold for this model (a cell's gradient differs by {off:.2g} of the largest); "
            "computed cell by cell instead.",
            SaccadeWarning,
            stacklevel=2,
        )
        # Then its receptive fields are not what they seem either.
        plan = geometry = alone(size, grid)
        gradients, _ = cell_gradients(run, read.array, codes, plan)
        notes.append("colouring was tried and refused; computed cell by cell")
    elif coloured and plan.passes == plan.cells and plan.cells > 1:
        notes.append("computed cell by cell: every cell sees too much of the picture to share a pass")
    return CellMaps(
        windows=gradients,
        fields=plan.fields,
        unclipped_fields=(geometry.row_receptive_fields, geometry.column_receptive_fields),
        images=read,
        passes=plan.passes,
        model=encoder.name,
        layer=encoder.layer,
        notes=(*notes, *encoder.notes),
    )
