"""Rows of photos: the outline of a part lies round it, and a long name keeps as much as there is room for."""

from __future__ import annotations

import numpy as np

from saccade.picture.photo_rows import RowPhoto, photo_rows


def test_a_part_is_outlined_and_not_covered() -> None:
    blue = np.full((190, 190, 3), (0, 0, 255), np.uint8)
    one = RowPhoto(blue, "1", "one.jpg")
    plain = np.asarray(photo_rows(one, [one], title="t"))
    small = (80 / 190, 80 / 190, 90 / 190, 90 / 190)
    boxed = np.asarray(photo_rows(one, [RowPhoto(blue, "1", "one.jpg", small)], title="t"))
    rows, columns = np.nonzero((plain != boxed).any(2))
    hole = boxed[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    assert hole.shape[0] in range(17, 21)
    assert (hole[5:-5, 5:-5] == (0, 0, 255)).all()


def test_a_name_keeps_what_there_is_room_for() -> None:
    photo = np.zeros((190, 190, 3), np.uint8)
    one = RowPhoto(photo, "1", "one.jpg")
    unnamed, named = (
        np.asarray(photo_rows(one, [RowPhoto(photo, "1", name)], title="t"))
        for name in ("", "a_long_sleeve_0123456789abcdef.jpg")
    )
    columns = np.nonzero((unnamed != named).any(2))[1]
    assert 0.85 * 190 < np.ptp(columns) <= 190
