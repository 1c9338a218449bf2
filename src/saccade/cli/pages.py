"""What `explain` makes of one photo: a page or overlays, numbers, a thumbnail; and whether they are there already."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from saccade.cli.options import Drawing
from saccade.cli.outputs import slug

if TYPE_CHECKING:
    from PIL import Image

    from saccade.encoder import Encoder
    from saccade.picture import Scale
    from saccade.results import Attribution
    from saccade.targets import Target

Record = dict[str, Any]
_LONGEST = 80
"""A target's name takes no more of a file's name: file systems end at 255 bytes."""
_DRAWN = 1000
"""Photos are made this small, in pixels on the longer side, where several maps stand on one page."""


@dataclass(frozen=True)
class Question:
    """What is asked about every photo, and what is drawn of the answer.

    Attributes:
        methods: Names of methods.
        settings: The settings of each method.
        target: The target's text form.
        drawing: How it is drawn.
        made_with: Everything else that the result depends on: the model, its layer, how photos are read.
        several: Whether files are named after the methods together, though some may not have answered.
    """

    methods: tuple[str, ...]
    settings: Mapping[str, Mapping[str, Any]]
    target: str
    drawing: Drawing
    made_with: str
    several: bool = False

    @property
    def suffix(self) -> str:
        """The end of file names: what was asked."""
        what = "methods" if self.several else self.methods[0]
        if self.asked == "code":
            return what
        # Signs become words, so that a sum and its opposite have files of their own.
        name = slug(re.sub(r"(?<![^\s:])-", " minus ", self.asked).replace(" + ", " plus "))
        if len(name) > _LONGEST:
            name = f"{name[:_LONGEST]}-{hashlib.sha256(self.asked.encode('utf-8', 'surrogateescape')).hexdigest()[:8]}"
        return f"{what}-{name}"

    @property
    def asked(self) -> str:
        """The target's short name, without the folders of a picture that it names."""
        return self.wanted.name

    @cached_property
    def wanted(self) -> Target:
        """The target; the same one for all photos, so that a collection that it reads is encoded once."""
        from saccade.targets import parse

        return parse(self.target)

    def digest(self, photo: Path, others: Sequence[Path] = ()) -> str:
        """Tells this question about this photo from any other; `others` are photos that the scale depends on."""
        asked = {
            "methods": list(self.methods),
            "settings": {name: dict(each) for name, each in self.settings.items()},
            "target": self.target,
            "drawing": asdict(self.drawing),
            "made_with": self.made_with,
            "photos": [_state(each) for each in (photo, *others, *self._compared())],
        }
        text = json.dumps(asked, sort_keys=True, default=str)
        return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()

    def _compared(self) -> list[Path]:
        from saccade.images import find

        return find(self.wanted.files)


def made_with(encoder: Encoder) -> str:
    """A fingerprint of the model and of how it reads photos: the same wherever the file lies."""
    from importlib.metadata import version

    digest = hashlib.sha256(version("saccade").encode())
    digest.update(f"{encoder.layer} {encoder.recipe!r}".encode())
    for layer in encoder.layers.values():
        digest.update(repr(layer).encode())
    for name, values in encoder.network.weights():
        digest.update(name.encode())
        digest.update(values.tobytes())
    return digest.hexdigest()


@dataclass(frozen=True)
class Pages:
    """The files of one photo.

    Attributes:
        question: What is asked.
        folder: Where they go.
        name: The photo's name there.
        digest: Stands in every file, so that a later run knows it.
        thumbnails: Where the pictures for a contact sheet are kept, or None.
    """

    question: Question
    folder: Path
    name: str
    digest: str
    thumbnails: Path | None

    @property
    def pictures(self) -> list[Path]:
        """The pictures for people."""
        ending = self.question.drawing.format
        if not self.question.drawing.overlay_only:
            return [self.folder / f"{self.name}-{self.question.suffix}.{ending}"]
        return [self.folder / f"{self._of(method)}-overlay.{ending}" for method in self.question.methods]

    @property
    def numbers(self) -> list[Path]:
        """The files of raw numbers."""
        if not self.question.drawing.raw:
            return []
        return [self.folder / f"{self._of(method)}.npz" for method in self.question.methods]

    def thumbnail(self, method: str) -> Path:
        """The small picture of one method's map; the method `photo` is the photo itself."""
        assert self.thumbnails is not None
        return self.thumbnails / f"{self._of(method)}.png"

    def done(self) -> Record | None:
        """What an earlier run with the same settings wrote about this photo, if all of it is there."""
        for picture in self.pictures:
            found = _metadata(picture)
            if found.get("run") != self.digest or "record" not in found:
                continue
            record: Record = json.loads(found["record"])
            page = self.answering([each["method"] for each in record["methods"]])
            tagged = [*page.pictures, *(page.thumbnail(each) for each in page._thumbnails())]
            complete = all(_metadata(each).get("run") == self.digest for each in tagged)
            if complete and all(each.is_file() for each in page.numbers):
                return {**record, "files": page.files, "already": True}
        return None

    def answering(self, methods: Sequence[str]) -> Pages:
        """The same for fewer methods: those that have an answer."""
        return replace(self, question=replace(self.question, methods=tuple(methods)))

    @property
    def files(self) -> list[str]:
        """Everything that is written for the user."""
        return [str(each) for each in (*self.pictures, *self.numbers)]

    def write(self, looks: Sequence[Attribution], scales: Sequence[Scale | None], side: int) -> Record:
        """Write everything; the pictures last, since they say that all is there.

        Args:
            looks: One result a method, of one photo.
            scales: A scale shared with other photos for each, or None.
            side: Longer side of the thumbnails.
        """
        from saccade.picture import save_picture

        record = _record(looks)
        metadata = {"run": self.digest, "record": json.dumps(record)}
        for look, path in zip(looks, self.numbers, strict=False):
            look.save(path)
        if self.thumbnails is not None:
            small = [shrunk(look, side) for look in looks]
            shown = [original(small[0]), *(_overlay(*each, side) for each in zip(small, scales, strict=True))]
            for method, picture in zip(self._thumbnails(), shown, strict=True):
                save_picture(picture, self.thumbnail(method), metadata)
        for path, (draw, about) in zip(self.pictures, self._drawn(looks, scales), strict=True):
            save_picture(draw(), path, {**about, **metadata})
        return {**record, "files": self.files, "already": False}

    def _drawn(
        self, looks: Sequence[Attribution], scales: Sequence[Scale | None]
    ) -> list[tuple[Callable[[], Image.Image], dict[str, str]]]:
        """For each picture, how it is drawn and what is known about it."""
        from saccade.results import methods_sheet

        theme = self.question.drawing.theme
        if self.question.drawing.overlay_only:
            return [
                (lambda look=look, scale=scale: _overlay(look, scale), look.metadata())  # type: ignore[misc]
                for look, scale in zip(looks, scales, strict=True)
            ]
        if not self.question.several:
            return [(lambda: looks[0].figure(theme=theme, scale=scales[0] or "each"), looks[0].metadata())]
        several = {key: "; ".join(dict.fromkeys(each.metadata()[key] for each in looks)) for key in looks[0].metadata()}
        return [(lambda: methods_sheet([shrunk(each, _DRAWN) for each in looks], theme=theme), several)]

    def _of(self, method: str) -> str:
        return f"{self.name}-{replace(self.question, methods=(method,), several=False).suffix}"

    def _thumbnails(self) -> list[str]:
        return [] if self.thumbnails is None else ["photo", *self.question.methods]


def _overlay(look: Attribution, scale: Scale | None, least: int = 900) -> Image.Image:
    return look.overlay(scale=scale or "each", least=least)[0]


def original(look: Attribution) -> Image.Image:
    """The photo itself."""
    import numpy as np
    from PIL import Image

    return Image.fromarray(np.asarray(look.images.photos[0].original))


def shrunk(look: Attribution, side: int) -> Attribution:
    """The same result on a photo that is at most so large: maps are drawn at the size of the photo."""
    import numpy as np

    from saccade.images import Images, Placement

    photo = look.images.photos[0]
    picture = original(look)
    if max(picture.size) <= side:
        return look
    before = picture.size
    picture.thumbnail((side, side))
    across, down = picture.width / before[0], picture.height / before[1]
    left, top, right, bottom = photo.placement.box
    box = (left * across, top * down, right * across, bottom * down)
    placement = Placement((picture.height, picture.width), photo.placement.size, box)
    small = replace(photo, drawn=np.asarray(picture), placement=placement)
    return replace(look, images=Images(look.images.array, (small,), look.images.value_range))


def _record(looks: Sequence[Attribution]) -> Record:
    """What was found, for --json."""
    photo = looks[0].images.photos[0]
    height, width = photo.original.shape[:2]
    return {"size": [width, height], "methods": [_finding(look) for look in looks]}


def _finding(look: Attribution) -> Record:
    import numpy as np

    values = look.values[0]
    left, top, right, bottom = look.images.photos[0].placement.box
    row, column = np.unravel_index(int(np.abs(values).argmax()), values.shape)
    return {
        "method": look.method,
        "title": look.title,
        "target": look.target,
        "layer": look.layer,
        "units": look.units,
        "signed": look.signed,
        "is_share": look.is_share,
        "settings": json.loads(json.dumps(dict(look.settings), default=str)),
        "notes": list(look.notes),
        "scores": {name: each[0].tolist() for name, each in look.scores.items()},
        "lowest": float(values.min()),
        "highest": float(values.max()),
        "strongest_at": [
            round(float(left + (column + 0.5) / values.shape[1] * (right - left)), 1),
            round(float(top + (row + 0.5) / values.shape[0] * (bottom - top)), 1),
        ],
    }


def _metadata(path: Path) -> dict[str, str]:
    """What stands in a picture; nothing if it is missing or not whole."""
    from saccade.errors import FileError
    from saccade.picture import read_metadata

    try:
        return read_metadata(path)
    except FileError:
        return {}


def _state(path: Path) -> list[Any]:
    """Tells a file from a changed one."""
    try:
        found = path.stat()
    except OSError:
        return [str(path), None]
    return [str(path.resolve()), found.st_size, found.st_mtime_ns]
