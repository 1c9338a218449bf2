"""Another network beside the model: it is given the same photos, and asked the same."""

from __future__ import annotations

import copy
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from saccade.app.album import AlbumPhoto, of_one_size
from saccade.app.encoding import encoded
from saccade.app.turns import Turns
from saccade.encoder import Encoder
from saccade.images import Images
from saccade.report.beside_data import BothLooks, beside_data, both_looks
from saccade.report.pair_data import known_centre, pair_data, similarities
from saccade.report.reference_photos import photos_for_a_second

Stop = Callable[[], bool]
_LOOKS = 64
"""Photos of which it is remembered where both networks look."""


class OtherNetwork:
    """Asks both.

    Args:
        comparing: The model of the app, as it compares photos.
        other: Another model and its code.
    """

    def __init__(self, comparing: Encoder, other: Encoder) -> None:
        self.comparing = comparing
        self.encoder = copy.copy(other)
        self.encoder.recipe = of_one_size(other.recipe)
        self._looks: OrderedDict[str, BothLooks] = OrderedDict()
        self._lock = threading.Lock()

    async def learn_of(self, photos: Sequence[Path], turns: Turns) -> bool:
        """Compare photos less what those of the command share to this network, too, as the first one does.

        Args:
            photos: Those of the command; at most 300 of them are encoded for it.
            turns: Whose turn it is.

        Returns:
            Whether it did not know that before.

        Raises:
            InputError: Not one of them can be used.
        """
        if self.encoder.reference is not None:
            return False
        catalogue = await encoded(turns, self.encoder, photos_for_a_second(photos))
        self.encoder = catalogue.known_to(self.encoder)
        return self.encoder.reference is not None

    def data(self, photos: Sequence[AlbumPhoto], stop: Stop | None = None) -> dict[str, Any]:
        """Where do both look in these photos, and which of them does each find alike?

        Raises:
            NotApplicable: They answer none of the same methods.
        """
        images = Images.join([photo.image for photo in photos])
        comparing, other = self.comparing, self.encoder
        codes = comparing.codes(images)
        table = similarities(codes, known_centre(comparing, codes))
        looks = [self._look(photo, stop) for photo in photos]
        return beside_data(comparing, images, other, table, looks, lead=None, subjects={}, stop=stop, pairs=False)

    def _look(self, photo: AlbumPhoto, stop: Stop | None) -> BothLooks:
        """Where both look in one photo: that takes longest, and does not change with what is known of others."""
        with self._lock:
            look = self._looks.get(photo.number)
        if look is None:
            (look,) = both_looks(self.comparing, photo.image, self.encoder, stop=stop)
        with self._lock:
            self._looks[photo.number] = look
            self._looks.move_to_end(photo.number)
            while len(self._looks) > _LOOKS:
                self._looks.popitem(last=False)
        return look

    def pair(self, a: AlbumPhoto, b: AlbumPhoto, stop: Stop | None = None) -> dict[str, Any]:
        """Why does the other network find these two alike?"""
        other = self.encoder
        images = other.read([photo.image.photos[0].original for photo in (a, b)])
        (pair,) = pair_data(other, images, known_centre(other, other.codes(images)), stop=stop)
        return {**pair, "a": a.number, "b": b.number}
