"""Several methods side by side on one sheet."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image

from saccade.errors import InputError
from saccade.picture import comparison
from saccade.results.attribution import Attribution


def methods_sheet(attributions: Sequence[Attribution], *, theme: str = "light", photos: int = 12) -> Image.Image:
    """A contact sheet of several methods side by side, laid out so that every map can be read.

    Args:
        attributions: One result per method, all of the same images.
        theme: `"light"` or `"dark"`.
        photos: At most this many photos; how many were left out is said.

    Raises:
        InputError: There is none, or they are of different images.
    """
    if not attributions:
        raise InputError("no results were given, so there is nothing to put side by side.")
    first = attributions[0]
    if any(attribution.images.names != first.images.names for attribution in attributions):
        raise InputError("the results are of different images, so they cannot stand side by side.")
    count = min(len(first), photos)
    rows = [
        [
            Image.fromarray(np.asarray(first.images.photos[index].original)),
            *(attribution[index].overlay(least=480)[0] for attribution in attributions),
        ]
        for index in range(count)
    ]
    units = "; ".join(f"{attribution.title}: {attribution.units}" for attribution in attributions)
    notes = [f"{units}. Every map has its own scale."]
    if count < len(first):
        notes.append(f"{len(first) - count} more photos are not shown.")
    return comparison(
        rows,
        list(first.images.names[:count]),
        [attribution.title for attribution in attributions],
        title=f"{first.question[:1].upper()}{first.question[1:]}",
        notes=notes,
        theme=theme,
    )
