"""The page of a similarity: both photos, what each place adds to the score, and the words around them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PIL import Image

from saccade.picture import Panel, figure, pair
from saccade.picture.pair import score_text
from saccade.results.framing import framed
from saccade.results.result import sentence

if TYPE_CHECKING:
    from saccade.results.similarity import Similarity

_TITLE = "How alike are these two, and why?"
_UNIT = "what this place adds to the similarity"
_MEANING = {
    "place": (
        "Orange: here both photos hold much the same at the same place, and that raised the similarity. "
        "Blue: here they speak against each other, and that lowered it. "
        "All places together make the number in the middle."
    ),
    "anywhere": (
        "Orange: this part is like something in the other photo, wherever it lies there. "
        "Blue: this part is unlike the other photo. In each photo, all places together make the number in the middle."
    ),
}
_SCALE_OF_SCORES = "1 would be the same, 0 nothing in common, \u22121 the opposite."
_NOT_CENTRED = "Any two photos have much in common: a reference collection would take off what all of them share."


def similarity_page(why: Similarity, *, theme: str, smooth: bool, opacity: float, width: int) -> Image.Image:
    """Draw a similarity; `Similarity.figure` says what it takes."""
    photos = [framed(photo) for photo in why.photos]
    if not why.places:
        return figure(
            [Panel(Image.fromarray(photo), name) for photo, name in zip(photos, why.names, strict=True)],
            title=f"How alike are these two? {score_text(why.score)}",
            caption=_scale_of_scores(why),
            notes=_small_print(why),
            theme=theme,
            width=width,
        )
    return pair(
        photos[0],
        photos[1],
        why.shares_a,
        why.shares_b,
        why.scale(),
        score=why.score,
        score_name=_score_name(why),
        names=why.names,
        unit=_UNIT,
        title=_TITLE,
        caption=[_meaning(why), *_scale_of_scores(why)],
        notes=_small_print(why, smooth),
        smooth=smooth,
        opacity=opacity,
        theme=theme,
        width=width,
    )


def _scale_of_scores(why: Similarity) -> list[str]:
    return [_SCALE_OF_SCORES, *([sentence(why.typical)] if why.typical else [])]


def _meaning(why: Similarity) -> str:
    """What the colours mean; with special tokens the places alone do not make the score."""
    adding = "All places and the special tokens make" if why.special else "All places together make"
    return _MEANING[why.matching].replace("All places together make", adding)


def _score_name(why: Similarity) -> str:
    if not why.centred:
        return "similarity"
    return f"similarity beyond the mean of {why.references} photos" if why.references else "similarity beyond the mean"


def _small_print(why: Similarity, smooth: bool = True) -> list[str]:
    measure = "Cosine similarity of the codes"
    if why.matching == "anywhere":
        measure = "Cosine similarity of the mean cells of the codes"
    if why.centred:
        of = f" of {why.references} photos" if why.references else ", as given"
        measure += f", after taking off the mean code{of}"
    lines = [f"{measure}, layer {why.layer} of {why.model}."]
    if why.places:
        grids = {f"{shares.shape[1]}x{shares.shape[0]}" for shares in (why.shares_a, why.shares_b)}
        lines[0] += f" Real grid {' and '.join(sorted(grids))}{', smoothed for display' if smooth else ''}."
    lines += [] if why.centred else [_NOT_CENTRED]
    return lines + [sentence(note) for note in why.notes]
