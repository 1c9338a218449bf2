"""Images that are checked and copied while an accelerator already computes with them."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from saccade.encoder import Encoder
from saccade.images import Images
from saccade.typing import Array


class LateImages:
    """Images for one call.

    A result keeps a copy of an array, since its owner may write into it later, and an array is looked through for what
    is no number. For 32 photos of 224 px both together take half as long as their gradients on an H100, and nothing
    that is computed there depends on them: they can wait until the host would only wait. What no accelerator is
    waiting for is done at once.

    Args:
        encoder: The model that computes.
        photos: Whatever stands for images, see `Encoder.images`.

    Attributes:
        array: float32 (images, height, width, channels) to compute with.

    Raises:
        ImageError: The images are not of the model's shape.
    """

    def __init__(self, encoder: Encoder, photos: Any) -> None:
        self._encoder, self._photos = encoder, photos
        can_wait = (
            encoder.engine.backend.is_accelerator
            and isinstance(photos, np.ndarray)
            and photos.dtype == np.float32
            and photos.ndim == 4
            and photos.size > 0
            and photos.flags.c_contiguous
        )
        if can_wait:
            encoder.check_shape(photos.shape)
            self.array: Array = photos.view()
            self.array.setflags(write=False)
        else:
            self.array = self.images.array

    @cached_property
    def images(self) -> Images:
        """The images, checked and safe from their owner.

        Raises:
            ImageError: They hold values that are not numbers, or of quite another range.
        """
        return self._encoder.images(self._photos)
