"""What the tests of trust found: numbers, tables, a verdict in plain words; it draws and saves itself."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from saccade.atomic_files import write_text

Numbers = NDArray[np.float64]
Grade = Literal["prefer", "sound", "unspecific", "undecided", "distrust", "control"]

MEANINGS: Mapping[Grade, str] = {
    "prefer": "beats every control, passes every test, and no other is clearly better",
    "sound": "beats every control and passes every test; another is better",
    "unspecific": "beats every control, but other weights or another question give the same map",
    "undecided": "cannot be told from a control with so many photographs",
    "distrust": "fails a test",
    "control": "knows nothing of the model",
}


@dataclass(frozen=True)
class MethodScore:
    """How one method did.

    Attributes:
        method: Its name.
        title: Its name among people.
        score: Area under insertion less area under deletion, mean over fillers and photographs, with its interval.
        fillers: The same for each filler.
        margin: The score less that of the control that comes nearest, with its interval.
        nearest: That control.
        randomised: Rank correlation with the map after all weights were randomised, with its interval; None: not
            tested.
        learned: The score less that of the map with all weights randomised, on the true network: what the map owes to
            what the model has learned; None: not tested.
        direction: Rank correlation with the map of a random direction of the code; None: not tested.
        stability: Rank correlation with the map of the photograph with a little noise; None: not tested.
        located: How much of the map lies on the masks, by measure; empty without masks.
        seconds: Time that one map takes.
        grade: What follows; see `MEANINGS`.
        reasons: Why, in plain words.
    """

    method: str
    title: str
    score: tuple[float, float, float]
    fillers: Mapping[str, tuple[float, float, float]]
    margin: tuple[float, float, float] | None
    nearest: str
    randomised: tuple[float, float, float] | None
    learned: tuple[float, float, float] | None
    direction: tuple[float, float, float] | None
    stability: tuple[float, float, float] | None
    located: Mapping[str, tuple[float, float, float]]
    seconds: float
    grade: Grade
    reasons: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Do the maps tell the truth, on this model and these photographs?

    Attributes:
        method_scores: Every method and control, the best first.
        verdict: The answer in plain words, one sentence each.
        notes: What must be known to read it.
        cuts: For each filler the shares of pixels at which the similarity was measured.
        curves: For each filler (methods, 2, cuts): mean similarity, deletion first; methods as in `method_scores`.
        stages: The layers randomised last at each stage, from the code backwards.
        randomisation: (methods, stages): mean rank correlation; NaN where it was not tested.
        agreement: (methods, methods): mean rank correlation of maps.
        photographs: The names of those that took part.
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
    photographs: tuple[str, ...]
    skipped: tuple[str, ...]
    refused: Mapping[str, str]
    model: str
    layer: str
    settings: Mapping[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"Evaluation({len(self.method_scores)} methods and controls on {len(self.photographs)} photographs)"

    def __getitem__(self, method: str) -> MethodScore:
        """How one method did."""
        for each in self.method_scores:
            if each.method == method:
                return each
        raise KeyError(method)

    def to_json(self) -> dict[str, Any]:
        """Everything as plain numbers and texts."""
        return {
            "model": self.model,
            "layer": self.layer,
            "photographs": list(self.photographs),
            "skipped": list(self.skipped),
            "refused": dict(self.refused),
            "verdict": list(self.verdict),
            "notes": list(self.notes),
            "methods": [asdict(each) for each in self.method_scores],
            "curves": {
                name: {
                    "shares": self.cuts[name].tolist(),
                    "deletion": curves[:, 0].tolist(),
                    "insertion": curves[:, 1].tolist(),
                }
                for name, curves in self.curves.items()
            },
            "stages": list(self.stages),
            "randomisation": [[None if np.isnan(each) else float(each) for each in row] for row in self.randomisation],
            "agreement": self.agreement.tolist(),
            "settings": dict(self.settings),
        }

    def pictures(self, *, theme: str = "light") -> Mapping[str, Image.Image]:
        """A page for each test by name, the table of all first.

        Args:
            theme: `"light"` or `"dark"`.
        """
        from saccade.results.evaluation_pictures import pictures

        return pictures(self, theme)

    def table(self, *, theme: str = "light") -> Image.Image:
        """All tests on one page, with the verdict."""
        from saccade.results.evaluation_pictures import table

        return table(self, theme)

    def _repr_png_(self) -> bytes:
        """Shown by notebooks."""
        buffer = io.BytesIO()
        self.table().save(buffer, "PNG")
        return buffer.getvalue()

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the numbers as JSON; the file appears when it is whole.

        Raises:
            FileError: The folder is missing or cannot be written.
        """
        return write_text(path, json.dumps(self.to_json(), indent=1, ensure_ascii=False) + "\n")
