"""Two photos: one scale, and the bars add up to the score."""

from __future__ import annotations

import numpy as np
import pytest
from skimage import data

from saccade.errors import InputError
from saccade.picture.pair import Evidence, pair
from saccade.picture.scales import Scale
from saccade.picture.themes import DARK, LIGHT

CAT, CUP = data.chelsea(), np.ascontiguousarray(data.coffee()[:, :300])


def shares(score: float, seed: int) -> np.ndarray:
    grid = np.random.default_rng(seed).normal(size=(7, 7))
    return grid + (score - grid.sum()) / grid.size


def test_evidence_adds_up() -> None:
    exact = Evidence.of(shares(0.62, 0), 0.62)
    assert exact.raised + exact.lowered == pytest.approx(0.62)
    assert exact.raised > 0 > exact.lowered
    assert exact.elsewhere == 0
    assert Evidence.of(np.array([0.3, -0.1]), 0.5).elsewhere == pytest.approx(0.3)


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_bars_are_as_long_as_the_evidence(theme: object) -> None:
    a, b = np.array([[0.8, -0.2]]), np.array([[0.7, -0.1]])
    # a flat scale would paint: use one far above the values, so that the photos stay free of strong colour
    page = np.asarray(pair(CAT, CUP, a, b, Scale(-99, 99, signed=True), score=0.6, theme=theme)).astype(int)  # type: ignore[arg-type]

    def runs(colour: tuple[int, int, int]) -> list[int]:
        """Lengths of the two bars of a colour: left and right half of the page."""
        same = np.abs(page - colour).max(2) == 0
        row = int(same.sum(1).argmax())
        columns = np.nonzero(same[row])[0]
        split = np.nonzero(np.diff(columns) > 60)[0]
        assert len(split) == 1
        return [int(split[0] + 1), int(len(columns) - split[0] - 1)]

    raised = runs(theme.warm)  # type: ignore[attr-defined]
    lowered = runs(theme.cool)  # type: ignore[attr-defined]
    assert raised[1] / raised[0] == pytest.approx(0.7 / 0.8, abs=0.02)
    assert lowered[0] / raised[0] == pytest.approx(0.2 / 0.8, abs=0.02)
    assert lowered[1] / lowered[0] == pytest.approx(0.5, abs=0.04)


def test_photos_of_any_shape_and_negative_scores() -> None:
    for photo in (np.ascontiguousarray(CUP[:, :60]), np.ascontiguousarray(CAT[:60])):
        page = pair(photo, CAT, shares(-0.4, 1), shares(-0.4, 2), score=-0.4, names=("x" * 60, "y"), width=800)
        assert page.width == 800
        assert (
            page.tobytes()
            == pair(
                photo, CAT, shares(-0.4, 1), shares(-0.4, 2), score=-0.4, names=("x" * 60, "y"), width=800
            ).tobytes()
        )


def test_unsigned_scales_and_missing_values_are_refused() -> None:
    with pytest.raises(InputError, match="signed=True"):
        pair(CAT, CUP, np.ones((2, 2)), np.ones((2, 2)), Scale(0, 1), score=1)
    with pytest.raises(InputError, match="not finite"):
        pair(CAT, CUP, np.full((2, 2), np.nan), np.ones((2, 2)), score=1)
