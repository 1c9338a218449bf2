"""Draw the picture of the README with the model that ships: python docs/draw_images.py."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from PIL import Image
from skimage import data

import saccade
from saccade.picture import Panel, figure, save_picture

encoder = saccade.load(str(files("saccade") / "shipped" / "clothing-autoencoder.keras"))
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
print(save_picture(page, Path(__file__).parent / "images" / "where-it-looks.jpg", look.metadata()))
