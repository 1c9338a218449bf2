"""The tests in plain words: which methods to prefer on this model, and which fail.

A method is sound if its score beats that of every control with the interval clear of 0; if randomising all weights
changes its map (mean rank correlation below `UNCHANGED`); if another question changes it (below `SAME`); and if a
little noise does not (above `UNSTABLE`). Among the best of those and all whose scores cannot be told from it, the one
is preferred whose map changes most with the weights: of two maps that are as true, it shows more of what was learned.

A method that beats every control, yet gives the same map for randomised weights, is true, but any network of this
shape would say so: where every network reacts to the same places, a true map stays. The same holds for one that says
the same to another question. One that noise changes is not to be trusted, nor one that a control clearly beats. What is
left is not told from a control with so many photos.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from saccade.evaluation.intervals import FEW, intervals
from saccade.evaluation.settings import Settings
from saccade.results.method_score import Estimate, Grade, MethodScore

UNCHANGED = 0.7
"""From this mean rank correlation on, the map of the model with randomised weights counts as the same map."""

SAME = 0.9
"""From this mean rank correlation on, maps of two questions count as the same map."""

UNSTABLE = 0.5
"""Below this mean rank correlation, a map with a little noise counts as another map."""

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class PhotoScores:
    """What was measured of one method, photo by photo.

    Attributes:
        method: Its name.
        title: Its name for people.
        scores: (fillers, photos).
        randomised: (stages, checked photos), or None.
        owed_to_weights: (checked photos,), or None.
        direction: (checked photos,), or None.
        stability: (checked photos,), or None.
        equivariance: (checked photos,), or None.
        localisation: (measures, photos with a mask), or None.
        seconds: Time that one map takes.
        is_control: Whether it knows nothing of the model.
    """

    method: str
    title: str
    scores: Numbers
    randomised: Numbers | None
    owed_to_weights: Numbers | None
    direction: Numbers | None
    stability: Numbers | None
    equivariance: Numbers | None
    localisation: Numbers | None
    seconds: float
    is_control: bool


def graded(
    measured: Sequence[PhotoScores], fillers: Sequence[str], measures: Sequence[str], settings: Settings
) -> tuple[list[MethodScore], list[str]]:
    """Every method with its grade, the best first, and the verdict.

    Args:
        measured: All methods and controls.
        fillers: The names of the rows of their scores.
        measures: The names of the rows of their localisation.
        settings: Confidence, resamples and seed of the intervals.
    """

    def estimates(rows: Numbers) -> list[Estimate]:
        return intervals(rows, settings.seed, confidence=settings.confidence, resamples=settings.resamples)

    def estimate(row: Numbers | None) -> Estimate | None:
        return None if row is None else estimates(row[None])[0]

    overall = np.stack([method.scores.mean(axis=0) for method in measured])
    controls = [index for index, method in enumerate(measured) if method.is_control]
    method_scores: list[MethodScore] = []
    for row, method, score in zip(overall, measured, estimates(overall), strict=True):
        margins = estimates(row - overall[controls])
        worst = int(np.argmin([margin.low for margin in margins]))
        localisation = [] if method.localisation is None else estimates(method.localisation)
        method_score = MethodScore(
            method=method.method,
            title=method.title,
            score=score,
            fillers=dict(zip(fillers, estimates(method.scores), strict=True)),
            margin=None if method.is_control else margins[worst],
            nearest="" if method.is_control else measured[controls[worst]].title,
            randomised=None if method.randomised is None else estimate(method.randomised[-1]),
            owed_to_weights=estimate(method.owed_to_weights),
            direction=estimate(method.direction),
            stability=estimate(method.stability),
            equivariance=estimate(method.equivariance),
            localisation=dict(zip(measures, localisation, strict=True)) if localisation else {},
            seconds=method.seconds,
            grade="control",
            reasons=(),
        )
        method_scores.append(method_score if method.is_control else _graded(method_score))
    order = sorted(range(len(measured)), key=lambda index: -method_scores[index].score.mean)
    sound = [index for index in order if method_scores[index].grade == "sound"]
    level: list[int] = []
    if sound:
        leads = estimates(overall[sound[0]] - overall[sound])
        level = [index for index, lead in zip(sound, leads, strict=True) if index == sound[0] or lead.low <= 0]
        preferred = min(level, key=lambda index: _likeness_to_randomised(method_scores[index]))
        method_scores[preferred] = replace(method_scores[preferred], grade="prefer")
    ranked = [method_scores[index] for index in order]
    tied = [method_scores[index] for index in level if method_scores[index].grade != "prefer"]
    return ranked, _sentences(ranked, tied, overall.shape[1])


def _likeness_to_randomised(score: MethodScore) -> float:
    """Where randomised weights were not tried, nothing speaks for the method but its score."""
    return 1.0 if score.randomised is None else score.randomised.mean


def _graded(score: MethodScore) -> MethodScore:
    """A grade from the tests of one method alone."""
    assert score.margin is not None
    failed: list[str] = []
    unspecific: list[str] = []
    if score.margin.high < 0:
        failed.append(f"{score.nearest}, a control, does better (by {-score.margin.mean:.3f})")
    if score.stability is not None and score.stability.mean < UNSTABLE:
        failed.append(f"a little noise changes the map (rank correlation {score.stability.mean:.2f})")
    if score.direction is not None and score.direction.mean >= SAME:
        unspecific.append(f"another question gives the same map (rank correlation {score.direction.mean:.2f})")
    if score.randomised is not None and score.randomised.mean >= UNCHANGED:
        unspecific.append(f"randomised weights give the same map (rank correlation {score.randomised.mean:.2f})")
    if failed:
        return replace(score, grade="fails", reasons=(*failed, *unspecific))
    if score.margin.low <= 0:
        reason = f"cannot be told from {score.nearest}, a control"
        return replace(score, grade="undecided", reasons=(reason, *unspecific))
    if unspecific:
        return replace(score, grade="unspecific", reasons=tuple(unspecific))
    return replace(score, grade="sound", reasons=(f"beats {score.nearest}, the nearest control",))


def _sentences(ranked: Sequence[MethodScore], tied: Sequence[MethodScore], photos: int) -> list[str]:
    grades: tuple[Grade, ...] = ("prefer", "sound", "unspecific", "undecided", "fails")
    by_grade = {grade: [score for score in ranked if score.grade == grade] for grade in grades}
    sentences: list[str] = []
    if by_grade["prefer"]:
        why = f": no better than {_listed(tied)} by score, but it changes most with the weights" if tied else ""
        sentences.append(f"On this model prefer {_listed(by_grade['prefer'])}{why}.")
    else:
        sentences.append("On this model no method beats every control and passes every test.")
    if by_grade["sound"]:
        sentences.append(f"Sound: {_listed(by_grade['sound'])}.")
    if by_grade["unspecific"]:
        sentences.append(f"True, but any network of this shape would say so: {_by_reason(by_grade['unspecific'])}.")
    if by_grade["undecided"]:
        sentences.append(f"Not told from a control with {photos} photos: {_listed(by_grade['undecided'])}.")
    if by_grade["fails"]:
        sentences.append(f"Do not trust: {_by_reason(by_grade['fails'])}.")
    if photos < FEW:
        widest = max(score.score.high - score.score.low for score in ranked)
        sentences.append(
            f"{photos} photos are few: a score is known to about {widest / 2:.2f} either way, so take this order for "
            f"a first look, and {FEW} photos or more for a decision."
        )
    return sentences


def _by_reason(scores: Sequence[MethodScore]) -> str:
    """Names with their reasons, those of one reason together."""
    groups: dict[str, list[MethodScore]] = {}
    for score in scores:
        groups.setdefault(" and ".join(reason.partition(" (")[0] for reason in score.reasons), []).append(score)
    return "; ".join(f"{_listed(group)} ({reason})" for reason, group in groups.items())


def _listed(scores: Sequence[MethodScore]) -> str:
    names = [score.title for score in scores]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
