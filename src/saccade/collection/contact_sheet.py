"""The contact sheet of a run: every photo small, with its maps, from thumbnails on disk."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, sqrt
from typing import TYPE_CHECKING

from PIL import Image

from saccade.collection.page_files import PageFiles, metadata_of
from saccade.collection.record import MapRecord, PageRecord, SheetRecord
from saccade.collection.style import ASPECTS
from saccade.fingerprint import fingerprint
from saccade.picture import Bar, Panel, comparison, figure, save_picture, scale_of
from saccade.picture.comparison import sheets_of
from saccade.results.attribution import VIEW_REMARKS
from saccade.results.result import capitalised

if TYPE_CHECKING:
    from saccade.encoder import Encoder

SHEET = "contact-sheet"
"""What its file's name begins with."""
_PHOTOS = 24
"""Most photos of one sheet of a single method, each twice: plain, and with its map."""
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


def write_sheets(encoder: Encoder, pages: Sequence[PageFiles], records: Sequence[PageRecord]) -> list[SheetRecord]:
    """Write the sheets, each unless an earlier run has left the same.

    Args:
        encoder: The model, for the small print.
        pages: The photos' files, thumbnails among them, each of the same requests.
        records: What is known about these pages.

    Raises:
        FileError: One cannot be written.
    """
    page = pages[0].page
    run = fingerprint([files.fingerprint for files in pages])
    metadata = {"run": run, "target": page.target.name, "method": ", ".join(page.labels)}
    count = sheets_of(len(pages), len(page.labels)) if page.side_by_side else ceil(len(pages) / _PHOTOS)
    names = [f"{SHEET}-{page.suffix}{f'-{number}' if number > 1 else ''}" for number in range(1, count + 1)]
    paths = [pages[0].folder / f"{name}.{page.style.format}" for name in names]
    if all(metadata_of(path).get("run") == run for path in paths):
        return [SheetRecord(page.target.name, path, already=True) for path in paths]
    sheets = _side_by_side(encoder, pages, records) if page.side_by_side else _one_method(encoder, pages, records)
    return [
        SheetRecord(page.target.name, save_picture(sheet, path, metadata), already=False)
        for sheet, path in zip(sheets, paths, strict=True)
    ]


def _side_by_side(encoder: Encoder, pages: Sequence[PageFiles], records: Sequence[PageRecord]) -> list[Image.Image]:
    page = pages[0].page
    return comparison(
        [[_image(files, label) for label in (None, *page.labels)] for files in pages],
        [files.photo.name for files in pages],
        [record.title for record in records[0].maps],
        bars=[[_own_bar(page.style.view, entry) for entry in record.maps] for record in records],
        title=capitalised(page.target.question),
        notes=_small_print(encoder, page.style.scale, records[0]),
        theme=page.style.theme,
        aspect=ASPECTS[page.style.aspect],
    )


def _one_method(encoder: Encoder, pages: Sequence[PageFiles], records: Sequence[PageRecord]) -> list[Image.Image]:
    """Every photo plain, and its map beside it."""
    page, first = pages[0].page, records[0].maps[0]
    shared = page.style.scale == "all"
    count = ceil(len(pages) / _PHOTOS)
    sheets = []
    for number in range(count):
        some = slice(number * _PHOTOS, (number + 1) * _PHOTOS)
        panels: list[Panel] = []
        for files, record in zip(pages[some], records[some], strict=True):
            panels.append(Panel(_image(files, None), files.photo.name))
            panels.append(
                Panel(_image(files, page.labels[0]), bar=None if shared else _own_bar(page.style.view, record.maps[0]))
            )
        across = min(4, ceil(sqrt(len(pages[some]) / 1.5)))
        sheets.append(
            figure(
                panels,
                columns=2 * across,
                title=capitalised(first.question or page.target.question)
                + (f" ({number + 1} of {count})" if count > 1 else ""),
                caption=[
                    records[0].maps[0].title,
                    *filter(None, [capitalised(_key(page.style.view, records[0].maps[0]))]),
                ],
                notes=_small_print(encoder, page.style.scale, records[0]),
                bar=_bar([record.maps[0] for record in records], "all photos") if shared else None,
                theme=page.style.theme,
                aspect=ASPECTS[page.style.aspect],
            )
        )
    return sheets


def _image(files: PageFiles, label: str | None) -> Image.Image:
    with Image.open(files.thumbnail(label)) as image:
        return image.convert("RGB")


def _small_print(encoder: Encoder, scale: str, record: PageRecord) -> list[str]:
    units = "; ".join(dict.fromkeys(f"{entry.title}: {entry.units}" for entry in record.maps))
    shared = "One scale for all photos." if scale == "all" else "Every photo has its own scale."
    labels = ", ".join(entry.label for entry in record.maps)
    return [f"{units}. {shared}", f"{labels} of {record.target}, layer {record.maps[0].layer} of {encoder.name}"]


def _key(view: str, entry: MapRecord) -> str:
    """What light, grey and lines mean where no colour bar says it; empty where one does."""
    return entry.key if view in ("auto", entry.view) else VIEW_REMARKS.get(view, "")


def _own_bar(view: str, entry: MapRecord) -> Bar | None:
    """The key to the colours of one map, where it is painted in colours."""
    return _bar([entry]) if (entry.view if view == "auto" else view) == "heatmap" else None


def _bar(entries: Sequence[MapRecord], shared: str = "") -> Bar:
    """The key to the colours of a map, or of all maps on one scale."""
    first = entries[0]
    extremes = [value for entry in entries for value in (entry.lowest, entry.highest)]
    scale = scale_of(extremes, signed=first.signed, shared=shared or "this photo")
    unit = first.units if shared else ""
    return Bar(scale, unit, percent=first.is_share, contours=bool(shared), scale_named=bool(shared))
