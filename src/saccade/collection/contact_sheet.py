"""The contact sheet of a run: every photo small, with its maps, from thumbnails on disk."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, sqrt
from typing import TYPE_CHECKING

from PIL import Image

from saccade.collection.fingerprint import fingerprint
from saccade.collection.page_files import PageFiles, metadata_of
from saccade.collection.record import PageRecord, SheetRecord
from saccade.picture import Bar, Panel, comparison, figure, save_picture, scale_of

if TYPE_CHECKING:
    from saccade.encoder import Encoder

SHEET = "contact-sheet"
"""What its file's name begins with."""
MOST = 60
"""Photos beyond this number make no sheet that can be looked at."""


def has_sheet(photos: int) -> bool:
    """Is there anything to put side by side, and not too much?"""
    return 2 <= photos <= MOST


def thumbnail_side(photos: int, maps: int) -> int:
    """The longer side of a thumbnail in pixels: the sheet must stay a picture that opens everywhere."""
    if maps > 1:
        return max(200, min(480, 12_000 // photos))
    return 480 if photos <= 16 else 320


def write_sheet(encoder: Encoder, pages: Sequence[PageFiles], records: Sequence[PageRecord]) -> SheetRecord:
    """Write the sheet, unless an earlier run has left the same.

    Args:
        encoder: The model, for the small print.
        pages: The photos' files, thumbnails among them, each of the same requests.
        records: What is known about these pages.

    Raises:
        FileError: It cannot be written.
    """
    page = pages[0].page
    path = pages[0].folder / f"{SHEET}-{page.suffix}.{page.style.format}"
    run = fingerprint([files.fingerprint for files in pages])
    if metadata_of(path).get("run") == run:
        return SheetRecord(page.target.name, path, already=True)
    names = [files.photo.name for files in pages]
    titles = [record.title for record in records[0].maps]
    notes = _small_print(encoder, page.style.scale, records[0])
    if page.side_by_side:
        question = page.target.question
        sheet = comparison(
            [[_image(files, label) for label in (None, *page.labels)] for files in pages],
            names,
            titles,
            title=f"{question[:1].upper()}{question[1:]}",
            notes=notes,
            theme=page.style.theme,
        )
    else:
        sheet = figure(
            [Panel(_image(files, page.labels[0]), name) for files, name in zip(pages, names, strict=True)],
            columns=min(8, ceil(sqrt(1.2 * len(pages)))),
            title=f"{titles[0]}: {page.target.question}",
            notes=notes,
            bar=_bar(records) if page.style.scale == "all" else None,
            theme=page.style.theme,
        )
    metadata = {"run": run, "target": page.target.name, "method": ", ".join(page.labels)}
    return SheetRecord(page.target.name, save_picture(sheet, path, metadata), already=False)


def _image(files: PageFiles, label: str | None) -> Image.Image:
    with Image.open(files.thumbnail(label)) as image:
        return image.convert("RGB")


def _small_print(encoder: Encoder, scale: str, record: PageRecord) -> list[str]:
    units = "; ".join(dict.fromkeys(f"{entry.title}: {entry.units}" for entry in record.maps))
    shared = "One scale for all photos." if scale == "all" else "Every photo has its own scale."
    labels = ", ".join(entry.label for entry in record.maps)
    return [f"{units}. {shared}", f"{labels} of {record.target}, layer {record.maps[0].layer} of {encoder.name}"]


def _bar(records: Sequence[PageRecord]) -> Bar:
    """The key to the one scale of all photos."""
    maps = [record.maps[0] for record in records]
    extremes = [value for entry in maps for value in (entry.lowest, entry.highest)]
    scale = scale_of(extremes, signed=maps[0].signed, shared="all pictures")
    return Bar(scale, maps[0].units, percent=maps[0].is_share)
