"""The opened model and the photographs; looks at them, and saves pictures under the demonstration's folder."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image

import saccade
from saccade.encoder import Encoder, load
from saccade.errors import FileError
from saccade.explanation import explain
from saccade.demo.photographs import Photograph, files
from saccade.images import Images
from saccade.picture import save_picture
from saccade.results import Attribution

MODEL = "clothing-autoencoder.keras"
"""The model that ships; a copy lies beside the page, so that every command on it works as printed."""

PHOTOGRAPHS = "photographs"
"""The folder of the photographs beside the page."""


@dataclass(frozen=True)
class Saved:
    """A picture file.

    Attributes:
        path: Relative to the page.
        width: In pixels.
        height: In pixels.
    """

    path: str
    width: int
    height: int


@dataclass
class Studio:
    """Everything the chapters work with.

    Attributes:
        folder: Where the page is being made.
        encoder: The model that ships.
        photographs: The photographs, the explained ones first.
        images: The same, read for the model, in the same order.
        record: How the model was made.
    """

    folder: Path
    encoder: Encoder
    photographs: tuple[Photograph, ...]
    images: Images
    record: Mapping[str, Any]
    _looks: dict[tuple[str, int], Attribution] = field(default_factory=dict)

    @classmethod
    def open(cls, folder: Path, photographs: Sequence[Photograph]) -> Studio:
        """Copy the model and the photographs into the folder and open them there.

        Raises:
            MissingPackage: scikit-image is not installed.
            FileError: A photograph or the model is not where it should be.
        """
        sources = files(photographs)
        shelf = folder / PHOTOGRAPHS
        shelf.mkdir()
        for source in sources:
            shutil.copyfile(source, shelf / source.name)
        record = _copied_model(folder)
        encoder = load(folder / MODEL)
        images = encoder.read([shelf / source.name for source in sources])
        return cls(folder, encoder, tuple(photographs), images, record)

    def look(self, method: str, count: int) -> Attribution:
        """A method's answer for the first so many photographs; asked once."""
        if (method, count) not in self._looks:
            self._looks[method, count] = explain(self.encoder, self.images[:count], method=method)
        return self._looks[method, count]

    def index(self, photograph: Photograph) -> int:
        """Its place among the photographs."""
        return self.photographs.index(photograph)

    def photo(self, photograph: Photograph) -> Saved:
        """The photograph itself, as it came."""
        height, width = self.images.photos[self.index(photograph)].original.shape[:2]
        return Saved(f"{PHOTOGRAPHS}/{photograph.file}", width, height)

    def save(self, image: Image.Image, name: str, made: Mapping[str, str] | None = None) -> Saved:
        """Save a picture beside the page, with how it was made inside."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        save_picture(image, path, made)
        return Saved(name, image.width, image.height)


def _copied_model(folder: Path) -> dict[str, Any]:
    """Copy the model and its record; return the record."""
    shipped = Path(saccade.__file__).parent / "shipped"
    record = Path(MODEL).with_suffix(".json").name
    try:
        for name in (MODEL, record):
            shutil.copyfile(shipped / name, folder / name)
        found: dict[str, Any] = json.loads((folder / record).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise FileError(
            f"the model that ships with saccade is not in {shipped}; install it again: pip install --force-reinstall "
            "'saccade[demo]'"
        ) from error
    return found
