"""Which photos hold something like a part of this one? The best place of every photo, exactly."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from saccade.collection.code_space import DIGITS, Scores, pieces
from saccade.models.places import Places
from saccade.typing import Array


def mean_cell(codes: Array, places: Places) -> NDArray[np.float64]:
    """What all cells of a collection have in common, float64 (channels,)."""
    total: NDArray[np.float64] = np.zeros(())
    count = 0
    for start, stop in pieces(len(codes), 3 * codes[0].nbytes):
        cells, _ = places.split(codes[start:stop])
        total = total + cells.sum(axis=(0, 1, 2), dtype=np.float64)
        count += cells[..., 0].size
    return total / count


def best_places(
    codes: Array, places: Places, part: Array, centre: NDArray[np.float64]
) -> tuple[Scores, NDArray[np.intp], NDArray[np.intp]]:
    """How alike is the most alike place of every photo to this part, and where does it begin?

    The score is the cosine of the part's cells and those of a place of the same shape, cell by cell, less the mean
    cell. Every place of every photo is tried.

    Args:
        codes: float32 (photos, rows, columns, channels).
        places: Where the cells lie among the numbers of a code.
        part: float32 (rows, columns, channels) of the cells that are looked for.
        centre: (channels,), the mean cell.

    Returns:
        Scores, rows and columns, (photos,) each; of equal places the first in reading order.
    """
    high, wide = part.shape[:2]
    direction = (part - centre).reshape(high * wide, -1)
    length = float(np.linalg.norm(direction))
    direction = (direction / (length or 1.0)).astype(np.float32)
    scores = np.empty(len(codes), np.float32)
    firsts = np.empty(len(codes), np.intp)
    down, across = places.rows - high + 1, places.columns - wide + 1
    for start, stop in pieces(len(codes), 3 * codes[0].nbytes):
        cells = (places.split(codes[start:stop])[0] - centre).astype(np.float32)
        squares = np.einsum("nrck,nrck->nrc", cells, cells, dtype=np.float64)
        products = cells @ direction.T
        together = np.zeros((stop - start, down, across))
        lengths = np.zeros((stop - start, down, across))
        for cell, (row, column) in enumerate(np.ndindex(high, wide)):
            window = np.s_[:, row : row + down, column : column + across]
            together += products[..., cell][window]
            lengths += squares[window]
        cosines = np.divide(together, np.sqrt(lengths), out=np.zeros_like(together), where=lengths > 0)
        flat = np.clip(cosines, -1, 1).reshape(stop - start, -1)
        firsts[start:stop] = np.round(flat, DIGITS).argmax(axis=1)
        scores[start:stop] = flat[np.arange(stop - start), firsts[start:stop]]
    rows, columns = np.divmod(firsts, across)
    return scores, rows, columns
