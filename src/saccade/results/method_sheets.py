"""Several methods side by side on one sheet."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image

from saccade.errors import InputError
from saccade.picture import comparison
from saccade.results.attribution import Attribution
from saccade.results.result import capitalised

_SENTENCES = 6
"""A page of more methods has room for one sentence only."""


def methods_sheets(
    attributions: Sequence[Attribution],
    *,
    view: str = "auto",
    theme: str = "light",
    across: int = 6,
    aspect: tuple[int, int] | None = None,
) -> list[Image.Image]:
    """Contact sheets of several methods side by side, as many as it takes for every map to be read.

    Every photo stands plain beside its maps, and every map has its own colour bar. A page of one photo says of each map
    in a sentence what it shows; where there are many methods, of the first.

    Args:
        attributions: One result per method, all of the same images, in the order in which they are shown.
        view: As for `Attribution.drawn`.
        theme: `"light"` or `"dark"`.
        across: Most methods on a sheet of several photos.
        aspect: Width and height of a page to each other, such as (16, 9): paper is added round it.

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
        drawn = [attribution.drawn(index, view=view, least=480) for attribution in attributions]
        rows.append([Image.fromarray(np.asarray(photo.original)), *drawn])
        bars.append([attribution.bar(index, view=view) for attribution in attributions])
    units = "; ".join(f"{attribution.title}: {attribution.units}" for attribution in attributions)
    return comparison(
        rows,
        list(first.images.names),
        [attribution.title for attribution in attributions],
        bars=bars,
        across=across,
        title=capitalised(first.question),
        caption=_sentences(attributions) if len(first) == 1 else (),
        notes=[f"{units}. Every map has its own scale.", *_keys(attributions, view)],
        theme=theme,
        aspect=aspect,
    )


def _keys(attributions: Sequence[Attribution], view: str) -> list[str]:
    """What light and lines mean on the maps that have no colour bar; once for all where that is the same."""
    keys = {each.title: each.key_words(view=view) for each in attributions}
    distinct = dict.fromkeys(filter(None, keys.values()))
    if len(distinct) == 1 and all(keys.values()):
        return [f"{capitalised(next(iter(distinct)))}."]
    return [f"{title}: {key}." for title, key in keys.items() if key]


def _sentences(attributions: Sequence[Attribution]) -> list[str]:
    spoken = attributions if len(attributions) <= _SENTENCES else attributions[:1]
    return [f"{attribution.title}: {attribution.sentence()}" for attribution in spoken]
