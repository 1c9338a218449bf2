"""The pages of an evaluation: a table of all tests, and a page for each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from saccade.picture.curves import Chart, Line, curves
from saccade.picture.matrix import matrix
from saccade.picture.scoreboard import Column, Rank, Row, scoreboard
from saccade.results.method_score import GRADES, MethodScore

Numbers = NDArray[np.float64]

FILLERS = {
    "mean": "Filled with the mean colour",
    "blur": "Filled with a blur",
    "linear": "Filled from the neighbours",
}
_LOCALISATION = {
    "pointing": Column("Pointing game", "the strongest place lies on the object", 0, 1, None),
    "mass": Column("Mass", "share of the map on the object", 0, 1, None),
    "rank": Column("Rank", "share of the strongest places on it", 0, 1, None),
}
_KEY: Sequence[tuple[Rank, str]] = tuple(GRADES.items())
_MOST_LINES = 14
"""More lines in one chart cannot be told apart; the others are in the table and in the numbers."""


def table(scores: Sequence[MethodScore], verdict: Sequence[str], notes: Sequence[str], theme: str) -> Image.Image:
    """All tests on one page, with the verdict.

    Args:
        scores: Methods and controls, the best first; so on every page.
        verdict: The answer in plain words.
        notes: Small print.
        theme: `"light"` or `"dark"`.
    """
    columns = [
        Column("Score", "higher is better; 0 is chance", share=1.5),
        Column("Owed to the weights", "score lost with randomised weights"),
        Column("Randomised weights", "likeness of the map; lower is better", 0, 1, None),
        Column("Another question", "likeness; lower is better", 0, 1, None),
        Column("A little noise", "likeness; higher is better", 0, 1, None),
        Column("Mirrored, shifted", "likeness, moved back; higher is better", 0, 1, None),
    ]
    rows = [
        Row(
            score.title,
            [
                score.score,
                score.owed_to_weights,
                score.randomised,
                score.direction,
                score.stability,
                score.equivariance,
            ],
            score.grade,
            _time(score),
        )
        for score in scores
    ]
    return scoreboard(
        rows,
        columns,
        title="Which maps tell the truth?",
        caption=verdict,
        notes=notes,
        key=_KEY,
        theme=theme,
        width=2100,
    )


def ranking(
    scores: Sequence[MethodScore], fillers: Sequence[str], confidence: float, about: str, theme: str
) -> Image.Image:
    """The score and what each filler says.

    Args:
        scores: Methods and controls.
        fillers: Their names.
        confidence: Of the intervals that the bars show.
        about: Model, layer and photos.
        theme: `"light"` or `"dark"`.
    """
    columns = [
        Column("Score", "mean of the three; 0 is chance", share=1.5),
        *(Column(FILLERS[name], "", share=1.0) for name in fillers),
    ]
    rows = [
        Row(score.title, [score.score, *(score.fillers[name] for name in fillers)], score.grade) for score in scores
    ]
    return scoreboard(
        rows,
        columns,
        title="Does the code change where the map says?",
        caption=[
            (
                "Each map orders the pixels of a photo. They are taken away, the most important first, and brought "
                "back in the same order. A map that tells the truth destroys the code early and restores it early."
            )
        ],
        notes=[
            (
                "Score: area under the insertion curve less area under the deletion curve, of the similarity of codes "
                f"less their mean. Bars: intervals of {100 * confidence:.0f} % over photos, by the bootstrap."
            ),
            about,
        ],
        key=_KEY,
        theme=theme,
        width=1700,
    )


def removal(
    scores: Sequence[MethodScore], cuts: Mapping[str, Numbers], heights: Mapping[str, Numbers], about: str, theme: str
) -> Image.Image:
    """The curves behind the score.

    Args:
        scores: Methods and controls.
        cuts: By filler the shares of pixels at which the similarity was measured.
        heights: By filler (methods, 2, cuts), deletion first.
        about: Model, layer and photos.
        theme: `"light"` or `"dark"`.
    """
    order = [index for index, score in enumerate(scores) if not score.is_control]
    best, others = order[0], order[:0:-1]
    controls = [index for index, score in enumerate(scores) if score.is_control]
    chance = [index for index in controls if scores[index].method == "random"]
    nearest = [index for index in controls if index not in chance][:1]
    strokes: list[tuple[int, Rank, float]] = [
        *((index, "sound", 1.0) for index in others),
        *((index, "control", 0.3) for index in chance),
        *((index, "control", 1.0) for index in nearest),
        (best, "prefer", 1.0),
    ]
    charts = []
    for side, what in ((1, "brought back"), (0, "taken away")):
        for name in cuts:
            across = [100 * share for share in cuts[name].tolist()]
            lines = [Line("", across, heights[name][index, side].tolist(), rank, dash) for index, rank, dash in strokes]
            charts.append(Chart(FILLERS[name] if side else "", lines, f"% of pixels {what}"))
    key = [
        Line(scores[best].title, (), (), "prefer"),
        *([Line("other methods", (), (), "sound")] if others else []),
        *(Line(f"{scores[index].title} (control)", (), (), "control") for index in nearest),
        *(Line("at random", (), (), "control", 0.3) for _ in chance),
    ]
    return curves(
        charts,
        columns=len(cuts),
        low=min(0.0, *(float(values.min()) for values in heights.values())),
        high=1.0,
        title="How soon does the code come back, how soon is it gone?",
        caption=[
            "Above: pixels are brought back into an image without any; the earlier a line rises, the better the map.",
            "Below: they are taken away; the earlier a line falls, the better.",
        ],
        notes=[
            (
                "Height: similarity to the code of the unchanged photo, less what all photos share (1 the same, 0 "
                "nothing in common). Filled from the neighbours: each removed pixel becomes the mean of those around "
                "it, with a little noise."
            ),
            about,
        ],
        key=key,
        theme=theme,
        width=1900,
    )


def randomisation(
    scores: Sequence[MethodScore], stages: Sequence[str], likeness: Numbers, about: str, theme: str
) -> Image.Image | None:
    """What is left of the maps when weights are randomised, layer after layer; None if it was not tested.

    Args:
        scores: Methods and controls.
        stages: The layers randomised last at each stage.
        likeness: (methods, stages): rank correlation with the original map; NaN where it was not tested.
        about: Model, layer and photos.
        theme: `"light"` or `"dark"`.
    """
    tested = [index for index in _drawn(scores) if not np.isnan(likeness[index]).any()]
    if not tested or not stages:
        return None
    steps = list(range(len(stages) + 1))
    lines = [
        Line(scores[index].title, steps, [1.0, *likeness[index].tolist()], scores[index].grade) for index in tested
    ]
    names = ["as trained", *(f"+ {stage.rpartition('/')[2]}" for stage in stages)]
    missing = sum(not score.is_control for score in scores) - sum(not scores[index].is_control for index in tested)
    return curves(
        [Chart("", lines[::-1], "layers with randomised weights, from the code backwards", names)],
        columns=1,
        low=min(0.0, float(np.nanmin(likeness))),
        high=1.0,
        title="Does the map depend on the trained weights?",
        caption=[
            (
                "The weights of one layer after another are randomised, and the photos explained again. A map that "
                "stays the same shows the photo, not what the model has learned. A control would stay at 1."
            )
        ],
        notes=[
            "Height: rank correlation of the map's strengths with the original map. A map may also stay because every "
            "network reacts to the same places; the table shows what it owes to the trained weights."
            + (f" {missing} more methods are in the table." if missing else ""),
            about,
        ],
        theme=theme,
        width=1500,
    )


def stability(scores: Sequence[MethodScore], photos: int, about: str, theme: str) -> Image.Image | None:
    """Another question must change the map, a little noise must not; None if neither was tested.

    Args:
        scores: Methods and controls.
        photos: How many were tested.
        about: Model, layer and photos.
        theme: `"light"` or `"dark"`.
    """
    rows = [
        Row(score.title, [score.direction, score.stability], score.grade)
        for score in scores
        if score.direction is not None or score.stability is not None
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
                "Likeness of each map (rank correlation) to the one made for another question, and to the one of the "
                "photo with a little noise. 1 is the same map."
            )
        ],
        notes=[f"tested on {photos} photos", about],
        key=_KEY,
        theme=theme,
        width=1500,
    )


def agreement(scores: Sequence[MethodScore], likeness: Numbers, about: str, theme: str) -> Image.Image:
    """Which methods say the same?

    Args:
        scores: Methods and controls.
        likeness: (methods, methods): rank correlation of their maps.
        about: Model, layer and photos.
        theme: `"light"` or `"dark"`.
    """
    return matrix(
        [score.title for score in scores],
        likeness,
        title="Which methods agree?",
        caption=[
            (
                "Rank correlation of the maps, mean over photos: 1 is the same order of places, 0 nothing in common, "
                "below 0 the reverse. The best method comes first; agreement is no proof of truth."
            )
        ],
        notes=[about],
        theme=theme,
        width=max(1100, 330 + 56 * len(scores)),
    )


def localisation(scores: Sequence[MethodScore], about: str, theme: str) -> Image.Image | None:
    """Do maps and objects meet? None without masks.

    Args:
        scores: Methods and controls.
        about: Model, layer and photos.
        theme: `"light"` or `"dark"`.
    """
    names = list(scores[0].localisation)
    if not names:
        return None
    return scoreboard(
        [Row(score.title, [score.localisation[name] for name in names], score.grade) for score in scores],
        [_LOCALISATION[name] for name in names],
        title="Do the maps lie on the objects?",
        caption=[
            (
                "Masks say where the object is, not what the code is made of: a model may well look at the background. "
                "Read this beside the score, never in its place."
            )
        ],
        notes=[about],
        key=_KEY,
        theme=theme,
        width=1500,
    )


def _drawn(scores: Sequence[MethodScore]) -> list[int]:
    """Which methods get a line: the best, the worst, and the controls that matter, in the order of the scores."""
    controls = [index for index, score in enumerate(scores) if score.is_control]
    methods = [index for index in range(len(scores)) if index not in controls]
    space = _MOST_LINES - min(len(controls), 3)
    shown = methods if len(methods) <= space else [*methods[: space - 1], methods[-1]]
    chance = [index for index in controls if scores[index].method == "random"]
    return sorted({*shown, *controls[:2], *chance})


def _time(score: MethodScore) -> str:
    if score.is_control:
        return ""
    seconds = score.seconds
    return f"{seconds:.1f} s a map" if seconds >= 0.95 else f"{max(1, round(1000 * seconds))} ms a map"
