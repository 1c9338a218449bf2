"""How is a number written so that a person reads it at a glance?

Two significant digits, no exponent unless it saves many zeros, and a true minus sign.
"""

from __future__ import annotations

from math import floor, isfinite, log10

from saccade.errors import InputError

MINUS = "\u2212"


def number(value: float, *, digits: int = 2, beside: float = 0.0) -> str:
    """Write one number: `0.031`, `1.2e-05`, `12`, `1,234`.

    Args:
        value: Any finite number.
        digits: Significant digits to keep; the whole part of a number is always kept.
        beside: The largest of the numbers that stand in one row with it: it has an exponent where that one has.

    Raises:
        InputError: NaN or infinity.

    Example:
        >>> number(0.03123)
        '0.031'
        >>> number(3068)
        '3,068'
    """
    if not isfinite(value):
        raise InputError(f"only finite numbers can be written; got {value}.")
    if value == 0:
        return "0"
    exponent = _exponent(value, digits)
    largest = max(exponent, _exponent(beside, digits)) if beside else exponent
    if largest < -4 or largest > 6:
        return _minus(f"{value:.{digits - 1}e}")
    return _minus(f"{value:,.{max(0, digits - 1 - exponent)}f}")


def signed(value: float, *, digits: int = 2, beside: float = 0.0) -> str:
    """Write a number with its sign, `+0.31`."""
    return ("+" if value > 0 else "") + number(value, digits=digits, beside=beside)


def percent(share: float, *, digits: int = 2) -> str:
    """Write a share as a percentage: 0.314 becomes `31 %`."""
    return f"{number(100 * share, digits=digits)} %"


def _exponent(value: float, digits: int) -> int:
    """The power of ten of the rounded number: 0.999 is 1.0."""
    return floor(log10(abs(float(f"{value:.{digits - 1}e}"))) + 1e-9)


def _minus(text: str) -> str:
    """Replace a leading hyphen by the minus sign, as wide as a plus."""
    return MINUS + text[1:] if text.startswith("-") else text
