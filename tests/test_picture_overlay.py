"""Maps over photos: nothing looks like the photo, and nothing is invented."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from skimage import data

from saccade.errors import InputError, UnknownName
from saccade.picture.overlay import overlay, quiet, spotlight
from saccade.picture.palette import palette, steps_of
from saccade.picture.resampling import stretch
from saccade.picture.scales import Scale, scale_of

PHOTO = np.ascontiguousarray(data.astronaut()[100:260, 150:350])


def ridge() -> np.ndarray:
    """Zero in the left half, rising to 1 at the right border."""
    return np.tile(np.clip(np.linspace(-1, 1, 200, dtype=np.float32), 0, 1), (160, 1))


@pytest.mark.parametrize("is_signed", [True, False])
def test_where_the_map_is_zero_the_grey_photo_is_untouched(is_signed: bool) -> None:
    values = ridge()
    drawn = np.asarray(overlay(PHOTO, values, scale_of(values, signed=is_signed), contours=False))
    grey = quiet(PHOTO)
    assert np.array_equal(drawn[:, :100], grey[:, :100])
    assert np.ptp(grey.astype(int), axis=2).max() == 0
    assert np.abs(drawn[:, 150:].astype(int) - grey[:, 150:]).mean() > 20


def test_colours_are_those_of_the_palette() -> None:
    values, scale = ridge(), Scale(0, 1)
    drawn = np.asarray(overlay(PHOTO, values, scale, contours=False, photo_style="none"))
    expected = palette(scale).over(np.array([96], np.float32))[steps_of(values, scale)]
    assert np.abs(drawn - expected).max() <= 1


def test_opacity_one_at_the_top_is_the_pure_colour() -> None:
    values, scale = ridge(), Scale(-1, 1, signed=True)
    drawn = np.asarray(overlay(PHOTO, values, scale, opacity=1, contours=False))
    assert np.abs(drawn[:, -1] - palette(scale).colours[-1]).max() <= 0.5


@pytest.mark.parametrize("draw", [overlay, spotlight])
def test_flat_maps_are_drawn_flat_with_a_note(draw: object) -> None:
    photo = np.asarray(Image.fromarray(PHOTO).resize((800, 640)))
    values = np.full(photo.shape[:2], 0.7, np.float32)
    drawn = np.asarray(draw(photo, values, scale_of(values, signed=False)))  # type: ignore[operator]
    if draw is overlay:
        assert np.array_equal(drawn[:500], quiet(photo)[:500])
        assert not np.array_equal(drawn[500:], quiet(photo)[500:])  # the note
    assert np.ptp(drawn[:500].astype(int), axis=2).max() == 0  # no colour anywhere


def test_flat_map_on_a_shared_scale_keeps_its_colour() -> None:
    values = np.full(PHOTO.shape[:2], 0.5, np.float32)
    drawn = np.asarray(overlay(PHOTO, values, Scale(0, 1, shared="all pictures")))
    assert np.abs(drawn.astype(int) - quiet(PHOTO)).mean() > 20


def test_contours_are_white_above_zero_and_black_below() -> None:
    values = np.tile(np.linspace(-1, 1, 801, dtype=np.float32), (800, 1))
    grey = np.full((800, 801, 3), 128, np.uint8)
    drawn = np.asarray(overlay(grey, values, Scale(-1, 1, signed=True), contours=True))
    total = drawn[80].astype(int).sum(1)
    assert total[590:610].max() > 650  # half way up
    assert total[190:210].min() < 110  # half way down
    assert total[395:405].std() < 5  # zero is no level


def test_noise_gets_no_contours_unless_asked_for() -> None:
    noise = np.random.default_rng(0).random(PHOTO.shape[:2]).astype(np.float32)
    scale = scale_of(noise, signed=False)
    bare = np.asarray(overlay(PHOTO, noise, scale, contours=False))
    assert np.array_equal(np.asarray(overlay(PHOTO, noise, scale)), bare)
    assert not np.array_equal(np.asarray(overlay(PHOTO, noise, scale, contours=True)), bare)


def test_spotlight_keeps_the_photo_where_the_value_is_high() -> None:
    values = ridge()
    drawn = np.asarray(spotlight(PHOTO, values, scale_of(values, signed=False)))
    assert np.array_equal(drawn[:, -30:], PHOTO[:, -30:])
    assert drawn[:, :100].mean() < 0.3 * PHOTO[:, :100].mean()
    assert np.ptp(drawn[:, :100].astype(int), axis=2).max() == 0


def test_drawing_is_repeatable_and_leaves_its_inputs_alone() -> None:
    photo, values = PHOTO.copy(), ridge()
    before = values.copy()
    photo.setflags(write=False)
    values.setflags(write=False)
    first, second = (overlay(photo, values, Scale(0, 1)).tobytes() for _ in range(2))
    assert first == second
    assert np.array_equal(values, before)


def test_small_photos_are_enlarged_with_their_map() -> None:
    drawn = overlay(PHOTO, ridge(), Scale(0, 1), least=800)
    assert drawn.size == (800, 640)
    assert overlay(PHOTO, ridge(), Scale(0, 1), least=50).size == (200, 160)


def test_what_does_not_fit_is_refused() -> None:
    scale = Scale(0, 1)
    with pytest.raises(InputError, match=r"photo's size \(160, 200\); got \(16, 16\).*stretch"):
        overlay(PHOTO, np.zeros((16, 16)), scale)
    with pytest.raises(InputError, match="not finite"):
        overlay(PHOTO, np.full(PHOTO.shape[:2], np.nan), scale)
    with pytest.raises(InputError, match="uint8"):
        overlay(PHOTO.astype(float), ridge(), scale)  # type: ignore[arg-type]
    with pytest.raises(UnknownName, match="'grey'"):
        overlay(PHOTO, ridge(), scale, photo_style="gray")


def test_stretching_keeps_cells_in_place_and_values_in_range() -> None:
    grid = np.zeros((4, 6), np.float32)
    grid[1, 4] = 2
    smooth, crisp = (stretch(grid, 80, 120, smooth=flag) for flag in (True, False))
    y, x = np.mgrid[0:80, 0:120]
    for big in (smooth, crisp):
        assert (big * y).sum() / big.sum() == pytest.approx(29.5, abs=0.6)
        assert (big * x).sum() / big.sum() == pytest.approx(89.5, abs=0.6)
    assert (smooth.min(), smooth.max() <= 2) == (0, True)
    assert np.array_equal(crisp, grid.repeat(20, 0).repeat(20, 1))
    with pytest.raises(InputError, match="two axes"):
        stretch(np.zeros(3), 4, 4)
