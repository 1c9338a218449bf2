"""Pages: every panel is there, the bar is the paint, the words fit."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from saccade.errors import InputError
from saccade.picture.colorbar import Bar, colorbar
from saccade.picture.figure import Panel, _not_thin, figure
from saccade.picture.palette import palette
from saccade.picture.scales import Scale, scale_of
from saccade.picture.themes import DARK, LIGHT, theme_of

SHADES = [
    (200, 10, 10),
    (10, 200, 10),
    (10, 10, 200),
    (200, 200, 10),
    (10, 200, 200),
    (200, 10, 200),
    (90, 40, 10),
]


def plain(count: int, size: tuple[int, int] = (40, 30)) -> list[Panel]:
    return [Panel(Image.new("RGB", size, SHADES[index])) for index in range(count)]


def areas(page: Image.Image, count: int) -> list[tuple[int, int, int, int]]:
    """Bounding box (left, top, right, bottom) of each panel's colour; fails if one is missing."""
    pixels = np.asarray(page).astype(int)
    boxes = []
    for shade in SHADES[:count]:
        rows, columns = np.nonzero(np.abs(pixels - shade).max(2) <= 2)
        assert rows.size, f"panel {shade} was not drawn"
        boxes.append((columns.min(), rows.min(), columns.max() + 1, rows.max() + 1))
    return boxes


@pytest.mark.parametrize("count", [1, 2, 3, 5, 7])
@pytest.mark.parametrize("columns", [None, 1, 2, 3])
def test_every_panel_is_drawn_with_its_shape(count: int, columns: int | None) -> None:
    boxes = areas(figure(plain(count), columns=columns, width=700), count)
    for left, top, right, bottom in boxes:
        assert (right - left) / (bottom - top) == pytest.approx(40 / 30, rel=0.02)
    across = columns or min(4, count)
    tops = [top for _, top, _, _ in boxes]
    assert len(set(tops)) == -(-count // across)


def test_panels_of_different_shapes_share_a_height_and_the_width() -> None:
    panels = [
        plain(1)[0],
        Panel(Image.new("RGB", (30, 60), SHADES[1])),
        Panel(Image.new("RGB", (90, 30), SHADES[2])),
    ]
    boxes = areas(figure(panels, width=900), 3)
    assert len({bottom - top for _, top, _, bottom in boxes}) == 1
    assert boxes[0][0] == 900 - boxes[-1][2] or abs(boxes[0][0] - (900 - boxes[-1][2])) <= 3  # both margins


def test_column_labels_keep_equal_columns() -> None:
    page = figure(plain(6), row_labels=["one", "two"], column_labels=["a", "b", "c"], width=800)
    boxes = areas(page, 6)
    assert [box[0] for box in boxes[:3]] == [box[0] for box in boxes[3:]]
    assert len({box[2] - box[0] for box in boxes}) == 1
    with pytest.raises(InputError, match="1 row labels for 2 rows"):
        figure(plain(6), row_labels=["one"], columns=3)
    with pytest.raises(InputError, match="at least one panel"):
        figure([])


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [200, 640, 2000])
def test_words_never_touch_the_margin(theme: str, width: int) -> None:
    scale = scale_of([0.0, 0.031], signed=False)
    panel = Panel(plain(1)[0].image, "A rather long name", "and a subtitle", Bar(scale, "share of the code"))

    def drawn() -> Image.Image:
        return figure(
            [panel, panel],
            title="Where does it look? " * 3,
            caption=["A sentence. " * 20],
            notes=["note " * 60],
            bar=Bar(scale, "unit"),
            theme=theme,
            width=width,
        )

    page = drawn()
    assert page.width == width
    pixels = np.asarray(page)
    paper = (LIGHT if theme == "light" else DARK).background
    edge = 8
    for side in (pixels[:, :edge], pixels[:, -edge:], pixels[:edge], pixels[-edge:]):
        assert (side == paper).all()
    assert page.tobytes() == drawn().tobytes()


def test_page_that_is_too_narrow_is_refused() -> None:
    with pytest.raises(InputError, match="wide"):
        figure(plain(7) * 5, columns=35, width=200, column_labels=["a"] * 35)


@pytest.mark.parametrize("vertical", [False, True])
@pytest.mark.parametrize("scale", [Scale(0, 2), Scale(-2, 2, signed=True)])
def test_bar_shows_the_paint_in_order(scale: Scale, vertical: bool) -> None:
    bar = Bar(scale, contours=False)
    drawn = np.asarray(colorbar(bar, length=500, size=20, vertical=vertical)).astype(int)
    line = drawn[:, 4][::-1] if vertical else drawn[4]
    paint = palette(scale).over(np.array([96], np.float32))
    expected = paint[np.rint(np.linspace(0, len(paint) - 1, 500)).astype(int)]
    starts = [np.abs(line[at : at + 500] - expected).max() for at in range(len(line) - 499)]
    assert min(starts) <= 1


def test_bar_speaks_plainly() -> None:
    small = Bar(Scale(-0.00011, 0.00011, signed=True)).ticks
    assert [text for _, text in small] == ["\u22120.00011", "\u22120.000055", "0", "+0.000055", "+0.00011"]
    assert [text for _, text in Bar(Scale(0, 0.00003)).ticks] == ["0", "7.5e-06", "1.5e-05", "2.3e-05", "3.0e-05"]
    assert [text for _, text in Bar(Scale(0, 0.031)).ticks] == ["0", "0.0077", "0.015", "0.023", "0.031"]
    assert [text for _, text in Bar(Scale(0, 0.5), percent=True).ticks] == [
        "0 %",
        "12 %",
        "25 %",
        "38 %",
        "50 %",
    ]
    both = Bar(Scale(-1, 1, signed=True, clipped=0.5, shared="all pictures"), note="true grid 14 \u00d7 14")
    assert [text for _, text in both.ticks] == ["under \u22121.0", "\u22120.50", "0", "+0.50", "over 1.0"]
    assert both.remark == (
        "scale: all pictures, top 0.5 % clipped; "
        "lines at 1/4, 1/2 and 3/4 (white above zero, black below); true grid 14 \u00d7 14"
    )
    assert Bar(scale_of(np.full(9, 0.3), signed=False)).remark.startswith("flat: nothing stands out")


def test_contour_levels_are_marked_on_the_bar() -> None:
    bars = [Bar(Scale(0, 1), contours=flag) for flag in (True, False)]
    with_lines, without = (np.asarray(colorbar(bar, length=401, size=20))[4].astype(int) for bar in bars)
    changed = np.nonzero(np.abs(with_lines - without).sum(1) > 120)[0]
    for place in (100, 200, 300):
        assert np.abs(changed - place).min() <= 1
    assert all(min(abs(at - place) for place in (100, 200, 300)) <= 3 for at in changed)


@pytest.mark.parametrize("size", [(2000, 20), (20, 2000)])
@pytest.mark.parametrize("labels", [(), ("one", "two")])
def test_very_thin_images_leave_a_page_that_can_be_read(size: tuple[int, int], labels: tuple[str, ...]) -> None:
    image = Image.new("RGB", size, (255, 0, 0))
    page = figure([Panel(image, "a long name.png"), Panel(image, "two words")], column_labels=labels, theme="light")
    assert page.width < 3000
    assert page.height < 3 * page.width
    red = (np.asarray(page, np.int16) - (255, 0, 0) == 0).all(axis=-1)
    assert red.any()
    rows, columns = (int(np.count_nonzero(red.any(axis=axis))) for axis in (1, 0))
    # Drawn in its own shape, twice side by side.
    assert max(rows, columns) > 20 * min(rows, columns)
    assert page.height > figure([Panel(Image.new("RGB", (400, 100)))] * 2, column_labels=labels).height / 3


def test_images_that_are_not_thin_stand_as_they_are() -> None:
    thick = [Panel(Image.new("RGB", (400, 101), (255, 0, 0)))]
    shown, remark = _not_thin(thick, theme_of("light"))
    assert shown == thick
    assert remark == []
    shown, remark = _not_thin([Panel(Image.new("RGB", (404, 100), (255, 0, 0)))], theme_of("light"))
    assert shown[0].image.size == (404, 101)
    assert remark == ["Images longer than 4:1 stand on paper of that shape."]
