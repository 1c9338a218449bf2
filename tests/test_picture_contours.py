"""Contour lines lie where the map crosses its levels."""

from __future__ import annotations

import numpy as np
import pytest

from saccade.picture.contours import FRACTIONS, contour_lines, legible, line_width
from saccade.picture.scales import scale_of


def hill(height: int, width: int) -> np.ndarray:
    y, x = np.mgrid[0:height, 0:width] / height
    away = (y - 0.45) ** 2 + (x - 0.4 * width / height) ** 2
    return np.exp(-away / 0.05).astype(np.float32)


def crossings(values: np.ndarray, level: float) -> np.ndarray:
    """Sub-pixel places (row, column) at which neighbours lie on both sides of the level."""
    places = []
    for axis in (0, 1):
        a, b = (values[:-1], values[1:]) if axis == 0 else (values[:, :-1], values[:, 1:])
        row, column = np.nonzero((a < level) != (b < level))
        part = (level - a[row, column]) / (b[row, column] - a[row, column])
        places.append(np.stack([row + (part if axis == 0 else 0), column + (part if axis == 1 else 0)], 1))
    return np.concatenate(places)


@pytest.mark.parametrize(("height", "width"), [(120, 160), (600, 431)])
@pytest.mark.parametrize("sign", [1, -1])
def test_lines_lie_on_the_levels_and_nowhere_else(height: int, width: int, sign: int) -> None:
    values = sign * hill(height, width)
    scale = scale_of(values, signed=sign < 0)
    lines = contour_lines(values, scale, width=1.0)
    crossed = np.concatenate([crossings(values, sign * scale.high * fraction) for fraction in FRACTIONS])
    # every crossing has ink within a pixel
    near = np.rint(crossed).astype(int)
    padded = np.pad(lines.core, 1)
    ink = np.max([padded[near[:, 0] + i, near[:, 1] + j] for i in range(3) for j in range(3)], axis=0)
    assert ink.min() > 100
    # all dark ink is within a pixel and a half (half its width and the blur of its edge) of a crossing
    inked = np.argwhere(lines.core > 128)
    distance = np.sqrt(((inked[:, None] - crossed[None]) ** 2).sum(-1)).min(1)
    assert distance.max() < 1.5


def test_lines_have_the_width_asked_for() -> None:
    values = np.tile(np.linspace(0, 1, 401, dtype=np.float32), (40, 1))
    lines = contour_lines(values, scale_of(values, signed=False), width=6.0)
    middle = lines.core[20] / 255
    assert middle[170:230].sum() == pytest.approx(6.0 * 1.05, abs=0.2)  # the middle level
    assert middle[70:130].sum() < middle[170:230].sum() < middle[270:330].sum()  # higher levels are stronger
    assert (lines.edge >= lines.core).all()


def test_blocks_of_rows_leave_no_seams() -> None:
    values = hill(700, 900)  # more pixels than one block
    whole = contour_lines(values, scale_of(values, signed=False), width=2.0)
    part = contour_lines(values[200:400], scale_of(values, signed=False), width=2.0)
    assert np.array_equal(whole.core[202:398], part.core[2:-2])


def test_plateaus_at_a_level_and_flat_maps_have_no_lines() -> None:
    plateau = np.zeros((60, 60), np.float32)
    plateau[:, 30:] = 0.5
    plateau[0, 0] = 1
    core = contour_lines(plateau, scale_of(plateau, signed=False), width=1.0).core
    assert core[10:, 34:].max() == 0
    flat = np.full((60, 60), 0.4, np.float32)
    assert contour_lines(flat, scale_of(flat, signed=False)).edge.max() == 0
    assert not legible(flat, scale_of(flat, signed=False))


def test_noise_is_called_illegible() -> None:
    noise = np.random.default_rng(0).random((200, 200), np.float32)
    assert not legible(noise, scale_of(noise, signed=False))
    assert legible(hill(200, 200), scale_of(hill(200, 200), signed=False))


def test_line_width_follows_the_picture() -> None:
    assert line_width(4000, 4000) > 4 * line_width(500, 500) >= 1
