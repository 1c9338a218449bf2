"""Freed memory that is kept for what comes next, in place of fetching every page of it from the system again."""

from __future__ import annotations

import ctypes
import os
import sys
from functools import cache

LARGEST_KEPT = 2**25
"""The largest block that glibc can be told to keep after it was freed."""
_MOST_KEPT = 2**27
"""How much freed memory the process keeps: what the layers of one piece take."""


@cache
def keep_freed_memory() -> None:
    """Tell glibc to keep up to 128 MiB of freed memory for the next arrays, for the rest of the process.

    Left alone it hands the layers of every batch back to the system as soon as the batch is done, and fetches them
    again page by page for the next: a fifth of the time of a gradient. Whoever has tuned malloc is not overruled.
    """
    tuned = os.environ.get("GLIBC_TUNABLES", "")
    if "glibc.malloc" in tuned or any(
        name in os.environ for name in ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_")
    ):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:
        mallopt(-3, LARGEST_KEPT)  # M_MMAP_THRESHOLD
        mallopt(-1, _MOST_KEPT)  # M_TRIM_THRESHOLD
