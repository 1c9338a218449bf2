"""What the decoder draws of codes that no photo has: moved ones, mixed ones."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from saccade.encoder import Encoder
from saccade.errors import NotApplicable
from saccade.images import Images
from saccade.run import Run
from saccade.targets.paths import REPLACED, ArrayPoints
from saccade.typing import Array

Stop = Callable[[], bool]


def require_decoder(encoder: Encoder) -> None:
    """May any code be given to the decoder?

    Raises:
        NotApplicable: There is no decoder, or its entrance cannot be reached.
    """
    if not encoder.is_autoencoder:
        raise NotApplicable("this model draws no image, so nothing can be drawn of another code.")
    if not encoder.capabilities.taps:
        raise NotApplicable("the layers of this model cannot be changed on their way, so no other code can be drawn.")


def code_at_layer(encoder: Encoder, image: Images, stop: Stop | None = None) -> Array:
    """The code of one image as the decoder gets it, (1, ...)."""
    code: Array = Run(encoder, stop=stop).activations(image.array, [encoder.layer])[encoder.layer]
    return code


def drawn(encoder: Encoder, image: Images, codes: Array, stop: Stop | None = None) -> Array:
    """The images that the decoder draws.

    Args:
        encoder: An autoencoder.
        image: One image; what passes the code by on its way to the decoder is this image's.
        codes: (codes, ...), as `code_at_layer` gives them.
        stop: Asked between pieces.

    Returns:
        float32 (codes, height, width, channels) in the model's value range.
    """
    points = ArrayPoints({"values": codes[:, None].astype(np.float32)})
    output = encoder.network.output
    activations = Run(encoder, stop=stop).activations_along(image.array, [output], REPLACED, points, at=encoder.layer)
    images: Array = activations[output][:, 0]
    return images


def mixed(encoder: Encoder, first: Images, second: Images, share: float, stop: Stop | None = None) -> Array:
    """The image that the decoder draws between two photos: (1 - share) of the first's code and share of the second's.

    Args:
        encoder: The model.
        first: One photo.
        second: Another one.
        share: 0 is the first, 1 the second.
        stop: Asked between pieces.

    Returns:
        float32 (height, width, channels) in the model's value range.

    Raises:
        NotApplicable: The model cannot draw another code.
    """
    require_decoder(encoder)
    code = (1 - share) * code_at_layer(encoder, first, stop) + share * code_at_layer(encoder, second, stop)
    image: Array = drawn(encoder, first, code, stop)[0]
    return image
