"""Lengths that follow the code: how far apart its cells are on the image."""

from __future__ import annotations

from saccade.encoder import Encoder
from saccade.targets import Target


def cell_size(encoder: Encoder, size: tuple[int, int], target: Target) -> tuple[int, int]:
    """Height and width in pixels of one cell of the layer that a target reads.

    A code without a grid of its own (a vector, tokens) is treated as if it had an 8x8 grid; a cell is never smaller
    than 2 px, nor larger than an eighth of the image when the grid is very coarse.
    """
    layer = encoder.layer if target.reads == "code" else encoder.network.output
    stride = _stride(encoder, layer, size)
    sides = []
    for axis in (0, 1):
        coarse = max(size[axis] / 8, 2.0)
        own = stride[axis] if stride is not None else coarse
        if target.reads == "output":
            # The output's cells are pixels; the code's stride is still what the model can tell apart.
            inner = _stride(encoder, encoder.layer, size)
            own = inner[axis] if inner is not None else coarse
        sides.append(max(2, round(min(own, coarse) if own >= size[axis] / 2 else own)))
    return sides[0], sides[1]


def _stride(encoder: Encoder, layer: str, size: tuple[int, int]) -> tuple[float, float] | None:
    """Pixels between cells; None for tokens too, which see the whole image: small holes could share no pass."""
    flow = encoder.dataflow(*size)
    return None if flow.grid(layer) is None else flow.stride(layer)
