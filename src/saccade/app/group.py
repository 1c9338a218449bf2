"""What some photos of the collection share, as the page shows it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from saccade.app.decoding import code_at_layer, drawn, require_decoder
from saccade.collection import CodeSpace
from saccade.collection.photo_group import PhotoGroup, group_of
from saccade.encoder import Encoder
from saccade.errors import NotApplicable
from saccade.images import ImageRecipe, Images
from saccade.report.array_spec import array_spec, image_url
from saccade.report.photo_data import as_seen

Stop = Callable[[], bool]


def group_data(encoder: Encoder, space: CodeSpace, numbers: Sequence[int], grey: Images, stop: Stop) -> dict[str, Any]:
    """What do these photos share?

    Args:
        encoder: The model.
        space: The codes of the collection.
        numbers: The photos.
        grey: An image of no photo: what passes the code by on its way to the decoder is its.
        stop: Asked between pieces.

    Raises:
        InputError: Fewer than two photos, or one that is not there.
    """
    group = group_of(space, numbers)
    reach = float(np.abs(group.shares).max())
    return {
        "photos": group.rows.tolist(),
        "likeness": group.likeness,
        "shares": array_spec(group.shares),
        "scale": {"low": -reach, "high": reach, "signed": True, "flat": reach == 0},
        "others": group.others.tolist(),
        "scores": [float(score) for score in group.scores],
        "drawn": _drawn(encoder, group, grey, stop),
    }


def grey_image(encoder: Encoder, recipe: ImageRecipe) -> Images:
    """An image of nothing, of the size that the app reads photos at."""
    low, high = encoder.value_range
    grey = np.full((recipe.height or 1, recipe.width or 1, recipe.channels), (low + high) / 2, np.float32)
    return Images.from_array(grey, encoder.value_range)


def _drawn(encoder: Encoder, group: PhotoGroup, grey: Images, stop: Stop) -> str | None:
    """The mean code, as the decoder draws it; None where there is no decoder."""
    try:
        require_decoder(encoder)
    except NotApplicable:
        return None
    shape = code_at_layer(encoder, grey, stop).shape
    image = drawn(encoder, grey, group.mean_code.astype(np.float32).reshape(shape), stop)[0]
    return image_url(as_seen(image, encoder.value_range), lossless=True)
