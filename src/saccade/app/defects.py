"""What nobody expected: its kind is said, and never what it says, which may name somebody's photo."""

from __future__ import annotations

import sys


def say_kind(error: BaseException) -> None:
    """One line on stderr."""
    print(f"saccade: unexpected error: {type(error).__name__}", file=sys.stderr)  # noqa: T201


def say_all(error: BaseException) -> None:
    """The whole traceback on stderr, for `--debug`."""
    import traceback

    traceback.print_exception(error, file=sys.stderr)
