"""The photo as all cells of a code see it: a compound eye."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from saccade.picture.figure import Panel, figure
from saccade.picture.receptive_field import ReceptiveField, crop, pixels, sized, softened
from saccade.picture.resampling import stretch
from saccade.picture.themes import Theme, theme_of

_EYES = 1240
"""Width of all eyes together, about."""


def many_eyes(
    photo: NDArray[np.uint8],
    size: tuple[int, int],
    unclipped_fields: Sequence[Sequence[ReceptiveField]],
    *,
    sees: tuple[int, int] | None,
    sizes: tuple[float, float],
    blur: float,
    notes: Sequence[str] = (),
    theme: str | Theme = "dark",
) -> Image.Image:
    """The code is a compound eye: every cell sees its own spot of the photo.

    Args:
        photo: uint8 (height, width, 3): what the model sees.
        size: Height and width of the model's image.
        unclipped_fields: Every row of cells.
        sees: Height and width of the theoretical field; None: the whole image.
        sizes: Mean sides of the squares that hold one half and nine tenths.
        blur: Pixels of smoothing for the view.
        notes: Small print.
        theme: `"light"`, `"dark"` or a theme.
    """
    paper = theme_of(theme)
    rows, columns = len(unclipped_fields), len(unclipped_fields[0])
    # Facets have the photo's own proportions, also where it was squeezed for the model.
    squeezed = photo.shape[0] / photo.shape[1] * size[1] / size[0]
    high = max(field.energy.shape[0] for row in unclipped_fields for field in row)
    wide = max(field.energy.shape[1] for row in unclipped_fields for field in row)
    facet = max(12, round(_EYES / max(columns, rows * squeezed * high / wide)))
    tall, gap = max(8, round(facet * squeezed * high / wide)), max(1, round(facet * 0.06))
    eyes = Image.new("RGB", (columns * (facet + gap) - gap, rows * (tall + gap) - gap), paper.background)
    corners: list[tuple[int, int, int, int]] = []
    for row, line in enumerate(unclipped_fields):
        for column, field in enumerate(line):
            drawn = _facet(photo, size, field, (high, wide), (tall, facet), blur)
            # A field that the upper or left edge of the photo cuts lies at the other end of its place.
            left = facet - drawn.width if field.origin[1] == 0 else 0
            top = tall - drawn.height if field.origin[0] == 0 else 0
            eyes.paste(drawn, (column * (facet + gap) + left, row * (tall + gap) + top))
            corners.append((column * (facet + gap) + left, row * (tall + gap) + top, *drawn.size))
    eyes = eyes.crop(
        (
            min(left for left, _, _, _ in corners), min(top for _, top, _, _ in corners),
            max(left + across for left, _, across, _ in corners), max(top + down for _, top, _, down in corners),
        )
    )  # fmt: skip
    extent = "the whole image" if sees is None else f"{sees[1]}\u00d7{sees[0]} px"
    looks = f"one half lies within {pixels(sizes[0], size)}, nine tenths within {pixels(sizes[1], size)}."
    if rows * columns == 1:
        summary = (
            f"The code is one vector, without cells: a single eye that can see {extent}. It is lit where it looks: "
        )
        title, seen_by = "One eye", "the code sees"
    else:
        summary = (
            f"The code has {rows}\u00d7{columns} cells, and each is an eye of its own: it can see {extent}"
            f"{'' if sees is None else ' of the photo'}, so neighbours see much of the same. It is lit where it really "
            "looks: "
        )
        title, seen_by = "A compound eye", "the cells of the code see"
    summary += looks
    whole = Image.fromarray(sized(photo, eyes.height, round(eyes.height * photo.shape[1] / photo.shape[0])))
    return figure(
        [Panel(whole, "The photo"), Panel(eyes, f"The photo as {seen_by} it", crisp=True)],
        columns=2, title=title, caption=[summary], notes=notes, theme=paper, width=2600,
    )  # fmt: skip


def _facet(
    photo: NDArray[np.uint8], size: tuple[int, int], field: ReceptiveField, window: tuple[int, int],
    tile: tuple[int, int], blur: float,
) -> Image.Image:  # fmt: skip
    """One eye: the photo in its field, lit where its gradient energy lies; beyond the photo's edge nothing."""
    height, width = field.energy.shape
    tall, wide = max(1, round(tile[0] * height / window[0])), max(1, round(tile[1] * width / window[1]))
    pixels = sized(crop(photo, size, field), tall, wide)
    light = stretch(softened(field.energy, blur), tall, wide)
    peak = float(light.max())
    light = np.sqrt(np.clip(light / peak, 0, 1))[..., None] if peak > 0 else np.zeros((tall, wide, 1), np.float32)
    lit = pixels * (0.07 + 0.93 * light)
    return Image.fromarray(np.rint(lit).astype(np.uint8))
