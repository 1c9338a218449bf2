"""Photos beside what several methods say of them, laid out so that every image stays large enough to be read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from math import ceil

from PIL import Image

from saccade.errors import InputError
from saccade.picture.colorbar import Bar
from saccade.picture.figure import Panel, figure
from saccade.picture.themes import Theme

_METHODS, _PHOTOS = 6, 12
"""Most methods in the columns and photos in the rows of a page: it stays below 12 million pixels, and readable."""


def comparison(
    images: Sequence[Sequence[Image.Image]],
    photos: Sequence[str],
    methods: Sequence[str],
    *,
    bars: Sequence[Sequence[Bar | None]] | None = None,
    across: int = _METHODS,
    title: str = "",
    caption: Sequence[str] = (),
    notes: Sequence[str] = (),
    theme: str | Theme = "light",
    aspect: tuple[int, int] | None = None,
) -> list[Image.Image]:
    """Set photos and methods side by side, on as many pages as it takes.

    A single photo with many methods becomes a grid, in reading order; otherwise every photo is a row and every method a
    column, the photo itself first on every page.

    Args:
        images: For each photo the photo itself, then its image by every method; RGB.
        photos: The photos' names.
        methods: The methods' names.
        bars: For each photo a colour bar for its image by every method; None: none.
        across: Most methods on a page of several photos.
        title: The headline.
        caption: Paragraphs below it.
        notes: Small print.
        theme: `"light"`, `"dark"` or a theme.
        aspect: Width and height of a page to each other; paper is added round it.

    Returns:
        RGB images of at most 12 million pixels, with every one of them.

    Raises:
        InputError: No photos, or images or bars that do not fit the names.
    """
    if not images or len(images) != len(photos) or any(len(row) != len(methods) + 1 for row in images):
        raise InputError(
            f"{len(photos)} photos and {len(methods)} methods: give for each photo {len(methods) + 1} images, itself "
            "first."
        )
    keys = [[None] * len(methods) for _ in photos] if bars is None else bars
    if len(keys) != len(photos) or any(len(row) != len(methods) for row in keys):
        raise InputError(f"{len(photos)} photos and {len(methods)} methods: give a colour bar for each map, or none.")
    panels = [
        [Panel(row[0]), *(Panel(image, bar=bar) for image, bar in zip(row[1:], below, strict=True))]
        for row, below in zip(images, keys, strict=True)
    ]
    if len(photos) == 1 and len(methods) > across:
        grid = [replace(panel, title=head) for panel, head in zip(panels[0], ["Photo", *methods], strict=True)]
        across = ceil(len(grid) / ceil(len(grid) / 5))
        return [figure(grid, columns=across, title=title, caption=caption, notes=notes, theme=theme, aspect=aspect)]
    pages = [
        ([[row[0], *row[1:][some]] for row in panels[rows]], list(photos[rows]), list(methods[some]))
        for rows in _groups(len(photos), _rows(min(across, len(methods))))
        for some in _groups(len(methods), across)
    ]
    return [
        figure(
            [panel for row in page for panel in row],
            columns=1 + len(heads),
            title=_numbered(title, number, len(pages)),
            column_labels=["Photo", *heads],
            row_labels=names if len(photos) > 1 else (),
            caption=caption,
            notes=notes,
            theme=theme,
            aspect=aspect,
        )
        for number, (page, names, heads) in enumerate(pages, start=1)
    ]


def sheets_of(photos: int, methods: int, across: int = _METHODS) -> int:
    """How many pages `comparison` makes."""
    if photos == 1 and methods > across:
        return 1
    return len(_groups(photos, _rows(min(across, methods)))) * len(_groups(methods, across))


def _rows(methods: int) -> int:
    """Most photos on a page: one with few columns is narrow, and would be a ribbon."""
    return min(_PHOTOS, 2 * methods + 2)


def _groups(count: int, most: int) -> list[slice]:
    """Slices of about equal size, none longer than `most`."""
    groups = ceil(count / most)
    edges = [round(index * count / groups) for index in range(groups + 1)]
    return [slice(start, stop) for start, stop in pairwise(edges)]


def _numbered(title: str, number: int, pages: int) -> str:
    return title if pages == 1 else f"{title} ({number} of {pages})"
