"""How one method did in an evaluation, and the grade that follows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

Grade = Literal["prefer", "sound", "unspecific", "undecided", "fails", "control"]

GRADES: Mapping[Grade, str] = {
    "prefer": "prefer",
    "sound": "sound",
    "unspecific": "true, but any network of this shape would say so",
    "undecided": "not told from a control",
    "fails": "do not trust",
    "control": "control",
}
"""Each grade in the words of every page, table and document; `evaluation.verdict` says what it takes."""


class Estimate(NamedTuple):
    """A mean over photos, and where it would lie with other photos of the same kind."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class MethodScore:
    """How one method did.

    Attributes:
        method: Its name.
        title: Its name for people.
        score: Area under insertion less area under deletion, mean over fillers and photos.
        fillers: The same for each filler.
        margin: The score less that of the control that comes nearest; None for a control.
        nearest: That control.
        randomised: Rank correlation with the map of the model with all weights randomised; None: not tested.
        owed_to_weights: The score less that of the map of the randomised model, both on the trained model: what the map
            owes to the trained weights; None: not tested.
        direction: Rank correlation with the map of a random direction of the code; None: not tested.
        stability: Rank correlation with the map of the photo with a little noise; None: not tested.
        equivariance: Rank correlation of the map with that of the mirrored and the shifted photo, moved back; None: not
            tested. About 1 for a network without places of its own, less where it treats places differently.
        localisation: How much of the map lies on the masks, by measure; empty without masks.
        seconds: Time that one map takes.
        grade: What follows; see `GRADES`.
        reasons: Why, in plain words.
    """

    method: str
    title: str
    score: Estimate
    fillers: Mapping[str, Estimate]
    margin: Estimate | None
    nearest: str
    randomised: Estimate | None
    owed_to_weights: Estimate | None
    direction: Estimate | None
    stability: Estimate | None
    equivariance: Estimate | None
    localisation: Mapping[str, Estimate]
    seconds: float
    grade: Grade
    reasons: tuple[str, ...]

    @property
    def verdict(self) -> str:
        """The grade in words, as in `GRADES`."""
        return GRADES[self.grade]

    @property
    def is_control(self) -> bool:
        """Does it know nothing of the model?"""
        return self.grade == "control"
