"""Timing several ways of doing the same work side by side, so that a busy moment hits all of them alike."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median, quantiles
from typing import Any


@dataclass(frozen=True)
class Race:
    """Seconds by name: of the very first call, and of every later round, one after the other in turns."""

    first: Mapping[str, float]
    rounds: Mapping[str, list[float]]

    def seconds(self, name: str) -> float:
        """The median of the steady state."""
        return median(self.rounds[name])

    def ratio(self, name: str, to: str) -> float:
        """How many times as long as another: the median of the ratios within each round."""
        return median(self._ratios(name, to))

    def middle_half(self, name: str, to: str) -> tuple[float, float]:
        """Between what the middle half of the ratios within each round lie."""
        low, _, high = quantiles(self._ratios(name, to), n=4, method="inclusive")
        return low, high

    def _ratios(self, name: str, to: str) -> list[float]:
        return [a / b for a, b in zip(self.rounds[name], self.rounds[to], strict=True)]


def race(runners: Mapping[str, Callable[[], Any]], *, seconds: float, least: int = 3, most: int = 25) -> Race:
    """Call everybody once, then again in turns.

    Args:
        runners: What is timed, by name; each call must return with the work done.
        seconds: Stop when about this much time has gone by, after at least `least` rounds.
        least: Fewest rounds.
        most: Most rounds.
    """
    first = {name: timed(runner) for name, runner in runners.items()}
    rounds: dict[str, list[float]] = {name: [] for name in runners}
    gc.collect()
    begun = time.perf_counter()
    for turn in range(most):
        if turn >= least and time.perf_counter() - begun > seconds:
            break
        # Turned round every time, so that nobody always follows the same neighbour.
        for name in list(runners) if turn % 2 else list(reversed(runners)):
            rounds[name].append(timed(runners[name]))
    return Race(first, rounds)


def timed(runner: Callable[[], Any]) -> float:
    """Seconds of one call."""
    begun = time.perf_counter()
    runner()
    return time.perf_counter() - begun
