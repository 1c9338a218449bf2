"""Keep the frameworks' own messages off the terminal; saccade's, and its warnings, stay."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import warnings
from collections.abc import Iterator

from saccade.cli.streams import Stderr
from saccade.errors import SaccadeWarning


@contextlib.contextmanager
def silenced(*, debug: bool) -> Iterator[None]:
    """Silence TensorFlow, absl, oneDNN, CUDA and the loggers of libraries inside the block; not with `debug`.

    TensorFlow's C++ side writes to file descriptor 2 before any of its settings are read (TF_CPP_MIN_LOG_LEVEL does not
    reach what is written before absl::InitializeLog), and again when a device is first used. So the descriptor itself
    points to nowhere meanwhile, and Python's `sys.stderr` has the real one.
    """
    if debug:
        yield
        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), _descriptor_to_nowhere():
            warnings.simplefilter("ignore")
            warnings.simplefilter("always", SaccadeWarning)
            yield
    finally:
        logging.disable(before)


@contextlib.contextmanager
def _descriptor_to_nowhere() -> Iterator[None]:
    python_stderr = sys.stderr
    if _descriptor(python_stderr) != 2:
        # It was replaced, by a test or a notebook; the descriptors are not ours to move.
        yield
        return
    python_stderr.flush()
    real = os.dup(2)
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 2)
        os.close(nowhere)
        sys.stderr = Stderr(real, python_stderr.encoding)
        yield
    finally:
        sys.stderr = python_stderr
        os.dup2(real, 2)
        os.close(real)


def _descriptor(stream: object) -> int | None:
    try:
        return int(stream.fileno())  # type: ignore[attr-defined]
    except (AttributeError, OSError, ValueError):
        return None
