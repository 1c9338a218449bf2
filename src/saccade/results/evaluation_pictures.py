"""The tests of trust as pictures: a table of all, and one picture for each test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from saccade.picture.curves import Chart, Line, curves
from saccade.picture.matrix import matrix
from saccade.picture.scoreboard import Column, Rank, Row, scoreboard

if TYPE_CHECKING:
    from saccade.results.evaluation import Evaluation, MethodScore

FILLERS = {
    "mean": "Filled with the mean colour",
    "blur": "Filled with a blur",
    "linear": "Filled from the neighbours",
}
_LOCATED = {
    "pointing": Column("Pointing game", "the strongest place lies on the object", 0, 1, None),
    "mass": Column("Mass", "share of the map on the object", 0, 1, None),
    "rank": Column("Rank", "share of the strongest places on it", 0, 1, None),
}
_KEY: Sequence[tuple[Rank, str]] = (
    ("prefer", "prefer: none is clearly better"),
    ("sound", "sound: beats every control, passes every test"),
    ("unspecific", "true, but the same for other weights or questions"),
    ("undecided", "not told from a control"),
    ("distrust", "fails a test"),
    ("control", "control: knows nothing of the model"),
)
_MOST_LINES = 8
"""More lines in one chart cannot be told apart; the others are in the table and in the numbers."""


def table(found: Evaluation, theme: str) -> Image.Image:
    """All tests on one page, with the verdict."""
    columns = [
        Column("Score", "higher is better; 0 is chance", share=1.5),
        Column("Owed to learning", "lost with randomised weights"),
        Column("Weights randomised", "likeness of the map; lower is better", 0, 1, None),
        Column("Another question", "likeness; lower is better", 0, 1, None),
        Column("A little noise", "likeness; higher is better", 0, 1, None),
    ]
    rows = [
        Row(
            each.title,
            [each.score, each.learned, each.randomised, each.direction, each.stability],
            each.grade,
            _time(each),
        )
        for each in found.method_scores
    ]
    return scoreboard(
        rows,
        columns,
        title="Which maps tell the truth?",
        caption=found.verdict,
        notes=[_about(found), "; ".join(found.notes), *_refused(found)],
        key=_KEY,
        theme=theme,
        width=1900,
    )


def ranking(found: Evaluation, theme: str) -> Image.Image:
    """The score and what each filler says."""
    names = list(found.cuts)
    columns = [
        Column("Score", "mean of the three; 0 is chance", share=1.5),
        *(Column(FILLERS[name], "", share=1.0) for name in names),
    ]
    rows = [
        Row(each.title, [each.score, *(each.fillers[name] for name in names)], each.grade)
        for each in found.method_scores
    ]
    return scoreboard(
        rows,
        columns,
        title="Does the code change where the map says?",
        caption=[
            (
                "Each map orders the pixels of a photo. They are taken away, the most important first, and "
                "brought back in the same order. A map that tells the truth destroys the code early and restores "
                "it early."
            ),
        ],
        notes=[
            "Score: area under the insertion curve less area under the deletion curve, of the similarity of codes "
            "less their mean. Bars: " + found.notes[1] + ".",
            _about(found),
        ],
        key=_KEY,
        theme=theme,
        width=1700,
    )


def removal(found: Evaluation, theme: str) -> Image.Image:
    """The curves behind the score."""
    order = [index for index, each in enumerate(found.method_scores) if each.grade != "control"]
    best, others = order[0], order[:0:-1]
    controls = [index for index, each in enumerate(found.method_scores) if each.grade == "control"]
    chance = [index for index in controls if found.method_scores[index].method == "random"]
    nearest = [index for index in controls if index not in chance][:1]
    strokes: list[tuple[int, Rank, float]] = [
        *((index, "sound", 1.0) for index in others),
        *((index, "control", 0.3) for index in chance),
        *((index, "control", 1.0) for index in nearest),
        (best, "prefer", 1.0),
    ]
    charts = []
    for side, what in ((1, "brought back"), (0, "taken away")):
        for name in found.cuts:
            across = [100 * share for share in found.cuts[name].tolist()]
            lines = [
                Line("", across, found.curves[name][index, side].tolist(), rank, dash) for index, rank, dash in strokes
            ]
            charts.append(Chart(FILLERS[name] if side else "", lines, f"% of pixels {what}"))
    key = [
        Line(found.method_scores[best].title, (), (), "prefer"),
        *([Line("other methods", (), (), "sound")] if others else []),
        *(Line(f"{found.method_scores[index].title} (control)", (), (), "control") for index in nearest),
        *(Line("at random", (), (), "control", 0.3) for _ in chance),
    ]
    lowest = min(float(each.min()) for each in found.curves.values())
    return curves(
        charts,
        columns=len(found.cuts),
        low=min(0.0, lowest),
        high=1.0,
        title="How soon does the code come back, how soon is it gone?",
        caption=[
            "Above: pixels are brought back into a picture without any; the earlier a line rises, the better the map.",
            "Below: they are taken away; the earlier a line falls, the better.",
        ],
        notes=[
            (
                "Height: similarity to the code of the unchanged photo, less what all photos share (1 the same, 0 "
                "nothing in common). Filled from the neighbours: each removed pixel becomes the mean of those around "
                "it, with a little noise."
            ),
            _about(found),
        ],
        key=key,
        theme=theme,
        width=1900,
    )


def randomisation(found: Evaluation, theme: str) -> Image.Image | None:
    """What is left of the maps when weights are randomised, layer after layer."""
    tested = [index for index in _telling(found, most=14) if not np.isnan(found.randomisation[index]).any()]
    if not tested or not found.stages:
        return None
    lines = [
        Line(
            found.method_scores[index].title,
            list(range(len(found.stages) + 1)),
            [1.0, *found.randomisation[index].tolist()],
            found.method_scores[index].grade,
        )
        for index in tested
    ]
    names = ["as trained", *(f"+ {each.rpartition('/')[2]}" for each in found.stages)]
    chart = Chart("", lines[::-1], "layers with randomised weights, from the code backwards", names)
    return curves(
        [chart],
        columns=1,
        low=min(0.0, float(np.nanmin(found.randomisation))),
        high=1.0,
        title="Does the map depend on what the model has learned?",
        caption=[
            (
                "The weights of one layer after another are randomised, and the photos explained again. A map that "
                "stays the same shows the photo, not what the model has learned. A control would stay at 1."
            ),
        ],
        notes=[
            "Height: rank correlation of the map's strengths with the original map. A map may also stay because every "
            "network reacts to the same places; the table shows what it owes to learning." + _left_out(found, tested),
            _about(found),
        ],
        theme=theme,
        width=1500,
    )


def steadiness(found: Evaluation, theme: str) -> Image.Image | None:
    """Another question must change the map, a little noise must not."""
    rows = [
        Row(each.title, [each.direction, each.stability], each.grade)
        for each in found.method_scores
        if each.direction is not None or each.stability is not None
    ]
    if not rows:
        return None
    return scoreboard(
        rows,
        [
            Column("Another question", "a random direction of the code: the map must differ", 0, 1, 0.0),
            Column("A little noise on the photo", "the map must stay", 0, 1, None),
        ],
        title="Does the map follow the question, and nothing else?",
        caption=[
            (
                "Likeness of each map (rank correlation) to the one made for another question, and to the one of "
                "the photo with a little noise. 1 is the same map."
            ),
        ],
        notes=[found.notes[2], _about(found)],
        key=_KEY,
        theme=theme,
        width=1500,
    )


def likeness(found: Evaluation, theme: str) -> Image.Image:
    """Which methods say the same?"""
    return matrix(
        [each.title for each in found.method_scores],
        found.agreement,
        title="Which methods agree?",
        caption=[
            (
                "Rank correlation of the maps, mean over photos: 1 is the same order of places, 0 nothing in "
                "common, below 0 the reverse. The best method comes first; agreement is no proof of truth."
            ),
        ],
        notes=[_about(found)],
        theme=theme,
        width=max(1100, 330 + 56 * len(found.method_scores)),
    )


def places(found: Evaluation, theme: str) -> Image.Image | None:
    """Do maps and objects meet?"""
    if not found.method_scores[0].located:
        return None
    names = list(found.method_scores[0].located)
    rows = [Row(each.title, [each.located[name] for name in names], each.grade) for each in found.method_scores]
    return scoreboard(
        rows,
        [_LOCATED[name] for name in names],
        title="Do the maps lie on the objects?",
        caption=[
            (
                "Masks say where the object is, not what the code is made of: a model may well look at the "
                "background. Read this beside the score, never in its place."
            ),
        ],
        notes=[_about(found)],
        key=_KEY,
        theme=theme,
        width=1500,
    )


def pictures(found: Evaluation, theme: str) -> Mapping[str, Image.Image]:
    """Every picture by its name, the table first; those of tests that were not made are left out."""
    drawn = {
        "table": table(found, theme),
        "ranking": ranking(found, theme),
        "curves": removal(found, theme),
        "randomised": randomisation(found, theme),
        "steadiness": steadiness(found, theme),
        "agreement": likeness(found, theme),
        "objects": places(found, theme),
    }
    return {name: each for name, each in drawn.items() if each is not None}


def _telling(found: Evaluation, most: int = _MOST_LINES) -> list[int]:
    """Which methods are drawn: the best, the worst, and the controls that matter, in the order of the scores."""
    controls = [index for index, each in enumerate(found.method_scores) if each.grade == "control"]
    methods = [index for index in range(len(found.method_scores)) if index not in controls]
    room = most - min(len(controls), 3)
    kept = methods if len(methods) <= room else [*methods[: room - 1], methods[-1]]
    random = [index for index in controls if found.method_scores[index].method == "random"]
    return sorted({*kept, *controls[:2], *random})


def _left_out(found: Evaluation, kept: Sequence[int]) -> str:
    missing = len([each for each in found.method_scores if each.grade != "control"]) - len(
        [index for index in kept if found.method_scores[index].grade != "control"]
    )
    return f" {missing} more methods are in the table." if missing else ""


def _about(found: Evaluation) -> str:
    return f"code {found.layer} of {found.model}, {len(found.photographs)} photographs"


def _refused(found: Evaluation) -> list[str]:
    return [f"Not applicable here: {', '.join(found.refused)}."] if found.refused else []


def _time(standing: MethodScore) -> str:
    if standing.grade == "control":
        return ""
    seconds = standing.seconds
    return f"{seconds:.1f} s a map" if seconds >= 0.95 else f"{max(1, round(1000 * seconds))} ms a map"
