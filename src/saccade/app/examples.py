"""Photographs to begin with: scikit-image brings some along."""

from __future__ import annotations

import importlib.util
from pathlib import Path

_FILES = (
    "chelsea.png", "coffee.png", "astronaut.png", "rocket.jpg", "motorcycle_left.png", "motorcycle_right.png",
    "camera.png", "coins.png", "hubble_deep_field.jpg",
)  # fmt: skip
SHIPPED = Path(__file__).parent.parent / "shipped" / "clothing-autoencoder.keras"
"""The model that ships."""


def example_photos() -> list[Path]:
    """Those of scikit-image's photographs that lie on this machine; none where it is not installed."""
    spec = importlib.util.find_spec("skimage")
    if spec is None or spec.origin is None:
        return []
    folder = Path(spec.origin).parent / "data"
    return [folder / name for name in _FILES if (folder / name).is_file()]
