"""How far is the work, and should it stop?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from saccade.errors import Cancelled

Progress = Callable[[float, float, str], None]
_EXPLAINING = 0.6
"""About how much of a piece of work is explaining; the rest is taking the picture apart."""


class Work:
    """Counts pieces of work.

    Args:
        progress: Told what is done, what is to be done in all, and what is being done.
        stop: Asked before each piece.
        total: How many pieces there are.
    """

    def __init__(self, progress: Progress | None, stop: Callable[[], bool] | None, total: int) -> None:
        self.stop = stop
        self._progress, self._total = progress, total
        self._finished, self._most, self._text = 0, 0.0, ""

    def starts(self, text: str) -> None:
        """The next piece begins.

        Raises:
            Cancelled: It should not.
        """
        if self.stop is not None and self.stop():
            raise Cancelled("stopped before it was finished; the same command goes on from here.")
        self._text, self._most = text, 0.0
        self._tell(0.0)

    def within(self, done: int, total: int) -> None:
        """How far a piece is; a method may ask several questions, so that only the furthest counts."""
        self._most = max(self._most, done / max(total, 1))
        self._tell(_EXPLAINING * self._most)

    def done(self, pieces: int = 1) -> None:
        """Pieces are finished."""
        self._finished, self._most = self._finished + pieces, 0.0
        self._tell(0.0)

    @contextmanager
    def piece(self, pieces: int) -> Iterator[None]:
        """So many pieces are done after the block, however few were said to be inside."""
        goal = self._finished + pieces
        yield
        self.done(goal - self._finished)

    def up_to(self, finished: int) -> None:
        """All pieces up to here are done, or need not be."""
        self.done(finished - self._finished)

    def _tell(self, part: float) -> None:
        if self._progress is not None:
            self._progress(self._finished + part, self._total, self._text)
