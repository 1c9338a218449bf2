"""The dials: the directions in which codes differ most, and what the decoder draws when a code is moved along them.

The directions are the principal components of the codes of the photos at hand: those of the command. The collection
that a model knows holds the mean and the spread of its codes, but not the codes.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from saccade.app.decoding import code_at_layer, drawn, require_decoder
from saccade.encoder import Encoder
from saccade.errors import NotApplicable
from saccade.images import Images
from saccade.typing import Array

MOST_DIALS = 12
FEWEST = 3
"""Of fewer photos no directions can be told."""
REACH = 3.0
"""How far a dial turns, in standard deviations of the photos at hand."""


class Dials:
    """Directions of the code, and a decoder that paints them.

    Args:
        encoder: The model; only an autoencoder has dials.
        photos: Gives the photos at hand, of which the directions are.
    """

    def __init__(self, encoder: Encoder, photos: Callable[[], Sequence[Images]]) -> None:
        self._encoder, self._photos = encoder, photos
        self._directions: Array | None = None
        self._shares: Array | None = None
        self._lock = threading.Lock()
        self.photos = 0

    def directions(self) -> tuple[Array, Array]:
        """Each as long as one standard deviation of the photos along it, and the share of the variance that it holds.

        Returns:
            float32 (directions, rows, columns, channels) and (directions,).

        Raises:
            NotApplicable: The model draws nothing, or there are fewer than three photos.
        """
        with self._lock:
            if self._directions is None or self._shares is None:
                self._directions, self._shares = self._principal_components()
            return self._directions, self._shares

    def to_dict(self) -> dict[str, Any]:
        """What a page needs to offer them."""
        _, shares = self.directions()
        return {"count": len(shares), "shares": shares.tolist(), "photos": self.photos, "reach": REACH}

    def ends(self, image: Images, stop: Callable[[], bool] | None = None) -> Array:
        """The image at both ends of every dial, all others at rest.

        Returns:
            float32 (directions, 2, height, width, channels): the low end first.
        """
        directions, _ = self.directions()
        code = code_at_layer(self._encoder, image, stop)
        steps = np.array([-REACH, REACH], np.float32).reshape(1, 2, *[1] * (directions.ndim - 1))
        moved = code.reshape(directions.shape[1:]) + steps * directions[:, None]
        images = drawn(self._encoder, image, moved.reshape(-1, *code.shape[1:]), stop)
        return images.reshape(len(directions), 2, *images.shape[1:])

    def redrawn(self, image: Images, amounts: Sequence[float], stop: Callable[[], bool] | None = None) -> Array:
        """The image as the decoder draws it after its code was moved.

        Args:
            image: One photo.
            amounts: For every direction, in standard deviations; cut off at `REACH`.
            stop: Asked between pieces.

        Returns:
            float32 (height, width, channels) in the model's value range.
        """
        encoder = self._encoder
        directions, _ = self.directions()
        turned = np.zeros(len(directions), np.float32)
        turned[: len(amounts)] = np.clip(np.nan_to_num(np.asarray(amounts, np.float32)), -REACH, REACH)[: len(turned)]
        code = code_at_layer(encoder, image, stop)
        offset = np.tensordot(turned, directions, axes=1).reshape(code.shape)
        redrawn: Array = drawn(encoder, image, code + offset, stop)[0]
        return redrawn

    def _principal_components(self) -> tuple[Array, Array]:
        encoder = self._encoder
        require_decoder(encoder)
        images = self._photos()
        if len(images) < FEWEST:
            raise NotApplicable(
                f"directions can be told of {FEWEST} photos or more, and {len(images)} can be used; name a folder."
            )
        codes = np.concatenate([encoder.codes(image) for image in images]).astype(np.float64)
        self.photos = len(codes)
        flat = (codes - codes.mean(axis=0)).reshape(len(codes), -1)
        _, lengths, axes = np.linalg.svd(flat, full_matrices=False)
        count = min(MOST_DIALS, len(codes) - 1)
        deviations = lengths[:count] / np.sqrt(len(codes) - 1)
        signs = np.where(axes[:count].sum(axis=1) < 0, -1.0, 1.0)  # else chance says which way is up
        directions = (deviations * signs)[:, None] * axes[:count]
        shares = lengths[:count] ** 2 / max(float((lengths**2).sum()), 1e-30)
        return directions.reshape(count, *codes.shape[1:]).astype(np.float32), shares.astype(np.float32)
