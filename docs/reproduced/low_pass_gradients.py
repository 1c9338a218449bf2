"""Does a low-pass filter make the gradients of a max-pooling encoder more faithful?

Muzellec et al. (2024), arXiv:2307.09591, find that max-pooling and strides put high frequencies into gradients which
nothing in the picture answers for, and that taking them away raises insertion minus deletion; for a ResNet-50 another
paper prints .294 to .308 (saliency), .343 to .354 (gradient SHAP) and .374 to .407 (integrated gradients). Asked again
of the model that ships with saccade, four convolutions with max-pooling, and of photos that it never saw.

    .venv/bin/python docs/reproduced/low_pass_gradients.py PHOTOS [--limit 48] [--model MODEL.keras]
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import saccade
from saccade.attribution.smoothing import gaussian_blur
from saccade.evaluation.batches import joined
from saccade.evaluation.intervals import intervals
from saccade.evaluation.photos import draw_photos
from saccade.evaluation.removal import scores
from saccade.evaluation.settings import Settings
from saccade.evaluation.setup import Setup

METHODS: dict[str, dict[str, Any]] = {
    "saliency": {},
    "smoothgrad": {},
    "integrated_gradients": {},
    "expected_gradients": {},
}
SIGMAS = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
"""Standard deviations in pixels."""
SHIPPED = Path(saccade.__file__).parent / "shipped" / "clothing-autoencoder.keras"


def score_of(setup: Setup, maps: NDArray[np.float32]) -> NDArray[np.float64]:
    """Insertion less deletion of each photo, the mean over the fillers."""
    parts = []
    for removal in setup.removals:
        batch = maps[removal.numbers.start : removal.numbers.stop]
        parts.append(scores(removal.curves(setup.ranks(batch, removal.numbers)), setup.settings.steps).mean(axis=0))
    return joined(parts, setup.batches)


def main() -> None:
    """Explain once without a filter, then filter the maps more and more."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos")
    parser.add_argument("--limit", type=int, default=48)
    parser.add_argument("--model", type=Path, default=SHIPPED)
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    arguments = parser.parse_args()
    encoder = saccade.load(arguments.model)
    images = draw_photos(encoder, arguments.photos, arguments.limit, 0).images
    setup = Setup.of(encoder, images, None, Settings(), None, None)
    print(f"{len(images)} photos")
    print("| method | " + " | ".join(f"{sigma:g} px" for sigma in SIGMAS) + " | best less none |")
    print("| --- |" + " ---: |" * (len(SIGMAS) + 1))
    figures: dict[str, list[float]] = {}
    for method, settings in METHODS.items():
        raw = saccade.explain(encoder, images, method, low_pass=0.0, **settings).heatmap
        rows = np.stack([score_of(setup, gaussian_blur(raw, sigma)) for sigma in SIGMAS])
        means = rows.mean(axis=1)
        gain = intervals((rows[means.argmax()] - rows[0])[None], 0, confidence=0.95, resamples=2000)[0]
        figures[method] = [float(each) for each in means]
        cells = " | ".join(f"{each:.3f}" for each in means)
        print(f"| {method} | {cells} | {gain.mean:+.3f} [{gain.low:+.3f}, {gain.high:+.3f}] |", flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
