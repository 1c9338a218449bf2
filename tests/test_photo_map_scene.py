"""The map as it is drawn in pieces, moved and stretched: in the end every pixel is that of the whole drawing."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browsers import chromium, opened
from numpy.typing import NDArray
from PIL import Image

from saccade.report.page_file import joined_modules

COUNT = 3000
FRAME = (320, 200)
GROUND = (15, 16, 19)
PLACES = np.random.default_rng(0).random((COUNT, 2)) * FRAME
PAGE = """
const atlas = {
  count: COUNT, ratio: 1, cell: [64, 64], shapes: new Uint8Array(2 * COUNT).fill(64),
  draw(context, number, x, y, width, height) {
    window.drawn += 1;
    context.fillStyle = `rgb(${number % 256} ${number >> 8} ${(7 * number) % 256})`;
    context.fillRect(x, y, width, height);
  },
};
window.drawn = 0;
const canvas = document.createElement("canvas");
const scene = createMapScene(atlas, canvas);
scene.resize(FRAME[0], FRAME[1]);
const places = Float32Array.from(PLACES.flat());
let time = 0;
/** Frames of a view, until it is sharp or there have been enough of them; how many photos each drew. */
window.look = async (zoom, left, top, most) => {
  const counts = [];
  for (let frame = 0; frame < most; frame += 1) {
    window.drawn = 0;
    time += 1000 / 60;
    const view = { places, zoom, left, top, side: 9, cut: 0, width: FRAME[0], height: FRAME[1], pixels: 1 };
    const isUnfinished = scene.show(view, time);
    counts.push(window.drawn);
    if (!isUnfinished) break;
    await new Promise(requestAnimationFrame);
  }
  return counts;
};
window.picture = () => canvas.toDataURL();
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def tab(browser: Any, tmp_path: Path) -> Iterator[Any]:
    constants = f"const COUNT = {COUNT}, FRAME = {list(FRAME)}, PLACES = {PLACES.tolist()};"
    page = tmp_path / "scene.html"
    script = f"{joined_modules('photo_map_scene.js')}\n{constants}\n{PAGE}"
    page.write_text(f"<!doctype html><meta charset=utf-8><body><script type=module>{script}</script>")
    with opened(browser, page) as tab:
        yield tab


def pixels(tab: Any) -> NDArray[np.uint8]:
    written = tab.evaluate("window.picture()").partition(",")[2]
    with Image.open(io.BytesIO(base64.b64decode(written))) as picture:
        return np.asarray(picture.convert("RGB"))


def expected(zoom: float, left: float, top: float) -> NDArray[np.uint8]:
    """Each photo over those before it."""
    picture = np.full((FRAME[1], FRAME[0], 3), GROUND, np.uint8)
    places = PLACES.astype(np.float32).astype(float)
    for number, (x, y) in enumerate(places):
        column, row = (int(np.floor(each * zoom - 4.5 + 0.5) + offset) for each, offset in ((x, left), (y, top)))
        colour = (number % 256, number >> 8, (7 * number) % 256)
        picture[max(row, 0) : max(row + 9, 0), max(column, 0) : max(column + 9, 0)] = colour
    return picture


def test_moving_draws_only_what_comes_in(tab: Any) -> None:
    (whole,) = tab.evaluate("window.look(1, 0, 0, 1)")
    assert whole == COUNT
    assert np.array_equal(pixels(tab), expected(1, 0, 0))
    for left, top in ((-9, 0), (-9, 6), (20, -13)):
        (drawn,) = tab.evaluate(f"window.look(1, {left}, {top}, 1)")
        assert drawn < COUNT / 4
        assert np.array_equal(pixels(tab), expected(1, left, top))
    tab.evaluate("window.look(1, 400, 0, 1)")
    assert np.array_equal(pixels(tab), expected(1, 400, 0)), "also further than a frame"


def test_a_zoom_becomes_sharp_in_pieces(tab: Any) -> None:
    tab.evaluate("window.look(1, 0, 0, 1)")
    for zoom in (1.1, 1.2, 1.3):
        (drawn,) = tab.evaluate(f"window.look({zoom}, -10, -10, 1)")
        assert drawn == 0, "stretched while it goes on"
    counts = tab.evaluate("window.look(1.3, -10, -10, 500)")
    assert len([count for count in counts if count]) > 1
    assert max(counts) < COUNT
    assert np.array_equal(pixels(tab), expected(1.3, -10, -10))


def test_what_moves_on_while_it_becomes_sharp_ends_where_it_was_moved_to(tab: Any) -> None:
    tab.evaluate("window.look(1, 0, 0, 1)")
    tab.evaluate("window.look(1.3, -10, -10, 8)")
    tab.evaluate("window.look(1.3, -31, -4, 500)")
    assert np.array_equal(pixels(tab), expected(1.3, -31, -4))
