"""Torch logs errors that it also raises; what is tried, and caught, is nothing for a user's screen."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def quiet_logs(*names: str) -> Iterator[None]:
    """Keep what these loggers say off the screen meanwhile.

    Args:
        names: The loggers' names, such as `"torch.export"`.
    """

    def nothing(_record: Any) -> bool:
        return False

    loggers = [logging.getLogger(name) for name in names]
    for logger in loggers:
        logger.addFilter(nothing)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeFilter(nothing)
