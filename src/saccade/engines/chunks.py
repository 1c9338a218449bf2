"""Cutting work into pieces of one constant shape that fit into the memory allowed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_PIECE = 0.15
"""What one more piece costs beside its images, in images."""


@dataclass(frozen=True)
class Piece:
    """Some images times some points; the last piece along an axis overlaps the one before instead of being smaller.

    `new_points` says from which point on the piece is new, so that none is counted twice; an image that is computed
    twice gives the same numbers.
    """

    images: slice
    points: slice
    new_points: int

    def new_weights(self, weights: NDArray[np.float32]) -> NDArray[np.float32]:
        """What its points count, of the weights of all points: those that another piece has counted are 0."""
        own = weights[self.points].copy()
        own[: self.new_points] = 0.0
        return own


@dataclass(frozen=True)
class Chunks:
    """How many images and points are computed at once."""

    images: int
    points: int

    def pieces(self, images: int, points: int) -> Iterator[Piece]:
        """Walk over all images and, for each group of images, over all points."""
        for first_image, _ in _starts(images, self.images):
            for first_point, new_points in _starts(points, self.points):
                yield Piece(
                    slice(first_image, first_image + self.images),
                    slice(first_point, first_point + self.points),
                    new_points,
                )

    def count(self, images: int, points: int) -> int:
        """How many pieces there are."""
        return -(-images // self.images) * -(-points // self.points)


def chunks(images: int, points: int, examples: int, *, images_first: bool = False) -> Chunks:
    """Choose the piece: at most `examples` images at once, as little done twice as possible.

    Points come first, since all points of one image share its references; what room is left takes more images. With
    `images_first` all images come first as far as they fit, so that a result for all of them grows point by point.
    """
    if images_first:
        together = min(images, examples)
        return Chunks(images=together, points=_even(points, max(1, examples // together)))
    per_point = _even(points, examples)
    return Chunks(images=_even(images, max(1, examples // per_point)), points=per_point)


def _even(count: int, most: int) -> int:
    """The piece size of at most `most` that costs least: what is computed twice, and a little for every piece."""
    if count <= most:
        return max(count, 1)
    fewest = -(-count // most)
    sizes = {-(-count // pieces) for pieces in range(fewest, 3 * fewest)}
    return min(sizes, key=lambda size: (-(-count // size) * (size + _PIECE), -size))


def _starts(count: int, size: int) -> Iterator[tuple[int, int]]:
    for start in range(0, count, size):
        first = min(start, count - size)
        yield first, start - first
