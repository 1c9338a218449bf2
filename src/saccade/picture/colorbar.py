"""Which colour is which number? The key beside a map.

The strip is painted with the same paint as the image, over the grey that a greyed photo has, and carries
the contour lines at their places. Around it: the unit, the numbers, and what the scale is shared with and
clipped at.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from saccade.picture.contours import FRACTIONS
from saccade.picture.numerals import number, signed
from saccade.picture.overlay import MID_GREY
from saccade.picture.palette import STEPS, palette
from saccade.picture.scales import FLAT, Scale
from saccade.picture.themes import Theme, theme_of
from saccade.picture.typesetting import LEADING, measure, wrap, write, write_lines


@dataclass(frozen=True)
class Bar:
    """What a colour bar says.

    Attributes:
        scale: The scale of the map.
        unit: What the numbers count, in words.
        percent: Whether values are shares, to be written as percentages.
        contours: Whether the image has contour lines.
        opacity: Largest opacity of the paint; None for maps painted opaquely, without a photo beneath.
        colormap: A colour map by name; None: the one of the scale.
        note: A further remark, printed after the scale statement (smoothing, true grid, ...).
        scale_named: Whether the scale statement is printed; a sheet of many bars says it once.
    """

    scale: Scale
    unit: str = ""
    percent: bool = False
    contours: bool = True
    opacity: float | None = 0.85
    colormap: str | None = None
    note: str = ""
    scale_named: bool = True

    @property
    def ticks(self) -> tuple[tuple[float, str], ...]:
        """Positions between 0 and 1 and the numbers there."""
        scale = self.scale
        places = [0.0, 0.25, 0.5, 0.75, 1.0]  # the lines themselves, or on a signed scale every second one
        factor, write_one = 100 if self.percent else 1, signed if scale.signed else number
        values = [factor * round(scale.value(place), 12) for place in places]
        texts = [write_one(value, beside=max(map(abs, values))) for value in values]
        if self.percent:
            texts = [f"{text} %" for text in texts]
        if scale.clipped:  # what lies beyond takes the end colour, so the end means "this or more"
            texts[-1] = "over " + texts[-1].lstrip("+")
            texts[0] = "under " + texts[0] if scale.signed else texts[0]
        return tuple(zip(places, texts, strict=True))

    @property
    def remark(self) -> str:
        """The scale statement, the meaning of the lines and the note, in one sentence."""
        if not self.scale_named and not self.scale.flat:
            return self.note
        if self.scale.flat:
            size = number(self.scale.high * (100 if self.percent else 1)) if self.scale.high != 1 else ""
            return FLAT + (f" (all values about {size})" if size else "") + (f"; {self.note}" if self.note else "")
        words = self.scale.statement
        if self.contours:
            words += "; lines at 1/4, 1/2 and 3/4"
            words += " (white above zero, black below)" if self.scale.signed else ""
        return f"{words}; {self.note}" if self.note else words


def colorbar(
    bar: Bar, *, length: int, size: float = 15.0, theme: str | Theme = "light", vertical: bool = False
) -> Image.Image:
    """Draw a colour bar.

    Args:
        bar: What it says.
        length: Pixels along the strip: all of a horizontal bar, without the words of a vertical one.
        size: Font size of the numbers in pixels; everything else follows it.
        theme: `"light"`, `"dark"` or a theme.
        vertical: Upright, largest value on top.

    Returns:
        An RGB image on the theme's background, just large enough.
    """
    paper = theme_of(theme)
    return _vertical(bar, length, size, paper) if vertical else _horizontal(bar, length, size, paper)


def _horizontal(bar: Bar, length: int, size: float, theme: Theme) -> Image.Image:
    small = size * 0.86
    unit = wrap(bar.unit, size, length) if bar.unit else []
    remark = wrap(bar.remark, small, length) if bar.remark else []
    thick = max(6, round(size * 0.72))
    ticks = () if bar.scale.flat else _spaced(bar.ticks, length, size)
    above = LEADING * size * len(unit) + (size * 0.30 if unit else 0)
    below = LEADING * size + size * 0.28 if ticks else size * 0.35
    height = round(above + thick + below + LEADING * small * len(remark))
    image = Image.new("RGB", (length, height), theme.background)
    write_lines(image, (0, 0), unit, size=size, colour=theme.ink)
    top = round(above)
    image.paste(_strip(bar, length, thick), (0, top))
    for place, text in ticks:
        align = "left" if place == 0 else "right" if place == 1 else "centre"
        write(image, (place * length, top + thick + size * 0.18), text, size=size, colour=theme.ink, align=align)
    write_lines(image, (0, top + thick + below), remark, size=small, colour=theme.muted)
    return image


def _vertical(bar: Bar, length: int, size: float, theme: Theme) -> Image.Image:
    small = size * 0.86
    thick = max(6, round(size * 0.72))
    ticks = () if bar.scale.flat else bar.ticks
    labels = max((measure(text, size) for _, text in ticks), default=0.0)
    width = round(max(thick + size * 0.5 + labels, size * 9))
    unit = wrap(bar.unit, size, width) if bar.unit else []
    remark = wrap(bar.remark, small, width)
    top = round(LEADING * size * len(unit) + size * (1.0 if unit else 0.6))
    height = round(top + length + size * 0.9 + LEADING * small * len(remark))
    image = Image.new("RGB", (width + 1, height), theme.background)
    write_lines(image, (0, 0), unit, size=size, colour=theme.ink)
    image.paste(_strip(bar, length, thick).transpose(Image.Transpose.ROTATE_90), (0, top))
    for place, text in ticks:
        middle = top + (1 - place) * length - LEADING * size / 2
        write(image, (thick + size * 0.5, middle), text, size=size, colour=theme.ink)
    write_lines(image, (0, top + length + size * 0.9), remark, size=small, colour=theme.muted)
    return image


def _strip(bar: Bar, length: int, thick: int) -> Image.Image:
    """The painted strip, first colour at the left, with the contour lines of the image."""
    if bar.scale.flat:
        return Image.new("RGB", (length, thick), (round(MID_GREY),) * 3)
    paint = palette(bar.scale, opacity=0.85 if bar.opacity is None else bar.opacity, name=bar.colormap)
    colours = paint.colours if bar.opacity is None else paint.over(np.array([MID_GREY], np.float32))
    along = np.rint(np.linspace(0, STEPS - 1, length)).astype(np.intp)
    row = np.rint(colours[along]).astype(np.uint8)
    strip = np.repeat(row[None], thick, axis=0)
    for fraction in FRACTIONS if bar.contours else ():
        for side in (1, -1) if bar.scale.signed else (0,):
            place = 0.5 + side * fraction / 2 if side else fraction
            _notch(strip, round(place * (length - 1)), max(1, round(thick / 9)), 0 if side < 0 else 255)
    return Image.fromarray(strip)


def _notch(strip: NDArray[np.uint8], middle: int, line: int, ink: int) -> None:
    """Draw one contour level on the strip, bordered like the lines in the image."""
    left = middle - line // 2
    border = strip[:, max(0, left - 1) : left + line + 1]
    border[:] = np.rint(border * 0.65 + (255 - ink) * 0.35)
    strip[:, left : left + line] = ink


def _spaced(ticks: tuple[tuple[float, str], ...], length: int, size: float) -> tuple[tuple[float, str], ...]:
    """All five numbers where they fit beside each other; else the ends and the middle; else the ends."""
    for labels in (ticks, ticks[::2], (ticks[0], ticks[-1])):
        widths = [measure(text, size) + 1.1 * size for _, text in labels]
        starts = [(0.0 if place == 0 else 1.0 if place == 1 else 0.5) for place, _ in labels]
        edges = [
            (place * length - width * share, place * length + width * (1 - share))
            for (place, _), width, share in zip(labels, widths, starts, strict=True)
        ]
        if all(left[1] <= right[0] for left, right in pairwise(edges)):
            return labels
    return (ticks[0], ticks[-1])
