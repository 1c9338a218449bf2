"""Results drawn small: the photo, the photo with its map, and a result on a smaller photo."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from PIL import Image

from saccade.images import Images
from saccade.picture import Scale
from saccade.results import Attribution


def overlay(attribution: Attribution, scale: Scale | None, least: int = 900, view: str = "auto") -> Image.Image:
    """The photo with its map, at least so large."""
    return attribution.drawn(view=view, scale=scale or "each", least=least)


def original(attribution: Attribution) -> Image.Image:
    """The photo itself."""
    return Image.fromarray(np.asarray(attribution.images.photos[0].original))


def shrunk(attribution: Attribution, side: int) -> Attribution:
    """The same result on a photo that is at most so large: maps are drawn at the size of the photo."""
    photo = attribution.images.photos[0]
    image = original(attribution)
    if max(image.size) <= side:
        return attribution
    image.thumbnail((side, side))
    placement = photo.placement.on_resized(image.height, image.width)
    small = replace(photo, drawn=np.asarray(image), placement=placement)
    images = attribution.images
    return replace(attribution, images=Images(images.array, (small,), images.value_range))
