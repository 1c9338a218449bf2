"""Several methods side by side on one sheet."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image

from saccade.errors import InputError
from saccade.picture import comparison
from saccade.results.attribution import Attribution
from saccade.results.result import capitalised


def methods_sheets(attributions: Sequence[Attribution], *, theme: str = "light", across: int = 6) -> list[Image.Image]:
    """Contact sheets of several methods side by side, as many as it takes for every map to be read.

    Every photo stands plain beside its maps, and every map has its own colour bar.

    Args:
        attributions: One result per method, all of the same images, in the order in which they are shown.
        theme: `"light"` or `"dark"`.
        across: Most methods on a sheet of several photos.

    Raises:
        InputError: There is none, or they are of different images.
    """
    if not attributions:
        raise InputError("no results were given, so there is nothing to put side by side.")
    first = attributions[0]
    if any(attribution.images.names != first.images.names for attribution in attributions):
        raise InputError("the results are of different images, so they cannot stand side by side.")
    rows, bars = [], []
    for index, photo in enumerate(first.images.photos):
        drawn = [attribution.drawn(index, least=480) for attribution in attributions]
        rows.append([Image.fromarray(np.asarray(photo.original)), *drawn])
        bars.append([attribution.bar(index) for attribution in attributions])
    units = "; ".join(f"{attribution.title}: {attribution.units}" for attribution in attributions)
    return comparison(
        rows,
        list(first.images.names),
        [attribution.title for attribution in attributions],
        bars=bars,
        across=across,
        title=capitalised(first.question),
        notes=[f"{units}. Every map has its own scale."],
        theme=theme,
    )
