"""build: the model and the photos copied into a folder, and their report written beside them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import saccade
from saccade.atomic_files import write_text
from saccade.demo.photos import PHOTOS, files
from saccade.demo.publishing import published
from saccade.demo.second_encoder import FIT, LEAD, MISSING, SECOND, second_encoder
from saccade.encoder import Encoder
from saccade.errors import FileError
from saccade.images import Images
from saccade.loading import load
from saccade.reference import reference_path
from saccade.report import write_report
from saccade.training.record import photo_count

PAGE = "index.html"
MODEL = "clothing-autoencoder.keras"
"""The model that ships; a copy lies beside the page, so that the command on it works as printed."""
ABOUT = "photos.json"
"""What is known of the photos, beside the page for the same reason."""
TITLE = "Where does a machine look when nobody tells it what matters?"


def build(
    folder: Path,
    *,
    progress: Callable[[str, float, int], None] | None = None,
    on_note: Callable[[str], None] | None = None,
) -> Path:
    """Write the report of the model that ships on real photos, with all that its command needs beside it.

    Args:
        folder: Where it goes; made if it is not there. Files of the same names are replaced, all others stay.
        progress: Called with what is being done, the steps done, and the steps in all.
        on_note: Called with a line for everything that the page does not show, and why.

    Returns:
        The path of the page, `folder / "index.html"`.

    Raises:
        MissingPackage: scikit-image, or the framework of the model, is not installed.
        FileError: The folder cannot be written.

    Example:
        >>> saccade.demo.build(Path("demo"))
        PosixPath('demo/index.html')
    """
    with published(Path(folder), PAGE) as work:
        sources = files(PHOTOS)
        record = _copied_model(work)
        paths = [work / photo.name for photo in PHOTOS]
        for source, path in zip(sources, paths, strict=True):
            shutil.copyfile(source, path)
        about = {photo.name: photo.about() for photo in PHOTOS}
        write_text(work / ABOUT, json.dumps(about, indent=1, ensure_ascii=False) + "\n")
        encoder = load(work / MODEL)
        images = encoder.read(paths)
        second = second_encoder()
        options = ["--about", ABOUT]
        write_report(
            encoder, images, work / PAGE, title=TITLE, deck=_deck(encoder, images, record), about=about, beside=second,
            beside_lead=LEAD, model_source=str(work / MODEL),
            options=options if second is None else ["--beside", SECOND, "--beside-fit", FIT, *options],
            notes=[MISSING] if second is None else [], progress=progress, on_note=on_note,
        )  # fmt: skip
    return Path(folder) / PAGE


def _deck(encoder: Encoder, images: Images, record: Mapping[str, Any]) -> str:
    """What the reader has to know of the model, in numbers of its own."""
    numbers = encoder.layer_size(encoder.layer, images.array[:1])
    values = int(images.array[0].size)
    count = photo_count(record.get("training", {}))
    learned = "photos of clothes" if count is None else f"{count:,} photos of clothes"
    return (
        f"A small network learned from {learned} to squeeze a photo into {numbers:,} numbers, 1 for every "
        f"{values / numbers:.0f} that it was given, and to paint it back from them. It was never told what anything "
        "is called. Here it meets things it has never seen. It runs in this page: touch everything."
    )


def _copied_model(folder: Path) -> dict[str, Any]:
    """Copy the model, its record and what is typical of its collection; return the record."""
    shipped = Path(saccade.__file__).parent / "shipped"
    record = Path(MODEL).with_suffix(".json").name
    try:
        for name in (MODEL, record, reference_path(Path(MODEL)).name):
            shutil.copyfile(shipped / name, folder / name)
        content: dict[str, Any] = json.loads((folder / record).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise FileError(
            f"the model that ships with saccade is not in {shipped}; install it again: pip install --force-reinstall "
            "'saccade[demo]'"
        ) from error
    return content
