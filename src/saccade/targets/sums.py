"""Targets added up: `code() - 0.5 * like("b.jpg")`.

The number is the weighted sum of the parts' numbers, each in the parts' own units, and so is its gradient. Covering
adds what a place is worth to each part. That worth is a growth for some measures (the share of the code that changes)
and a loss for others (similarity), so the compared measure of a mixed sum counts growing parts negatively and its loss
is the sum of the worths. Only where every part grows and is added does the whole grow, and its map stays unsigned.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from saccade.errors import InputError
from saccade.targets.measure import weighted_sum
from saccade.targets.target import Codes, CodeSource, Target

_COVERED = " when this is covered"


def total(parts: Sequence[tuple[float, Target]]) -> Target:
    """The weighted sum of targets; sums among them are unfolded.

    Args:
        parts: Weights and targets.

    Raises:
        InputError: A weight is zero or no number, or parts read both the code and the model's output.
    """
    flat: list[tuple[float, Target]] = []
    for given, target in parts:
        weight = float(given)
        if not np.isfinite(weight) or weight == 0:
            raise InputError(f"the weight {weight:g} of target {target.name!r}: give a number that is not 0.")
        flat += [(weight * inner, part) for inner, part in target.parts or ((1.0, target),)]
    if len(flat) == 1 and flat[0][0] == 1:
        return flat[0][1]
    for _, target in flat:
        if target.place != flat[0][1].place:
            raise InputError(
                f"a sum reads the code or the model's output, never both: {flat[0][1].name!r} and {target.name!r} do "
                "not add up. Explain one after the other."
            )
    texts = [target.text for _, target in flat]
    counts_increase = all(target.counts_increase and weight > 0 for weight, target in flat)
    compared = [
        (-weight if target.counts_increase and not counts_increase else weight, target.cover) for weight, target in flat
    ]
    weights = [weight for weight, _ in flat]
    return Target(
        name=_sum(weights, [target.name for _, target in flat]),
        question=_question(weights, [target.question for _, target in flat]),
        gradient=weighted_sum([(weight, target.gradient) for weight, target in flat]),
        gradient_units=_units(weights, [target.gradient_units for _, target in flat]),
        cover=weighted_sum(compared),
        occlusion_units=_units(weights, [target.occlusion_units.removesuffix(_COVERED) for _, target in flat])
        + _COVERED,
        counts_increase=counts_increase,
        place=flat[0][1].place,
        freeze=SideBySide(tuple(target for _, target in flat)),
        text=None if None in texts else _sum(weights, [text for text in texts if text is not None]),
        files=tuple(dict.fromkeys(file for _, target in flat for file in target.files)),
        parts=tuple(flat),
    )


@dataclass(frozen=True)
class SideBySide:
    """The references of several targets, side by side along the channels, as `weighted_sum` reads them."""

    targets: tuple[Target, ...]

    def __call__(self, codes: Codes, source: CodeSource) -> Codes:
        """Freeze each part's reference and spread it over the places."""
        count, rows, columns, channels = codes.shape
        found = []
        for target in self.targets:
            reference, width = target.freeze(codes, source), channels * target.gradient.references
            if width:
                found.append(np.broadcast_to(reference, (count, rows, columns, width)))
        if not found:
            return np.zeros((count, 1, 1, 1), np.float32)
        return np.concatenate(found, axis=-1, dtype=np.float32)


def _sum(weights: Sequence[float], names: Sequence[str]) -> str:
    """`code - 0.5*like:b.jpg`; weights in full, so that reading it gives the same target."""
    text = ""
    for number, (weight, name) in enumerate(zip(weights, names, strict=True)):
        sign = ("-" if weight < 0 else "") if number == 0 else (" - " if weight < 0 else " + ")
        size = "" if abs(weight) == 1 else f"{abs(weight)!r}*".replace(".0*", "*")
        text += f"{sign}{size}{name}"
    return text


def _units(weights: Sequence[float], units: Sequence[str]) -> str:
    """`(code energy) - 0.5 x (cosine similarity)`."""
    units = [f"({unit})" for unit in units] if len(units) > 1 else units
    text = ""
    for number, (weight, unit) in enumerate(zip(weights, units, strict=True)):
        sign = ("minus " if weight < 0 else "") if number == 0 else (" - " if weight < 0 else " + ")
        text += f"{sign}{'' if abs(weight) == 1 else f'{abs(weight):g} x '}{unit}"
    return text


def _question(weights: Sequence[float], questions: Sequence[str]) -> str:
    """`what the code is made of, less 0.5 times what makes it like b.jpg`."""
    text = ""
    for number, (weight, question) in enumerate(zip(weights, questions, strict=True)):
        sign = ("the opposite of " if weight < 0 else "") if number == 0 else (", less " if weight < 0 else ", and ")
        text += f"{sign}{'' if abs(weight) == 1 else f'{abs(weight):g} times '}{question}"
    return text
