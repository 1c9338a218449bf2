"""How far an evaluation is, and whether it should stop."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from saccade.errors import Cancelled

Progress = Callable[[float, float, str], None]
"""Gets the pieces done, the pieces in all, and what is being done."""

_EXPLAINING = 0.6
"""About how much of a piece of work is explaining; the rest is deletion and insertion."""


class PieceCounter:
    """Counts pieces of work, and reports them.

    Args:
        progress: Called with the pieces done, the pieces in all, and what is being done.
        stop: Asked before each piece.
        total: How many pieces there are.
    """

    def __init__(self, progress: Progress | None, stop: Callable[[], bool] | None, total: int) -> None:
        self.stop = stop
        self._progress, self._total = progress, total
        self._finished, self._share, self._text = 0, 0.0, ""

    def start(self, text: str) -> None:
        """The next piece begins.

        Raises:
            Cancelled: It should not.
        """
        if self.stop is not None and self.stop():
            raise Cancelled("stopped before it was finished; the same command goes on from here.")
        self._text, self._share = text, 0.0
        self._report(0.0)

    def explain(self, done: int, total: int) -> None:
        """How far a piece's explaining is; a method may ask several questions, so that only the furthest counts."""
        self._share = max(self._share, done / max(total, 1))
        self._report(_EXPLAINING * self._share)

    def finish(self, pieces: int = 1) -> None:
        """Pieces are done."""
        self._finished, self._share = self._finished + pieces, 0.0
        self._report(0.0)

    def finish_up_to(self, finished: int) -> None:
        """All pieces up to here are done, or need not be."""
        self.finish(finished - self._finished)

    @contextmanager
    def pieces(self, count: int) -> Iterator[None]:
        """So many pieces are done after the block, however few were finished inside."""
        goal = self._finished + count
        yield
        self.finish_up_to(goal)

    def _report(self, part: float) -> None:
        if self._progress is not None:
            self._progress(self._finished + part, self._total, self._text)
