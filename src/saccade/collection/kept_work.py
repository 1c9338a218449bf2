"""What is kept of this process's work if it is stopped now, in words, for whoever ends the process."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

_descriptions: list[Callable[[], str]] = []


@contextlib.contextmanager
def kept_if_stopped(description: Callable[[], str]) -> Iterator[None]:
    """While work goes on that can be continued or looked at.

    Args:
        description: What is kept of it at this moment, in words; empty where that is nothing.
    """
    _descriptions.append(description)
    try:
        yield
    finally:
        _descriptions.remove(description)


def kept_in_words() -> str:
    """What is kept of all work that goes on; empty where that is nothing."""
    return "; ".join(filter(None, (description() for description in list(_descriptions))))
