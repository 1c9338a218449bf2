"""One row, column or channel, or rows and columns from one to another: `2:5` is 2, 3 and 4."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import Any

from saccade.errors import InputError

Bounds = tuple[int | None, int | None] | slice | None


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


def span(name: str, bounds: Bounds) -> Span:
    """The rows or columns between two bounds.

    Args:
        name: `"rows"` or `"columns"`, for messages.
        bounds: The first and the one behind the last; a slice without a step; None for all.

    Raises:
        InputError: It holds nothing, counts from the end, or has a step.
    """
    if isinstance(bounds, slice):
        if bounds.step not in (None, 1):
            raise InputError(f"{name} with a step of {bounds.step}: give a first one and the one behind the last.")
        bounds = (bounds.start, bounds.stop)
    if bounds is not None and (not isinstance(bounds, (tuple, list)) or len(bounds) != 2):
        raise InputError(f"{name}={bounds!r}: give the first and the one behind the last, as in (2, 5); None for all.")
    start, stop = (None if bound is None else position(name, bound) for bound in bounds or (None, None))
    if (start or 0) < 0 or (stop is not None and stop <= (start or 0)):
        raise InputError(
            f"{name} {Span(start, stop)} hold nothing; give the first, counted from 0, and the one behind the last, "
            "such as 2:5 for 2, 3 and 4."
        )
    return Span(start, stop)


def position(name: str, number: Any) -> int:
    """One row, column or channel.

    Args:
        name: What is counted, for messages.
        number: A Python or numpy integer.

    Raises:
        InputError: Something else.
    """
    try:
        return operator.index(number)
    except TypeError:
        raise InputError(f"{name}={number!r}: give a whole number, counted from 0.") from None
