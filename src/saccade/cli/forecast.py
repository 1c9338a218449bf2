"""How long a question will take, said where it is long, with a setting that would make it shorter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from saccade.cli.console import Console
from saccade.cli.durations import duration

if TYPE_CHECKING:
    from saccade.engines import Estimate

_LONG = 10.0
"""Estimates of at most so many seconds are not worth a line."""
_LONGER = 2.0
"""A later question of the same method gets a line of its own where it takes so many times as long."""


class Forecast:
    """Says once for each method how long it takes, before most of it is computed.

    Args:
        console: Where it is said.
        photos: How many photos there are.
        requests: How many methods are asked about each.
    """

    def __init__(self, console: Console, *, photos: int = 1, requests: int = 1) -> None:
        self._console, self._photos, self._requests = console, photos, requests
        self._longest: dict[str, float] = {}

    def announce(self, label: str, estimate: Estimate) -> None:
        """Say it, if it is long and news."""
        if estimate.seconds <= max(_LONG, _LONGER * self._longest.get(label, 0.0)):
            return
        self._longest[label] = estimate.seconds
        each = " a photo" if self._photos > 1 else ""
        line = f"{label}: about {duration(estimate.seconds)}{each}, {estimate.passes:,} passes"
        cheaper = estimate.cheaper()
        if cheaper is not None:
            prefix = f"{label}." if self._requests > 1 else ""
            settings = " ".join(f"--set {prefix}{name}={_in_words(value)}" for name, value in cheaper.settings.items())
            line += f"; {settings} would take about {duration(cheaper.share * estimate.seconds)}"
        self._console.say(line)


def _in_words(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
