"""Which photos, what is on them, whose they are, and where their subjects lie: scikit-image brings them along."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from saccade.errors import FileError, MissingPackage
from saccade.typing import Box


@dataclass(frozen=True)
class DemoPhoto:
    """A photo and what a person sees on it.

    Attributes:
        file: Its name in scikit-image's data folder.
        name: Of the copy beside the page, which says what it shows.
        description: What it shows, for those who cannot see it.
        credit: Whose it is.
        subject: Where that is of which it was taken, by a coarse box; None where it is everywhere.
    """

    file: str
    name: str
    description: str
    credit: str
    subject: Box | None

    def about(self) -> dict[str, Any]:
        """What is known of it, as a report takes it."""
        facts: dict[str, Any] = {"description": self.description, "credit": self.credit}
        return facts if self.subject is None else {**facts, "subject": list(self.subject)}


PHOTOS = (
    DemoPhoto(
        "chelsea.png",
        "cat.png",
        "A tabby cat looks past the camera, its face filling the photo",
        "Stefan van der Walt, CC0",
        (0.1, 0.0, 0.82, 1.0),
    ),
    DemoPhoto(
        "astronaut.png",
        "astronaut.png",
        "Eileen Collins in an orange space suit, a helmet before her, a flag and a model of the shuttle behind her",
        "NASA, public domain",
        (0.1, 0.02, 1.0, 1.0),
    ),
    DemoPhoto(
        "coins.png",
        "coins.png",
        "In black and white: four rows of old Greek coins on a dark cloth",
        "Brooklyn Museum, no known copyright restrictions",
        None,
    ),
    DemoPhoto(
        "camera.png",
        "cameraman.png",
        "In black and white: a man in a dark coat bends to a film camera on a tripod, in a field before a town",
        "Lav Varshney, CC0",
        (0.0, 0.11, 0.82, 1.0),
    ),
    DemoPhoto(
        "rocket.jpg",
        "rocket.jpg",
        "A white rocket stands lit on its launch pad between masts, under a dark blue evening sky",
        "SpaceX, public domain",
        (0.08, 0.28, 0.80, 1.0),
    ),
    DemoPhoto(
        "motorcycle_left.png",
        "motorcycle.png",
        "A red motorcycle in a garage full of boxes and shelves",
        "Middlebury 2014 stereo data set, Scharstein and others",
        (0.13, 0.20, 0.94, 0.93),
    ),
)
"""In the order of the page."""


def files(photos: Sequence[DemoPhoto]) -> list[Path]:
    """Where do these photos lie on this machine?

    Raises:
        MissingPackage: scikit-image is not installed.
        FileError: It is, without a photo.
    """
    spec = importlib.util.find_spec("skimage")
    if spec is None or spec.origin is None:
        raise MissingPackage.of("scikit-image", "demo")
    folder = Path(spec.origin).parent / "data"
    paths = [folder / photo.file for photo in photos]
    for path in paths:
        if not path.is_file():
            raise FileError(
                f"scikit-image's photo {path.name!r} is not in {folder}; install it again: pip install "
                "--force-reinstall scikit-image"
            )
    return paths
