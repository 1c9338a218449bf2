"""Colours: the published ones, evenly growing, and readable back as values."""

from __future__ import annotations

import matplotlib
import numpy as np
import pytest

from saccade.errors import InputError, UnknownName
from saccade.picture.colormaps import COLORMAPS, apply, colormap, ramp
from saccade.picture.palette import STEPS, palette, steps_of
from saccade.picture.scales import Scale


def lightness(colours: np.ndarray) -> np.ndarray:
    """CIE L* of sRGB colours 0 to 255."""
    linear = np.asarray(colours, float) / 255
    linear = np.where(linear <= 0.04045, linear / 12.92, ((linear + 0.055) / 1.055) ** 2.4)
    luminance = linear @ [0.2126, 0.7152, 0.0722]
    return np.where(luminance > 0.008856, 116 * np.cbrt(luminance) - 16, 903.3 * luminance)


@pytest.mark.parametrize(("name", "levels"), [("inferno", 2), ("cividis", 5)])
def test_published_maps_match_matplotlib(name: str, levels: int) -> None:
    published = matplotlib.colormaps[name](np.arange(256))[:, :3] * 255
    assert np.abs(colormap(name) - published).max() <= levels
    assert np.abs(apply(np.arange(256) / 255, name) - published).max() <= levels


def test_apply_hits_the_256_colours_and_clips() -> None:
    for name in COLORMAPS:
        assert np.array_equal(apply(np.arange(256) / 255, name), colormap(name))
        assert np.array_equal(apply([-1, 2], name), colormap(name)[[0, -1]])
    assert apply(np.zeros((2, 3)), "inferno").shape == (2, 3, 3)


@pytest.mark.parametrize("name", ["inferno", "cividis"])
def test_lightness_rises_with_the_value(name: str) -> None:
    assert (np.diff(lightness(ramp(name, 512))) > -0.02).all()


def test_signed_map_is_even_about_its_neutral_middle() -> None:
    colours = ramp("tide", 257)
    shade = lightness(colours)
    assert np.ptp(colours[128]) < 6  # neutral
    assert np.abs(shade - shade[::-1]).max() < 8  # equally light on both sides
    assert (np.diff(shade[128:]) > 0).all()
    assert (np.diff(shade[:129]) < 0).all()


def test_the_two_sides_differ_for_colour_blind_readers() -> None:
    # deuteranopia and protanopia: red and green are confused, the blue-yellow difference stays
    colours = ramp("tide", 257).astype(float)
    yellow_blue = (colours[:, 0] + colours[:, 1]) / 2 - colours[:, 2]
    assert (yellow_blue[160:] > 25).all()
    assert (yellow_blue[:97] < -25).all()


@pytest.mark.parametrize("name", COLORMAPS)
def test_colours_can_be_read_back_as_values(name: str) -> None:
    values = np.linspace(0, 1, 400)
    table = ramp(name, 1001).astype(float)
    colours = apply(values, name).astype(float)
    back = ((colours[:, None] - table[None]) ** 2).sum(-1).argmin(1) / 1000
    assert np.abs(back - values).max() < 0.012
    assert (np.diff(back) >= 0).all()


@pytest.mark.parametrize("scale", [Scale(0, 3), Scale(-3, 3, signed=True)])
def test_painted_values_can_be_read_back_from_grey_photos(scale: Scale) -> None:
    painted = palette(scale).over(np.array([96], np.float32)).astype(float)
    rounded = np.rint(painted)
    back = ((rounded[:, None] - painted[None]) ** 2).sum(-1).argmin(1)
    faint = palette(scale).strength < 0.05  # within 5 % of zero the paint is still fading in
    assert np.abs(back - np.arange(STEPS))[~faint].max() <= 0.02 * STEPS


def test_zero_is_never_painted() -> None:
    for scale in (Scale(0, 3), Scale(-3, 3, signed=True)):
        paint = palette(scale)
        assert paint.opacity[steps_of(np.zeros(1), scale)[0]] == 0
        order = np.argsort(paint.strength, kind="stable")
        assert (np.diff(paint.opacity[order]) >= 0).all()
        assert paint.opacity.max() == np.float32(0.85)


def test_wrong_names_and_values_are_refused() -> None:
    with pytest.raises(UnknownName, match="nearest is 'inferno'"):
        colormap("infernal")
    with pytest.raises(InputError, match="NaN"):
        apply([np.nan], "inferno")
    with pytest.raises(InputError, match="opacity"):
        palette(Scale(0, 1), opacity=1.5)
