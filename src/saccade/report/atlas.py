"""The atlas of a collection: its map alone, as one page or as a picture."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from saccade.arguments import checks_arguments
from saccade.atomic_files import check_writable, write_text
from saccade.collection import LAYOUTS, Catalogue, photo_maps
from saccade.collection.thumbnail import opened_thumbnail
from saccade.encoder import Encoder, as_encoder
from saccade.errors import InputError, UnknownName
from saccade.picture import save_picture
from saccade.picture.files import FORMATS
from saccade.picture.photo_plane import photo_plane
from saccade.report.collection_data import ShownCollection, catalogue_for
from saccade.report.page_file import page_file

PAGES = (".html", ".htm")
_STRETCH = 1.7
"""As on the page: distances of neighbours mean nothing across the map."""
_WORDS = {
    "neighbours": "Photos with like codes lie side by side (t-SNE); distances between far islands mean little.",
    "grid": "Photos with like codes lie side by side (t-SNE), each in the cell that moves all the least.",
    "pca": "The two directions along which the codes differ most; they hold {share:.0%} of how the codes differ.",
}


@checks_arguments
def write_atlas(
    encoder: Encoder | Any,
    collection: Any,
    output: str | Path,
    *,
    layout: str = "neighbours",
    title: str | None = None,
    theme: str = "dark",
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
    stop: Callable[[], bool] | None = None,
) -> Path:
    """How does this model see a whole collection? Its map as a page that can be touched, or as a picture.

    Args:
        encoder: The model and its code.
        collection: A `Catalogue`, its file, or photos: a folder, a glob, a list.
        output: The file to write: .html for the page, .png, .jpg or .webp for the picture.
        layout: How photos are laid out in the picture: `"neighbours"`, `"grid"` or `"pca"`. The page has all of them.
        title: The headline.
        theme: Of the picture: `"light"` or `"dark"`.
        seed: Of the sample, where there are more than 2,000, and of the maps.
        progress: Called with the photos encoded and the photos in all, where they are encoded now.
        stop: Asked between photos; True ends the work with `Cancelled`.

    Returns:
        The path of the file.

    Raises:
        InputError: Another ending, a catalogue of another encoder, or photos that cannot be used.
        FileError: Something is not there, or the file cannot be written.
        MissingPackage: scikit-learn is not installed.
        UnknownName: No such layout.
        Cancelled: `stop` said so; nothing was written.
    """
    path = check_atlas(output, layout)
    encoder = as_encoder(encoder)
    catalogue = catalogue_for(encoder, collection, progress=progress, stop=stop)
    shown = ShownCollection(encoder, catalogue, seed=seed)
    headline = title or f"How does {encoder.name} see {len(catalogue):,} photos?"
    if path.suffix.lower() in PAGES:
        deck = "Every photo at its place among all the others: what the network finds alike lies together."
        data = {"title": headline, "deck": deck, "model": encoder.name, "atlas": shown.data()}
        return write_text(path, page_file(headline, deck, data, entry="atlas.js"))
    return save_picture(_picture(shown, catalogue, headline, layout, theme, seed), path, {"title": headline})


def check_atlas(output: str | Path, layout: str) -> Path:
    """Refuse before the work what could not be written; gives the path.

    Raises:
        InputError: Another ending.
        FileError: It cannot be written.
        UnknownName: No such layout.
    """
    path = Path(output)
    if path.suffix.lower() not in (*PAGES, *FORMATS):
        raise InputError(f"{path.name} is no atlas; its name must end in .html, or in {', '.join(FORMATS)}.")
    if layout not in LAYOUTS:
        raise UnknownName.of("layout", layout, LAYOUTS)
    check_writable(path)
    return path


def _picture(
    shown: ShownCollection, catalogue: Catalogue, title: str, layout: str, theme: str, seed: int
) -> Image.Image:
    (placed,) = photo_maps(shown.space, (layout,), aspect=shown.aspect, seed=seed)
    words = _WORDS[layout].format(share=sum(placed.shares or (0.0,)))
    worth = placed.trustworthiness
    trust = "" if worth is None else f" Trustworthiness {worth:.2f} (1 all, 0.5 chance)."
    count = f"{len(shown.entries):,} of {len(catalogue):,} photos, drawn at random"
    return photo_plane(
        [np.asarray(opened_thumbnail(entry)) for entry in shown.entries],
        placed.positions,
        columns=placed.columns,
        stretch=_STRETCH if layout == "neighbours" else 1.0,
        title=title,
        notes=[
            f"{count if len(shown.entries) < len(catalogue) else f'{len(catalogue):,} photos'}. {words}{trust}",
            f"By the codes of layer {catalogue.origin.layer} alone: no name, no folder, no label was looked at.",
        ],
        theme=theme,
    )
