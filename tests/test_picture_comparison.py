"""Photos beside what several methods say: every picture is there, none too small to be read, no name broken."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import find_objects

from saccade.errors import InputError
from saccade.picture import Bar, Panel, Scale, comparison
from saccade.picture.comparison import sheets_of
from saccade.picture.figure import figure

METHODS = ["Blur integrated gradients", "Extremal perturbation", *(f"Ablation-CAM {k}" for k in range(17))]


def coloured(photos: int, methods: int) -> list[list[Image.Image]]:
    """A picture of a colour of its own for each photo and method."""
    return [
        [Image.new("RGB", (240, 160), (10 + 12 * photo, 10 + 11 * head, 200)) for head in range(methods + 1)]
        for photo in range(photos)
    ]


def places(sheet: Image.Image, pictures: list[list[Image.Image]]) -> dict[tuple[int, int], tuple[int, int, int, int]]:
    """Where each picture lies: top, left, height, width."""
    heads = len(pictures[0])
    red, green, blue = np.moveaxis(np.asarray(sheet).astype(int), -1, 0)
    is_picture = (blue == 200) & ((red - 10) % 12 == 0) & ((green - 10) % 11 == 0)
    labels = np.where(is_picture, 1 + (red - 10) // 12 * heads + (green - 10) // 11, 0)
    boxes = {}
    for index, box in enumerate(find_objects(labels, max_label=len(pictures) * heads)):
        if box is None:
            continue
        rows, columns = box
        boxes[divmod(index, heads)] = (rows.start, columns.start, rows.stop - rows.start, columns.stop - columns.start)
    return boxes


@pytest.mark.parametrize(
    ("photos", "methods", "pages"), [(1, 3, 1), (1, 19, 1), (3, 4, 1), (3, 19, 4), (12, 19, 4), (18, 7, 4), (20, 1, 5)]
)
def test_every_picture_is_there_and_large_enough(photos: int, methods: int, pages: int) -> None:
    pictures = coloured(photos, methods)
    names = [f"{k}.jpg" for k in range(photos)]
    sheets = comparison(pictures, names, METHODS[:methods], title="What it is made of")
    assert len(sheets) == pages == sheets_of(photos, methods)
    counts: dict[tuple[int, int], int] = {}
    for sheet in sheets:
        assert sheet.width * sheet.height <= 12e6
        boxes = places(sheet, pictures)
        assert min(width for *_, width in boxes.values()) >= 190
        rows = {photo for photo, _ in boxes}
        assert all((photo, 0) in boxes for photo in rows), "the photo itself stands on every page"
        if photos > 1:
            assert all(len({top for (other, _), (top, *_) in boxes.items() if other == photo}) == 1 for photo in rows)
        for key in boxes:
            counts[key] = counts.get(key, 0) + 1
    assert set(counts) == {(photo, head) for photo in range(photos) for head in range(methods + 1)}
    assert all(count == 1 for (_, head), count in counts.items() if head)


def test_a_bar_stands_below_its_map() -> None:
    bar = Bar(Scale(0, 0.5), percent=True, scale_named=False)
    (plain,), (barred,) = (
        comparison(coloured(2, 2), ["a", "b"], ["one", "two"], bars=bars) for bars in (None, [[bar, bar], [None, bar]])
    )
    assert barred.height > plain.height
    with pytest.raises(InputError, match="a colour bar for each map"):
        comparison(coloured(2, 2), ["a", "b"], ["one", "two"], bars=[[bar, bar]])


def test_names_above_columns_shrink_before_they_break() -> None:
    wide, narrow = (
        figure(_panels(20), column_labels=[name] * 20, theme="light", width=2400) for name in ("Photo", "perturbation")
    )
    # One line each: a broken word would make the page taller by a line.
    assert abs(wide.height - narrow.height) <= 20


def _panels(count: int) -> list[Panel]:
    return [Panel(Image.new("RGB", (90, 90))) for _ in range(count)]


def test_what_does_not_fit_is_refused() -> None:
    for pictures, names in (([], []), (coloured(2, 3), ["a"]), (coloured(1, 2), ["a"])):
        with pytest.raises(InputError, match="4 images, itself first"):
            comparison(pictures, names, METHODS[:3])
