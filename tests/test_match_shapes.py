"""The shape of a match: smooth, closed, and round the middles of exactly its places."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from saccade.picture.match_shapes import MatchShape, draw_shapes
from saccade.report.page_file import VIEWS


@st.composite
def grids(draw: st.DrawFn) -> np.ndarray:
    rows, columns = draw(st.integers(1, 9)), draw(st.integers(1, 9))
    return np.array(draw(st.lists(st.booleans(), min_size=rows * columns, max_size=rows * columns))).reshape(rows, -1)


def inside(places: np.ndarray, fine: int = 24) -> np.ndarray:
    """Which pixels lie inside of the shape; `fine` of them to a place."""
    return MatchShape(places).distances(fine * places.shape[0], fine * places.shape[1]) > 0


@settings(max_examples=80, deadline=None)
@given(grids())
def test_the_middle_of_a_place_is_inside_exactly_if_it_belongs(places: np.ndarray) -> None:
    rows, columns = (np.arange(side) + 0.5 for side in places.shape)
    assert np.array_equal(MatchShape(places).values(rows, columns) > 0, places)


@pytest.mark.parametrize("cut", [1, 3, 5])
def test_checks_are_told_apart_however_fine(cut: int) -> None:
    places = np.add.outer(np.arange(12), np.arange(12)) % (cut + 1) == 0
    rows = np.arange(12) + 0.5
    assert np.array_equal(MatchShape(places).values(rows, rows) > 0, places)


def test_a_shape_is_about_as_large_as_its_places() -> None:
    places = np.zeros((8, 8), bool)
    places[1:6, 2:7] = True
    assert inside(places).sum() == pytest.approx(25 * 24**2, rel=0.1)
    assert inside(np.ones((8, 8), bool)).mean() > 0.95
    assert not inside(np.zeros((4, 4), bool)).any()


def test_a_shape_has_no_corners() -> None:
    places = np.zeros((8, 8), bool)
    places[2:4, 1:7] = places[2:7, 5:7] = True  # an L
    fine = 40
    drawn = inside(places, fine)
    outside_corner, inner_corner = (2 * fine + 2, 1 * fine + 2), (4 * fine + 2, 5 * fine - 3)
    assert not drawn[outside_corner], "the corner of the outermost place is cut"
    assert drawn[inner_corner], "the inner corner is filled"


@pytest.mark.parametrize("facing_right", [True, False])
def test_edges_are_where_the_shape_ends(facing_right: bool) -> None:
    places = np.zeros((6, 9), bool)
    places[2:4, 3:6] = places[2, 7] = True
    shape = MatchShape(places)
    assert shape.edge_at(0.5, facing_right=facing_right) is None
    row = np.flatnonzero(shape.distances(600, 900)[250] > 0) / 100
    assert shape.edge_at(2.505, facing_right=facing_right) == pytest.approx(row[-1 if facing_right else 0], abs=0.03)


def test_distances_are_those_to_the_line() -> None:
    places = np.zeros((9, 9), bool)
    places[:, :4] = True
    distances = MatchShape(places).distances(450, 450)
    near = slice(190, 211)  # the line runs straight down at pixel 200
    assert distances[225, near] == pytest.approx(200 - (np.arange(190, 211) + 0.5), abs=0.6)


def test_what_lowered_the_score_has_stripes_and_the_rest_of_the_photo_is_left() -> None:
    photo = np.full((400, 400, 3), 120, np.uint8)
    places = np.zeros((8, 8), bool)
    places[2:6, 2:6] = True
    colour = (10, 200, 30)
    whole, striped = (
        draw_shapes(photo, [MatchShape(places)], [colour], [lowered], thick=4, glow=20) for lowered in (False, True)
    )
    outside = MatchShape(places).distances(400, 400) < -2
    assert (whole[outside] == 120).all()
    assert (striped[outside] == 120).all()
    plain, broken = ((np.abs(drawn.astype(int) - colour).max(axis=2) < 8).sum() for drawn in (whole, striped))
    assert plain > 0
    assert broken == pytest.approx(plain / 2, rel=0.25)
    deep = np.abs(whole[200, 200].astype(int) - 120).max()
    assert 0 < deep < 20, "deep inside the photo's own colours count"


def test_lines_of_shapes_on_the_same_places_do_not_hide_each_other() -> None:
    photo = np.full((400, 400, 3), 120, np.uint8)
    places = np.zeros((8, 8), bool)
    places[2:6, 2:6] = True
    shapes, colours = [MatchShape(places)] * 2, [(255, 0, 0), (0, 0, 255)]
    drawn = draw_shapes(photo, shapes, colours, [False, False], thick=4, glow=20).astype(int)
    for colour in colours:
        assert (np.abs(drawn - colour).max(axis=2) < 8).sum() > 1500


def in_javascript(expression: str) -> Any:
    """What an expression is in the page's own language, with all functions of its shapes."""
    names = "matchShape, shapeValues, shapeEdge, shapeDistances, drawShapes"
    script = (
        f"import {{ {names} }} from {json.dumps((VIEWS / 'match_shapes.js').as_uri())};"
        f"console.log(JSON.stringify({expression}));"
    )
    words = ["node", "--input-type=module", "--eval", script]
    return json.loads(subprocess.run(words, capture_output=True, text=True, check=True).stdout)


def test_a_page_draws_the_same_shape() -> None:
    places = np.random.default_rng(3).random((9, 12)) > 0.6
    shape = f"matchShape(9, 12, {json.dumps(np.flatnonzero(places).tolist())})"
    own = MatchShape(places)
    down, across = np.linspace(0, 9, 37), np.linspace(0, 12, 49)
    values = in_javascript(f"[...shapeValues({shape}, {down.tolist()}, {across.tolist()})]")
    assert np.reshape(values, (37, 49)) == pytest.approx(own.values(down, across), abs=2e-3)
    for height in (0.5, 4.25, 8.75):
        for facing_right in (False, True):
            edge = in_javascript(f"shapeEdge({shape}, {height}, {json.dumps(facing_right)})")
            assert edge == pytest.approx(own.edge_at(height, facing_right=facing_right), abs=0.04)
    distances = np.reshape(in_javascript(f"[...shapeDistances({shape}, [0, 0, 1, 1], 120, 90)]"), (90, 120))
    expected = own.distances(90, 120)
    near = np.abs(expected[1:-1, 1:-1]) < 4
    assert distances[1:-1, 1:-1][near] == pytest.approx(expected[1:-1, 1:-1][near], abs=0.2)


def test_a_page_draws_it_as_a_picture_does_and_dims_the_rest() -> None:
    places = np.zeros((8, 8), bool)
    places[2:6, 2:6] = True
    photo = np.full((160, 160, 3), 120, np.uint8)
    drawn = draw_shapes(photo, [MatchShape(places)], [(10, 200, 30)], [True], thick=3, glow=16.5).astype(int)
    page = in_javascript(
        "(() => {"
        f"const shape = matchShape(8, 8, {np.flatnonzero(places).tolist()});"
        "const photo = new Uint8ClampedArray(160 * 160 * 4).fill(120);"
        "const data = new Uint8ClampedArray(photo.length);"
        "const inside = shapeDistances(shape, [0, 0, 1, 1], 160, 160);"
        "drawShapes(data, photo, 160, [{ shape, inside, colour: [10, 200, 30], isLowering: true }], 3);"
        "return [...data]; })()"
    )
    page_pixels = np.reshape(page, (160, 160, 4))[..., :3]
    distances = MatchShape(places).distances(160, 160)
    assert np.abs(page_pixels - drawn)[distances > 1].max() <= 12
    assert np.median(np.abs(page_pixels - drawn)[distances > 1]) <= 1
    assert (page_pixels[distances < -1] < 80).all()
    assert (drawn[distances < -1] == 120).all()
