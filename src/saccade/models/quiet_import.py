"""TensorFlow writes to file descriptor 2 while it loads, which a notebook shows in red: keep that off its pages."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator


def load_tensorflow_quietly() -> None:
    """In a notebook, load TensorFlow and wake its devices with the descriptor turned away; elsewhere do nothing.

    It writes before any of its settings are read, and again when a device is first used.
    """
    if "ipykernel" not in sys.modules or "tensorflow" in sys.modules:
        return
    with _descriptor_turned_away():
        import tensorflow

        tensorflow.constant(0.0)


@contextlib.contextmanager
def _descriptor_turned_away() -> Iterator[None]:
    sys.stderr.flush()
    real, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(real, 2)
        os.close(real)
        os.close(nowhere)
