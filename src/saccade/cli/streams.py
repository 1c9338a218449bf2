"""The streams of the process: opened where the caller closed them; stderr never fails."""

from __future__ import annotations

import contextlib
import io
import os
import sys


class Stderr(io.TextIOWrapper):
    """Text for stderr that is dropped if nobody can read it: a note that is lost must not end the work."""

    def __init__(self, descriptor: int, encoding: str = "utf-8") -> None:
        raw = open(descriptor, "wb", buffering=0, closefd=False)  # noqa: SIM115
        super().__init__(raw, encoding=encoding, errors="backslashreplace", write_through=True)

    def write(self, text: str) -> int:
        """Write, or drop the text."""
        with contextlib.suppress(OSError):
            return super().write(text)
        return len(text)

    def flush(self) -> None:
        """Nothing waits to be written."""
        with contextlib.suppress(OSError, ValueError):
            super().flush()


def open_closed_streams() -> None:
    """Open what the caller has closed (`>&-`): else the first file that is opened would be taken for stdout."""
    for descriptor, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(descriptor)
        except OSError:
            # Takes the lowest number that is free, which is this one.
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
        if getattr(sys, name) is None:
            mode = "r" if name == "stdin" else "w"
            setattr(sys, name, open(descriptor, mode, encoding="utf-8", closefd=False))  # noqa: SIM115
    sys.stderr = Stderr(2, sys.stderr.encoding)
