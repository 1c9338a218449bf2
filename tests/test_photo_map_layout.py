"""Where the photos of a map lie in its frame: inside it, apart in a grid, and as far apart as they are."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from saccade.report.page_file import VIEWS

POSITIONS = np.random.default_rng(0).random((50, 2))
CELLS = np.stack(np.divmod(np.arange(50), 8)[::-1], axis=1)


def placed(positions: NDArray[Any], width: int, height: int, ratio: float, **arrangement: Any) -> tuple[Any, float]:
    """Middles (photos, 2) and the side of a photo."""
    script = (
        f"import {{ placePhotos }} from {json.dumps((VIEWS / 'photo_map_layout.js').as_uri())};"
        f"const to = {json.dumps({'positions': positions.ravel().tolist(), 'columns': 0, **arrangement})};"
        f"const into = new Float32Array({positions.size});"
        f"const atlas = {{ count: {len(positions)}, ratio: {ratio} }};"
        f"const side = placePhotos(to, atlas, {width}, {height}, into);"
        "console.log(JSON.stringify([[...into], side]));"
    )
    words = ["node", "--input-type=module", "--eval", script]
    middles, side = json.loads(subprocess.run(words, capture_output=True, text=True, check=True).stdout)
    return np.array(middles).reshape(-1, 2), side


def first_zoom(columns: int, side: float) -> float:
    script = (
        f"import {{ firstZoom }} from {json.dumps((VIEWS / 'photo_map_layout.js').as_uri())};"
        f"console.log(firstZoom({{ columns: {columns} }}, {side}));"
    )
    words = ["node", "--input-type=module", "--eval", script]
    return float(subprocess.run(words, capture_output=True, text=True, check=True).stdout)


@pytest.mark.parametrize("size", [(1200, 600), (390, 700)])
@pytest.mark.parametrize("ratio", [0.7, 1.5])
def test_photos_lie_in_the_frame_and_those_of_a_grid_apart(size: tuple[int, int], ratio: float) -> None:
    extent = np.array([min(1, ratio), min(1, 1 / ratio)])
    for positions, columns in ((POSITIONS, 0), (CELLS, 8)):
        middles, side = placed(positions, *size, ratio, columns=columns)
        assert (middles - side * extent / 2 >= -1e-3).all()
        assert (middles + side * extent / 2 <= np.array(size) + 1e-3).all()
        np.testing.assert_allclose((middles.min(axis=0) + middles.max(axis=0)) / 2, np.array(size) / 2, atol=1e-2)
        if columns:
            apart = np.abs(middles[:, None] - middles[None]) >= side * extent
            assert (apart.any(axis=2) | np.eye(len(middles), dtype=bool)).all()


def test_distances_are_real_unless_the_map_may_be_stretched() -> None:
    plain, _ = placed(POSITIONS, 1200, 600, 1.0, stretch=1)
    scale = np.ptp(plain, axis=0) / np.ptp(POSITIONS, axis=0)
    assert scale[0] == pytest.approx(scale[1], rel=1e-4)
    stretched, _ = placed(POSITIONS, 1200, 600, 1.0, stretch=1.7)
    across, down = np.ptp(stretched, axis=0) / np.ptp(POSITIONS, axis=0)
    assert 1 < across / down <= 1.7 + 1e-4


def test_photos_in_rows_touch_where_they_are_tiny_and_are_brought_nearer() -> None:
    cells = np.stack(np.divmod(np.arange(2000), 50)[::-1], axis=1)
    middles, side = placed(cells, 390, 500, 1.0, columns=50)
    assert side == pytest.approx(np.ptp(middles[:, 0]) / 49, rel=1e-4)
    assert first_zoom(50, side) * side == pytest.approx(26, rel=1e-4)
    assert first_zoom(0, side) == 1, "a map by likeness is shown whole"
    _, side = placed(CELLS, 390, 500, 1.0, columns=8)
    assert first_zoom(8, side) == 1
