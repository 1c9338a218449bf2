"""What a report carries: its data, and the arrays in them."""

from __future__ import annotations

import base64
import json
import re
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from skimage import data

PHOTOS = ("cat.png", "cup.png", "rocket.png", "cat-again.png")
"""The photos of `write_photos`; the last shows what the first shows."""


def carried_by(page: Path) -> dict[str, Any]:
    """The data of a page, read as text."""
    text = page.read_text(encoding="utf-8")
    match = re.search(r'<script type="application/json" id="report-data">(.*?)</script>', text, re.DOTALL)
    assert match is not None
    content: dict[str, Any] = json.loads(match[1])
    return content


def decoded(spec: dict[str, Any]) -> NDArray[Any]:
    """What `views/arrays.js` reads, by numpy."""
    kind = np.dtype(spec["dtype"]).newbyteorder("<")
    if "base64" in spec:
        stored = base64.b64decode(spec["base64"])
    else:
        planes = np.frombuffer(zlib.decompress(base64.b64decode(spec["deflated"]), -15), np.uint8)
        words = np.ascontiguousarray(planes.reshape(kind.itemsize, -1).T).view(f"<u{kind.itemsize}").ravel()
        if spec["stride"]:
            rows = np.pad(words, (0, -len(words) % spec["stride"])).reshape(-1, spec["stride"])
            words = np.cumsum(rows, axis=0, dtype=words.dtype).ravel()[: len(words)]
        stored = words.tobytes()
    values = np.frombuffer(stored, kind)
    return values.reshape(spec["shape"]) * np.float32(spec.get("scale", 1))


def write_photos(folder: Path) -> None:
    """Four small photographs for a report."""
    photographs = (data.chelsea(), data.coffee(), data.rocket(), data.chelsea()[:, 12:])
    for name, photograph in zip(PHOTOS, photographs, strict=True):
        Image.fromarray(photograph[::3, ::3]).save(folder / name)
