"""Lines between two photos: their widths, their ends, their colours, and the ink they are drawn with."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from PIL import Image

from saccade.picture.ink import curve, dashes, disc, stroke
from saccade.picture.links import Frame, Parts, anchors, draw_links, joined_photos, line_widths
from saccade.picture.match_colours import MATCH_COLOURS, contrast_ratio, readable_on, relative_luminance
from saccade.picture.page import Page
from saccade.picture.themes import DARK, LIGHT

FRAMES = (Frame(0, 0, 400, 400), Frame(600, 0, 400, 400))


def cells(*places: tuple[int, int], side: int = 8) -> np.ndarray:
    grid = np.zeros((side, side), bool)
    for place in places:
        grid[place] = True
    return grid


# Colours


def lightness(colour: tuple[float, ...]) -> np.ndarray:
    """CIE L*a*b* from linear light, in textbook form."""
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    xyz = to_xyz @ np.clip(colour, 0, 1) / (0.9505, 1, 1.089)
    cube = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * cube[1] - 16, 500 * (cube[0] - cube[1]), 200 * (cube[1] - cube[2])])


def linear(colour: tuple[int, int, int]) -> np.ndarray:
    part = np.array(colour) / 255
    return np.where(part <= 0.04045, part / 12.92, ((part + 0.055) / 1.055) ** 2.4)


BLINDNESS = {
    "none": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
}
"""Machado, Oliveira and Fernandes 2009, severity 1."""


@pytest.mark.parametrize("kind", BLINDNESS)
def test_colours_differ_for_everybody(kind: str) -> None:
    perceived = [lightness(np.array(BLINDNESS[kind]) @ linear(colour)) for colour in MATCH_COLOURS]
    assert min(np.linalg.norm(one - other) for one, other in combinations(perceived, 2)) > 18


def test_colours_differ_in_a_grey_print() -> None:
    grey = sorted(float(lightness(linear(colour))[0]) for colour in MATCH_COLOURS)
    assert min(np.diff(grey)) > 6


def test_numbers_can_be_read_on_their_colour() -> None:
    for colour in MATCH_COLOURS:
        assert contrast_ratio(colour, readable_on(colour)) > 4.5
    assert contrast_ratio((0, 0, 0), (255, 255, 255)) == pytest.approx(21)
    assert relative_luminance((255, 255, 255)) == pytest.approx(1)


# Lines


def test_widths_are_as_the_shares() -> None:
    assert line_widths([0.4, -0.1, 0.2], 12) == pytest.approx([12, 3, 6])
    assert line_widths([0.0, 0.0], 12) == [0, 0]
    assert line_widths([], 12) == []


def test_a_drawn_line_is_as_wide_as_asked() -> None:
    for thick in (3.0, 8.0, 12.5):
        image = Image.new("L", (100, 60)).convert("RGB")
        stroke(image, np.array([[10.0, 30.0], [90.0, 30.0]]), (255, 255, 255), thick)
        column = np.asarray(image)[:, 50, 0].astype(float)
        assert column.sum() / 255 == pytest.approx(thick, abs=0.35)
        assert (column * np.arange(60)).sum() / column.sum() == pytest.approx(29.5, abs=0.6)


def test_the_same_places_are_joined_straight_across() -> None:
    matches = [Parts(0.2, places, places) for places in (cells((3, 1), (3, 2)), cells((3, 5)), cells((0, 7), (1, 7)))]
    ends = anchors(FRAMES, matches, apart=10)
    assert all(start[1] == end[1] for start, end in ends)
    heights = [start[1] for start, _ in ends]
    assert min(abs(one - other) for one, other in combinations(heights, 2)) >= 10
    (start, end), *_ = ends
    assert start[0] == pytest.approx(3 * 50, abs=15)  # the right border of its two cells, which is rounded
    assert end[0] == pytest.approx(600 + 1 * 50, abs=15)  # the left border of the same cells on the other photo


def test_a_line_is_a_thread_over_the_photos_and_as_wide_as_its_share_between_them() -> None:
    strong, weak = (Parts(share, places, places) for share, places in ((0.4, cells((1, 2))), (0.1, cells((6, 2)))))
    image = Image.new("RGB", (1200, 400))
    draw_links(image, FRAMES, [strong, weak], Page(1200, LIGHT, 40.0))
    pixels = np.asarray(image).astype(int)

    def drawn(across: int, colour: tuple[int, int, int]) -> int:
        """How many pixels of a column have that colour."""
        return int((np.abs(pixels[:, across] - colour).max(axis=1) < 8).sum())

    on_photo, between = FRAMES[0].width - 20, (FRAMES[0].width + round(FRAMES[1].left)) // 2
    wide, thin = MATCH_COLOURS[:2]
    assert drawn(between, wide) > 2 * drawn(on_photo, wide) > 0
    assert drawn(between, wide) == pytest.approx(4 * drawn(between, thin), rel=0.3)
    assert abs(drawn(on_photo, wide) - drawn(on_photo, thin)) <= 1


def test_lines_end_on_the_border_of_their_part() -> None:
    generator = np.random.default_rng(0)
    for _ in range(20):
        places_a, places_b = generator.random((2, 8, 8)) > 0.7
        ((start, end),) = anchors(FRAMES, [Parts(0.1, places_a, places_b)], apart=10)
        row, column = int(start[1] // 50), round(start[0] / 50)
        assert places_a[row, column - 1]
        assert not places_a[row, column:].any()
        row, column = int(end[1] // 50), round((end[0] - 600) / 50)
        assert places_b[row, column]
        assert not places_b[row, :column].any()


def test_curves_leave_and_arrive_level() -> None:
    line = curve((10, 20), (210, 120))
    assert tuple(line[0]) == (10, 20)
    assert tuple(line[-1]) == pytest.approx((210, 120))
    assert abs(line[1, 1] - line[0, 1]) < 0.02 * abs(line[1, 0] - line[0, 0]) * 10
    assert np.ptp(curve((10, 20), (210, 20))[:, 1]) == pytest.approx(0)


def test_dashes_are_half_of_a_line() -> None:
    line = curve((0, 0), (300, 80))
    pieces = dashes(line, 12)
    lengths = [np.linalg.norm(np.diff(piece, axis=0), axis=1).sum() for piece in pieces]
    total = np.linalg.norm(np.diff(line, axis=0), axis=1).sum()
    assert sum(lengths) == pytest.approx(total * len(pieces) / (2 * len(pieces) - 1), rel=1e-3)
    assert np.allclose(pieces[0][0], line[0])
    assert np.allclose(pieces[-1][-1], line[-1])
    assert len(dashes(np.array([[0.0, 0.0], [1.0, 0.0]]), 50)) == 1


def test_ink_at_the_edge_and_outside_is_cut_off() -> None:
    image = Image.new("RGB", (30, 20), (9, 9, 9))
    disc(image, (0, 0), 6, (255, 0, 0))
    disc(image, (500, -300), 6, (255, 0, 0))
    stroke(image, np.array([[-50.0, 10.0], [80.0, 10.0]]), (0, 255, 0), 2)
    pixels = np.asarray(image)
    assert pixels[0, 0, 0] > 200
    assert (pixels[10, :, 1] > 100).all()


# Both photos


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_photos_keep_their_colours(theme: object) -> None:
    page = Page.of(1200, theme)  # type: ignore[arg-type]
    first, second = np.full((300, 200, 3), (200, 30, 40), np.uint8), np.full((28, 28, 3), (20, 120, 200), np.uint8)
    plain = np.asarray(joined_photos((first, second), [], ("a", "b" * 200), page))
    assert tuple(plain[50, 50]) == (200, 30, 40)
    assert tuple(plain[50, -50]) == (20, 120, 200)
    match = Parts(0.3, cells((2, 2), (2, 3)), cells((5, 5)))
    drawn = np.asarray(joined_photos((first, second), [match], ("a", "b"), page)).astype(int)
    # outside of what is outlined nothing is changed, inside most of the photo's colour is left
    assert tuple(drawn[3, 3]) == (200, 30, 40)
    wide = int((drawn[3] == (200, 30, 40)).all(axis=1).sum())
    tall = drawn.shape[0]
    inside = drawn[round(2.5 * wide * 1.5 / 8), round(2.5 * wide / 8)]
    assert tall > wide
    tint = (np.array(MATCH_COLOURS[0]) - (200, 30, 40)) / 255
    opacity = float((inside / 255 - np.array((200, 30, 40)) / 255) @ tint / (tint @ tint))
    assert 0.05 < opacity < 0.3
