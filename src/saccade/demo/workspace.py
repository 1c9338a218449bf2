"""The opened model and the photos; explains them, and saves images in the demonstration's folder."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image

import saccade
from saccade.demo.photos import DescribedPhoto, files
from saccade.demo.second_encoder import second_encoder
from saccade.encoder import Encoder, load
from saccade.errors import FileError
from saccade.explanation import explain
from saccade.images import Images
from saccade.picture import save_picture
from saccade.reference import beside
from saccade.results import Attribution

MODEL = "clothing-autoencoder.keras"
"""The model that ships; a copy lies beside the page, so that every command on it works as printed."""

PHOTOS = "photos"
"""The folder of the photos beside the page."""


@dataclass(frozen=True)
class Saved:
    """An image file.

    Attributes:
        path: Relative to the page.
        width: In pixels.
        height: In pixels.
    """

    path: str
    width: int
    height: int


@dataclass
class Workspace:
    """Everything the chapters work with.

    Attributes:
        folder: Where the page is being made.
        encoder: The model that ships.
        photos: The photos, the explained ones first.
        images: The same, read for the model, in the same order.
        record: How the model was made.
        second: Another encoder for the same photos; None where its packages are not installed.
    """

    folder: Path
    encoder: Encoder
    photos: tuple[DescribedPhoto, ...]
    images: Images
    record: Mapping[str, Any]
    second: Encoder | None = None
    _attributions: dict[tuple[str, int], Attribution] = field(default_factory=dict)

    @classmethod
    def open(cls, folder: Path, photos: Sequence[DescribedPhoto]) -> Workspace:
        """Copy the model and the photos into the folder and open them there.

        Raises:
            MissingPackage: scikit-image is not installed.
            FileError: A photo or the model is not where it should be.
        """
        sources = files(photos)
        copies = folder / PHOTOS
        copies.mkdir()
        for source in sources:
            shutil.copyfile(source, copies / source.name)
        record = _copied_model(folder)
        encoder = load(folder / MODEL)
        images = encoder.read([copies / source.name for source in sources])
        return cls(folder, encoder, tuple(photos), images, record, second_encoder())

    def attribution(self, method: str, count: int) -> Attribution:
        """What a method says of the first so many photos; computed once."""
        if (method, count) not in self._attributions:
            self._attributions[method, count] = explain(self.encoder, self.images[:count], method=method)
        return self._attributions[method, count]

    def index(self, photo: DescribedPhoto) -> int:
        """Its place among the photos."""
        return self.photos.index(photo)

    def photo_file(self, photo: DescribedPhoto) -> Saved:
        """The photo itself, as it came."""
        height, width = self.images.photos[self.index(photo)].original.shape[:2]
        return Saved(f"{PHOTOS}/{photo.file}", width, height)

    def save(self, image: Image.Image, name: str, made: Mapping[str, str] | None = None) -> Saved:
        """Save an image beside the page, with how it was made inside."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        save_picture(image, path, made)
        return Saved(name, image.width, image.height)


def _copied_model(folder: Path) -> dict[str, Any]:
    """Copy the model, its record and what is typical of its collection; return the record."""
    shipped = Path(saccade.__file__).parent / "shipped"
    record = Path(MODEL).with_suffix(".json").name
    try:
        for name in (MODEL, record, beside(Path(MODEL)).name):
            shutil.copyfile(shipped / name, folder / name)
        content: dict[str, Any] = json.loads((folder / record).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise FileError(
            f"the model that ships with saccade is not in {shipped}; install it again: pip install --force-reinstall "
            "'saccade[demo]'"
        ) from error
    return content
