"""Weighted sums in words: the name, the units and the question of a sum of targets."""

from __future__ import annotations

from collections.abc import Sequence


def weighted_name(weights: Sequence[float], names: Sequence[str]) -> str:
    """`code - 0.5*like:b.jpg`; weights in full, so that reading it gives the same target."""
    text = ""
    for position, (weight, name) in enumerate(zip(weights, names, strict=True)):
        sign = ("-" if weight < 0 else "") if position == 0 else (" - " if weight < 0 else " + ")
        size = "" if abs(weight) == 1 else f"{abs(weight)!r}*".replace(".0*", "*")
        text += f"{sign}{size}{name}"
    return text


def weighted_units(weights: Sequence[float], units: Sequence[str]) -> str:
    """`(mean of channel 3) - 0.5 x (cosine similarity)`."""
    units = [f"({unit})" for unit in units] if len(units) > 1 else units
    text = ""
    for position, (weight, unit) in enumerate(zip(weights, units, strict=True)):
        sign = ("minus " if weight < 0 else "") if position == 0 else (" - " if weight < 0 else " + ")
        text += f"{sign}{'' if abs(weight) == 1 else f'{abs(weight):g} x '}{unit}"
    return text


def weighted_question(weights: Sequence[float], questions: Sequence[str]) -> str:
    """`what the code is made of, less 0.5 times what makes it like b.jpg`."""
    text = ""
    for position, (weight, question) in enumerate(zip(weights, questions, strict=True)):
        sign = ("the opposite of " if weight < 0 else "") if position == 0 else (", less " if weight < 0 else ", and ")
        text += f"{sign}{'' if abs(weight) == 1 else f'{abs(weight):g} times '}{question}"
    return text
