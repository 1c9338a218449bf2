"""Words on images: how wide are they, where do they break, and how are they drawn?

One typeface, Aileron, which travels inside Pillow, so that a page looks the same on every machine. It holds
the ASCII signs and a few more; the minus sign and the times sign are drawn here, accents are dropped
(Malaga for Málaga), letters of other scripts come from the machine's own fonts, and what none of them has becomes a
question mark. Letters are drawn at four times their
size and averaged down: smooth on any background, placed between pixels, and a bolder weight comes from a
thicker outline.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache

from PIL import Image, ImageDraw, ImageFont

from saccade.errors import MissingPackage
from saccade.picture.further_fonts import font_of, further_font
from saccade.picture.themes import Colour

_FINER = 4
_REPLACED = {
    "\u2013": "-",
    "\u2014": "-",
    "\u2022": "\u00b7",
    "\u2265": ">=",
    "\u2264": "<=",
    "\u2192": "->",
    "\u00df": "ss",
    "\u00f8": "o",
    "\u00d8": "O",
    "\u00e6": "ae",
    "\u00c6": "AE",
    "\u00b5": "u",
    "\u00bd": "1/2",
    "\u00bc": "1/4",
    "\u00be": "3/4",
    "\u2248": "~",
}
_DRAWN = "\u2212\u00d7"  # minus and times: not in the typeface, drawn as strokes as wide as its plus sign
LEADING = 1.36
"""Distance of two lines of text in font sizes."""


@lru_cache(maxsize=64)
def _font(size: int) -> ImageFont.FreeTypeFont:
    font = ImageFont.load_default(size)
    if not isinstance(font, ImageFont.FreeTypeFont):
        raise MissingPackage(
            "this Pillow was built without FreeType and cannot set type; install the official wheel: "
            "pip install --force-reinstall pillow"
        )
    # the simple layout engine is always there and always gives the same widths; Raqm depends on the machine
    return font.font_variant(layout_engine=ImageFont.Layout.BASIC)


@lru_cache(maxsize=512)
def _has(sign: str) -> bool:
    """Whether the typeface knows a sign; unknown ones all look like the sign that cannot exist: a box."""
    font = _font(40)
    return sign == " " or bytes(font.getmask(sign)) != bytes(font.getmask("\uffff"))


@lru_cache(maxsize=4096)
def printable(text: str) -> str:
    """Return the text as it can be shown: without accents, with stand-ins, `?` for what no font has."""
    out = []
    for sign in text:
        if sign in _DRAWN or _has(sign):
            out.append(sign)
        elif sign in _REPLACED:
            out.append(_REPLACED[sign])
        else:
            parts = unicodedata.normalize("NFKD", sign)
            plain = "".join(part for part in parts if not unicodedata.combining(part))
            if plain and all(map(_has, plain)):
                out.append(plain)
            elif sign.isspace() or unicodedata.category(sign) in ("Cc", "Cf", "Cs"):
                out.append(" " if sign.isspace() else "?")
            else:
                out.append("?" if font_of(sign) is None else sign)
    return "".join(out)


def measure(text: str, size: float, *, bold: bool = False) -> float:
    """Return the width of one line in pixels."""
    return _length(printable(text), round(size * _FINER), bold) / _FINER


def wrap(text: str, size: float, width: float, *, bold: bool = False, lines: int | None = None) -> list[str]:
    """Break a text into lines no wider than `width`; words that are too long are cut.

    Args:
        text: Any text; its own line breaks are kept.
        size: Font size in pixels.
        width: Width of the column in pixels.
        bold: Whether it will be drawn bold.
        lines: The most lines allowed; what does not fit ends in three dots.
    """
    out: list[str] = []
    for paragraph in map(printable, text.split("\n")):
        line = ""
        for word in _BREAKS.split(paragraph.strip()):
            trial = f"{line} {word}" if line else word
            if measure(trial, size, bold=bold) <= width:
                line = trial
                continue
            if line:
                out.append(line)
            line = word
            while measure(line, size, bold=bold) > width and len(line) > 1:
                cut = len(line) - 1
                while cut > 1 and measure(line[:cut], size, bold=bold) > width:
                    cut -= 1
                cut = _joint(line, cut)
                out.append(line[:cut])
                line = line[cut:]
        out.append(line)
    if lines is not None and len(out) > lines:
        out = out[:lines]
        while out[-1] and measure(out[-1] + "...", size, bold=bold) > width:
            out[-1] = out[-1][:-1].rstrip()
        out[-1] += "..."
    return out


def _joint(word: str, most: int) -> int:
    """Where to cut a word that is too long: behind its last joint that fits, never inside a file's ending."""
    ending = len(word) - len(match[0]) if (match := _ENDING.search(word)) else len(word)
    joints = [joint.end() for joint in _JOINTS.finditer(word) if joint.end() <= min(most, ending)]
    if joints and joints[-1] >= most / 2:
        return joints[-1]
    return ending if most / 2 <= ending < most else most


_BREAKS = re.compile(r"\s+(?!%)")
"""Lines break at white space, but a number and its per cent stay together."""
_JOINTS = re.compile(r"[-_./,:=]+(?=\w)")
_ENDING = re.compile(r"\.[A-Za-z0-9]{1,5}$")


def write(
    image: Image.Image,
    place: tuple[float, float],
    text: str,
    *,
    size: float,
    colour: Colour,
    bold: bool = False,
    align: str = "left",
) -> None:
    """Draw one line of text.

    Args:
        image: An RGB image; it is drawn into.
        place: The left end, middle or right end of the baseline box, and the top of the line, in pixels.
        text: One line.
        size: Font size in pixels; a line is `LEADING * size` high.
        colour: Red, green, blue.
        bold: A heavier weight.
        align: `"left"`, `"centre"` or `"right"`: what `place` means.
    """
    shown = printable(text)
    if not shown.strip():
        return
    fine = round(size * _FINER)
    length = _length(shown, fine, bold) / _FINER
    left = place[0] - {"left": 0.0, "centre": length / 2, "right": length}[align]
    column, row = int(left // 1), int(place[1] // 1)
    pad = 2
    across = int(length) + 2 * pad + 2
    mask = Image.new("L", (across * _FINER, int(LEADING * size + 2 * pad + 1) * _FINER))
    # capitals are 0.72 of the size high and start 0.25 below the top: centre them in the line
    start = ((left - column + pad) * _FINER, (place[1] - row + pad + (LEADING - 1.24) / 2 * size) * _FINER)
    _strokes(ImageDraw.Draw(mask), start, shown, fine, bold)
    small = mask.reduce(_FINER)
    image.paste(colour, (column - pad, row - pad), small)


def write_lines(
    image: Image.Image,
    place: tuple[float, float],
    lines: Sequence[str],
    *,
    size: float,
    colour: Colour,
    bold: bool = False,
    align: str = "left",
) -> float:
    """Draw lines below each other; returns the y at which the next line would start."""
    top = place[1]
    for line in lines:
        write(image, (place[0], top), line, size=size, colour=colour, bold=bold, align=align)
        top += LEADING * size
    return top


def tag(image: Image.Image, text: str) -> Image.Image:
    """Put a small note into the lower left corner of an image; the size follows the image.

    An image too small for readable type is left alone: the note would hide it; the colour bar says it too.
    """
    size = max(11.0, min(image.size) / 26)
    while size > 7 and measure(text, size) + 1.8 * size > image.width:
        size *= 0.92
    if measure(text, size) + 1.8 * size > image.width:
        return image
    pad = size * 0.45
    width, height = measure(text, size) + 2 * pad, LEADING * size + pad * 0.6
    left, top = pad, image.height - height - pad
    box = (round(left), round(top), round(width), round(height))
    plate = Image.new("L", (box[2] * _FINER, box[3] * _FINER))
    ends = (0, 0, plate.width - 1, plate.height - 1)
    ImageDraw.Draw(plate).rounded_rectangle(ends, radius=size * 0.4 * _FINER, fill=205)
    image.paste((12, 12, 15), box[:2], plate.reduce(_FINER))
    write(image, (left + pad, top + pad * 0.3), text, size=size, colour=(243, 241, 236))
    return image


def _length(shown: str, fine: int, bold: bool) -> float:
    """Width of a printable text in fine pixels."""
    total = 0.0
    for run in _runs(shown):
        total += _font_for(run, fine).getlength("+" if run in _DRAWN else run)
    return total + (2 * _weight(fine) if bold else 0)


def _strokes(draw: ImageDraw.ImageDraw, start: tuple[float, float], shown: str, fine: int, bold: bool) -> None:
    """Draw a printable text at fine size."""
    font, pen = _font(fine), start[0]
    weight = _weight(fine) if bold else 0
    line = max(1, round(fine * 0.07)) + weight
    for run in _runs(shown):
        if run not in _DRAWN:
            own = _font_for(run, fine)
            # Other fonts sit on the same line of writing, wherever their tops are.
            down = start[1] + font.getmetrics()[0] - own.getmetrics()[0]
            draw.text((pen, down), run, fill=255, font=own, stroke_width=weight)
            pen += own.getlength(run)
            continue
        wide = font.getlength("+")
        box = font.getbbox("+")
        middle, centre = start[1] + (box[1] + box[3]) / 2, pen + wide / 2
        arm = (box[2] - box[0]) / 2 * (0.8 if run == "\u2212" else 0.68)
        if run == "\u2212":
            draw.rectangle((centre - arm, middle - line / 2, centre + arm, middle + line / 2), fill=255)
        else:
            for side in (-1, 1):
                draw.line((centre - arm, middle - side * arm, centre + arm, middle + side * arm), 255, line)
        pen += wide


def _runs(shown: str) -> list[str]:
    """Split a text into stretches of one font and single drawn signs."""
    runs: list[str] = []
    before: str | None = None
    for sign in shown:
        font = None if _has(sign) or sign in _DRAWN else font_of(sign)
        if sign in _DRAWN or not runs or runs[-1] in _DRAWN or font != before:
            runs.append(sign)
        else:
            runs[-1] += sign
        before = font
    return runs


def _font_for(run: str, size: int) -> ImageFont.FreeTypeFont:
    """The font of a stretch: that of the pages, or one of the machine that has its letters."""
    name = None if _has(run[0]) or run in _DRAWN else font_of(run[0])
    return (None if name is None else further_font(name, size)) or _font(size)


def _weight(fine: int) -> int:
    """Thickness added around a bold letter, in fine pixels."""
    return max(1, round(fine * 0.02))
