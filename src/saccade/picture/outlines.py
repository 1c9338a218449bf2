"""The outline of some cells of a grid: round at its corners, yet round exactly these cells.

The border between the cells that belong and those that do not is walked with the cells that belong on the right hand.
Cells that only touch at a corner stay apart.
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]
"""(points, 2): across and down."""

_ROUND = 0.36
"""Radius of a corner, as a share of the shorter side of a cell; below one half, so that no cell loses its middle."""
_STEPS = 7
"""Points of a rounded corner."""

_Corner = tuple[int, int]


def loops(cells: NDArray[np.bool_]) -> list[list[_Corner]]:
    """Which closed lines part the cells that belong from the others?

    Args:
        cells: bool (rows, columns).

    Returns:
        The corners of each line, (across, down) in cells, with the cells that belong on the right hand: outlines run
        clockwise, outlines of holes the other way round.

    Example:
        >>> loops(np.array([[True, False]]))
        [[(0, 0), (1, 0), (1, 1), (0, 1)]]
    """
    next_corners: dict[_Corner, list[_Corner]] = defaultdict(list)
    framed = np.pad(cells, 1)
    for row, column in np.argwhere(cells).tolist():
        left, top, right, bottom = column, row, column + 1, row + 1
        if not framed[row, column + 1]:
            next_corners[left, top].append((right, top))
        if not framed[row + 1, column + 2]:
            next_corners[right, top].append((right, bottom))
        if not framed[row + 2, column + 1]:
            next_corners[right, bottom].append((left, bottom))
        if not framed[row + 1, column]:
            next_corners[left, bottom].append((left, top))
    lines = []
    while next_corners:
        start = min(next_corners, key=lambda corner: (corner[1], corner[0]))
        line = [start]
        current, direction = start, (0, 0)
        while True:
            choices = next_corners[current]
            # Where two cells touch at a corner, a turn to the right keeps them apart.
            turned = (current[0] - direction[1], current[1] + direction[0])
            next_corner = turned if turned in choices else choices[0]
            choices.remove(next_corner)
            if not choices:
                del next_corners[current]
            step = (next_corner[0] - current[0], next_corner[1] - current[1])
            if step == direction:
                line[-1] = next_corner
            else:
                line.append(next_corner)
            current, direction = next_corner, step
            if current == start:
                break
        lines.append(_closed(line))
    return lines


def _closed(line: list[_Corner]) -> list[_Corner]:
    """Without its last point, which is the first one again; and without a first one in the middle of an edge."""
    corners = line[:-1]
    before, first, after = corners[-1], corners[0], corners[1]
    straight = before[0] == first[0] == after[0] or before[1] == first[1] == after[1]
    return corners[1:] if straight else corners


def outlines(cells: NDArray[np.bool_], height: float, width: float, *, inset: float = 0.0) -> list[Points]:
    """The rounded outlines of cells on an image of a size.

    Args:
        cells: bool (rows, columns), edge to edge of the image.
        height: Of the image.
        width: Of the image.
        inset: How far inside the cells' own border the line runs, so that neighbours do not cover one another; at most
            a quarter of a cell.

    Returns:
        Closed lines, as `loops` gives them, in pixels.
    """
    across, down = width / cells.shape[1], height / cells.shape[0]
    inset = min(inset, across / 4, down / 4)
    radius = _ROUND * min(across, down)
    return [_rounded(np.array(line, float) * (across, down), inset, radius) for line in loops(cells)]


def _rounded(corners: Points, inset: float, radius: float) -> Points:
    coming = np.sign(corners - np.roll(corners, 1, axis=0))
    going = np.roll(coming, -1, axis=0)
    inwards = np.stack([-coming[:, 1] - going[:, 1], coming[:, 0] + going[:, 0]], axis=1)
    corners = corners + inset * inwards
    before = np.linalg.norm(corners - np.roll(corners, 1, axis=0), axis=1)
    reach = np.minimum(radius, np.minimum(before, np.roll(before, -1)) / 2)[:, None]
    along = np.linspace(0, 1, _STEPS)[None, :, None]
    start, end = (corners - reach * coming)[:, None], (corners + reach * going)[:, None]
    middle = corners[:, None]
    curve = (1 - along) ** 2 * start + 2 * along * (1 - along) * middle + along**2 * end
    return np.asarray(curve.reshape(-1, 2))
