"""A picture of how far the training is: photographs above, the same photographs redrawn below."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from saccade.picture import save_picture

Array = np.ndarray[Any, np.dtype[Any]]

GAP = 4


def draw(photographs: Array, redrawn: Array, path: Path) -> None:
    """Write both rows as one picture, whole or not at all.

    Args:
        photographs: float32 (images, height, width, channels) in 0..1.
        redrawn: What the model makes of them, of the same shape.
        path: The file to write; its ending chooses the format.

    Raises:
        FileError: It cannot be written, or has no ending of a picture.
    """
    count, height, width, _ = photographs.shape
    sheet = np.full((2 * height + 3 * GAP, count * (width + GAP) + GAP, 3), 255, np.uint8)
    for row, shown in enumerate((photographs, redrawn)):
        images = np.rint(np.clip(shown, 0, 1) * 255).astype(np.uint8)
        top = GAP + row * (height + GAP)
        for column, image in enumerate(images):
            left = GAP + column * (width + GAP)
            sheet[top : top + height, left : left + width] = image
    save_picture(Image.fromarray(sheet), path)
