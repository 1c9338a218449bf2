"""Photos beside what several methods say of them, laid out so that every picture stays large enough to be read."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

from PIL import Image

from saccade.errors import InputError
from saccade.picture.figure import Panel, figure
from saccade.picture.themes import Theme

_ACROSS, _MOST_ACROSS = 8, 16
"""Columns that a page of ordinary width holds, and that a wide one does."""
_NARROWEST = 180
"""Pixels of a column where both photos and methods are many."""


def comparison(
    pictures: Sequence[Sequence[Image.Image]],
    photos: Sequence[str],
    methods: Sequence[str],
    *,
    title: str = "",
    notes: Sequence[str] = (),
    theme: str | Theme = "light",
) -> Image.Image:
    """Set photos and methods side by side.

    A single photo with many methods becomes a grid, in reading order; a few photos with many methods stand in columns,
    a row a method; otherwise every photo is a row and every method a column.

    Args:
        pictures: For each photo the photo itself, then its picture by every method; RGB.
        photos: The photos' names.
        methods: The methods' names.
        title: The headline.
        notes: Small print.
        theme: `"light"`, `"dark"` or a theme.

    Returns:
        An RGB image with every picture.

    Raises:
        InputError: No photos, or pictures that do not fit the names.
    """
    heads = ["Photo", *methods]
    if not pictures or len(pictures) != len(photos) or any(len(row) != len(heads) for row in pictures):
        raise InputError(
            f"{len(photos)} photos and {len(methods)} methods: give for each photo {len(heads)} pictures, itself first."
        )
    columns, width = len(heads), None
    above, beside = heads, list(photos) if len(photos) > 1 else []
    panels = [Panel(each) for row in pictures for each in row]
    if len(heads) > _ACROSS and len(photos) == 1:
        panels = [Panel(each, head) for each, head in zip(pictures[0], heads, strict=True)]
        columns, above = ceil(len(panels) / ceil(len(panels) / 5)), []
    elif len(heads) > _ACROSS and len(photos) <= _MOST_ACROSS:
        panels = [Panel(row[k]) for k in range(len(heads)) for row in pictures]
        columns, above, beside = len(photos), list(photos), heads
    elif len(heads) > _ACROSS:
        width = _NARROWEST * (len(heads) + 1)
    return figure(
        panels,
        columns=columns,
        title=title,
        column_labels=above,
        row_labels=beside,
        notes=notes,
        theme=theme,
        width=width,
    )
