"""Timing several ways of doing the same work side by side, so that a busy moment hits all of them alike."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median, quantiles
from typing import Any

PAUSE = 0.005
"""Seconds of rest before each turn. After 30 ms and more both threads may wake up on one core and stay there for 10 ms."""
SLOW = 4
"""Who takes so many times as long as the fastest needs no fine measuring."""


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
        # Who was slow took part in the first rounds only.
        return [a / b for a, b in zip(self.rounds[name], self.rounds[to], strict=False)]


def race(
    runners: Mapping[str, Callable[[], Any]], *, seconds: float, least: int = 3, most: int = 25, pause: float = PAUSE
) -> Race:
    """Call everybody once, then again in turns.

    Args:
        runners: What is timed, by name; each call must return with the work done.
        seconds: About so long rounds go on after the first `least`; who takes more than `SLOW` times as long as the
            fastest has then seen enough of them.
        least: Fewest rounds.
        most: Most rounds.
        pause: Seconds of rest before each turn.
    """
    first = {name: timed(runner) for name, runner in runners.items()}
    rounds: dict[str, list[float]] = {name: [] for name in runners}
    gc.collect()
    left, ends = list(runners), 0.0
    for turn in range(most):
        if turn == least:
            fastest = min(median(times) for times in rounds.values())
            left = [name for name in left if median(rounds[name]) <= SLOW * fastest]
            ends = time.perf_counter() + seconds
        if turn >= least and time.perf_counter() > ends:
            break
        # Turned round every time, so that nobody always follows the same neighbour.
        for name in left if turn % 2 else reversed(left):
            # Threads that were just busy go on waiting busily for a moment, also those of another process.
            time.sleep(pause)
            rounds[name].append(timed(runners[name]))
    return Race(first, rounds)


def timed(runner: Callable[[], Any]) -> float:
    """Seconds of one call; who computes in another process takes its own time."""
    own: Callable[[], float] | None = getattr(runner, "seconds", None)
    if own is not None:
        return own()
    begun = time.perf_counter()
    runner()
    return time.perf_counter() - begun
