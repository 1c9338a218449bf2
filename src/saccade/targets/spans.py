"""Rows or columns from one to another: `2:5` is 2, 3 and 4."""

from __future__ import annotations

from dataclasses import dataclass

from saccade.errors import InputError

Given = tuple[int | None, int | None] | slice | None


@dataclass(frozen=True)
class Span:
    """From `start` up to, without, `stop`; None for the edge.

    Attributes:
        start: The first, counted from 0.
        stop: The one behind the last.
    """

    start: int | None
    stop: int | None

    def __str__(self) -> str:
        """As `parse` reads it."""
        return f"{'' if self.start is None else self.start}:{'' if self.stop is None else self.stop}"

    def in_words(self, one: str, many: str) -> str:
        """`row 2`, `rows 2 to 4`, `rows from 2`, `rows to 4`, `all rows`: both ends belong to it."""
        if self.stop is None:
            return f"{many} from {self.start}" if self.start else f"all {many}"
        first, last = self.start or 0, self.stop - 1
        return f"{one} {first}" if first == last else f"{many} {first} to {last}"

    def within(self, count: int, whole: str, name: str) -> slice:
        """As a slice of so many.

        Args:
            count: How many there are.
            whole: What there is, for the message: `"the code has 8x8 cells"`.
            name: `"rows"` or `"columns"`.

        Raises:
            InputError: It leaves them.
        """
        start, stop = self.start or 0, count if self.stop is None else self.stop
        if start >= count or stop > count:
            raise InputError(f"{whole}, so {name} {self} do not exist; {name} go from 0 up to {count}.")
        return slice(start, stop)


def span(name: str, given: Given) -> Span:
    """Check what was given for rows or columns.

    Raises:
        InputError: It holds nothing, counts from the end, or has a step.
    """
    if isinstance(given, slice):
        if given.step not in (None, 1):
            raise InputError(f"{name} with a step of {given.step}: give a first one and the one behind the last.")
        given = (given.start, given.stop)
    start, stop = (None, None) if given is None else given
    first = 0 if start is None else start
    if first < 0 or (stop is not None and stop <= first):
        raise InputError(
            f"{name} {Span(start, stop)} hold nothing; give the first, counted from 0, and the one behind the last, "
            "such as 2:5 for 2, 3 and 4."
        )
    return Span(None if start is None else int(start), None if stop is None else int(stop))
