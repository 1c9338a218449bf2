"""The photos of the command as a collection: encoded in the background, searched while a cover moves, and its map."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from saccade.app.encoding import encoded, patiently
from saccade.app.group import grey_image, group_data
from saccade.app.refusal import Refused
from saccade.app.turns import Turns
from saccade.collection import Catalogue, sample
from saccade.encoder import Encoder
from saccade.errors import InputError, SaccadeError
from saccade.images import ImageRecipe
from saccade.report.collection_data import FEWEST, ShownCollection
from saccade.typing import Array

MOST = 10_000
"""Of more photos so many are drawn at random: their codes lie in memory."""
NEAREST = 8
"""Photos that are shown while a cover moves."""


class Neighbourhood:
    """A collection for all clients.

    Args:
        encoder: The model and its code.
        paths: The photos of the command, in the order of their numbers.
        recipe: How the app reads photos.
        catalogue: Their codes, where they are known already.
    """

    def __init__(
        self, encoder: Encoder, paths: Sequence[Path], recipe: ImageRecipe, catalogue: Catalogue | None = None
    ) -> None:
        self._encoder = copy.copy(encoder)
        self._encoder.recipe = recipe
        self.paths = list(paths)
        self._catalogue = catalogue
        self._shown: ShownCollection | None = None
        self.total = len(paths) if catalogue is None else len(catalogue)
        self.is_offered = self.total >= FEWEST
        self.done = 0
        self.failure = ""

    @property
    def is_ready(self) -> bool:
        """Is everything encoded?"""
        return self._shown is not None

    @property
    def catalogue(self) -> Catalogue | None:
        """What is encoded; None until everything is."""
        return self._catalogue if self.is_ready else None

    async def prepare(self, turns: Turns) -> None:
        """Encode the photos, some at a time, whenever it is nobody else's turn.

        What goes wrong is said to whoever asks (`failure`); what nobody expected is raised, too.
        """
        if not self.is_offered:
            return
        try:
            if self._catalogue is None:
                photos = [self.paths[row] for row in sample(len(self.paths), MOST)]
                self.total = len(photos)
                self._catalogue = await encoded(turns, self._encoder, photos, self._step)
            self._shown = await patiently(turns, _shown_of(self._encoder, self._catalogue))
            self.done = self.total
        except SaccadeError as error:
            self.failure = self._without_folders(str(error))
        except Exception:
            self.failure = "an unexpected error ended the encoding of the collection; the server's own output names it."
            raise

    def _step(self, done: int, total: int) -> None:
        self.done, self.total = done, total

    def state(self) -> dict[str, Any]:
        """How far it is, for whoever waits."""
        return {"done": self.done, "total": self.total, "is_ready": self.is_ready, "failure": self.failure}

    def map(self, _: Callable[[], bool]) -> dict[str, Any]:
        """Everything that the page shows of it.

        Raises:
            Refused: It is not ready.
            MissingPackage: scikit-learn is not installed.
        """
        return self._ready().data()

    def nearest(self, code: Array, number: str = "") -> list[dict[str, Any]]:
        """The most alike of what a page shows, for a code that comes with a moving cover; empty until it is ready.

        Args:
            code: (rows, columns, channels).
            number: Of the photo that is covered, which is left out.
        """
        if self._shown is None:
            return []
        try:
            query = self._shown.query(self.path(number), code)
        except InputError:  # exactly the mean: it is like nothing
            return []
        pairs = list(zip(query["neighbours"], query["scores"], strict=True))[:NEAREST]
        return [{"number": at, "name": self._name(at), "score": score} for at, score in pairs]

    def query(self, code: Array, number: str) -> dict[str, Any]:
        """The nearest of a photo, as the map numbers them.

        Raises:
            Refused: It is not ready.
        """
        return self._ready().query(self.path(number), code)

    def group(self, numbers: Sequence[int], stop: Callable[[], bool]) -> dict[str, Any]:
        """What some photos of it share, by their numbers on the map.

        Raises:
            Refused: It is not ready.
            InputError: Fewer than two photos, or one that is not there.
        """
        encoder, recipe = self._encoder, self._encoder.recipe
        return group_data(encoder, self._ready().space, numbers, grey_image(encoder, recipe), stop)

    def thumbnail(self, number: int) -> bytes:
        """A photo small, a WebP.

        Raises:
            Refused: There is no such photo, or the collection is not ready.
        """
        entries = self._ready().entries
        if not 0 <= number < len(entries):
            raise Refused(404, f"the collection has no photo {number}; they are numbered 0 to {len(entries) - 1}.")
        return entries[number].thumbnail

    def path(self, number: str) -> Path | None:
        """The file of a photo of the command, by the number that the album gives it; None for others."""
        index = int(number[1:]) if number[:1] == "f" and number[1:].isdecimal() else -1
        return self.paths[index] if 0 <= index < len(self.paths) else None

    def _without_folders(self, text: str) -> str:
        """Clients must not learn where files lie on the disk."""
        for path in self.paths:
            text = text.replace(str(path), path.name)
        return text

    def _name(self, number: int) -> str:
        return self._ready().entries[number].name.rpartition("/")[2]

    @property
    def why_not(self) -> str:
        """Why it cannot be asked."""
        if not self.is_offered:
            return f"the command names fewer than {FEWEST} photos, which are no collection."
        return self.failure or f"the collection is being encoded: {self.done:,} of {self.total:,} photos."

    def require(self) -> None:
        """Refuse a question that cannot be answered.

        Raises:
            Refused: There is no collection (404), it cannot be encoded (422), or it is not ready yet (503).
        """
        if not self.is_ready:
            raise Refused(404 if not self.is_offered else 422 if self.failure else 503, self.why_not)

    def _ready(self) -> ShownCollection:
        self.require()
        assert self._shown is not None
        return self._shown


def _shown_of(encoder: Encoder, catalogue: Catalogue) -> Callable[[Callable[[], bool]], ShownCollection]:
    return lambda _: ShownCollection(encoder, catalogue)
