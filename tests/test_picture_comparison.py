"""Photos beside what several methods say: every picture is there, none too small to be read, no name broken."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import find_objects

from saccade.errors import InputError
from saccade.picture import Panel, comparison
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
        assert box is not None, divmod(index, heads)
        rows, columns = box
        boxes[divmod(index, heads)] = (rows.start, columns.start, rows.stop - rows.start, columns.stop - columns.start)
    return boxes


@pytest.mark.parametrize(
    ("photos", "methods", "order", "least"),
    [
        (1, 3, "methods across", 200),
        (1, 19, "grid", 200),
        (3, 4, "methods across", 200),
        (3, 19, "methods down", 200),
        (12, 19, "methods down", 190),
        (18, 19, "methods across", 120),
    ],
)
def test_every_picture_is_there_and_large_enough(photos: int, methods: int, order: str, least: int) -> None:
    pictures = coloured(photos, methods)
    sheet = comparison(pictures, [f"{k}.jpg" for k in range(photos)], METHODS[:methods], title="What it is made of")
    boxes = places(sheet, pictures)
    assert min(width for *_, width in boxes.values()) >= least
    tops = {key: top for key, (top, *_) in boxes.items()}
    if order == "methods across":
        assert all(len({tops[photo, head] for head in range(methods + 1)}) == 1 for photo in range(photos))
    elif order == "methods down":
        assert all(len({tops[photo, head] for photo in range(photos)}) == 1 for head in range(methods + 1))
    else:
        assert [len([other for other in tops.values() if other == top]) for top in sorted(set(tops.values()))] == [
            5
        ] * 4


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
