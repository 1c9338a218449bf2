"""Seconds for people."""

from __future__ import annotations


def duration(seconds: float) -> str:
    """Seconds for people: two digits are enough for an estimate.

    Example:
        >>> duration(0.4), duration(38.2), duration(312), duration(9000)
        ('1 s', '38 s', '5 min', '2 h 30 min')
    """
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    if minutes < 100:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min"
