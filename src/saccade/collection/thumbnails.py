"""Results drawn small: the photo, the photo with its map, and a result on a smaller photo."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from PIL import Image

from saccade.images import Images, Placement
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
    width, height = image.size
    image.thumbnail((side, side))
    across, down = image.width / width, image.height / height
    left, top, right, bottom = photo.placement.box
    box = (left * across, top * down, right * across, bottom * down)
    placement = Placement((image.height, image.width), photo.placement.size, box)
    small = replace(photo, drawn=np.asarray(image), placement=placement)
    images = attribution.images
    return replace(attribution, images=Images(images.array, (small,), images.value_range))
