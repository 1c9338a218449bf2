"""HEIC photos, as telephones make them: read by the package pillow-heif where it is installed."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec

SUFFIXES = frozenset({".heic", ".heif"})


@cache
def is_readable() -> bool:
    """Is the package there that reads them?"""
    return find_spec("pillow_heif") is not None


@cache
def register() -> None:
    """Let Pillow open them, once and only where a photo is decoded: the package is large."""
    if is_readable():
        import pillow_heif

        pillow_heif.register_heif_opener(thumbnails=False)
