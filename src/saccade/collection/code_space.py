"""Codes made ready for comparisons: how alike is a code to each of many, by the number that `saccade.compare` gives."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from saccade.encoder import Encoder
from saccade.errors import InputError
from saccade.typing import Array

Scores = NDArray[np.float32]
Centring = Literal["model", "collection", "none"]
"""Whose mean code was taken off: that which the model knows of its own collection, or that of this one."""

_BYTES = 64 * 2**20
"""A piece of codes or of a table has at most so many bytes."""
FEWEST_CENTRED = 3
"""Two codes less their mean are opposite whatever they show."""
DIGITS = 6
"""What scores differ by beyond these decimals is rounding: such scores are equal, and the earlier photo comes first."""


@dataclass(frozen=True, eq=False)
class CodeSpace:
    """The codes of a collection as directions: their products are the cosines of the codes less what all share.

    Attributes:
        directions: float32 (photos, numbers), each of length 1; zeros for a code without direction.
        lengths: float32 (photos,): of the codes less the centre.
        centre: float64, of the shape of a code: what was taken off.
        centring: Whose mean it is.
    """

    directions: Array
    lengths: Array
    centre: NDArray[np.float64]
    centring: Centring

    @classmethod
    def of(cls, encoder: Encoder, codes: Array) -> CodeSpace:
        """Take off what all photos share, and divide by the length.

        The mean code that the model knows is taken off, as `saccade.compare` does; where it knows none, that of these
        codes, as `compare` does with the collection for a `reference`.

        Args:
            encoder: The model; only what it knows of its collection is asked.
            codes: float32 (photos, rows, columns, channels).
        """
        reference = encoder.reference
        if reference is not None and reference.mean_code.shape == codes.shape[1:]:
            return cls.around(codes, reference.mean_code.astype(np.float64), "model")
        if len(codes) < FEWEST_CENTRED:
            return cls.around(codes, np.zeros(codes.shape[1:]), "none")
        total = np.zeros(codes.shape[1:])
        for start, stop in pieces(len(codes), codes[0].nbytes):
            total += codes[start:stop].sum(axis=0, dtype=np.float64)
        return cls.around(codes, total / len(codes), "collection")

    @classmethod
    def around(cls, codes: Array, centre: NDArray[np.float64], centring: Centring) -> CodeSpace:
        """The directions from a centre."""
        directions = np.empty((len(codes), codes[0].size), np.float32)
        lengths = np.empty(len(codes), np.float32)
        for start, stop in pieces(len(codes), 3 * codes[0].nbytes):
            piece = codes[start:stop].reshape(stop - start, -1) - centre.reshape(1, -1)
            piece_lengths = np.linalg.norm(piece, axis=1)
            scale = np.linalg.norm(centre) + piece_lengths
            # A code that is the centre itself has no direction; what is left of it is rounding.
            has_direction = piece_lengths > 1e-6 * scale
            lengths[start:stop] = np.where(has_direction, piece_lengths, 0)
            piece /= np.where(has_direction, piece_lengths, np.inf)[:, None]
            directions[start:stop] = piece
        return cls(directions, lengths, centre, centring)

    def __len__(self) -> int:
        """How many photos there are."""
        return len(self.directions)

    def direction(self, code: Array) -> Array:
        """The direction of another code.

        Args:
            code: (rows, columns, channels).

        Raises:
            InputError: It has another shape, or is exactly what was taken off.
        """
        if code.shape != self.centre.shape:
            raise InputError(
                f"a code of {'x'.join(map(str, code.shape))} numbers, and the catalogue's have "
                f"{'x'.join(map(str, self.centre.shape))}; read all photos at one size (--size H,W)."
            )
        own = (code - self.centre).ravel()
        length = float(np.linalg.norm(own))
        if length <= 1e-6 * (length + float(np.linalg.norm(self.centre))):
            raise InputError("the code is exactly the mean that is taken off, so nothing is left to compare.")
        return (own / length).astype(np.float32)

    def scores(self, directions: Array) -> Scores:
        """How alike are these to each of the collection? (others, photos), cosines.

        Args:
            directions: float32 (others, numbers), each of length 1.
        """
        scores: Scores = np.clip(directions @ self.directions.T, -1, 1)
        return scores

    def nearest(
        self, direction: Array, count: int, *, leave_out: Collection[int] = ()
    ) -> tuple[NDArray[np.intp], Scores]:
        """Which photos are most alike? Exact, the most alike first; of equal ones the earlier first.

        Args:
            direction: float32 (numbers,).
            count: How many.
            leave_out: The rows of photos that are not wanted, such as the photo itself.

        Returns:
            Their rows, and their scores.
        """
        scores = self.scores(direction[None])[0]
        rows = best(scores, count, leave_out=leave_out)
        return rows, scores[rows]

    def neighbours(self, count: int) -> tuple[NDArray[np.intp], Scores]:
        """The nearest of every photo among the others, as `nearest` gives them.

        Returns:
            (photos, count) rows and scores; `count` is at most one less than there are photos.
        """
        count = min(count, len(self) - 1)
        rows = np.empty((len(self), count), np.intp)
        scores = np.empty((len(self), count), np.float32)
        for start, stop in pieces(len(self), 4 * len(self)):
            table = self.scores(self.directions[start:stop])
            for row in range(start, stop):
                rows[row] = best(table[row - start], count, leave_out=[row])
                scores[row] = table[row - start][rows[row]]
        return rows, scores


def best(scores: Scores, count: int, *, leave_out: Collection[int] = ()) -> NDArray[np.intp]:
    """The rows of the highest scores, the highest first; of equal ones the earlier first.

    Example:
        >>> best(np.array([0.1, 0.9, 0.5, 0.9], np.float32), 3)
        array([1, 3, 2])
    """
    rounded = np.round(scores.astype(np.float64), DIGITS)
    rounded[list(leave_out)] = -np.inf
    count = max(0, min(count, len(scores) - len(leave_out)))
    if count == 0:
        return np.zeros(0, np.intp)
    least = np.partition(rounded, len(rounded) - count)[len(rounded) - count]
    candidates = np.flatnonzero(rounded >= least)
    order = np.lexsort((candidates, -rounded[candidates]))
    return candidates[order][:count]


def pieces(count: int, row_bytes: int) -> list[tuple[int, int]]:
    """Where pieces of so many rows begin and end, that each keeps to `_BYTES`."""
    rows = max(1, _BYTES // max(1, row_bytes))
    return [(start, min(start + rows, count)) for start in range(0, count, rows)]
