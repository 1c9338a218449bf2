"""What a catalogue knows beside the codes, whatever kind of file it lies in."""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import PurePath
from typing import Any

from saccade.encoder import Encoder
from saccade.errors import FileError
from saccade.fingerprint import encoder_fingerprint
from saccade.images.collection import Skipped

KIND = "saccade catalogue"
LAYOUT = 1
"""Of the file; another one is another number."""


@dataclass(frozen=True)
class Origin:
    """Which encoder made the codes.

    Attributes:
        fingerprint: Tells the model, its layer and how it reads photos from others; empty where the network is a
            function of the user's own, which nothing tells from another.
        model: Its name.
        layer: The layer whose numbers are the codes.
        reads: How photos became images, in words.
        version: Of saccade.
    """

    fingerprint: str
    model: str
    layer: str
    reads: str
    version: str

    @classmethod
    def of(cls, encoder: Encoder) -> Origin:
        """That of an encoder."""
        same = copy.copy(encoder)
        same.recipe = replace(encoder.recipe, max_pixels=1)  # how large a photo may be changes no code
        mark = encoder_fingerprint(same) if encoder.network.weights() else ""
        return cls(mark, encoder.name, encoder.layer, encoder.recipe.describe(), version("saccade"))

    def difference(self, other: Origin) -> str:
        """In which way codes of the other one cannot be compared with these; empty where they can."""
        if self.layer != other.layer:
            return f"its codes are those of layer {self.layer!r}, and the layer that was opened is {other.layer!r}"
        if self.reads != other.reads:
            return f"its photos were read as {self.reads}, and now they are read as {other.reads}"
        if self.version != other.version and self.fingerprint != other.fingerprint:
            return f"it was made by saccade {self.version}, and this is {other.version}"
        if self.fingerprint != other.fingerprint:
            return (
                f"its codes are those of {self.model!r} with other weights or settings"
                if self.model == other.model
                else (f"its codes are those of the model {self.model!r}, and this is {other.model!r}")
            )
        return ""


@dataclass(frozen=True)
class PhotoEntry:
    """What a catalogue knows of a photo beside its code.

    Attributes:
        name: Its path below the catalogue's folder, or "image 3" for the third of several arrays.
        thumbnail: The photo small, the bytes of a WebP file.
        width: Of the photo itself, in pixels.
        height: Likewise.
        box: Where the model's image lies on the photo: left, top, right, bottom, in shares of its width and height.
        state: Size and time of the file, by which a changed one is recognised; zeros where there is no file.
    """

    name: str
    thumbnail: bytes
    width: int
    height: int
    box: tuple[float, float, float, float]
    state: tuple[int, int] = (0, 0)


@dataclass(frozen=True)
class CatalogueFacts:
    """What a catalogue knows beside its photos and their codes; see `Catalogue`."""

    folder: str
    image_size: tuple[int, int]
    origin: Origin
    skipped: tuple[Skipped, ...]


def to_json(facts: CatalogueFacts, **more: Any) -> str:
    """The facts as text, which every kind of file keeps; `more` is what one kind keeps beside them."""
    return json.dumps(
        {
            "kind": KIND,
            "layout": LAYOUT,
            "folder": facts.folder,
            "image_size": facts.image_size,
            "origin": vars(facts.origin),
            "skipped": [[skipped.name, skipped.reason] for skipped in facts.skipped],
            **more,
        }
    )


def is_catalogue(metadata: Any) -> bool:
    """Whether what a file says of itself is that of a catalogue of this layout."""
    return isinstance(metadata, dict) and metadata.get("kind") == KIND and metadata.get("layout") == LAYOUT


def from_json(metadata: dict[str, Any]) -> CatalogueFacts:
    """The facts that `to_json` wrote.

    Raises:
        Exception: They are damaged; the caller says of which file.
    """
    height, width = map(int, metadata["image_size"])
    origin = Origin(**{name: str(text) for name, text in metadata["origin"].items()})
    skipped = tuple(Skipped(str(name), str(reason)) for name, reason in metadata["skipped"])
    return CatalogueFacts(str(metadata["folder"]), (height, width), origin, skipped)


def check_entries(entries: Iterable[PhotoEntry], folder: str) -> None:
    """Refuse what no catalogue says of its photos: a photo without pixels, or one that lies outside the folder of all.

    Raises:
        ValueError: An entry says so; the caller says of which file.
    """
    _check_name(folder)
    for entry in entries:
        _check_name(entry.name)
        path = PurePath(entry.name)
        left, top, right, bottom = entry.box
        if ".." in path.parts or (folder and path.is_absolute()):
            raise ValueError(f"{entry.name} lies outside {folder}")
        if entry.width < 1 or entry.height < 1 or not (left < right and top < bottom):
            raise ValueError(f"{entry.name} has {entry.width} x {entry.height} pixels, of which {entry.box} are seen")


def _check_name(name: str) -> None:
    """Refuse what cannot be the name of a file.

    Raises:
        ValueError: It is so.
    """
    if b"\0" in os.fsencode(name):
        raise ValueError(f"{name!r} cannot be the name of a file")


def no_catalogue(path: object) -> FileError:
    """The error for a file that is whole, and holds something else."""
    return FileError(f"{path} is no catalogue; make one with saccade index MODEL PHOTOS... --output {path}.")
