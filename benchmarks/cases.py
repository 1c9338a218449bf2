"""The questions that are timed: a method with its settings, and how many passes its floor has."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import nets
import numpy as np
from nets import Array, Subject

import saccade
from saccade.methods import find
from saccade.targets.noise import NormalPoints

NOISE, PATCH, STRIDE, SAMPLED_CELLS, SAMPLED_FORWARDS = 0.1, 16, 8, 14, 250


@dataclass(frozen=True)
class Case:
    """One question.

    Attributes:
        name: In words, for the page.
        key: Which question of the peers it is.
        method: saccade's method, or `"cells"`.
        pictures: (images, height, width, channels).
        settings: Of the method.
        passes: Passes of the floor, samples of the peers.
        floor: Which floor: `"gradients"`, `"forwards"`, `"cells"`, `"layer_slope"`, `"layer_forward"`, `"suffixes"`.
        compared: Settings with which the results are compared, where others are timed.
        sparse: The step down and across of the holes that a peer is given.
        patch: Side of a hole in pixels.
        scale: By how much a peer's time is multiplied, since it does a part of the work only.
        at: A layer other than the one by default, as the encoder alone names it.
    """

    name: str
    key: str
    method: str
    pictures: Array
    settings: dict[str, Any] = field(default_factory=dict)
    passes: int = 1
    floor: str = ""
    compared: dict[str, Any] = field(default_factory=dict)
    sparse: tuple[int, int] = (STRIDE, STRIDE)
    patch: int = PATCH
    scale: float = 1.0
    at: str | None = None

    def run(self, encoder: saccade.Encoder, settings: dict[str, Any] | None = None) -> Any:
        """Saccade's answer, the whole way a user gets it."""
        if self.method == "cells":
            return saccade.cells(encoder, self.pictures)
        return saccade.explain(encoder, self.pictures, self.method, **(settings or self.settings))

    def bare(self, encoder: saccade.Encoder) -> Callable[[], Any]:
        """The method alone, without smoothing; codes are computed once, as within `saccade.explain`."""
        method, target = find(self.method), saccade.targets.code()

        return lambda: method(encoder, self.pictures, target, **self.settings, low_pass=0.0)

    @property
    def deviation(self) -> float:
        """The noise in the picture's own units."""
        return float(NOISE * (self.pictures.max() - self.pictures.min()))

    def noise(self) -> Array:
        """Saccade's own noise, for the comparison of results."""
        return np.asarray(NormalPoints(0, self.passes, self.pictures.shape[1:]).take(0, self.passes)["noise"])


def planned(subject: Subject, quick: bool) -> list[Case]:
    """The same with small counts if it is only to be seen that everything runs."""
    return [_few(case) if quick else case for case in cases(subject)]


def _few(case: Case) -> Case:
    few = {name: min(case.settings[name], 32) for name in ("steps", "masks") if name in case.settings}
    return replace(case, settings=case.settings | few, passes=min(case.passes, 32))


def cases(subject: Subject) -> Iterator[Case]:
    """What is asked of this model, the most telling first."""
    one, eight = nets.picture(subject.size), nets.picture(subject.size, 8)
    if subject.net == "dense":
        # Asked about is only what a vector code makes dearer: nothing can be shared there.
        yield _occlusion(subject, one, False)
        return
    small = subject.net != "reference"
    samples, steps = (8, 8) if small else (25, 50)
    large = subject.size > 224
    if large:
        # Here the holes are what is asked about; everything else is as at 224 px, only slower.
        yield _occlusion(subject, one, small)
    yield Case("saliency, 1 picture", "saliency", "saliency", one, passes=1, floor="gradients")
    if not small:
        yield Case("saliency, 8 pictures", "saliency", "saliency", eight, passes=8, floor="gradients")
    noisy = {"samples": samples, "noise": NOISE}
    yield Case(f"SmoothGrad, {samples} samples", "smoothgrad", "smoothgrad", one, noisy, samples, "gradients")
    path = {"steps": steps, "baseline": "black"}
    yield Case(
        f"integrated gradients, {steps} steps", "integrated_gradients", "integrated_gradients", one, path, steps,
        "gradients",
    )  # fmt: skip
    if not large:
        yield _occlusion(subject, one, small)
    if not small:
        cells = (subject.size // 16) ** 2
        yield Case(f"all {cells} cells", "cells", "cells", one, passes=cells, floor="cells")
    yield Case("eigen-CAM", "eigen_cam", "eigen_cam", one, floor="layer_forward")
    yield Case("Grad-CAM", "grad_cam", "grad_cam", one, {"centred": False}, floor="layer_slope")
    yield Case("LayerCAM", "layer_cam", "layer_cam", one, floor="layer_slope")
    yield Case("input x gradient", "input_x_gradient", "input_x_gradient", one, passes=1, floor="gradients")
    masks = 64 if small else 1000
    yield Case(f"RELAX, {masks:,} masks", "relax", "relax", one, {"masks": masks}, masks, "forwards")
    if not small:
        yield Case("Jacobian energy", "jacobian_energy", "jacobian_energy", one)
        yield Case("ablation-CAM", "ablation_cam", "ablation_cam", one, floor="suffixes")
    if subject.framework == "torch" and subject.net == "reference" and subject.size <= 224:
        earlier = {"at": "encoder.elu_3"}
        yield Case(
            "eigen-CAM, a layer earlier", "eigen_cam", "eigen_cam", one, earlier, floor="layer_forward", at="elu_3"
        )


def _occlusion(subject: Subject, picture: Array, small: bool) -> Case:
    size = subject.size
    black = {"filler": 0.0, "low_pass": 0.0}
    if small:
        holes = (size // 32) ** 2
        grid = {"patch": 32, "stride": 32, **black}
        return Case(
            f"occlusion 32/32, {holes} holes", "occlusion", "occlusion", picture, grid, sparse=(32, 32), patch=32
        )
    across = (size - PATCH) // STRIDE + 1
    # A peer is given every second row of holes, and every ninth of a large picture, so that the last row is among them;
    # Captum takes no step above a hole.
    apart = {128: 1, 224: 2, 448: 9}.get(size, 3)
    sparse = (STRIDE * apart, STRIDE)
    if subject.framework == "torch":
        sparse = (STRIDE * apart if size > 224 else PATCH, PATCH)
    sparse_holes = ((size - PATCH) // sparse[0] + 1) * ((size - PATCH) // sparse[1] + 1)
    return Case(
        f"occlusion {PATCH}/{STRIDE}, {across * across} holes",
        "occlusion",
        "occlusion",
        picture,
        {"patch": PATCH, "stride": STRIDE, **black},
        compared={"patch": PATCH, "stride": sparse, **black},
        sparse=sparse,
        scale=across * across / sparse_holes,
    )
