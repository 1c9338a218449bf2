"""How far a report is: collections are encoded first, then come the steps of the page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from saccade.errors import Cancelled

STEPS = 10
"""The page itself."""
_COLLECTION_STEPS = 14
"""Encoding a collection, beside the others."""


@dataclass(frozen=True)
class ReportProgress:
    """Counts the steps of a report, and ends it when it is told to.

    Attributes:
        on_progress: Called with what is being done, the steps done and the steps in all.
        stop: Asked before each step of the page; True ends the work.
        collections: How many collections are encoded first.
    """

    on_progress: Callable[[str, float, int], None] | None
    stop: Callable[[], bool] | None
    collections: int

    def encoding(self, text: str, collection: int) -> Callable[[int, int], None]:
        """What to call with the photos done and the photos in all while a collection is encoded, counted from 0."""

        def encoded(done: int, total: int) -> None:
            self._report(text, collection * _COLLECTION_STEPS + _COLLECTION_STEPS * done // max(total, 1))

        return encoded

    def step(self, text: str, done: float) -> None:
        """A step of the page begins.

        Raises:
            Cancelled: `stop` said so.
        """
        if self.stop is not None and self.stop():
            raise Cancelled("the report was stopped; nothing was written.")
        self._report(text, self.collections * _COLLECTION_STEPS + done)

    def _report(self, text: str, done: float) -> None:
        if self.on_progress is not None:
            self.on_progress(text, done, self.collections * _COLLECTION_STEPS + STEPS)
