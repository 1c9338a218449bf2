"""How long will a question take? Judged by its own first pieces."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

_LONGEST_WAIT = 10.0
"""Cheaper settings are named that take at most so many seconds, if there are such."""


@dataclass(frozen=True)
class Cheaper:
    """Settings with which a method asks less.

    Attributes:
        settings: The method's settings, by name.
        share: The share of the work that is left with them.
    """

    settings: Mapping[str, Any]
    share: float


Cheapening = Callable[[], Sequence[Cheaper]]
"""Finds settings with which a method asks less, the dearest first; asked only where a question takes long."""


@dataclass(frozen=True)
class Estimate:
    """How long a question takes, judged by its first pieces.

    Attributes:
        seconds: From its start to its end.
        passes: How many images it computes, or how many steps of its own a method takes.
        cheapening: Finds settings of the method with which it asks less.
    """

    seconds: float
    passes: int
    cheapening: Cheapening | None = field(default=None, repr=False)

    def cheaper(self) -> Cheaper | None:
        """The first settings that take ten seconds at most; else those that take least; None where there are none."""
        choices = () if self.cheapening is None else self.cheapening()
        quick = (choice for choice in choices if choice.share * self.seconds <= _LONGEST_WAIT)
        return next(quick, min(choices, key=lambda choice: choice.share, default=None))


OnEstimate = Callable[[Estimate], None]
"""Gets an estimate for each question of more than two pieces, once two of them are done."""


class Pace:
    """Times the first two pieces of a question: the first is compiled, the second is like all others.

    Args:
        pieces: How many pieces there are.
        passes: How many images they compute.
        tell: Gets seconds and passes, once.
    """

    def __init__(self, pieces: int, passes: int, tell: Callable[[float, int], None]) -> None:
        self._pieces, self._passes, self._tell = pieces, passes, tell
        self._start = self._last = time.perf_counter()

    def is_open(self, done: int) -> bool:
        """Is the piece timed that comes after so many?"""
        return done < 2 < self._pieces

    def piece(self, done: int) -> None:
        """So many pieces are done."""
        if not self.is_open(done - 1):
            return
        now = time.perf_counter()
        if done == 2:
            self._tell(now - self._start + (self._pieces - 2) * (now - self._last), self._passes)
        self._last = now
