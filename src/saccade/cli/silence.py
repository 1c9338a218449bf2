"""Keep the frameworks' own messages off the terminal; ours, and Python's warnings of ours, stay."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import sys
import warnings
from collections.abc import Iterator

from saccade.errors import SaccadeWarning


@contextlib.contextmanager
def silenced(*, debug: bool) -> Iterator[None]:
    """Silence TensorFlow, absl, oneDNN, CUDA and the loggers of libraries inside the block; `debug` lets them speak.

    TensorFlow's C++ side logs to file descriptor 2 before any of its settings are heard (TF_CPP_MIN_LOG_LEVEL does not
    reach what is said before absl::InitializeLog), and again when a device is first used. So the descriptor itself
    points elsewhere meanwhile, and Python's `sys.stderr` keeps the real one.
    """
    if debug:
        yield
        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), _descriptor_elsewhere():
            warnings.simplefilter("ignore")
            warnings.simplefilter("always", SaccadeWarning)
            yield
    finally:
        logging.disable(before)


@contextlib.contextmanager
def _descriptor_elsewhere() -> Iterator[None]:
    python_stderr = sys.stderr
    try:
        if python_stderr.fileno() != 2:
            raise io.UnsupportedOperation
    except (AttributeError, OSError, ValueError):
        # Somebody has replaced stderr (a test, a notebook); its descriptors are not ours to move.
        yield
        return
    python_stderr.flush()
    real = os.dup(2)
    silence = os.open(os.devnull, os.O_WRONLY)
    speaking = os.fdopen(real, "w", buffering=1, encoding=python_stderr.encoding, errors="backslashreplace")
    try:
        os.dup2(silence, 2)
        sys.stderr = speaking
        yield
    finally:
        speaking.flush()
        sys.stderr = python_stderr
        os.dup2(real, 2)
        os.close(silence)
        speaking.close()
