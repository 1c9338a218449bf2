"""Numbers that grow beyond what floating point holds: noticed, and refused in one line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from saccade.errors import ModelError


@contextmanager
def overflow_noticed() -> Iterator[list[str]]:
    """Notice, in place of a warning, where numbers inside the block grow too large for their type.

    What comes of it is infinite, no number, or (after a division by it) a zero that looks like a finding: whoever asks
    looks at the results, and at what was noticed.

    Yields:
        What has happened so far; empty where all is well.

    Example:
        >>> with overflow_noticed() as overflows:
        ...     product = np.float32(1e30) * np.float32(1e30)
        >>> overflows
        ['overflow']
    """
    overflows: list[str] = []

    def note(kind: str, _: int) -> None:
        overflows.append(kind)

    settings: dict[str, Any] = {"over": "call", "invalid": "ignore", "divide": "ignore", "call": note}
    with np.errstate(**settings):
        yield overflows


def no_numbers(model: str, why: str = "values that are not numbers (NaN or infinite)") -> ModelError:
    """The error for a model with whose values nothing can be computed.

    Args:
        model: Its name.
        why: What it gives.
    """
    return ModelError(
        f"{model!r} gives {why}, so there is no map to show; its weights are damaged or too large, or its images need "
        "another value range."
    )


TOO_LARGE = "values so large that the numbers computed with them overflow"
"""For `no_numbers`."""
