"""The tests in plain words: which methods to prefer on this model, and which not to trust.

A method is trusted if its score beats that of every control with the interval clear of 0; if its map depends on the
weights: randomising them all changes it (mean rank correlation below `UNCHANGED`), or the little that changes is for
the worse, with the interval clear of 0; if another question changes it (below `SAME`); and if a little noise does not
(above `UNSTABLE`). Of those, the best and all that cannot be told from it are preferred.

A method that beats every control, yet gives the same map for other weights or another question, tells the truth without
being specific: where every network reacts to the same places, or to the same for every question, a true map stays. One
that noise changes is distrusted, and so is one that a control clearly beats, or one that neither beats the controls nor
is specific. What is left cannot be decided with so many photographs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from saccade.evaluation.intervals import Interval, intervals
from saccade.evaluation.settings import Settings
from saccade.results.evaluation import Grade, MethodScore

UNCHANGED = 0.7
"""From this mean rank correlation on, a map made with randomised weights counts as the same map."""

SAME = 0.9
"""From this mean rank correlation on, maps of two questions count as the same map."""

UNSTABLE = 0.5
"""Below this mean rank correlation, a map with a little noise counts as another map."""

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Found:
    """What was measured of one method; rows of photographs.

    Attributes:
        method: Its name.
        title: Its name among people.
        scores: (fillers, photographs).
        randomised: (stages, checked photographs), or None.
        learned: (checked photographs,), or None.
        direction: (checked photographs,), or None.
        stability: (checked photographs,), or None.
        located: (measures, photographs with a mask), or None.
        seconds: Time that one map takes.
        control: Whether it knows nothing of the model.
    """

    method: str
    title: str
    scores: Numbers
    randomised: Numbers | None
    learned: Numbers | None
    direction: Numbers | None
    stability: Numbers | None
    located: Numbers | None
    seconds: float
    control: bool


def graded(
    found: Sequence[Found], fillers: Sequence[str], measures: Sequence[str], settings: Settings
) -> tuple[list[MethodScore], list[str]]:
    """Every method's standing, the best first, and the verdict."""

    def bounds(rows: Numbers) -> list[Interval]:
        return intervals(rows, settings.seed, confidence=settings.confidence, resamples=settings.resamples)

    overall = np.stack([each.scores.mean(axis=0) for each in found])
    scores = bounds(overall)
    controls = [index for index, each in enumerate(found) if each.control]
    method_scores: list[MethodScore] = []
    for index, each in enumerate(found):
        margins = bounds(overall[index] - overall[controls])
        worst = int(np.argmin([margin.low for margin in margins]))
        parts = bounds(each.scores)
        standing = MethodScore(
            method=each.method,
            title=each.title,
            score=_plain(scores[index]),
            fillers={name: _plain(part) for name, part in zip(fillers, parts, strict=True)},
            margin=None if each.control else _plain(margins[worst]),
            nearest="" if each.control else found[controls[worst]].title,
            randomised=None if each.randomised is None else _plain(bounds(each.randomised[-1:])[0]),
            learned=None if each.learned is None else _plain(bounds(each.learned[None])[0]),
            direction=None if each.direction is None else _plain(bounds(each.direction[None])[0]),
            stability=None if each.stability is None else _plain(bounds(each.stability[None])[0]),
            located={}
            if each.located is None
            else {name: _plain(part) for name, part in zip(measures, bounds(each.located), strict=True)},
            seconds=each.seconds,
            grade="control",
            reasons=(),
        )
        method_scores.append(standing if each.control else _graded(standing))
    order = sorted(range(len(found)), key=lambda index: -scores[index].mean)
    sound = [index for index in order if method_scores[index].grade == "sound"]
    if sound:
        behind = bounds(overall[sound[0]] - overall[sound])
        for index, gap in zip(sound, behind, strict=True):
            if index == sound[0] or not gap.above_zero:
                method_scores[index] = replace(method_scores[index], grade="prefer")
    ranked = [method_scores[index] for index in order]
    return ranked, _sentences(ranked, overall.shape[1])


def _graded(standing: MethodScore) -> MethodScore:
    """A grade from the tests of one method alone."""
    against: list[str] = []
    unspecific: list[str] = []
    assert standing.margin is not None
    beats = standing.margin[1] > 0
    if standing.margin[2] < 0:
        against.append(f"{standing.nearest}, a control, does better (by {-standing.margin[0]:.3f})")
    if standing.stability is not None and standing.stability[0] < UNSTABLE:
        against.append(f"a little noise changes the map (rank correlation {standing.stability[0]:.2f})")
    if standing.direction is not None and standing.direction[0] >= SAME:
        unspecific.append(f"another question gives the same map (rank correlation {standing.direction[0]:.2f})")
    gained = standing.learned is not None and standing.learned[1] > 0
    if standing.randomised is not None and standing.randomised[0] >= UNCHANGED and not gained:
        unspecific.append(f"randomised weights give the same map (rank correlation {standing.randomised[0]:.2f})")
    if against or (unspecific and not beats):
        return replace(standing, grade="distrust", reasons=(*against, *unspecific))
    if unspecific:
        return replace(standing, grade="unspecific", reasons=tuple(unspecific))
    if not beats:
        reason = f"cannot be told from {standing.nearest}, a control"
        return replace(standing, grade="undecided", reasons=(reason,))
    return replace(standing, grade="sound", reasons=(f"beats {standing.nearest}, the nearest control",))


def _sentences(ranked: Sequence[MethodScore], photographs: int) -> list[str]:
    grades: tuple[Grade, ...] = ("prefer", "sound", "unspecific", "undecided", "distrust")
    graded = {grade: [each for each in ranked if each.grade == grade] for grade in grades}
    said: list[str] = []
    if graded["prefer"]:
        tied = "; they cannot be told apart" if len(graded["prefer"]) > 1 else ""
        said.append(f"On this model prefer {_listed(graded['prefer'])}{tied}.")
    else:
        said.append("On this model no method beats every control and passes every test.")
    if graded["sound"]:
        said.append(f"Also sound: {_listed(graded['sound'])}.")
    if graded["unspecific"]:
        said.append(
            f"True, but not specific: {_by_reason(graded['unspecific'])}. Such a map shows where the photo has "
            "something to see, more than what this model has learned to see."
        )
    if graded["undecided"]:
        said.append(f"Not told from a control with {photographs} photographs: {_listed(graded['undecided'])}.")
    if graded["distrust"]:
        said.append(f"Do not trust {_by_reason(graded['distrust'])}.")
    return said


def _by_reason(method_scores: Sequence[MethodScore]) -> str:
    """Names with their reasons, those of one reason together."""
    kinds: dict[str, list[MethodScore]] = {}
    for each in method_scores:
        kinds.setdefault(" and ".join(reason.partition(" (")[0] for reason in each.reasons), []).append(each)
    return "; ".join(f"{_listed(some)} ({kind})" for kind, some in kinds.items())


def _listed(method_scores: Sequence[MethodScore]) -> str:
    names = [each.title for each in method_scores]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _plain(interval: Interval) -> tuple[float, float, float]:
    return interval.mean, interval.low, interval.high
