"""The numbers of a vector on one sheet: a bar for each, in their order, in rows as long as the sheet is wide."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from saccade.errors import InputError
from saccade.picture.colorbar import Bar, colorbar
from saccade.picture.page import Page
from saccade.picture.palette import palette, steps_of
from saccade.picture.scales import Scale, scale_of
from saccade.picture.themes import Theme, theme_of
from saccade.picture.typesetting import LEADING, write

_ROOM = 1536
"""Width of a row of bars in pixels."""
_HIGH = 96
"""Height of a row of bars of one sign."""
_NARROWEST = 3
"""Pixels from one bar to the next."""
_WIDEST = 24
_LABELLED = 150
"""Pixels from one number below the bars to the next."""


def bar_sheet(
    values: ArrayLike,
    *,
    signed: bool = False,
    unit: str = "",
    title: str = "",
    caption: Sequence[str] = (),
    notes: Sequence[str] = (),
    theme: str | Theme = "dark",
) -> Image.Image:
    """How large is each number of a vector?

    Args:
        values: float (numbers,): raw values.
        signed: Whether values below zero have a meaning: bars then go up and down.
        unit: What the numbers count.
        title: The headline.
        caption: Paragraphs of standing text.
        notes: Small print.
        theme: `"light"`, `"dark"` or a theme.

    Returns:
        An RGB image with all numbers in reading order, on one scale.

    Raises:
        InputError: Wrong shape, no numbers, or values that are not finite.
    """
    numbers = np.asarray(values, np.float32)
    if numbers.ndim != 1 or not numbers.size:
        raise InputError(f"bars are drawn of one axis of numbers, not empty; got {numbers.shape}.")
    scale = scale_of(numbers, signed=signed, shared="all numbers")
    colours = theme_of(theme)
    step = max(_NARROWEST, min(_WIDEST, _ROOM // len(numbers)))
    across = _ROOM // step
    page = Page(_ROOM + 2 * 50, colours, 19.0)
    blocks = page.header(title, caption)
    for start in range(0, len(numbers), across):
        row = _row(numbers[start : start + across], start, scale, step, page)
        blocks.append((page.text * (1.3 if start == 0 else 0.6), row))
    key = colorbar(
        Bar(scale, unit, contours=False, opacity=None), length=round(page.text * 34), size=page.text * 0.92,
        theme=colours,
    )  # fmt: skip
    blocks.append((page.text * 0.9, key))
    return page.assemble(blocks + page.footer(notes))


def _row(numbers: NDArray[np.float32], first: int, scale: Scale, step: int, page: Page) -> Image.Image:
    """Some bars, and below them which number some of them are."""
    size = page.text * 0.62
    above, below = _HIGH, _HIGH if scale.signed else 0
    pixels = np.empty((above + below + 1, page.content, 3), np.uint8)
    pixels[:] = page.theme.background
    limit = max(abs(scale.low), abs(scale.high)) or 1.0
    table = np.rint(palette(scale).colours).astype(np.uint8)
    painted = table[steps_of(numbers, scale)] if not scale.flat else np.repeat(table[:1], len(numbers), axis=0)
    for place, (value, colour) in enumerate(zip(numbers.tolist(), painted, strict=True)):
        length = ceil(min(abs(value) / limit, 1.0) * _HIGH)
        if value < 0 and not scale.signed:
            continue
        left, right = place * step, (place + 1) * step - 1
        rows = slice(above + 1, above + 1 + length) if value < 0 else slice(above - length, above)
        pixels[rows, left:right] = colour
    pixels[above] = page.theme.rule
    image = Image.new("RGB", (page.content, len(pixels) + round(LEADING * size)), page.theme.background)
    image.paste(Image.fromarray(pixels), (0, 0))
    for place in range(0, len(numbers) - _LABELLED // (4 * step), _LABELLED // step):
        write(image, (place * step, len(pixels)), f"{first + place:,}", size=size, colour=page.theme.muted)
    return image
