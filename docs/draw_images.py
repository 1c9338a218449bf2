"""Draw the pictures of the README with the model that ships: python docs/draw_images.py [CLOTHING].

CLOTHING is a copy of github.com/alexeygrigorev/clothing-dataset-small (public domain, CC0): two of its photographs show
why trainers and trousers are alike. Without it that picture stays as it is.
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
PAIR = {"trainers.jpg": "test/shoes/b232d13e*.jpg", "trousers.jpg": "train/pants/a5111c97*.jpg"}


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
    """Trainers and trousers on a red carpet."""
    with tempfile.TemporaryDirectory() as folder:
        for name, pattern in PAIR.items():
            shutil.copy(next(clothing.glob(pattern)), Path(folder) / name)
        why = saccade.compare(encoder, *(Path(folder) / name for name in PAIR), reference=encoder.reference, cover=True)
        page = similarity_page(why, theme="light", smooth=True, opacity=0.85, width=1400, maps=False)
        return save_picture(page, IMAGES / "why-alike.jpg", why.metadata())


if __name__ == "__main__":
    shipped = saccade.load(str(files("saccade") / "shipped" / "clothing-autoencoder.keras"))
    print(where_it_looks(shipped))
    if len(sys.argv) > 1:
        print(why_alike(shipped, Path(sys.argv[1])))
