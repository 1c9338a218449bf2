"""How do a title, images and notes become one page?

A page is a column of blocks on paper: a short accent rule, the title, the standing text, the images, the
notes in small type below a hairline. All sizes follow from the page's width, so that a page of any size
reads the same.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image

from saccade.errors import InputError
from saccade.picture.themes import Colour, Theme
from saccade.picture.typesetting import LEADING, wrap, write_lines


@dataclass(frozen=True)
class Page:
    """Measures of a page.

    Attributes:
        width: Outer width in pixels.
        theme: Its colours.
        text: Size of the standing text in pixels.
    """

    width: int
    theme: Theme
    text: float

    @classmethod
    def of(cls, width: int, theme: Theme) -> Page:
        """A page of this width, its text sized to be read when the page fills a screen or a sheet."""
        if width < 120:
            raise InputError(f"a page must be at least 120 pixels wide; got {width}.")
        return cls(width, theme, max(10.0, 4.6 + width / 95) if width < 1200 else width / 69.6)

    @property
    def margin(self) -> int:
        """White space around everything."""
        return max(12, round(self.text * 2.6 if self.width > 500 else self.width * 0.05))

    @property
    def content(self) -> int:
        """Width between the margins."""
        return self.width - 2 * self.margin

    def lines(
        self,
        text: str,
        *,
        size: float,
        colour: Colour,
        bold: bool = False,
        width: int | None = None,
        most: int | None = None,
        align: str = "left",
    ) -> Image.Image:
        """A block of wrapped text."""
        space = self.content if width is None else width
        broken = wrap(text, size, space, bold=bold, lines=most)
        image = Image.new("RGB", (space, max(1, round(LEADING * size * len(broken)))), self.theme.background)
        left = {"left": 0, "centre": space / 2, "right": space}[align]
        write_lines(image, (left, 0), broken, size=size, colour=colour, bold=bold, align=align)
        return image

    def header(self, title: str, caption: Sequence[str]) -> list[tuple[float, Image.Image]]:
        """Accent rule, title and standing text, as blocks with the space above each."""
        blocks: list[tuple[float, Image.Image]] = []
        if title:
            accent = Image.new("RGB", (round(self.text * 2.6), max(2, round(self.text * 0.24))), self.theme.warm)
            blocks.append((0, accent))
            blocks.append(
                (self.text * 0.55, self.lines(title, size=self.text * 1.85, colour=self.theme.ink, bold=True))
            )
        measure = min(self.content, round(self.text * 44))  # about 85 letters a line: longer ones are hard to follow
        for index, line in enumerate(caption):
            gap = (0.35 if title else 0) if not index else 0.15
            blocks.append((self.text * gap, self.lines(line, size=self.text, colour=self.theme.muted, width=measure)))
        return blocks

    def footer(self, notes: Sequence[str]) -> list[tuple[float, Image.Image]]:
        """A hairline and the notes in small type; commands stand in quotation marks, not in a terminal's backticks."""
        if not notes:
            return []
        hairline = Image.new("RGB", (self.content, max(1, round(self.text / 14))), self.theme.rule)
        blocks: list[tuple[float, Image.Image]] = [(self.text * 1.5, hairline)]
        for index, note in enumerate(notes):
            words = re.sub(r"`([^`]+)`", "\N{LEFT DOUBLE QUOTATION MARK}\\1\N{RIGHT DOUBLE QUOTATION MARK}", note)
            block = self.lines(words, size=self.text * 0.8, colour=self.theme.muted)
            blocks.append((self.text * (0.15 if index else 0.7), block))
        return blocks

    def assemble(
        self, blocks: Sequence[tuple[float, Image.Image]], aspect: tuple[int, int] | None = None
    ) -> Image.Image:
        """Stack blocks, left-aligned, put margins around them, and add paper up to an aspect."""
        tops, top = [], float(self.margin)
        for index, (gap, block) in enumerate(blocks):
            top += gap if index else 0
            tops.append(round(top))
            top += block.height
        width, height = self.width, round(top + self.margin)
        outer = (width, height)
        if aspect is not None:
            outer = (
                max(width, round(height * aspect[0] / aspect[1])),
                max(height, round(width * aspect[1] / aspect[0])),
            )
        left, above = (outer[0] - width) // 2, (outer[1] - height) // 2
        image = Image.new("RGB", outer, self.theme.background)
        for place, (_, block) in zip(tops, blocks, strict=True):
            image.paste(block, (left + self.margin, above + place))
        return image


def column(blocks: Sequence[tuple[float, Image.Image]], width: int, background: Colour) -> Image.Image:
    """Stack blocks without margins, each with the space above it."""
    height = round(sum(gap + block.height for gap, block in blocks))
    image = Image.new("RGB", (width, max(1, height)), background)
    top = 0.0
    for gap, block in blocks:
        top += gap
        image.paste(block, (0, round(top)))
        top += block.height
    return image
