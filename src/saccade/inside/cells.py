"""Asking every cell of the code what it sees: the only place where `CellMaps` are made."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from saccade.arguments import checks_arguments
from saccade.encoder import Encoder, as_encoder
from saccade.engines import OnEstimate, Progress, Stop
from saccade.errors import NotApplicable, SaccadeWarning
from saccade.models.places import special_tokens
from saccade.occlusion.colouring import TOLERANCE, alone, cell_gradients, colouring
from saccade.overflow import TOO_LARGE, no_numbers, overflow_noticed
from saccade.results import CellMaps
from saccade.run import Run

_LARGEST = 1e18
"""Gradients are squared and the squares drawn in float32, which ends at 3e38."""
_NO_NUMBERS = "gradients that are not numbers (NaN or infinite)"


@checks_arguments
def cells(
    encoder: Encoder | Any,
    images: Any,
    *,
    coloured: bool = True,
    progress: Progress | None = None,
    stop: Stop | None = None,
    on_estimate: OnEstimate | None = None,
) -> CellMaps:
    """What does each cell of the code see in these images, and how much of its field does it really use?

    For every cell u the gradient, at every pixel, of

        s_u(x') = <f(x')[u], f(x)[u]>,   f(x)[u] frozen

    so the maps of all cells sum to the gradient of the target `code` (less what special tokens add, which are no
    cells). Cells whose receptive fields share no pixel share
    a backward pass; the answer is the same, and three cells are always computed alone as well and compared.

    Args:
        encoder: The model and its code; a live model is made an `Encoder` with its defaults.
        images: Paths, PIL images, arrays, or what `encoder.read` gave.
        coloured: Share backward passes where receptive fields allow it; False gives each cell its own.
        progress: Called with the groups of passes done and the groups in all, for each image.
        stop: Asked between pieces; True ends the call with `Cancelled`.
        on_estimate: Called with an `engines.Estimate` of how long an image takes, once two groups are done.

    Returns:
        A map for each cell, with theoretical and effective sizes in pixels; the result draws and saves itself.

    Raises:
        MemoryBudgetError: The maps of all cells together do not fit into the encoder's memory.
        NotApplicable: The code is tokens of which it is not known where they lie.
        Cancelled: `stop` said so.

    Example:
        >>> maps = saccade.cells(encoder, "cat.jpg")
        >>> maps[4, 5].shape
        (1, 128, 128)
        >>> maps.receptive_field
        (46, 46)
        >>> maps.size(0.5) < maps.size(0.9) < 46
        True
    """
    encoder = as_encoder(encoder)
    prepared = encoder.images(images)
    run = Run(encoder, progress=progress, stop=stop, on_estimate=on_estimate)
    notes: list[str] = []
    size = prepared.shape[1], prepared.shape[2]
    places = encoder.places(encoder.layer, *size)
    codes = run.codes(prepared.array)
    if places is None and codes.shape[1:3] != (1, 1):
        raise NotApplicable(
            f"the code {encoder.layer!r} is {codes.shape[2]} tokens of which it is not known where they lie on the "
            "image, so they cannot be shown as cells; use explain()."
        )
    patterns, special = (codes, codes[:, 0, :0]) if places is None else places.split(codes)
    grid = patterns.shape[1], patterns.shape[2]
    if special.shape[1]:
        notes.append(f"{special_tokens(special.shape[1])} of {encoder.layer} left out: no place of the image")
    geometry = colouring(encoder.dataflow(*size), encoder.layer, grid)
    plan = geometry if coloured else alone(size, grid)
    with overflow_noticed():
        gradients, off = cell_gradients(run, prepared.array, patterns, plan, places)
    if not np.abs(gradients).max() <= _LARGEST:
        raise no_numbers(encoder.name, TOO_LARGE if np.isfinite(gradients).all() else _NO_NUMBERS)
    if off > TOLERANCE:
        warnings.warn(
            f"colouring does not hold for this model (a cell's gradient differs by {off:.2g} of the largest); "
            "computed cell by cell instead.",
            SaccadeWarning,
            stacklevel=2,
        )
        # Then its receptive fields are not what they seem either.
        plan = geometry = alone(size, grid)
        gradients, _ = cell_gradients(run, prepared.array, patterns, plan, places)
        notes.append("colouring was tried and refused; computed cell by cell")
    elif coloured and plan.passes == plan.cells and plan.cells > 1:
        notes.append("computed cell by cell: every cell sees too much of the image to share a pass")
    return CellMaps(
        windows=gradients,
        fields=plan.fields,
        unclipped_fields=(geometry.row_receptive_fields, geometry.column_receptive_fields),
        images=prepared,
        passes=plan.passes,
        model=encoder.name,
        layer=encoder.layer,
        notes=(*notes, *encoder.notes),
    )
