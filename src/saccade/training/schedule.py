"""How fast a run learns, step by step, and how far back the mean of its weights reaches."""

from __future__ import annotations

import math

WARM_UP = 300
"""Steps until the learning rate has reached its peak; a tenth of the run, if that is sooner."""
MEMORY = 500
"""Steps that the exponential mean of the weights remembers, at most."""


def learning_rate(peak: float, steps: int, share: float) -> float:
    """How large is the learning rate of the next step?

        peak * min(1, max((steps + 1) / 300, 10 share)) * (1 + cos(pi share)) / 2

    Args:
        peak: The largest learning rate.
        steps: Steps done.
        share: Share of the run that is done in the middle of the step, 0..1: of its steps, or of its time.
    """
    warm = min(1.0, max((steps + 1) / WARM_UP, 10 * share))
    return peak * warm * (0.5 + 0.5 * math.cos(math.pi * share))


def share_of_newest(steps: int) -> float:
    """How much do the newest weights count in the mean: mean <- mean + share (weights - mean)?

    The mean remembers a tenth of the steps so far, and at most 500: a short run does not drag its first weights along.

    Args:
        steps: Steps done before those that made the newest weights.
    """
    return max(1 / MEMORY, 10 / (steps + 10))
