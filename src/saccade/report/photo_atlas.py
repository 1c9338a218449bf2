"""Many small photos in a few large images, as a page carries them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

from saccade.collection.catalogue_facts import PhotoEntry
from saccade.collection.thumbnail import LONGEST, opened_thumbnail
from saccade.report.array_spec import array_spec, image_url

SIDE = 2048
"""Pixels of a side of a page of the atlas; every browser can paint from that."""
BYTES = 2_600_000
"""All photos together take about so many bytes, in base64."""
_AREA_BYTES = 0.27
"""What a pixel of a small photo takes, in base64; measured on photos of clothes."""
_LEAST = 40
_BEHIND = (22, 23, 27)
"""What lies beside a photo that does not fill its cell."""


def photo_atlas(entries: Sequence[PhotoEntry]) -> dict[str, Any]:
    """The small photos of a collection; a photo keeps its number whatever is shown of them.

    Args:
        entries: The photos.

    Returns:
        `pages`: the images; `cell`: width and height of the cell of a photo; `columns` and `rows` of a page;
        `shapes`: uint8 (photos, 2), width and height of each photo in the upper left of its cell.
    """
    wide = max(min(1.0, entry.width / entry.height) for entry in entries)
    high = max(min(1.0, entry.height / entry.width) for entry in entries)
    side = int(np.clip(np.sqrt(BYTES / (_AREA_BYTES * wide * high * len(entries))), _LEAST, LONGEST))
    cell_width, cell_height = max(1, round(side * wide)), max(1, round(side * high))
    columns, rows = SIDE // cell_width, SIDE // cell_height
    shapes = np.empty((len(entries), 2), np.uint8)
    pages: list[str] = []
    for start in range(0, len(entries), columns * rows):
        photos = entries[start : start + columns * rows]
        page = Image.new(
            "RGB", (min(len(photos), columns) * cell_width, -(-len(photos) // columns) * cell_height), _BEHIND
        )
        for place, entry in enumerate(photos):
            image = opened_thumbnail(entry)
            image.thumbnail((cell_width, cell_height), Image.Resampling.LANCZOS)
            row, column = divmod(place, columns)
            page.paste(image, (column * cell_width, row * cell_height))
            shapes[start + place] = image.size
        pages.append(image_url(page))
    return {
        "pages": pages,
        "cell": [cell_width, cell_height],
        "columns": columns,
        "rows": rows,
        "shapes": array_spec(shapes, "uint8"),
    }
