"""Images set as a page: a title, what is shown, the images with their names and keys, the small print.

One overlay with its caption is a figure of one panel; a contact sheet of many photos and methods is a
figure with row and column labels. Nothing is left out: every panel is drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil

from PIL import Image

from saccade.errors import InputError
from saccade.picture.colorbar import Bar, colorbar
from saccade.picture.page import Page, column
from saccade.picture.themes import Theme, theme_of
from saccade.picture.typesetting import LEADING, measure, wrap

_LONGEST = 4
"""Images that are so many times as long as wide, or as wide as long, are as thin as a page can take."""


@dataclass(frozen=True)
class Panel:
    """One image on a page.

    Attributes:
        image: An RGB image of any size; it is fitted to its place.
        title: Its name, in bold below it.
        subtitle: A line or two below the name.
        bar: Its colour bar, if it has one of its own.
        crisp: Keep pixels square when enlarging (a true grid) instead of smoothing.
    """

    image: Image.Image
    title: str = ""
    subtitle: str = ""
    bar: Bar | None = None
    crisp: bool = False


def figure(
    panels: Sequence[Panel],
    *,
    columns: int | None = None,
    title: str = "",
    caption: Sequence[str] = (),
    notes: Sequence[str] = (),
    bar: Bar | None = None,
    row_labels: Sequence[str] = (),
    column_labels: Sequence[str] = (),
    theme: str | Theme = "light",
    width: int | None = None,
    aspect: tuple[int, int] | None = None,
) -> Image.Image:
    """Set panels as a page.

    Args:
        panels: In reading order.
        columns: Panels in a row; the number of column labels, or up to four, when None.
        title: The headline.
        caption: Paragraphs of standing text below the headline.
        notes: Small print at the foot: settings, caveats.
        bar: One colour bar for all panels, below them.
        row_labels: A name for each row, at its left.
        column_labels: A name for each column, above it; panels then keep to equal columns. Without them, panels of
            different shapes in a row are made equally high.
        theme: `"light"`, `"dark"` or a theme.
        width: Outer width in pixels; from the panels when None.
        aspect: Width and height to each other, such as (16, 9): paper is added round the page; None adds none.

    Returns:
        An RGB image.

    Raises:
        InputError: No panels, or labels that do not match the rows and columns.
    """
    across = columns or len(column_labels) or min(4, len(panels))
    if not panels or across < 1:
        raise InputError(f"a figure needs at least one panel and one column; got {len(panels)} and {across}.")
    down = ceil(len(panels) / across)
    for kind, labels, count in (("row", row_labels, down), ("column", column_labels, across)):
        if labels and len(labels) != count:
            raise InputError(f"{len(labels)} {kind} labels for {count} {kind}s; give one each, or none.")
    panels, remark = _not_thin(panels, theme_of(theme))
    page = Page.of(width or _natural_width(panels, across, bool(row_labels)), theme_of(theme))
    layout = _Layout.of(page, across, row_labels, equal=bool(column_labels))
    blocks = page.header(title, caption)
    if column_labels:
        blocks.append((page.text * 1.3, layout.heads(column_labels)))
    rows = [panels[start : start + across] for start in range(0, len(panels), across)]
    tallest: float | None = None
    for index, row in enumerate(rows):
        drawn, tallest = layout.row(row, row_labels[index] if row_labels else "", tallest)
        has_words = any(panel.title or panel.subtitle or panel.bar for panel in row)
        between = page.text * 1.4 if has_words else layout.gap
        blocks.append(((page.text * 0.45 if column_labels else page.text * 1.3) if not index else between, drawn))
    if bar is not None:
        length = min(page.content - layout.indent, round(page.text * 40))
        key = colorbar(bar, length=length, size=page.text * 0.92, theme=page.theme)
        placed = Image.new("RGB", (page.content, key.height), page.theme.background)
        placed.paste(key, (layout.indent, 0))
        blocks.append((page.text * 1.4, placed))
    return page.assemble(blocks + page.footer([*notes, *remark]), aspect)


@dataclass(frozen=True)
class _Layout:
    """Where the panels of a page go."""

    page: Page
    across: int
    indent: int  # space for the row labels
    gap: int
    label: float  # font size of names
    equal: bool  # equal columns instead of equal heights

    @classmethod
    def of(cls, page: Page, across: int, row_labels: Sequence[str], *, equal: bool) -> _Layout:
        gap = round(page.text * (0.35 if equal or across > 4 else 1.0))
        label = page.text * (0.92 if across <= 8 else 0.8)
        indent = 0
        if row_labels:
            longest = max(measure(word, label) for name in row_labels for word in name.split())
            indent = round(min(longest, page.content * 0.13, page.text * 9) + page.text)
        return cls(page, across, indent, gap, label, equal)

    @property
    def cell(self) -> int:
        """Width of one of equal columns."""
        space = self.page.content - self.indent - self.gap * (self.across - 1)
        if space < 8 * self.across:
            raise InputError(f"{self.across} columns do not fit into {self.page.width} pixels; make the page wider.")
        return space // self.across

    def heads(self, labels: Sequence[str]) -> Image.Image:
        """The names of the columns, standing on a common baseline."""
        page = self.page
        # Smaller words are better than broken ones.
        longest = max(measure(word, self.label, bold=True) for label in labels for word in label.split() or [""])
        size = self.label * max(0.4, min(1.0, 0.98 * self.cell / max(longest, 1)))
        most = max(len(wrap(label, size, self.cell, bold=True)) for label in labels)
        image = Image.new("RGB", (page.content, round(LEADING * size * most)), page.theme.background)
        for index, label in enumerate(labels):
            block = page.lines(label, size=size, colour=page.theme.ink, bold=True, width=self.cell)
            image.paste(block, (self.indent + index * (self.cell + self.gap), image.height - block.height))
        return image

    def row(self, panels: Sequence[Panel], label: str, before: float | None) -> tuple[Image.Image, float]:
        """One row of panels, and the height of its images; a short last row is no taller."""
        page = self.page
        aspects = [panel.image.width / panel.image.height for panel in panels]
        if self.equal:
            sizes = [(self.cell, max(1, round(self.cell / aspect))) for aspect in aspects]
            tall = float(max(height for _, height in sizes))
        else:
            space = page.content - self.indent - self.gap * (len(panels) - 1)
            tall = min(space / sum(aspects), page.width * 0.95)
            if before is not None and len(panels) < self.across:
                tall = min(tall, before)
            elif len(panels) < self.across:
                tall = min(tall, self.cell / min(aspects))
            sizes = [(max(1, int(tall * aspect)), max(1, round(tall))) for aspect in aspects]
        words = [self._words(panel, width) for panel, (width, _) in zip(panels, sizes, strict=True)]
        words_height = max(block.height for block in words)  # bars of a row stand at the same height
        cells = [self._panel(*parts, words_height) for parts in zip(panels, sizes, words, strict=True)]
        beside = max(1, self.indent - round(page.text * 0.6))
        name = page.lines(label, size=self.label, colour=page.theme.muted, width=beside)
        high = max([cell.height for cell in cells] + ([name.height] if label else []))
        image = Image.new("RGB", (page.content, high), page.theme.background)
        if label:
            image.paste(name, (0, 0))
        left = self.indent
        for cell in cells:
            image.paste(cell, (left, 0))
            left += cell.width + self.gap
        return image, tall

    def _words(self, panel: Panel, width: int) -> Image.Image:
        """Name and subtitle of a panel."""
        page = self.page
        blocks: list[tuple[float, Image.Image]] = []
        if panel.title:
            block = page.lines(panel.title, size=self.label, colour=page.theme.ink, bold=True, width=width)
            blocks.append((self.label * 0.4, block))
        if panel.subtitle:
            block = page.lines(panel.subtitle, size=self.label * 0.92, colour=page.theme.muted, width=width)
            blocks.append((self.label * (0.02 if panel.title else 0.4), block))
        return column(blocks, width, page.theme.background)

    def _panel(self, panel: Panel, size: tuple[int, int], words: Image.Image, words_height: int) -> Image.Image:
        """An image with its words and its bar below it, as wide as the image."""
        page, width = self.page, size[0]
        kind = Image.Resampling.NEAREST if panel.crisp and width >= panel.image.width else Image.Resampling.LANCZOS
        image = panel.image.convert("RGB")
        blocks: list[tuple[float, Image.Image]] = [(0, image.resize(size, kind) if image.size != size else image)]
        blocks.append((0, words))
        if panel.bar is not None:
            # Shorter than the picture, so that the numbers at the ends of neighbours do not run into one another.
            length = min(round(width * 0.95), round(page.text * 40))
            key = colorbar(panel.bar, length=length, size=self.label * 0.92, theme=page.theme)
            blocks.append((words_height - words.height + self.label * 0.8, key))
        return column(blocks, width, page.theme.background)


def _not_thin(panels: Sequence[Panel], theme: Theme) -> tuple[list[Panel], list[str]]:
    """Very long images stand in the middle of paper that is less long, so that words fit below; and a line on that."""
    shown = []
    for panel in panels:
        wide, high = panel.image.size
        outer = (max(wide, ceil(high / _LONGEST)), max(high, ceil(wide / _LONGEST)))
        if outer != (wide, high):
            paper = Image.new("RGB", outer, theme.rule)
            paper.paste(panel.image, ((outer[0] - wide) // 2, (outer[1] - high) // 2))
            shown.append(replace(panel, image=paper))
        else:
            shown.append(panel)
    are_thin = any(drawn is not original for drawn, original in zip(shown, panels, strict=True))
    remark = f"Images longer than {_LONGEST}:1 stand on paper of that shape." if are_thin else ""
    return shown, [remark] if remark else []


def _natural_width(panels: Sequence[Panel], across: int, labelled: bool) -> int:
    """A page on which the panels keep about their own size, between a small screen and a poster."""
    widest = max(panel.image.width for panel in panels)
    cell = min(max(widest, 230), 1600 if across == 1 else 640 if across <= 4 else 300)
    return int(min(max(cell * across * 1.09 + (140 if labelled else 0), 960), 3000))
