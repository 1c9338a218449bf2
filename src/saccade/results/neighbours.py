"""The photos of a collection that are most like one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from saccade.arguments import checks_arguments
from saccade.images import Images
from saccade.picture.numerals import number
from saccade.picture.photo_rows import RowPhoto, photo_rows
from saccade.results.plain_values import plain
from saccade.results.result import Result
from saccade.results.similarity import Similarity
from saccade.typing import Box

_CENTRED = {
    "model": "the cosine of the whole codes, less the mean code of the photos that the model knows",
    "collection": "the cosine of the whole codes, less the mean code of the collection",
    "none": "the cosine of the whole codes",
    "cell": "the cosine of the cells at the best place of each photo, less the mean cell of the collection",
}
_SAME = 1 - 1e-5
"""From this score on two codes are the same but for rounding."""


@dataclass(frozen=True, eq=False)
class Neighbour:
    """A photo that was found.

    Attributes:
        name: Its path below the folder of the collection.
        path: Its file; None where there is none.
        score: How alike it is, -1 to 1.
        picture: uint8 (height, width, 3), as it is drawn.
        box: The place that matches, where a part was looked for: left, top, right, bottom, in shares of the photo.
    """

    name: str
    path: Path | None
    score: float
    picture: NDArray[np.uint8]
    box: Box | None = None


@dataclass(frozen=True, eq=False)
class Neighbours(Result):
    """Which photos of a collection are most like this one?

    Attributes:
        neighbours: The most alike first; of equal ones the earlier of the collection first.
        images: The photo that was asked about, one `Images` of one.
        model: The model's name.
        layer: The layer whose numbers were compared.
        compared: How many photos it was compared with; itself, if the collection holds it, is not among them.
        centring: What was taken off before: the mean of what the `"model"` knows, of the `"collection"`, the mean
            `"cell"` where a part was looked for, or `"none"`.
        part: The part that was looked for, in shares of the photo; None: the whole.
        why: Why the first that has another code is alike; None if it was not asked, or its file is gone.
        left_out: The photo itself, by its names in the collection.
    """

    neighbours: tuple[Neighbour, ...]
    images: Images
    model: str
    layer: str
    compared: int
    centring: str = "none"
    part: Box | None = None
    why: Similarity | None = None
    left_out: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Neighbours({len(self.neighbours)} of {self.compared} photos for {self.images.names[0]})"

    @property
    def first_unequal(self) -> Neighbour | None:
        """The most alike whose code is another one: why the same code is alike needs no answer."""
        if self.part is not None:
            return self.neighbours[0] if self.neighbours else None
        return next((neighbour for neighbour in self.neighbours if neighbour.score < _SAME), None)

    @property
    def notes(self) -> tuple[str, ...]:
        """What must be known of this list: whether the photo itself was left out, and which have the same code."""
        notes = []
        name = self.images.names[0]
        if self.left_out:
            listed = [left_out.rpartition("/")[2] for left_out in self.left_out]
            is_same_name = set(listed) == {name}
            under = "" if is_same_name else f" (there {', '.join(listed)})"
            notes.append(f"{name} is one of the collection{under}, and is left out")
        same = [neighbour for neighbour in self.neighbours if neighbour.score >= _SAME and self.part is None]
        if same:
            names = same[0].name if len(same) == 1 else f"{same[0].name} and {len(same) - 1:,} more"
            have = "has" if len(same) == 1 else "have"
            text = f"{names} {have} exactly the same code"
            if self.why is not None:
                text += f"; why the next is alike is shown, {self.why.names[1]}"
            notes.append(text)
        return tuple(notes)

    @checks_arguments
    def figure(self, *, theme: str = "light") -> Image.Image:
        """A page: the photo and its neighbours with their scores; below, why the first is alike, if that was asked.

        Args:
            theme: `"light"` or `"dark"`.
        """
        name = self.images.names[0]
        own = RowPhoto(np.asarray(self.images.photos[0].original), "this one", name, self.part)
        others = [
            RowPhoto(neighbour.picture, number(neighbour.score), neighbour.name.rpartition("/")[2], neighbour.box)
            for neighbour in self.neighbours
        ]
        rows = photo_rows(
            own,
            others,
            title=f"What is most like {'this part of ' if self.part else ''}{name}?",
            caption=[self._caption()],
            notes=[
                f"Compared: {_CENTRED[self.centring]}; layer {self.layer} of {self.model}.",
                *(f"{note}." for note in self.notes),
            ],
            theme=theme,
        )
        if self.why is None:
            return rows
        below = self.why.figure(theme=theme, width=rows.width)
        whole = Image.new("RGB", (rows.width, rows.height + below.height), rows.getpixel((0, 0)))
        whole.paste(rows, (0, 0))
        whole.paste(below, (0, rows.height))
        return whole

    def _caption(self) -> str:
        if not self.neighbours:
            return "The collection holds no other photo."
        shown = f"The {len(self.neighbours)} most alike" if len(self.neighbours) > 1 else "The most alike"
        return f"{shown} of {self.compared:,}. A score of 1 would mean the same code; 0, nothing in common."

    def page(self, **drawing: Any) -> Image.Image:
        """`figure`, which says what it takes."""
        return self.figure(**drawing)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """`scores` and, where a part was looked for, `boxes` (neighbours, 4)."""
        scores = {"scores": np.array([neighbour.score for neighbour in self.neighbours])}
        boxes = [neighbour.box for neighbour in self.neighbours if neighbour.box is not None]
        return {**scores, **({"boxes": np.array(boxes)} if boxes else {})}

    def provenance(self) -> dict[str, Any]:
        """The photo, the neighbours' names, and how they were compared."""
        return {
            "name": self.images.names[0],
            "part": self.part,
            "model": self.model,
            "layer": self.layer,
            "compared": self.compared,
            "centring": self.centring,
            "neighbours": [neighbour.name for neighbour in self.neighbours],
            "left_out": list(self.left_out),
        }

    def to_dict(self) -> dict[str, Any]:
        """How they were found, and each with its file, its score, and the place that matches."""
        neighbours = [
            {
                "name": neighbour.name,
                "path": plain(neighbour.path),
                "score": neighbour.score,
                "box": plain(neighbour.box),
            }
            for neighbour in self.neighbours
        ]
        return {**super().to_dict(), "neighbours": neighbours}
