"""Draw the pictures of the README with the model that ships: python docs/draw_images.py [CLOTHING [SMALL]].

CLOTHING is a copy of github.com/alexeygrigorev/clothing-dataset (public domain, CC0), in its full size: two of its
photographs show why a top and a T-shirt are alike. SMALL is the folder `train` of its clothing-dataset-small, which is
laid out as a map. Without them these pictures stay as they are.
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
from saccade.report.atlas import write_atlas
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


def collection(encoder: saccade.Encoder, photos: Path) -> Path:
    """All photographs of a folder, laid out by their codes."""
    path = IMAGES / "collection.jpg"
    with tempfile.TemporaryDirectory() as folder:
        drawn = write_atlas(encoder, photos, Path(folder) / "atlas.png", title="3,068 photos, and nobody sorted them")
        with Image.open(drawn) as large:
            large.convert("RGB").resize(
                (1500, round(1500 * large.height / large.width)), Image.Resampling.LANCZOS
            ).save(path, quality=84, optimize=True, progressive=True)
    return path


if __name__ == "__main__":
    shipped = saccade.load(str(files("saccade") / "shipped" / "clothing-autoencoder.keras"))
    print(where_it_looks(shipped))
    if len(sys.argv) > 1:
        print(why_alike(shipped, Path(sys.argv[1])))
    if len(sys.argv) > 2:
        print(collection(shipped, Path(sys.argv[2])))
