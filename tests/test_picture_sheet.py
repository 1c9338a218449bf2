"""Feature sheets: every tile, the real grid, the stated scale."""

from __future__ import annotations

import numpy as np
import pytest

from saccade.errors import InputError, UnknownName
from saccade.picture.colormaps import ramp
from saccade.picture.scales import Scale
from saccade.picture.sheet import feature_sheet


def colour_at(position: float) -> np.ndarray:
    return np.rint(ramp("inferno", 1025)[round(position * 1024)]).astype(int)


@pytest.mark.parametrize("count", [1, 7, 64, 129, 512])
def test_every_tile_is_drawn(count: int) -> None:
    tiles = np.zeros((count, 5, 5), np.float32)
    tiles[:, 2, 2] = 1
    page = np.asarray(feature_sheet(tiles, [""] * count, tile=20)).astype(int)
    full = np.abs(page - colour_at(1)).max(2) == 0
    # the bright middle cell of each tile is 4 by 4 pixels; the colour bar adds a little at its end
    corners = full & ~np.roll(full, 1, 0) & ~np.roll(full, 1, 1)
    squares = [
        tuple(place) for place in np.argwhere(corners) if full[place[0] : place[0] + 4, place[1] : place[1] + 4].all()
    ]
    cells = [place for place in squares if full[place[0] : place[0] + 5, place[1] : place[1] + 5].sum() == 16]
    assert len(cells) == count


def test_cells_are_square_and_unsmoothed() -> None:
    tile = np.array([[[0, 0.25], [0.5, 1]]], np.float32)
    page = np.asarray(feature_sheet(tile, [""], scale=Scale(0, 1), tile=40)).astype(int)
    for position in (0.25, 0.5, 1):
        rows, columns = np.nonzero(np.abs(page[:90] - colour_at(position)).max(2) == 0)
        assert (np.ptp(rows) + 1, np.ptp(columns) + 1) == (20, 20)


def test_shared_and_own_scales_differ() -> None:
    tiles = np.stack([np.eye(6), 0.1 * np.eye(6)]).astype(np.float32)

    def brightest(scale: str) -> int:
        page = np.asarray(feature_sheet(tiles, ["", ""], scale=scale, tile=60)).astype(int)
        return int((np.abs(page[:110] - colour_at(1)).max(2) == 0).sum())

    assert brightest("each") == 2 * brightest("all") == 2 * 6 * 100


def test_flat_tiles_take_the_colour_of_zero() -> None:
    tiles = np.stack([np.full((4, 4), 3.0), np.eye(4)]).astype(np.float32)
    page = np.asarray(feature_sheet(tiles, scale="each", signed=True, tile=40)).astype(int)
    middle = np.rint(ramp("tide", 1025)[512]).astype(int)
    assert (np.abs(page[:100] - middle).max(2) == 0).sum() >= 40 * 40  # all of the flat tile


def test_large_maps_are_reduced_not_cropped() -> None:
    tiles = np.zeros((2, 900, 900), np.float32)
    tiles[:, -30:, -30:] = 1
    page = feature_sheet(tiles, tile=256)
    assert page.width < 1500
    assert (np.abs(np.asarray(page).astype(int) - colour_at(1)).max(2) == 0).sum() > 2 * 7 * 7


def test_wrong_input_is_refused() -> None:
    with pytest.raises(InputError, match="three axes"):
        feature_sheet(np.zeros((3, 4)))
    with pytest.raises(InputError, match="1 labels for 2 tiles"):
        feature_sheet(np.ones((2, 4, 4)), ["a"])
    with pytest.raises(InputError, match="not finite"):
        feature_sheet(np.full((2, 4, 4), np.nan))
    with pytest.raises(InputError, match="below zero"):
        feature_sheet(-np.ones((2, 4, 4)))
    with pytest.raises(UnknownName, match="all, each"):
        feature_sheet(np.ones((2, 4, 4)), scale="every")
