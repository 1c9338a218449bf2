"""Draw the pictures of the README with the model that ships: python docs/draw_images.py [CLOTHING].

CLOTHING is a copy of github.com/alexeygrigorev/clothing-dataset (public domain, CC0), in its full size: two of its
photographs show why a top and a T-shirt are alike. Without it that picture stays as it is.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from importlib.resources import files
from pathlib import Path

from PIL import Image
from skimage import data

import saccade
from saccade.picture import Panel, figure, save_picture
from saccade.results.similarity_page import similarity_page

IMAGES = Path(__file__).parent / "images"
PAIR = {"top.jpg": "92a51811", "t-shirt.jpg": "0af4203f"}
"""What the photographs are called here, and how their names begin there, or go on behind their kind."""


def where_it_looks(encoder: saccade.Encoder) -> Path:
    """Three photographs above their maps."""
    photos = [data.chelsea(), data.coffee(), data.rocket()]
    look = saccade.explain(encoder, photos)
    page = figure(
        [
            *(Panel(Image.fromarray(photo)) for photo in photos),
            *(Panel(overlay) for overlay in look.overlay(least=1000)),
        ],
        columns=3,
        title="What is the code made of?",
        caption=["Each photo comes into focus from a blur; it glows where that adds most to the code."],
        notes=["A small autoencoder that was trained on photographs of clothes. Every picture has its own scale."],
        width=1600,
    )
    return save_picture(page, IMAGES / "where-it-looks.jpg", look.metadata())


def why_alike(encoder: saccade.Encoder, clothing: Path) -> Path:
    """A top and a T-shirt on the same hanger."""
    with tempfile.TemporaryDirectory() as folder:
        for name, number in PAIR.items():
            largest = max(clothing.rglob(f"*{number}*.jpg"), key=lambda file: file.stat().st_size)
            shutil.copy(largest, Path(folder) / name)
        why = saccade.compare(encoder, *(Path(folder) / name for name in PAIR), reference=encoder.reference, cover=True)
        page = similarity_page(why, theme="light", smooth=True, opacity=0.85, width=1400, maps=False)
        return save_picture(page, IMAGES / "why-alike.jpg", why.metadata())


if __name__ == "__main__":
    shipped = saccade.load(str(files("saccade") / "shipped" / "clothing-autoencoder.keras"))
    print(where_it_looks(shipped))
    if len(sys.argv) > 1:
        print(why_alike(shipped, Path(sys.argv[1])))
