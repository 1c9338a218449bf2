"""Attributes of classes and modules that are replaced while any thread needs it, and put back when the last is done.

A replacement is seen by all threads; it must find out by itself, such as by a `ContextVar`, whether it is meant.
"""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

Patch = tuple[Any, str, Callable[[Any], Any]]
"""An owner, the name of its attribute, and what makes the replacement of the original."""


class SharedPatches:
    """Replacements that several threads use at the same time.

    Args:
        patches: Gives them when they are first needed, since a framework is loaded for it. What is not there is passed
            over, and what comes twice is replaced once.
    """

    def __init__(self, patches: Callable[[], Iterable[Patch]]) -> None:
        self._patches = patches
        self._lock = threading.Lock()
        self._originals: list[tuple[Any, str, Any]] = []
        self._users = 0

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Inside the block they are in their places."""
        with self._lock:
            if self._users == 0:
                try:
                    self._install()
                except BaseException:
                    self._restore()
                    raise
            self._users += 1
        try:
            yield
        finally:
            with self._lock:
                self._users -= 1
                if self._users == 0:
                    self._restore()

    def _install(self) -> None:
        for owner, name, replacement_of in self._patches():
            original = inspect.getattr_static(owner, name, None)
            if original is None or any(
                owner is patched_owner and name == patched for patched_owner, patched, _ in self._originals
            ):
                continue
            self._originals.append((owner, name, original))
            is_static = isinstance(original, staticmethod)
            replacement = replacement_of(original.__func__ if is_static else original)
            setattr(owner, name, staticmethod(replacement) if is_static else replacement)

    def _restore(self) -> None:
        for owner, name, original in self._originals:
            setattr(owner, name, original)
        self._originals.clear()
