"""An image of how far the training is: photos above, the same photos redrawn below."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from saccade.picture import save_picture
from saccade.typing import Array

GAP = 4


def draw(images: Array, redrawn: Array, path: Path) -> None:
    """Write both rows as one image file, whole or not at all.

    Args:
        images: float32 (images, height, width, channels) in 0..1.
        redrawn: What the model makes of them, of the same shape.
        path: The file to write; its ending chooses the format.

    Raises:
        FileError: It cannot be written, or its ending is not that of an image file.
    """
    count, height, width, _ = images.shape
    sheet = np.full((2 * height + 3 * GAP, count * (width + GAP) + GAP, 3), 255, np.uint8)
    for row, shown in enumerate((images, redrawn)):
        pixels = np.rint(np.clip(shown, 0, 1) * 255).astype(np.uint8)
        top = GAP + row * (height + GAP)
        for column, image in enumerate(pixels):
            left = GAP + column * (width + GAP)
            sheet[top : top + height, left : left + width] = image
    save_picture(Image.fromarray(sheet), path, {"kind": "training preview"})
