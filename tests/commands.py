"""What the tests of the commands share: a small model, how a command is run, and what it left behind."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import keras
from PIL import Image

COMMAND = [sys.executable, "-m", "saccade"]
"""The program, for a process of its own."""
NUMPY_FACTORY = """
import numpy as np
from saccade.models.numpy_network import NumpyNetwork

def encode(images, taps):
    small = np.asarray(images).reshape(len(images), 4, 4, 4, 4, 3).mean(axis=(2, 4))
    return {"small": taps["small"](small) if "small" in taps else small}

class Mine(NumpyNetwork):
    def weights(self):
        return [("none", np.zeros(1))]

def make():
    return Mine(encode, (16, 16, 3), name="mine")

made = make()
"""
"""A module with a network of the user's own: no framework is loaded, so that a process starts in a moment."""

Run = Callable[..., tuple[int, str, str]]
COUNTS = ("steps=2", "samples=2", "masks=16", "iterations=2", "probes=2", "repeats=2")
LIGHT = [word for count in COUNTS for word in ("--set", count)]
"""Small counts, so that all methods answer in a moment."""


def small_autoencoder(trained: bool = True, size: int | None = 32, channels: int = 3) -> keras.Model:
    keras.utils.set_random_seed(1)
    image = keras.Input((size, size, channels))
    x = keras.layers.Conv2D(6, 3, padding="same", activation="elu", name="first")(image)
    x = keras.layers.MaxPooling2D(name="encoded")(x)
    x = keras.layers.UpSampling2D(name="up")(x)
    x = keras.layers.Conv2D(channels, 3, padding="same", activation="sigmoid", name="redrawn")(x)
    model = keras.Model(image, x, name="small")
    if trained:
        model.set_weights([weight + 0.01 for weight in model.get_weights()])
    return model


def refused(answer: tuple[int, str, str], *parts: str, status: int = 2) -> None:
    """One plain line on stderr, nothing on stdout but what was opened, and the status."""
    assert answer[0] == status
    assert answer[2].count("\n") == 1, answer[2]
    assert answer[2].startswith("saccade: ")
    assert "Traceback" not in answer[1] + answer[2]
    for part in parts:
        assert part.lower() in answer[2].lower(), answer[2]


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def width(path: Path) -> int:
    with Image.open(path) as image:
        return image.width


def environment(**more: str) -> dict[str, str]:
    """As on a user's machine: nothing set that would keep TensorFlow quiet."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("TF_CPP")}
    return {**inherited, **more}
