"""What an evaluation of methods found: numbers, tables, and the answer in plain words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from saccade.arguments import checks_arguments
from saccade.results import evaluation_pages as pages
from saccade.results.method_score import MethodScore
from saccade.results.plain_values import plain
from saccade.results.result import Result

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Ceiling:
    """What a map could score: on each photo the best order that is known, of all maps tested and of a search.

    Attributes:
        score: Of these orders, the mean over photos.
        method: The best method's name for people.
        method_score: Its score on the same photos.
        photos: How many photos were searched.
        improved: On how many of them the search found a better order than every map.
    """

    score: float
    method: str
    method_score: float
    photos: int
    improved: int

    @property
    def sentence(self) -> str:
        """In plain words."""
        share = f", {100 * self.method_score / self.score:.0f} % of it" if self.score > 0 else ""
        photos = f"{self.photos} photo{'' if self.photos == 1 else 's'}"
        return (
            f"The best orders known for {photos}, by all maps and by a search that swaps blocks, score "
            f"{self.score:.3f}; {self.method} {self.method_score:.3f}{share}."
        )


@dataclass(frozen=True, eq=False)
class Evaluation(Result):
    """Do the maps tell the truth, on this model and these photos?

    Attributes:
        method_scores: Every method and control, the best first.
        verdict: The answer in plain words, one sentence each.
        notes: What must be known to read it.
        cuts: For each filler the shares of pixels at which the similarity was measured.
        curves: For each filler (methods, 2, cuts): mean similarity, deletion first; methods as in `method_scores`.
        stages: The layers randomised last at each stage, from the code backwards.
        randomisation: (methods, stages): mean rank correlation; NaN where it was not tested.
        agreement: (methods, methods): mean rank correlation of maps.
        worsened: By kind of worsening, the mean score of the best method's maps at each level, the original first.
        ordered: By kind, whether the score falls as maps get worse: where it does not, no score here can be trusted.
        ceiling: The best order known for some photos; None: not searched.
        photos: The names of those that took part.
        checked: How many of them the tests beside deletion and insertion took.
        skipped: Why others could not be used.
        refused: Methods that cannot answer for this model, and why.
        model: The model's name.
        layer: The layer that was read.
        settings: What was tested how often.
    """

    method_scores: tuple[MethodScore, ...]
    verdict: tuple[str, ...]
    notes: tuple[str, ...]
    cuts: Mapping[str, Numbers]
    curves: Mapping[str, Numbers]
    stages: tuple[str, ...]
    randomisation: Numbers
    agreement: Numbers
    worsened: Mapping[str, Numbers]
    ordered: Mapping[str, bool]
    ceiling: Ceiling | None
    photos: tuple[str, ...]
    checked: int
    skipped: tuple[str, ...]
    refused: Mapping[str, str]
    model: str
    layer: str
    settings: Mapping[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"Evaluation({len(self.method_scores)} methods and controls on {len(self.photos)} photos)"

    def __getitem__(self, method: str) -> MethodScore:
        """How one method did."""
        for score in self.method_scores:
            if score.method == method:
                return score
        raise KeyError(method)

    # Pages

    @checks_arguments
    def table(self, *, theme: str = "light") -> Image.Image:
        """All tests on one page, with the verdict.

        Args:
            theme: `"light"` or `"dark"`.
        """
        notes = [self._about, "; ".join(self.notes)]
        if self.refused:
            notes.append(f"Not applicable here: {', '.join(self.refused)}.")
        return pages.table(self.method_scores, self.verdict, notes, theme)

    @checks_arguments
    def pages(self, *, theme: str = "light") -> Mapping[str, Image.Image]:
        """A page for each test by name, the table of all first; those of tests that were not made are left out.

        Args:
            theme: `"light"` or `"dark"`.
        """
        scores, about = self.method_scores, self._about
        drawn = {
            "table": self.table(theme=theme),
            "ranking": pages.ranking(scores, list(self.cuts), self.settings["confidence"], about, theme),
            "curves": pages.removal(scores, self.cuts, self.curves, about, theme),
            "randomised": pages.randomisation(scores, self.stages, self.randomisation, about, theme),
            "stability": pages.stability(scores, self.checked, about, theme),
            "agreement": pages.agreement(scores, self.agreement, about, theme),
            "localisation": pages.localisation(scores, about, theme),
        }
        return {name: page for name, page in drawn.items() if page is not None}

    def page(self, **drawing: Any) -> Image.Image:
        """`table`, which says what it takes."""
        return self.table(**drawing)

    # Numbers on disk

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The curves and cuts of each filler, `randomisation`, and `agreement`; methods as in `method_scores`."""
        return {
            **{f"cuts.{name}": cuts for name, cuts in self.cuts.items()},
            **{f"curves.{name}": curves for name, curves in self.curves.items()},
            "randomisation": self.randomisation,
            "agreement": self.agreement,
        }

    def provenance(self) -> dict[str, Any]:
        """Model, layer, photos, methods, settings, notes, and what was left out."""
        return {
            "model": self.model,
            "layer": self.layer,
            "photos": self.photos,
            "checked": self.checked,
            "method_names": [score.method for score in self.method_scores],
            "settings": self.settings,
            "notes": self.notes,
            "skipped": self.skipped,
            "refused": self.refused,
        }

    def to_dict(self) -> dict[str, Any]:
        """How it was made, the verdict, and all numbers."""
        numbers: dict[str, Any] = plain(
            {
                "verdict": self.verdict,
                "methods": self.method_scores,
                "curves": {
                    name: {"shares": self.cuts[name], "deletion": curves[:, 0], "insertion": curves[:, 1]}
                    for name, curves in self.curves.items()
                },
                "stages": self.stages,
                "randomisation": self.randomisation,
                "agreement": self.agreement,
                "worsened": self.worsened,
                "ordered": self.ordered,
                "ceiling": self.ceiling,
            }
        )
        return {**super().to_dict(), **numbers}

    @property
    def _about(self) -> str:
        return f"code {self.layer} of {self.model}, {len(self.photos)} photos"
