"""The files of one photo's page: a picture or overlays, numbers, thumbnails; and whether they are there already."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from saccade.collection.page import Page
from saccade.collection.record import MapRecord, PageRecord
from saccade.collection.thumbnails import original, overlay, shrunk
from saccade.errors import FileError, InputError
from saccade.picture import Scale, read_metadata, save_picture

if TYPE_CHECKING:
    from saccade.results import Attribution

_PHOTO = "photo"
"""Stands for the photo itself among the thumbnails."""


@dataclass(frozen=True)
class PageFiles:
    """Where the page of one photo lies.

    Attributes:
        photo: The photo's file.
        page: What stands on the page.
        folder: Where the files go.
        name: The photo's name there.
        fingerprint: Of all that the page depends on; stands in every picture, so that a later run knows it.
        thumbnails: Where the small pictures for a contact sheet are kept, or None.
        file: The picture's own file, where it is the only one and was named; None: it is named after the photo.
    """

    photo: Path
    page: Page
    folder: Path
    name: str
    fingerprint: str
    thumbnails: Path | None
    file: Path | None = None

    @property
    def pictures(self) -> list[Path]:
        """The files for people: the page, or the overlays."""
        style = self.page.style
        if self.file is not None:
            return [self.file]
        if not style.overlay_only:
            return [self.folder / f"{self.name}-{self.page.suffix}.{style.format}"]
        return [self.folder / f"{self._of(label)}-overlay.{style.format}" for label in self.page.labels]

    @property
    def numbers(self) -> list[Path]:
        """The files of raw numbers."""
        if not self.page.style.raw:
            return []
        if self.file is not None and len(self.page.labels) == 1:
            return [self.file.with_suffix(".npz")]
        return [self.folder / f"{self._of(label)}.npz" for label in self.page.labels]

    @property
    def files(self) -> tuple[Path, ...]:
        """Everything that is written for the user."""
        return (*self.pictures, *self.numbers)

    def thumbnail(self, label: str | None = None) -> Path:
        """The small picture of one request's map; without a label of the photo itself."""
        assert self.thumbnails is not None
        return self.thumbnails / f"{self._of(label or _PHOTO)}.png"

    def only(self, labels: Sequence[str]) -> PageFiles:
        """The same for some of the requests: those that have an answer."""
        return replace(self, page=self.page.only(labels))

    def finished(self) -> PageRecord | None:
        """What an earlier run with the same settings wrote about this photo, if all of it is there."""
        for picture in self.pictures:
            metadata = metadata_of(picture)
            if metadata.get("run") != self.fingerprint or "record" not in metadata:
                continue
            record = json.loads(metadata["record"])
            maps = tuple(MapRecord.from_dict(entry) for entry in record["maps"])
            answered = self.only([entry.label for entry in maps])
            complete = all(
                metadata_of(path).get("run") == self.fingerprint
                for path in (*answered.pictures, *answered._thumbnails())
            )
            if complete and all(path.is_file() for path in answered.numbers):
                return answered._record(tuple(record["size"]), maps, already=True)
        return None

    def write(self, attributions: Sequence[Attribution], scales: Sequence[Scale | None], side: int) -> PageRecord:
        """Write everything; the pictures for people last, since they say that all is there.

        Args:
            attributions: One result a request, of this photo.
            scales: A scale shared with other photos for each, or None.
            side: Longer side of the thumbnails in pixels.

        Raises:
            FileError: Something cannot be written.
        """
        maps = tuple(map(MapRecord.of, self.page.labels, attributions))
        height, width = attributions[0].images.photos[0].original.shape[:2]
        content = {"size": [width, height], "maps": [record.to_dict() for record in maps]}
        marks = {"run": self.fingerprint, "record": json.dumps(content)}
        for attribution, path in zip(attributions, self.numbers, strict=False):
            attribution.save(path)
        if self.thumbnails is not None:
            small = [shrunk(attribution, side) for attribution in attributions]
            drawn = [
                overlay(result, scale, side, self.page.style.view) for result, scale in zip(small, scales, strict=True)
            ]
            for path, image in zip(self._thumbnails(), [original(small[0]), *drawn], strict=True):
                save_picture(image, path, marks)
        for path, (draw, metadata) in zip(self.pictures, self.page.drawn(attributions, scales), strict=True):
            save_picture(draw(), path, {**metadata, **marks})
        return self._record((width, height), maps, already=False)

    def _record(self, size: tuple[int, int], maps: tuple[MapRecord, ...], *, already: bool) -> PageRecord:
        return PageRecord(self.photo, self.page.target.name, size, maps, self.files, already)

    def _of(self, label: str) -> str:
        return f"{self.name}-{self.page.suffix_of(label)}"

    def _thumbnails(self) -> list[Path]:
        return [] if self.thumbnails is None else [self.thumbnail(label) for label in (None, *self.page.labels)]


def check_one_picture(file: Path, photos: Sequence[str | Path], pages: Sequence[Page]) -> None:
    """A file that was named holds one picture, and is none of the photos.

    Raises:
        InputError: Several pictures would be drawn, or the photo itself would be written over.
    """
    sources = {Path(photo).expanduser() for photo in photos}
    pictures = len(sources) * sum(len(page.labels) if page.style.overlay_only else 1 for page in pages)
    if pictures > 1:
        raise InputError(
            f"{file} is one file, and {pictures:,} pictures would be drawn; give a folder for them, such as "
            f"{file.with_suffix('')}."
        )
    if any(source.resolve() == file.resolve() for source in sources):
        raise InputError(f"{file} is the photo itself; give another file for its page.")


def metadata_of(path: Path) -> dict[str, str]:
    """What stands in a picture; nothing if it is missing or not whole."""
    try:
        return read_metadata(path)
    except FileError:
        return {}
