"""Expected gradients: integrated gradients from many pictures that could stand for "nothing", averaged."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from saccade.attribution.contributions import repeated, scores_at
from saccade.attribution.gradient_maps import contribution_map
from saccade.attribution.method import Map, method
from saccade.attribution.scale import cell_size
from saccade.attribution.smoothing import gaussian_blur
from saccade.encoder import Encoder
from saccade.engines import Objective
from saccade.errors import InputError, UnknownName
from saccade.targets import Target
from saccade.targets.paths import STRATIFIED, ArrayPoints
from saccade.typing import Array

NAMES = ("blur", "blur:K", "mean", "black", "white")
OWN = "blur,blur:2,blur:4,mean,black,white"
_AT_ONCE = 32
"""Baselines of one picture that lie in memory together."""


@method(
    title="Expected gradients",
    plain="the picture grows out of many starting points, and every pixel gets its fair share over all of them",
    source="Erion et al. (2021), Nature Machine Intelligence 3, arXiv:1906.10670; also known as Gradient SHAP "
    "(Lundberg and Lee 2017, arXiv:1705.07874)",
    passes="one forward and backward per baseline and step",
)
def expected_gradients(
    encoder: Encoder,
    images: Array,
    target: Target,
    *,
    baselines: str | Sequence[Any] | Array = OWN,
    steps: int = 8,
    seed: int = 0,
    low_pass: float | None = None,
) -> Map:
    """How much does each pixel add to the target, whatever stands for "nothing"?

    m = mean over baselines b and times t of  (x - b) * d target(b + t (x - b)) / dx, summed over channels. Every
    baseline is used `steps` times with equal weight. The way is cut into as many strata as there are pairs of baseline
    and step; every stratum holds one time, and every baseline has one time in each of `steps` equal parts of the way.
    The sum of `raw` over a picture is target(x) minus the mean of target(b), up to the gap given in `scores`.

    Args:
        encoder: The model and its code.
        images: (images, height, width, channels).
        target: What is explained.
        baselines: What may count as nothing. Names, in one text with commas or as a list: `"blur"` (the picture's own
            blur by one code cell), `"blur:K"` (by K cells), `"mean"` (its mean colour), `"black"`, `"white"`; or other
            pictures for all: a list of paths or PIL images, also mixed with names, or an array (baselines, height,
            width, channels) in the model's range of values.
        steps: Times per baseline; one is enough for a hundred baselines.
        seed: Fixes which baseline gets which times.
        low_pass: Standard deviation in pixels of the smoothing of the view; by default a quarter of a code cell.

    Returns:
        A signed map per pixel; `raw` is (images, height, width, channels).

    Raises:
        InputError: `steps` below 1, no baselines, or baselines of another shape.
        UnknownName: No such baseline, and no such file.
    """
    if steps < 1:
        raise InputError(f"steps={steps}: give 1 or more.")
    starts, names = _baselines(encoder, images, target, baselines)
    count = len(starts)
    asked = encoder.objective(images, target)
    rng = np.random.default_rng(seed)
    phases = ((rng.permutation(count) + 0.5) / count).astype(np.float32)
    points = ArrayPoints(
        {
            "stratum": np.arange(steps, dtype=np.float32),
            "shift": (rng.integers(count, size=steps) / count).astype(np.float32),
            "length": np.full(steps, 1 / steps, np.float32),
        }
    )
    raw = np.zeros(images.shape)
    at_start = np.zeros(len(images))
    # Each way holds the picture, its baseline, and what is made of both, here and on the device.
    at_once = max(1, min(_AT_ONCE, encoder.engine.memory // (64 * images[0].nbytes)))
    for number, image in enumerate(images):
        alone = Objective(asked.measure, asked.layer, asked.reference[number : number + 1])
        for first in range(0, count, at_once):
            chosen = slice(first, min(first + at_once, count))
            some = np.stack([np.broadcast_to(each, images.shape)[number] for each in starts[chosen]])
            rows = np.ascontiguousarray(np.broadcast_to(image, some.shape))
            fixed = {"baseline": some, "phase": phases[chosen]}
            gradients = encoder.engine.gradient(rows, repeated(alone, len(some)), STRATIFIED, points, fixed)
            raw[number] += ((rows - some) * gradients).sum(axis=0, dtype=np.float64) / count
            at_start[number] += scores_at(encoder, alone, some[:, None]).sum() / count
    score = scores_at(encoder, asked, images[None])[0]
    return contribution_map(
        encoder,
        raw.astype(np.float32),
        target,
        low_pass,
        units=f"part of the change of {target.gradient_units}, per pixel",
        notes=(f"from {_in_words(names)}",),
        settings={"baselines": names, "steps": steps, "seed": seed},
        scores={
            "score": score,
            "score_at_baseline": at_start,
            "completeness_gap": raw.sum(axis=(1, 2, 3)) - (score - at_start),
        },
    )


def _baselines(
    encoder: Encoder, images: Array, target: Target, given: str | Sequence[Any] | Array
) -> tuple[list[NDArray[np.float32]], tuple[str, ...]]:
    """The baselines, each (images or 1, height, width, channels), and what to call them."""
    if isinstance(given, np.ndarray):
        if given.ndim != 4 or not len(given) or given.shape[1:] != images.shape[1:]:
            wanted = ", ".join(map(str, images.shape[1:]))
            raise InputError(f"baselines of shape {given.shape} do not fit; give (baselines, {wanted}).")
        pictures = np.asarray(given, np.float32)
        return [each[None] for each in pictures], ("given",) * len(given)
    found: list[NDArray[np.float32]] = []
    names: list[str] = []
    for each in given.split(",") if isinstance(given, str) else given:
        name = str(each).strip() if isinstance(each, (str, Path)) else ""
        own = _own(encoder, images, target, name) if isinstance(each, str) else None
        if own is None:
            if isinstance(each, str) and not Path(name).is_file():
                raise UnknownName.of("baseline", name, NAMES, hint="Or give the path of a picture.")
            own = encoder.read([name or each]).array
            if own.shape[1:] != images.shape[1:]:
                raise InputError(
                    f"a baseline of {own.shape[1]}x{own.shape[2]} for pictures of {images.shape[1]}x{images.shape[2]}; "
                    "give baselines of the same size."
                )
            name = Path(name).name or "given"
        found.append(own)
        names.append(name)
    if not found:
        raise InputError(f"no baselines were given; give pictures, or some of {', '.join(NAMES)}.")
    return found, tuple(names)


def _own(encoder: Encoder, images: Array, target: Target, name: str) -> NDArray[np.float32] | None:
    """The baseline that a name stands for, or None when it is no name."""
    if name in ("black", "white"):
        return np.full((1, *images.shape[1:]), encoder.value_range[name == "white"], np.float32)
    if name == "mean":
        return np.asarray(images.mean(axis=(1, 2), keepdims=True))
    kind, _, cells = name.partition(":")
    if kind != "blur":
        return None
    try:
        width = float(cells or 1) * max(cell_size(encoder, (images.shape[1], images.shape[2]), target))
    except ValueError as error:
        raise InputError(
            f"baseline {name!r} cannot be read; give blur:K, such as blur:2 for two code cells."
        ) from error
    if not width > 0:
        raise InputError(f"baseline {name!r}: give more than 0 code cells.")
    return gaussian_blur(images, width)


def _in_words(names: Sequence[str]) -> str:
    if len(names) == 1:
        return names[0]
    return f"{len(names)} baselines: {', '.join(names)}" if len(names) <= 8 else f"{len(names)} baselines"
