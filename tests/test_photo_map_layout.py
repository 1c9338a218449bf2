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
