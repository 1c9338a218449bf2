"""Which method should make the first picture? Settings and questions side by side, on photos the model never saw.

For each candidate: insertion minus deletion on the similarity of centred codes (mean over three fillers, 95 % interval
over photos); the rank correlation of its map with that of networks of the same shape with fresh weights (the mean of
two) and with all weights shuffled; and the rank correlation with plain local contrast. A first picture should score as
high as the best and change most with the weights.

    .venv/bin/python docs/reproduced/default_method.py PHOTOS [--limit 24] [--model MODEL] [--layer NAME] [--size H,W]
                                                       [--only "WORDS,WORDS"] [--twins-on N] [--json FILE]

With --json every finished row is written to FILE, and a second start with the same model and photos goes on from there.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

import saccade
from saccade import targets
from saccade.atomic_files import atomic_file
from saccade.attribution.smoothing import gaussian_blur
from saccade.encoder import Encoder
from saccade.errors import NotApplicable
from saccade.evaluation.agreement import on_grid, rank_correlation
from saccade.evaluation.batches import joined
from saccade.evaluation.controls import CONTROLS, Control, local_contrast
from saccade.evaluation.intervals import intervals
from saccade.evaluation.photos import draw_photos
from saccade.evaluation.removal import scores
from saccade.evaluation.settings import Settings
from saccade.evaluation.setup import Setup
from saccade.models.randomisation import randomised, weighted_layers

Maps = NDArray[np.float32]
SHIPPED = Path(saccade.__file__).parent / "shipped" / "clothing-autoencoder.keras"
BLUR_IG = "blur_integrated_gradients"


@dataclass(frozen=True)
class Candidate:
    """A method with its settings, and what it explains.

    Attributes:
        words: Its row in the table.
        method: Its name.
        settings: What differs from the defaults.
        question: `"code"`; `"centred"`, the code less the mean code of the photos; or `"whitened"`, where each
            channel is then divided by its standard deviation over photos and places.
        then: What is done to the map.
    """

    words: str
    method: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    question: Literal["code", "centred", "whitened"] = "code"
    then: Callable[[Maps], Maps] = lambda maps: maps


def candidates(cell: int) -> list[Candidate]:
    """What is tried; lengths follow the size of a code cell in pixels."""
    return [
        Candidate("blur integrated gradients (8 steps or more, to 5 %)", BLUR_IG),
        Candidate("... 32 steps", BLUR_IG, {"steps": 32}),
        Candidate("... from a blur of one cell", BLUR_IG, {"steps": 16, "blur": float(cell)}),
        Candidate("... low pass of half a cell", BLUR_IG, {"low_pass": cell / 2}),
        Candidate(
            "... magnitude, then low pass", BLUR_IG, {"low_pass": 0.0}, then=lambda m: gaussian_blur(abs(m), cell / 4)
        ),
        Candidate("... of the centred code", BLUR_IG, question="centred"),
        Candidate("... of the whitened code", BLUR_IG, question="whitened"),
        Candidate("occlusion", "occlusion"),
        Candidate("occlusion, holes of half a cell", "occlusion", {"patch": max(cell // 2, 1)}),
        Candidate("occlusion, holes of two cells", "occlusion", {"patch": 2 * cell}),
        Candidate("occlusion of the centred code", "occlusion", question="centred"),
        Candidate("RELAX, 256 masks", "relax", {"masks": 256}),
        Candidate("integrated gradients from the blur", "integrated_gradients"),
        Candidate("integrated gradients of the centred code", "integrated_gradients", question="centred"),
        Candidate("integrated gradients from the mean colour", "integrated_gradients", {"baseline": "mean"}),
        Candidate("expected gradients", "expected_gradients"),
        Candidate("saliency", "saliency"),
        Candidate("SmoothGrad", "smoothgrad"),
        Candidate("VarGrad", "vargrad"),
        Candidate("LayerCAM", "layer_cam"),
        Candidate("Eigen-CAM", "eigen_cam"),
        Candidate("activation energy", "activation_energy"),
    ]


def explained(encoder: Encoder, images: Any, candidate: Candidate) -> Maps:
    """The candidate's maps at the size of the images; the mean is that of the network as it is now."""
    if candidate.question == "whitened":
        # <W f(x'), W (f(x) - m)> with W diagonal is the projection on W² (f(x) - m), a vector of each photo's own.
        codes = encoder.codes(images)
        away = codes - codes.mean(axis=0)
        spread = away.std(axis=tuple(range(away.ndim - 1)))
        vectors = away / np.maximum(spread, 1e-3 * spread.max()) ** 2
        maps = [
            saccade.explain(encoder, images[row], candidate.method, targets.direction(vector), **candidate.settings)
            for row, vector in enumerate(vectors)
        ]
        return np.asarray(candidate.then(np.concatenate([each.heatmap for each in maps])), np.float32)
    target = targets.centred(images) if candidate.question == "centred" else None
    attribution = saccade.explain(encoder, images, candidate.method, target, **candidate.settings)
    return np.asarray(candidate.then(attribution.heatmap), np.float32)


def score_of(setup: Setup, maps: Maps) -> NDArray[np.float64]:
    """Insertion less deletion of each photo, the mean over the fillers."""
    parts = []
    for removal in setup.removals:
        batch = maps[removal.numbers.start : removal.numbers.stop]
        parts.append(scores(removal.curves(setup.ranks(batch, removal.numbers)), setup.settings.steps).mean(axis=0))
    return joined(parts, setup.batches)


def likeness(a: Maps, b: Maps) -> float:
    """The mean rank correlation of magnitudes."""
    return float(rank_correlation(on_grid(np.abs(a)), on_grid(np.abs(b))).mean())


def _is_named(words: str, only: str) -> bool:
    return any(part.strip() in words for part in only.split(","))


class Rows:
    """The rows of the table, each written down as soon as it is finished.

    Attributes:
        finished: By words; `None` for a candidate that this model cannot be asked.
    """

    def __init__(self, file: Path | None, about: dict[str, Any]) -> None:
        self.file, self.about = file, about
        self.finished: dict[str, dict[str, Any] | None] = {}
        if file is not None and file.exists():
            saved = json.loads(file.read_text(encoding="utf-8"))
            if saved["about"] != about:
                raise SystemExit(f"{file} holds the rows of another model or of other photos; name another file.")
            self.finished = saved["rows"]

    def take(self, words: str, compute: Callable[[], dict[str, Any] | None]) -> None:
        """Make a row, unless it is there already."""
        if words in self.finished:
            return
        started = time.monotonic()
        self.finished[words] = compute()
        print(f"{words}: {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
        if self.file is not None:
            with atomic_file(self.file) as part:
                part.write_text(json.dumps({"about": self.about, "rows": self.finished}, indent=1), encoding="utf-8")


def row_of(setup: Setup, candidate: Candidate, contrast: Maps, twins_on: int) -> dict[str, Any] | None:
    """The figures of a candidate: its score, and how alike its map is to those of networks that learned nothing.

    Args:
        setup: What all candidates are scored with.
        candidate: What is tried.
        contrast: The local contrast of the photos.
        twins_on: On so many of the photos the networks that learned nothing are asked.
    """
    encoder, images = setup.encoder, setup.images
    few = images[:twins_on]
    layers = weighted_layers(encoder.network, encoder.layer)
    try:
        maps = explained(encoder, images, candidate)
        fresh, shuffled = [], []
        for seed in (0, 1):
            with randomised(encoder.network, layers, seed, untrained=True):
                fresh.append(likeness(maps[:twins_on], explained(encoder, few, candidate)))
        with randomised(encoder.network, layers, 0):
            shuffled.append(likeness(maps[:twins_on], explained(encoder, few, candidate)))
    except NotApplicable as error:
        print(f"left out, {candidate.words}: {error}", file=sys.stderr)
        return None
    return {
        "scores": score_of(setup, maps).tolist(),
        "fresh": float(np.mean(fresh)),
        "shuffled": float(np.mean(shuffled)),
        "contrast": likeness(maps, contrast),
    }


def row_of_control(setup: Setup, control: Control) -> dict[str, Any]:
    """The score of a map that knows nothing of the model."""
    array = setup.images.array
    drawn = [control.draw(array[b.start : b.stop], b, setup.cell / 4, 0) for b in setup.batches]
    return {"scores": score_of(setup, joined(drawn, setup.batches)).tolist()}


def main() -> None:
    """Score every candidate, then ask the same of networks that have learned nothing."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos")
    parser.add_argument("--limit", type=int, default=24)
    parser.add_argument("--model", default=str(SHIPPED))
    parser.add_argument("--layer")
    parser.add_argument("--size", type=lambda text: tuple(int(side) for side in text.split(",")))
    parser.add_argument("--only", help="candidates whose row holds one of these words, with commas between")
    parser.add_argument(
        "--twins-on", type=int, default=1000, help="photos on which networks that learned nothing are asked"
    )
    parser.add_argument("--json", type=Path, help="write each finished row to this file, and go on from it")
    arguments = parser.parse_args()
    encoder = saccade.load(arguments.model, layer=arguments.layer, size=arguments.size)
    images = draw_photos(encoder, arguments.photos, arguments.limit, 0).images
    setup = Setup.of(encoder, images, None, Settings(), None, None)
    contrast = local_contrast(images.array, max(setup.cell / 4, 1.0))
    rows = Rows(arguments.json, {"model": encoder.name, "layer": encoder.layer, "photos": list(images.names)})
    for control in CONTROLS:
        rows.take(f"{control.title.lower()} (control)", partial(row_of_control, setup, control))
    for candidate in candidates(setup.cell):
        if not arguments.only or _is_named(candidate.words, arguments.only):
            rows.take(candidate.words, partial(row_of, setup, candidate, contrast, arguments.twins_on or len(images)))
    # Controls are quick, so a mistake shows soon; in the table they stand last.
    finished = sorted(rows.finished.items(), key=lambda item: "(control)" in item[0])
    table = {words: row for words, row in finished if row is not None}
    print(f"{encoder.name}, {encoder.layer}, {len(images)} photos\n")
    print("| map | score | fresh weights | shuffled weights | local contrast |\n| --- | --- | ---: | ---: | ---: |")
    spans = intervals(np.stack([row["scores"] for row in table.values()]), 0, confidence=0.95, resamples=2000)
    for (words, row), span in zip(table.items(), spans, strict=True):
        rest = " | ".join(f"{row[name]:.2f}" if name in row else "" for name in ("fresh", "shuffled", "contrast"))
        print(f"| {words} | {span.mean:.3f} [{span.low:.3f}, {span.high:.3f}] | {rest} |")


if __name__ == "__main__":
    main()
