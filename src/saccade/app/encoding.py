"""Photos encoded in the background, some at a time, whenever it is nobody else's turn."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

from saccade.app.refusal import Refused
from saccade.app.turns import Answer, Turns, Work
from saccade.collection import Catalogue
from saccade.collection.indexing import Indexing
from saccade.encoder import Encoder

_CLIENT = "collection"
_PAUSE = 1.0
"""Seconds until a refused piece of work is asked for again."""


async def encoded(
    turns: Turns, encoder: Encoder, photos: Sequence[Path], on_step: Callable[[int, int], None] | None = None
) -> Catalogue:
    """The codes of these photos.

    Args:
        turns: Whose turn it is.
        encoder: The model, which reads photos of one size.
        photos: Files.
        on_step: Gets the photos done and the photos in all.

    Raises:
        InputError: Not one of them can be used.
    """
    indexing = await patiently(turns, lambda _: Indexing(encoder, photos))
    steps = indexing.steps()
    while (step := await patiently(turns, lambda _: next(steps, None))) is not None:
        if on_step is not None:
            on_step(*step)
    return await patiently(turns, lambda _: indexing.catalogue())


async def patiently(turns: Turns, function: Work[Answer]) -> Answer:
    """Work that nobody waits for: while too many others do, it is asked for later."""
    while True:
        try:
            return await turns.work(_CLIENT, function)
        except Refused:
            await asyncio.sleep(_PAUSE)
