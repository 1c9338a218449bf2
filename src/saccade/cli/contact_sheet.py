"""The contact sheet that `explain` ends with: every photo small, with its maps, from thumbnails on disk."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from math import ceil, sqrt
from pathlib import Path
from typing import TYPE_CHECKING

from saccade.cli.pages import Pages, Question
from saccade.errors import FileError

if TYPE_CHECKING:
    from saccade.picture import Bar

MOST = 60
"""Photos beyond this number make no sheet that anybody could look at."""


def wanted(photos: int) -> bool:
    """Is there anything to put side by side, and not too much?"""
    return 2 <= photos <= MOST


def side(photos: int, methods: int) -> int:
    """The longer side of a thumbnail: the sheet must stay a picture that opens everywhere."""
    if methods > 1:
        return max(200, min(480, 12_000 // photos))
    return 480 if photos <= 16 else 320


def draw(
    question: Question, pages: Sequence[Pages], titles: Sequence[str], notes: Sequence[str], bar: Bar | None = None
) -> tuple[Path, bool]:
    """Write the sheet.

    Args:
        question: What was asked.
        pages: The photos' files, thumbnails among them.
        titles: The photos' names.
        notes: Small print: the unit and the scale.
        bar: The colour bar, where all pictures share one scale.

    Returns:
        The file, and whether it had to be drawn: an earlier run may have left it.
    """
    import hashlib

    from PIL import Image

    from saccade.methods import find
    from saccade.picture import Panel, comparison, figure, read_metadata, save_picture
    from saccade.targets import parse

    path = pages[0].folder / f"contact-sheet-{question.suffix}.{question.drawing.format}"
    run = hashlib.sha256(" ".join(page.digest for page in pages).encode()).hexdigest()
    with contextlib.suppress(FileError):
        if read_metadata(path).get("run") == run:
            return path, False

    def thumbnail(page: Pages, method: str) -> Image.Image:
        with Image.open(page.thumbnail(method)) as image:
            return image.convert("RGB")

    named = [find(method).description.title for method in question.methods]
    asked = parse(question.target).question
    if not question.several:
        sheet = figure(
            [Panel(thumbnail(page, question.methods[0]), title) for page, title in zip(pages, titles, strict=True)],
            columns=min(8, ceil(sqrt(1.2 * len(pages)))),
            title=f"{named[0]}: {asked}",
            notes=notes,
            bar=bar,
            theme=question.drawing.theme,
        )
    else:
        sheet = comparison(
            [[thumbnail(page, each) for each in ("photo", *question.methods)] for page in pages],
            titles,
            named,
            title=f"{asked[:1].upper()}{asked[1:]}",
            notes=notes,
            theme=question.drawing.theme,
        )
    metadata = {"run": run, "target": question.asked, "method": ", ".join(question.methods)}
    return save_picture(sheet, path, metadata), True
