"""Photos beside what several methods say of them, laid out so that every image stays large enough to be read."""

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
    images: Sequence[Sequence[Image.Image]],
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
        images: For each photo the photo itself, then its image by every method; RGB.
        photos: The photos' names.
        methods: The methods' names.
        title: The headline.
        notes: Small print.
        theme: `"light"`, `"dark"` or a theme.

    Returns:
        An RGB image with every one of them.

    Raises:
        InputError: No photos, or images that do not fit the names.
    """
    heads = ["Photo", *methods]
    if not images or len(images) != len(photos) or any(len(row) != len(heads) for row in images):
        raise InputError(
            f"{len(photos)} photos and {len(methods)} methods: give for each photo {len(heads)} images, itself first."
        )
    columns, width = len(heads), None
    above, beside = heads, list(photos) if len(photos) > 1 else []
    panels = [Panel(image) for row in images for image in row]
    if len(heads) > _ACROSS and len(photos) == 1:
        panels = [Panel(image, head) for image, head in zip(images[0], heads, strict=True)]
        columns, above = ceil(len(panels) / ceil(len(panels) / 5)), []
    elif len(heads) > _ACROSS and len(photos) <= _MOST_ACROSS:
        panels = [Panel(row[k]) for k in range(len(heads)) for row in images]
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
